"""The frame of every page: its head, the sentences and presets below its figure, its table, formulas, code and downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from hypergeo.figures.core.words import thin
from hypergeo.ui.component.predict import prediction_card
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import Preset, preset_buttons
from hypergeo.ui.state.tours import Stop, is_withheld, tour_buttons, tour_words

from .course import course_bar, go_on, next_label
from .downloads import File, downloads, share_link

__all__ = ["Frame", "open_page"]


class Frame:
    """A page that has been opened by :func:`open_page`.

    Args:
        state: state of the page.
        withheld: whether a prediction hides the answer.

    Attributes:
        state: state of the page.
        withheld: whether a prediction hides the answer, so that the numbers below the figure are not shown yet.
    """

    def __init__(self, state: PageState, withheld: bool = False):
        self.state, self.withheld = state, withheld

    def told(self, sentences: Sequence[str], presets: Sequence[Preset]) -> None:
        """Draws the sentences about the figure, beside the presets.

        Args:
            sentences: sentences as Markdown.
            presets: the presets.
        """
        noticed, tried = st.container(key="notice").columns([3, 2], gap="large")
        with noticed:
            st.subheader("What to notice", anchor=False)
            shown = ["Make your prediction first."] if self.withheld else sentences
            st.markdown(thin("\n".join(f"- {sentence}" for sentence in shown)))
        with tried:
            st.subheader("Try this", anchor=False)
            preset_buttons(self.state, presets)

    def table(self, data: Any | Callable[[], Any], *, alt: str, caption: str | None = None) -> None:
        """Shows the numbers behind the figure, in a section that is closed at first.

        Args:
            data: data for :func:`streamlit.dataframe`, or a function that computes them once the section is open.
            alt: description of the table in a sentence.
            caption: description of the numbers.
        """
        if self.withheld:
            return
        section = self._section("table", "The numbers behind the picture", ":material/table:")
        if section is not None:
            section.dataframe(data() if callable(data) else data, hide_index=True, alt=alt)
            if caption:
                section.caption(thin(caption))

    def formulas(self, words: str) -> None:
        """Draws the formulas and their references, in a section that is closed at first.

        Args:
            words: formulas as Markdown.
        """
        section = self._section("formulas", "The formulas", ":material/function:")
        if section is not None:
            section.markdown(words)

    def code(self, code: str) -> None:
        """Draws the Python code that computes the page's numbers, in a section that is closed at first.

        Args:
            code: Python code.
        """
        section = self._section("python", "The Python that gives these numbers", ":material/code:")
        if section is not None:
            section.code(code)

    def take_away(
        self, values: Mapping[str, Any], name: str, *, csv: Callable[[], bytes], html: Callable[[], str], code: str
    ) -> None:
        """Shows the link to the page in its current state, and downloads.

        Args:
            values: value of each visible control by name.
            name: start of the files' names.
            csv: function that writes the data on request.
            html: function that writes the figure on request.
            code: Python code that computes the page's numbers.
        """
        files = [
            File("Data (CSV)", f"{name}.csv", "text/csv", ":material/table_view:", csv),
            File("Figure (HTML, opens offline)", f"{name}.html", "text/html", ":material/animated_images:", html),
            File("Python", f"{name}.py", "text/x-python", ":material/code:", lambda: code),
        ]
        self.hand_out(values, files, caption="This link shows the same figure with the same numbers:")

    def hand_out(self, values: Mapping[str, Any], files: Sequence[File], *, caption: str) -> None:
        """Shows the link to the page in its current state, and files of any kind.

        Args:
            values: value of each visible control by name.
            files: files to download.
            caption: description of the link.
        """
        st.subheader("Share and download", anchor=False)
        st.caption(caption)
        share_link(self.state.query(values))
        downloads(files)

    def _section(self, name: str, title: str, icon: str) -> Any:
        """Returns a section, or ``None`` if it is closed."""
        section = self.state.section(name, title, icon)
        return section if section.open else None


def open_page(state: PageState, title: str, sentence: str, tour: Sequence[Stop] = ()) -> Frame:
    """Opens a page: its title, its tour, and its controls as in the URL. It must be the first call of a page.

    Args:
        state: state of the page.
        title: title of the page.
        sentence: sentence under the title, as Markdown.
        tour: stops of the page's guided tour.

    Returns:
        The page's frame.
    """
    go_on(tour)
    state.start(tour)
    course_bar(state, tour)
    head, tools = st.columns([4, 1.2], gap="medium", vertical_alignment="bottom")
    with head:
        st.title(title, anchor=False)
        st.markdown(thin(tour_words(state, tour) or sentence))
    if tour:
        with tools, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            tour_buttons(state, tour, next_label(state, tour))
    prediction_card(state, tour)
    if state.notes:
        st.warning("  \n".join(state.notes), icon=":material/tune:")
    return Frame(state, is_withheld(state, tour))
