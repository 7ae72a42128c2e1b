"""Sentences of the page on one sample: pure functions from arrays to text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import Opened, Split

__all__ = ["about_conditionals", "about_gradient", "about_sum", "about_whole", "names", "sentence"]

ROUNDING = 5e-4
"""Counts that differ from an integer by less are shown as integers."""


def names(groups: Sequence[int]) -> str:
    """Returns the names of consecutive groups as text.

    Args:
        groups: indices of the groups, from 0.

    Returns:
        Names of the groups, numbered from 1.

    Example:
        >>> names([0]), names([0, 1]), names([0, 1, 2])
        ('group 1', 'groups 1 and 2', 'groups 1 to 3')
    """
    first, last = groups[0] + 1, groups[-1] + 1
    if len(groups) == 1:
        return f"group {first}"
    return f"groups {first} {'and' if len(groups) == 2 else 'to'} {last}"


def number(value: float) -> str:
    """Formats a count with two decimals, or without decimals if it is an integer.

    Args:
        value: the count.

    Returns:
        The count as text.

    Example:
        >>> number(3.0), number(3.4159)
        ('3', '3.42')
    """
    return f"{value:.0f}" if abs(value - round(value)) < ROUNDING else f"{value:.2f}"


def signed(value: float, places: int = 2) -> str:
    """Formats a number with its sign.

    Args:
        value: the number.
        places: number of decimals.

    Returns:
        The number as text.

    Example:
        >>> signed(-0.5), signed(0.125, 3)
        ('−0.50', '+0.125')
    """
    return f"{value:+.{places}f}".replace("-", "−")


def sentence(
    opened: Opened,
    tau: float,
    current: tuple[int, int] | None,
    lit: int,
    target: int,
    exact: np.ndarray,
    *,
    straight_through: bool = False,
) -> str:
    """Describes what the current step does.

    Args:
        opened: the sample.
        tau: temperature.
        current: index of the split and column of the step; ``None`` once all groups have their counts.
        lit: number of splits, from the last one back, that show the gradient.
        target: index of the group whose gradient is on show, from 0.
        exact: derivative of each exact mean in each log weight, shape ``(K, K)``.
        straight_through: whether the sample is the straight-through one.

    Returns:
        A sentence or two, with ``**bold**`` words.
    """
    if current is not None:
        split = opened.splits[current[0]]
        if straight_through and current[1] > 1:
            return (_straight_temperature if current[1] == 2 else _straight_softmax)(split, tau)
        return (_log_probability, _noise, _temperature, _softmax)[current[1]](split, tau)
    if not lit:
        return _whole(opened)
    split = opened.splits[-lit]
    if lit < len(opened.splits):
        return _bar_gradient(split, target)
    row = ", ".join(signed(value) for value in opened.jacobian[target])
    mean = ", ".join(signed(value) for value in exact[target])
    return (
        f"{_bar_gradient(split, target)} Through all bars, the gradient of x{_index(target)} in the log weights is "
        f"**({row})** for this sample; that of the exact mean is ({mean})."
    )


def about_sum(opened: Opened, total: int) -> str:
    """Describes the sum of the counts.

    Args:
        opened: the sample.
        total: number of elements drawn.

    Returns:
        A sentence with ``**bold**`` words.
    """
    error = abs(float(opened.soft.sum()) - total)
    exactly = "exactly" if error == 0 else f"with an error of {error:.0e}"
    return (
        f"The last group takes the rest: the soft counts {_listed(opened.soft)} add up to **{total}** {exactly}, and "
        "none exceeds its group size, at any temperature."
    )


def about_whole(opened: Opened, tau: float) -> str:
    """Compares the soft sample with the straight-through one.

    Args:
        opened: the sample.
        tau: temperature.

    Returns:
        Sentences with ``**bold**`` words.
    """
    distance = float(np.abs(opened.soft - opened.hard).max())
    coldest = float(np.abs(opened.path[0] - opened.hard).max())
    return (
        f"The same noise gives the straight-through sample **{_listed(opened.hard)}** at every temperature. The counts of the "
        f"soft sample differ from it by at most {distance:.2f} at τ = {tau:g}, and by {coldest:.2g} at τ = 0.01. The dotted "
        "line is the path of the soft sample."
    )


def about_conditionals(opened: Opened, conditionals: str) -> str:
    """Compares exact and merged conditionals, split by split.

    Args:
        opened: the sample.
        conditionals: the page's name of the conditionals in use.

    Returns:
        Sentences with ``**bold**`` words.
    """
    if conditionals == "tree":
        return (
            "The library's default: the groups are split into two halves, then each half again. Many groups need fewer levels, "
            "and the exact distribution is the same. Choose *in turn* to compare with the published approximation."
        )
    differences = [split.difference or 0.0 for split in opened.splits]
    worst = int(np.argmax(differences))
    if differences[worst] < ROUNDING:
        return "The **merged conditionals** (×) are exact here, because the groups that remain share one weight at each split."
    listed = ", ".join(f"{difference:.2g}" for difference in differences)
    return (
        f"The **merged conditionals** (×) of the published sampler differ from the exact ones by **{listed}** in total "
        f"variation, split by split. The largest difference is that of {names(opened.splits[worst].left)}."
    )


def about_gradient(opened: Opened, exact: np.ndarray, target: int) -> str:
    """Compares the gradient of the sample with that of the exact mean.

    Args:
        opened: the sample.
        exact: derivative of each exact mean in each log weight, shape ``(K, K)``.
        target: index of the group whose count is differentiated, from 0.

    Returns:
        Sentences with ``**bold**`` words.
    """
    own, mean = float(opened.jacobian[target, target]), float(exact[target, target])
    return (
        f"If the weight of group {target + 1} grows by 1 %, its count moves by **{signed(0.01 * own, 3)}** in this sample, "
        f"and its exact mean by {signed(0.01 * mean, 3)}: the gradient of a single sample is noisy. A common factor of all "
        f"weights changes nothing, so the gradient adds up to zero (rounding error "
        f"{abs(opened.jacobian[target].sum()):.0e})."
    )


def _log_probability(split: Split, tau: float) -> str:
    best = int(split.used.argmax())
    subject = names(split.left)
    return (
        f"**{subject.capitalize()}, from the {number(split.total)} left.** Each bar is the log-probability that {subject} "
        f"take{'s' if len(split.left) == 1 else ''} this count. The most probable is **{split.candidates[best]}**, with "
        f"probability {np.exp(split.used[best]):.2f}."
    )


def _noise(split: Split, tau: float) -> str:
    best = int(split.candidates[split.used.argmax()])
    change = f"is still count **{split.hard}**" if best == split.hard else f"is now count **{split.hard}**, not {best}"
    return (
        f"**Plus Gumbel noise.** Each bar moves by its own noise, the same at every temperature. The largest bar {change}: "
        "a sample of these probabilities."
    )


def _temperature(split: Split, tau: float) -> str:
    noisy = np.sort(split.used + split.noise)[::-1]
    if len(noisy) < 2 or not np.isfinite(noisy[1]):
        return f"**Divided by τ = {tau:g}.** Only one count is possible, so no temperature changes anything."
    before = float(noisy[0] - noisy[1])
    after = -float(np.sort(split.scaled)[::-1][1])
    effect = "stretched" if tau < 1 else "shrunk" if tau > 1 else "kept"
    return (
        f"**Divided by τ = {tau:g}.** Differences between bars are {effect}: the second-largest bar is {before:.2f} below the "
        f"largest before, and **{after:.2f}** after."
    )


def _softmax(split: Split, tau: float) -> str:
    rest = names(split.right)
    return (
        f"**Softmax.** The bars become weights that add up to 1. The weighted mean of the counts is the soft count, "
        f"**{split.soft:.2f}**; the largest bar gives the integer count, **{split.hard}**. "
        f"Left for {rest}: {number(split.total - split.taken)}."
    )


def _straight_temperature(split: Split, tau: float) -> str:
    start = f"**Divided by τ = {tau:g}, for the gradient only.**"
    if split.slope_total == split.total:
        return f"{start} The count is that of the largest bar, **{split.hard}**, at any temperature."
    side = "more" if split.slope_total > split.total else "fewer"
    return (
        f"{start} The count is that of the largest bar, **{split.hard}**. The soft sample has {side} than "
        f"{split.total:g} left, so these bars are computed for {split.slope_total:g} left."
    )


def _straight_softmax(split: Split, tau: float) -> str:
    return (
        f"**Softmax, for the gradient only.** {names(split.left).capitalize()} {'gets' if len(split.left) == 1 else 'get'} "
        f"**{number(split.taken)}**, leaving {number(split.total - split.taken)} for {names(split.right)}. The "
        f"derivative of the count is that of the softmax's mean, {split.soft:.2f}."
    )


def _whole(opened: Opened) -> str:
    last = opened.splits[-1].right
    return (
        f"**{names(last).capitalize()} takes the rest, {number(float(opened.counts[last[0]]))}.** The sample is "
        f"**{_listed(opened.counts)}**: one point among a thousand that differ only in their noise."
    )


def _bar_gradient(split: Split, target: int) -> str:
    gradient = split.gradient[target]
    best = int(np.abs(gradient).argmax())
    if abs(gradient[best]) < 1e-12:
        return f"**Back through {names(split.left)}.** No bar of this split changes x{_index(target)}."
    return (
        f"**Back through {names(split.left)}.** ▲ bars raise x{_index(target)}, ▼ bars lower it. Count "
        f"{split.candidates[best]} matters most: **{signed(gradient[best])}** per unit of its log-probability."
    )


def _listed(counts: np.ndarray) -> str:
    return "(" + ", ".join(number(float(count)) for count in counts) + ")"


def _index(group: int) -> str:
    return "₁₂₃₄₅₆"[group]
