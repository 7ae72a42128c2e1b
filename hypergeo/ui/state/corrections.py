"""Messages about URL parameters with invalid values."""

from __future__ import annotations

from typing import Any

from hypergeo.ui.limits import SHOWN_OF_A_VALUE

from .address import TOUR
from .controls import Control
from .markdown import quoted

__all__ = ["correction_note"]

_LABELS = {
    "n": "number of balls",
    "tau": "temperature",
    "groups": "number of groups",
    "number": "number of samples",
    "kind": "sample type",
    "follow": "sample number",
    TOUR: "stop of the tour",
    "taus": "temperature",
    "w": "weight",
    "m": "group size",
    "t": "target",
}


def correction_note(name: str, control: Control, text: str, value: Any) -> str:
    """Describes the correction of a URL parameter: its invalid text, the allowed values and the value in use.

    Args:
        name: name of the control.
        control: the control, which knows its allowed values.
        text: text of the URL parameter.
        value: allowed value that replaces it.

    Returns:
        The message as Markdown.

    Example:
        >>> from hypergeo.ui.state.controls import Whole
        >>> correction_note("n", Whole(default=12, low=0, high=60), "75", 60)
        'The link has an invalid number of balls ("75"; allowed: whole numbers from 0 to 60); using 60.'
    """
    invalid = f'{_label(name)} ("{quoted(text, SHOWN_OF_A_VALUE)}"; allowed: {control.allowed()})'
    return f"The link has an invalid {invalid}; using {control.write(value) or 'none'}."


def _label(name: str) -> str:
    """Returns a control's name as text.

    Args:
        name: name of the control.

    Returns:
        The label.

    Example:
        >>> _label("w2"), _label("seed")
        ('weight 2', 'seed')
    """
    letters = name.rstrip("0123456789")
    return f"{_LABELS.get(letters, letters)} {name[len(letters) :]}".strip()
