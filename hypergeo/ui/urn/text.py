"""Sentences of the urn page, as functions of arrays."""

from __future__ import annotations

from math import floor, log10

import numpy as np

from hypergeo.figures.core.words import percent, subscript
from hypergeo.ui.convergence.arrays import Urn

from .arrays import ExactLaw, ExactLaws, deviation_probability

__all__ = ["about_draws", "about_laws", "about_shares", "about_weights", "draws_in_words", "heat_note", "possessive"]

PER_CENT = 0.01  # relative change of a weight
NOTHING = 1e-9
LEVEL = 0.05  # probability of a difference below which it is no longer called sampling error


def moved(sensitivity: np.ndarray) -> tuple[int, float, int, float] | None:
    """Computes the effect of raising a weight by one per cent on the means, to first order, for the group that gains most.

    Args:
        sensitivity: derivative of the mean of group ``i`` in the log weight of group ``j``, shape ``(K, K)``.

    Returns:
        Index of the group, gain of its mean, index of the group that loses most, and loss of that group's mean; ``None`` where
        no mean changes.

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
    """Describes the heat map's largest entry.

    Args:
        sensitivity: derivative of the mean of group ``i`` in the log weight of group ``j``, shape ``(K, K)``.
        narrow: whether the page is narrow, so that the text has two lines.

    Returns:
        The text as HTML.
    """
    extremes = moved(sensitivity)
    if extremes is None:
        return f"Only one outcome is possible here:{'<br>' if narrow else ' '}no weight changes anything."
    group, gain, loser, loss = extremes
    gains = f"w<sub>{group + 1}</sub> + 1 %: group {group + 1}'s mean + {gain:.2g} balls"
    return f"{gains},{'<br>' if narrow else ' '}group {loser + 1}'s mean − {loss:.2g}."


def about_weights(urn: Urn, law: ExactLaw, name: str) -> str:
    """Describes the effect of raising a weight, and its reason.

    Args:
        urn: the urn.
        law: distribution of the samples.
        name: ``"Fisher"`` or ``"Wallenius"``.

    Returns:
        The sentences as Markdown.
    """
    extremes = moved(law.sensitivity)
    if extremes is None:
        return "**Only one outcome is possible** here, whatever the weights."
    group, gain, loser, loss = extremes
    effect = (
        f"Raising w{subscript(group + 1)} by 1 % raises group {group + 1}'s mean by **{gain:.2g} balls** and lowers group "
        f"{loser + 1}'s by {loss:.2g}"
    )
    variance = float(law.covariance[group, group])
    if name == "Fisher":
        return (
            f"{effect}. The gain is 1 % of group {group + 1}'s variance, {variance:.3g}: for Fisher's distribution the heat "
            "map equals the covariance of the counts."
        )
    if np.abs(law.covariance - law.sensitivity).max() < 1e-6:
        return (
            f"{effect}. Here the gain is 1 % of group {group + 1}'s variance, {variance:.3g}; for Wallenius' distribution it "
            "usually is not."
        )
    return (
        f"{effect}. For Wallenius' distribution the derivative, {law.sensitivity[group, group]:.3g} per unit of log w, is "
        f"**not** the variance, {variance:.3g}."
    )


def about_shares(urn: Urn, law: ExactLaw) -> list[str]:
    """Compares how often heavy and light balls are drawn.

    Args:
        urn: the urn.
        law: distribution of the samples.

    Returns:
        The sentence as Markdown; none where only one outcome is possible.
    """
    if moved(law.sensitivity) is None:
        return []
    drawable = [k for k, (size, weight) in enumerate(zip(urn.group_sizes, urn.weights, strict=True)) if size and weight]
    heavy, light = max(drawable, key=urn.weights.__getitem__), min(drawable, key=urn.weights.__getitem__)
    often, seldom = (float(law.mean[k]) / urn.group_sizes[k] for k in (heavy, light))
    ratio = urn.weights[heavy] / urn.weights[light]
    if ratio == 1:
        return [f"All balls with a weight above zero are equally likely to be drawn: **{percent(often, 1)}** each."]
    weighs = f"A ball of group {heavy + 1} has {ratio:.3g} times the weight of a ball of group {light + 1}"
    places = 0 if seldom >= 0.1 else 1
    shares = f"({percent(often, places)} against {percent(seldom, places)})"
    likely = f"**{often / seldom:.3g} times** as likely to be drawn {shares}"
    if urn.total_count == 1:
        return [f"{weighs} and is {likely}: only one ball is drawn."]
    if often / seldom > ratio:
        return [f"{weighs} and is {likely}: heavy balls are taken early, while many balls remain."]
    return [f"{weighs} but is only {likely}, because balls are not put back."]


def about_laws(urn: Urn, laws: ExactLaws) -> str:
    """Describes how the distribution changes if balls are drawn one by one.

    Args:
        urn: the urn.
        laws: both distributions of the urn.

    Returns:
        The sentences as Markdown.
    """
    fisher, wallenius, distance = laws.fisher, laws.wallenius, laws.distance
    if moved(fisher.sensitivity) is None:
        return "Fisher's and Wallenius' distributions are **the same** here: only one outcome is possible."
    if not distance:
        why = "only one ball is drawn" if urn.total_count == 1 else "all weights are equal"
        return f"Fisher's and Wallenius' distributions are **the same** here, since {why}."
    group = int(np.abs(fisher.mean - wallenius.mean).argmax())
    means = (
        f"If balls are drawn one by one (Wallenius), the mean of group {group + 1} is {wallenius.mean[group]:.3g} instead of "
        f"{fisher.mean[group]:.3g} (Fisher). The total variation distance between them is **{distance:.2g}**"
    )
    if laws.joint:
        return f"{means}: even under the best coupling, {percent(distance)} of samples differ."
    return f"{means} for one group's counts. It is at least as large for all counts together (too many to list here)."


def about_draws(counts: np.ndarray, law: ExactLaw, name: str) -> str:
    """Compares the mean of the samples so far with the exact mean, for the group of the largest variance.

    Args:
        counts: samples so far, shape ``(S, K)``.
        law: distribution of the samples.
        name: ``"Fisher"`` or ``"Wallenius"``.

    Returns:
        The sentences as Markdown.
    """
    draws, group = len(counts), int(law.covariance.diagonal().argmax())
    mean, variance = float(law.mean[group]), float(law.covariance[group, group])
    if not draws:
        return "No sample yet. The outlines are the exact probabilities."
    if variance < NOTHING:
        return f"**{draws_in_words(draws)}**: only one outcome is possible."
    noise, total = (variance / draws) ** 0.5, int(counts[:, group].sum())
    distance = abs(total / draws - mean) / noise
    chance = deviation_probability(law.marginals[group], draws, total)
    places = max(0, 1 - floor(log10(noise)))
    seen = f"mean count of group {group + 1} is **{total / draws:.{places}f}**"
    if draws == 1:
        seen = f"count of group {group + 1} is **{total}**"
    return (
        f"**{draws_in_words(draws)}**: the {seen}; the mean under {possessive(name)} distribution is "
        f"**{mean:.{places}f}**. The difference is {distance:.2g} standard errors ({noise:.2g} each)"
        f"{', within sampling error' if chance >= LEVEL else ''}. The exact probability of a difference this large is "
        f"{_probability(chance)}."
    )


def _probability(chance: float) -> str:
    """Returns a probability as text with two digits; numbers below 1e-9 are only bounded."""
    return f"{chance:.2g}" if chance >= 1e-9 else "below 1e-9"


def draws_in_words(number: int) -> str:
    """Returns a number of samples as text.

    Args:
        number: number of samples.

    Returns:
        The text.

    Example:
        >>> draws_in_words(1), draws_in_words(1000)
        ('1 sample', '1,000 samples')
    """
    return f"{number:,} sample" + ("" if number == 1 else "s")


def possessive(name: str) -> str:
    """Returns the possessive form of a name.

    Args:
        name: the name.

    Returns:
        The name with an apostrophe, and with an ``s`` unless it ends with one.

    Example:
        >>> possessive("Fisher"), possessive("Wallenius")
        ("Fisher's", "Wallenius'")
    """
    return name + ("'" if name.endswith("s") else "'s")
