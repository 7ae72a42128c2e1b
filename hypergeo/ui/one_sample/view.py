"""The view of the page on one sample: its settings, its figure, its sentences and its numbers, from the controls' values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Palette, group_colour
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.counts.plane import Plane
from hypergeo.figures.one_sample.cloud import cloud_panel, segment
from hypergeo.figures.one_sample.counts import gradient_panel, strips_panel
from hypergeo.figures.one_sample.figure import NARROW_ROW, WIDE_BARS, one_sample_figure
from hypergeo.figures.one_sample.split_bars import COLUMNS, SplitBars, split_bars_panel
from hypergeo.ui.convergence.arrays import ExactLaw, Urn, exact_law

from .arrays import CONDITIONALS, Opened, covariance, open_sample
from .text import about_conditionals, about_gradient, about_sum, about_whole, names, sentence

__all__ = ["OneSampleSettings", "OneSampleView", "last_step", "one_sample_view", "whole_sample"]


def whole_sample(groups: int) -> int:
    """Returns the step at which all groups have their counts.

    Args:
        groups: number of groups.

    Returns:
        The number of the step, from 0.
    """
    return COLUMNS * (groups - 1)


def last_step(groups: int) -> int:
    """Returns the step at which the gradient has gone back through all splits.

    Args:
        groups: number of groups.

    Returns:
        The number of the step, from 0.
    """
    return (COLUMNS + 1) * (groups - 1)


@dataclass(frozen=True)
class OneSampleSettings:
    """What the controls of the page ask for.

    Attributes:
        urn: the urn.
        tau: temperature.
        conditionals: a name in ``CONDITIONALS``.
        straight_through: whether the sample is the straight-through one.
        sample: number of the sample, from 1.
        target: index of the group whose gradient is on show, from 0.
    """

    urn: Urn
    tau: float
    conditionals: str
    straight_through: bool
    sample: int
    target: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> OneSampleSettings:
        """Makes settings from the page's controls.

        Args:
            values: value of each control, by name.

        Returns:
            The settings; a group beyond the last one counts as the last.
        """
        groups = range(1, values["groups"] + 1)
        urn = Urn(values["n"], tuple(values[f"m{group}"] for group in groups), tuple(values[f"w{group}"] for group in groups))
        return cls(
            urn=urn,
            tau=values["tau"],
            conditionals=values["conditionals"],
            straight_through=values["kind"] == "straight-through",
            sample=values["sample"],
            target=min(values["target"], len(groups)) - 1,
        )


@dataclass(frozen=True)
class OneSampleView:
    """Arrays for one setting of the controls, with the figure and the sentences made of them.

    Attributes:
        settings: values of the controls.
        opened: the sample with all its splits.
        law: the exact distribution.
        exact: derivative of each exact mean in each log weight, shape ``(K, K)``.
        step: index of the step on show, from 0.
    """

    settings: OneSampleSettings
    opened: Opened
    law: ExactLaw
    exact: np.ndarray
    step: int

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.settings.urn.group_sizes)

    @property
    def whole(self) -> bool:
        """Whether all groups have their counts."""
        return self.step >= whole_sample(self.groups)

    @property
    def current(self) -> tuple[int, int] | None:
        """Index of the split and column of the current step; ``None`` once all groups have their counts."""
        return None if self.whole else divmod(self.step, COLUMNS)

    @property
    def lit(self) -> int:
        """Number of splits, from the last one back, that show the gradient."""
        return max(self.step - whole_sample(self.groups), 0)

    @property
    def decided(self) -> list[int]:
        """Indices of the groups whose counts are on show, from 0."""
        if self.whole:
            return list(range(self.groups))
        done = self.opened.splits[: (self.step + 1) // COLUMNS]
        return [groups[0] for split in done for groups in (split.left, split.right) if len(groups) == 1]

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the page's figure.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Bars of each split, strips of counts, the sample among others and its gradient.
        """
        settings, opened, urn = self.settings, self.opened, self.settings.urn
        rows = len(opened.splits)
        bars = split_bars_panel(
            [self._bars(index, narrow) for index in range(rows)],
            palette,
            height=rows * NARROW_ROW if narrow else WIDE_BARS,
            headings=self._headings(narrow),
            narrow=narrow,
        )
        strips = strips_panel(
            opened.soft, opened.hard, self.decided, urn.total_count, palette, straight_through=settings.straight_through
        )
        plane = Plane.of(urn.total_count, urn.group_sizes)
        line = self._line(plane)
        cloud = cloud_panel(
            self.law.cells,
            self.law.probabilities,
            opened.others,
            opened.path,
            opened.hard,
            palette,
            plane=plane,
            side=300.0,
            title=self._cloud_title(line is not None),
            line=line,
            shown=self.whole,
            followed=opened.counts,
        )
        target = settings.target
        gradient = gradient_panel(
            opened.jacobian[target],
            self.exact[target],
            palette,
            title=f"Gradient of x<sub>{target + 1}</sub>: "
            + ("this sample; outline: exact mean" if self.lit == rows else "exact mean (outline)"),
            shown=self.lit == rows,
        )
        return one_sample_figure(bars, strips, cloud, gradient, palette, rows=rows, key=self._key(narrow), narrow=narrow)

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        settings, opened = self.settings, self.opened
        counts = ", ".join(f"{count:.2f}" for count in opened.counts)
        kind = "straight-through" if settings.straight_through else "soft"
        shown = f"all {len(opened.splits)} splits" if self.whole else f"{self.step + 1} steps"
        return (
            f"Bars of {shown} of one {kind} sample at temperature {settings.tau:g}: log-probability, plus Gumbel noise, "
            f"divided by the temperature, softmax. "
            + (f"The counts are {counts}. " if self.whole else "")
            + f"At the right the exact distribution of {self.groups} groups, and the gradient of count {settings.target + 1}"
        )

    def live(self) -> str:
        """Describes what the current step does, with its numbers.

        Returns:
            A few sentences with ``**bold**`` words.
        """
        settings = self.settings
        shown = self.current, self.lit, settings.target, self.exact
        return sentence(self.opened, settings.tau, *shown, straight_through=settings.straight_through)

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Four paragraphs of Markdown.
        """
        settings, opened = self.settings, self.opened
        return [
            about_sum(opened, settings.urn.total_count),
            about_whole(opened, settings.tau),
            about_conditionals(opened, settings.conditionals),
            about_gradient(opened, self.exact, settings.target),
        ]

    def table(self) -> dict[str, list[Any]]:
        """Lists the numbers behind the figure.

        Returns:
            Columns by name, one row for each group.
        """
        urn, opened, target = self.settings.urn, self.opened, self.settings.target
        return {
            "group": list(range(1, self.groups + 1)),
            "weight": list(urn.weights),
            "size": list(urn.group_sizes),
            "soft count": opened.soft.tolist(),
            "straight-through count": opened.hard.tolist(),
            "exact mean": self.law.mean.tolist(),
            f"gradient of count {target + 1}": opened.jacobian[target].tolist(),
            f"gradient of exact mean {target + 1}": self.exact[target].tolist(),
        }

    def export(self) -> bytes:
        """Writes all bars as comma-separated values.

        Returns:
            The encoded table, one row for each candidate of each split.
        """
        gradients = [f"gradient_of_count_{group + 1}" for group in range(self.groups)]
        head = ["split", "groups", "total", "candidate", "log_prob_exact", "log_prob_merged", "noise", "scaled", "softmax"]
        rows: list[list[Any]] = [[*head, *gradients]]
        for number, split in enumerate(self.opened.splits, 1):
            merged = [""] * len(split.candidates) if split.merged is None else split.merged.tolist()
            columns = (split.candidates, split.exact, merged, split.noise, split.scaled, split.weights, *split.gradient)
            rows += [[number, names(split.left), split.total, *row] for row in zip(*map(list, columns), strict=True)]
        return csv_text(rows).encode()

    def _bars(self, index: int, narrow: bool) -> SplitBars:
        """Returns what the figure shows of one split."""
        split, current, straight = self.opened.splits[index], self.current, self.settings.straight_through
        shown, column = COLUMNS, None
        if current is not None:
            shown = COLUMNS if index < current[0] else current[1] + 1 if index == current[0] else 0
            column = current[1] if index == current[0] else None
        if self.lit and index == len(self.opened.splits) - self.lit:
            column = 0
        squares = "".join(f'<span style="color:{group_colour(group)}">■</span>' for group in split.left)
        left = f"{split.total:.0f}" if abs(split.total - round(split.total)) < 5e-3 else f"{split.total:.2f}"
        title = f"{squares} {names(split.left).capitalize()}, from {f'the {left} left' if shown else 'what is left'}"
        if shown and not narrow and split.difference is not None:
            title += f" · merged differs by {split.difference:.2f}" if split.difference >= 0.005 else " · merged agrees"
        mean, largest = f"mean {split.soft:.2f}", f"largest {split.hard}"
        result = f"<b>{largest}</b>, {mean}" if straight else f"<b>{mean}</b>, {largest}"
        return SplitBars(
            title=title,
            result=result,
            colour=group_colour(split.left[0]),
            candidates=split.candidates,
            exact=split.exact,
            used=split.used,
            merged=split.merged,
            noise=split.noise,
            scaled=split.scaled,
            weights=split.weights,
            soft=split.soft,
            hard=split.hard,
            gradient=split.gradient[self.settings.target],
            shown=shown,
            lit=index >= len(self.opened.splits) - self.lit,
            current=column,
        )

    def _headings(self, narrow: bool) -> list[str]:
        tau = f"÷ τ = {self.settings.tau:g}"
        last = "softmax (gradient only)" if self.settings.straight_through else "softmax"
        words = ["log-probability", "+ Gumbel noise", tau, last]
        if narrow:
            words = ["", "log p + Gumbel noise", "", f"{tau}, softmax"]
        return [f"{word} ←" for word in words] if self.lit else words

    def _key(self, narrow: bool) -> str:
        parts = ["outline: exact", "<b>×</b> merged", "│ noise", "★ largest", "▲▼ gradient in each bar"]
        if self.opened.splits[0].merged is None:
            parts.remove("<b>×</b> merged")
        if narrow:
            parts = [part for part in parts if "merged" not in part]
            return " · ".join(parts[:3]) + "<br>" + " · ".join(parts[3:])
        return " · ".join(parts)

    def _cloud_title(self, line: bool) -> str:
        if self.whole:
            return "This sample among a thousand"
        return "Line on which this sample lies" if line else "Exact distribution of the counts"

    def _line(self, plane: Plane) -> np.ndarray | None:
        """Returns the ends of the line on which the sample lies after the first split, shape ``(2, K)``, or ``None``."""
        first = self.opened.splits[0]
        if self.step < COLUMNS - 1 or self.whole or self.groups == 2:
            return None
        if len(first.left) == 1:
            return segment(first.left[0], first.taken, plane)
        if len(first.right) == 1 and plane.triangular:
            return segment(first.right[0], first.total - first.taken, plane)
        return None


def one_sample_view(settings: OneSampleSettings, step: int) -> OneSampleView:
    """Makes the view of one step; arrays that were computed before are used again.

    An urn that is not valid raises the exceptions of :meth:`hypergeo.ui.convergence.arrays.Urn.law`.

    Args:
        settings: values of the controls.
        step: index of the step on show, from 0.

    Returns:
        The view.
    """
    urn = settings.urn
    urn.law()
    conditionals = CONDITIONALS[settings.conditionals]
    opened = open_sample(urn, settings.tau, conditionals, settings.straight_through, settings.sample)
    return OneSampleView(settings, opened, exact_law(urn), covariance(urn), min(step, last_step(len(urn.group_sizes))))
