"""Numbers of the gradients page in words, and as files."""

from __future__ import annotations

import numpy as np

from hypergeo.quality.agreement import Agreement

__all__ = ["ARROW_WORDS", "about_mean", "counts_words", "draws_words", "loss_words"]

ARROW_WORDS = "Arrows are gradients in the log weights, turned downhill: towards a corner means raise that group's weight."


def counts_words(counts: np.ndarray) -> str:
    """Mean counts in words.

    Example:
        >>> counts_words(np.array([3.2783, 5.0, 6.7217]))
        '(3.28, 5.00, 6.72)'
    """
    return "(" + ", ".join(f"{count:.2f}" for count in counts) + ")"


def loss_words(loss: float) -> str:
    """A loss in words.

    Example:
        >>> loss_words(51.4912), loss_words(2e-5)
        ('51.49', 'less than 0.001')
    """
    return "less than 0.001" if 0 < loss < 0.001 else f"{loss:.4g}"


def draws_words(number: int) -> str:
    """A number of draws in words.

    Example:
        >>> draws_words(1), draws_words(4)
        ('one draw', '4 draws')
    """
    return "one draw" if number == 1 else f"{number} draws"


def about_mean(found: Agreement) -> str:
    """How the mean estimate agrees with the exact gradient, in words."""
    if not found.norm:
        return f"The exact gradient is **zero** here; a single estimate spreads by {found.deviation.value:.3g} around it."
    spread = (
        f"a single estimate spreads **{found.deviation.value:.2g} times** its length"
        if found.deviation.value
        else "no estimate differs from another"
    )
    if found.bias.value == 0 and found.deviation.value == 0:
        return f"The mean arrow **is the exact one**, and {spread}."
    if not found.biased:
        return f"The mean of {found.number} arrows **cannot be told from the exact one**, and {spread}."
    if found.along >= 1:
        length = f"**{1 + found.along:.2g} times** as long as the exact one"
    elif found.along <= -1:
        length = "**against the exact one**" if found.along < -1.001 else "**of no length** where the exact one has some"
    else:
        length = f"**{100 * abs(found.along):.2g} % {'longer than' if found.along > 0 else 'short of'}** the exact one"
    turned = f" and {found.angle:.2g}° off its way" if found.angle >= 1 and found.along > -1 else ""
    return f"The mean arrow is {length}{turned}; {spread}."
