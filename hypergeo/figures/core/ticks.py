"""Ticks of logarithmic axes."""

from __future__ import annotations

import numpy as np

from .panels import Json

__all__ = ["decades"]


def decades(low: float, high: float) -> Json:
    """Ticks of a logarithmic axis, few enough to be read, as plain numbers.

    Args:
        low: lower end of the axis, positive.
        high: upper end.

    Example:
        >>> decades(0.04, 3)["ticktext"]
        ['0.05', '0.1', '0.2', '0.5', '1', '2']
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high]
        if len(ticks) <= 6:
            break
    return {"tickvals": ticks, "ticktext": [f"{tick:.12g}" if 1e-4 <= tick < 1e6 else f"{tick:.0e}" for tick in ticks]}
