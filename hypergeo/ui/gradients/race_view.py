"""The view of all descents on the gradients page: each estimator starts from the same weights, with the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.estimators.descent import Descent
from hypergeo.figures import Palette
from hypergeo.figures.core.layout import side_by_side
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import Line, lines_panel, nice_above
from hypergeo.figures.gradients.estimators import STYLES

from .arrays import estimates
from .descent_view import ENDS, HEIGHT
from .estimators import REFERENCE, Method, contestants
from .settings import GradientSettings
from .text import loss_words, samples_words

__all__ = ["RaceView"]

CLOSE = 0.01
"""Two losses count as equal if they differ by at most this fraction of the reduction with the exact gradient."""


@dataclass(frozen=True)
class RaceView:
    """All descents at one step.

    Attributes:
        settings: values of the controls.
        step: index of the step, from 0.
    """

    settings: GradientSettings
    step: int

    def work(self) -> Iterator[float]:
        """Makes the steps on show, a few at a time.

        Returns:
            Iterator over the fraction that is done, in (0, 1].
        """
        methods = contestants(self.settings.method.temperature)
        return self.settings.steps_until({REFERENCE: self.end, **dict.fromkeys(methods, self.step)})

    @cached_property
    def records(self) -> dict[Method, Descent]:
        """Steps until now, by estimator."""
        methods = contestants(self.settings.method.temperature)
        return {method: self.settings.descent(method, self.step) for method in methods}

    @cached_property
    def end(self) -> int:
        """Last step of the axis of steps."""
        return next(end for end in ENDS if end >= self.step)

    @cached_property
    def reference(self) -> Descent:
        """Descent with the exact gradient, to the end of the axis of steps."""
        return self.settings.descent(REFERENCE, self.end)

    @property
    def ranking(self) -> list[tuple[Method, float]]:
        """Estimators and their losses, the lowest first."""
        return sorted(((method, float(record.losses[-1])) for method, record in self.records.items()), key=lambda row: row[1])

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the losses against steps and against evaluations of the loss.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Two panels.
        """
        losses = np.concatenate(
            [self.reference.losses[: 1 + (self.step or self.end)], *(record.losses for record in self.records.values())]
        )
        logarithmic = self.settings.task.loss.aims and float(losses.min()) > 0
        least, most_lost = float(losses.min()), float(losses.max())
        yrange = (least / 1.15, 1.1 * most_lost)
        if not logarithmic:
            yrange = (
                (0.0, nice_above(most_lost)) if self.settings.task.loss.kind == "step" else (0.93 * least, 1.02 * most_lost)
            )
        steps = np.arange(self.step + 1)
        most = max(1.0, max(float(record.evaluations.sum()) for record in self.records.values()))
        ahead = 1 + (self.step or self.end)  # a longer line would cross the labels at the ends of the other lines
        exact = self.reference.losses[:ahead]
        by_step = [Line(np.arange(ahead), exact, palette.exact, "exact gradient", dash="dash", width=1.5, symbol="")]
        by_cost = []
        for method, record in self.records.items():
            style = STYLES[method.key]
            spent = np.concatenate([[0.0], record.evaluations.cumsum()])
            common: dict[str, Any] = {"colour": style.colour, "name": method.key, "dash": style.dash, "symbol": style.symbol}
            by_step.append(Line(steps, record.losses, end=method.key if self.step or narrow else "", **common))
            dearest = spent[-1] >= most and self.step > 0
            by_cost.append(Line(spent, record.losses, end=method.key if dearest else "", **common))
        height = 300.0 if narrow else HEIGHT - 90.0
        panels = [
            lines_panel(
                by_step,
                palette,
                title="Expected loss after each step" + (" (dashed: exact gradient)" if not narrow else ""),
                xtitle="step",
                xrange=(0, self.end),
                yrange=yrange,
                height=height,
                logy=logarithmic,
                labels=0.49 if narrow else 0.3,
            ),
            lines_panel(
                by_cost,
                palette,
                title="The same losses against their cost",
                xtitle="evaluations of the loss",
                xrange=(0, nice_above(most)),
                yrange=yrange,
                height=height,
                logy=logarithmic,
                labels=0.49 if narrow else 0.3,
            ),
        ]
        return side_by_side(panels, palette, shares=(0.53, 0.47), height=HEIGHT, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        ranks = ", ".join(f"{method.key} {loss:.3g}" for method, loss in self.ranking)
        return (
            f"Expected loss of {len(self.records)} descents from one start over {self.step} steps and over evaluations: {ranks}"
        )

    def live(self) -> str:
        """Describes which estimator has the lowest loss, per step and per evaluation of the loss.

        Returns:
            A few sentences with ``**bold**`` words.
        """
        start, exact = float(self.reference.losses[0]), float(self.reference.losses[self.step])
        if not self.step:
            how = f"the same seed, {samples_words(self.settings.draws)} per step, {self._optimizer()}"
            return f"**All start at an expected loss of {loss_words(start)}** with {how}. Press Play."
        (first, best), (last, worst) = self.ranking[0], self.ranking[-1]
        level = [method.key for method, loss in self.ranking if loss - best <= CLOSE * max(start - exact, 1e-12)]
        ahead = (
            f"Lowest loss: **{first.key}**"
            if len(level) == 1
            else f"**{len(level)} of {len(self.records)}** share the lowest loss"
        )
        still = sum(not record.gradients.any() for record in self.records.values())
        behind = f"Highest: {last.key}, {loss_words(worst)}."
        if still:
            count = "One estimator has" if still == 1 else f"{still} estimators have"
            behind = f"{count} not moved: the gradient estimate is zero."
        sentence = f"**Step {self.step}.** {ahead}, {loss_words(best)}; with the exact gradient {loss_words(exact)}."
        return f"{sentence} {behind} {self._by_cost()}"

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Three paragraphs of Markdown.
        """
        settings, task = self.settings, self.settings.task
        variate = next(method for method in self.records if method.kind == "control variate")
        one = estimates(task, task.log_weights, variate, settings.draws, 1, 0)
        start, later = float(self.reference.losses[0]), float(self.reference.losses[ENDS[0]])
        ahead = f"After step {self.step}, **{self.ranking[0][0].key}** has the lowest loss." if self.step else "No step yet."
        return [
            f"All estimators start at an expected loss of **{loss_words(start)}**. In {ENDS[0]} steps the exact gradient "
            f"reaches **{loss_words(later)}**. A lower loss than this is mostly chance.",
            f"The lines show exact expected losses. The steps are noisy, the losses are not. {ahead}",
            f"A step costs {settings.draws} evaluations of the loss. With the control variate it costs {one.evaluations:,.0f}, "
            "because the loss is also evaluated around the mean. The right panel counts cost: a method that is fast per step "
            "may be slow per evaluation.",
        ]

    def table(self) -> dict[str, list[Any]]:
        """Lists loss, cost and progress of each estimator.

        Returns:
            Columns by name, one row for each estimator, the lowest loss first.
        """
        ranking = self.ranking
        return {
            "estimator": [method.label for method, _ in ranking],
            "loss": [loss for _, loss in ranking],
            "evaluations": [int(self.records[method].evaluations.sum()) for method, _ in ranking],
            "steps to half of the reduction": [self._steps_to(method, 0.5) for method, _ in ranking],
            "steps to nine tenths of the reduction": [self._steps_to(method, 0.9) for method, _ in ranking],
        }

    def about_table(self) -> str:
        """Describes the table.

        Returns:
            A noun phrase.
        """
        return f"Loss, cost and progress of each estimator after {self.step} steps, the lowest loss first"

    def export(self) -> bytes:
        """Writes every step of every descent as comma-separated values.

        Returns:
            The encoded table, one row for each step.
        """
        rows = [
            (method.label, step, loss, int(spent))
            for method, record in self.records.items()
            for step, (loss, spent) in enumerate(
                zip(record.losses.tolist(), [0.0, *record.evaluations.cumsum().tolist()], strict=True)
            )
        ]
        names = ("estimator", "step", "loss", "evaluations")
        return csv_text([names, *rows]).encode()

    def _by_cost(self) -> str:
        """Returns which estimator has the lowest loss at equal cost: the number of evaluations that all have reached."""
        spent = {method: record.evaluations.cumsum() for method, record in self.records.items()}
        budget = min(float(cost[-1]) for cost in spent.values())
        at = {
            method: float(record.losses[int(np.searchsorted(spent[method], budget, side="right"))])
            for method, record in self.records.items()
        }
        best = min(at, key=lambda method: at[method])
        return f"Lowest loss after {budget:,.0f} evaluations each: {best.key}, {loss_words(at[best])}."

    def _steps_to(self, method: Method, share: float) -> int | None:
        """Returns the first step with this share of the largest reduction by the exact gradient, or ``None``."""
        start = float(self.reference.losses[0])
        goal = start - share * (start - float(self.reference.losses.min()))
        reached = np.flatnonzero(self.records[method].losses <= goal)
        return int(reached[0]) if len(reached) else None

    def _optimizer(self) -> str:
        return (
            f"{'Adam' if self.settings.optimizer == 'Adam' else 'gradient descent'} with learning rate {self.settings.rate:g}"
        )
