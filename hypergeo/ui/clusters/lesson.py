"""Presets, tour and formulas of the page "Cluster sizes"."""

from __future__ import annotations

from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .settings import STEPS

__all__ = ["FORMULAS", "PRESETS", "SENTENCE", "SPEEDS", "TITLE", "TOUR"]

TITLE = "Learning cluster sizes by gradient descent"
SENTENCE = (
    "Each step samples cluster sizes, assigns the points to fill them, and moves the weights down the gradient of the cost. "
    "**Press *Play***, or the space bar: the bars reach the true sizes (outlines); S makes one step. Drag an outline to set "
    "that "
    "cluster's true size."
)
SPEEDS = {"slow": (1, 500), "normal": (2, 110), "fast": (5, 100)}
"""Steps that each tick makes, and the least number of milliseconds between two ticks."""

PRESETS = [
    Preset(
        "Very uneven",
        {"shares": "one tiny", "clusters": 4},
        "One cluster has a tenth of the points of each other one. Press Play: its bar shrinks to its outline.",
    ),
    Preset(
        "Overlapping clusters",
        {"apart": 2.5},
        "The clusters overlap. Press Play: the sizes are still found; pale points could belong to either cluster.",
    ),
    Preset(
        "Known capacity",
        {"room": 40, "shares": "two large", "apart": 2.0},
        "No cluster may hold more than 40 % of the points. Press Play: no bar grows beyond 160 points.",
    ),
    Preset(
        "Low temperature",
        {"tau": 0.05},
        "Press Play: the sampled sizes (dots) are nearly integers, and vary more from step to step.",
    ),
    Preset(
        "Side by side, last step",
        {"view": "side by side", "step": STEPS},
        "Three priors after all steps: compare the errors above the pictures.",
    ),
    Preset(
        "Real digits",
        {"source": "digits", "clusters": 4, "shares": "even"},
        "Handwritten digits 0 to 3, projected to the plane. Press Play: real classes are not round, and sizes are harder.",
    ),
]

TOUR = [
    Stop(
        "Equal sizes at the start",
        "400 points form four clusters of 213, 107, 53 and 27. The model knows none of these sizes: it starts with 100 points "
        "in every cluster.",
        {},
        "Bars are the sizes that the model expects, outlines are the true sizes.",
    ),
    Stop(
        "The first steps",
        "Each step samples sizes from the hypergeometric distribution, assigns the points to fill them, and follows the "
        "gradient of the cost through the sampled sizes to the weights.",
        {"step": 20},
        "Arrows on the bars: the direction in which the gradient moves each size. Dots: sizes sampled in recent steps.",
    ),
    Stop(
        "The bars reach the outlines",
        "After a hundred steps the weights differ between clusters, and so do the sizes.",
        {"step": 100},
        "The lines of the log weights at the right.",
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
        "When a size limit is known",
        "If the maximum size of a cluster is known, the hypergeometric distribution respects it at every step. Mixture weights "
        "cannot use it.",
        {"shares": "two large", "room": 40, "apart": 2.0, "step": STEPS, "view": "side by side"},
        "The error of the sizes above each picture. Try other seeds: one picture proves nothing.",
    ),
]

FORMULAS = r"""
$N$ points $x_i$ fall into $K$ clusters of sizes $n = (n_1, \dots, n_K)$. **The sizes** have Fisher's noncentral
hypergeometric distribution, $p(n) \propto \prod_k \binom{m_k}{n_k} w_k^{n_k}$: cluster $k$ has capacity $m_k$ and weight
$w_k$. A step samples relaxed sizes with temperature $\tau$.

**The assignment** fills them at least cost. With $C_{ik} = -\log p(x_i \mid k)$, Gaussian clusters of one width,

$$J(n) = \min_P \sum_{ik} P_{ik} C_{ik} + P_{ik} \log \frac{P_{ik}}{n_k / N}, \qquad
\sum_k P_{ik} = 1, \quad \sum_i P_{ik} = n_k ,$$

an entropic transport problem (Cuturi, NeurIPS 2013; for self-labelling, Asano, Rupprecht and Vedaldi, ICLR 2020). Without
limits on the sizes its minimum over $n$ is the negative log-likelihood of a Gaussian mixture.

**The gradient** follows from the envelope theorem: $\partial J / \partial C = P$, and $\partial J / \partial n_k$ is the
column's potential; its negative is the arrow on each bar. It passes through the relaxed sample to $\log w$ (Sutter, Manduchi,
Ryser and Vogt, ICLR 2023, section 5.3), and Adam takes the step (Kingma and Ba, ICLR 2015). The sizes reported are the
distribution's mean.

**Mixture weights** are those of a mixture model, $n_k = N\, \mathrm{softmax}(\log w)_k$, without sampling; **equal sizes** are
$n_k = N / K$. The adjusted Rand index is that of Hubert and Arabie, *Journal of Classification* 2, 1985.
"""
