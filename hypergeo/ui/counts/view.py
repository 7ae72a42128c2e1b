"""What the quality page shows of observed counts: the verdict, the figure and the numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hypergeo._records import csv_columns, csv_text
from hypergeo.figures import LIGHT, Palette, group_colour, marginals_panel
from hypergeo.figures.quality.fitted_weights import counts_figure, weights_panel
from hypergeo.quality.samples import SampleQuality
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.urn_editor import WEIGHTS
from hypergeo.ui.state.markdown import plain

from .arrays import Fitted, fit, marginals, measure

__all__ = ["CountsView", "counts_view", "said_p"]

LEAST_P = 1e-12


@dataclass(frozen=True)
class CountsView:
    """Counts against a distribution, and the weights that fit them.

    Attributes:
        law: the distribution that was tested; its number drawn is that of the tested rows.
        fitted_law: whether its weights are the fitted ones.
        rows: all counts, shape ``(N, K)``.
        tested: rows that draw as many as the distribution.
        quality: tests of these.
        fitted: the weights that fit all rows.
        exact: marginal distributions, shape ``(K, M + 1)``.
        names: of the groups; their numbers when omitted.
    """

    law: Urn
    fitted_law: bool
    rows: np.ndarray
    tested: np.ndarray
    quality: SampleQuality
    fitted: Fitted
    exact: np.ndarray
    names: tuple[str, ...] | None = None

    def _label(self, group: int) -> str:
        """What follows the word "group" in a sentence: the name, as Markdown that is text alone, or the number."""
        return str(group + 1) if self.names is None else plain(self.names[group])

    def _titles(self) -> list[str]:
        """Of the groups in figures, where a few tags of HTML would count."""
        if self.names is None:
            return [f"Group {group + 1}" for group in range(len(self.law.group_sizes))]
        return [html.escape(name if len(name) <= 24 else f"{name[:23]}…") for name in self.names]

    @property
    def good(self) -> bool:
        """Whether nothing tells the counts from the distribution."""
        return not self.quality.differs

    def sentences(self) -> list[str]:
        """The verdict, the overall one first."""
        return [self._overall(), self._worst_group(), self._together(), *self._about_fit(), self._power()]

    def live(self) -> str:
        """The verdict in a sentence."""
        return self._overall()

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """Counts of each group over the exact distribution, and the weights that fit them."""
        groups, names = len(self.law.group_sizes), self._titles()
        titles = [
            f'<span style="color:{group_colour(group)}">■</span> {names[group]}: '
            f"mean {self.tested[:, group].mean():.3g}, exact {self.means[group]:.3g}"
            for group in range(groups)
        ]
        kind = "best fitting" if self.fitted_law else "as set"
        return counts_figure(
            marginals_panel(self.exact, self.tested[None], palette, titles=titles),
            weights_panel(
                self.fitted.weights,
                self.fitted.intervals,
                self.fitted.scaled(self.law.weights),
                palette,
                title=f"● fitted, with 95 % interval<br>◇ of the distribution, {kind}",
                names=names,
            ),
            palette,
            groups=groups,
            narrow=narrow,
        )

    def alt(self) -> str:
        """The figure as text."""
        off = "a significant difference" if self.quality.differs else "no significant difference"
        means = ", ".join(
            f"group {group + 1 if self.names is None else self.names[group]}: mean {self.tested[:, group].mean():.3g}, "
            f"exact {mean:.3g}, fitted weight {self.fitted.weights[group]:.3g}"
            for group, mean in enumerate(self.means)
        )
        return f"Histograms of {len(self.tested)} rows of counts over the exact probabilities: {off}. {means}."

    @property
    def means(self) -> list[float]:
        """Mean count of each group by the distribution."""
        counts = np.arange(self.exact.shape[1])
        return [float(row @ counts) for row in self.exact]

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the figure, one row for each group."""
        quality, law = self.quality, self.law
        return {
            "group": list(self.names or range(1, len(law.group_sizes) + 1)),
            "size": list(law.group_sizes),
            "mean count": self.tested.mean(0).tolist(),
            "exact mean": self.means,
            "KS distance": list(quality.ks),
            "p": list(quality.ks_p_values),
            "weight": list(self.fitted.scaled(law.weights)),
            "fitted weight": list(self.fitted.weights),
            "from": [low for low, _ in self.fitted.intervals],
            "to": [high for _, high in self.fitted.intervals],
        }

    @property
    def note(self) -> str:
        """What the table's numbers are of."""
        return "p is each group's own, not corrected for their number; weights have geometric mean one, with 95 % intervals."

    def csv(self) -> bytes:
        """The table as comma-separated values."""
        return csv_columns(self.table()).encode()

    def counts_csv(self) -> bytes:
        """All counts as they were read, as comma-separated values."""
        head = self.names or [f"group_{group + 1}" for group in range(self.rows.shape[1])]
        return csv_text([[*head], *self.rows.tolist()]).encode()

    def html(self) -> str:
        """The figure as a page that opens offline."""
        return standalone_html(self.figure(LIGHT), "Counts against the exact distribution")

    def nearest_controls(self) -> dict[str, float]:
        """Values of the weights' controls that are nearest to the fitted weights; infinite and unknown ones stay."""
        return {
            f"w{group}": weight for group, weight in enumerate(nearest_weights(self.fitted.weights), 1) if weight is not None
        }

    def _overall(self) -> str:
        quality, number = self.quality, f"{len(self.tested):,} {'rows' if len(self.tested) > 1 else 'row'}"
        tests = f"{len(quality.p_values)} tests, corrected for their number: p {said_p(quality.adjusted_p_value)}"
        if self.fitted_law:
            if quality.differs:
                return f"**Fisher's distribution does not fit these {number}, not even with the best weights** ({tests})."
            return f"**Fisher's distribution with the fitted weights agrees with these {number}** ({tests})."
        if quality.differs:
            return f"**These {number} do not come from this distribution** ({tests})."
        return f"**These {number} do not differ significantly from this distribution** ({tests})."

    def _worst_group(self) -> str:
        quality = self.quality
        group = min(range(len(quality.ks)), key=lambda k: (quality.ks_p_values[k], -quality.ks[k]))
        return (
            f"Group {self._label(group)} fits least: **{self.tested[:, group].mean():.3g}** on average, exact "
            f"**{self.means[group]:.3g}**; Kolmogorov-Smirnov distance {quality.ks[group]:.2g}, "
            f"p {said_p(quality.ks_p_values[group])}."
        )

    def _together(self) -> str:
        quality = self.quality
        if quality.g is None or quality.g_p_value is None:
            return (
                "All groups together were not tested: there are too many count vectors to list, or too few rows for "
                "cells of their own."
            )
        return (
            f"All groups together: G = {quality.g:.3g} on {quality.g_degrees} degrees of freedom, "
            f"p {said_p(quality.g_p_value)}."
        )

    def _about_fit(self) -> list[str]:
        fitted, sentences = self.fitted, []
        if not fitted.converged:
            sentences.append("**No finite weights fit best**: the likelihood has no maximum.")
        intervals = [
            f"group {self._label(group)}: **{weight:.3g}** ({low:.3g} to {high:.3g})"
            for group, (weight, (low, high)) in enumerate(zip(fitted.weights, fitted.intervals, strict=True))
            if not math.isnan(low)
        ]
        if intervals:
            basis = "all rows" if fitted.rows == len(self.rows) else f"{fitted.rows:,} of {len(self.rows):,} rows"
            sentences.append(
                f"The weights that fit {basis} best, with 95 % intervals and geometric mean one: {', '.join(intervals)}."
            )
        for group, weight in enumerate(fitted.weights):
            label = self._label(group)
            if weight == 0:
                sentences.append(f"Group {label} was **never drawn** although it could have been: the best weight is zero.")
            elif weight == math.inf:
                sentences.append(f"Group {label} **always gave as many balls as possible**: the best weight is infinite.")
            elif math.isnan(weight):
                sentences.append(
                    f"Group {label} had **only one possible count** in every row, so its weight cannot be estimated."
                )
        if self.fitted_law and sentences:
            sentences.append(
                "The weights are fitted to the rows that are tested, so p-values are slightly too large: a rejection is valid, "
                "a pass is weaker evidence."
            )
        return sentences

    def _power(self) -> str:
        seen = 2 * math.sqrt(math.log(2 * len(self.quality.p_values) / self.quality.level) / (2 * len(self.tested)))
        if seen >= 1:
            return "So few rows could come from almost any distribution: only large differences can be detected."
        return (
            f"With {len(self.tested):,} rows a difference of up to about {seen:.2g} in a group's distribution function may go "
            f"undetected; counts from the distribution itself are rejected in at most {100 * self.quality.level:g} % of cases."
        )


def counts_view(urn: Urn, rows: np.ndarray, seed: int, *, fitted_law: bool, names: Sequence[str] | None = None) -> CountsView:
    """Computes, or remembers, what the page shows of counts.

    Args:
        urn: the distribution that is asked about; rows that draw another number than it are left to the fit alone.
        rows: all counts, shape ``(N, K)``, within the group sizes.
        seed: of the distances' noise.
        fitted_law: whether to test the distribution with the fitted weights instead, if they make one.
        names: of the groups.
    """
    fitted_weights = fit(rows, urn.group_sizes)
    fitted_law = fitted_law and fitted_weights.usable
    law = Urn(urn.total_count, urn.group_sizes, fitted_weights.weights) if fitted_law else urn
    tested = rows[rows.sum(1) == law.total_count]
    return CountsView(
        law,
        fitted_law,
        rows,
        tested,
        measure(law, tested, seed),
        fitted_weights,
        marginals(law),
        tuple(names) if names else None,
    )


def nearest_weights(weights: tuple[float, ...]) -> list[float | None]:
    """Steps of the weights' controls nearest to given weights, on the scale that loses least, as only ratios matter.

    Args:
        weights: ``None`` comes back for infinite and NaN ones.

    Example:
        >>> nearest_weights((0.5, 1.0, 2.0, 0.0))
        [0.5, 1.0, 2.0, 0.0]
    """
    known = [weight for weight in weights if 0 < weight < math.inf]
    steps = np.array([step for step in WEIGHTS if step > 0])
    if not known:
        return [0.0 if weight == 0 else None for weight in weights]
    logs = np.log(known)
    # A unit scale first, so that it is kept where it is as good as another.
    scales = np.concatenate([[0.0], np.linspace(-0.12, 0.12, 49)]) * math.log(10)
    away = np.abs(logs[None, :, None] + scales[:, None, None] - np.log(steps)).min(-1)
    scale = scales[int(np.argmin(np.round((away**2).sum(-1), 12)))]

    def nearest(weight: float) -> float | None:
        if weight == 0:
            return 0.0
        if not math.isfinite(weight):
            return None
        return float(steps[np.abs(np.log(steps) - math.log(weight) - scale).argmin()])

    return [nearest(weight) for weight in weights]


def said_p(p_value: float) -> str:
    """A p-value for the middle of a sentence.

    Example:
        >>> said_p(0.0312), said_p(1e-30)
        ('= 0.031', '< 1e-12')
    """
    return f"< {LEAST_P:g}" if p_value < LEAST_P else f"= {p_value:.2g}"
