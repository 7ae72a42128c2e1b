"""What the page "Urn" teaches: its presets, its tour and its formulas."""

from __future__ import annotations

from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

__all__ = ["FORMULAS", "PRESETS", "TOUR"]


def _groups(w: list[float], m: list[int], n: int, **more: object) -> dict[str, object]:
    """A preset of an urn."""
    weights = {f"w{k}": weight for k, weight in enumerate(w, 1)}
    return {"groups": len(w), "n": n, **weights, **{f"m{k}": size for k, size in enumerate(m, 1)}, **more}


PRESETS = [
    Preset("1,000 samples", {"step": 1000}, "With 1,000 samples the histograms are close to the exact probabilities."),
    Preset(
        "Equal weights",
        {f"w{k}": 1.0 for k in range(1, 7)},
        "With equal weights only the group sizes matter, and both distributions are the same.",
    ),
    Preset(
        "One heavy group",
        _groups([1.0, 10.0, 1.0], [10, 10, 10], 12),
        "Group 2 has ten times the weight of the others: most of its balls are in every sample.",
    ),
    Preset(
        "Few and heavy",
        _groups([1.0, 1.0, 32.0], [18, 18, 3], 9),
        "Three balls of large weight: almost every sample contains all of them.",
    ),
    Preset(
        "One by one",
        _groups([1.0, 4.0, 20.0], [10, 10, 10], 15, law="Wallenius"),
        "Wallenius' distribution: heavy balls are taken early, while many of them remain. Dotted: Fisher's distribution.",
    ),
    Preset(
        "Nearly everything",
        _groups([1.0, 2.0, 4.0], [10, 10, 10], 28),
        "Only two balls stay in the urn: few outcomes are possible, and the weights have little effect.",
    ),
    Preset("A weight of zero", {"w1": 0.0}, "Group 1 has weight zero (hollow balls): its balls are never drawn."),
    Preset(
        "Six groups",
        _groups([0.5, 1.0, 2.0, 4.0, 8.0, 16.0], [12] * 6, 30),
        "The largest entries of the heat map belong to groups of which about half is drawn.",
    ),
]

TOUR = [
    Stop(
        "An urn",
        "The urn holds thirty balls of three groups. Balls of groups 2 and 3 have two and four times the weight of a ball of "
        "group 1, and are drawn larger. One sample takes 12 balls at once.",
        {},
        "The balls above the urn are sample 1; rings mark their places in the urn.",
    ),
    Stop(
        "A few samples",
        "Each sample gives a count for each group, and each count adds one block to that group's histogram.",
        {"step": 10},
        "Press Draw 1, or S, a few times: the counts differ from sample to sample.",
    ),
    Stop(
        "Many samples",
        "After 1,000 samples the histograms are close to the exact probabilities (outlines) of Fisher's noncentral "
        "hypergeometric distribution, which are computed and not sampled.",
        {"step": 1000},
        "The sentence above the figure compares the mean of the samples with the exact mean.",
    ),
    Stop(
        "The effect of a weight",
        "The heat map shows how much each mean changes when the logarithm of a weight grows by one. The counts always sum to "
        "n, so each column sums to zero.",
        {"step": 1000, **_groups([1.0, 2.0, 4.0, 4.0], [10, 10, 10, 10], 16)},
        "Click an entry in the column of w₃ to raise that weight, and watch the other means.",
    ),
    Stop(
        "One by one",
        "If balls are drawn one after the other, each in proportion to its weight among those left, the counts follow another "
        "distribution, Wallenius'. Heavy groups gain: they are taken early, while many of their balls remain.",
        _groups([1.0, 4.0, 20.0], [10, 10, 10], 15, law="Wallenius", step=1000),
        "The histograms fill the solid outline (Wallenius) and not the dotted one (Fisher). Here the heat map is not the "
        "covariance.",
    ),
    Stop(
        "Few outcomes",
        "If almost all balls are drawn, few outcomes are possible, and the weights have little effect.",
        _groups([1.0, 2.0, 4.0], [10, 10, 10], 28, step=200),
        "The entries of the heat map are small.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ balls with weight $w_k$; $n$ balls are drawn.

**Fisher's noncentral hypergeometric distribution**: each ball is drawn independently with odds $w_k$, on the condition that
exactly $n$ are drawn:

$$p(x) = \frac1Z \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n, \quad 0 \le x_k \le m_k .$$

It is an exponential family in $\log w$, so that

$$\mathbb E[x_i] = \frac{\partial \log Z}{\partial \log w_i}, \qquad
\frac{\partial \mathbb E[x_i]}{\partial \log w_j} = \frac{\partial^2 \log Z}{\partial \log w_i\, \partial \log w_j}
= \mathrm{Cov}(x_i, x_j) .$$

Scaling all weights by one factor changes nothing: rows of the heat map sum to zero. Counts sum to $n$: columns sum to zero.

**Wallenius' distribution**: balls are drawn one by one, each in proportion to its weight among those left. Equivalently, each
ball has an exponential clock with its weight as the rate, and the first $n$ to ring are drawn:

$$p(x) = \prod_k \binom{m_k}{x_k} \int_0^\infty D e^{-Du} \prod_k \left(1 - e^{-w_k u}\right)^{x_k} du ,
\qquad D = \sum_k w_k (m_k - x_k) .$$

Its derivatives are taken under the integral: they are exact, and differ from the covariance.

**The total variation distance** between two distributions is $\frac12 \sum_x |p(x) - q(x)|$: the fraction of samples that
differ under the best coupling of the two.

**The probability of a deviation** is that of a mean of as many samples at least as far from the exact mean. It is exact: the
distribution of the sum is the convolution power of the group's own.

Fisher: *Journal of the Royal Statistical Society* 98(1), 1935. Wallenius: Stanford University technical report, 1963; for
several groups Chesson, *Journal of Applied Probability* 13, 1976. Both: Fog, *Communications in Statistics: Simulation and
Computation* 37(2), 2008.
"""
