"""File field for the reader's points, with controls for the columns and a preview of the first rows."""

from __future__ import annotations

import zlib
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from hypergeo.datasets.tables.table import Table
from hypergeo.ui.limits import CLUSTERS
from hypergeo.ui.state.markdown import plain
from hypergeo.ui.state.page_state import PageState

from .own_points import ColumnChoice, OwnFile, axis_kinds, first_choice, own_table, with_scales

__all__ = ["own_file", "upload"]

_PREVIEW = 5  # rows
_RESTART = {"edits": "", "step": 0}
_TWO, _COMPONENTS = "two columns", "components"
_NONE = -1  # option for no column, because Streamlit takes None for no choice
_DECIMALS = {"as inferred": None, "point": "point", "comma": "comma"}


def upload(state: PageState) -> DeltaGenerator:
    """Draws the file field and, for a readable file, the controls for its columns.

    Args:
        state: state of the page; a change of the points restarts its run.

    Returns:
        Container for notes on how the file was read.
    """
    st.file_uploader(
        "A table (CSV or text), one row per point",
        key=_key(state, "file"),
        max_upload_size=CLUSTERS.megabytes,
        on_change=state.set,
        args=(_RESTART,),
        help="Any separator, decimal mark and encoding. A column of words or integers can hold the true classes.",
    )
    st.caption("The file stays in this session; a link to this page does not contain it.")
    notes, content = st.container(), _content(state)
    if content is None:
        return notes
    with st.expander("Columns and first rows", icon=":material/table:", expanded=True):
        st.segmented_control("Decimal mark", list(_DECIMALS), default="as inferred", **_widget(state, "decimal", content))
        try:
            table = own_table(content, _decimal(state, content))
            choice = _choices(state, content, table)
        except ValueError:
            return notes  # a message above the figure describes the problem
        chosen = dict.fromkeys([*choice.axes, *([] if choice.label is None else [choice.label])])
        st.table(
            [{plain(table.names[place]): plain(table.columns[place].cells[row]) for place in chosen} for row in _first(table)]
        )
    return notes


def own_file(state: PageState) -> OwnFile | None:
    """Returns the uploaded file with the reader's choice of columns.

    Args:
        state: state of the page.

    Returns:
        The file; ``None`` if there is none.
    """
    content = _content(state)
    if content is None:
        return None
    decimal = _decimal(state, content)
    try:
        choice = _chosen(state, content, own_table(content, decimal))
    except ValueError:
        choice = None
    return OwnFile(content, decimal, choice)


def _choices(state: PageState, content: bytes, table: Table) -> ColumnChoice:
    """Returns the reader's choice of columns, and draws the controls for it."""
    first = first_choice(table)
    numbers, labels = axis_kinds(table)
    if len(numbers) > 2:
        st.segmented_control(
            "Axes",
            [_TWO, _COMPONENTS],
            default=_COMPONENTS if first.components else _TWO,
            **_widget(state, "plane", content),
        )
    components = _widget_value(state, "plane", content, _COMPONENTS if first.components else _TWO) == _COMPONENTS

    def name(place: int) -> str:
        return "none" if place == _NONE else table.names[place]

    if not components:
        for axis, place in (("x", first.x), ("y", first.y)):
            st.selectbox(f"Column of {axis}", numbers, numbers.index(place), format_func=name, **_widget(state, axis, content))
    options = [_NONE, *labels]
    st.selectbox(
        "Column of the true class",
        options,
        options.index(_NONE if first.label is None else first.label),
        format_func=name,
        **_widget(state, "label", content),
    )
    choice = _chosen(state, content, table)
    st.toggle(
        "Standardise the columns",
        with_scales(table, choice).standardise,
        help="Scales each column to mean 0 and standard deviation 1. On by default if scales differ more than tenfold.",
        **_widget(state, _scale_key(choice), content),
    )
    return choice


def _chosen(state: PageState, content: bytes, table: Table) -> ColumnChoice:
    """Returns the columns that the controls have chosen, or the guess before they are drawn."""
    first = first_choice(table)
    plane = _widget_value(state, "plane", content, _COMPONENTS if first.components else _TWO)
    x, y = _widget_value(state, "x", content, first.x), _widget_value(state, "y", content, first.y)
    column = _widget_value(state, "label", content, first.label)
    label = None if column == _NONE else column
    numbers, _ = axis_kinds(table)
    components = first.components or tuple(place for place in numbers if place != label and not table.columns[place].rows)
    choice = ColumnChoice(x, y, label, components if plane == _COMPONENTS else ())
    usual = with_scales(table, choice)
    standardise = bool(_widget_value(state, _scale_key(choice), content, usual.standardise))
    return ColumnChoice(x, y, label, choice.components, standardise)


def _scale_key(choice: ColumnChoice) -> str:
    return f"standardise_{'_'.join(map(str, choice.axes))}"


def _first(table: Table) -> range:
    return range(min(_PREVIEW, len(table.lines)))


def _key(state: PageState, name: str) -> str:
    return f"_{state.prefix}_{name}"


def _widget(state: PageState, name: str, content: bytes) -> dict[str, Any]:
    """Returns arguments of a widget: its key for this file, and the restart of the run after a change."""
    return {"key": _key(state, f"{name}_{zlib.crc32(content)}"), "on_change": state.set, "args": (_RESTART,)}


def _widget_value(state: PageState, name: str, content: bytes, default: Any) -> Any:
    return st.session_state.get(_key(state, f"{name}_{zlib.crc32(content)}"), default)


def _decimal(state: PageState, content: bytes) -> Any:
    return _DECIMALS.get(_widget_value(state, "decimal", content, "as inferred"))


def _content(state: PageState) -> bytes | None:
    uploaded = st.session_state.get(_key(state, "file"))
    return uploaded.getvalue() if uploaded else None
