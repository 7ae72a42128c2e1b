"""What the page "Partitions" teaches: what it plays, its presets, its tour with predictions and its formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hypergeo.ui.convergence.lesson import COOLING
from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Answer, Prediction
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .arrays import chances, cooling
from .gradient_view import GradientView
from .settings import PartitionSettings

__all__ = ["COOLING", "FORMULAS", "PRESETS", "TOUR"]


def _sums(values: Mapping[str, Any]) -> Answer:
    settings = PartitionSettings.of(values)
    sums = cooling(settings.model, settings.size_tau, settings.seed).soft.sum(-2)
    change = float(np.abs(sums - sums[0]).max())
    listed = ", ".join(f"{size:.0f}" for size in sums[0])
    why = f"Columns sum to the sampled sizes, {listed}, at all 25 temperatures; the largest change is {change:.0e}."
    return Answer("stay the same" if change < 1e-6 else "become equal", why)


def _of_element_1(values: Mapping[str, Any], score: float | None = None) -> np.ndarray:
    """The plan's row of element 1, after its logit in group 4 is set."""
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
        "stay, so the other elements make room.",
    )


def _order(values: Mapping[str, Any]) -> Answer:
    settings = PartitionSettings.of(values)
    each = chances(settings.model, settings.size_tau, settings.seed)
    change = abs(each.ordered - each.reversed)
    what = "its probability" if change > 1e-6 else "nothing"
    return Answer(
        what,
        f"Its log-probability is {each.ordered:.1f} in one order and {each.reversed:.1f} in the other. Sizes and plan are "
        f"computed "
        "before any group chooses.",
    )


def _plan_error(values: Mapping[str, Any]) -> Answer:
    view = GradientView(PartitionSettings.of({**values, "estimator": "plan"}))
    noise = float(np.linalg.norm(view.estimate.error.flat))
    return Answer(
        100 * view.relative_error,
        f"Its standard errors are {noise:.1g}: a linear loss has no sampling noise here, and what is left is a bias, which "
        f"falls "
        "with the number of elements.",
    )


def _percent(row: np.ndarray) -> str:
    return ", ".join(f"{100 * entry:.0f}" for entry in row) + " %"


PRESETS = [
    Preset("Cold, τ = 0.01", {"view": "sample", "tau": 0.01}, "Rows are all but one-hot: fills lie in the outlines."),
    Preset(
        "Hot, τ = 10", {"view": "sample", "tau": 10.0}, "Every row is spread over the groups, and the column sums are the same."
    ),
    Preset(
        "Only sizes",
        {"view": "sample", "strength": 0.0, "edits": ""},
        "All logits are equal: any element is as likely as any other, and only the sizes decide.",
    ),
    Preset(
        "Strong blocks, unequal sizes",
        {"view": "sample", "affinity": "blocks", "strength": 4.0, "given": "sampled", "edits": ""},
        "The blocks are of one size, the groups are not: elements of full groups are moved to others.",
    ),
    Preset(
        "Fixed sizes",
        {"view": "sample", "given": "fixed", "n1": 3, "n2": 5, "n3": 6},
        "Sizes do not vary: the columns always sum to them, whatever the logits.",
    ),
    Preset(
        "Exact gradient",
        {"view": "gradients", "estimator": "relaxed", "tau": 0.1, "kind": "soft", "size_tau": 0.56, "few": 6, "groups": 3},
        "All 729 assignments are listed: estimates lie near the diagonal, within their bars.",
    ),
    Preset(
        "A biased gradient",
        {"view": "gradients", "estimator": "plan", "loss": "misplaced", "few": 6, "groups": 3},
        "The plan's gradient has no noise for a linear loss, and a bias with so few elements.",
    ),
]

TOUR = [
    Stop(
        "Who goes where",
        "24 elements go into four groups. Rows are elements, columns are groups. First the sizes are sampled from Fisher's "
        "distribution, then the groups choose their members. Fills are a relaxed sample, outlines the exact one of the same "
        "noise.",
        {"tau": 1.0},
        "Row sums are to the right of the matrix, column sums below it, above the sampled sizes.",
    ),
    Stop(
        "Hot and cold",
        "At τ = 10 each element is spread over all groups. The noise is kept while τ falls to 0.01 and rows become one-hot. "
        "What "
        "happens to the column sums?",
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
        "Element 1 prefers group 1 with logit 2; its logit for group 4, the largest one, is 0. It is raised to 4. How probable "
        "is group 4 for element 1 then?",
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
        "All logits are zero: any element is as likely as any other to join a group, and only the sizes decide. Each row of "
        "the plan "
        "is then the same: the expected sizes, divided by 24.",
        {"strength": 0.0, "score": 0.0, "tau": 0.1},
        "The sample is one of many of these sizes; another seed gives other sizes and members.",
    ),
    Stop(
        "Fixed sizes",
        "Sizes need not be random. Here they are 3, 5, 6 and 10, whatever the logits and the noise: a capacity for each group.",
        {"given": "fixed", "tau": 0.1},
        "Bars fill their outlines. Change the logits: the column sums stay.",
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
        "Six elements and three groups have 729 assignments, few enough to list: so the gradient of any expected loss is "
        "known. "
        "Relaxed samples at a low temperature come close to it.",
        {"view": "gradients", "groups": 3, "few": 6, "tau": 0.1, "size_tau": 0.56, "number": 4000},
        "At the right, points are estimates with two standard errors, and the line is where they are exact.",
    ),
    Stop(
        "A cheap estimate",
        "The plan estimator takes exact samples forward and the gradient of the plan backward. How large is the relative "
        "error of "
        "its gradient with six elements?",
        {"view": "gradients", "groups": 3, "few": 6, "tau": 0.1, "size_tau": 0.56},
        "The points have no bars, and lie off the line. With more elements the bias falls.",
        Prediction(Bar("Relative error of the plan estimator", 0, 100, 1, 10, "%"), _plan_error, after={"estimator": "plan"}),
    ),
]

FORMULAS = r"""
$N$ elements go into $K$ groups; $y$ is a matrix of one-hot rows, and element $i$ has logit $\ell_{ik}$ for group $k$.

**Sizes.** $n$ follows Fisher's noncentral hypergeometric distribution with total $N$, or is fixed.

**The plan.** $P_{ik} = \mathrm{softmax}_k(\ell_{ik} + \lambda_k)$, with $\lambda$ such that $\sum_i P_{ik}$ is the expected
size of group
$k$, smoothed by 0.05 elements so that no group is empty. Adding a constant to a row or a column of the logits changes nothing.

**Members.** Groups choose one after another. Of the elements that are left, group $k$ takes the $n_k$ with the largest
$\log w_{ik} + g_{ik}$, where $g$ is Gumbel noise and $w_{ik} = -\log(1 - P_{ik} / \sum_{j \ge k} P_{ij})$; the last group
takes the
rest. Each choice is one sample of Wallenius' distribution, so

$$\log p(y) = \log p(n) + \sum_{k<K} \log \mathrm{Wallenius}(\text{members of } k;\ n_k, w_{\cdot k})$$

exactly, for any $N$ and $K$.

**The relaxation.** $y_{ik} = r_i\, \sigma\big((\log w_{ik} + g_{ik} - t_k) / \tau\big)$, where $r_i$ is what element $i$ has
left and
$t_k$ is such that $\sum_i y_{ik} = n_k$. Rows and columns have their sums at every temperature, and with the same noise
$y$ becomes the exact partition as $\tau \to 0$.

**What is exact**: row and column sums, the distribution of the sizes, probabilities of partitions, straight-through samples.
**What depends on the order of the groups**: probabilities and samples of the members; small groups first is closest to the
symmetric distribution $p \propto \prod_{ik} e^{\ell_{ik} y_{ik}}$ of the same sizes. **What is approximate**: soft samples
above
$\tau = 0$, their gradients, and the plan as membership probabilities.

Related work: Sutter, Ryser, Liebeskind and Vogt, "Differentiable random partition models", NeurIPS 2023. Wallenius'
distribution
for several groups: Chesson, *Journal of Applied Probability* 13, 1976.
"""
