"""The view of gradients on the page on partitions: an estimate beside the exact gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Palette
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import nice_above
from hypergeo.figures.partitions.gradients import GradientEntries, entries_panel, pairs_panel
from hypergeo.figures.partitions.page import gradient_figure

from .arrays import Estimate, exact_gradient, gradient_estimate, order_distance
from .losses import LOSSES
from .settings import PartitionSettings

__all__ = ["GradientView"]

_ZERO = 1e-12


@dataclass(frozen=True)
class GradientView:
    """An estimated gradient and the exact one, with the figure and the sentences made of them.

    Attributes:
        settings: values of the controls.
    """

    settings: PartitionSettings

    @cached_property
    def exact(self) -> tuple[float, GradientEntries]:
        """The exact expected loss and its gradient."""
        return exact_gradient(self.settings.model, self.settings.loss)

    @cached_property
    def estimate(self) -> Estimate:
        """The estimated gradient."""
        own = self.settings
        return gradient_estimate(
            own.model, own.loss, own.estimator, own.number, own.seed, own.tau, own.size_tau, own.straight_through
        )

    @property
    def relative_error(self) -> float:
        """Norm of the error relative to that of the exact gradient; infinite if only the exact gradient is zero."""
        error, norm = np.linalg.norm(self.estimate.mean.flat - self.exact[1].flat), np.linalg.norm(self.exact[1].flat)
        return float(error / norm) if norm > _ZERO else float("inf") if error > _ZERO else 0.0

    @property
    def noise(self) -> float:
        """Norm of the standard errors relative to that of the exact gradient: the relative error by sampling noise."""
        norm = np.linalg.norm(self.exact[1].flat)
        return float(np.linalg.norm(self.estimate.error.flat) / norm) if norm > _ZERO else float("inf")

    @property
    def cosine(self) -> float:
        """Cosine of the angle between both gradients; 1 if one of them is zero."""
        both = self.estimate.mean.flat, self.exact[1].flat
        norms = np.linalg.norm(both[0]) * np.linalg.norm(both[1])
        return float(both[0] @ both[1] / norms) if norms > _ZERO else 1.0

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the page's figure.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Both gradients as matrices, and one against the other.
        """
        limit = nice_above(max(float(np.abs(self.exact[1].flat).max()), 1e-6))
        panels = [
            entries_panel(self.exact[1], palette, title="Exact gradient", limit=limit),
            entries_panel(self.estimate.mean, palette, title="Mean of the estimates", limit=limit),
            pairs_panel(
                self.exact[1],
                self.estimate.mean,
                self.estimate.error,
                palette,
                title="Estimate ± 2 standard errors against exact",
            ),
        ]
        return gradient_figure(panels, palette, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure.

        Returns:
            The alternative text.
        """
        num_elements, groups = self.settings.model.shape
        return (
            f"Exact gradient of the loss {self.settings.loss} in the {num_elements * groups} logits"
            f"{'' if self.settings.model.sizes else f' and {groups} log weights'} beside the mean of estimates by "
            f"{self._name()}: relative error {self.relative_error:.2g}, cosine {self.cosine:.3f}"
        )

    def live(self) -> str:
        """Describes the error of the estimate.

        Returns:
            Two sentences with ``**bold**`` words.
        """
        if np.abs(self.exact[1].flat).max() < _ZERO:
            return "The exact gradient is **zero**: with fixed sizes this loss cannot change."
        verdict = (
            "**within sampling noise**"
            if self.relative_error <= 2 * self.noise
            else f"**{self.relative_error / max(self.noise, 1e-12):.2g} times its sampling noise: a bias**"
            if self.noise > 1e-9
            else "**without any sampling noise: a bias**"
        )
        return (
            f"{self._name().capitalize()}: relative error **{self.relative_error:.2g}**, {verdict}; the cosine with the exact "
            f"gradient is {self.cosine:.3f}."
        )

    def sentences(self) -> list[str]:
        """Describes what to notice, with the numbers on show.

        Returns:
            Three paragraphs of Markdown.
        """
        loss, model = LOSSES[self.settings.loss], self.settings.model
        listed = model.shape[1] ** model.shape[0]
        between = order_distance(model)
        return [
            f"The exact expected loss ({loss.meaning}) is **{self.exact[0]:.3f}**, a sum over all {listed:,} assignments. The "
            f"mean of the estimates is {self.estimate.loss:.3f}.",
            "Each row of the gradient in the logits sums to zero, because a constant added to all logits of an element changes "
            "nothing. If sizes are sampled, the gradient in the log weights sums to zero: scaling all weights changes nothing.",
            f"**The order of choice matters here**: reversing it changes the distribution by {between:.2f} in total variation."
            if between > 0.005
            else f"The order of choice hardly matters here: reversing it changes the distribution by {between:.1g} in total "
            "variation.",
        ]

    def table(self) -> dict[str, list[Any]]:
        """Lists the numbers behind the figure.

        Returns:
            Columns by name, one row for each entry of the gradient.
        """
        num_elements, groups = self.settings.model.shape
        names = [f"logit of element {e + 1}, group {k + 1}" for e in range(num_elements) for k in range(groups)]
        if self.settings.model.sizes is None:
            names += [f"log weight of group {k + 1}" for k in range(groups)]
        return {
            "entry": names,
            "exact": self.exact[1].flat.tolist(),
            "estimate": self.estimate.mean.flat.tolist(),
            "standard error": self.estimate.error.flat.tolist(),
        }

    def export(self) -> bytes:
        """Writes the table as comma-separated values.

        Returns:
            The encoded table.
        """
        table = self.table()
        return csv_text([list(table), *zip(*table.values(), strict=True)]).encode()

    def _name(self) -> str:
        own = self.settings
        if own.estimator != "relaxed":
            return f"the {own.estimator} {'estimator' if own.estimator == 'plan' else ''}".strip()
        kind = "straight-through" if own.straight_through else "soft"
        return f"{kind} relaxed samples at τ = {own.tau:g}"
