"""Texts of the page on one sample: its presets, its tour with predictions and its formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import CONDITIONALS, whole_samples
from .view import OneSampleSettings, OneSampleView, one_sample_view, whole_sample

__all__ = ["FORMULAS", "PRESETS", "SENTENCE", "SPEEDS", "TITLE", "TOUR", "step_labels", "whole_with_groups"]

TITLE = "One relaxed sample, step by step: from probabilities to counts"
SENTENCE = (
    "A sample of the counts is computed group by group. **Press *Play*** (space; S makes one step). The steps are: "
    "log-probability, plus noise, divided by the temperature, softmax."
)
SPEEDS = {"slow": (1, 3000), "normal": (1, 1500), "fast": (1, 500)}
"""Steps that each tick makes, and the least number of milliseconds between two ticks."""

_STEPS = ("log-probability", "plus noise", "divided by τ", "softmax")


def step_labels(groups: int) -> list[str]:
    """Returns the label of each position of the playback.

    Args:
        groups: number of groups.

    Returns:
        One label for each step.

    Example:
        >>> step_labels(2)[3:]
        ['split 1: softmax', 'sample', 'gradient: split 1']
    """
    forward = [f"split {split}: {step}" for split in range(1, groups) for step in _STEPS]
    return [*forward, "sample", *(f"gradient: split {split}" for split in reversed(range(1, groups)))]


def whole_with_groups(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the step of the complete sample, and a group that exists, after a change of the number of groups.

    Args:
        before: values of the controls before the change, by name.
        changes: values of the controls that change, by name.

    Returns:
        Values of the controls that change with them.

    Example:
        >>> before = {"groups": 3, "target": 3}
        >>> whole_with_groups(before, {"groups": 5}), whole_with_groups(before, {"groups": 3})
        ({'step': 16, 'target': 3}, {})
    """
    groups = changes.get("groups", before["groups"])
    return {"step": whole_sample(groups), "target": min(before["target"], groups)} if groups != before["groups"] else {}


def _groups(w: list[float], m: list[int], n: int, **more: object) -> dict[str, object]:
    """Returns values of the controls for an urn with these groups."""
    weights = {f"w{k}": weight for k, weight in enumerate(w, 1)}
    return {"groups": len(w), "n": n, **weights, **{f"m{k}": size for k, size in enumerate(m, 1)}, **more}


def _view(values: Mapping[str, Any], **changes: Any) -> OneSampleView:
    return one_sample_view(replace(OneSampleSettings.of(values), **changes), 0)


def _changed_by_noise(values: Mapping[str, Any]) -> Answer:
    settings = OneSampleSettings.of(values)
    first = _view(values).opened.splits[0]
    mode, probability = int(first.candidates[first.used.argmax()]), float(np.exp(first.used.max()))
    counts = whole_samples(settings.urn, CONDITIONALS[settings.conditionals])[:, 0]
    share = 100 * float((counts != mode).mean())
    return Answer(
        share,
        f"The count of the largest bar after Gumbel noise is an exact sample. Count {mode} has probability {probability:.2f}, "
        f"so another bar is the largest in about {100 * (1 - probability):.0f}\N{NARROW NO-BREAK SPACE}% of the samples.",
    )


def _largest_weight(values: Mapping[str, Any]) -> float:
    return 100 * float(_view(values).opened.splits[0].weights.max())


def _cold_weight(values: Mapping[str, Any]) -> Answer:
    before, after = _view(values), _view(values, tau=0.1)
    gap = float(np.diff(np.sort(before.opened.splits[0].used + before.opened.splits[0].noise)[-2:])[0])
    return Answer(
        _largest_weight({**values, "tau": 0.1}),
        f"Before the division the two largest bars differ by {gap:.2f}. Divided by 0.1 they differ by {gap / 0.1:.1f}. The "
        f"mean moves from {before.opened.splits[0].soft:.2f} to {after.opened.splits[0].soft:.2f}, near the count of the "
        "largest bar.",
    )


def _hot_count(values: Mapping[str, Any]) -> Answer:
    counts = [_view({**values, "tau": tau}).opened for tau in (values["tau"], 10.0)]
    before, after = (int(opened.hard[0]) for opened in counts)
    soft = [float(opened.soft[0]) for opened in counts]
    change = "stays" if after == before else "rises" if after > before else "falls"
    return Answer(
        change,
        f"It is {after} at both temperatures: all bars are divided by the same number, so the largest stays the largest. "
        f"The soft count moves from {soft[0]:.2f} to {soft[1]:.2f}.",
    )


def _loser(values: Mapping[str, Any]) -> Answer:
    column = _view(values).opened.jacobian[:, 0]
    losses = {f"group {group + 1}": -float(column[group]) for group in range(1, len(column))}
    loser = max(losses, key=losses.__getitem__)
    listed = ", ".join(f"{name} loses {loss:.2f}" for name, loss in losses.items())
    return Answer(loser, f"Per unit of log w₁, {listed}; group 1 gains {float(column[0]):.2f}. The counts always add up to n.")


def _merged_count(values: Mapping[str, Any]) -> Answer:
    first = _view(values).opened.splits[0]
    assert first.merged is not None
    exact, merged = (float(np.exp(logs) @ first.candidates) for logs in (first.exact, first.merged))
    change = "larger" if merged > exact + 0.05 else "smaller" if merged < exact - 0.05 else "the same"
    return Answer(
        change,
        f"The mean is {merged:.2f} instead of {exact:.2f}. The mean weight of groups 2 and 3 hides that group 2 has ten times "
        "the weight but only 4 elements. Once these are drawn, groups 1 and 3 have equal weights.",
    )


PRESETS = [
    Preset(
        "Cold, τ = 0.1", {"tau": 0.1, "step": 8}, "Nearly all weight is on one bar, so the soft counts are nearly integers."
    ),
    Preset("Hot, τ = 10", {"tau": 10.0, "step": 8}, "All bars have nearly the same weight: soft counts are averages."),
    Preset(
        "The gradient",
        {"step": 25},
        "▲ and ▼: the derivative with respect to each bar. The outlined bars at the right are the exact gradient.",
    ),
    Preset(
        "Straight-through",
        {"kind": "straight-through", "step": 8},
        "The largest bar decides, so counts are integers. The softmax is used for the gradient only.",
    ),
    Preset(
        "The published approximation",
        _groups([1.0, 10.0, 1.0], [8, 4, 8], 10, conditionals="merged", step=8),
        "Bars differ from their dark outlines: merged conditionals are not exact here.",
    ),
    Preset(
        "Equal weights",
        {**{f"w{k}": 1.0 for k in range(1, 7)}, "conditionals": "merged"},
        "With equal weights merged conditionals are exact: crosses, bars and outlines agree.",
    ),
    Preset(
        "Down the tree",
        _groups([1.0, 2.0, 4.0, 1.0], [6, 6, 6, 6], 10, conditionals="tree", step=12),
        "The library's default: groups 1 and 2 are split from the others first, then each half is split.",
    ),
    Preset(
        "Six groups",
        _groups([1.0, 2.0, 4.0, 1.0, 3.2, 0.5], [6, 6, 6, 6, 6, 6], 12, conditionals="in turn", step=20),
        "Five splits with the same four steps each. The last group takes the rest.",
    ),
]

_START = _groups([1.0, 2.0, 4.0], [8, 8, 8], 10, conditionals="in turn", kind="soft", sample=34, target=2)

TOUR = [
    Stop(
        "One group at a time",
        "10 elements are drawn from three groups of 8, with weights 1, 2 and 4. How many come from group 1? Each bar is the "
        "log-probability of one answer, computed exactly.",
        {**_START, "step": 0},
        "Bars are log-probabilities: a bar that is one unit higher has 2.7 times the probability.",
        chapter="One sample, step by step",
    ),
    Stop(
        "Noise",
        "Every bar moves by its own Gumbel noise. The count of the largest bar is then an integer sample. In what percentage "
        "of 1,000 samples is it not the most probable count?",
        {**_START, "step": 0},
        "The star marks the largest bar after noise.",
        Prediction(
            Bar("Samples whose count is not the most probable", 0, 100, 1, 6, unit="%"), _changed_by_noise, after={"step": 1}
        ),
    ),
    Stop(
        "Softmax",
        "The largest bar is not a smooth function of the weights: it jumps from one count to the next. A softmax turns the "
        "bars into positive weights that add up to 1. The weighted mean of the counts is the soft count, a real number.",
        {**_START, "tau": 1.0, "step": 3},
        "The vertical line in the fourth column is the mean; the star is the largest bar, as before.",
    ),
    Stop(
        "Temperature",
        "Before the softmax, all bars are divided by the temperature τ. Here τ is 1. How large is the largest softmax weight "
        "at τ = 0.1?",
        {**_START, "tau": 1.0, "step": 3},
        "In the third column, differences are ten times as large. The vertical line is the mean, the soft count.",
        Prediction(
            Bar("Largest softmax weight", 0, 100, 1, 8, unit="%", start=_largest_weight), _cold_weight, after={"tau": 0.1}
        ),
    ),
    Stop(
        "What is left",
        "The soft count of group 1 is not an integer, so the number of elements left is not an integer either. The "
        "probabilities for group 2 are interpolated between the two nearest integers. The last group takes the rest: the "
        "counts always add up to 10.",
        {**_START, "tau": 0.56, "step": 8},
        "The two strips show the soft sample and the integer sample of the same noise.",
    ),
    Stop(
        "Integers at a high temperature",
        "The straight-through sample uses the largest bar, not the mean. Suppose that τ is raised to 10. What happens to the "
        "straight-through count of group 1?",
        {**_START, "tau": 0.56, "step": 8},
        "The lower strip has not changed. The upper strip has moved towards an average.",
        Prediction(Pick("Straight-through count of group 1", ["rises", "stays", "falls"]), _hot_count, after={"tau": 10.0}),
    ),
    Stop(
        "One among a thousand",
        "Each dot is a sample with other noise; rings are the exact probabilities. At τ = 0.1 most samples lie close to "
        "integers. The dotted line is the path of this sample as τ changes. It ends at the star.",
        {**_START, "tau": 0.1, "step": 8},
        "Move τ. Press New noise for another sample.",
    ),
    Stop(
        "Back through the bars",
        "Each soft count is a smooth function of all bars, and each bar is a smooth function of the weights. So the gradient "
        "is passed back, from the last split to the first. Suppose that the weight of group 1 is raised. Which count falls "
        "most in this sample?",
        {**_START, "tau": 0.56, "step": 10},
        "▲ bars raise the count of group 2, ▼ bars lower it. Bottom right: its gradient; outlines: the exact gradient.",
        Prediction(Pick("Raise the weight of group 1: which count falls most?", ["group 2", "group 3"]), _loser, covered=True),
    ),
    Stop(
        "The gradient of one sample",
        "The fills at the bottom right are the gradient of this sample's count. The outlines are the gradient of the exact "
        "mean, a covariance. One sample's gradient differs from it; the average over all 1,000 samples is within 10 % of it.",
        {**_START, "tau": 0.56, "step": 10},
        "Press New noise: the fills change, the outlines stay.",
    ),
    Stop(
        "The published approximation",
        "The published sampler merges the remaining groups into one group with their mean weight. Here the weights are 1, 10 "
        "and 1, and group 2 has only 4 elements. Is the mean count of group 1 larger or smaller than the exact one?",
        {**_START, **_groups([1.0, 10.0, 1.0], [8, 4, 8], 10), "tau": 0.56, "step": 8},
        "Bars show the merged conditionals, dark outlines the exact ones.",
        Prediction(
            Pick("Mean count of group 1, merged", ["larger", "the same", "smaller"]),
            _merged_count,
            after={"conditionals": "merged"},
            covered=True,
        ),
    ),
    Stop(
        "Down the tree",
        "The library's default splits the groups into two halves, then each half again: here groups 1 and 2 from groups 3 "
        "and 4, then each pair. Integer samples have the same exact distribution. With many groups there are fewer levels "
        "than with groups in turn.",
        {**_START, **_groups([1.0, 2.0, 4.0, 1.0], [6, 6, 6, 6], 10), "conditionals": "tree", "step": 12},
        "The bars of the first row: how many elements groups 1 and 2 take together.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ elements with weights $w_k$; $n$ elements are drawn. **The exact distribution** of the counts
is Fisher's multivariate noncentral hypergeometric distribution, $p(x) \propto \prod_k \binom{m_k}{x_k} w_k^{x_k}$.

**Conditionals.** Groups choose in turn. With $a_k(x) = \binom{m_k}{x} w_k^x$ and the convolution $A_k = a_k * \dots *
a_K$, group $k$ takes $j$ of the $r$ elements that are left with probability

$$p_k(j \mid r) = \frac{a_k(j)\, A_{k+1}(r - j)}{A_k(r)} .$$

If $r$ is not an integer, probabilities are interpolated linearly between $\lfloor r \rfloor$ and $\lfloor r \rfloor + 1$.

**One split.** With independent standard Gumbel noise $g_j$, the same at every temperature $\tau$,

$$y_j = \frac{\exp\left((\log p_k(j \mid r) + g_j)/\tau\right)}{\sum_i \exp\left((\log p_k(i \mid r) + g_i)/\tau\right)}, \qquad
x_k^{\text{soft}} = \sum_j j\, y_j, \qquad x_k^{\text{hard}} = \arg\max_j \left(\log p_k(j \mid r) + g_j\right),$$

then $r \leftarrow r - x_k$, and the last group takes the rest. $x^{\text{hard}}$ has exactly the distribution $p$
(Gumbel-max). The straight-through sample is $x^{\text{hard}}$ with the gradient of the softmax.

**Gradient.** A bar's derivative is $\partial x_k / \partial \log p_k(j \mid r) = y_j\,(j - x_k)/\tau$. It is passed on to the
weights through $\partial \log p_k(j \mid r) / \partial \log w$, and to the previous splits through $r$. The exact mean has
$\partial\, \mathrm E[x_i] / \partial \log w_j = \mathrm{Cov}(x_i, x_j)$.

**Merged conditionals** replace the groups after $k$ by one group with $\sum_{j>k} m_j$ elements and the mean weight
$\sum_{j>k} m_j w_j / \sum_{j>k} m_j$ (Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 4). They are exact only if these
groups share one weight.

**The tree.** By default, `RelaxedFisherHypergeometric` splits the groups in two halves, and each half again, with the same
four steps at each split. `conditionals="sequential"` and `"merged"` take the groups in turn. Gumbel-softmax: Jang, Gu and
Poole, ICLR 2017; Maddison, Mnih and Teh, ICLR 2017.
"""
