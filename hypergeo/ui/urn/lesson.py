"""Presets, tour and formulas of the page "Urn"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import draw_all, exact_laws
from .view import UrnSettings

__all__ = ["FORMULAS", "PRESETS", "TOUR"]


def _groups(w: list[float], m: list[int], n: int, **more: object) -> dict[str, object]:
    """Returns values of the controls of an urn, and of other controls, by name."""
    weights = {f"w{k}": weight for k, weight in enumerate(w, 1)}
    return {"groups": len(w), "n": n, **weights, **{f"m{k}": size for k, size in enumerate(m, 1)}, **more}


def _weighted(urn: Urn, weight: float) -> Urn:
    """Returns the urn with another weight of group 3."""
    return replace(urn, weights=(*urn.weights[:2], weight, *urn.weights[3:]))


def _ratio(values: Mapping[str, Any]) -> Answer:
    urn = UrnSettings.of({**values, "n": 12}).urn
    light, _, heavy = exact_laws(urn).fisher.mean / urn.group_sizes
    why = (
        f"No ball can be drawn twice: a ball of group 3 is drawn with probability {heavy:.2f}, one of group 1 with {light:.2f}."
    )
    return Answer(heavy / light, why)


def _loser(values: Mapping[str, Any]) -> Answer:
    column = exact_laws(UrnSettings.of(values).urn).fisher.sensitivity[:, 2]
    losses = {f"group {group + 1}": -float(column[group]) for group in (0, 1, 3)}
    loser = max(losses, key=losses.__getitem__)
    listed = ", ".join(f"{name} loses {loss:.2f}" for name, loss in losses.items())
    why = f"Per unit of log weight, {listed} balls. Each loss is minus the covariance with the count of group 3."
    return Answer(loser, why)


def _one_by_one(values: Mapping[str, Any]) -> Answer:
    laws = exact_laws(UrnSettings.of(values).urn)
    before, after = float(laws.fisher.mean[2]), float(laws.wallenius.mean[2])
    change = "stays" if abs(after - before) < 0.005 else "rises" if after > before else "falls"
    why = f"It goes from {before:.2f} to {after:.2f} balls: heavy balls are taken early, while many of them remain in the urn."
    return Answer(change, why)


def _changed(values: Mapping[str, Any]) -> Answer:
    settings = UrnSettings.of(values)
    heavier = _weighted(settings.urn, 1.01 * settings.urn.weights[2])
    before, after = (draw_all(urn, "Fisher", settings.seed).counts for urn in (settings.urn, heavier))
    changed = int((before != after).any(1).sum())
    gain = float(exact_laws(heavier).fisher.mean[2] - exact_laws(settings.urn).fisher.mean[2])
    return Answer(
        changed,
        f"These {changed} samples jump by whole balls, and all others stay exactly as they are. The mean of group 3 grows "
        f"smoothly, by {gain:.3f} balls.",
    )


PRESETS = [
    Preset("1,000 samples", {"step": 1000}, "With 1,000 samples the histograms are close to the exact probabilities."),
    Preset(
        "Equal weights",
        {f"w{k}": 1.0 for k in range(1, 7)},
        "With equal weights only the group sizes matter: Fisher's and Wallenius' distributions are the same.",
    ),
    Preset(
        "One heavy group",
        _groups([1.0, 10.0, 1.0], [10, 10, 10], 12),
        "Group 2 has ten times the weight of the others: every sample takes most of its balls.",
    ),
    Preset(
        "Few and heavy",
        _groups([1.0, 1.0, 32.0], [18, 18, 3], 9),
        "Group 3 has only three balls, of large weight: almost every sample contains all three.",
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
        "The largest entries of the heat map belong to groups from which about half of the balls are drawn.",
    ),
]

TOUR = [
    Stop(
        "An urn",
        "The urn holds 30 balls: three groups of ten. Balls of groups 1, 2 and 3 have weights 1, 2 and 4. Heavier balls are "
        "shown larger. One sample takes 12 balls out of the urn.",
        {},
        "The balls above the urn are those of sample 1; rings mark where they were.",
    ),
    Stop(
        "A few samples",
        "Each sample has one count for each group. The count adds one block to the histogram of its group.",
        {"step": 10},
        "Press Draw 1, or S, a few times: the counts vary from sample to sample.",
    ),
    Stop(
        "Many samples",
        "After 1,000 samples the histograms are close to the dark outlines, which are the exact probabilities under Fisher's "
        "noncentral hypergeometric distribution.",
        {"step": 1000},
        "The sentence above the figure compares the mean of the samples with the exact mean.",
    ),
    Stop(
        "Four times the weight",
        "If only one ball is drawn, as here, a ball of group 3 is 4 times as likely to be drawn as a ball of group 1. Suppose "
        "that 12 of the 30 balls are drawn. How many times as likely is it then?",
        {**_groups([1.0, 2.0, 4.0], [10, 10, 10], 1), "law": "Fisher", "step": 1},
        "Divide the mean of group 3 by that of group 1: both are above the histograms.",
        Prediction(Bar("How many times as likely as a ball of group 1?", 0, 6, 0.1, 0.4), _ratio, after={"n": 12}),
    ),
    Stop(
        "Which mean falls most",
        "The weights are 1, 2, 4 and 4, and 16 of 40 balls are drawn. If the weight of group 3 is raised, its mean rises. "
        "Which other mean falls most?",
        {**_groups([1.0, 2.0, 4.0, 4.0], [10, 10, 10, 10], 16), "law": "Fisher", "step": 1000},
        "The third column of the heat map shows what each mean gains or loses when w₃ is raised.",
        Prediction(Pick("Mean that falls most", ["group 1", "group 2", "group 4"]), _loser, covered=True),
    ),
    Stop(
        "How means depend on weights",
        "The heat map shows the derivative of each mean with respect to the logarithm of each weight. The counts always sum to "
        "n, so each column sums to zero.",
        {"step": 1000, **_groups([1.0, 2.0, 4.0, 4.0], [10, 10, 10, 10], 16)},
        "Click an entry in the column of w₃ to raise that weight, and watch the other means.",
    ),
    Stop(
        "One ball after another",
        "The weights are 1, 4 and 20, and 15 of 30 balls are drawn. Suppose that the balls are not drawn at once, but one "
        "after another, each with probability proportional to its weight among the balls that are left. What happens to the "
        "mean of group 3?",
        {**_groups([1.0, 4.0, 20.0], [10, 10, 10], 15), "law": "Fisher", "step": 1000},
        "Dark outlines: one after another (Wallenius). Dotted outlines: at once (Fisher).",
        Prediction(Pick("The mean of group 3", ["rises", "stays", "falls"]), _one_by_one, {"law": "Wallenius"}, covered=True),
    ),
    Stop(
        "Wallenius' distribution",
        "If balls are drawn one after another, the counts have Wallenius' distribution. Heavy groups gain: their balls are "
        "taken early, while many of them remain.",
        _groups([1.0, 4.0, 20.0], [10, 10, 10], 15, law="Wallenius", step=1000),
        "The histograms fit the dark outlines, not the dotted ones. Here the heat map differs from the covariance.",
    ),
    Stop(
        "Almost every ball",
        "When 28 of 30 balls are drawn, weights hardly matter: only two balls stay in the urn.",
        _groups([1.0, 2.0, 4.0], [10, 10, 10], 28, step=200),
        "The numbers in the heat map are much smaller than before.",
    ),
    Stop(
        "A slightly larger weight",
        "1,000 samples have been drawn with weights 1, 2 and 4. Suppose that the weight of group 3 is raised by 1 %, from 4 to "
        "4.04, and the samples are drawn again with the same random numbers. How many of the 1,000 samples change?",
        {**_groups([1.0, 2.0, 4.0], [10, 10, 10], 12), "law": "Fisher", "step": 1000},
        "The next stop explains why so few samples change.",
        Prediction(Bar("Samples that change, of 1,000", 0, 1000, 10, 50), _changed),
        chapter="Counts have no gradient",
    ),
    Stop(
        "No gradient",
        "A count is an integer: as a weight grows, the count stays the same and then jumps. Its derivative is zero almost "
        "everywhere, so we cannot backpropagate through a sample. The mean, however, depends smoothly on the weights.",
        {**_groups([1.0, 2.0, 4.0], [10, 10, 10], 12), "step": 1000},
        "Move the weight of group 3: the outlines change smoothly, and the histograms jump.",
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

If all weights are multiplied by one factor, nothing changes, so the rows of the heat map sum to zero. The counts sum to $n$,
so the columns sum to zero.

**Wallenius' distribution**: balls are drawn one by one, each in proportion to its weight among those left. Equivalently, each
ball has an exponential arrival time with its weight as the rate, and the first $n$ to arrive are drawn:

$$p(x) = \prod_k \binom{m_k}{x_k} \int_0^\infty D e^{-Du} \prod_k \left(1 - e^{-w_k u}\right)^{x_k} du ,
\qquad D = \sum_k w_k (m_k - x_k) .$$

Derivatives of the means are computed under the integral: they are exact, and they differ from the covariance.

**The total variation distance** between two distributions is $\frac12 \sum_x |p(x) - q(x)|$: the fraction of samples that
differ under the best coupling of the two.

**The probability of a difference this large**: the probability that the mean of equally many samples differs from the exact
mean by at least as much. It is exact: the distribution of the sum is a convolution power of the distribution of one count.

Fisher: *Journal of the Royal Statistical Society* 98(1), 1935. Wallenius: Stanford University technical report, 1963; for
several groups Chesson, *Journal of Applied Probability* 13, 1976. Both: Fog, *Communications in Statistics: Simulation and
Computation* 37(2), 2008.
"""
