"""Source of the counts: pasted text, a file or an example. Offers changes of the urn where the counts do not fit it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from hypergeo.ui.limits import COUNTS
from hypergeo.ui.page.downloads import File
from hypergeo.ui.quality.controls import urn_of
from hypergeo.ui.quality.snippet import counts_snippet
from hypergeo.ui.state.controls import Whole
from hypergeo.ui.state.markdown import plain
from hypergeo.ui.state.page_state import PageState

from .arrays import common_sums, example_counts, fitted_sums
from .reading import Reading, UnreadableError, read
from .view import CountsView, counts_view

__all__ = [
    "CountsInput",
    "counts_code",
    "counts_files",
    "counts_input",
    "counts_results",
    "fit_button",
]

_MOVING = 2_000  # rows of an example while a control moves
_PREVIEW = 5  # rows
_SEED = 0  # seed of the simulated noise of the distances; p-values do not depend on it
_PLACEHOLDER = "sizes: 10, 10, 10\n2, 5, 8\n4, 4, 7\n1, 6, 8"


@dataclass(frozen=True)
class CountsInput:
    """Counts of the reader.

    Attributes:
        reading: counts that were read; ``None`` if there are none yet.
        problem: description of why the latest counts cannot be read, as Markdown; empty if they can.
        kept: whether ``reading`` holds the previous counts, because the latest ones cannot be read.
    """

    reading: Reading | None
    problem: str = ""
    kept: bool = False

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Group sizes in the data, one for each column of counts; ``None`` if the data have none."""
        reading = self.reading
        return None if reading is None or len(reading.sizes or ()) != reading.counts.shape[1] else reading.sizes

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the groups; ``None`` if the data have none."""
        return None if self.reading is None else self.reading.names


def counts_input(state: PageState) -> CountsInput:
    """Draws the controls for the source of the counts and reads the counts of the reader.

    Args:
        state: state of the page.

    Returns:
        The reader's counts; without any for an example, which :func:`counts_results` samples.
    """
    source = state.choose(
        "source",
        "Counts",
        help="Your own counts, or samples from this distribution or from Wallenius' distribution.",
        names={"of this law": "from this distribution", "of Wallenius' law": "from Wallenius' distribution"},
    )
    if source != "yours":
        return CountsInput(None)
    key = f"_{state.prefix}"
    text = st.text_area(
        "Paste counts, one row per line",
        key=f"{key}_text",
        height=112,
        placeholder=_PLACEHOLDER,
        max_chars=COUNTS.pasted,
        persist_state="session",
        on_change=_note_source,
        args=(state, "text", ""),
        help="Commas, semicolons, tabs or blanks separate counts. The first line may hold names. A line *sizes: 10, 10, 10* "
        "sets the group sizes.",
    )
    chosen = f"{key}_file_{st.session_state.get(f'{key}_files', 0)}"
    file = st.file_uploader(
        f"or a CSV file, at most {COUNTS.megabytes} MB and {COUNTS.rows:,} rows",
        key=chosen,
        max_upload_size=COUNTS.megabytes,
        on_change=_note_source,
        args=(state, "file", chosen),
    )
    if file is not None:
        st.session_state[f"{key}_bytes"] = (file.name, file.getvalue())
    name, data = st.session_state.get(f"{key}_bytes", ("", b""))
    if st.session_state.get(f"{key}_from") == "file" and name:
        if file is None:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.caption(f"In use: {plain(name[:40])}")
                st.button("Remove", key=f"{key}_remove", on_click=_remove, args=(state,))
        return _read(state, data)
    if text and len(text) > COUNTS.pasted:
        problem = f"{len(text):,} characters were pasted; the field takes up to {COUNTS.pasted:,}. Choose a file instead."
        return _unreadable(key, problem)
    return _read(state, text) if text and text.strip() else CountsInput(None)


def counts_results(state: PageState, counts: CountsInput) -> CountsView | None:
    """Compares the counts with the distribution, or describes what is wrong with them and offers changes.

    Args:
        state: state of the page.
        counts: result of :func:`counts_input`.

    Returns:
        The view; ``None`` if there is nothing to show.
    """
    values = state.values
    if counts.problem:
        kept = " The previous counts are kept below." if counts.kept else ""
        st.error(f"**These counts cannot be read.** {counts.problem}{kept}", icon=":material/error:")
    if values["source"] != "yours":
        if state.uncommitted:  # many rows take too long while a control moves
            values["rows"] = min(values["rows"], _MOVING)
        return _example(values)
    if counts.reading is None:
        _invitation(state, has_problem=bool(counts.problem))
        return None
    if not counts.kept:
        st.caption(" ".join(counts.reading.notes))
    if counts.sizes is not None:
        st.caption(f"Group sizes from your data: {', '.join(map(str, counts.sizes))}.")
    return _own(state, values, counts.reading)


def fit_button(state: PageState, view: CountsView) -> None:
    """Draws a button that sets the controls of the weights to the fitted weights.

    Args:
        state: state of the page.
        view: view on show.
    """
    nearest = view.nearest_controls()
    ratio = " : ".join(f"{weight:g}" for weight in nearest.values())
    st.button(
        "Use these weights",
        key=f"_{state.prefix}_use",
        icon=":material/tune:",
        disabled=not nearest,
        help=f"Sets the weights to {ratio}, the nearest values of the controls; only ratios matter. To test the fitted weights "
        "themselves, choose *as fitted*.",
        on_click=state.set,
        args=(nearest,),
    )


def counts_code(view: CountsView, values: Mapping[str, Any]) -> str:
    """Returns Python code that prints the numbers on show.

    Args:
        view: view on show.
        values: value of each control, by name.

    Returns:
        The code.
    """
    urn = urn_of(values, view.law.total_count, view.law.group_sizes)
    return counts_snippet(
        urn,
        wallenius="Wallenius" in values["source"],
        rows=None if values["source"] == "yours" else values["rows"],
        seed=_SEED if values["source"] == "yours" else values["seed"],
        fitted_law=view.fitted_law,
    )


def counts_files(view: CountsView, code: str) -> list[File]:
    """Returns the files that the reader can download.

    Args:
        view: view on show.
        code: Python code that prints the numbers on show.

    Returns:
        The files.
    """
    return [
        File("Results (CSV)", "results.csv", "text/csv", ":material/table_view:", view.csv),
        File("Figure (HTML, opens offline)", "counts.html", "text/html", ":material/animated_images:", view.html),
        File("Counts as read (CSV)", "counts.csv", "text/csv", ":material/grid_on:", view.counts_csv),
        File("Python", "counts.py", "text/x-python", ":material/code:", lambda: code),
    ]


def _example(values: Mapping[str, Any]) -> CountsView | None:
    urn = urn_of(values)
    try:
        urn.law()
        rows = example_counts(urn, values["rows"], values["seed"], wallenius="Wallenius" in values["source"])
    except ValueError as error:
        st.error(f"{plain(str(error))} Example counts need a valid urn.", icon=":material/error:")
        return None
    return counts_view(urn, rows, values["seed"], fitted_law=values["against"] == "as fitted")


def _own(state: PageState, values: Mapping[str, Any], reading: Reading) -> CountsView | None:
    counts = reading.counts
    groups = counts.shape[1]
    if groups != values["groups"]:
        st.warning(f"Your rows have **{groups} counts**, and the urn has {values['groups']} groups.", icon=":material/tune:")
        _offer(state, f"Set the urn to {groups} groups", {"groups": groups})
        return None
    sizes = reading.sizes or tuple(values[f"m{group}"] for group in range(1, groups + 1))
    most = counts.max(0)
    above = [group for group in range(groups) if most[group] > sizes[group]]
    if above:
        group = above[0]
        row = int(np.argmax(counts[:, group] > sizes[group]))
        st.warning(
            f"Row {row + 1} has **{counts[row, group]:,} balls of {_group(reading, group)}**, but this group has only "
            f"{sizes[group]:,}.",
            icon=":material/tune:",
        )
        field = state.controls["m1"]
        assert isinstance(field, Whole)
        highest = field.high
        if reading.sizes is not None:
            st.caption("Correct the line of sizes in your data.")
        elif most.max() <= highest:
            raised = {f"m{k + 1}": int(max(sizes[k], most[k])) for k in range(groups)}
            _offer(state, f"Raise the sizes to {', '.join(map(str, raised.values()))}", raised)
        else:
            st.caption(
                f"The controls allow sizes up to {highest}; a line *sizes: …* in your data allows up to {COUNTS.size:,}."
            )
        return None
    if not any(values[f"w{group}"] > 0 for group in range(1, groups + 1)):
        st.warning("All weights are zero, so no ball can be drawn. Raise a weight.", icon=":material/tune:")
        return None
    total = _total(state, counts, fitted_sums(sizes))
    urn = urn_of(values, total, sizes)
    fitted_law = values["against"] == "as fitted"
    try:
        if not fitted_law:
            urn.law()
        view = counts_view(urn, counts, _SEED, fitted_law=fitted_law, names=reading.names)
    except ValueError as error:
        st.warning(f"{plain(str(error))} Choose other weights, or test the fitted ones.", icon=":material/tune:")
        _offer(state, "Test the fitted weights", {"against": "as fitted"})
        return None
    if fitted_law and not view.fitted_law:
        st.info(
            "Not all fitted weights are finite, so the test uses the weights that the controls set.", icon=":material/info:"
        )
    return view


def _group(reading: Reading, group: int) -> str:
    return f"group {group + 1}" if reading.names is None else f"group {plain(reading.names[group])}"


def _total(state: PageState, counts: np.ndarray, fitted: int) -> int:
    """Returns the number of balls drawn in the rows to test; the reader chooses it if rows differ."""
    common = common_sums(counts)
    if len(common) == 1:
        return common[0][0]
    st.info(
        f"Your rows have **{len(common)} different totals** (numbers of balls drawn). The test uses the rows with one total, "
        "because the distribution has only one. "
        + (
            "The fit uses all rows."
            if len(common) <= fitted
            else f"The fit uses the rows with the {fitted} most common totals."
        ),
        icon=":material/info:",
    )
    rows = dict(common[:200])
    return int(
        st.selectbox(
            "Number of balls drawn in the tested rows",
            list(rows),
            format_func=lambda total: f"{total:,} balls ({rows[total]:,} {'rows' if rows[total] > 1 else 'row'})",
            key=f"_{state.prefix}_total",
            on_change=state.commit,
        )
    )


def _invitation(state: PageState, *, has_problem: bool) -> None:
    with st.container(border=True):
        if not has_problem:
            st.markdown(
                "**Do your counts come from Fisher's distribution, and with which weights?** Paste them under *Counts*, or "
                "choose a CSV file. Each row is one sample, with one count for each group. The counts stay in this session; a "
                "link to this page does not contain them."
            )
        st.markdown("No counts at hand? Try with example counts:")
        with st.container(horizontal=True, gap="small"):
            _offer(state, "Sample from this distribution", {"source": "of this law"}, icon=":material/casino:")
            _offer(state, "Sample from Wallenius' distribution", {"source": "of Wallenius' law"}, icon=":material/casino:")


def _offer(state: PageState, label: str, sets: Mapping[str, Any], icon: str = ":material/auto_fix_high:") -> None:
    st.button(
        label,
        key=f"_{state.prefix}_offer_{'_'.join(map(str, [*sets, *sets.values()]))}",
        on_click=state.set,
        args=(sets,),
        icon=icon,
    )


def _read(state: PageState, data: str | bytes) -> CountsInput:
    key = f"_{state.prefix}"
    try:
        reading = _reading(data, None)
        chosen = _columns(state, reading, zlib.crc32(data.encode() if isinstance(data, str) else data))
        if chosen != reading.chosen:
            reading = _reading(data, chosen)
    except UnreadableError as error:
        return _unreadable(key, str(error))
    st.session_state[f"{key}_good"] = reading
    return CountsInput(reading)


def _columns(state: PageState, reading: Reading, file: int) -> tuple[str, ...]:
    """Returns the columns that the reader chooses, and shows the first rows."""
    with st.expander("Columns and first rows", icon=":material/table:"):
        chosen = st.multiselect(
            "Columns of counts",
            reading.columns,
            default=reading.chosen,
            key=f"_{state.prefix}_columns_{file}",
            on_change=state.commit,
        )
        heads = [plain(name) for name in reading.names or [f"group {group + 1}" for group in range(len(reading.chosen))]]
        st.table([dict(zip(heads, row, strict=True)) for row in reading.counts[:_PREVIEW].tolist()])
    return tuple(chosen) or reading.chosen


def _unreadable(key: str, problem: str) -> CountsInput:
    good = st.session_state.get(f"{key}_good")
    return CountsInput(good, problem, kept=good is not None)


@st.cache_data(max_entries=8, show_spinner=False)
def _reading(data: str | bytes, columns: tuple[str, ...] | None) -> Reading:
    return read(data, columns)


def _note_source(state: PageState, source: str, chosen: str) -> None:
    """Stores whether the text or the file is the latest source; a failed upload changes nothing."""
    key = f"_{state.prefix}"
    state.commit()  # the rest of the page runs again
    if source == "text" or st.session_state.get(chosen) is not None:
        st.session_state[f"{key}_from"] = source


def _remove(state: PageState) -> None:
    """Removes the file and empties the uploader."""
    key = f"_{state.prefix}"
    state.commit()
    st.session_state.pop(f"{key}_bytes", None)
    st.session_state.pop(f"{key}_good", None)
    st.session_state[f"{key}_from"] = "text"
    st.session_state[f"{key}_files"] = st.session_state.get(f"{key}_files", 0) + 1
