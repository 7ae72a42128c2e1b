"""The urn page for values of its controls: settings, figure, handles, sentences and table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Palette, ball_panel, group_colour, heatmap_panel, observed_panel, urn_figure
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.words import subscript
from hypergeo.figures.counts.urn import NARROW, WIDE
from hypergeo.ui.component.handles import PressArea
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.page.urn_editor import weight_after

from .arrays import DRAWS, Drawn, ExactLaw, ExactLaws, draw_all, elements_of, exact_laws
from .text import about_draws, about_laws, about_shares, about_weights, draws_in_words, heat_note, possessive

__all__ = ["LAWS", "UrnSettings", "UrnView", "urn_view"]

LAWS = ("Fisher", "Wallenius")


@dataclass(frozen=True)
class UrnSettings:
    """Settings of the page.

    Attributes:
        urn: the urn.
        law: ``"Fisher"`` or ``"Wallenius"``.
        seed: seed of the sequence of samples.
    """

    urn: Urn
    law: str
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> UrnSettings:
        """Makes settings from values of the page's controls.

        Args:
            values: values of the controls, by name.

        Returns:
            The settings.
        """
        groups = range(1, values["groups"] + 1)
        urn = Urn(values["n"], tuple(values[f"m{group}"] for group in groups), tuple(values[f"w{group}"] for group in groups))
        return cls(urn, values["law"], values["seed"])


@dataclass(frozen=True)
class UrnView:
    """Arrays of one setting of the controls, with their figure and sentences.

    Attributes:
        settings: settings of the page.
        laws: both exact distributions.
        drawn: the whole sequence of samples.
        step: number of samples on show.
    """

    settings: UrnSettings
    laws: ExactLaws
    drawn: Drawn
    step: int

    @property
    def law(self) -> ExactLaw:
        """Distribution of the samples."""
        return self.laws.of(self.settings.law)

    @property
    def other(self) -> str:
        """Name of the other distribution."""
        return LAWS[1 - LAWS.index(self.settings.law)]

    @property
    def counts(self) -> np.ndarray:
        """Counts of the samples on show, shape ``(step, K)``."""
        return self.drawn.counts[: self.step]

    @cached_property
    def seen(self) -> np.ndarray:
        """Number of samples with each count of each group, shape ``(K, M + 1)``."""
        width = self.law.marginals.shape[1]
        return np.stack([np.bincount(column, minlength=width) for column in self.counts.T])

    @property
    def observed_mean(self) -> np.ndarray | None:
        """Mean of the samples on show, shape ``(K,)``; ``None`` before the first."""
        return self.counts.mean(0) if self.step else None

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the page's figure.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        urn, measures = self.settings.urn, NARROW if narrow else WIDE
        balls = ball_panel(
            urn.group_sizes,
            urn.weights,
            elements_of(self.drawn, urn, self.step, self.settings.seed),
            palette,
            capacity=urn.total_count,
            title=self._last_sample(),
            note=f"{sum(urn.group_sizes) - (urn.total_count if self.step else 0)} balls in the urn; larger balls are heavier",
            width=measures.balls[0],
            height=measures.balls[1],
        )
        observed = observed_panel(
            self.law.marginals,
            self.laws.of(self.other).marginals,
            self.seen,
            self.step,
            palette,
            names=(f"exact, {self.settings.law}", f"exact, {self.other}"),
            titles=[self._row_title(group) for group in range(len(urn.group_sizes))],
            span=(self.drawn.counts.min(0), self.drawn.counts.max(0)),
            row_height=measures.rows / len(urn.group_sizes),
        )
        heat = heatmap_panel(
            self.law.sensitivity,
            palette,
            title="Effect of each weight on each mean"
            + (" (= covariance)" if self.settings.law == "Fisher" else " (≠ covariance)"),
            note=heat_note(self.law.sensitivity, narrow=narrow),
        )
        return urn_figure(balls, observed, heat, palette, narrow=narrow)

    def handles(self) -> list[PressArea]:
        """Makes the columns of the heat map pressable: a press of an entry raises the weight of its column.

        Returns:
            The areas, one for each group.
        """
        weights = self.settings.urn.weights
        return [
            PressArea(
                name=f"w{group + 1}",
                label=f"Raise weight w{subscript(group + 1)}, now {weight:g}; Shift or the downward arrow key lowers it",
                axes=("x3", "y3"),
                at=(group, (len(weights) - 1) / 2),
                size=(1, len(weights)),
                values=partial(_pressed, f"w{group + 1}", weight),
            )
            for group, weight in enumerate(weights)
        ]

    def alt(self) -> str:
        """Describes the figure as alternative text.

        Returns:
            The text.
        """
        urn = self.settings.urn
        last = f"the last one is {_listed(self.counts[-1])}" if self.step else "none yet"
        return (
            f"An urn with {_listed(urn.group_sizes)} balls of {len(urn.group_sizes)} groups; each sample takes "
            f"{urn.total_count}. {draws_in_words(self.step)} of {possessive(self.settings.law)} distribution: {last}. "
            "Histograms of the counts, with outlines of the exact probabilities, whose means are "
            f"{_listed(self.law.mean, '.2f')}; a heat map of the effect of each weight on each mean"
        )

    def live(self) -> str:
        """Compares the samples on show with the exact distribution.

        Returns:
            The sentences as Markdown.
        """
        return about_draws(self.counts, self.law, self.settings.law)

    def sentences(self) -> list[str]:
        """Describes the effect of weights, and the difference between both distributions.

        Returns:
            The sentences as Markdown.
        """
        urn, law = self.settings.urn, self.settings.law
        return [about_weights(urn, self.law, law), *about_shares(urn, self.law), about_laws(urn, self.laws)]

    def export(self) -> bytes:
        """Writes the samples on show as comma-separated values, one row for each sample.

        Returns:
            Contents of the file.
        """
        head = ["sample", *(f"group_{group + 1}" for group in range(self.counts.shape[1]))]
        return csv_text([head, *([number, *row] for number, row in enumerate(self.counts.tolist(), 1))]).encode()

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figure, one row for each group.

        Returns:
            The columns by name.
        """
        urn, fisher, wallenius = self.settings.urn, self.laws.fisher, self.laws.wallenius
        observed = self.counts if self.step else np.full((1, len(urn.group_sizes)), np.nan)
        mode: list[Any] = [None] * len(urn.group_sizes) if wallenius.mode is None else wallenius.mode.tolist()
        return {
            "group": list(range(1, len(urn.group_sizes) + 1)),
            "weight": list(urn.weights),
            "size": list(urn.group_sizes),
            "mean, Fisher": fisher.mean.tolist(),
            "mean, Wallenius": wallenius.mean.tolist(),
            "mean, sampled": observed.mean(0).tolist(),
            "variance, Fisher": fisher.covariance.diagonal().tolist(),
            "variance, Wallenius": wallenius.covariance.diagonal().tolist(),
            "variance, sampled": observed.var(0).tolist(),
            "mode, Fisher": [] if fisher.mode is None else fisher.mode.tolist(),
            "mode, Wallenius": mode,
        }

    def _last_sample(self) -> str:
        if not self.step:
            return "No sample yet"
        parts = " + ".join(f"{_square(group)} {count}" for group, count in enumerate(self.counts[-1]))
        order = ", one by one" if self.settings.law == "Wallenius" else ""
        return f"Sample {self.step}{order}: {parts}"

    def _row_title(self, group: int) -> str:
        title = f"{_square(group)} Group {group + 1}: mean {self.law.mean[group]:.2f}"
        return title if self.observed_mean is None else f"{title}, sampled {self.observed_mean[group]:.2f}"


def _pressed(name: str, weight: float, presses: int) -> dict[str, float]:
    return {name: weight_after(weight, presses)}


def urn_view(settings: UrnSettings, step: int = 0) -> UrnView:
    """Computes the arrays of the page; a ``ValueError`` of the distribution passes through where the urn has too few balls.

    Args:
        settings: settings of the page.
        step: number of samples on show.

    Returns:
        The arrays.
    """
    settings.urn.law()
    drawn = draw_all(settings.urn, settings.law, settings.seed)
    return UrnView(settings, exact_laws(settings.urn), drawn, min(step, DRAWS))


def _square(group: int) -> str:
    return f'<span style="color:{group_colour(group)}">■</span>'


def _listed(values: Any, form: str = "d") -> str:
    return ", ".join(format(value, form) for value in values)
