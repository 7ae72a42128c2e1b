"""Placeholder of a figure that would reveal the answer of a prediction, or that is not computed yet."""

from __future__ import annotations

from dataclasses import dataclass

from hypergeo.figures import Palette
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["Cover"]


@dataclass(frozen=True)
class Cover:
    """Shows an empty figure with the reason why it is empty.

    Attributes:
        words: text on the figure.
        sentence: sentence that accompanies the figure, with ``**bold**`` words.
    """

    words: str
    sentence: str = ""

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Returns the empty figure.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        frame = {
            "type": "rect",
            "x0": 0.02,
            "x1": 0.98,
            "y0": 0.05,
            "y1": 0.95,
            "line": {"color": palette.grid, "width": 2, "dash": "dash"},
        }
        words = {"text": self.words, "x": 0.5, "y": 0.5, "showarrow": False, "font": {"size": 16, "color": palette.muted}}
        layout = {
            "height": 320,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "xaxis": {"visible": False, "range": [0, 1]},
            "yaxis": {"visible": False, "range": [0, 1]},
            "paper_bgcolor": palette.background,
            "plot_bgcolor": palette.background,
            "shapes": [frame],
            "annotations": [words],
        }
        return PlainFigure([], layout)

    def alt(self) -> str:
        """Describes the figure in a sentence.

        Returns:
            The alternative text.
        """
        return f"{self.words}."

    def live(self) -> str:
        """Returns the sentence that accompanies the figure.

        Returns:
            The sentence.
        """
        return self.sentence
