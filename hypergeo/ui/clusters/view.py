"""What the page on cluster sizes shows, put together from a live run: its figure, its words and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hypergeo._records import csv_text
from hypergeo.figures import Palette, group_colour
from hypergeo.figures.clusters.live import SYMBOLS, beside_figure, clusters_figure, points_panel, sizes_panel
from hypergeo.figures.core.panels import Panel
from hypergeo.figures.core.series import Line, lines_panel, nice_above

from .data import ClusterData
from .run import Snapshot
from .settings import STEPS, Settings

__all__ = ["NAMES", "ClusterView"]

NAMES = {"hypergeometric": "ours", "categorical": "learned shares", "uniform": "equal sizes"}
_SETTLED = 0.05  # error in the sizes below which they are called found
_TIE = 0.01


@dataclass(frozen=True)
class ClusterView:
    """The arrays on show.

    Attributes:
        data: the points.
        ours: clusters with the hypergeometric prior.
        others: those of the other priors, by name; empty where they are not asked for.
        step: number of steps made.
        settings: of the hypergeometric prior now.
    """

    data: ClusterData
    ours: Snapshot
    others: dict[str, Snapshot]
    step: int
    settings: Settings

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """The run as it is, or all priors side by side where their clusters are at hand."""
        if self.others:
            return self._beside(palette, narrow)
        lines = [self._weights_panel(palette), self._loss_panel(palette)]
        points = self._points_panel(self.ours, palette, "Points by cluster; circles at 1 and 2 σ")
        return clusters_figure(points, self._sizes_panel(self.ours, palette, pull=True), lines, palette, narrow=narrow)

    def _beside(self, palette: Palette, narrow: bool) -> go.Figure:
        points, sizes = [], []
        for prior, found in self._all().items():
            error = "" if found.scores is None else f": {found.scores.size_error:.1%} wrong in size"
            points.append(self._points_panel(found, palette, f"<b>{NAMES[prior]}</b>{error}"))
            sizes.append(self._sizes_panel(found, palette))
        return beside_figure(points, sizes, palette, narrow=narrow)

    def _all(self) -> dict[str, Snapshot]:
        return {"hypergeometric": self.ours, **self.others}

    def _points_panel(self, found: Snapshot, palette: Palette, title: str) -> Panel:
        return points_panel(self.data.points, found.labels, found.certainty, found.means, found.width, palette, title=title)

    def _sizes_panel(self, found: Snapshot, palette: Palette, pull: bool = False) -> Panel:
        return sizes_panel(
            found.sizes,
            found.drawn,
            self._true(found),
            found.pull if pull else None,
            palette,
            title="Sizes: expected (bars), drawn (dots), true (outlines)" if pull else "Sizes",
            number=len(self.data.points),
        )

    def _true(self, found: Snapshot) -> np.ndarray | None:
        """True sizes in the order of the clusters."""
        if found.scores is None or self.data.sizes is None:
            return None
        matched = found.scores.matched
        return np.where(matched >= 0, self.data.sizes[np.maximum(matched, 0)], np.nan)

    def _weights_panel(self, palette: Palette) -> Panel:
        logs = self.ours.log_weights
        steps = np.arange(len(logs))
        reach = nice_above(float(np.abs(logs).max()))
        lines = [
            Line(steps, logs[:, k], group_colour(k), f"log weight {k + 1}", end=str(k + 1), symbol=SYMBOLS[k])
            for k in range(logs.shape[1])
        ]
        return lines_panel(
            lines,
            palette,
            title="Log weights, less their mean",
            xtitle="",
            xrange=(0, STEPS),
            yrange=(-reach, reach),
            height=76,
            labels=0.05,
        )

    def _loss_panel(self, palette: Palette) -> Panel:
        losses = self.ours.losses
        low, high = (float(losses.min()), float(losses.max())) if len(losses) else (0.0, 1.0)
        rim = 0.05 * max(high - low, 1e-3)
        return lines_panel(
            [Line(1.0 + np.arange(len(losses)), losses, palette.relaxed, "loss")] if len(losses) else [],
            palette,
            title="Loss of each draw, in nats a point",
            xtitle="step",
            xrange=(0, STEPS),
            yrange=(low - rim, high + rim),
            height=76,
            labels=0.05,
        )

    def alt(self) -> str:
        """The figure in one sentence, for those who cannot see it."""
        sizes = ", ".join(f"{size:.0f}" for size in self.ours.sizes)
        return (
            f"{len(self.data.points)} points in {len(self.ours.sizes)} clusters after {self.step} steps; expected sizes {sizes}"
        )

    def live(self) -> str:
        """What is happening, in a sentence or two that each step changes."""
        if not self.step:
            return (
                "All sizes start equal, around the centres that k-means found. **Press *Play***: sizes are drawn, points "
                "assigned to fill them, and what does not fit pulls at the weights."
            )
        found, scores = self.ours, self.ours.scores
        largest, smallest = int(found.sizes.argmax()), int(found.sizes.argmin())
        said = (
            f"**Step {self.step}.** Cluster {largest + 1} holds {found.sizes[largest]:.0f} points, cluster {smallest + 1} "
            f"{found.sizes[smallest]:.0f}"
        )
        if scores is None:
            return said + "."
        if self.step == STEPS:
            return self.verdict() if self.others else f"{said}; **{scores.size_error:.1%} of the points** are in a wrong size."
        return f"{said}; {scores.size_error:.1%} of all points would have to move for the sizes to be right."

    def verdict(self) -> str:
        """Who is ahead, in numbers."""
        shown = {prior: found.scores for prior, found in self._all().items() if found.scores is not None}
        if not shown:
            return "Without true classes nobody can be said to have won; compare the sizes."
        errors = {prior: scores.size_error for prior, scores in shown.items()}
        numbers = "; ".join(
            f"{NAMES[prior]}: {errors[prior]:.1%} wrong in size, adjusted Rand index {scores.adjusted_rand_index:.2f}"
            for prior, scores in shown.items()
        )
        best = min(errors.values())
        ahead = [NAMES[prior] for prior, error in errors.items() if error <= best + _TIE]
        when = "At the end" if self.step == STEPS else f"At step {self.step}"
        won = f"{ahead[0]} is ahead" if len(ahead) == 1 else f"{' and '.join(ahead)} are as good as each other"
        return f"**{when}, {won}** ({numbers})."

    def sentences(self) -> list[str]:
        """What to notice, with the numbers on show."""
        return [self._about_sizes(), self._about_draws(), self._about_law()]

    def _about_sizes(self) -> str:
        found = self.ours
        if found.scores is None:
            return f"The expected sizes are {_listed(found.sizes)}; nobody knows the true ones."
        if found.scores.size_error < _SETTLED:
            return f"The sizes are **found**: {_listed(found.sizes)} against {_listed(self._true(found))} in truth."
        return (
            f"The sizes are {_listed(found.sizes)} against {_listed(self._true(found))} in truth: "
            f"**{found.scores.size_error:.1%}** of all points too many or too few."
        )

    def _about_draws(self) -> str:
        last = self.ours.drawn[-20:]
        if len(last) < 2:
            return "Dots in the bars will be the sizes that single steps drew; each step learns from one draw."
        spread, tau = float(last.std(0).max()), self.settings.tau
        return f"The last draws spread by up to **{spread:.1f} points** at τ = {tau:g}: each step learns from one of them."

    def _about_law(self) -> str:
        number, clusters = len(self.data.points), len(self.ours.sizes)
        if self.settings.room >= 100:
            return (
                f"Every cluster could hold all {number} points. With so much room the law is close to learned shares, "
                "which do as well: what helps beyond them is to know the **room** that clusters have."
            )
        places = max(int(np.ceil(self.settings.room / 100 * number)), -(-number // clusters))
        full = [str(k + 1) for k, size in enumerate(self.ours.sizes) if size > 0.98 * places]
        said = f"A cluster holds at most **{places} points** here, which learned shares cannot know"
        return f"{said}; full: {', '.join(full)}." if full else f"{said}; none is full."

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the picture, one row for each cluster."""
        found, true = self.ours, self._true(self.ours)
        return {
            "cluster": list(range(1, len(found.sizes) + 1)),
            "expected size": found.sizes.tolist(),
            "points nearest by assignment": np.bincount(found.labels, minlength=len(found.sizes)).tolist(),
            "true size": [None] * len(found.sizes) if true is None else true.tolist(),
            "log weight": found.log_weights[-1].tolist(),
            "pull on the size, nats a point": found.pull.tolist(),
            "centre x": found.means[:, 0].tolist(),
            "centre y": found.means[:, 1].tolist(),
        }

    def export(self) -> bytes:
        """The points with their clusters, as comma-separated values."""
        classes = [""] * len(self.data.points) if self.data.classes is None else self.data.classes.tolist()
        rows = zip(self.data.points.tolist(), self.ours.labels.tolist(), self.ours.certainty.tolist(), classes, strict=True)
        head = ["x", "y", "cluster", "certainty", "true_class"]
        return csv_text([head, *((x, y, label + 1, f"{share:.6f}", true) for (x, y), label, share, true in rows)]).encode()


def _listed(sizes: Any) -> str:
    return "(" + ", ".join("–" if np.isnan(size) else f"{size:.0f}" for size in sizes) + ")"
