"""The view of the estimators against temperature on the gradients page: bias, standard deviation and error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo._records import csv_columns
from hypergeo.figures import Palette
from hypergeo.figures.core.layout import side_by_side
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import Line, lines_panel
from hypergeo.figures.core.words import percent
from hypergeo.figures.gradients.estimators import STYLES
from hypergeo.quality.agreement import Agreement

from .arrays import CURVE, exact_gradient
from .estimators import Method, agreement, contestants
from .settings import GradientSettings
from .text import samples_words

__all__ = ["CURVE_ESTIMATES", "TemperatureView"]

CURVE_ESTIMATES = 1000
"""Number of estimates at each temperature: with fewer estimates a small bias would not be significant."""


@dataclass(frozen=True)
class TemperatureView:
    """Bias and standard deviation of each estimator, against temperature if it has one.

    Attributes:
        settings: values of the controls.
    """

    settings: GradientSettings

    @cached_property
    def exact(self) -> np.ndarray:
        """The exact gradient, shape ``(K,)``."""
        return exact_gradient(self.settings.task, self.settings.task.log_weights)

    def work(self) -> Iterator[float]:
        """Computes the estimates, one temperature after the other.

        Yields:
            The fraction that is done, in (0, 1].
        """
        asked = [each for method in contestants(1.0) for each in self._each(method)]
        for number, method in enumerate(asked, 1):
            self._estimates(method)
            yield number / len(asked)

    @cached_property
    def curves(self) -> dict[Method, list[Agreement]]:
        """Bias and standard deviation at each temperature of ``CURVE``, or once for an estimator without a temperature."""
        return {
            method: [agreement(self._estimates(each), self.exact) for each in self._each(method)] for method in contestants(1.0)
        }

    def _each(self, method: Method) -> list[Method]:
        """Returns the estimator at each temperature of ``CURVE``, or itself if it has no temperature."""
        return [replace(method, temperature=temperature) for temperature in CURVE] if method.relaxes else [method]

    def _estimates(self, method: Method) -> np.ndarray:
        return replace(self.settings, number=CURVE_ESTIMATES).at(method, self.settings.task.log_weights, 0).gradients

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws bias, standard deviation and root mean squared error, each against temperature.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Three panels.
        """
        kept = self.curves
        values = [max(one.bias.value, one.deviation.value, one.rmse.value) for measured in kept.values() for one in measured]
        high = max(1.2 * max(values, default=1.0), 1.5)
        low = 0.008  # below the first tick, so that the first labels of both axes do not overlap
        panels = []
        for name, title in (
            ("bias", "Bias, where significant"),
            ("deviation", "Standard deviation of one estimate"),
            ("rmse", "Root mean squared error of one estimate"),
        ):
            last = name == "rmse"
            lines = [self._line(method, measured, name, low, label=last or narrow) for method, measured in kept.items()]
            panels.append(
                lines_panel(
                    lines,
                    palette,
                    title=title,
                    xtitle="temperature τ",
                    xrange=(CURVE[0], CURVE[-1]),
                    yrange=(low, high),
                    height=250.0 if narrow else 460.0,
                    logx=True,
                    logy=True,
                    xticks=(0.01, 0.1, 1, 10),
                    labels=0.49 if narrow else 0.42 if last else 0.02,
                )
            )
        return side_by_side(panels, palette, shares=(0.29, 0.28, 0.43), narrow=narrow)

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        best = self._best()
        return (
            f"Bias, standard deviation and error of gradient estimates against temperature from {CURVE[0]:g} to "
            f"{CURVE[-1]:g}; the smallest error with a temperature is {best[2]:.2g} × the gradient norm, by {best[0].key} at "
            f"τ = {best[1]:g}"
        )

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Up to three paragraphs of Markdown.
        """
        soft = next(measured for method, measured in self.curves.items() if method.key == "Gumbel-softmax")
        if not soft[0].norm:
            return ["The exact gradient is **zero** here. Change a weight or the loss."]
        method, temperature, error = self._best()
        rest = {other: measured[0] for other, measured in self.curves.items() if not other.relaxes}
        other = min(rest, key=lambda one: rest[one].rmse.value)
        return [
            f"**Low τ: high variance. High τ: low variance but biased.** The standard deviation of Gumbel-softmax is "
            f"{soft[0].deviation.value:.2g} × the gradient norm at τ = {CURVE[0]:g} and {soft[-1].deviation.value:.2g} × at "
            f"τ = {CURVE[-1]:g}, where its bias is {soft[-1].bias.value:.2g} ×.",
            f"Of the estimators with a temperature, {method.key} at **τ = {temperature:g}** has the smallest error, "
            f"**{error:.2g} ×** the gradient norm. Of the others, {other.key} has the smallest error, "
            f"{rest[other].rmse.value:.2g} ×.",
            self._about_rule(),
        ]

    def _about_rule(self) -> str:
        """Returns a comparison of the biases with merged and exact conditionals, at the temperature of the smallest error."""
        measured = {method.key: curve_ for method, curve_ in self.curves.items()}
        at = int(np.argmin([one.rmse.value for one in measured["Gumbel-softmax"]]))
        merged, exact = measured["Gumbel-softmax (merged)"][at], measured["Gumbel-softmax"][at]
        sentence = (
            f"The error of Gumbel-softmax is smallest at τ = {CURVE[at]:g}. There its bias is {_bias_words(exact)} with exact "
            f"conditionals and {_bias_words(merged)} with the published approximation"
        )
        if merged.bias.low > exact.bias.high:
            return f"{sentence}. **No temperature removes the bias of the approximation.**"
        return f"{sentence}."

    def table(self) -> dict[str, list[Any]]:
        """Lists bias, standard deviation and error.

        Returns:
            Columns by name, one row for each estimator and temperature.
        """
        rows = [
            (method.key, temperature, one)
            for method, measured in self.curves.items()
            for temperature, one in (zip(CURVE, measured, strict=True) if method.relaxes else [(np.nan, measured[0])])
        ]
        return {
            "estimator": [row[0] for row in rows],
            "temperature": [row[1] for row in rows],
            "bias": [row[2].bias.value for row in rows],
            "bias from": [row[2].bias.low for row in rows],
            "bias to": [row[2].bias.high for row in rows],
            "standard deviation": [row[2].deviation.value for row in rows],
            "root mean squared error": [row[2].rmse.value for row in rows],
        }

    def live(self) -> str:
        """Describes what is drawn.

        Returns:
            A few sentences of plain text.
        """
        return (
            f"All values are relative to the norm of the exact gradient, from {CURVE_ESTIMATES:,} estimates of "
            f"{samples_words(self.settings.draws)} at each temperature. Horizontal lines: estimators without a temperature. "
            "Values below 0.01 are drawn at the lower edge."
        )

    def about_table(self) -> str:
        """Describes the table.

        Returns:
            A noun phrase.
        """
        return (
            "Bias, standard deviation and error of each estimator at each temperature, relative to the norm of the exact "
            "gradient"
        )

    def export(self) -> bytes:
        """Writes the table as comma-separated values.

        Returns:
            The encoded table.
        """
        return csv_columns(self.table()).encode()

    def _best(self) -> tuple[Method, float, float]:
        measured = [
            (method, temperature, one.rmse.value)
            for method, curve_ in self.curves.items()
            if method.relaxes
            for temperature, one in zip(CURVE, curve_, strict=True)
        ]
        return min(measured, key=lambda row: row[2])

    def _line(self, method: Method, measured: list[Agreement], name: str, low: float, *, label: bool) -> Line:
        style = STYLES[method.key]
        repeat = 1 if method.relaxes else len(CURVE)
        y = np.array([getattr(one, name).value for one in measured] * repeat)
        if name == "bias":  # a bias within sampling error is not drawn
            y = np.where(np.array([one.biased for one in measured] * repeat), y, np.nan)
        return Line(
            x=np.array(CURVE),
            y=np.maximum(y, low),
            colour=style.colour,
            name=method.key,
            end=method.key if label else "",
            dash=style.dash,
            symbol=style.symbol,
            marked=name == "bias" and method.relaxes,
        )


def _bias_words(measured: Agreement) -> str:
    return f"**{percent(measured.bias.value)}** of the gradient norm" if measured.biased else "not significant"
