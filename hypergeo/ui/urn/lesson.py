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
    Preset("A thousand draws", {"step": 1000}, "Bars fill their outlines: what is seen comes to what is exact."),
    Preset("Equal weights", {f"w{k}": 1.0 for k in range(1, 7)}, "The central law: only sizes count, and both laws are one."),
    Preset(
        "One dominant group",
        _groups([1.0, 10.0, 1.0], [10, 10, 10], 12),
        "Group 2 is ten times as important as the others: most of it leaves in every draw.",
    ),
    Preset(
        "Few and precious",
        _groups([1.0, 1.0, 32.0], [18, 18, 3], 9),
        "Three elements of great weight: almost always all of them are drawn.",
    ),
    Preset(
        "One by one",
        _groups([1.0, 4.0, 20.0], [10, 10, 10], 15, law="Wallenius"),
        "Wallenius' law: while important elements are left, they go first. The dotted outline is Fisher's law.",
    ),
    Preset(
        "Nearly everything",
        _groups([1.0, 2.0, 4.0], [10, 10, 10], 28),
        "Only two elements stay: most counts are forced, and weights move little.",
    ),
    Preset("A weight of zero", {"w1": 0.0}, "Group 1's balls are hollow, and are never drawn."),
    Preset(
        "Six groups",
        _groups([0.5, 1.0, 2.0, 4.0, 8.0, 16.0], [12] * 6, 30),
        "The heat map shows who takes from whom: mostly those that are neither always nor never drawn.",
    ),
]

TOUR = [
    Stop(
        "An urn",
        "Thirty balls of three groups lie in it. Groups 2 and 3 are two and four times as important as group 1: larger balls. "
        "One draw takes 12 of them out at once.",
        {},
        "The balls above the urn are those of draw 1; rings mark where they lay.",
    ),
    Stop(
        "A few draws",
        "Every draw gives each group a count, and each count adds one block to its bar.",
        {"step": 10},
        "Press Draw 1, or S, a few times: which balls leave is never the same.",
    ),
    Stop(
        "Many draws",
        "After a thousand draws the bars have become the law: Fisher's noncentral hypergeometric law, the dark outline, which "
        "is computed, not drawn.",
        {"step": 1000},
        "The line above the figure compares the mean of the draws with the exact one.",
    ),
    Stop(
        "How means answer to weights",
        "The heat map says how many elements each mean gains when the logarithm of a weight grows by one. What one group gains "
        "the others lose, so each column adds up to nothing.",
        {"step": 1000, **_groups([1.0, 2.0, 4.0, 4.0], [10, 10, 10, 10], 16)},
        "The sentence under the heat map. Move weight 3 and watch it.",
    ),
    Stop(
        "One by one",
        "If balls leave one after the other, each time in proportion to weight among those left, the counts follow another "
        "law: Wallenius'. Important groups gain, since they go while there are many of them.",
        _groups([1.0, 4.0, 20.0], [10, 10, 10], 15, law="Wallenius", step=1000),
        "Bars fill the dark outline and leave the dotted one, which is Fisher's law. Here the heat map is not the covariance.",
    ),
    Stop(
        "Forced",
        "When almost everything is drawn, importance hardly matters: there is little left to choose.",
        _groups([1.0, 2.0, 4.0], [10, 10, 10], 28, step=200),
        "The numbers in the heat map are small now.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ elements with importance $w_k$; $n$ elements leave it.

**Fisher's law** is that of elements which leave independently, with odds $w_k$, on the condition that exactly $n$ do:

$$p(x) = \frac1Z \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n, \quad 0 \le x_k \le m_k .$$

It is an exponential family in $\log w$, so that

$$\mathbb E[x_i] = \frac{\partial \log Z}{\partial \log w_i}, \qquad
\frac{\partial \mathbb E[x_i]}{\partial \log w_j} = \frac{\partial^2 \log Z}{\partial \log w_i\, \partial \log w_j}
= \mathrm{Cov}(x_i, x_j) .$$

Scaling all weights by one factor changes nothing: rows of the heat map add up to zero. Counts add up to $n$: so do columns.

**Wallenius' law** is that of elements which leave one by one, each in proportion to its weight among those left. It is the
same as giving each element an exponential clock with its weight as the rate and taking the first $n$ to ring:

$$p(x) = \prod_k \binom{m_k}{x_k} \int_0^\infty D e^{-Du} \prod_k \left(1 - e^{-w_k u}\right)^{x_k} du ,
\qquad D = \sum_k w_k (m_k - x_k) .$$

Its derivatives are taken under the integral: they are exact, and are not the covariance.

**The distance** between two laws is their total variation, $\frac12 \sum_x |p(x) - q(x)|$: the smallest share of draws that
differ, however draws from the one are matched with draws from the other.

Fisher: *Journal of the Royal Statistical Society* 98(1), 1935. Wallenius: Stanford University technical report, 1963; for
several groups Chesson, *Journal of Applied Probability* 13, 1976. Both: Fog, *Communications in Statistics: Simulation and
Computation* 37(2), 2008.
"""
