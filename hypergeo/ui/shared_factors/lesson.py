"""What the page "Shared factors" teaches: its presets, its tour and its formulas."""

from __future__ import annotations

from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .settings import VARYING
from .text import BIASES

__all__ = ["FORMULAS", "LEGEND", "PRESETS", "TOUR"]

_ANEW = {"step": 0, "edits": ""}
PRESETS = [
    Preset(
        "Three shared",
        {**_ANEW, "shared": "3"},
        "Press Play: the blue line rises to three, while AdaVAE's threshold gives about the same number as for one.",
    ),
    Preset(
        "Two shared", {**_ANEW, "shared": "2"}, "Press Play: the dotted threshold moves to the left of AdaVAE's dashed line."
    ),
    Preset(
        "Each pair differs",
        {**_ANEW, "shared": VARYING},
        "Press Play: the weight is inferred from each pair's distances, and the blue discs move to the diagonal.",
    ),
    Preset("None shared", {**_ANEW, "shared": "0"}, "Press Play: a biased case. The estimate ends at about one."),
    Preset(
        "Two spare dimensions",
        {**_ANEW, "spare": 2},
        "Press Play: factors spread over more dimensions than there are factors, so the estimate is too high.",
    ),
    Preset(
        "All unused",
        {**_ANEW, "beta": 50.0},
        "Press Play: with large β the KL term dominates and the posterior collapses.",
    ),
]

TOUR = [
    Stop(
        "Pairs",
        "Each pair of sprites shares one of five factors: position x and y, hue, size, brightness. The model sees only the "
        "images: not which factors a pair shares, not how many, not that there are factors.",
        {},
        "Rings mark the factors that each pair shares. The untrained model reconstructs every image alike.",
    ),
    Stop(
        "Warm-up",
        "An encoder gives every image a posterior in five dimensions. In each pair, the dimensions whose two posteriors are "
        "closest share one posterior. How many do is sampled from Fisher's noncentral hypergeometric distribution with weight "
        "one, which gives two or three.",
        {"step": 100},
        "The distances of the dimensions separate. Dotted line: threshold of the distribution.",
    ),
    Stop(
        "The weight is now trained",
        "From step 200 on the distribution's weight is trained. Sharing a dimension saves one KL term; sharing a wrong one "
        "worsens both reconstructions. The number settles where the two balance.",
        {"step": 400},
        "The blue line moves to the true number. AdaVAE's stays above it: its threshold is fixed half-way between the closest "
        "and the farthest dimension.",
    ),
    Stop(
        "Swap the shared part",
        "Swapping what a pair shares between its images should change nothing; swapping all the rest turns one image into the "
        "other. The last row has the shared part of the next pair.",
        {"step": 400, "view": "exchange"},
        "The third row looks like the first, and the fourth like the second.",
    ),
    Stop(
        "What each dimension encodes",
        "One dimension changes at a time, the others stay. The factors were never labelled: that each dimension follows one of "
        "them is learned from what pairs share.",
        {"step": 400, "view": "traversals"},
        "A dot marks the dimensions that are inferred as shared by this pair.",
    ),
]

LEGEND = (
    "Dark: true number. Blue: the learned distribution, fitted to the pairs of the last steps, and its threshold (dotted). "
    "Orange, dashed or diamonds: AdaVAE's threshold on the same distances. Short strokes: the distribution before training."
)

FORMULAS = (
    r"""
**The model.** An encoder gives each image $x_i$ of a pair a normal posterior $q_i = \mathcal N(\mu_i, \sigma_i^2)$ in $d$
dimensions, and a decoder $g$ makes images of samples $z$ (a variational autoencoder; Kingma and Welling, ICLR 2014). The
distance of both images in dimension $j$ is
$\delta_j = \tfrac12 \mathrm{KL}(q_{1j} \Vert q_{2j}) + \tfrac12 \mathrm{KL}(q_{2j} \Vert q_{1j})$.

**The number** $k$ of shared dimensions follows Fisher's noncentral hypergeometric distribution with $d$ drawn from two groups
of $d$, shared and not,

$$p(k) \propto \binom{d}{k} \binom{d}{d-k} w^k ,$$

whose weight $w$ is inferred by a small network from the sorted distances of the pair, or is one for all pairs. The $k$ closest
dimensions share the normalised product of both posteriors, with one sample (Sutter, Manduchi, Ryser and Vogt, ICLR 2023,
section 5.2). Each step samples a relaxed $k$ whose temperature falls from 1 to 0.1.

**The loss** is, with gates $s_j$ from 0 to 1 that open for the closest dimensions and $\bar q$ for the product,

$$\sum_i \frac{\lVert x_i - g(z_i) \rVert^2}{2 \cdot 0.42^2}
+ \beta \sum_j \Big[(1 - s_j) \sum_i \mathrm{KL}(q_{ij} \Vert p) + s_j\, \mathrm{KL}(\bar q_j \Vert p)\Big]
+ \lambda\, \mathrm{KL}\big(p(k) \,\Vert\, \text{uniform}\big):$$

the KL term of a shared posterior counts once. $\lambda$ is 0.4 on this page. In the warm-up $w = 1$.

**The bars** are Fisher's distribution with the mean number of the pairs of the last hundred steps, which is its
maximum-likelihood fit to them; the estimated number is its mode.

**AdaVAE** shares a dimension where $\delta_j < \tfrac12 (\min_j \delta_j + \max_j \delta_j)$ (Locatello and others,
ICML 2020, section 5). A dimension is called **unused** where its posteriors are within 0.1 nats of the prior on average.
**Every** dimension, or **none**, is called shared where the model infers so in more than nine of ten pairs.
"""
    + "\n"
    + BIASES
)
