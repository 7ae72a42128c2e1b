"""The frame of every page: its head, its figure, what is told beside it, and what can be taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import plotly.graph_objects as go
import streamlit as st

from hypergeo.figures import STREAMLIT, Palette
from hypergeo.ui.component.live_figure import Film, playable
from hypergeo.ui.component.steady import steady_figures
from hypergeo.ui.component.sweep_keys import sweep_keys
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import Preset, preset_buttons
from hypergeo.ui.state.tours import Stop, tour_buttons, tour_words

from .downloads import File, downloads, share_link
from .viewport import Surroundings, present_toggle, surroundings, watch_surroundings

__all__ = ["Frame", "View", "open_page"]

_ENLARGED = 1.2


class View(Protocol):
    """What a page shows at a step."""

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """The figure."""

    def alt(self) -> str:
        """The figure in a sentence, for those who cannot see it."""

    def live(self) -> str:
        """The step in a sentence or two."""


class Frame:
    """A page that has been opened by :func:`open_page`.

    Attributes:
        state: the page's controls.
        where: what the page is shown on.
    """

    def __init__(self, state: PageState, where: Surroundings):
        self.state = state
        self.where = where
        self._notice = st.container()

    def mended(self, values: Mapping[str, Any] | None = None) -> None:
        """Says what was mended in the address, until a control moves."""
        if self.state.notes:
            self._notice.warning("  \n".join(self.state.notes), icon=":material/tune:")

    def chart(self, figure: go.Figure, *, key: str, alt: str) -> None:
        """A figure that follows the reader's theme.

        Args:
            figure: drawn with the palette ``STREAMLIT``.
            key: its name, by which the browser knows it again.
            alt: the figure in a sentence, for those who cannot see it.
        """
        show_chart(figure, self.where, key=key, alt=alt)

    def film(self, view: Callable[[int], View], step: int, *, key: str, **look: bool) -> Film:
        """The figure of a view at a step, which a transport inside of a fragment plays on from there.

        Args:
            view: makes what is to see at a step.
            step: the step that the page is at.
            key: the figure's name. The words of each step are in a container with this name and ``_words``.
            look: more of what the view's figure takes.
        """

        def draw(step: int) -> tuple[go.Figure, str]:
            seen = view(step)
            return _sized(seen.figure(STREAMLIT, narrow=self.where.narrow, **look), self.where), seen.live()

        seen = view(step)
        self.chart(playable(seen.figure(STREAMLIT, narrow=self.where.narrow, **look)), key=key, alt=seen.alt())
        return Film(key, f"{key}_words", step, draw)

    def told(self, sentences: Sequence[str], presets: Sequence[Preset]) -> None:
        """What to notice, beside what to try."""
        told, tried = st.container(key="notice").columns([3, 2], gap="large")
        with told:
            st.subheader("What to notice", anchor=False)
            st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
        with tried:
            st.subheader("Try this", anchor=False)
            preset_buttons(self.state, presets)

    def table(self, data: Any | Callable[[], Any], *, alt: str, caption: str | None = None) -> None:
        """The numbers behind the picture, in a section that is closed at first.

        Args:
            data: what :func:`streamlit.dataframe` shows, or what makes it once the section is open.
            alt: the table in a sentence.
            caption: what the numbers are of.
        """
        section = self._section("table", "The numbers behind the picture", ":material/table:")
        if section is not None:
            section.dataframe(data() if callable(data) else data, hide_index=True, alt=alt)
            if caption:
                section.caption(caption)

    def formulas(self, words: str) -> None:
        """The formulas, as Markdown with the references they come from, in a section that is closed at first."""
        section = self._section("formulas", "The formulas", ":material/function:")
        if section is not None:
            section.markdown(words)

    def code(self, code: str) -> None:
        """The Python that gives the page's numbers, in a section that is closed at first."""
        section = self._section("python", "The Python that gives these numbers", ":material/code:")
        if section is not None:
            section.code(code)

    def take_away(
        self, values: Mapping[str, Any], name: str, *, csv: Callable[[], bytes], html: Callable[[], str], code: str
    ) -> None:
        """The link to the page as it is, and downloads.

        Args:
            values: value of each control on show, by name.
            name: start of the files' names.
            csv: makes the data, once the reader asks for it.
            html: makes the figure, once the reader asks for it.
            code: the Python.
        """
        files = [
            File("Data (CSV)", f"{name}.csv", "text/csv", ":material/table_view:", csv),
            File("Figure (HTML, opens offline)", f"{name}.html", "text/html", ":material/animated_images:", html),
            File("Python", f"{name}.py", "text/x-python", ":material/code:", lambda: code),
        ]
        self.hand_out(values, files, caption="This link shows the same picture, to the last number:")

    def hand_out(self, values: Mapping[str, Any], files: Sequence[File], *, caption: str) -> None:
        """The link to the page as it is, and files of any kind.

        Args:
            values: value of each control on show, by name.
            files: what can be downloaded.
            caption: what the link holds.
        """
        if not self.where.present:
            st.subheader("Take it with you", anchor=False)
            st.caption(caption)
            share_link(self.state.query(values))
            downloads(files)

    def _section(self, name: str, title: str, icon: str) -> Any:
        """An open section, or None where it is closed, or where a class is looking."""
        if self.where.present:
            return None
        section = self.state.section(name, title, icon)
        return section if section.open else None


def open_page(state: PageState, title: str, sentence: str, tour: Sequence[Stop] = (), *, live: bool = False) -> Frame:
    """Opens a page: its title, its tour, and its controls as the address has them. The first call of a page.

    Args:
        state: the page's controls.
        title: what the page shows, as a claim.
        sentence: what the reader will see, as Markdown.
        tour: stops of the page's guided tour.
        live: whether the page has a stage.
    """
    state.start(tour)
    where = surroundings()
    head, tools = st.columns([4, 1.2], gap="medium", vertical_alignment="bottom")
    with head:
        st.title(title, anchor=False)
        st.markdown(tour_words(state, tour) or sentence)
    with tools:
        if not live:
            with st.container(gap=None):  # nothing of it is seen
                watch_surroundings()
                steady_figures()
                sweep_keys()
        with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            if tour:
                tour_buttons(state, tour)
            if not live:
                present_toggle()
    frame = Frame(state, where)
    if live:
        frame.mended()
    return frame


def show_chart(figure: go.Figure, where: Surroundings, *, key: str, alt: str) -> None:
    """Shows a figure in the reader's theme, enlarged for a class; see :meth:`Frame.chart`."""
    figure = _sized(figure, where)
    # Noted in the figure, so that a browser draws it anew where only the theme has changed.
    figure.layout.meta = {**(figure.layout.meta or {}), "theme": "dark" if where.dark else "light"}
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)


def _sized(figure: go.Figure, where: Surroundings) -> go.Figure:
    return go.Figure(_enlarged(figure.to_plotly_json())) if where.present else figure


def _enlarged(part: Any, font: bool = False) -> Any:
    """A figure's JSON with every size of a font in it enlarged."""
    if isinstance(part, dict):
        return {
            name: _ENLARGED * inner
            if font and name == "size" and isinstance(inner, int | float)
            else _enlarged(inner, name.endswith("font"))
            for name, inner in part.items()
        }
    return [_enlarged(inner) for inner in part] if isinstance(part, list | tuple) else part
