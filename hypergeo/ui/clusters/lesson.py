"""Presets, tour and formulas of the page "Cluster sizes"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypergeo.ui.runtime.scheduler import catch_up
from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .session import request_of, view_at, work_until
from .settings import STEPS
from .text import NAMES

__all__ = ["FORMULAS", "PRESETS", "SENTENCE", "SPEEDS", "TITLE", "TOUR"]

TITLE = "Learning cluster sizes by gradient descent"
SENTENCE = (
    "Each step samples cluster sizes, assigns points to fill them, and updates the weights by gradient descent. "
    "**Press *Play***, or the space bar: the bars reach the outlines, the true sizes. You can drag the outlines."
)
SPEEDS = {"slow": (1, 500), "normal": (2, 110), "fast": (5, 100)}
"""For each speed, the number of steps per tick and the least time between two ticks in milliseconds."""

PRESETS = [
    Preset(
        "Very uneven",
        {"shares": "one tiny", "clusters": 4},
        "One cluster has a tenth as many points as each of the others. Press Play: its bar shrinks to its outline.",
    ),
    Preset(
        "Overlapping clusters",
        {"apart": 2.5},
        "The clusters overlap: pale points could belong to several clusters. Press Play: the bars come close to the outlines.",
    ),
    Preset(
        "Known capacity",
        {"room": 40, "shares": "two large", "apart": 2.0},
        "No cluster may hold more than 40 % of the points. Press Play: no bar grows beyond 160 points.",
    ),
    Preset(
        "Low temperature",
        {"tau": 0.05},
        "Press Play: the sampled sizes (dots) are close to integers.",
    ),
    Preset(
        "Side by side, last step",
        {"view": "side by side", "step": STEPS},
        "Three priors after all steps: compare the size errors above the pictures.",
    ),
    Preset(
        "Real digits",
        {"source": "digits", "clusters": 4, "shares": "even"},
        "Handwritten digits 0 to 3 in two dimensions. Press Play: the classes are not round, so sizes are harder to learn.",
    ),
]

_CLOUDS = {"source": "clouds", "clusters": 4, "number": 400, "edits": "", "tau": 1.0, "kind": "soft", "conditionals": "exact"}
_FREE = {**_CLOUDS, "shares": "steep", "apart": 4.0, "room": 100}
_LIMITED = {**_CLOUDS, "number": 200, "shares": "two large", "apart": 2.5, "room": 40}


def _errors(values: Mapping[str, Any]) -> dict[str, float]:
    """Returns the size error of each prior after all steps, in per cent of the points."""
    request = request_of({**values, "view": "side by side"}, None)
    catch_up(work_until(request, STEPS), "Running the optimiser")
    view = view_at(request, STEPS)
    shown = {"hypergeometric": view.ours, **view.others}
    return {NAMES[prior]: 100 * snapshot.scores.size_error for prior, snapshot in shown.items() if snapshot.scores is not None}


def _listed(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {error:.1f}\N{NARROW NO-BREAK SPACE}%" for name, error in errors.items())


def _equal_error(values: Mapping[str, Any]) -> Answer:
    errors = _errors(values)
    return Answer(
        errors[NAMES["uniform"]],
        "Each cluster has 100 points, but two of the true clusters have 213 and 107. So 113 + 7 = 120 of the 400 points must "
        f"change cluster (30 %). Size errors after {STEPS} steps: {_listed(errors)}.",
    )


_TIE = "hypergeometric and mixture weights are equally good"


def _best(values: Mapping[str, Any]) -> Answer:
    errors = _errors(values)
    ours, mixture = errors[NAMES["hypergeometric"]], errors[NAMES["categorical"]]
    best = min(errors, key=errors.__getitem__)
    why = f"Size errors: {_listed(errors)}."
    return Answer(_TIE if abs(ours - mixture) <= 1 and best != NAMES["uniform"] else best, why)


_OPTIONS = [*NAMES.values(), _TIE]
TOUR = [
    Stop(
        "Equal sizes at the start",
        "400 points form four clusters of 213, 107, 53 and 27 points. The model knows none of these sizes: it starts with 100 "
        "points in every cluster.",
        {},
        "Bars: the expected sizes of the model. Outlines: the true sizes.",
    ),
    Stop(
        "The first steps",
        "Each step samples sizes from the hypergeometric distribution and assigns the points to fill them. The gradient of the "
        "assignment's cost passes through the sampled sizes and changes the weights.",
        {"step": 20},
        "Arrows on the bars: the direction in which the gradient moves each size. Dots: sizes sampled in recent steps.",
    ),
    Stop(
        "The bars reach the outlines",
        "After 100 steps the weights differ between clusters, and so do the sizes.",
        {"step": 100},
        "The lines at the right: the log weight of each cluster at every step.",
    ),
    Stop(
        "Always equal sizes",
        "A common assumption is that all clusters have the same size. The model makes all steps with this assumption. What "
        "fraction of the points must then change cluster to reach the true sizes, 213, 107, 53 and 27?",
        {**_FREE, "view": "ours", "step": 0},
        "The third picture: equal sizes split the largest cluster.",
        Prediction(
            Bar("Size error with equal sizes, in % of the points", 0, 100, 5, 7.5, "%"),
            _equal_error,
            after={"view": "side by side", "step": STEPS},
        ),
    ),
    Stop(
        "Without a size limit",
        "Three priors for the sizes: the hypergeometric distribution, learned mixture weights, and equal sizes. All three have "
        "the same points and the same start. Which one has the smallest size error after all steps?",
        {**_FREE, "view": "ours", "step": 0},
        "The size errors above the three pictures.",
        Prediction(Pick("Smallest size error", _OPTIONS), _best, after={"view": "side by side", "step": STEPS}),
    ),
    Stop(
        "Three priors compared",
        "The same points from the same start with three priors: the hypergeometric distribution, learned mixture weights, "
        "and equal sizes.",
        {"step": STEPS, "view": "side by side"},
        "Without a size limit, the hypergeometric distribution and mixture weights do equally well; equal sizes split the "
        "largest cluster.",
    ),
    Stop(
        "With a size limit",
        "Four overlapping clusters have 80, 80, 20 and 20 points. It is known that no cluster has more than 40 % of the "
        "points. This limit is the group size of the hypergeometric distribution. Which prior has the smallest size error "
        "after all steps?",
        {**_LIMITED, "view": "ours", "step": 0},
        "The size errors above the three pictures.",
        Prediction(Pick("Smallest size error", _OPTIONS), _best, after={"view": "side by side", "step": STEPS}),
    ),
    Stop(
        "When a size limit is known",
        "The hypergeometric distribution respects the limit at every step; mixture weights cannot use it. With each of the "
        "seeds 0 to 3 the hypergeometric distribution has the smaller size error here.",
        {**_LIMITED, "step": STEPS, "view": "side by side"},
        "The size errors above the pictures. Try other seeds: one run proves nothing.",
    ),
]

FORMULAS = r"""
$N$ points $x_i$ fall into $K$ clusters of sizes $n = (n_1, \dots, n_K)$. **The sizes** have Fisher's noncentral
hypergeometric distribution, $p(n) \propto \prod_k \binom{m_k}{n_k} w_k^{n_k}$: cluster $k$ has capacity $m_k$ and weight
$w_k$. A step samples relaxed sizes with temperature $\tau$.

**The assignment** fills these sizes at the least cost. With costs $C_{ik} = -\log p(x_i \mid k)$ (Gaussians of one width),

$$J(n) = \min_P \sum_{ik} P_{ik} C_{ik} + P_{ik} \log \frac{P_{ik}}{n_k / N}, \qquad
\sum_k P_{ik} = 1, \quad \sum_i P_{ik} = n_k ,$$

an entropic transport problem (Cuturi, NeurIPS 2013; for self-labelling, Asano, Rupprecht and Vedaldi, ICLR 2020). Without
limits on the sizes its minimum over $n$ is the negative log-likelihood of a Gaussian mixture.

**The gradient** follows from the envelope theorem: $\partial J / \partial C = P$, and $\partial J / \partial n_k$ is the
column's potential; its negative is the arrow on each bar. The gradient passes through the relaxed sample to $\log w$ (Sutter,
Manduchi, Ryser and Vogt, ICLR 2023, section 5.3), and Adam takes the step (Kingma and Ba, ICLR 2015). The reported sizes are
the mean of the distribution.

**Mixture weights** are those of a mixture model, $n_k = N\, \mathrm{softmax}(\log w)_k$, without sampling; **equal sizes** are
$n_k = N / K$. The adjusted Rand index is that of Hubert and Arabie, *Journal of Classification* 2, 1985.
"""
