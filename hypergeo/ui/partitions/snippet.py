"""Python programs that print the numbers of the page on partitions."""

from __future__ import annotations

from .arrays import CHUNKS
from .losses import LOSSES
from .settings import PartitionSettings

__all__ = ["gradient_snippet", "sample_snippet"]

_HEAD = """\
import torch

from hypergeo import {names}
{imports}
logits = torch.tensor(
{logits},
    dtype=torch.float64,
)
num_elements, groups = logits.shape
order = {order}  # groups in the order in which they choose
"""
_SAMPLED = """\
weights = {weights}
sizes = FisherHypergeometric(num_elements, [num_elements] * groups, weights)
"""
_FIXED = """\
sizes = {sizes}
"""
_SAMPLE = """\

relaxed = RelaxedRandomPartition({tau}, sizes, logits, size_temperature={size_tau}{options}, order=order)
exact = RelaxedRandomPartition({tau}, sizes, logits, size_temperature={size_tau}, straight_through=True, order=order)
torch.manual_seed({seed})
noise = exact.sample_noise()  # the same noise can be used at any temperature
sample = relaxed.rsample(noise=noise)
partition = exact.rsample(noise=noise).round()
soft = RelaxedRandomPartition({tau}, sizes, logits, size_temperature={size_tau}, order=order).rsample(noise=noise)
moved = 0.5 * (soft - partition).abs().sum().item()
log_prob = {{
    "this order": RandomPartition(sizes, logits, order=order).log_prob(partition).item(),
    "reverse order": RandomPartition(sizes, logits, order=order[::-1]).log_prob(partition).item(),
}}

print("row sums:", sample.sum(-1).tolist())
print("column sums:", [round(x, 9) for x in sample.sum(-2).tolist()])
print("group of each element:", (partition.argmax(-1) + 1).tolist())
print(f"elements that differ from the exact partition: {{moved:.4g}}")
print("log-probability of the exact partition:", {{name: round(value, 4) for name, value in log_prob.items()}})
print("plan, its column sums:", [round(x, 3) for x in exact.plan.sum(-2).tolist()])
"""
_GRADIENT = """\
home = torch.nn.functional.one_hot(torch.arange(num_elements) * groups // num_elements, groups).double()


def loss(y):
    return {loss}


def sizes_for(log_weights):
    return {sizes_for}


# Exact: the sum over all assignments.
logits.requires_grad_()
log_weights = torch.tensor({weights}, dtype=torch.float64).log().requires_grad_()
labels = torch.cartesian_prod(*[torch.arange(groups)] * num_elements)
y = torch.nn.functional.one_hot(labels, groups).double()
partition = RandomPartition(sizes_for(log_weights), logits, order=order, validate_args=False)
expected = (partition.log_prob(y).exp() * loss(y)).sum()
exact = torch.autograd.grad(expected, (logits, log_weights), materialize_grads=True)

# Estimates in {chunks} independent parts, whose standard deviation gives standard errors.
parts = [t.detach().repeat({chunks}, *[1] * t.dim()).requires_grad_() for t in (logits, log_weights)]
torch.manual_seed({seed})
{estimate}
estimates = torch.autograd.grad(values.sum(), parts, materialize_grads=True)
mean = [grads.mean(0) for grads in estimates]
error = [grads.std(0) / {chunks}**0.5 for grads in estimates]

print(f"expected loss: exact {{expected.item():.4f}}, estimate {{values.mean().item():.4f}}")
print("gradient in the logits, exact:", exact[0])
print("gradient in the logits, estimate:", mean[0])
print("gradient in the log weights, exact:", exact[1])
print("gradient in the log weights, estimate:", mean[1])
"""
_RELAXED = """\
relaxed = RelaxedRandomPartition(
    {tau}, sizes_for(parts[1]), parts[0], size_temperature={size_tau}{options}, order=order
)
values = loss(relaxed.rsample(({each},))).mean(0)"""
_OTHER = """\
values = {method}().surrogate_loss(RandomPartition(sizes_for(parts[1]), parts[0], order=order), loss, {each})"""


def _head(settings: PartitionSettings, names: list[str], imports: str = "") -> str:
    model = settings.model
    if model.sizes is None:
        names = ["FisherHypergeometric", *names]
    rows = ",\n".join(f"        {list(row)}" for row in model.logits)
    logits = f"    [\n{rows},\n    ]"
    return _HEAD.format(names=", ".join(names), imports=imports, logits=logits, order=list(model.order))


def sample_snippet(settings: PartitionSettings) -> str:
    """Writes Python that prints the numbers of one sample.

    Args:
        settings: values of the controls.

    Returns:
        A complete program.
    """
    model = settings.model
    sizes = _SAMPLED.format(weights=list(model.weights)) if model.sizes is None else _FIXED.format(sizes=list(model.sizes))
    options = ", straight_through=True" if settings.straight_through else ""
    body = _SAMPLE.format(tau=settings.tau, size_tau=settings.size_tau, options=options, seed=settings.seed)
    return _head(settings, ["RandomPartition", "RelaxedRandomPartition"]) + sizes + body


def gradient_snippet(settings: PartitionSettings) -> str:
    """Writes Python that prints an estimated gradient and the exact one.

    Args:
        settings: values of the controls.

    Returns:
        A complete program.
    """
    model = settings.model
    names, imports, each = ["RandomPartition"], "", max(settings.number // CHUNKS, 2)
    if settings.estimator == "relaxed":
        names.append("RelaxedRandomPartition")
        options = ", straight_through=True" if settings.straight_through else ""
        estimate = _RELAXED.format(tau=settings.tau, size_tau=settings.size_tau, options=options, each=each)
    else:
        method = "PlanEstimator" if settings.estimator == "plan" else "ScoreFunction"
        imports = f"from hypergeo.estimators import {method}\n"
        estimate = _OTHER.format(method=method, each=each)
    sampled = "FisherHypergeometric(num_elements, [num_elements] * groups, log_weights=log_weights)"
    body = _GRADIENT.format(
        loss=LOSSES[settings.loss].source,
        sizes_for=sampled if model.sizes is None else list(model.sizes),
        weights=list(model.weights),
        seed=settings.seed,
        chunks=CHUNKS,
        estimate=estimate,
    )
    return _head(settings, names, imports) + body
