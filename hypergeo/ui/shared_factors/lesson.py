"""Presets, tour and formulas of the page "Shared factors"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypergeo.ui.state.prediction_kinds import Bar
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .session import plan_of, run_of, settings_of, train, view_at
from .settings import VARYING, FactorSettings
from .text import BIASES
from .view import FactorView

__all__ = ["FORMULAS", "LEGEND", "PRESETS", "TOUR"]

_ANEW = {"step": 0, "edits": ""}
PRESETS = [
    Preset(
        "Three shared",
        {**_ANEW, "shared": "3"},
        "Press Play: the blue line rises to three. AdaVAE's threshold gives about the same number as for one shared factor.",
    ),
    Preset("Two shared", {**_ANEW, "shared": "2"}, "Press Play: the dotted threshold moves to the dark line, the true number."),
    Preset(
        "Each pair differs",
        {**_ANEW, "shared": VARYING},
        "Press Play: the weight is inferred from each pair's distances, and the blue discs move to the diagonal.",
    ),
    Preset("None shared", {**_ANEW, "shared": "0"}, "Press Play: the estimate is biased here and ends at about one."),
    Preset(
        "Two spare dimensions",
        {**_ANEW, "spare": 2},
        "Press Play: the model uses more dimensions than there are factors, so the estimate is too high.",
    ),
    Preset(
        "All unused",
        {**_ANEW, "beta": 50.0},
        "Press Play: with large β the KL term dominates and the posterior collapses.",
    ),
]

_ONE = {"shared": "1", "factors": 5, "spare": 0, "rule": FactorSettings.rule, "beta": 1.0, "schedule": 1000, "edits": ""}
_STEP = 400


def _trained(values: Mapping[str, Any]) -> FactorView:
    """Returns the view of the page's model after ``_STEP`` training steps."""
    run, plan = run_of(settings_of(values)), plan_of(values)
    train(run, [_STEP], plan)
    return view_at(run, _STEP, plan, "learning", 1)


def _learned(values: Mapping[str, Any]) -> Answer:
    answer = _trained(values).words.answer
    assert answer is not None, "the steps are enough"
    even = settings_of(values).dimensions / 2
    move = "falls" if answer.mean < even else "rises"
    why = (
        f"Each shared dimension saves one KL term, but sharing a dimension that differs worsens both reconstructions. The "
        f"weight {move}, and the mean goes from {even:g} to {answer.mean:.2f}; the true number is 1."
    )
    return Answer(answer.mean, why)


def _threshold(values: Mapping[str, Any]) -> Answer:
    answer = _trained(values).words.answer
    assert answer is not None, "the steps are enough"
    why = (
        "The threshold is half-way between the smallest and the largest distance, whatever the pairs share. The learned "
        f"distribution has mean {answer.mean:.2f}; the true number is 1."
    )
    return Answer(answer.adavae, why)


def _swapped(values: Mapping[str, Any]) -> Answer:
    moved = _trained(values).now.moved
    adavae = moved["AdaVAE's"]
    why = (
        f"Root mean square change of the pixels by a swap: {moved['ours']:.3f} for the inferred shared part, "
        f"{moved['everything']:.3f} for everything, {adavae:.3f} for the shared part by AdaVAE's threshold."
    )
    return Answer(100 * moved["ours"] / moved["everything"], why)


TOUR = [
    Stop(
        "Pairs",
        "The two sprites of each pair share one of five factors: position x, position y, hue, size or brightness. The model "
        "sees only the images. It does not know which factor a pair shares, how many are shared, or that there are factors.",
        {"shared": "1"},
        "Rings mark the factor that each pair shares. The untrained model reconstructs every image alike.",
    ),
    Stop(
        "Warm-up",
        "An encoder gives every image a posterior in five dimensions. In each pair, the dimensions whose two posteriors are "
        "closest share one posterior. Their number is sampled from Fisher's noncentral hypergeometric distribution with weight "
        "one, so its mean is 2.5.",
        {"shared": "1", "step": 100},
        "The distances of the dimensions differ more than at the start. The dotted line is the threshold that the "
        "distribution sets.",
    ),
    Stop(
        "Train the weight",
        "The warm-up ends after step 200, with a mean of 2.5 shared dimensions. Now the weight of the distribution is trained, "
        "too. The pairs share one factor, but the model does not know this. What is the mean after 200 more steps?",
        {**_ONE, "view": "learning", "step": 200},
        "The blue line falls after step 200.",
        Prediction(
            Bar("Mean number of shared dimensions at step 400", 0, 5, 0.25, 0.5, start=lambda values: 2.5),
            _learned,
            after={"step": _STEP},
        ),
    ),
    Stop(
        "A fixed threshold",
        "AdaVAE shares a dimension if the distance of its posteriors is below the middle between the smallest and the largest "
        "distance. The pairs share one factor. How many dimensions does this rule share on average, with the same model?",
        {**_ONE, "view": "learning", "step": _STEP},
        "The dashed orange line and diamonds: AdaVAE's threshold.",
        Prediction(Bar("Mean number by AdaVAE's threshold", 0, 5, 0.25, 0.5), _threshold, covered=True),
    ),
    Stop(
        "The weight is now trained",
        "The weight is trained from step 200 on. Sharing a dimension saves one KL term, but sharing a dimension that differs "
        "worsens both reconstructions. The number settles where both effects balance.",
        {"shared": "1", "step": _STEP},
        "The blue line is nearer to the true number than the dashed orange line, AdaVAE's threshold.",
    ),
    Stop(
        "Swap the shared part",
        "If the inferred shared dimensions of the two images of a pair are swapped, how much do the images change? 100 % is "
        "the change when everything is swapped, so that each image becomes the other.",
        {**_ONE, "view": "learning", "step": _STEP},
        "The third row of images looks like the first.",
        Prediction(
            Bar("Change of the images, in % of swapping everything", 0, 100, 5, 15, "%"), _swapped, after={"view": "exchange"}
        ),
    ),
    Stop(
        "Swap the rest",
        "Swapping the shared part should change little, and swapping all the rest should turn one image into the other. The "
        "last row has the shared part of the next pair.",
        {"shared": "1", "step": _STEP, "view": "exchange"},
        "The third row looks like the first, the fourth like the second.",
    ),
    Stop(
        "What each dimension encodes",
        "One dimension changes at a time, and the others are fixed. The factors were never labelled: the model learns from the "
        "pairs alone which factor a dimension encodes.",
        {"shared": "1", "step": _STEP, "view": "traversals"},
        "A dot marks each dimension that is inferred as shared by this pair.",
    ),
]

LEGEND = (
    "Dark: true number. Blue: the learned distribution, fitted to the pairs of the last steps, and its threshold (dotted). "
    "Orange, dashed or diamonds: AdaVAE's threshold on the same distances. Short lines: the distribution before training."
)

FORMULAS = (
    r"""
**The model.** An encoder gives each image $x_i$ of a pair a normal posterior $q_i = \mathcal N(\mu_i, \sigma_i^2)$ in $d$
dimensions, and a decoder $g$ reconstructs images from samples $z$ (a variational autoencoder; Kingma and Welling, ICLR 2014).
The distance between both images in dimension $j$ is
$\delta_j = \tfrac12 \mathrm{KL}(q_{1j} \Vert q_{2j}) + \tfrac12 \mathrm{KL}(q_{2j} \Vert q_{1j})$.

**The number** $k$ of shared dimensions follows Fisher's noncentral hypergeometric distribution; $d$ are
drawn from $d$ shared and $d$ not shared,

$$p(k) \propto \binom{d}{k} \binom{d}{d-k} w^k .$$

A small network infers the weight $w$ from the sorted distances of the pair, or one weight is learned for all pairs. The $k$
closest dimensions share the normalised product of both posteriors, with one sample (Sutter, Manduchi, Ryser and Vogt, ICLR
2023, section 5.2). Each step samples a relaxed $k$, and the temperature falls from 1 to 0.1.

**The loss** has gates $s_j$ from 0 to 1, which are close to 1 for the closest dimensions; $\bar q$ is the product:

$$\sum_i \frac{\lVert x_i - g(z_i) \rVert^2}{2 \cdot 0.42^2}
+ \beta \sum_j \Big[(1 - s_j) \sum_i \mathrm{KL}(q_{ij} \Vert p) + s_j\, \mathrm{KL}(\bar q_j \Vert p)\Big]
+ \lambda\, \mathrm{KL}\big(p(k) \,\Vert\, \text{uniform}\big).$$

The KL term of a shared posterior counts once. $\lambda$ is 0.4 on this page. During the warm-up, $w = 1$.

**The bars** show Fisher's distribution whose mean is the mean number of shared dimensions in the pairs of the last hundred
steps. This is the maximum-likelihood fit. The estimated number is its mean.

**AdaVAE** shares a dimension where $\delta_j < \tfrac12 (\min_j \delta_j + \max_j \delta_j)$ (Locatello and others,
ICML 2020, section 5). A dimension is called **unused** if its posteriors are within 0.1 nats of the prior on average.
**Every** dimension, or **none**, is called shared if the model infers this for more than nine of ten pairs.
"""
    + "\n"
    + BIASES
)
