"""What the page "Gradients" teaches: its presets, its tour and its formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypergeo.figures.counts.plane import Plane
from hypergeo.quality.agreement import Agreement
from hypergeo.ui.state.prediction_kinds import Arrow, Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import exact_gradient
from .estimators import agreement
from .settings import GradientSettings

__all__ = ["FORMULAS", "PRESETS", "TOUR"]


def _three(w: tuple[float, float, float], n: int, t: tuple[int, int, int], **more: object) -> dict[str, object]:
    """Returns the values of the controls for three groups of twelve balls."""
    groups = {f"w{k}": weight for k, weight in enumerate(w, 1)} | {f"m{k}": 12 for k in range(1, 4)}
    return {"groups": 3, "n": n, **groups, **{f"t{k}": target for k, target in enumerate(t, 1)}, **more}


_START = _three((1.0, 2.0, 4.0), 12, (7, 4, 1))
_PUBLISHED = _three(
    (1.0, 10.0, 1.0), 18, (9, 6, 3), conditionals="merged", loss="squared distance", estimator="straight-through"
)
_RARE = {**_START, "loss": "step", "group": 1, "t1": 8}
PRESETS = [
    Preset(
        "Reach the targets",
        {**_START, "view": "descent", "loss": "squared distance", "estimator": "straight-through", "tau": 0.56, "step": 0},
        "The weights favour group 3, the targets favour group 1. Drag the target, then press Play.",
    ),
    Preset(
        "High temperature",
        {
            **_START,
            "view": "descent",
            "loss": "absolute distance",
            "estimator": "Gumbel-softmax",
            "tau": 5.6,
            "conditionals": "exact",
        },
        "High τ: low variance but biased. All arrows are similar, and their mean is not the exact gradient.",
    ),
    Preset(
        "Low temperature",
        {**_START, "view": "descent", "loss": "squared distance", "estimator": "Gumbel-softmax", "tau": 0.024},
        "Low τ: small bias, high variance. A few arrows are very long, most are short.",
    ),
    Preset(
        "The published approximation",
        {**_PUBLISHED, "view": "side by side"},
        "With merged conditionals the mean arrow does not match the outlined arrow, the exact gradient.",
    ),
    Preset(
        "A loss with a step",
        {**_START, "view": "side by side", "loss": "step", "group": 1, "t1": 3},
        "The derivative is zero almost everywhere: pathwise estimators return zero, two other estimators do not.",
    ),
    Preset(
        "A rare event",
        {**_RARE, "view": "descent", "estimator": "score function", "draws": 4},
        "One sample in hundreds has another loss than the rest. The score function has no bias, but almost all its estimates "
        "are zero.",
    ),
    Preset(
        "Few groups",
        {**_START, "view": "race", "loss": "few groups", "step": 20},
        "A concave loss: it is smallest if all balls come from one group. Noise may decide which group.",
    ),
    Preset(
        "Which is fastest?",
        {**_START, "view": "race", "loss": "absolute distance", "step": 20},
        "All estimators start from the same weights with the same seed. Compare them by step and by cost.",
    ),
    Preset(
        "Four groups",
        {
            **_START,
            "groups": 4,
            "m4": 12,
            "w4": 4.0,
            "t2": 3,
            "t4": 1,
            "view": "descent",
            "loss": "squared distance",
            "estimator": "straight-through",
        },
        "Counts of more than three groups do not fit into a triangle: the figure shows groups 1 and 2.",
    ),
]

_AIMS = {"t1": 2, "t2": 9, "t3": 1}


def _direction(values: Mapping[str, Any]) -> Answer:
    task = GradientSettings.of(values).task
    descent = -exact_gradient(task, task.log_weights)
    across, up = Plane.of(task.urn.total_count, task.urn.group_sizes).shift(descent)
    mean = task.urn.law().mean.tolist()
    now, aims = (", ".join(f"{count:.1f}" for count in counts) for counts in (mean, task.loss.targets))
    parts = ", ".join(f"{part:+.1f}" for part in descent).replace("-", "−")
    why = f"E[x] is ({now}), the targets are ({aims}), and the descent direction in the log weights is ({parts})."
    return Answer(math.degrees(math.atan2(up, across)), why)


def _relative_deviation(values: Mapping[str, Any], **changes: Any) -> float:
    """Returns the standard deviation of one estimate, in per cent of the gradient norm."""
    settings = GradientSettings.of({**values, **changes})
    logs = settings.task.log_weights
    agreements = agreement(settings.at(settings.method, logs, 0).gradients, exact_gradient(settings.task, logs))
    return 100 * agreements.deviation.value


def _more_samples(values: Mapping[str, Any]) -> Answer:
    before, after = _relative_deviation(values), _relative_deviation(values, draws=16)
    why = f"With 16 samples instead of 4 the standard deviation is divided by {before / after:.1f}, near √(16/4) = 2."
    return Answer(after, why)


_CHANGES = {(True, True): "both fall", (True, False): "bias falls, standard deviation grows"}
_CHANGES |= {(False, True): "bias grows, standard deviation falls", (False, False): "both grow"}


def _colder(values: Mapping[str, Any]) -> Answer:
    agreements = []
    for temperature in (values["tau"], 0.1):
        settings = GradientSettings.of({**values, "tau": temperature})
        logs = settings.task.log_weights
        estimates = settings.at(settings.method, logs, 0).gradients
        agreements.append(agreement(estimates, exact_gradient(settings.task, logs)))
    hot, cold = agreements
    lower = cold.bias.value < hot.bias.value, cold.deviation.value < hot.deviation.value
    why = (
        f"In units of the gradient norm, the bias changes from {hot.bias.value:.2f} to {cold.bias.value:.2f}. The standard "
        f"deviation of one estimate changes from {hot.deviation.value:.2f} to {cold.deviation.value:.2f}."
    )
    return Answer(_CHANGES[lower], why)


_ASKED = ("straight-through", "exact marginal", "score function", "control variate")


def _agreements(values: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Agreement]:
    settings = GradientSettings.of(values)
    logs = settings.task.log_weights
    exact = exact_gradient(settings.task, logs)
    methods = {kind: replace(settings.method, kind=kind) for kind in kinds}
    return {kind: agreement(settings.at(method, logs, 0).gradients, exact) for kind, method in methods.items()}


def _noisiest(values: Mapping[str, Any]) -> Answer:
    deviations = {kind: agreements.deviation.value for kind, agreements in _agreements(values, _ASKED).items()}
    listed = ", ".join(f"{kind} {deviation:.2f}" for kind, deviation in deviations.items())
    return Answer(max(deviations, key=deviations.__getitem__), f"Standard deviation in units of the gradient norm: {listed}.")


_SLOPES = ("Gumbel-softmax", "straight-through", "exact marginal", "score function")


def _unbiased(values: Mapping[str, Any]) -> Answer:
    biases = {kind: agreements.bias.value for kind, agreements in _agreements(values, _SLOPES).items()}
    listed = ", ".join(f"{kind} {100 * bias:.0f} %" for kind, bias in biases.items())
    why = f"Bias relative to the gradient norm: {listed}. The score function compares losses and needs no derivative."
    return Answer(min(biases, key=biases.__getitem__), why)


TOUR = [
    Stop(
        "Estimates of one gradient",
        "The loss is the squared distance of the counts from the targets (7, 4, 1), but the weights favour group 3. Each thin "
        "arrow estimates the descent direction from four samples. An arrow towards a corner raises that group's weight.",
        {"number": 50},
        "The arrows differ from each other. The filled arrow is their mean.",
    ),
    Stop(
        "The exact gradient",
        "Here the gradient of an expected loss is the covariance of the loss and the counts, Cov(f(x), x), so it can be "
        "computed exactly. The outlined arrow shows it. Compare the estimates with it.",
        {"number": 1000},
        "With 1,000 estimates the filled arrow matches the outline: the bias is small.",
    ),
    Stop(
        "Other targets",
        "The weights are 1, 2 and 4 as before, so the mean count of group 3 is the largest. The targets are now (2, 9, 1). In "
        "which direction does the exact gradient move the weights?",
        {**_START, **_AIMS, "number": 200, "loss": "squared distance", "view": "descent", "step": 0},
        "The outlined arrow in the triangle.",
        Prediction(Arrow("Descent direction of the weights"), _direction, covered=True),
    ),
    Stop(
        "Descent",
        "Forty steps of Adam are made, each with one estimate from four samples. The pink line is the path of the mean counts. "
        "The dashed line is their path with the exact gradient.",
        {"step": 40},
        "Press Play to go on. Near the optimum the gradient becomes small, but the noise of its estimates does not.",
    ),
    Stop(
        "More samples per estimate",
        "Each estimate is the mean over four samples. The bar shows its standard deviation. What is the standard deviation "
        "with 16 samples?",
        {**_START, "loss": "squared distance", "view": "descent", "step": 0, "draws": 4, "number": 1000}
        | {"estimator": "straight-through", "tau": 0.56, "conditionals": "exact"},
        "The thin arrows are closer to each other.",
        Prediction(
            Bar("Standard deviation of one estimate, in % of the gradient norm", 0, 150, 5, 10, "%", _relative_deviation),
            _more_samples,
            after={"draws": 16},
        ),
    ),
    Stop(
        "A lower temperature",
        "At τ = 5.6 the estimates of Gumbel-softmax are nearly equal, but biased. What happens to bias and standard deviation "
        "at τ = 0.1?",
        {**_START, "loss": "absolute distance", "view": "descent", "step": 0, "draws": 4, "number": 1000}
        | {"estimator": "Gumbel-softmax", "tau": 5.6, "conditionals": "exact"},
        "The filled arrow matches the outline, and the thin arrows point in all directions.",
        Prediction(Pick("From τ = 5.6 to τ = 0.1", list(_CHANGES.values())), _colder, after={"tau": 0.1}),
    ),
    Stop(
        "Bias against variance",
        "Low τ: small bias, high variance. High τ: low variance, but biased. The error of a single estimate is smallest in "
        "between.",
        {"view": "temperature", "loss": "absolute distance"},
        "In the right panel the error of each relaxed estimator has a minimum. Horizontal lines: estimators without a "
        "temperature.",
    ),
    Stop(
        "The noisiest estimator",
        "Four estimators, one loss, four samples per estimate. Which estimator has the largest standard deviation?",
        {**_START, "view": "side by side", "loss": "absolute distance", "draws": 4, "number": 200, "tau": 0.56},
        "The dotted ellipses: one standard deviation of one estimate.",
        Prediction(Pick("Largest standard deviation", _ASKED), _noisiest, covered=True),
        chapter="Which estimator?",
    ),
    Stop(
        "Side by side",
        "Seven estimators and the exact gradient of the same loss. The dotted ellipse shows one standard deviation of one "
        "estimate.",
        {"view": "side by side", "loss": "absolute distance"},
        "Control variate and exact marginal have the smallest ellipses, the score function has the largest.",
    ),
    Stop(
        "The published approximation",
        "The published sampler merges the remaining groups into one group with their mean weight. If their weights differ, it "
        "samples from another distribution and estimates the gradient of that distribution.",
        {**_PUBLISHED, "view": "side by side"},
        "The mean arrows of merged conditionals do not match the outlines. More samples do not help.",
    ),
    Stop(
        "A loss with a step",
        "The loss is 1 if fewer than three balls come from group 1, else 0. It is constant between integers. Which of these "
        "estimators has no bias?",
        {**_START, "view": "side by side", "loss": "step", "group": 1, "t1": 3, "draws": 4, "number": 200, "tau": 0.56},
        "Five estimators return zero: they have no arrow.",
        Prediction(Pick("No bias for a loss with a step", _SLOPES), _unbiased, covered=True),
    ),
    Stop(
        "No slope to follow",
        "The derivative of the step loss is zero almost everywhere, so pathwise estimators return zero. Only estimators that "
        "compare the losses of integer samples descend.",
        {"view": "race", "loss": "step", "t1": 3, "step": 20},
        "Five lines stay at the start. The lines of score function and control variate descend.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ balls with weight $w_k$; $n$ balls are drawn, and $f$ is the loss of their counts $x$. The
objective is the expected loss $F(\log w) = \mathbb E[f(x)]$ under Fisher's noncentral hypergeometric distribution.

**The exact gradient.** The distribution is an exponential family in $\log w$, so that the score is $x - \mathbb E[x]$ and

$$\frac{\partial F}{\partial \log w_k} = \mathbb E\big[f(x)\,(x_k - \mathbb E[x_k])\big] = \mathrm{Cov}\big(f(x), x_k\big).$$

Its components sum to zero, since scaling all weights by one factor changes nothing. For three groups it therefore lies in the
plane of the triangle, where $-\nabla F$ is drawn. All losses of this page are sums over the groups,
$f(x) = \sum_k f_k(x_k)$, so their expectations follow from the marginals at any size.

**Score function** (REINFORCE; Williams, *Machine Learning* 8, 1992). The baseline of each sample is the mean loss of the other
samples (RLOO; Kool, van Hoof and Welling, ICLR 2019 workshop), so it needs two samples or more:

$$\hat g = \frac1S \sum_s \Big(f(x^s) - \frac1{S-1} \sum_{r \ne s} f(x^r)\Big)\,(x^s - \mathbb E[x]).$$

**Gumbel-softmax** (Jang, Gu and Poole; Maddison, Mnih and Teh; both ICLR 2017): $f$ is evaluated at relaxed counts
$x(\log w, \text{noise})$ of temperature $\tau$ and differentiated through them. **Straight-through** (Bengio, Léonard and
Courville, 2013) evaluates $f$ and its derivative at integer counts instead,
$\hat g = (\partial x / \partial \log w)^{\!\top} \nabla f$.
*Merged* conditionals are those of the published sampler (Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 4).

**Exact marginal** (SIMPLE; Ahmed, Zeng, Niepert and Van den Broeck, ICLR 2023): $\nabla f$ at integer counts times the
Jacobian of the exact mean, which is the covariance: $\hat g = \frac1S \sum_s \mathrm{Cov}(x)\, \nabla f(x^s)$.

**Control variate** (MuProp; Gu, Levine, Sutskever and Mnih, ICLR 2016, here to second order): with a polynomial $q$ that
approximates $f$ around the mean, $\hat g = \nabla\, \mathbb E[q] + \widehat{\nabla\, \mathbb E[f - q]}$. The first term is
exact, the second is estimated by the score function. There is no bias for any $q$. For a squared distance $q = f$, so the
estimate is exact.

**Bias** is the norm of the mean estimate's error, corrected for sampling noise. **Standard deviation** is the root of the
summed variances of one estimate. Both are relative to the norm of the exact gradient. A bias above 1 % of that norm is
significant if its p-value is below 1e-4. **Adam**: Kingma and Ba, ICLR 2015. *Few groups* is the log-sum penalty
$\sum_k \log(1 + x_k)$ (Candès, Wakin and Boyd, *Journal of Fourier Analysis and Applications* 14, 2008).
"""
