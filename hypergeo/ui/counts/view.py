"""View of observed counts on the quality page: verdict, figure and numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypergeo._records import csv_columns, csv_text
from hypergeo.figures import LIGHT, Palette, group_colour, marginals_panel
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.quality.fitted_weights import counts_figure, weights_panel
from hypergeo.quality.samples import SampleQuality
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.urn_editor import WEIGHTS
from hypergeo.ui.state.markdown import plain

from .arrays import Fitted, fit, marginals, measure

__all__ = ["CountsView", "counts_view"]

LEAST_P = 1e-12


@dataclass(frozen=True)
class CountsView:
    """Comparison of counts with a distribution, and the weights that fit them.

    Attributes:
        law: urn of the tested distribution; it draws as many elements as each tested row has.
        fitted_law: whether the tested distribution has the fitted weights.
        rows: all counts, shape ``(N, K)``.
        tested: rows with as many elements as the distribution draws, shape ``(T, K)``.
        quality: distances and tests of the tested rows.
        fitted: weights fitted to the rows.
        exact: probability of each count ``0, 1, ..., M`` of each group, shape ``(K, M + 1)``.
        names: names of the groups; their numbers serve as names when omitted.
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
        """Returns what follows the word "group" in a sentence: the name, escaped for Markdown, or the number."""
        return str(group + 1) if self.names is None else plain(self.names[group])

    def _titles(self) -> list[str]:
        """Returns the names of the groups for figures, escaped because plotly reads some HTML."""
        if self.names is None:
            return [f"Group {group + 1}" for group in range(len(self.law.group_sizes))]
        return [html.escape(name if len(name) <= 24 else f"{name[:23]}…") for name in self.names]

    @property
    def good(self) -> bool:
        """Whether the counts do not differ significantly from the distribution."""
        return not self.quality.differs

    def sentences(self) -> list[str]:
        """Describes the results of tests and fit, the overall verdict first.

        Returns:
            The sentences, as Markdown.
        """
        return [self._overall(), self._worst_group(), self._together(), *self._about_fit(), self._power()]

    def live(self) -> str:
        """Describes the overall verdict.

        Returns:
            One sentence, as Markdown.
        """
        return self._overall()

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the counts of each group over the exact distribution, and the fitted weights.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
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
        """Describes the figure in a few sentences.

        Returns:
            Alternative text of the figure.
        """
        difference = "a significant difference" if self.quality.differs else "no significant difference"
        means = ", ".join(
            f"group {group + 1 if self.names is None else self.names[group]}: mean {self.tested[:, group].mean():.3g}, "
            f"exact {mean:.3g}, fitted weight {self.fitted.weights[group]:.3g}"
            for group, mean in enumerate(self.means)
        )
        return f"Histograms of {len(self.tested)} rows of counts over the exact probabilities: {difference}. {means}."

    @property
    def means(self) -> list[float]:
        """Exact mean count of each group."""
        counts = np.arange(self.exact.shape[1])
        return [float(row @ counts) for row in self.exact]

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figure, one row for each group.

        Returns:
            The columns, by name.
        """
        quality, urn = self.quality, self.law
        return {
            "group": list(self.names or range(1, len(urn.group_sizes) + 1)),
            "size": list(urn.group_sizes),
            "mean count": self.tested.mean(0).tolist(),
            "exact mean": self.means,
            "KS distance": list(quality.ks),
            "p": list(quality.ks_p_values),
            "weight": list(self.fitted.scaled(urn.weights)),
            "fitted weight": list(self.fitted.weights),
            "from": [low for low, _ in self.fitted.intervals],
            "to": [high for _, high in self.fitted.intervals],
        }

    @property
    def note(self) -> str:
        """Explanation of the columns of the table."""
        return (
            "p is the p-value of one group, not corrected for the number of groups. Weights have geometric mean one. *From* "
            "and *to* are the ends of their 95 % intervals."
        )

    def csv(self) -> bytes:
        """Writes the table as comma-separated values.

        Returns:
            Bytes of the file.
        """
        return csv_columns(self.table()).encode()

    def counts_csv(self) -> bytes:
        """Writes all counts that were read as comma-separated values.

        Returns:
            Bytes of the file.
        """
        head = self.names or [f"group_{group + 1}" for group in range(self.rows.shape[1])]
        return csv_text([[*head], *self.rows.tolist()]).encode()

    def html(self) -> str:
        """Writes the figure as a page that opens offline.

        Returns:
            The HTML.
        """
        return standalone_html(self.figure(LIGHT), "Counts against the exact distribution")

    def nearest_controls(self) -> dict[str, float]:
        """Computes the values of the controls of the weights that are nearest to the fitted weights.

        Returns:
            Values of controls, by name; none for weights that are infinite or NaN.
        """
        return {
            f"w{group}": weight for group, weight in enumerate(nearest_weights(self.fitted.weights), 1) if weight is not None
        }

    def _overall(self) -> str:
        quality, number = self.quality, f"{len(self.tested):,} {'rows' if len(self.tested) > 1 else 'row'}"
        tests = f"{len(quality.p_values)} tests, corrected for their number: p {p_value_text(quality.adjusted_p_value)}"
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
            f"Group {self._label(group)} fits worst: mean count **{self.tested[:, group].mean():.3g}**, exact mean "
            f"**{self.means[group]:.3g}**, Kolmogorov-Smirnov distance {quality.ks[group]:.2g}, "
            f"p {p_value_text(quality.ks_p_values[group])}."
        )

    def _together(self) -> str:
        quality = self.quality
        if quality.g is None or quality.g_p_value is None:
            return "All groups together were not tested, because there are too many possible count vectors or too few rows."
        return (
            f"All groups together: G = {quality.g:.3g} on {quality.g_degrees} degrees of freedom, "
            f"p {p_value_text(quality.g_p_value)}."
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
                sentences.append(f"Group {label} was **never drawn**, although it could have been: its best weight is zero.")
            elif weight == math.inf:
                sentences.append(f"Group {label} **always gave as many balls as possible**: its best weight is infinite.")
            elif math.isnan(weight):
                sentences.append(
                    f"Group {label} had **only one possible count** in every row, so its weight cannot be estimated."
                )
        if self.fitted_law and sentences:
            sentences.append(
                "The weights are fitted to the tested rows, so p-values are slightly too large: a significant difference is "
                "valid, agreement is weaker evidence."
            )
        return sentences

    def _power(self) -> str:
        detectable = 2 * math.sqrt(math.log(2 * len(self.quality.p_values) / self.quality.level) / (2 * len(self.tested)))
        if detectable >= 1:
            return "With so few rows only very large differences can be detected."
        return (
            f"With {len(self.tested):,} rows a difference of up to about {detectable:.2g} in the distribution function of a "
            "group may go undetected. Counts from the distribution itself are rejected in at most "
            f"{100 * self.quality.level:g} % of cases."
        )


def counts_view(urn: Urn, rows: np.ndarray, seed: int, *, fitted_law: bool, names: Sequence[str] | None = None) -> CountsView:
    """Tests counts and fits their weights, or takes the results from the cache.

    Args:
        urn: urn of the tested distribution; only the fit uses rows with another number of elements drawn.
        rows: all counts, shape ``(N, K)``, within the group sizes.
        seed: seed of the simulated noise of the distances.
        fitted_law: whether to test the fitted weights instead of those of the urn, if they define a distribution.
        names: names of the groups.

    Returns:
        The view.
    """
    fitted_weights = fit(rows, urn.group_sizes)
    fitted_law = fitted_law and fitted_weights.usable
    tested_urn = Urn(urn.total_count, urn.group_sizes, fitted_weights.weights) if fitted_law else urn
    tested = rows[rows.sum(1) == tested_urn.total_count]
    return CountsView(
        tested_urn,
        fitted_law,
        rows,
        tested,
        measure(tested_urn, tested, seed),
        fitted_weights,
        marginals(tested_urn),
        tuple(names) if names else None,
    )


def nearest_weights(weights: tuple[float, ...]) -> list[float | None]:
    """Computes the values of the controls nearest to weights. Only ratios matter, so the weights are scaled to fit best.

    Args:
        weights: weight of each group.

    Returns:
        Value of the control of each group; ``None`` for weights that are infinite or NaN.

    Example:
        >>> nearest_weights((0.5, 1.0, 2.0, 0.0))
        [0.5, 1.0, 2.0, 0.0]
    """
    known = [weight for weight in weights if 0 < weight < math.inf]
    steps = np.array([step for step in WEIGHTS if step > 0])
    if not known:
        return [0.0 if weight == 0 else None for weight in weights]
    logs = np.log(known)
    # The first scale is one, so that it is chosen if no other is better.
    scales = np.concatenate([[0.0], np.linspace(-0.12, 0.12, 49)]) * math.log(10)
    distances = np.abs(logs[None, :, None] + scales[:, None, None] - np.log(steps)).min(-1)
    scale = scales[int(np.argmin(np.round((distances**2).sum(-1), 12)))]

    def nearest(weight: float) -> float | None:
        if weight == 0:
            return 0.0
        if not math.isfinite(weight):
            return None
        return float(steps[np.abs(np.log(steps) - math.log(weight) - scale).argmin()])

    return [nearest(weight) for weight in weights]


def p_value_text(p_value: float) -> str:
    """Writes a p-value for the middle of a sentence.

    Args:
        p_value: the p-value.

    Returns:
        An equality, or an inequality for very small values.

    Example:
        >>> p_value_text(0.0312), p_value_text(1e-30)
        ('= 0.031', '< 1e-12')
    """
    return f"< {LEAST_P:g}" if p_value < LEAST_P else f"= {p_value:.2g}"
