"""Presets, tour and formulas of the page "Quality"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypergeo.quality import QualityReport
from hypergeo.quality.samples import SampleQuality
from hypergeo.ui.counts.arrays import example_counts
from hypergeo.ui.counts.view import counts_view
from hypergeo.ui.state.prediction_kinds import Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .controls import COUNTS, ESTIMATORS, PUBLISHED, RELAXATION, CheckSettings, urn_of
from .run_panel import result_of

__all__ = ["FORMULAS", "PRESETS", "TOUR"]

UNEVEN = {
    "check": RELAXATION,
    "objective": "quadratic",
    "groups": 3,
    "w1": 1.0,
    "w2": 10.0,
    "w3": 1.0,
    "m1": 12,
    "m2": 12,
    "m3": 12,
    "n": 18,
}
NO_GRADIENTS = dict.fromkeys(ESTIMATORS, False)
ALL_GRADIENTS = dict.fromkeys(ESTIMATORS, True)
URN = {"groups": 3, "w1": 1.0, "w2": 2.0, "w3": 4.0, "m1": 10, "m2": 10, "m3": 10, "n": 15}

PRESETS = [
    Preset(
        "Four temperatures",
        {"check": RELAXATION, "taus": "0.01, 0.1, 1, 10", "draws": "both", "rule": "exact", **NO_GRADIENTS},
        "Soft samples differ significantly from exact ones at high temperatures, straight-through samples at no temperature.",
    ),
    Preset(
        "Exact against merged",
        {**UNEVEN, "figure": "samples", "rule": "both", "draws": "straight-through", "taus": "0.1, 1"},
        "Compares the published approximation with exact conditionals, for an urn with one heavy group.",
    ),
    Preset(
        "Equal weights",
        {
            **UNEVEN,
            "figure": "samples",
            "w2": 1.0,
            "objective": "linear",
            "rule": "both",
            "draws": "straight-through",
            "taus": "0.1, 1",
        },
        "With equal weights, merged conditionals are exact: there is no significant difference for either kind.",
    ),
    Preset(
        "A loss with a step",
        {"check": RELAXATION, **URN, "figure": "gradients", "objective": "step", "rule": "exact", **ALL_GRADIENTS},
        "The derivative of a step is zero almost everywhere, so relaxed gradients are biased: intervals exclude zero.",
    ),
    Preset(
        "The published check",
        {"check": PUBLISHED, "repeats": 20, "samples": 10_000, "seed": 0},
        "Three groups of 200 balls, 180 balls drawn, weight of group 2 from 1 to 10, 20 sets of samples. Press Run.",
    ),
    Preset(
        "Counts from this distribution",
        {"check": COUNTS, "source": "of this law", "against": "as set"},
        "Samples of the tested distribution: no significant difference, as expected.",
    ),
    Preset(
        "Counts from Wallenius' distribution",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 2_000, "against": "as set"},
        "The same urn, but balls are drawn one at a time: the counts differ significantly from Fisher's distribution.",
    ),
    Preset(
        "Do any weights fit?",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 50_000, "against": "as fitted"},
        "Tests counts from Wallenius' distribution against Fisher's distribution with the best fitting weights.",
    ),
]

_TAUS = "0.01, 0.1, 1, 10"
_QUESTION = {"check": RELAXATION, "figure": "samples", "samples": 10_000, "rule": "exact", **NO_GRADIENTS}
_NONE, _EVERY = "at no temperature", "at every temperature"
_HOT = {0: _NONE, 1: "at τ = 10 only", 2: "at τ = 1 and 10", 3: "at τ = 0.1, 1 and 10", 4: _EVERY}
_WHERE = (_NONE, "only at the higher one, τ = 1", _EVERY)


def _rows(values: Mapping[str, Any]) -> Sequence[SampleQuality] | None:
    """Returns the measured samplers by increasing temperature; ``None`` before the run has finished."""
    report: QualityReport | None = result_of("qual", CheckSettings.of(values))
    return None if report is None else sorted(report.samples, key=lambda row: row.temperature or 0.0)


def _soft(values: Mapping[str, Any]) -> Answer | None:
    rows = _rows(values)
    if rows is None:
        return None
    soft = [row for row in rows if row.straight_through is False]
    number = sum(row.differs for row in soft)
    listed = ", ".join(f"{row.wasserstein:.2g} at τ = {row.temperature:g}" for row in soft)
    noise = soft[0].wasserstein_floor.mean
    return Answer(
        _HOT[number],
        f"Wasserstein distances: {listed}; {noise:.2g} is the expected distance of {soft[0].num_samples:,} exact samples.",
    )


def _merged(values: Mapping[str, Any]) -> Answer | None:
    rows = _rows({**values, "rule": "both"})
    if rows is None:
        return None
    merged = [row for row in rows if row.conditionals == "merged"]
    differing = [row for row in merged if row.differs]
    place = _EVERY if len(differing) == len(merged) else _WHERE[1] if differing else _NONE
    listed = " and ".join(f"{row.wasserstein:.2g} at τ = {row.temperature:g}" for row in merged)
    why = (
        f"Wasserstein distances: {listed}; {merged[0].wasserstein_floor.mean:.2g} is sampling noise. A straight-through sample "
        "follows the merged conditionals exactly, so no temperature helps."
    )
    return Answer(place, why)


_PASS, _FAIL = "no significant difference", "significantly different"


def _wallenius(values: Mapping[str, Any]) -> Answer:
    urn = urn_of(values)
    counts = example_counts(urn, values["rows"], values["seed"], wallenius=True)
    view = counts_view(urn, counts, values["seed"], fitted_law=False)
    group = max(range(len(view.means)), key=lambda each: abs(counts[:, each].mean() - view.means[each]))
    why = (
        f"The mean of group {group + 1} is {counts[:, group].mean():.2f}. Under Fisher's distribution with the same weights it "
        f"is {view.means[group]:.2f}: heavy balls are taken early."
    )
    return Answer(_FAIL if view.quality.differs else _PASS, why)


TOUR = [
    Stop(
        "The verdict as text",
        "Samples of a relaxation are tested against the exact distribution, and gradient estimates against the exact gradient. "
        "All tests are corrected for their number. The sentence above the figure is the result.",
        {},
        "Compare the points with the grey band: 95 % of equally large exact sets lie below its upper edge.",
    ),
    Stop(
        "Hot and cold soft samples",
        "10,000 soft samples are drawn at each of τ = 0.01, 0.1, 1 and 10, and tested against the exact distribution. At which "
        "temperatures do they differ significantly from exact samples?",
        {**_QUESTION, **URN, "draws": "both", "taus": _TAUS},
        "Circles (soft samples) fall into the band as τ falls. Diamonds (straight-through) are in it at every temperature.",
        Prediction(Pick("Soft samples differ significantly", list(_HOT.values())), _soft, covered=True),
    ),
    Stop(
        "Soft samples become exact",
        "Soft samples are averages over counts, so they differ from exact ones at high temperatures. Straight-through samples "
        "have the exact distribution at every temperature.",
        {"taus": _TAUS, **NO_GRADIENTS},
        "Circles (soft samples) fall into the band as τ falls. Diamonds (straight-through) are in it at every temperature.",
    ),
    Stop(
        "One heavy group",
        "With exact conditionals, straight-through samples pass at both temperatures. The published sampler merges the "
        "remaining groups, here with weights 10 and 1. At which temperatures do its straight-through samples differ "
        "significantly?",
        {**_QUESTION, **UNEVEN, "draws": "straight-through", "taus": "0.1, 1"},
        "Crosses (merged conditionals) are far above the band.",
        Prediction(Pick("Samples with merged conditionals differ", _WHERE), _merged, after={"rule": "both"}),
    ),
    Stop(
        "The published approximation",
        "The published sampler merges the remaining groups into one with their mean weight. With one heavy group, its samples "
        "have a different distribution, at every temperature.",
        {**UNEVEN, "rule": "both", "draws": "straight-through"},
        "Crosses (merged conditionals) are far above the band, and their p-values are below the line.",
    ),
    Stop(
        "Gradients of a step",
        "This loss depends only on whether a count reaches a threshold, so its slope is zero between integers. Relaxed "
        "gradients are biased here; the score function and the control variate are not.",
        {"objective": "step", "figure": "gradients"},
        "The panel of the bias: some intervals do not contain zero.",
    ),
    Stop(
        "The published check, repeated",
        "The published sampler was tested against a reference that uses the same approximation. It passes that test, but the "
        "same samples fail a test against Fisher's distribution. Here are 5 sets of 2,000 samples at each weight.",
        {"check": PUBLISHED, "repeats": 5, "samples": 2_000},
        "Left: the dotted line leaves the band if the weights differ. Right: it stays inside.",
    ),
    Stop(
        "Your own counts",
        "The same tests apply to your own counts: paste or upload them. The 2,000 rows here are samples of the tested "
        "distribution.",
        {"check": COUNTS, "source": "of this law"},
        "Bars fit the outlines, and the intervals of the fitted weights contain the true weights (diamonds).",
    ),
    Stop(
        "One ball after another",
        "Now 2,000 samples are drawn from the same urn with the same weights, but the balls are drawn one after another, each "
        "with probability proportional to its weight. Do these samples pass the tests against Fisher's distribution?",
        {"check": COUNTS, **URN, "source": "of this law", "rows": 2_000, "against": "as set"},
        "The bars of group 3 are to the right of the outline.",
        Prediction(Pick("Result of the tests", [_PASS, _FAIL]), _wallenius, after={"source": "of Wallenius' law"}),
    ),
    Stop(
        "Counts of another distribution",
        "If balls are drawn one after another, the counts have Wallenius' distribution. The weights are the same, but the "
        "counts differ from Fisher's distribution.",
        {"check": COUNTS, "source": "of Wallenius' law"},
        "The verdict, and the differences between the fitted weights and the true weights (diamonds).",
    ),
]

FORMULAS = r"""
**Samples.** $D_k = \max_x |\hat F_k(x) - F_k(x)|$ is the Kolmogorov-Smirnov distance of group $k$, with the exact p-value
of a discrete distribution (Gleser, 1985). All groups together are tested by $G = 2 \sum_x O_x \log (O_x / E_x)$ over pooled
count vectors with at least ten expected samples; $G$ is divided by Williams' factor (1976) and compared with $\chi^2$.
Wasserstein's distance $W_1 = \int |\hat F - F|$ is in counts, and is shown with that of equally many exact samples. Soft
samples are rounded to the nearest integer vector for the tests.

**Gradients.** With respect to the log weights, $\nabla E[f(x)] = \mathrm{Cov}(f(x), x)$. It is summed over all count vectors
where these can be listed. An estimate $g$ has bias $\lVert E[g] - \nabla \rVert$ and standard deviation
$\mathrm{SD} = \sqrt{\mathrm{tr}\, \mathrm{Cov}(g)}$. The mean of $N$ estimates has the error
$\sqrt{\text{bias}^2 + \mathrm{SD}^2 / N}$, which is compared at equal evaluations and at equal time. Bias is tested by t-tests
of the components. *Gumbel-softmax* and *straight-through*: Jang, Gu and Poole, ICLR 2017. *Exact marginal*: SIMPLE, Ahmed
et al., ICLR 2023. *Score function*: Williams, 1992, with the leave-one-out baseline of Kool et al., 2019. *Linearised control
variate*: MuProp, Gu et al., ICLR 2016.

**Many tests.** All p-values of a report are corrected together (Holm, 1979): if there is no difference, a report raises any
false alarm in at most 1 % of cases.

**The published check.** Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 5.1, with exact p-values and Bonferroni's
correction over all tests of one kind of samples against one distribution.

**Fitted weights.** The distribution is an exponential family in $\log w$: the log likelihood is concave, its gradient is the
observed minus the expected counts, and its Hessian is minus the covariance. Newton's method finds its maximum; the intervals
are Wald intervals in $\log w$. Only ratios of weights are identified, so their geometric mean is set to one (Fog, 2008,
section 6).
"""
