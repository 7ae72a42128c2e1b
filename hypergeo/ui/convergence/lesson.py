"""Playback, presets, tour and formulas of the page "Convergence"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypergeo.ui.component.playback import Playback
from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import TEMPERATURES
from .view import ConvergenceSettings, View, convergence_view

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
    """Returns values of the controls for an urn of three groups, with further values."""
    groups = {f"w{k}": weight for k, weight in enumerate(w, 1)} | {f"m{k}": size for k, size in enumerate(m, 1)}
    return {"groups": 3, "n": n, **groups, **more}


PRESETS = [
    Preset("Low temperature, τ = 0.01", {"tau": 0.01}, "The discs fill the rings: up to sampling error the samples are exact."),
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
        "The published approximation",
        _three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01),
        "With merged conditionals (the published approximation) the discs do not fill the rings, even at τ = 0.01.",
    ),
    Preset(
        "Few outcomes",
        _three((1.0, 2.0, 4.0), (4, 10, 12), 24, conditionals="exact"),
        "Only two balls stay in the urn, so few outcomes are possible. At a high temperature samples lie between the outcomes.",
    ),
    Preset("A weight of zero", {"w1": 0.0}, "Balls of group 1 are never drawn: all samples lie on one side of the triangle."),
    Preset(
        "Straight-through",
        {"kind": "straight-through"},
        "Integer counts with exactly the right distribution at every temperature. The soft samples (dots) give the gradients.",
    ),
    Preset(
        "Five groups",
        {"groups": 5, "n": 20},
        "A triangle can show three groups only. With five groups the figure shows the counts of groups 1 and 2.",
    ),
]


def _view(values: Mapping[str, Any], **changes: Any) -> View:
    return convergence_view(ConvergenceSettings.of({**values, **changes}))


def _deviation(values: Mapping[str, Any], **changes: Any) -> float:
    """Returns the standard deviation of the samples of group 3, in per cent of the exact one."""
    view = _view(values, **changes)
    return 100 * float(view.shown[:, 2].std() / view.law.deviation[2])


def _cooled(values: Mapping[str, Any]) -> Answer:
    exact = float(_view(values).law.deviation[2])
    before, after = _deviation(values), _deviation(values, tau=0.1)
    why = (
        f"A soft sample is an average over counts. At τ = 0.1 it averages over fewer counts than at τ = 1. The standard "
        f"deviation grows from {before * exact / 100:.2f} to {after * exact / 100:.2f} balls; exact samples have {exact:.2f}."
    )
    return Answer(after, why)


_EQUAL, _HALF, _NOISE = "as large as that of the soft samples", "half as large", "sampling noise only"


def _rounded(values: Mapping[str, Any]) -> Answer:
    soft, hard = _view(values, kind="soft"), _view(values, kind="straight-through")
    options = {_EQUAL: soft.distance, _HALF: soft.distance / 2, _NOISE: soft.floor.mean}
    nearest = min(options, key=lambda option: abs(options[option] - hard.distance))
    why = (
        f"Straight-through samples have distance {hard.distance:.2f}, soft samples {soft.distance:.2f}; 95 % of equally large "
        f"sets of exact samples are below {soft.floor.quantile:.2f}. The temperature does not change the order of the log "
        "probabilities with noise, so it does not change the integer sample."
    )
    return Answer(nearest, why)


_EXACT, _OTHER = "follow the exact distribution", "follow another distribution"


def _heavy_first(values: Mapping[str, Any]) -> Answer:
    view = _view(values, conditionals="merged")
    other = _view(values, conditionals="merged", w1=1.0, w2=10.0)
    why = (
        f"Their distance is {view.distance:.2f}; 95 % of equally large sets of exact samples are below "
        f"{view.floor.quantile:.2f}. The merged groups 2 and 3 have the same weight, so the merge is exact. With weights "
        f"1, 10, 1 the distance is {other.distance:.2f}."
    )
    return Answer(_EXACT if view.distance <= 1.5 * view.floor.quantile else _OTHER, why)


_URN = _three((1.0, 2.0, 4.0), (12, 12, 12), 12, conditionals="exact")
_UNEQUAL = _three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01)
TOUR = [
    Stop(
        "Exact and relaxed",
        "12 balls are drawn from three groups. Ring area: exact probability of a count vector. Disc area: fraction of relaxed "
        "samples nearest to that vector. At τ = 10 each sample is an average over many counts, so all are nearly equal.",
        {"tau": 10.0},
        "All samples are close to one spot, while the rings cover many count vectors.",
    ),
    Stop(
        "A lower temperature",
        "The same samples with the same noise, at τ = 1. Each sample averages over fewer counts, so the samples differ more.",
        {"tau": 1.0},
        "Bottom right: the distance from the exact distribution is smaller than at τ = 10.",
    ),
    Stop(
        "Cool down further",
        "At τ = 1 the standard deviation of the samples is far too small. How large is it at τ = 0.1, in per cent of the exact "
        "standard deviation?",
        {**_URN, "tau": 1.0, "kind": "soft"},
        "The histograms at the right are almost as wide as the dark outlines.",
        Prediction(
            Bar("Standard deviation of group 3, in % of the exact one", 0, 150, 5, 10, "%", start=_deviation),
            _cooled,
            after={"tau": 0.1},
        ),
    ),
    Stop(
        "Almost exact",
        "At τ = 0.01 nearly every sample is an integer vector up to rounding, and the samples follow the exact distribution.",
        {"tau": 0.01},
        "The distance is below the upper edge of the band, as it is for 95 % of equally large sets of exact samples.",
    ),
    Stop(
        "One sample, from hot to cold",
        "The line is the path of one sample from the highest temperature to the lowest. At every point the counts sum to 12 "
        "and are differentiable functions of the weights.",
        {"tau": 0.32, "follow": 24},
        "Press Cool down and watch the coloured point.",
    ),
    Stop(
        "Integers at a high temperature",
        "At τ = 10 the soft samples are far from the exact distribution. A straight-through sample is not an average: it "
        "takes the count with the largest sum of log-probability and noise, an integer. How large is the distance of these "
        "samples from the exact distribution?",
        {**_URN, "tau": 10.0, "kind": "soft"},
        "The discs fill the rings, although τ = 10.",
        Prediction(
            Pick("Distance of straight-through samples at τ = 10", [_EQUAL, _HALF, _NOISE]),
            _rounded,
            after={"kind": "straight-through"},
        ),
    ),
    Stop(
        "Straight-through",
        "A model that needs integers can have them at every temperature: the forward pass uses the integer sample, the "
        "backward pass the gradient of the soft sample. The page *Gradients* measures the error of that gradient.",
        {"tau": 1.0, "kind": "straight-through"},
        "The integer samples are exact already at τ = 1.",
    ),
    Stop(
        "An approximation that can be exact",
        "The published method samples one group at a time and merges the remaining groups into one group with their mean "
        "weight. Here group 1 has weight 10, groups 2 and 3 have weight 1. Which distribution do its samples follow?",
        {**_three((10.0, 1.0, 1.0), (12, 12, 12), 18, conditionals="exact"), "tau": 0.01, "kind": "soft"},
        "The control *Conditional distributions* is now set to *merged*.",
        Prediction(Pick("At τ = 0.01 its samples", [_EXACT, _OTHER]), _heavy_first, after={"conditionals": "merged"}),
    ),
    Stop(
        "The published approximation",
        "Now group 2 has weight 10, so groups of different weights are merged. At every temperature the samples follow another "
        "distribution.",
        _UNEQUAL,
        "The distance is far above the band, even at τ = 0.01.",
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
become exact samples. *Straight-through* takes the integer with the greatest $\log p + g$ and the gradient of the soft
sample. This integer has exactly the distribution $p$.

**The Wasserstein distance** $W_1 = \int |\hat F(t) - F(t)|\, dt$ between the samples and the exact distribution of each group
is averaged over the groups. A finite set of exact samples has a distance above zero, too: the dashed line is its expectation,
and 95 % of equally large sets of exact samples are below the upper edge of the band.

*Merged* conditionals merge the remaining groups into one with their mean weight (Sutter, Manduchi, Ryser and Vogt, ICLR
2023, section 4). Gumbel-softmax: Jang, Gu and Poole, ICLR 2017.
"""
