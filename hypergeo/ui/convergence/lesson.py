"""What the page "Convergence" teaches: what it plays, its presets, its tour and its formulas."""

from __future__ import annotations

from hypergeo.ui.component.stage import Playback
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import TEMPERATURES

__all__ = ["COOLING", "FORMULAS", "PRESETS", "TOUR"]


COOLING = Playback(
    "tau",
    len(TEMPERATURES) - 1,
    values=TEMPERATURES[::-1],
    labels=[f"τ = {temperature:g}" for temperature in TEMPERATURES[::-1]],
    play="Cool down",
    step="Cooler",
    again="Heat up and cool down",
    unit="temperatures",
    speeds={"slow": (1, 600), "normal": (1, 200), "fast": (1, 80)},
)


def _three(w: tuple[float, float, float], m: tuple[int, int, int], n: int, **more: object) -> dict[str, object]:
    """A preset of three groups."""
    groups = {f"w{k}": weight for k, weight in enumerate(w, 1)} | {f"m{k}": size for k, size in enumerate(m, 1)}
    return {"groups": 3, "n": n, **groups, **more}


PRESETS = [
    Preset("Low temperature, τ = 0.01", {"tau": 0.01}, "Discs fill the rings: up to sampling error the samples are exact."),
    Preset(
        "High temperature, τ = 10", {"tau": 10.0}, "All samples are close to one spot: the standard deviation is too small."
    ),
    Preset("Equal weights", {f"w{k}": 1.0 for k in range(1, 7)}, "With equal weights only the group sizes matter."),
    Preset(
        "One heavy group",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 12),
        "Group 2 has ten times the weight of the others: most balls of each sample are from it.",
    ),
    Preset(
        "The paper's approximation",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01),
        "With merged conditionals (the published approximation) discs do not fill the rings even at τ = 0.01.",
    ),
    Preset(
        "Few outcomes",
        _three((1.0, 2.0, 4.0), (4, 10, 12), 24, conditionals="exact"),
        "Only two balls stay in the urn: few outcomes are possible, and samples stay within them at every temperature.",
    ),
    Preset("A weight of zero", {"w1": 0.0}, "Balls of group 1 are never drawn: all samples lie on one side of the triangle."),
    Preset(
        "Straight-through",
        {"kind": "straight-through"},
        "Integer counts with exactly the right distribution at every temperature; gradients follow the soft samples (dots).",
    ),
    Preset(
        "Five groups",
        {"groups": 5, "n": 20},
        "Counts of more than three groups do not fit into a triangle: the figure shows groups 1 and 2.",
    ),
]

TOUR = [
    Stop(
        "Exact and relaxed",
        "Ring area: exact probability of a count of 12 balls from three groups. Disc area: fraction of relaxed samples nearest "
        "to that count. At τ = 10 each sample is an average over many counts.",
        {"tau": 10.0},
        "All samples sit in one spot, while the exact distribution is spread over many counts.",
    ),
    Stop(
        "A lower temperature",
        "The same samples with the same noise at τ = 1: each is an average over few counts, and the standard deviation is "
        "larger.",
        {"tau": 1.0},
        "The distance at the bottom right falls with the temperature.",
    ),
    Stop(
        "A very low temperature",
        "At τ = 0.01 every sample is an integer up to rounding error, and the samples have the exact distribution.",
        {"tau": 0.01},
        "Discs fill rings, histograms fill outlines, and the distance is within the grey band: 95 % of equally many exact "
        "samples "
        "lie below its upper edge.",
    ),
    Stop(
        "The path of one sample",
        "The dotted line is the path of one sample from the highest temperature to the lowest. It has no jumps, so a gradient "
        "exists, and at every point the counts sum to 12.",
        {"tau": 0.32, "follow": 24},
        "Watch the coloured point while you press Cool down.",
    ),
    Stop(
        "Straight-through",
        "A model that needs integers can use straight-through samples: the integer count in the forward pass, the gradient of "
        "the soft sample in the backward pass.",
        {"tau": 1.0, "kind": "straight-through"},
        "Discs fill rings at τ = 1 already. The cost is a biased gradient.",
    ),
    Stop(
        "Merged conditionals",
        "The paper merges the remaining groups into one with their mean weight. If their weights differ, it samples from a "
        "different distribution.",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01),
        "Discs do not fill rings although the temperature is the lowest; the distance stays above the grey band.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ balls with weight $w_k$; $n$ balls are drawn. **The counts** have Fisher's multivariate
noncentral hypergeometric distribution,

$$p(x) = \frac1Z \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n, \quad 0 \le x_k \le m_k .$$

**Exact conditionals.** Let $a_k(x) = \binom{m_k}{x} w_k^x$, and let $A_S$ be the convolution of the $a_k$ over a set $S$ of
groups. If $S$ and $S'$ together give $r$ balls, the number from $S$ has probability
$p(x \mid r) = A_S(x)\, A_{S'}(r - x) / A_{S \cup S'}(r)$. Groups are split in two, and each part again.

**The relaxation.** At each split, Gumbel noise $g_x$ is added to the log conditional, and

$$y = \mathrm{softmax}\!\left(\frac{\log p(\cdot \mid r) + g}{\tau}\right), \qquad x = \sum_j j\, y_j ,$$

clamped to the group sizes, so that samples sum to $n$ at every temperature $\tau$. As $\tau \to 0$, with the same noise, they
become exact samples. *Straight-through* takes the integer with the greatest $\log p + g$ instead, which has exactly the
distribution $p$, and the gradient of the soft sample.

**The Wasserstein distance** $W_1 = \int |\hat F(t) - F(t)|\, dt$ between the samples and the exact distribution of each group
is averaged over the groups. A finite set of exact samples has a distance above zero, too: the dashed line is its expectation,
and 95 % of equally many exact samples lie below the upper edge of the band.

*Merged* conditionals merge the remaining groups into one with their mean weight (Sutter, Manduchi, Ryser and Vogt, ICLR
2023, section 4). Gumbel-softmax: Jang, Gu and Poole, ICLR 2017.
"""
