"""Sentences of the gradients page: pure functions from numbers to text."""

from __future__ import annotations

import numpy as np

from hypergeo.figures.core.words import percent
from hypergeo.quality.agreement import Agreement

__all__ = ["ARROW_WORDS", "about_mean", "counts_words", "loss_words", "samples_words"]

ARROW_WORDS = "Arrows show the descent direction −∇ in the log weights. An arrow towards a corner raises that group's weight."
"""Explanation of the arrows."""


def counts_words(counts: np.ndarray) -> str:
    """Returns mean counts as text.

    Args:
        counts: mean count of each group, shape ``(K,)``.

    Returns:
        The counts with two decimals.

    Example:
        >>> counts_words(np.array([3.2783, 5.0, 6.7217]))
        '(3.28, 5.00, 6.72)'
    """
    return "(" + ", ".join(f"{count:.2f}" for count in counts) + ")"


def loss_words(loss: float) -> str:
    """Returns a loss as text.

    Args:
        loss: value of the loss.

    Returns:
        The loss with four digits.

    Example:
        >>> loss_words(51.4912), loss_words(2e-5)
        ('51.49', 'less than 0.001')
    """
    return "less than 0.001" if 0 < loss < 0.001 else f"{loss:.4g}"


def samples_words(number: int) -> str:
    """Returns a number of samples as text.

    Args:
        number: number of samples.

    Returns:
        The number with its noun.

    Example:
        >>> samples_words(1), samples_words(4)
        ('one sample', '4 samples')
    """
    return "one sample" if number == 1 else f"{number} samples"


def about_mean(quality: Agreement) -> str:
    """Describes how the mean estimate agrees with the exact gradient.

    Args:
        quality: bias and standard deviation of the estimates.

    Returns:
        One or two sentences with ``**bold**`` words.
    """
    deviation = quality.deviation.value
    if not quality.norm:
        return f"The exact gradient is **zero** here; the standard deviation of one estimate is {deviation:.3g}."
    noise = (
        f"the standard deviation of one estimate is **{deviation:.2g} ×** the gradient norm"
        if deviation
        else "all estimates are equal"
    )
    if quality.bias.value == 0 and deviation == 0:
        return f"The mean estimate **equals the exact gradient**; {noise}."
    if not quality.biased:
        return f"**No significant bias** in the mean of {quality.number} estimates; {noise}."
    if quality.along >= 1:
        length = f"Along the exact gradient, the mean estimate is **{1 + quality.along:.2g} times** as long"
    elif quality.along < -1.001:
        length = "The mean estimate points **against the exact gradient**"
    elif quality.along <= -1:
        length = "The mean estimate is **zero**, the exact gradient is not"
    else:
        size = f"**{percent(abs(quality.along))} too {'long' if quality.along > 0 else 'short'}**"
        length = f"Significant bias: along the exact gradient, the mean estimate is {size}"
    turned = f", at an angle of {quality.angle:.2g}° to it" if quality.angle >= 1 and quality.along > -1 else ""
    return f"{length}{turned}; {noise}."
