"""Python code that computes the numbers of the quality page."""

from __future__ import annotations

from hypergeo.ui.convergence.arrays import Urn

from .controls import CheckSettings, PublishedSettings

__all__ = ["counts_snippet", "snippet"]

_REPORT = """\
from hypergeo import FisherHypergeometric
{imports}from hypergeo.objectives import preset_objective
from hypergeo.quality import QualityReport

urn = FisherHypergeometric({total_count}, {group_sizes}, {weights})
report = QualityReport.measure(
    urn,
    {temperatures},  # estimators that have a temperature are measured at each of these
    preset_objective("{objective}", urn),  # or any function of counts (..., K) with values (...)
    [{estimators}],
    num_samples={num_samples},
    num_gradients={num_gradients},
    num_evaluations={num_evaluations},
    straight_through={straight_through},
    conditionals={conditionals},
    seed={seed},
)
print(*report.verdict(), sep="\\n")
# The page's downloads: report.to_json(), report.to_csv() and hypergeo.figures.quality.report.report_html(report).
"""

_PUBLISHED = """\
from hypergeo.quality.published_check import published_check

check = published_check(num_seeds={num_seeds}, num_samples={num_samples}, seed={seed})
print(*check.verdict(), sep="\\n")
print(check.table())
"""

_COUNTS = """\
{imports}import torch

from hypergeo import FisherHypergeometric{more}
from hypergeo.quality import measure_counts

group_sizes = {group_sizes}
{counts}
fit = FisherHypergeometric.fit(counts, group_sizes)
distribution = FisherHypergeometric({total_count}, group_sizes, {weights})
tested = counts[counts.sum(-1) == {total_count}]

torch.manual_seed({seed})
quality = measure_counts(distribution, tested)
print(f"rows tested: {{len(tested)}}, significantly different: {{quality.differs}}")
print(f"p = {{quality.adjusted_p_value:.2g}}, corrected")
for group, (distance, p_value) in enumerate(zip(quality.ks, quality.ks_p_values), 1):
    low, high = fit.confidence_interval()[group - 1].tolist()
    print(f"group {{group}}: KS distance {{distance:.2g}}, p = {{p_value:.2g}};", end=" ")
    print(f"fitted weight {{fit.weights[group - 1].item():.3g}} ({{low:.3g}} to {{high:.3g}})")
"""


def snippet(settings: CheckSettings | PublishedSettings) -> str:
    """Writes Python code that prints the verdict of a report or of the published check.

    Args:
        settings: settings of the computation.

    Returns:
        The code.
    """
    return _published(settings) if isinstance(settings, PublishedSettings) else _report(settings)


def counts_snippet(urn: Urn, *, wallenius: bool, rows: int | None, seed: int, fitted_law: bool) -> str:
    """Writes Python code that tests counts and fits their weights.

    Args:
        urn: urn of the tested distribution, and of examples.
        wallenius: whether an example is a sample of Wallenius' distribution.
        rows: number of rows of an example; ``None`` for counts from a file.
        seed: seed of an example, and of the sampling noise of the distances.
        fitted_law: whether the distribution with the fitted weights is tested.

    Returns:
        The code.
    """
    imports, more = "", ""
    if rows is None:
        imports = "import numpy\n"
        counts = 'counts = torch.from_numpy(numpy.loadtxt("counts.csv", delimiter=",", skiprows=1, dtype=int, ndmin=2))'
    else:
        kind = "WalleniusHypergeometric" if wallenius else "FisherHypergeometric"
        more = ", WalleniusHypergeometric" if wallenius else ""
        counts = (
            f"torch.manual_seed({seed})\n"
            f"counts = {kind}({urn.total_count}, group_sizes, {list(urn.weights)}).sample(({rows},)).long()"
        )
    return _COUNTS.format(
        imports=imports,
        more=more,
        group_sizes=list(urn.group_sizes),
        counts=counts,
        total_count=urn.total_count,
        weights="fit.weights" if fitted_law else list(urn.weights),
        seed=seed,
    )


def _report(settings: CheckSettings) -> str:
    made = settings.made_estimators()
    kinds = sorted({type(estimator).__name__ for estimator in made})
    return _REPORT.format(
        imports=f"from hypergeo.estimators import {', '.join(kinds)}\n" if kinds else "",
        estimators=", ".join(_call(estimator) for estimator in made),
        total_count=settings.urn.total_count,
        group_sizes=list(settings.urn.group_sizes),
        weights=list(settings.urn.weights),
        temperatures=list(settings.temperatures),
        objective=settings.objective,
        num_samples=settings.num_samples,
        num_gradients=settings.num_gradients,
        num_evaluations=settings.num_evaluations,
        straight_through=list(settings.straight_through),
        conditionals=list(settings.conditionals),
        seed=settings.seed,
    )


def _published(settings: PublishedSettings) -> str:
    return _PUBLISHED.format(num_seeds=settings.num_seeds, num_samples=settings.num_samples, seed=settings.seed)


def _call(estimator: object) -> str:
    """Returns the constructor call of an estimator, without default arguments."""
    words = repr(estimator)
    name, _, arguments = words.partition("(")
    kept = [argument for argument in arguments.rstrip(")").split(", ") if argument]
    kept = [a for a in kept if a not in ("conditionals='exact'", "baseline='leave-one-out'", "curvature=True")]
    return f"{name}({', '.join(kept)})"
