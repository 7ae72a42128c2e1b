"""View of the page on cluster sizes: figure, sentences and numbers of a live run at one step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from hypergeo._records import csv_text
from hypergeo.figures import Palette, group_colour
from hypergeo.figures.clusters.digits import image_sheet, mean_images
from hypergeo.figures.clusters.live import SYMBOLS, beside_figure, clusters_figure, points_panel, sizes_panel
from hypergeo.figures.core.panels import Panel
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import Line, lines_panel, nice_above, nice_range
from hypergeo.figures.core.words import percent
from hypergeo.ui.component.handles import DragPoint

from .data import ClusterData, resized
from .run import Snapshot
from .settings import STEPS, PriorSettings, write_sizes
from .text import (
    NAMES,
    about_arrows,
    about_capacity,
    about_classes,
    about_pixels,
    about_samples,
    about_sizes,
    about_step,
    compare_priors,
)

__all__ = ["ClusterView"]

_MATCHED = 0.5  # fraction of a cluster's points in its class above which their match is certain


@dataclass(frozen=True)
class ClusterView:
    """Clusters on show, with the figure, the sentences and the numbers about them.

    Attributes:
        data: points that are clustered.
        ours: clusters with the hypergeometric prior.
        others: clusters with each of the other priors, by name; empty if only the hypergeometric prior is shown.
        step: number of steps.
        settings: current settings of the hypergeometric prior.
        pixels: clusters of the images in all their dimensions, to be shown beside ``ours``; ``None`` if not requested.
    """

    data: ClusterData
    ours: Snapshot
    others: dict[str, Snapshot]
    step: int
    settings: PriorSettings
    pixels: Snapshot | None = None

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the points and sizes of the hypergeometric prior, or of all models side by side.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        drawn = self._figure(palette, narrow)
        if self.data.images is not None:
            drawn.add_meta(sheet=image_sheet(self.data.images))
        return drawn

    def _figure(self, palette: Palette, narrow: bool) -> PlainFigure:
        if self.pixels is not None:
            return self._with_pixels(self.pixels, palette, narrow)
        if self.others:
            return self._beside(palette, narrow)
        lines = [self._weights_panel(palette), self._loss_panel(palette)]
        points = self._points_panel(self.ours, palette, "Points by cluster; circles at 1 and 2 σ")
        return clusters_figure(points, self._sizes_panel(self.ours, palette, pull=True), lines, palette, narrow=narrow)

    def _with_pixels(self, pixels: Snapshot, palette: Palette, narrow: bool) -> PlainFigure:
        """Returns a figure of the clusters of two components beside those of all pixels, both in the plane of components."""
        assert self.data.images is not None
        labels = pixels.labels
        clusters = len(pixels.sizes)
        memberships = np.eye(clusters)[labels]
        centres = memberships.T @ self.data.points / np.maximum(memberships.sum(0), 1)[:, None]
        shown = replace(pixels, means=centres, width=0.0)
        titles = [f"<b>{name}</b>{_size_error(snapshot)}" for name, snapshot in self._models(pixels)]
        points = [
            self._points_panel(snapshot, palette, title) for snapshot, title in zip((self.ours, shown), titles, strict=True)
        ]
        sizes = [self._sizes_panel(snapshot, palette) for snapshot in (self.ours, pixels)]
        return beside_figure(points, sizes, palette, narrow=narrow)

    def _models(self, pixels: Snapshot) -> list[tuple[str, Snapshot]]:
        assert self.data.images is not None
        return [("two components", self.ours), (f"all {self.data.images[0].size} pixels", pixels)]

    def _beside(self, palette: Palette, narrow: bool) -> PlainFigure:
        points, sizes = [], []
        for prior, snapshot in self._all().items():
            points.append(self._points_panel(snapshot, palette, f"<b>{NAMES[prior]}</b>{_size_error(snapshot)}"))
            sizes.append(self._sizes_panel(snapshot, palette))
        return beside_figure(points, sizes, palette, narrow=narrow)

    def _all(self) -> dict[str, Snapshot]:
        return {"hypergeometric": self.ours, **self.others}

    def _points_panel(self, snapshot: Snapshot, palette: Palette, title: str) -> Panel:
        data = self.data
        names = [] if data.classes is None or not data.class_names else [data.class_names[k] for k in data.classes]
        return points_panel(
            data.points,
            snapshot.labels,
            snapshot.certainty,
            snapshot.means,
            snapshot.width,
            palette,
            title=title,
            axes=data.axes,
            names=names,
        )

    def _sizes_panel(self, snapshot: Snapshot, palette: Palette, pull: bool = False) -> Panel:
        return sizes_panel(
            snapshot.sizes,
            snapshot.drawn,
            self._true(snapshot),
            snapshot.pull if pull else None,
            palette,
            title="Sizes: expected (bars), sampled (dots), true (outlines)" if pull else "Sizes",
            certain=self._certain(snapshot),
            number=len(self.data.points),
            images=() if self.data.images is None else mean_images(self.data.images, snapshot.labels, len(snapshot.sizes)),
        )

    def _certain(self, snapshot: Snapshot) -> np.ndarray | None:
        """Returns whether most points of each cluster belong to the class matched with it, shape ``(K,)``."""
        if snapshot.scores is None or self.data.classes is None:
            return None
        agree = self.data.classes == snapshot.scores.matched[snapshot.labels]
        clusters = len(snapshot.sizes)
        points = np.bincount(snapshot.labels, minlength=clusters)
        return np.bincount(snapshot.labels[agree], minlength=clusters) > _MATCHED * np.maximum(points, 1)

    def _true(self, snapshot: Snapshot) -> np.ndarray | None:
        """Returns the size of the class matched with each cluster, NaN where there is none, shape ``(K,)``."""
        if snapshot.scores is None or self.data.sizes is None:
            return None
        matched = snapshot.scores.matched
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
        # Without any point the panel would have no axes, so there is an invisible one before the first step.
        steps, losses = (1.0 + np.arange(len(losses)), losses) if len(losses) else (np.zeros(1), np.full(1, np.nan))
        return lines_panel(
            [Line(steps, losses, palette.relaxed, "loss")],
            palette,
            title="Loss per point (nats)",
            xtitle="step",
            xrange=(0, STEPS),
            yrange=nice_range(low, max(high, low + 1e-3)),
            height=76,
            labels=0.05,
        )

    def handles(self) -> list[DragPoint]:
        """Returns handles on the outlines of the true sizes, if the page made the points.

        Returns:
            One handle for each matched cluster; none beside other models or for the reader's own points.
        """
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
        """Describes the figure in one sentence.

        Returns:
            Alternative text of the figure.
        """
        sizes = ", ".join(f"{size:.0f}" for size in self.ours.sizes)
        return (
            f"{len(self.data.points)} points in {len(self.ours.sizes)} clusters after {self.step} steps; expected sizes {sizes}"
        )

    def live(self) -> str:
        """Describes the current step.

        Returns:
            A few sentences, as Markdown.
        """
        if self.step and self.ours.scores is not None:
            if self.pixels is not None:
                models = [(name, each.scores) for name, each in self._models(self.pixels) if each.scores is not None]
                return about_pixels(self.step, models)
            if self.others:
                return self.verdict()
        return about_step(self.step, self.ours)

    def verdict(self) -> str:
        """Compares the size errors of all priors.

        Returns:
            One sentence, as Markdown.
        """
        scores = {prior: snapshot.scores for prior, snapshot in self._all().items() if snapshot.scores is not None}
        return compare_priors(self.step, scores)

    def sentences(self) -> list[str]:
        """Describes what to notice in the figure, with its numbers.

        Returns:
            The sentences, as Markdown.
        """
        ours, true, certain, names = self.ours, self._true(self.ours), self._certain(self.ours), self._class_names()
        sizes = about_sizes(ours, true)
        return [
            sizes if names is None else f"{sizes} {about_classes(names)}",
            *(about_arrows(ours, true, certain) if self.step and true is not None and certain is not None else []),
            about_samples(ours.drawn, self.settings.tau),
            about_capacity(ours.sizes, len(self.data.points), self.settings.room),
        ]

    def _class_names(self) -> list[str] | None:
        """Returns the name of the class matched with each cluster; ``None`` if classes have no names."""
        if self.ours.scores is None or not self.data.class_names:
            return None
        return [self.data.class_names[match] if match >= 0 else "none" for match in self.ours.scores.matched]

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figure, one row for each cluster.

        Returns:
            The columns, by name.
        """
        snapshot, true, names = self.ours, self._true(self.ours), self._class_names()
        return {
            "cluster": list(range(1, len(snapshot.sizes) + 1)),
            **({} if names is None else {"class": names}),
            "expected size": snapshot.sizes.tolist(),
            "points assigned": np.bincount(snapshot.labels, minlength=len(snapshot.sizes)).tolist(),
            "true size": [None] * len(snapshot.sizes) if true is None else true.tolist(),
            "log weight": snapshot.log_weights[-1].tolist(),
            "negative gradient in the size, nats per point": snapshot.pull.tolist(),
            "centre x": snapshot.means[:, 0].tolist(),
            "centre y": snapshot.means[:, 1].tolist(),
        }

    def export(self) -> bytes:
        """Writes the points with their clusters as comma-separated values.

        Returns:
            Bytes of the file.
        """
        names = self.data.class_names
        numbers = [None] * len(self.data.points) if self.data.classes is None else self.data.classes.tolist()
        classes = ["" if k is None else names[k] if names else k for k in numbers]
        rows = zip(self.data.points.tolist(), self.ours.labels.tolist(), self.ours.certainty.tolist(), classes, strict=True)
        head = ["x", "y", "cluster", "certainty", "true_class"]
        return csv_text([head, *((x, y, label + 1, f"{share:.6f}", true) for (x, y), label, share, true in rows)]).encode()


def _dragged(sizes: list[int], actual: int, _: float, size: float) -> dict[str, str]:
    return {"sizes": write_sizes(resized(sizes, actual, size))}


def _size_error(snapshot: Snapshot) -> str:
    return "" if snapshot.scores is None else f": size error {percent(snapshot.scores.size_error, 1)}"
