"""States of Streamlit's own widgets as a browser sends them."""

from __future__ import annotations

from typing import Any

from streamlit.proto.Element_pb2 import Element
from streamlit.proto.WidgetStates_pb2 import WidgetState

__all__ = ["STATES", "widget_state"]

STATES = ("slider", "number_input", "button_group", "selectbox", "checkbox", "text_area")


def widget_state(element: Element, value: Any = None) -> WidgetState:
    """Returns a widget's state as a browser sends it: a reader's value, or the server's."""
    kind = str(element.WhichOneof("type"))
    widget = getattr(element, kind)
    state = WidgetState(id=widget.id)
    is_set = widget.set_value
    match kind:
        case "slider" if widget.options:
            now = list(widget.raw_value) if is_set else [widget.options[int(place)] for place in widget.default]
            state.string_array_value.data.extend(now if value is None else [str(value)])
        case "slider":
            state.double_array_value.data.extend((widget.value if is_set else widget.default) if value is None else [value])
        case "number_input":
            state.double_value = (widget.value if is_set else widget.default) if value is None else value
        case "button_group":
            now = list(widget.raw_values) if is_set else [widget.options[place].content for place in widget.default]
            state.string_array_value.data.extend(now if value is None else [str(value)])
        case "selectbox":
            first = widget.options[widget.default] if widget.options else ""
            state.string_value = str(value if value is not None else widget.raw_value if is_set else first)
        case "checkbox":
            state.bool_value = (widget.value if is_set else widget.default) if value is None else bool(value)
        case "text_area":
            state.string_value = (widget.value if is_set else widget.default) if value is None else str(value)
    return state
