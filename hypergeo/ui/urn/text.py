"""The urn page's live sentences: pure functions from arrays to words."""

from __future__ import annotations

from math import erfc, floor, log10

import numpy as np

from hypergeo.ui.convergence.arrays import Urn

from .arrays import ExactLaw, ExactLaws

__all__ = ["about_draws", "about_laws", "about_shares", "about_weights", "draws_in_words", "heat_note", "possessive"]

PER_CENT = 0.01  # of a weight, to first order
NOTHING = 1e-9


def moved(sensitivity: np.ndarray) -> tuple[int, float, int, float] | None:
    """What raising a weight by one per cent moves, to first order: for the group that gains most.

    Args:
        sensitivity: derivative of the mean of group ``i`` in the log weight of group ``j``, shape ``(K, K)``.

    Returns:
        The group, what it gains, the group that loses most and how much that loses; ``None`` where nothing moves.

    Example:
        >>> moved(np.array([[1.0, -0.4, -0.6], [-0.4, 2.0, -1.6], [-0.6, -1.6, 2.2]]))
        (2, 0.022..., 1, 0.016)
    """
    group = int(sensitivity.diagonal().argmax())
    if sensitivity[group, group] < NOTHING:
        return None
    loser = int(sensitivity[:, group].argmin())
    return group, PER_CENT * float(sensitivity[group, group]), loser, -PER_CENT * float(sensitivity[loser, group])


def heat_note(sensitivity: np.ndarray, *, narrow: bool = False) -> str:
    """What the heat map means, in one line under it, or in two where the page is narrow."""
    found = moved(sensitivity)
    if found is None:
        return "Every count is forced: no weight moves anything."
    group, gain, loser, loss = found
    mostly = "" if loss > 0.999 * gain else "mostly "
    gains = f"Raising w<sub>{group + 1}</sub> by 1 % moves {gain:.2g} elements to group {group + 1}"
    return f"{gains},{'<br>' if narrow else ' '}{mostly}from group {loser + 1}."


def about_weights(urn: Urn, law: ExactLaw, name: str) -> str:
    """What raising a weight does, and why."""
    found = moved(law.sensitivity)
    if found is None:
        return "Every count is **forced** here: there is one way to draw, whatever the weights."
    group, gain, loser, loss = found
    source = f"from group {loser + 1}" if loss > 0.999 * gain else f"mostly from group {loser + 1} ({loss:.2g})"
    said = f"Raising group {group + 1}'s weight by 1 % would move **{gain:.2g} elements** to it, {source}"
    variance = float(law.covariance[group, group])
    if name == "Fisher":
        return f"{said}: 1 % of its variance, {variance:.3g}. Under Fisher's law the heat map *is* the counts' covariance."
    if np.abs(law.covariance - law.sensitivity).max() < 1e-6:
        return f"{said}. Here that is 1 % of its variance, {variance:.3g}, though under Wallenius' law it usually is not."
    return (
        f"{said}. That is the exact derivative, {law.sensitivity[group, group]:.3g} per unit of log w, and **not** the "
        f"variance, {variance:.3g}, as it would be under Fisher's law."
    )


def about_shares(urn: Urn, law: ExactLaw) -> list[str]:
    """How much more often important elements are drawn; nothing where counts are forced."""
    if moved(law.sensitivity) is None:
        return []
    drawable = [k for k, (size, weight) in enumerate(zip(urn.group_sizes, urn.weights, strict=True)) if size and weight]
    heavy, light = max(drawable, key=urn.weights.__getitem__), min(drawable, key=urn.weights.__getitem__)
    often, seldom = (float(law.mean[k]) / urn.group_sizes[k] for k in (heavy, light))
    ratio = urn.weights[heavy] / urn.weights[light]
    if ratio == 1:
        return [f"All elements that can be drawn are equally likely to be: **{often:.1%}** each."]
    said = f"An element of group {heavy + 1} weighs {ratio:.3g} times one of group {light + 1}"
    shares = f"({often:.2g} against {seldom:.2g} of all draws)"
    if urn.total_count == 1:
        return [f"{said} and, since one element is all that is drawn, is drawn **as many times as often** {shares}."]
    if often / seldom > ratio:
        return [f"{said}, and is drawn **{often / seldom:.3g} times** as often {shares}: it goes while it has little to beat."]
    return [f"{said}, but is drawn only **{often / seldom:.3g} times** as often {shares}: none can be drawn twice."]


def about_laws(urn: Urn, laws: ExactLaws) -> str:
    """What drawing one by one changes."""
    fisher, wallenius, distance = laws.fisher, laws.wallenius, laws.distance
    if moved(fisher.sensitivity) is None:
        return "Fisher's and Wallenius' laws say **the same**, as they must where counts are forced."
    if not distance:
        why = "the first draw is the last" if urn.total_count == 1 else "all elements are equally important"
        return f"Fisher's and Wallenius' laws are **the same** here, since {why}."
    group = int(np.abs(fisher.mean - wallenius.mean).argmax())
    said = (
        f"Drawn one by one (Wallenius), group {group + 1} gives {wallenius.mean[group]:.3g} elements on average instead of "
        f"{fisher.mean[group]:.3g} (Fisher). The laws are **{distance:.2g} apart** in total variation"
    )
    if laws.joint:
        return f"{said}: however well draws are matched, {100 * distance:.2g} of 100 differ."
    return f"{said} of one group's counts; all counts together, too many to list here, are at least as far apart."


def about_draws(counts: np.ndarray, law: ExactLaw, name: str) -> str:
    """How near the draws so far come to the law, for the group that varies most.

    Args:
        counts: shape ``(S, K)``.
        law: that they are drawn from.
        name: of the law.
    """
    draws, group = len(counts), int(law.covariance.diagonal().argmax())
    mean, variance = float(law.mean[group]), float(law.covariance[group, group])
    if not draws:
        return "Nothing has been drawn yet. Outlines say what to expect."
    if variance < NOTHING:
        return f"**{draws_in_words(draws)}**: every count is forced."
    noise, found = (variance / draws) ** 0.5, float(counts[:, group].mean())
    off = abs(found - mean) / noise
    chance = erfc(off / 2**0.5)
    verdict = "as near as chance allows" if off <= 2 else f"{off:.2g} standard errors off, as {chance:.2g} of all sequences are"
    places = max(0, 1 - floor(log10(noise)))
    gave = (
        f"group {group + 1} gave **{found:.{places}f}** on average" if draws > 1 else f"group {group + 1} gave **{found:.0f}**"
    )
    says = f"{possessive(name)} law says **{mean:.{places}f}** ± {noise:.{places}f}"
    return f"**{draws_in_words(draws)}**: {gave}, {says}: {verdict}."


def draws_in_words(number: int) -> str:
    """A number of draws in words.

    Example:
        >>> draws_in_words(1), draws_in_words(1000)
        ('1 draw', '1,000 draws')
    """
    return f"{number:,} draw" + ("" if number == 1 else "s")


def possessive(name: str) -> str:
    """A name's genitive.

    Example:
        >>> possessive("Fisher"), possessive("Wallenius")
        ("Fisher's", "Wallenius'")
    """
    return name + ("'" if name.endswith("s") else "'s")
