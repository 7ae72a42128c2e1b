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
    Preset("Cold, τ = 0.01", {"tau": 0.01}, "Discs fill rings: the relaxed samples are exact draws, all but their noise."),
    Preset("Hot, τ = 10", {"tau": 10.0}, "Every sample is pulled to the middle: the law's spread is lost."),
    Preset("Equal weights", {f"w{k}": 1.0 for k in range(1, 7)}, "The central law: groups differ in size only."),
    Preset(
        "One dominant group",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 12),
        "Group 2 is ten times as important as the others, and takes most of what is drawn.",
    ),
    Preset(
        "The published rule",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01),
        "With merged conditionals the samples settle on another law: discs do not fill rings even when cold.",
    ),
    Preset(
        "Forced groups",
        _three((1.0, 2.0, 4.0), (4, 10, 12), 24, conditionals="exact"),
        "Only two elements stay in the urn: most counts are forced, and samples respect it at every temperature.",
    ),
    Preset("A weight of zero", {"w1": 0.0}, "Group 1 is never drawn; samples stay on one side of the triangle."),
    Preset(
        "Straight-through",
        {"kind": "straight-through"},
        "Whole counts with exactly the right law at every temperature; gradients take the way of the soft dots.",
    ),
    Preset(
        "Five groups",
        {"groups": 5, "n": 20},
        "More than three groups do not fit a triangle: the first two are shown as a pair.",
    ),
]

TOUR = [
    Stop(
        "Exact and relaxed",
        "Each ring is one way to draw 12 elements from three groups, and its size is how probable that is. Discs are samples "
        "that a gradient can pass through. At τ = 10 they all sit in the middle: each is an average over many counts.",
        {"tau": 10.0},
        "The discs keep clear of the rings. The bars at the right are far narrower than the dark outline.",
    ),
    Stop(
        "Cooling",
        "The same samples with the same noise at τ = 1: averages are now over few counts, and the samples spread out.",
        {"tau": 1.0},
        "The distance from the exact law at the bottom right falls as the temperature does.",
    ),
    Stop(
        "Cold",
        "At τ = 0.01 every sample is a whole count but for rounding, and the samples follow the law itself.",
        {"tau": 0.01},
        "Discs fill rings, bars fill outlines, and the distance is inside the band that exact samples would be in.",
    ),
    Stop(
        "One sample, all the way",
        "The line is the path of one sample from the hottest temperature to the coldest. It moves smoothly, which is why a "
        "gradient exists, and at every point it adds up to 12.",
        {"tau": 0.32, "follow": 24},
        "Follow the coloured point while you press Cool down.",
    ),
    Stop(
        "Straight-through",
        "A model that needs whole counts can have them: forward the whole count, backward the gradient of the soft sample.",
        {"tau": 1.0, "kind": "straight-through"},
        "Discs fill rings at τ = 1 already. The price is in the gradient only.",
    ),
    Stop(
        "A rule that is not exact",
        "The published sampler treats the groups that remain as one group of their mean weight. Where their weights differ "
        "that is another law, and cold samples settle on it.",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01),
        "Discs do not fill rings although it is as cold as it gets; the distance stays above the band.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ elements with importance $w_k$; $n$ elements leave it. **The law of the counts** is
Fisher's multivariate noncentral hypergeometric law,

$$p(x) = \frac1Z \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n, \quad 0 \le x_k \le m_k .$$

**Exact conditionals.** Let $a_k(x) = \binom{m_k}{x} w_k^x$, and let $A_S$ be the convolution of the $a_k$ over a set $S$ of
groups. What $S$ gives, of the $r$ elements that $S$ and $S'$ give together, has the law
$p(x \mid r) = A_S(x)\, A_{S'}(r - x) / A_{S \cup S'}(r)$. Groups are split in two, and each part again.

**The relaxation.** At each split, Gumbel noise $g_x$ is added to the log conditional, and

$$y = \mathrm{softmax}\!\left(\frac{\log p(\cdot \mid r) + g}{\tau}\right), \qquad x = \sum_j j\, y_j ,$$

kept within what the groups can give, so that samples add up to $n$ at every temperature $\tau$. As $\tau \to 0$, with the same
noise, they become exact draws. *Straight-through* takes the whole count with the greatest $\log p + g$ instead, which has
exactly the law $p$, and the gradient of the soft one.

**The distance** is Wasserstein's, $W_1 = \int |\hat F(t) - F(t)|\, dt$, between the samples and the exact law of each group,
averaged over the groups: by how many elements samples would have to be moved. Exact samples have one, too; the dashed line is
its expectation, the band what 95 % of them stay below.

*Merged* conditionals treat the groups that remain as one group of their mean weight (Sutter, Manduchi, Ryser and Vogt, ICLR
2023, section 4). Gumbel-softmax: Jang, Gu and Poole, ICLR 2017.
"""
