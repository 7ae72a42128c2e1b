"""What the page "Quality" teaches: its presets, its tour and its formulas."""

from __future__ import annotations

from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .controls import COUNTS, ESTIMATORS, PUBLISHED, RELAXATION

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
        "From cold to hot",
        {"check": RELAXATION, "taus": "0.01, 0.1, 1, 10", "draws": "both", "rule": "exact", **NO_GRADIENTS},
        "Soft samples differ significantly from exact ones at high temperatures, straight-through samples at none.",
    ),
    Preset(
        "Exact against merged",
        {**UNEVEN, "figure": "samples", "rule": "both", "draws": "straight-through", "taus": "0.1, 1"},
        "The published rule beside the exact conditionals, where one group dominates.",
    ),
    Preset(
        "Where merging is exact",
        {
            **UNEVEN,
            "figure": "samples",
            "w2": 1.0,
            "objective": "linear",
            "rule": "both",
            "draws": "straight-through",
            "taus": "0.1, 1",
        },
        "At equal weights nothing is lost by merging groups: both rules pass.",
    ),
    Preset(
        "An objective with a step",
        {"check": RELAXATION, **URN, "figure": "gradients", "objective": "step", "rule": "exact", **ALL_GRADIENTS},
        "Relaxed gradients follow a slope that a step does not have: the intervals of their bias keep clear of zero.",
    ),
    Preset(
        "The paper's check",
        {"check": PUBLISHED, "repeats": 20, "samples": 10_000, "seed": 0},
        "Three groups of 200, 180 drawn, the second weight from 1 to 10, 20 sets of samples: press Run.",
    ),
    Preset("Counts of this law", {"check": COUNTS, "source": "of this law", "against": "as set"}, "They pass, as they should."),
    Preset(
        "Counts of Wallenius' law",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 2_000, "against": "as set"},
        "The same urn, drawn one element at a time: another law, and rejected.",
    ),
    Preset(
        "Does any Fisher law fit them?",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 50_000, "against": "as fitted"},
        "Wallenius' counts against the best of Fisher's laws.",
    ),
]

TOUR = [
    Stop(
        "A verdict in words",
        "Samples of a relaxation are tested against the exact distribution, and gradients against the exact gradient, with all "
        "tests corrected for their number. The sentence above the figure is the outcome.",
        {},
        "The sentence first, then the points inside and outside the grey band: the band is what exact samples would show.",
    ),
    Stop(
        "Soft samples cool into exact ones",
        "Soft samples are averages, so that they differ from exact ones at high temperatures. Straight-through samples have "
        "the exact distribution at every temperature.",
        {"taus": "0.01, 0.1, 1, 10", **NO_GRADIENTS},
        "Circles fall into the band as τ does; diamonds are in it all along.",
    ),
    Stop(
        "A rule that is not exact",
        "The published sampler treats the groups that remain as one of their mean weight. With one dominant group its draws "
        "are of another law, at every temperature.",
        {**UNEVEN, "rule": "both", "draws": "straight-through"},
        "Crosses stay far above the band, and their p-values are below the line.",
    ),
    Stop(
        "Gradients of a step",
        "Whether a count reaches a threshold has no slope to follow. Relaxed gradients are biased here, the score function and "
        "the control variate are not.",
        {"objective": "step", "figure": "gradients"},
        "The bias panel: intervals that keep clear of zero.",
    ),
    Stop(
        "The paper's check, repeated",
        "The sampler was published with a test against a reference that shares its rule. That test passes; the same draws "
        "against Fisher's law do not. Here are 5 sets of 2,000 draws at each weight.",
        {"check": PUBLISHED, "repeats": 5, "samples": 2_000},
        "Left: the dotted line leaves the band as soon as weights differ. Right: it stays inside.",
    ),
    Stop(
        "Your own counts",
        "The same tests for counts from anywhere: paste or upload them. These 2,000 rows are drawn from this very law.",
        {"check": COUNTS, "source": "of this law"},
        "Bars fill the outlines, and the fitted weights' intervals hold the law's.",
    ),
    Stop(
        "Counts of another law",
        "Elements drawn one at a time, by weight, follow Wallenius' law. The weights are the same, the counts are not.",
        {"check": COUNTS, "source": "of Wallenius' law"},
        "The verdict, and how far the fitted weights are from the law's diamonds.",
    ),
]

FORMULAS = r"""
**Draws.** $D_k = \max_x |\hat F_k(x) - F_k(x)|$ is the Kolmogorov-Smirnov distance of group $k$, with the exact p-value
of a discrete law (Gleser, 1985). All groups together: $G = 2 \sum_x O_x \log (O_x / E_x)$ over pooled count vectors with
at least ten expected, divided by Williams' factor (1976), against $\chi^2$. Wasserstein's distance
$W_1 = \int |\hat F - F|$ is in counts, beside that of as many exact draws. Soft draws go to the nearest whole vector for
the tests.

**Gradients.** In the log weights, $\nabla E[f(x)] = \mathrm{Cov}(f(x), x)$, summed over all count vectors where they can
be listed. An estimate $g$ has bias $\lVert E[g] - \nabla \rVert$, deviation $\sqrt{\mathrm{tr}\, \mathrm{Cov}(g)}$ and,
as the mean of $N$, the error $\sqrt{\text{bias}^2 + \text{deviation}^2 / N}$: that is compared at equal evaluations and
at equal time. Bias is tested by t-tests of the components. *Gumbel-softmax* and *straight-through*: Jang, Gu and Poole,
ICLR 2017. *Exact marginal*: SIMPLE, Ahmed et al., ICLR 2023. *Score function*: Williams, 1992, with the leave-one-out
baseline of Kool et al., 2019. *Linearised control variate*: MuProp, Gu et al., ICLR 2016.

**Many tests.** All p-values of a report are corrected together (Holm, 1979): where all is right, a report raises any
false alarm in at most 1 % of cases.

**The published check.** Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 5.1, with exact p-values and Bonferroni's
correction over all tests of one kind of draws against one law.

**Fitted weights.** The law is an exponential family in $\log w$: the likelihood is concave, its gradient is observed less
expected counts, its Hessian minus the covariance. Newton's method finds its peak; intervals are Wald's, in $\log w$. Only
ratios of weights are identified, so that their geometric mean is set to one (Fog, 2008, section 6).
"""
