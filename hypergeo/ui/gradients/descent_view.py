"""The view of one descent on the gradients page: its figure, its sentences and its numbers, from the controls' values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo._records import csv_columns
from hypergeo.estimators.descent import Descent
from hypergeo.figures import Palette, Panel, group_colour
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import Line, lines_panel, nice_above
from hypergeo.figures.core.words import percent
from hypergeo.figures.counts.plane import Plane
from hypergeo.figures.gradients.descent import arrows_panel, descent_figure
from hypergeo.quality.agreement import Agreement
from hypergeo.ui.component.handles import DragPoint
from hypergeo.ui.limits import GRADIENTS

from .arrays import Estimates, LossBackground, exact_gradient, loss_background, probable_cells
from .estimators import REFERENCE, WHOLE, agreement
from .settings import GradientSettings
from .text import about_mean, counts_words, loss_words, samples_words

__all__ = ["ENDS", "HEIGHT", "LENGTH", "DescentView", "arrow_scale"]

LENGTH = GRADIENTS.steps
"""Number of steps of a descent."""

HEIGHT = 540
"""Height of a figure in pixels."""

ENDS = (20, 50, 100, 200)
"""Possible last steps of the axis of steps."""

ARROWS = 80
"""Largest number of single estimates that are drawn."""

_EXACT_LENGTH, _SAMPLE_LENGTH, _SHORTEST = 0.22, 0.42, 0.05  # lengths of arrows at the start, in sides of the plane


@dataclass(frozen=True)
class DescentView:
    """The descent at one step, with its figure and sentences.

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
        asked = {REFERENCE: self.end}
        asked[self.settings.method] = max(self.step, asked.get(self.settings.method, 0))
        return self.settings.steps_until(asked)

    @cached_property
    def record(self) -> Descent:
        """The steps until now."""
        return self.settings.descent(self.settings.method, self.step)

    @cached_property
    def end(self) -> int:
        """Last step of the axis of steps."""
        return next(end for end in ENDS if end >= self.step)

    @cached_property
    def reference(self) -> Descent:
        """Descent with the exact gradient, to the end of the axis of steps."""
        return self.settings.descent(REFERENCE, self.end)

    @cached_property
    def log_weights(self) -> tuple[float, ...]:
        """Log weights of the ``K`` groups at this step."""
        return tuple(self.record.log_weights[-1].tolist())

    @cached_property
    def measured(self) -> Estimates:
        """Independent estimates at this step."""
        return self.settings.at(self.settings.method, self.log_weights, self.step)

    @property
    def exact(self) -> np.ndarray:
        """The exact gradient at this step, shape ``(K,)``."""
        return self.record.exact_gradients[-1]

    @cached_property
    def agreement(self) -> Agreement:
        """Bias and standard deviation of the estimates at this step."""
        return agreement(self.measured.gradients, self.exact)

    @cached_property
    def plane(self) -> Plane:
        """The plane in which counts are drawn."""
        urn = self.settings.task.urn
        return Plane.of(urn.total_count, urn.group_sizes)

    @cached_property
    def scale(self) -> float:
        """Length of a unit gradient's arrow, in counts; the same at all steps, so that arrows shrink as gradients do."""
        start = self.settings.at(self.settings.method, self.settings.task.log_weights, 0)
        exact = exact_gradient(self.settings.task, self.settings.task.log_weights)
        lengths = np.linalg.norm(self.plane.shift(start.gradients), axis=-1) / self.plane.side
        return arrow_scale(float(np.linalg.norm(self.plane.shift(exact))) / self.plane.side, lengths)

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the figure of this step.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Arrows in the plane of the counts, and three panels against steps.
        """
        return descent_figure(
            self._arrows(palette, 300.0 if narrow else HEIGHT - 80.0),
            self._panels(palette),
            palette,
            picture=self._background(),
            height=HEIGHT,
            narrow=narrow,
        )

    def handles(self) -> list[DragPoint]:
        """Returns the parts of the figure that can be dragged.

        Returns:
            The target, if the loss has one.
        """
        plane, target = self.plane, self._target()
        if target is None or plane.spread <= 0:
            return []
        basis = np.eye(len(target))
        right, up = plane.shift(basis[1:3] - basis[0]) if plane.triangular else np.eye(2)
        x, y = plane.place(target)
        return [
            DragPoint(
                name="target",
                label=f"Target {counts_words(target)}: drag it, or move it with the arrow keys",
                axes=("x", "y"),
                at=(float(x), float(y)),
                right=(float(right[0]), float(right[1])),
                up=(float(up[0]), float(up[1])),
                values=lambda x, y: {f"t{group + 1}": count for group, count in plane.nearest(x, y).items()},
            )
        ]

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        settings, mean = self.settings, counts_words(self.record.means[-1])
        return (
            f"{settings.number} gradient estimates by {settings.method.label} from E[x] = {mean} "
            f"at step {self.step}, their mean and the exact gradient, over the loss; and the loss, now "
            f"{self.record.losses[-1]:.3g}, the log weights and the gradient norm at each step"
        )

    def live(self) -> str:
        """Describes the step on show.

        Returns:
            A few sentences with ``**bold**`` words.
        """
        now, start, exact = (loss_words(float(x)) for x in (*self.record.losses[[-1, 0]], self.reference.losses[self.step]))
        loss = f"Expected loss **{now}**" + (f", {start} at the start, {exact} with the exact gradient" if self.step else "")
        return f"**Step {self.step}.** {loss}. {about_mean(self.agreement)}"

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Three paragraphs of Markdown.
        """
        return [self._about_estimates(), self._about_loss(), self._about_descent()]

    def table(self) -> dict[str, list[Any]]:
        """Lists weights, means and gradients at this step.

        Returns:
            Columns by name, one row for each group.
        """
        urn = self.settings.task.urn
        mean = self.measured.gradients.mean(0)
        return {
            "group": list(range(1, len(urn.group_sizes) + 1)),
            "weight at the start": list(urn.weights),
            "log weight now": list(self.log_weights),
            "E[x] now": self.record.means[-1].tolist(),
            "exact gradient": self.exact.tolist(),
            "mean of the estimates": mean.tolist(),
            "standard deviation of one": self.measured.gradients.std(0, ddof=1).tolist(),
        }

    def about_table(self) -> str:
        """Describes the table.

        Returns:
            A noun phrase.
        """
        return f"Weights, mean counts and gradients of each group at step {self.step}"

    def export(self) -> bytes:
        """Writes every step until now as comma-separated values.

        Returns:
            The encoded table, one row for each step.
        """
        record = self.record
        groups = range(record.means.shape[1])
        table: dict[str, list[Any]] = {"step": list(range(self.step + 1)), "loss": record.losses.tolist()}
        table |= {f"log_weight_{group + 1}": record.log_weights[:, group].tolist() for group in groups}
        table |= {f"mean_{group + 1}": record.means[:, group].tolist() for group in groups}
        table |= {f"exact_gradient_{group + 1}": record.exact_gradients[:, group].tolist() for group in groups}
        table |= {f"estimate_{group + 1}": [*record.gradients[:, group].tolist(), None] for group in groups}
        return csv_columns(table).encode()

    def _about_estimates(self) -> str:
        settings = self.settings
        mean = counts_words(self.record.means[-1])
        sentence = (
            f"At step {self.step}, E[x] = {mean}; estimator: {settings.method.label}, {samples_words(settings.draws)} per "
            f"estimate. {about_mean(self.agreement)}"
        )
        if settings.task.loss.kind == "step" and not self.measured.gradients.any() and self.agreement.norm:
            if settings.method.kind in WHOLE:
                return f"{sentence} **All samples have the same loss** here: samples with another loss are too rare to occur."
            return f"{sentence} The derivative is zero almost everywhere, so **pathwise estimators return zero**."
        return sentence

    def _about_loss(self) -> str:
        record, loss = self.record, self.settings.task.loss
        start = f"The loss of a sample is {loss.words()}; its expectation is **{loss_words(float(record.losses[-1]))}**"
        total = self.settings.task.urn.total_count
        if loss.aims and sum(loss.targets) != total:
            return (
                f"{start}. The targets sum to {sum(loss.targets)}, but **{total} balls are drawn**: no sample reaches them all."
            )
        if loss.kind != "squared distance":
            return f"{start}. The panel at the right shows this expectation, computed exactly and not sampled."
        distance = float(((record.means[-1] - np.array(loss.targets)) ** 2).sum())
        own = float(record.losses[-1]) - distance
        return (
            f"{start}. Of this, {distance:.3g} is the squared distance of the mean from the target, and **{own:.3g} is "
            "variance**. The optimum balances both, so E[x] need not reach the target."
        )

    def _about_descent(self) -> str:
        record, settings = self.record, self.settings
        how = f"{'Adam' if settings.optimizer == 'Adam' else 'gradient descent'} with learning rate {settings.rate:g}"
        if not self.step:
            later = float(self.reference.losses[self.end])
            return (
                f"Dashed lines: {how} and the **exact** gradient. After {self.end} steps its loss is "
                f"**{loss_words(later)}**. Press Play and compare the estimates with it."
            )
        exact = float(self.reference.losses[self.step])
        made, could = float(record.losses[0]) - float(record.losses[-1]), float(record.losses[0]) - exact
        share = f": **{percent(made / could)}** of the reduction with the exact gradient" if could > 1e-9 else ""
        return f"In {self.step} steps, {how} has reduced the loss by {made:.3g}{share}."

    def _arrows(self, palette: Palette, side: float) -> Panel:
        task = self.settings.task
        cells = probable_cells(task, self.log_weights)
        drawn = -self.scale * self.measured.gradients
        return arrows_panel(
            self.plane,
            palette,
            cells=cells.counts,
            probabilities=cells.probabilities,
            path=self.record.means,
            reference=self.reference.means,
            estimates=drawn[:ARROWS],
            mean=drawn.mean(0),
            exact=-self.scale * self.exact,
            names=("one estimate", f"mean of {self.settings.number}"),
            target=self._target(),
            side=side,
        )

    def _target(self) -> np.ndarray | None:
        """Returns the counts of the right sum that are nearest to the targets, shape ``(K,)``; ``None`` without targets."""
        task = self.settings.task
        wanted = np.array(task.loss.targets, dtype=float)
        return wanted + (task.urn.total_count - wanted.sum()) / len(wanted) if task.loss.aims else None

    def _background(self) -> LossBackground | None:
        task = self.settings.task
        means = self.settings.descent(REFERENCE, 0).means[0][2:]
        total = float(means.sum())
        rest = tuple(np.round(means / total, 6).tolist()) if total > 0 else (1 / max(len(means), 1),) * len(means)
        return loss_background(task.urn.total_count, task.urn.group_sizes, task.loss, rest if len(means) > 1 else (1.0,))

    def _panels(self, palette: Palette) -> list[Panel]:
        record, reference = self.record, self.reference
        steps = np.arange(self.step + 1)
        exact: dict[str, Any] = {"colour": palette.exact, "dash": "dash", "width": 1.5, "symbol": ""}
        top = nice_above(float(max(record.losses.max(), reference.losses.max())))
        common: dict[str, Any] = {"xrange": (0, self.end), "height": 118.0, "labels": 0.1}
        loss = lines_panel(
            [
                Line(np.arange(self.end + 1), reference.losses, name="exact gradient", **exact),
                Line(steps, record.losses, palette.relaxed, "expected loss"),
            ],
            palette,
            title="Expected loss",
            xtitle="",
            yrange=(min(0.0, float(record.losses.min())), top),
            **common,
        )
        logs = record.log_weights
        shown = logs[np.isfinite(logs)]
        reach = nice_above(float(np.abs(shown).max()) if shown.size else 1.0)
        weights = lines_panel(
            [
                Line(steps, logs[:, group], group_colour(group), f"log weight {group + 1}", end=f"{group + 1}")
                for group in range(logs.shape[1])
                if np.isfinite(logs[0, group])
            ],
            palette,
            title="Log weights (centred)",
            xtitle="",
            yrange=(-reach, reach),
            **common,
        )
        norms = lines_panel(
            [
                Line(steps, record.exact_norms, name="exact gradient here", **{**exact, "symbol": "circle-open"}),
                Line(steps[1:], record.gradient_norms, palette.relaxed, "estimate used by the step", width=1.2),
            ],
            palette,
            title="Gradient norm (dashed: exact)",
            xtitle="step",
            yrange=(0, nice_above(float(max(record.exact_norms.max(), record.gradient_norms.max(initial=0))))),
            **common,
        )
        return [loss, weights, norms]


def arrow_scale(exact: float, lengths: np.ndarray) -> float:
    """Chooses the scale of the arrows so that the exact gradient and most single estimates are well visible.

    Args:
        exact: length of the exact gradient's arrow at scale 1, in sides of the plane.
        lengths: lengths of the estimates' arrows at scale 1, in sides of the plane, shape ``(S,)``.

    Returns:
        Length of the arrow of a gradient of norm 1, in counts.
    """
    most = float(np.quantile(lengths, 0.8)) if len(lengths) else 0.0
    if exact <= 1e-12:
        return _EXACT_LENGTH / most if most > 1e-12 else 1.0
    scale = _EXACT_LENGTH / exact
    if most > 1e-12:
        scale = min(scale, _SAMPLE_LENGTH / most)
    return max(scale, _SHORTEST / exact)
