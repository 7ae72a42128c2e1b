"""Python programs that print the numbers of the gradients page, one for each of its views."""

from __future__ import annotations

from .arrays import CURVE
from .estimators import Method, contestants
from .settings import GradientSettings
from .temperature_view import CURVE_ESTIMATES

__all__ = ["curve_snippet", "descent_snippet", "race_snippet", "side_by_side_snippet"]

_HEAD = """\
import torch

from hypergeo import FisherHypergeometric
{imports}

total_count = {total_count}
group_sizes = {group_sizes}
log_weights = torch.tensor({weights}, dtype=torch.float64).log()
{objective}
"""

_GRADIENTS = """

def gradients(estimator, log_weights, number, num_samples):
    logs = log_weights.repeat(number, 1).requires_grad_()  # one row per estimate
    distribution = FisherHypergeometric(total_count, group_sizes, log_weights=logs)
    estimator.surrogate_loss(distribution, objective, num_samples).sum().backward()
    return logs.grad


def compare(estimates, exact):
    error = estimates.mean(0) - exact
    noise = estimates.var(0).sum() / len(estimates)
    bias = (error.square().sum() - noise).clamp(min=0).sqrt() / exact.norm()
    return bias.item(), (estimates.var(0).sum().sqrt() / exact.norm()).item()

"""

_DESCENT = """
estimator = {estimator}
record = descend(
    estimator, objective, total_count, group_sizes, log_weights.tolist(),
    steps={step}, learning_rate={rate:g}, num_samples={draws}, seed={seed}, optimizer="{optimizer}",
    separable=True,  # the objective is a sum over the groups, so its expectation is exact at any size
)
print("mean counts:", [round(x, 3) for x in record.means[-1].tolist()])
print(f"expected loss: {{record.losses[-1]:.4g}}")

torch.manual_seed({arrow_seed})
now = torch.from_numpy(record.log_weights[-1])
exact = torch.from_numpy(record.exact_gradients[-1])
estimates = gradients(estimator, now, {number}, {draws})
bias, deviation = compare(estimates, exact)
print("exact gradient:       ", [round(x, 3) for x in exact.tolist()])
print("mean of the estimates:", [round(x, 3) for x in estimates.mean(0).tolist()])
print(f"bias {{bias:.3f}}, standard deviation {{deviation:.3f}}, relative to the gradient norm")
"""

_SIDE_BY_SIDE = """
exact = gradients(Exact(), log_weights, 1, 1)[0]
for estimator in [
{estimators}
]:
    torch.manual_seed({arrow_seed})
    bias, deviation = compare(gradients(estimator, log_weights, {number}, {draws}), exact)
    print(f"bias {{bias:.3f}}, standard deviation {{deviation:.3f}}: {{estimator}}")
"""

_CURVE = """
exact = gradients(Exact(), log_weights, 1, 1)[0]
for maker, conditionals in [(m, c) for m in (GumbelSoftmax, StraightThrough) for c in ("exact", "merged")]:
    for temperature in {temperatures}:
        torch.manual_seed({arrow_seed})
        bias, deviation = compare(gradients(maker(temperature, conditionals), log_weights, {number}, {draws}), exact)
        name = f"{{maker.__name__}}, {{conditionals}}, {{temperature:g}}"
        print(f"{{name}}: bias {{bias:.3f}}, standard deviation {{deviation:.3f}}")
"""

_RACE = """
for estimator in [
{estimators}
]:
    record = descend(
        estimator, objective, total_count, group_sizes, log_weights.tolist(),
        steps={step}, learning_rate={rate:g}, num_samples={draws}, seed={seed}, optimizer="{optimizer}",
        separable=True,  # the objective is a sum over the groups, so its expectation is exact at any size
    )
    print(f"{{record.losses[-1]:.5g}} after {{record.evaluations.sum():.0f}} evaluations: {{estimator}}")
"""


def descent_snippet(settings: GradientSettings, step: int) -> str:
    """Writes Python that prints the numbers of one step of the descent.

    Args:
        settings: values of the controls.
        step: index of the step, from 0.

    Returns:
        A complete program.
    """
    method = settings.method
    imports = [
        "from hypergeo.estimators.descent import descend",
        f"from hypergeo.estimators import {_names([method], settings.draws)}",
    ]
    return (
        _head(settings, imports) + _GRADIENTS + _DESCENT.format(estimator=method.code(settings.draws), **_all(settings, step))
    )


def side_by_side_snippet(settings: GradientSettings) -> str:
    """Writes Python that prints bias and standard deviation of every estimator.

    Args:
        settings: values of the controls.

    Returns:
        A complete program.
    """
    methods = contestants(settings.method.temperature)
    imports = [f"from hypergeo.estimators import {_names([*methods, Method('exact')], settings.draws)}"]
    body = _SIDE_BY_SIDE.format(estimators=_listed(methods, settings.draws), **_all(settings, 0))
    return _head(settings, imports) + _GRADIENTS + body


def curve_snippet(settings: GradientSettings) -> str:
    """Writes Python that prints bias and standard deviation of the estimators with a temperature.

    Args:
        settings: values of the controls.

    Returns:
        A complete program.
    """
    imports = ["from hypergeo.estimators import Exact, GumbelSoftmax, StraightThrough"]
    body = _CURVE.format(temperatures=list(CURVE), **{**_all(settings, 0), "number": CURVE_ESTIMATES})
    return _head(settings, imports) + _GRADIENTS + body


def race_snippet(settings: GradientSettings, step: int) -> str:
    """Writes Python that prints the loss and the cost of every descent.

    Args:
        settings: values of the controls.
        step: number of steps.

    Returns:
        A complete program.
    """
    methods = contestants(settings.method.temperature)
    imports = [
        "from hypergeo.estimators.descent import descend",
        f"from hypergeo.estimators import {_names(methods, settings.draws)}",
    ]
    body = _RACE.format(estimators=_listed(methods, settings.draws), **_all(settings, step))
    return _head(settings, imports).replace("from hypergeo import FisherHypergeometric\n", "") + body


def _head(settings: GradientSettings, imports: list[str]) -> str:
    urn = settings.task.urn
    return _HEAD.format(
        imports="\n".join(imports),
        total_count=urn.total_count,
        group_sizes=list(urn.group_sizes),
        weights=list(urn.weights),
        objective=settings.task.loss.code(),
    )


def _all(settings: GradientSettings, step: int) -> dict[str, object]:
    return {
        "draws": settings.draws,
        "number": settings.number,
        "rate": settings.rate,
        "seed": settings.seed,
        "step": step,
        "arrow_seed": 1000 * settings.seed + step,
        "optimizer": "adam" if settings.optimizer == "Adam" else "sgd",
    }


def _names(methods: list[Method], draws: int) -> str:
    return ", ".join(sorted({method.code(draws).partition("(")[0] for method in methods}))


def _listed(methods: list[Method], draws: int) -> str:
    return "\n".join(f"    {method.code(draws)}," for method in methods)
