"""Texts of the page on partitions: its presets, its tour with predictions and its formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hypergeo.ui.convergence.lesson import COOLING
from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import cooling, log_probabilities
from .gradient_view import GradientView
from .settings import PartitionSettings

__all__ = ["COOLING", "FORMULAS", "PRESETS", "TOUR"]


def _sums(values: Mapping[str, Any]) -> Answer:
    settings = PartitionSettings.of(values)
    sums = cooling(settings.model, settings.size_tau, settings.seed).soft.sum(-2)
    change = float(np.abs(sums - sums[0]).max())
    listed = ", ".join(f"{size:.0f}" for size in sums[0])
    why = f"Columns sum to the sampled sizes ({listed}) at all 25 temperatures. The largest change is {change:.0e}."
    return Answer("stay the same" if change < 1e-6 else "become equal", why)


def _of_element_1(values: Mapping[str, Any], score: float | None = None) -> np.ndarray:
    """Returns the plan's row of element 1 after its logit for group 4 is set, shape ``(K,)``."""
    edited = values if score is None else {**values, "edits": f"1~4~{score:g}"}
    settings = PartitionSettings.of(edited)
    return cooling(settings.model, settings.size_tau, settings.seed).plan[0]


def _probability(values: Mapping[str, Any]) -> float:
    return 100 * float(_of_element_1(values)[3])


def _raised(values: Mapping[str, Any]) -> Answer:
    before, after = _of_element_1(values), _of_element_1(values, 4.0)
    return Answer(
        100 * float(after[3]),
        f"Its probabilities of groups 1 to 4 change from {_percent(before)} to {_percent(after)}. The column sums of the plan "
        "do not change, so the other elements are less probable in group 4.",
    )


def _order(values: Mapping[str, Any]) -> Answer:
    settings = PartitionSettings.of(values)
    each = log_probabilities(settings.model, settings.size_tau, settings.seed)
    change = abs(each.ordered - each.reversed)
    what = "its probability" if change > 1e-6 else "nothing"
    return Answer(
        what,
        f"Its log-probability is {each.ordered:.1f} in one order and {each.reversed:.1f} in the other. Sizes and plan are "
        "computed before any group chooses.",
    )


def _plan_error(values: Mapping[str, Any]) -> Answer:
    view = GradientView(PartitionSettings.of({**values, "estimator": "plan"}))
    noise = float(np.linalg.norm(view.estimate.error.flat))
    return Answer(
        100 * view.relative_error,
        f"The standard errors are {noise:.1g}: with a linear loss this estimator has no sampling noise. The whole error is "
        "a bias. With more elements it becomes smaller.",
    )


def _percent(row: np.ndarray) -> str:
    return ", ".join(f"{100 * entry:.0f}" for entry in row) + " %"


PRESETS = [
    Preset("Cold, τ = 0.01", {"view": "sample", "tau": 0.01}, "Rows are nearly one-hot: fills lie in the outlines."),
    Preset("Hot, τ = 10", {"view": "sample", "tau": 10.0}, "Each element is shared by all groups. Column sums do not change."),
    Preset(
        "Only sizes",
        {"view": "sample", "strength": 0.0, "edits": ""},
        "All logits are equal: all elements have the same probabilities, which depend on the sizes only.",
    ),
    Preset(
        "Strong blocks, unequal sizes",
        {"view": "sample", "affinity": "blocks", "strength": 4.0, "given": "sampled", "edits": ""},
        "A block is a run of elements that prefer one group. If it is too large for the group, some elements go elsewhere.",
    ),
    Preset(
        "Fixed sizes",
        {"view": "sample", "given": "fixed", "n1": 3, "n2": 5, "n3": 6},
        "Sizes do not vary: the columns sum to them for any logits.",
    ),
    Preset(
        "Exact gradient",
        {"view": "gradients", "estimator": "relaxed", "tau": 0.1, "kind": "soft", "size_tau": 0.56, "few": 6, "groups": 3},
        "The exact gradient is a sum over all 729 assignments. Estimates lie near the diagonal, within their error bars.",
    ),
    Preset(
        "A biased gradient",
        {"view": "gradients", "estimator": "plan", "loss": "misplaced", "few": 6, "groups": 3},
        "With a linear loss the plan's gradient has no noise. With so few elements it has a bias.",
    ),
]

TOUR = [
    Stop(
        "Sizes and members",
        "24 elements are assigned to four groups. Rows are elements, columns are groups. First the sizes are sampled from "
        "Fisher's distribution, then the groups choose their members. Fills show a relaxed sample, outlines the exact sample "
        "of the same noise.",
        {"tau": 1.0},
        "Row sums are to the right of the matrix. Column sums are below it, and the sampled sizes below them.",
    ),
    Stop(
        "Hot and cold",
        "At τ = 10 each element is shared by all groups. Now τ falls to 0.01 with the same noise, and rows become one-hot. "
        "What happens to the column sums?",
        {"tau": 10.0},
        "Press Cool down, and watch the last two lines of the matrix.",
        Prediction(
            Pick("From τ = 10 to 0.01, the column sums", ["stay the same", "become equal", "change by whole elements"]),
            _sums,
            after={"tau": 0.01},
        ),
    ),
    Stop(
        "One logit",
        "Element 1 has logit 2 for group 1, and logit 0 for group 4, the largest group. Suppose that the logit for group 4 is "
        "raised to 4. How probable is group 4 for element 1 then?",
        {"tau": 0.1, "element": 1, "group": 4, "score": 0.0},
        "The first row of the plan. Click other entries to raise their logits.",
        Prediction(
            Bar("Probability of group 4 for element 1, by the plan", 0, 100, 1, 8, "%", start=_probability),
            _raised,
            after={"edits": "1~4~4", "score": 4.0},
        ),
    ),
    Stop(
        "Only sizes",
        "All logits are zero, so all elements have the same probabilities. Each row of the plan is then the same: the expected "
        "sizes, divided by 24.",
        {"strength": 0.0, "score": 0.0, "tau": 0.1},
        "The rows of the plan. Another seed gives other sizes and other members, but the same plan.",
    ),
    Stop(
        "Fixed sizes",
        "Sizes need not be random. Here they are 3, 5, 6 and 10 for any logits and any noise.",
        {"given": "fixed", "tau": 0.1},
        "Bars fill their outlines. Change the logits: the column sums stay the same.",
    ),
    Stop(
        "The order of choice",
        "Groups choose their members one after another: group 1 first. What changes for the exact partition on show if the "
        "order is reversed?",
        {"tau": 0.01, "strength": 3.0, "score": 3.0},
        "The third bullet under *What to notice*.",
        Prediction(
            Pick("Reversing the order changes", ["the expected sizes", "its probability", "nothing"]),
            _order,
            after={"order": "reversed"},
        ),
    ),
    Stop(
        "Exact gradients",
        "There are 729 assignments of six elements to three groups. They can be listed, so the gradient of any expected loss "
        "can be computed exactly. The gradient of relaxed samples at a low temperature is close to it.",
        {"view": "gradients", "groups": 3, "few": 6, "tau": 0.1, "size_tau": 0.56, "number": 4000},
        "The points at the right are estimates with two standard errors. On the line they equal the exact gradient.",
    ),
    Stop(
        "A cheap estimate",
        "Exact samples have no gradient. The plan estimator evaluates the loss at exact samples and takes the gradient of the "
        "plan instead. How large is its relative error with six elements?",
        {"view": "gradients", "groups": 3, "few": 6, "tau": 0.1, "size_tau": 0.56},
        "The points have no error bars and do not lie on the line. With more elements the bias falls.",
        Prediction(Bar("Relative error of the plan estimator", 0, 100, 1, 10, "%"), _plan_error, after={"estimator": "plan"}),
    ),
]

FORMULAS = r"""
$N$ elements are assigned to $K$ groups; $y$ is a matrix of one-hot rows, and element $i$ has logit $\ell_{ik}$ for group $k$.

**Sizes.** $n$ follows Fisher's noncentral hypergeometric distribution with total $N$, or is fixed.

**The plan.** $P_{ik} = \mathrm{softmax}_k(\ell_{ik} + \lambda_k)$, with $\lambda$ such that $\sum_i P_{ik}$ is the expected
size of group $k$, smoothed by 0.05 elements so that no group is empty. Adding a constant to a row or a column of the logits
changes nothing.

**Members.** Groups choose one after another. Of the elements that are left, group $k$ takes the $n_k$ with the largest
$\log w_{ik} + g_{ik}$, where $g$ is Gumbel noise and $w_{ik} = -\log(1 - P_{ik} / \sum_{j \ge k} P_{ij})$; the last group
takes the rest. Each choice is one sample of Wallenius' distribution, so

$$\log p(y) = \log p(n) + \sum_{k<K} \log \mathrm{Wallenius}(\text{members of } k;\ n_k, w_{\cdot k})$$

exactly, for any $N$ and $K$.

**The relaxation.** $y_{ik} = r_i\, \sigma\big((\log w_{ik} + g_{ik} - t_k) / \tau\big)$, where $r_i$ is the remaining fraction
of element $i$, and $t_k$ is such that $\sum_i y_{ik} = n_k$. Row and column sums are exact at every temperature, and with the
same noise $y$ becomes the exact partition as $\tau \to 0$.

**What is exact**: row and column sums, the distribution of the sizes, probabilities of partitions, straight-through samples.

**What depends on the order of the groups**: probabilities and samples of the members; small groups first is closest to the
symmetric distribution $p \propto \prod_{ik} e^{\ell_{ik} y_{ik}}$ with the same sizes. **What is approximate**: soft
samples above $\tau = 0$, their gradients, and the plan as membership probabilities.

Related work: Sutter, Ryser, Liebeskind and Vogt, "Differentiable random partition models", NeurIPS 2023. Wallenius'
distribution for several groups: Chesson, *Journal of Applied Probability* 13, 1976.
"""
