"""What the page on cluster sizes shows, put together from a live run: its figure, its words and its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hypergeo._records import csv_text
from hypergeo.clustering.scores import ClusterScores
from hypergeo.figures import Palette, group_colour
from hypergeo.figures.clusters.digits import image_sheet, mean_images
from hypergeo.figures.clusters.live import SYMBOLS, beside_figure, clusters_figure, points_panel, sizes_panel
from hypergeo.figures.core.panels import Panel
from hypergeo.figures.core.series import Line, lines_panel, nice_above
from hypergeo.figures.core.words import percent
from hypergeo.ui.component.handles import DragPoint
from hypergeo.ui.state.markdown import plain

from .data import ClusterData, resized
from .run import Snapshot
from .settings import STEPS, Settings, write_sizes

__all__ = ["NAMES", "ClusterView"]

NAMES = {"hypergeometric": "hypergeometric", "categorical": "mixture weights", "uniform": "equal sizes"}
_CLOSE, _FEW = 0.1, 3.0  # a size is right with an error below this fraction of the true size, or below so many points
_TIE = 0.01
_SHORT = 0.01  # nats per point below which an arrow is too short to be seen
_MATCHED = 0.5  # fraction of a cluster's points in its class above which their match is certain


@dataclass(frozen=True)
class ClusterView:
    """The arrays on show.

    Attributes:
        data: the points.
        ours: clusters with the hypergeometric prior.
        others: those of the other priors, by name; empty where they are not asked for.
        step: number of steps made.
        settings: of the hypergeometric prior now.
        pixels: clusters of the images in all their dimensions, where they are shown beside the plane's.
    """

    data: ClusterData
    ours: Snapshot
    others: dict[str, Snapshot]
    step: int
    settings: Settings
    pixels: Snapshot | None = None

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """The run as it is, or all priors side by side where their clusters are at hand."""
        drawn = self._figure(palette, narrow)
        if self.data.images is not None:
            drawn.layout.meta = {"sheet": image_sheet(self.data.images)}
        return drawn

    def _figure(self, palette: Palette, narrow: bool) -> go.Figure:
        if self.pixels is not None:
            return self._with_pixels(self.pixels, palette, narrow)
        if self.others:
            return self._beside(palette, narrow)
        lines = [self._weights_panel(palette), self._loss_panel(palette)]
        points = self._points_panel(self.ours, palette, "Points by cluster; circles at 1 and 2 σ")
        return clusters_figure(points, self._sizes_panel(self.ours, palette, pull=True), lines, palette, narrow=narrow)

    def _with_pixels(self, pixels: Snapshot, palette: Palette, narrow: bool) -> go.Figure:
        """The plane's clusters beside those of all dimensions, which are drawn in the plane as well."""
        assert self.data.images is not None
        labels = pixels.labels
        clusters = len(pixels.sizes)
        belongs = np.eye(clusters)[labels]
        middles = belongs.T @ self.data.points / np.maximum(belongs.sum(0), 1)[:, None]
        shown = replace(pixels, means=middles, width=0.0)
        titles = [f"<b>{words}</b>{_size_error(found)}" for words, found in self._pictures(pixels)]
        points = [self._points_panel(found, palette, title) for found, title in zip((self.ours, shown), titles, strict=True)]
        sizes = [self._sizes_panel(found, palette) for found in (self.ours, pixels)]
        return beside_figure(points, sizes, palette, narrow=narrow)

    def _pictures(self, pixels: Snapshot) -> list[tuple[str, Snapshot]]:
        assert self.data.images is not None
        return [("the plane", self.ours), (f"all {self.data.images[0].size} pixels", pixels)]

    def _beside(self, palette: Palette, narrow: bool) -> go.Figure:
        points, sizes = [], []
        for prior, found in self._all().items():
            points.append(self._points_panel(found, palette, f"<b>{NAMES[prior]}</b>{_size_error(found)}"))
            sizes.append(self._sizes_panel(found, palette))
        return beside_figure(points, sizes, palette, narrow=narrow)

    def _all(self) -> dict[str, Snapshot]:
        return {"hypergeometric": self.ours, **self.others}

    def _points_panel(self, found: Snapshot, palette: Palette, title: str) -> Panel:
        data = self.data
        names = [] if data.classes is None or not data.class_names else [data.class_names[k] for k in data.classes]
        return points_panel(
            data.points,
            found.labels,
            found.certainty,
            found.means,
            found.width,
            palette,
            title=title,
            axes=data.axes,
            names=names,
        )

    def _sizes_panel(self, found: Snapshot, palette: Palette, pull: bool = False) -> Panel:
        return sizes_panel(
            found.sizes,
            found.drawn,
            self._true(found),
            found.pull if pull else None,
            palette,
            title="Sizes: expected (bars), sampled (dots), true (outlines)" if pull else "Sizes",
            certain=self._certain(found),
            number=len(self.data.points),
            images=() if self.data.images is None else mean_images(self.data.images, found.labels, len(found.sizes)),
        )

    def _certain(self, found: Snapshot) -> np.ndarray | None:
        """Whether most points of each cluster are of the class that it is matched with, shape ``(K,)``."""
        if found.scores is None or self.data.classes is None:
            return None
        agree = self.data.classes == found.scores.matched[found.labels]
        clusters = len(found.sizes)
        points = np.bincount(found.labels, minlength=clusters)
        return np.bincount(found.labels[agree], minlength=clusters) > _MATCHED * np.maximum(points, 1)

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
            title="Log weights (centred)",
            xtitle="",
            xrange=(0, STEPS),
            yrange=(-reach, reach),
            height=70,
            labels=0.05,
        )

    def _loss_panel(self, palette: Palette) -> Panel:
        losses = self.ours.losses
        low, high = (float(losses.min()), float(losses.max())) if len(losses) else (0.0, 1.0)
        rim = 0.05 * max(high - low, 1e-3)
        # Before the first step there is a point that is not drawn: without one the panel would have no axes to be placed by.
        steps, losses = (1.0 + np.arange(len(losses)), losses) if len(losses) else (np.zeros(1), np.full(1, np.nan))
        return lines_panel(
            [Line(steps, losses, palette.relaxed, "loss")],
            palette,
            title="Loss per point (nats)",
            xtitle="step",
            xrange=(0, STEPS),
            yrange=(low - rim, high + rim),
            height=76,
            labels=0.05,
        )

    def handles(self) -> list[DragPoint]:
        """The outlines of the true sizes, which can be dragged where the page made the points."""
        true, sizes = self._true(self.ours), self.data.sizes
        if (
            self.others
            or self.pixels is not None
            or true is None
            or sizes is None
            or not self.data.sizes_chosen
            or len(sizes) < 2
        ):
            return []
        assert self.ours.scores is not None
        return [
            DragPoint(
                name=f"size{actual}",
                label=f"True size of cluster {cluster + 1}, {sizes[actual]} points: drag it, or set it with the arrow keys",
                axes=("x2", "y2"),
                at=(cluster + 1, float(sizes[actual])),
                right=(0.0, 1.0),
                up=(0.0, 5.0),
                values=partial(_dragged, sizes.tolist(), int(actual)),
            )
            for cluster, actual in enumerate(self.ours.scores.matched)
            if actual >= 0
        ]

    def alt(self) -> str:
        """Describes the figure in one sentence, for readers who cannot see it."""
        sizes = ", ".join(f"{size:.0f}" for size in self.ours.sizes)
        return (
            f"{len(self.data.points)} points in {len(self.ours.sizes)} clusters after {self.step} steps; expected sizes {sizes}"
        )

    def live(self) -> str:
        """Describes the step in a sentence or two."""
        if not self.step:
            return (
                "All sizes start equal, around the centres that k-means found. **Press Play**: sizes are sampled, points are "
                "assigned to fill them, and poorly fitting points change the weights through the gradient."
            )
        found, scores = self.ours, self.ours.scores
        largest, smallest = int(found.sizes.argmax()), int(found.sizes.argmin())
        sizes = (
            f"**Step {self.step}.** Cluster {largest + 1} is the largest ({found.sizes[largest]:.0f} points), cluster "
            f"{smallest + 1} the smallest ({found.sizes[smallest]:.0f})."
        )
        if scores is None:
            return sizes
        if self.pixels is not None:
            return f"**Step {self.step}.** {self._about_pixels(self.pixels)}"
        return self.verdict() if self.others else f"{sizes} {_to_move(scores)}"

    def _about_pixels(self, pixels: Snapshot) -> str:
        """Compares the plane's clusters with those of all dimensions."""
        parts = [
            f"{words}: size error **{percent(found.scores.size_error, 1)}**, adjusted Rand index "
            f"{found.scores.adjusted_rand_index:.2f}"
            for words, found in self._pictures(pixels)
            if found.scores is not None
        ]
        return f"The model of {'; that of '.join(parts)}."

    def _about_arrows(self) -> list[str]:
        """Says which arrows point away from the true sizes, and which outlines are faint."""
        found, true, certain = self.ours, self._true(self.ours), self._certain(self.ours)
        if true is None or certain is None or not self.step:
            return []
        away = (np.abs(found.pull) > _SHORT) & (found.pull * (true - found.sizes) < 0) & ~_close(found.sizes, true)
        sentences = []
        if away.any():
            sentences.append(
                f"The arrow of {_names(away)} points **away from the true size**. It shows the gradient of this step for the "
                "present centres; while these still move, it can be wrong."
            )
        if not certain.all():
            sentences.append(
                f"The outline of {_names(~certain)} is faint: less than half of its points are of the class that it is matched "
                "with, so the outline may still change places with another one."
            )
        return sentences

    def verdict(self) -> str:
        """Compares the errors of all priors."""
        shown = {prior: found.scores for prior, found in self._all().items() if found.scores is not None}
        if not shown:
            return "Without true classes the priors cannot be ranked; compare the sizes."
        errors = {prior: scores.size_error for prior, scores in shown.items()}
        numbers = "; ".join(
            f"{NAMES[prior]} {percent(errors[prior], 1)}, adjusted Rand index {scores.adjusted_rand_index:.2f}"
            for prior, scores in shown.items()
        )
        least = min(errors.values())
        ahead = [NAMES[prior] for prior, error in errors.items() if error <= least + _TIE]
        return f"**Step {self.step}. Smallest size error: {' and '.join(ahead)}** ({numbers})."

    def sentences(self) -> list[str]:
        """Returns what to notice, with the numbers on show."""
        about_sizes = f"{self._about_sizes()}{self._about_classes()}"
        return [about_sizes, *self._about_arrows(), self._about_samples(), self._about_capacity()]

    def _class_names(self) -> list[str] | None:
        """Name of the class that each cluster is matched with, where classes have names."""
        if self.ours.scores is None or not self.data.class_names:
            return None
        return [self.data.class_names[match] if match >= 0 else "none" for match in self.ours.scores.matched]

    def _about_classes(self) -> str:
        names = self._class_names()
        if names is None:
            return ""
        return f" By most points in common: {', '.join(f'{k} is {plain(name)}' for k, name in enumerate(names, 1))}."

    def _about_sizes(self) -> str:
        found = self.ours
        if found.scores is None:
            return f"The expected sizes are {_listed(found.sizes)}; the true sizes are unknown."
        true = self._true(found)
        assert true is not None
        right = _close(found.sizes, true)
        sizes = f"Expected sizes {_listed(found.sizes)}, true sizes {_listed(true)}"
        if right.all():
            return f"**All {len(right)} sizes are right**, to within 10 % or {_FEW:.0f} points: {sizes}."
        worst = int(np.nanargmax(np.where(right, -1.0, np.abs(found.sizes - true) / true)))
        return (
            f"**{right.sum()} of {len(right)} sizes are right**, to within 10 % or {_FEW:.0f} points: {sizes}. The largest "
            "error "
            f"is that of cluster {worst + 1}. {_to_move(found.scores)}"
        )

    def _about_samples(self) -> str:
        last = self.ours.drawn[-20:]
        if len(last) < 2:
            return "Dots: sizes sampled in recent steps. Each step learns from one sample."
        spread, tau = float(last.std(0).max()), self.settings.tau
        return (
            f"Sizes sampled in the last {len(last)} steps have a standard deviation of up to **{spread:.1f} points** at "
            f"τ = {tau:g}. Each step learns from one sample."
        )

    def _about_capacity(self) -> str:
        number, clusters = len(self.data.points), len(self.ours.sizes)
        if self.settings.room >= 100:
            return (
                f"Every cluster could hold all {number} points. Without a size limit this behaves like learned mixture "
                "weights. It helps only when **maximum sizes** are known."
            )
        places = max(int(np.ceil(self.settings.room / 100 * number)), -(-number // clusters))
        full = [str(k + 1) for k, size in enumerate(self.ours.sizes) if size > 0.98 * places]
        limit = f"A cluster holds at most **{places} points**, which mixture weights cannot use"
        return f"{limit}; full: {', '.join(full)}." if full else f"{limit}; none is full."

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the picture, one row for each cluster."""
        found, true, names = self.ours, self._true(self.ours), self._class_names()
        return {
            "cluster": list(range(1, len(found.sizes) + 1)),
            **({} if names is None else {"class": names}),
            "expected size": found.sizes.tolist(),
            "points assigned": np.bincount(found.labels, minlength=len(found.sizes)).tolist(),
            "true size": [None] * len(found.sizes) if true is None else true.tolist(),
            "log weight": found.log_weights[-1].tolist(),
            "pull on the size, nats per point": found.pull.tolist(),
            "centre x": found.means[:, 0].tolist(),
            "centre y": found.means[:, 1].tolist(),
        }

    def export(self) -> bytes:
        """The points with their clusters, as comma-separated values."""
        names = self.data.class_names
        numbers = [None] * len(self.data.points) if self.data.classes is None else self.data.classes.tolist()
        classes = ["" if k is None else names[k] if names else k for k in numbers]
        rows = zip(self.data.points.tolist(), self.ours.labels.tolist(), self.ours.certainty.tolist(), classes, strict=True)
        head = ["x", "y", "cluster", "certainty", "true_class"]
        return csv_text([head, *((x, y, label + 1, f"{share:.6f}", true) for (x, y), label, share, true in rows)]).encode()


def _dragged(sizes: list[int], actual: int, _: float, size: float) -> dict[str, str]:
    return {"sizes": write_sizes(resized(sizes, actual, size))}


def _close(sizes: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Whether each size is right, shape ``(K,)``; none is where there is no true one."""
    return np.abs(sizes - true) <= np.maximum(_CLOSE * true, _FEW)


def _names(chosen: np.ndarray) -> str:
    return "cluster " + ", ".join(str(cluster + 1) for cluster in np.flatnonzero(chosen))


def _to_move(scores: ClusterScores) -> str:
    return f"**{percent(scores.size_error, 1)}** of points would need to change cluster to match the true sizes."


def _size_error(found: Snapshot) -> str:
    return "" if found.scores is None else f": size error {percent(found.scores.size_error, 1)}"


def _listed(sizes: Any) -> str:
    return "(" + ", ".join("–" if np.isnan(size) else f"{size:.0f}" for size in sizes) + ")"
