"""Presets, tour and formulas of the page "Quality"."""

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
        "Four temperatures",
        {"check": RELAXATION, "taus": "0.01, 0.1, 1, 10", "draws": "both", "rule": "exact", **NO_GRADIENTS},
        "Soft samples differ significantly from exact ones at high temperatures, straight-through samples at none.",
    ),
    Preset(
        "Exact against merged",
        {**UNEVEN, "figure": "samples", "rule": "both", "draws": "straight-through", "taus": "0.1, 1"},
        "The paper's approximation and exact conditionals, with one heavy group.",
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
        "With equal weights merged conditionals are exact: no significant difference for either.",
    ),
    Preset(
        "A loss with a step",
        {"check": RELAXATION, **URN, "figure": "gradients", "objective": "step", "rule": "exact", **ALL_GRADIENTS},
        "The derivative of a step is zero almost everywhere: the intervals of the bias of relaxed gradients exclude zero.",
    ),
    Preset(
        "The paper's check",
        {"check": PUBLISHED, "repeats": 20, "samples": 10_000, "seed": 0},
        "Three groups of 200, 180 drawn, the second weight from 1 to 10, 20 sets of samples: press Run.",
    ),
    Preset(
        "Counts from this distribution",
        {"check": COUNTS, "source": "of this law", "against": "as set"},
        "No significant difference, as expected.",
    ),
    Preset(
        "Counts from Wallenius' distribution",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 2_000, "against": "as set"},
        "The same urn, balls drawn one at a time: a different distribution, and a significant difference.",
    ),
    Preset(
        "Do any weights fit?",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 50_000, "against": "as fitted"},
        "Counts from Wallenius' distribution against Fisher's distribution with the best weights.",
    ),
]

TOUR = [
    Stop(
        "The results as text",
        "Relaxed samples are tested against the exact distribution, and gradients against the exact gradient. All p-values are "
        "corrected for the number of tests. The sentence above the figure is the result.",
        {},
        "Points inside and outside the grey band: 95 % of equally many exact samples lie below its upper edge.",
    ),
    Stop(
        "Soft samples at four temperatures",
        "Soft samples are averages, so they differ from exact ones at high temperatures. Straight-through samples have "
        "the exact distribution at every temperature.",
        {"taus": "0.01, 0.1, 1, 10", **NO_GRADIENTS},
        "Circles enter the band as τ falls; diamonds are inside at every τ.",
    ),
    Stop(
        "Merged conditionals",
        "The paper merges the remaining groups into one with their mean weight. With one heavy group it samples from a "
        "different distribution, at every temperature.",
        {**UNEVEN, "rule": "both", "draws": "straight-through"},
        "Crosses stay above the band, and their p-values are below the line.",
    ),
    Stop(
        "Gradients of a step loss",
        "A loss that is 1 below a threshold and 0 above has a derivative of zero almost everywhere. Relaxed gradients are "
        "biased "
        "here, the score function and the control variate are not.",
        {"objective": "step", "figure": "gradients"},
        "The bias panel: intervals that exclude zero.",
    ),
    Stop(
        "The paper's check, repeated",
        "The sampler was published with a test against a reference that uses the same approximation. That test passes; the "
        "same "
        "samples tested against Fisher's distribution do not. Here are 5 sets of 2,000 samples at each weight.",
        {"check": PUBLISHED, "repeats": 5, "samples": 2_000},
        "Left: the dotted line leaves the band when the weights differ. Right: it stays inside.",
    ),
    Stop(
        "Your own counts",
        "The same tests for your own counts: paste or upload them. These 2,000 rows are samples of this distribution.",
        {"check": COUNTS, "source": "of this law"},
        "Histograms fill the outlines, and the intervals of the fitted weights contain the true weights.",
    ),
    Stop(
        "Counts from a different distribution",
        "Balls drawn one at a time, by weight, follow Wallenius' distribution: the same weights, but different counts.",
        {"check": COUNTS, "source": "of Wallenius' law"},
        "The result, and the distance of the fitted weights from the true ones (diamonds).",
    ),
]

FORMULAS = r"""
**Samples.** $D_k = \max_x |\hat F_k(x) - F_k(x)|$ is the Kolmogorov-Smirnov distance of group $k$, with the exact p-value
of a discrete distribution (Gleser, 1985). All groups together: $G = 2 \sum_x O_x \log (O_x / E_x)$ over pooled count vectors
with at least ten expected, divided by Williams' factor (1976), against $\chi^2$. Wasserstein's distance
$W_1 = \int |\hat F - F|$ is in counts, beside that of equally many exact samples. Soft samples are rounded to the nearest
integer vector for the tests.

**Gradients.** In the log weights, $\nabla E[f(x)] = \mathrm{Cov}(f(x), x)$, summed over all count vectors where they can
be listed. An estimate $g$ has bias $\lVert E[g] - \nabla \rVert$, deviation $\sqrt{\mathrm{tr}\, \mathrm{Cov}(g)}$ and,
as the mean of $N$, the error $\sqrt{\text{bias}^2 + \text{deviation}^2 / N}$: that is compared at equal evaluations and
at equal time. Bias is tested by t-tests of the components. *Gumbel-softmax* and *straight-through*: Jang, Gu and Poole,
ICLR 2017. *Exact marginal*: SIMPLE, Ahmed et al., ICLR 2023. *Score function*: Williams, 1992, with the leave-one-out
baseline of Kool et al., 2019. *Linearised control variate*: MuProp, Gu et al., ICLR 2016.

**Many tests.** All p-values of a report are corrected together (Holm, 1979): if there is no difference, a report raises a
false alarm in at most 1 % of cases.

**The published check.** Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 5.1, with exact p-values and Bonferroni's
correction over all tests of one kind of samples against one distribution.

**Fitted weights.** The distribution is an exponential family in $\log w$: the likelihood is concave, its gradient is observed
minus expected counts, its Hessian minus the covariance. Newton's method finds its maximum; intervals are Wald's, in $\log w$.
Only ratios of weights are identified, so that their geometric mean is set to one (Fog, 2008, section 6).
"""
