"""The page on shared factors for a snapshot of its model: figures, sentences and table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Palette
from hypergeo.figures.core.panels import Panel
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import Line, lines_panel, nice_above
from hypergeo.figures.shared_factors.layout import grid_figure, learning_figure
from hypergeo.figures.shared_factors.panels import ADAVAE, agreement_panel, bars_panel, cuts_panel, law_panel
from hypergeo.figures.shared_factors.sprites import sprite_panel

from .run import SHOWN, VALUES, Snapshot
from .settings import STEPS, VARYING, FactorSettings
from .text import FactorWords

__all__ = ["VIEWS", "FactorView"]

VIEWS = ("learning", "exchange", "traversals")
_POINTS = 300  # greatest number of points of a line
_NARROW = 5  # pairs in pictures on a telephone


@dataclass(frozen=True)
class FactorView:
    """A snapshot of the model, with its figures and sentences.

    Attributes:
        settings: settings of the run.
        now: snapshot of the model.
        view: name of the figure, one of ``VIEWS``.
        pair: number of the pair whose first image is traversed, counted from 1.
    """

    settings: FactorSettings
    now: Snapshot
    view: str
    pair: int

    @cached_property
    def words(self) -> FactorWords:
        """Sentences about the snapshot."""
        return FactorWords(self.settings, self.now)

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the figure of the view.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        pairs = _NARROW if narrow else SHOWN
        if self.view == "exchange":
            gallery, beside = self._exchange_panel(palette, pairs), [self._moved_panel(palette), self._law_panel(palette)]
            return grid_figure(gallery, beside, palette, rows=7.4 / pairs, narrow=narrow)
        if self.view == "traversals":
            gallery, beside = self._traversal_panel(palette, narrow), [self._use_panel(palette), self._law_panel(palette)]
            columns = len(VALUES[::2] if narrow else VALUES)
            return grid_figure(gallery, beside, palette, rows=self.settings.dimensions / columns, narrow=narrow)
        lines = [self._estimates_panel(palette), self._weight_panel(palette)]
        return learning_figure(
            self._gallery_panel(palette, pairs),
            self._law_panel(palette, title="Distribution of the number of shared factors"),
            self._cuts_panel(palette),
            lines,
            palette,
            narrow=narrow,
        )

    def _gallery_panel(self, palette: Palette, pairs: int) -> Panel:
        pictures = self.now.images
        rows = [pictures[name][:pairs, side] for name in ("pairs", "seen") for side in (0, 1)]
        return sprite_panel(
            np.stack(rows),
            palette,
            title="Rings: truly shared. Discs: inferred as shared",
            rows=["first", "second", "first,<br>reconstructed", "second,<br>reconstructed"],
            rings=self.settings.names,
            true=self.now.shared[:pairs],
            inferred=self.now.inferred[:pairs],
        )

    def _exchange_panel(self, palette: Palette, pairs: int) -> Panel:
        pictures = self.now.images
        rows = [
            pictures["plain"][:pairs, 0],
            pictures["plain"][:pairs, 1],
            pictures["shared"][:pairs, 0],
            pictures["independent"][:pairs, 0],
            pictures["next"][:pairs, 0],
        ]
        return sprite_panel(
            np.stack(rows),
            palette,
            title="First images, with latent parts of other images",
            rows=[
                "first",
                "second",
                "shared part<br>of the second",
                "the rest<br>of the second",
                "shared part of<br>the next pair",
            ],
            rings=self.settings.names,
            true=self.now.shared[:pairs],
            inferred=self.now.inferred[:pairs],
        )

    def _traversal_panel(self, palette: Palette, narrow: bool) -> Panel:
        images = self.now.traversals[self.pair - 1]
        values = VALUES[::2] if narrow else VALUES
        return sprite_panel(
            images[:, ::2] if narrow else images,
            palette,
            title=f"Pair {self.pair}: one dimension changes at a time",
            rows=[self._dimension(dimension) for dimension in range(self.settings.dimensions)],
            columns=[_signed(value) for value in values],
        )

    def _dimension(self, dimension: int) -> str:
        """Returns the label of a dimension: a dot if the pair shares it, its number and the factor that it encodes."""
        factors = [name for name, match in zip(self.settings.names, self.now.match, strict=True) if match == dimension]
        shared = "● " if self.now.dimensions[self.pair - 1, dimension] else ""
        return f"{shared}{dimension + 1}: {factors[0] if factors else 'spare'}"

    def _use_panel(self, palette: Palette) -> Panel:
        names = [f"dimension {dimension + 1}" for dimension in range(self.settings.dimensions)]
        return bars_panel(self.now.information, names, palette, title="KL from the prior (nats)", format=".2f")

    def _moved_panel(self, palette: Palette) -> Panel:
        moved = self.now.moved
        return bars_panel(
            100 * np.array(list(moved.values())),
            ["inferred<br>shared part", "AdaVAE's<br>shared part", "everything"],
            palette,
            title="Change of images by a swap, %",
            format=".1f",
        )

    def _law_panel(self, palette: Palette, title: str = "Number of shared factors") -> Panel:
        now, numbers = self.now, self.settings.dimensions + 1
        if now.sharing_kind == VARYING:
            return agreement_panel(
                now.true,
                now.estimate,
                now.adavae,
                self.settings.dimensions,
                palette,
                title="Estimates against the true number",
            )
        adavae, true = (np.bincount(values, minlength=numbers)[:numbers] / len(values) for values in (now.adavae, now.true))
        return law_panel(self.words.law, palette, adavae=adavae, true=true, even=now.even, title=title)

    def _cuts_panel(self, palette: Palette) -> Panel:
        now = self.now
        true = None if now.sharing_kind == VARYING else float(now.true[0])
        return cuts_panel(
            now.distances,
            float(now.estimate.mean()),
            now.threshold,
            true,
            palette,
            title="Posterior distances (nats); lines: thresholds",
        )

    def _estimates_panel(self, palette: Palette) -> Panel:
        now = self.now
        steps, values = _thinned(now.record[:, [3, 2, 1]])
        if not now.step:
            steps, values = np.zeros(1), np.array([[now.true.mean(), now.adavae.mean(), now.estimate.mean()]])
        return lines_panel(
            [
                Line(steps, values[:, 0], palette.exact, "true", end="true", symbol=""),
                Line(steps, values[:, 1], ADAVAE, "AdaVAE", end="AdaVAE", dash="dash", symbol="diamond"),
                Line(steps, values[:, 2], palette.relaxed, "ours", end="ours"),
            ],
            palette,
            title="Estimated number of shared dimensions",
            xtitle="step",
            xrange=self._steps,
            yrange=(0, self.settings.dimensions + 0.8),
            height=90,
            labels=0.13,
        )

    def _weight_panel(self, palette: Palette) -> Panel:
        steps, values = _thinned(self.now.record[:, [4]])
        if not self.now.step:
            steps, values = np.zeros(1), np.full((1, 1), self.now.log_weight)
        known = bool(np.isfinite(values).all())
        reach = nice_above(float(np.abs(values).max()))
        return lines_panel(
            [Line(steps, values[:, 0], palette.relaxed, "log weight", symbol="circle" if known else "")],
            palette,
            title="Log weight of sharing" if known else "This rule has no weights",
            xtitle="step",
            xrange=self._steps,
            yrange=(-reach, reach),
            height=86,
        )

    @property
    def _steps(self) -> tuple[float, float]:
        """Ends of the axis of steps, which has the length of the schedule, or the greatest length once that is passed."""
        reach = self.settings.schedule if self.now.step <= self.settings.schedule else STEPS
        return -0.015 * reach, reach

    def alt(self) -> str:
        """Describes the figure as alternative text.

        Returns:
            The text.
        """
        shown = {
            "learning": "pairs of sprites and their reconstructions",
            "exchange": "sprites after swaps of latent parts",
            "traversals": "sprites while each latent dimension changes",
        }[self.view]
        now = self.now
        return (
            f"After {now.step} steps: {shown}; {now.estimate.mean():.1f} dimensions inferred as shared on average, AdaVAE's "
            f"threshold gives {now.adavae.mean():.1f}, the true number is {now.true.mean():.1f}"
        )

    def live(self) -> str:
        """Describes the state of the training in a sentence or two.

        Returns:
            The sentences; **bold** words are the only Markdown.
        """
        return self.words.live()

    def sentences(self) -> list[str]:
        """Describes the estimated number, the encoded factors and failures of the model.

        Returns:
            The sentences as Markdown.
        """
        return self.words.sentences()

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figure, one row for each pair in pictures.

        Returns:
            The columns by name.
        """
        now, names = self.now, self.settings.names
        return {
            "pair": list(range(1, SHOWN + 1)),
            "truly shared": [_listed(names, row) for row in now.shared],
            "inferred as shared": [_listed(names, row) for row in now.inferred],
            "number": now.true[:SHOWN].tolist(),
            "ours": now.estimate[:SHOWN].tolist(),
            "AdaVAE's": now.adavae[:SHOWN].tolist(),
        }

    def export(self) -> bytes:
        """Writes the record of all steps as comma-separated values.

        Returns:
            Contents of the file.
        """
        law = [f"probability_of_{number}" for number in range(self.settings.dimensions + 1)]
        rows: list[list[Any]] = [["step", "loss", "ours", "adavae", "true", "log_weight", *law]]
        for step, (record, probabilities) in enumerate(zip(self.now.record, self.now.laws, strict=True), 1):
            rows.append([step, *(f"{value:.6g}" for value in [*record, *probabilities])])
        return csv_text(rows).encode()


def _thinned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns step numbers and means over blocks of steps, so that a line has at most a few hundred points."""
    block = -(-len(values) // _POINTS) or 1
    starts = np.arange(0, len(values), block)
    if not len(starts):
        return np.zeros(0), values
    sizes = np.diff([*starts, len(values)])
    return starts + sizes, np.add.reduceat(values, starts, axis=0) / sizes[:, None]


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−") if abs(value) > 1e-9 else "0"


def _listed(names: tuple[str, ...], row: np.ndarray) -> str:
    return ", ".join(name for name, shared in zip(names, row, strict=True) if shared) or "none"
