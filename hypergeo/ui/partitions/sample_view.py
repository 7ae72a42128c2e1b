"""The view of one sample on the page on partitions: its matrix, its sums and how it becomes exact as the temperature falls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Line, Palette, lines_panel
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.partitions.assignment import assignment_panel
from hypergeo.figures.partitions.page import partition_figure
from hypergeo.figures.partitions.sizes import sizes_panel
from hypergeo.ui.component.handles import DragPoint, Handle, PressGrid
from hypergeo.ui.convergence.arrays import TEMPERATURES

from .arrays import Cooling, LogProbabilities, cooling, log_probabilities
from .settings import SCORES, PartitionSettings

__all__ = ["SampleView", "sample_view"]


@dataclass(frozen=True)
class SampleView:
    """Arrays for one setting of the controls, with the figure and the sentences made of them.

    Attributes:
        settings: values of the controls.
        cooling: the sample at every temperature.
    """

    settings: PartitionSettings
    cooling: Cooling

    @property
    def at(self) -> int:
        """Index of the temperature on show in ``TEMPERATURES``."""
        return TEMPERATURES.index(self.settings.tau)

    @property
    def matrix(self) -> np.ndarray:
        """The sample on show, shape ``(N, K)``."""
        return self.cooling.hard if self.settings.straight_through else self.cooling.soft[self.at]

    @property
    def sizes(self) -> np.ndarray:
        """Sizes of the sample, shape ``(K,)``."""
        return self.cooling.hard.sum(0) if self.settings.straight_through else self.cooling.sizes

    @property
    def log_probabilities(self) -> LogProbabilities:
        """Log-probabilities of the exact partition; computed on request, after the figure."""
        return log_probabilities(self.settings.model, self.settings.size_tau, self.settings.seed)

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the page's figure.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Sample, plan, sizes, and number of moved elements against temperature.
        """
        exact, fixed = self.cooling.hard.argmax(1), self.settings.model.sizes is not None
        kind = "Exact" if self.settings.straight_through else "Relaxed"
        sample = assignment_panel(
            self.matrix,
            palette,
            title=f"{kind} sample, τ = {self.settings.tau:g}",
            note="sizes",
            targets=self.sizes,
            exact=exact,
            chosen=self.settings.chosen,
        )
        plan = assignment_panel(
            self.cooling.plan,
            palette,
            title="Plan: membership probabilities",
            note="E[n]",
            targets=self.cooling.expected,
            chosen=self.settings.chosen,
        )
        sizes = sizes_panel(
            self.sizes, self.cooling.expected, palette, title="Fixed sizes" if fixed else "Sampled sizes; outline: expected"
        )
        path = lines_panel(
            [
                Line(np.array(TEMPERATURES), self.cooling.moved, palette.relaxed, "elements", symbol="", width=2.2),
                Line(
                    np.array([self.settings.tau]),
                    self.cooling.moved[[self.at]],
                    palette.relaxed,
                    f"τ = {self.settings.tau:g}",
                    symbol="circle",
                ),
            ],
            palette,
            title="Elements unlike the exact sample",
            xtitle="temperature τ",
            xrange=(TEMPERATURES[0] / 1.8, TEMPERATURES[-1] * 1.15),
            yrange=(0.0, max(float(self.cooling.moved.max()) * 1.08, 1.0)),
            height=210,
            logx=True,
            xticks=(0.01, 0.1, 1, 10),
        )
        return partition_figure(sample, plan, sizes, path, palette, narrow=narrow)

    def handles(self) -> Sequence[Handle]:
        """Returns the parts of the figure that can be dragged or pressed.

        Returns:
            The entries, whose logits a click raises, and the mark of the chosen entry.
        """
        num_elements, groups = self.settings.model.shape
        element, group = self.settings.chosen
        return [
            PressGrid(
                name="entries",
                label="Click an entry to raise its logit by 1; Shift lowers it",
                axes=("x", "y"),
                shape=(groups, num_elements),
                values=partial(_pressed, self.settings),
            ),
            DragPoint(
                name="chosen",
                label=f"Chosen entry: element {element + 1}, group {group + 1}; the arrow keys choose another one",
                axes=("x", "y"),
                at=(group, element),
                right=(1, 0),
                up=(0, -1),
                values=partial(_chosen, num_elements, groups),
            ),
        ]

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        num_elements, groups = self.settings.model.shape
        kind = "exact" if self.settings.straight_through else "relaxed"
        return (
            f"Assignment matrix of one {kind} partition of {num_elements} elements into {groups} groups at temperature "
            f"{self.settings.tau:g}, with column sums {_listed(self.matrix.sum(0))}, the exact partition as outlines, the plan "
            f"with column sums {_listed(self.cooling.plan.sum(0))}, and the number of elements that differ, against temperature"
        )

    def live(self) -> str:
        """Describes the sample.

        Returns:
            One sentence with ``**bold**`` words.
        """
        if self.settings.straight_through:
            return f"The sample is **the exact partition** at every temperature; its column sums are {_listed(self.sizes)}."
        moved = self.cooling.moved[self.at]
        return (
            f"At τ = {self.settings.tau:g}, the exact sample differs by **{moved:.2g} of {len(self.matrix)} elements**; "
            f"columns sum to **{_listed(self.matrix.sum(0))}**."
        )

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Three paragraphs of Markdown.
        """
        return [self._about_sums(), self._about_entry(), self._about_order()]

    def table(self) -> dict[str, list[Any]]:
        """Lists the numbers behind the figure.

        Returns:
            Columns by name, one row for each element.
        """
        groups = range(self.settings.model.shape[1])
        logits = np.array(self.settings.model.logits)
        columns: dict[str, list[Any]] = {"element": list(range(1, len(self.matrix) + 1))}
        for name, matrix in (("logit", logits), ("plan", self.cooling.plan), ("sample", self.matrix)):
            columns |= {f"{name}, group {group + 1}": matrix[:, group].tolist() for group in groups}
        return columns | {"exact group": (self.cooling.hard.argmax(1) + 1).tolist()}

    def export(self) -> bytes:
        """Writes the sample at every temperature as comma-separated values.

        Returns:
            The encoded table, one row for each element at each temperature.
        """
        groups = self.settings.model.shape[1]
        rows: list[list[Any]] = [["temperature", "element", *(f"group_{group + 1}" for group in range(groups)), "exact_group"]]
        exact = (self.cooling.hard.argmax(1) + 1).tolist()
        for temperature, matrix in zip(TEMPERATURES, self.cooling.soft.tolist(), strict=True):
            rows += [[f"{temperature:g}", number, *row, exact[number - 1]] for number, row in enumerate(matrix, 1)]
        return csv_text(rows).encode()

    def _about_sums(self) -> str:
        rows = np.abs(self.cooling.soft.sum(-1) - 1).max()
        columns = np.abs(self.cooling.soft.sum(-2) - self.cooling.sizes).max()
        origin = "fixed sizes" if self.settings.model.sizes is not None else "sizes sampled from Fisher's distribution"
        return (
            f"**Exact at every temperature**: rows sum to 1 with an error of at most {rows:.0e}. Columns sum to the {origin} "
            f"with an error of at most {columns:.0e}."
        )

    def _about_entry(self) -> str:
        element, group = self.settings.chosen
        score = self.settings.model.logits[element][group]
        now, end = self.matrix[element, group], int(self.cooling.hard[element].argmax()) + 1
        return (
            f"Element {element + 1} has logit {score:g} for group {group + 1}. Its probability there is "
            f"**{self.cooling.plan[element, group]:.2f}** by the plan, its entry in this sample is {now:.2f}, and its group in "
            f"the exact sample is {end}. A higher logit lowers the probabilities of other elements for this group, because the "
            f"column sums of the plan do not change."
        )

    def _about_order(self) -> str:
        order = self.settings.model.order
        each = self.log_probabilities
        return (
            f"Groups choose in the order {_listed(np.array(order) + 1)}. **Sums, sizes and plan do not depend on it, "
            f"probabilities do**: the exact partition has log-probability {_signed(each.ordered)} in this order, "
            f"{_signed(each.reversed)} in the reverse one, and {_signed(each.symmetric)} under the symmetric distribution, "
            f"in which there is no order."
        )


def sample_view(settings: PartitionSettings, tau: float) -> SampleView:
    """Makes the view of one sample; arrays that were computed before are used again.

    Args:
        settings: values of the controls.
        tau: temperature on show, one of ``TEMPERATURES``.

    Returns:
        The view.
    """
    shown = PartitionSettings(**{**vars(settings), "tau": tau})
    return SampleView(shown, cooling(settings.model, settings.size_tau, settings.seed))


def _pressed(settings: PartitionSettings, group: int, element: int, times: int) -> Mapping[str, Any]:
    """Returns values of the controls after presses of an entry: it is chosen, and its logit is raised."""
    score = min(max(settings.model.logits[element][group] + times, SCORES[0]), SCORES[-1])
    return {"element": element + 1, "group": group + 1, "score": score}


def _chosen(num_elements: int, groups: int, x: float, y: float) -> Mapping[str, Any]:
    """Returns values of the controls for the entry at a position."""
    return {
        "element": min(max(round(y), 0), num_elements - 1) + 1,
        "group": min(max(round(x), 0), groups - 1) + 1,
    }


def _listed(values: np.ndarray) -> str:
    """Returns numbers with two decimals, integers without decimals.

    Example:
        >>> _listed(np.array([2.0, 3.456]))
        '2, 3.46'
    """
    return ", ".join(f"{value:.2f}".removesuffix(".00") for value in values)


def _signed(value: float) -> str:
    """Returns a number with two decimals and a minus sign in place of a hyphen."""
    return f"{value:.2f}".replace("-", "−")
