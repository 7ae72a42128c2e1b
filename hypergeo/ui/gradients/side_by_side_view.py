"""The view of all estimators side by side on the gradients page, at the start of the descent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Palette
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.words import percent
from hypergeo.figures.counts.plane import Plane
from hypergeo.figures.gradients.estimators import Compared, estimators_figure
from hypergeo.quality.agreement import Agreement

from .arrays import Estimates, exact_gradient
from .estimators import Method, agreement, contestants
from .settings import GradientSettings
from .text import ARROW_WORDS, samples_words

__all__ = ["SideBySide"]


@dataclass(frozen=True)
class SideBySide:
    """All estimators at the start: the same distribution, loss, number of samples and seed.

    Attributes:
        settings: values of the controls.
    """

    settings: GradientSettings

    def work(self) -> Iterator[float]:
        """Computes the estimates, one estimator after the other.

        Yields:
            The fraction that is done, in (0, 1].
        """
        for number, method in enumerate(self.methods, 1):
            self.settings.at(method, self.settings.task.log_weights, 0)
            yield number / len(self.methods)

    @cached_property
    def methods(self) -> list[Method]:
        """Estimators that are compared; the exact gradient comes last."""
        return [*contestants(self.settings.method.temperature), Method("exact")]

    @cached_property
    def exact(self) -> np.ndarray:
        """The exact gradient, shape ``(K,)``."""
        return exact_gradient(self.settings.task, self.settings.task.log_weights)

    @cached_property
    def measured(self) -> dict[Method, Estimates]:
        """Estimates by each estimator."""
        return {method: self.settings.at(method, self.settings.task.log_weights, 0) for method in self.methods}

    @cached_property
    def agreements(self) -> dict[Method, Agreement]:
        """Bias and standard deviation of each estimator."""
        return {method: agreement(measured.gradients, self.exact) for method, measured in self.measured.items()}

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the arrows of each estimator, with its bias and standard deviation.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            One panel for each estimator.
        """
        urn = self.settings.task.urn
        compared = [
            Compared(
                key=method.key,
                label=method.key,
                note=_note(self.agreements[method]) if method.kind != "exact" else "the sum over all counts",
                estimates=-measured.gradients,
                bias=astuple(self.agreements[method].bias),
                spread=self.agreements[method].deviation.value,
            )
            for method, measured in self.measured.items()
        ]
        return estimators_figure(compared, -self.exact, Plane.of(urn.total_count, urn.group_sizes), palette, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        summary = "; ".join(f"{method.key}: {_note(measured)}" for method, measured in self.agreements.items())
        return f"Arrows of {len(self.methods)} gradient estimators against the exact gradient. {summary}"

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Up to three paragraphs of Markdown.
        """
        settings = self.settings
        drawing = {method: measured for method, measured in self.agreements.items() if method.kind != "exact"}
        if not next(iter(drawing.values())).norm:
            return ["The exact gradient is **zero** here. Change a weight or the loss."]
        biased = [method for method, measured in drawing.items() if measured.biased]
        worst = max(drawing, key=lambda method: drawing[method].bias.value)
        if biased:
            names = ", ".join(method.key for method in biased)
            bias = (
                f"**Significant bias**: {names}. The largest, of {worst.key}, is "
                f"**{percent(drawing[worst].bias.value)}** of the gradient norm."
            )
        else:
            bias = f"**No significant bias** of any estimator, with {settings.number} estimates each."
        best = min(drawing, key=lambda method: drawing[method].rmse.value)
        widest = max(drawing, key=lambda method: drawing[method].deviation.value)
        error = drawing[best].rmse.value
        size = f"**{error:.2g} ×** the gradient norm" if error else "**zero up to rounding error**"
        least = f"With {samples_words(settings.draws)} per estimate, the smallest error is that of {best.key}: {size}"
        return [
            bias,
            f"{least}. The largest standard deviation is that of {widest.key}: {drawing[widest].deviation.value:.2g} ×.",
            f"An estimate from {samples_words(settings.draws)} costs {self._cost('score function')} evaluations of the loss "
            f"with most estimators. It costs {self._cost('control variate')} with the control variate, because the loss is "
            f"also evaluated around the mean. The exact sum over all count vectors costs {self._cost('exact')}.",
        ]

    def table(self) -> dict[str, list[Any]]:
        """Lists bias, standard deviation, error and cost of each estimator.

        Returns:
            Columns by name, one row for each estimator.
        """
        measured = self.agreements.values()
        return {
            "estimator": [method.label for method in self.methods],
            "bias": [one.bias.value for one in measured],
            "bias from": [one.bias.low for one in measured],
            "bias to": [one.bias.high for one in measured],
            "standard deviation": [one.deviation.value for one in measured],
            "root mean squared error": [one.rmse.value for one in measured],
            "angle, degrees": [one.angle for one in measured],
            "evaluations each": [self.measured[method].evaluations for method in self.methods],
        }

    def live(self) -> str:
        """Describes what is drawn.

        Returns:
            A few sentences of plain text.
        """
        return (
            f"Thin arrows: single estimates from {samples_words(self.settings.draws)}; filled: the mean of "
            f"{self.settings.number}; outlined: exact; dotted: one standard deviation. {ARROW_WORDS}"
        )

    def about_table(self) -> str:
        """Describes the table.

        Returns:
            A noun phrase.
        """
        return "Bias, standard deviation and error of each estimator at the start, relative to the norm of the exact gradient"

    def export(self) -> bytes:
        """Writes every estimate as comma-separated values.

        Returns:
            The encoded table, one row for each estimate.
        """
        rows = [
            (method.label, number, *row)
            for method, measured in self.measured.items()
            for number, row in enumerate(measured.gradients.tolist())
        ]
        names = ["estimator", "estimate", *(f"gradient_{group + 1}" for group in range(len(self.exact)))]
        return csv_text([names, *rows]).encode()

    def _cost(self, kind: str) -> str:
        return f"{next(measured.evaluations for method, measured in self.measured.items() if method.kind == kind):,.0f}"


def _note(measured: Agreement) -> str:
    if not measured.norm:
        return f"SD {measured.deviation.value:.2g}"
    if measured.deviation.value == 0 and measured.along == -1:
        return "always zero"
    bias = f"bias {percent(measured.bias.value)}" if measured.biased else "no significant bias"
    return f"{bias}, SD {measured.deviation.value:.2g} ×"
