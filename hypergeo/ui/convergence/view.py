"""View of the convergence page: settings, figure, sentences and numbers for the values of the controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypergeo.figures import (
    Palette,
    Panel,
    convergence_figure,
    distance_panel,
    group_colour,
    marginals_panel,
    pair_panel,
    simplex_panel,
    single_figure,
)
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.words import percent

from .arrays import TEMPERATURES, ExactLaw, Floor, Samples, Urn, Variation, draw, exact_law, exact_noise, variation

__all__ = ["ConvergenceSettings", "SimplexView", "View", "convergence_view"]

ROUNDING = 1e-9  # counts
LEVEL = 0.05  # of the test against the exact distribution
LABELS = [f"{temperature:g}" for temperature in TEMPERATURES]


@dataclass(frozen=True)
class ConvergenceSettings:
    """Settings that the values of the controls stand for.

    Attributes:
        urn: parameters of the urn.
        temperature: index of the current temperature in ``TEMPERATURES``.
        number: number of samples.
        seed: seed of the noise.
        follow: index of the highlighted sample.
        straight_through: whether samples are integers.
        conditionals: conditional distributions, ``"exact"`` or ``"merged"``.
    """

    urn: Urn
    temperature: int
    number: int
    seed: int
    follow: int
    straight_through: bool
    conditionals: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> ConvergenceSettings:
        """Reads the settings from the values of the controls.

        Args:
            values: value of each control, by name.

        Returns:
            The settings.
        """
        groups = range(1, values["groups"] + 1)
        urn = Urn(values["n"], tuple(values[f"m{group}"] for group in groups), tuple(values[f"w{group}"] for group in groups))
        return cls(
            urn=urn,
            temperature=TEMPERATURES.index(values["tau"]),
            number=values["number"],
            seed=values["seed"],
            follow=values["follow"],
            straight_through=values["kind"] == "straight-through",
            conditionals=values["conditionals"],
        )

    @property
    def drawn(self) -> tuple[Urn, int, int, str]:
        """Everything that the samples depend on, except the temperature."""
        return self.urn, self.number, self.seed, self.conditionals

    @property
    def tau(self) -> float:
        """Current temperature."""
        return TEMPERATURES[self.temperature]


@dataclass(frozen=True)
class View:
    """Samples and exact distribution of one setting of the controls, with the figure, the sentences and the numbers.

    Attributes:
        settings: settings of the page.
        law: exact distribution.
        samples: samples at each of ``temperatures``.
        floor: distance of equally many exact samples.
        temperatures: temperatures of the samples, in ascending order.
    """

    settings: ConvergenceSettings
    law: ExactLaw
    samples: Samples
    floor: Floor
    temperatures: tuple[float, ...] = TEMPERATURES

    @property
    def at(self) -> int:
        """Index of the current temperature in ``temperatures``."""
        return self.temperatures.index(self.settings.tau)

    @property
    def distances(self) -> np.ndarray:
        """Wasserstein distance from the exact distribution at each temperature, in counts, shape ``(T,)``."""
        return self.samples.forward(self.settings.straight_through)[1]

    @property
    def distance(self) -> float:
        """Wasserstein distance at the current temperature, in counts; zero if it is only rounding error."""
        distance = float(self.distances[self.at])
        return distance if distance > ROUNDING else 0.0

    @property
    def shown(self) -> np.ndarray:
        """Samples at the current temperature, shape ``(S, K)``."""
        return self.samples.forward(self.settings.straight_through)[0][self.at]

    @property
    def sum_error(self) -> float:
        """Greatest error of the sum of any sample at any temperature, in counts."""
        return float(np.abs(self.samples.soft.sum(-1) - self.settings.urn.total_count).max())

    @property
    def variation(self) -> Variation:
        """Total variation distances of integer samples; computed on request, because the figure does not need them."""
        return variation(self.settings.urn, self.settings.number, self.settings.seed)

    @property
    def within_noise(self) -> bool:
        """Whether the distance is at most the 95 % quantile of that of equally many exact samples."""
        return self.distance <= self.floor.quantile

    @property
    def merged_is_exact(self) -> bool:
        """Whether merged conditionals are exact, because all groups after the first have the same weight."""
        urn = self.settings.urn
        later = zip(urn.weights[1:], urn.group_sizes[1:], strict=True)
        return len({weight for weight, size in later if size > 0}) <= 1

    def figure(self, palette: Palette, *, narrow: bool = False, frames: bool = False) -> PlainFigure:
        """Draws the figure of the page.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.
            frames: whether the figure plays all temperatures by itself, instead of showing the current one.

        Returns:
            The figure.
        """
        forward, distances = self.samples.forward(self.settings.straight_through)
        titles = [self._group_title(group) for group in range(len(self.settings.urn.group_sizes))]
        at = None if frames else self.at
        distance = distance_panel(
            np.array(self.temperatures),
            distances,
            self.floor.mean,
            self.floor.quantile,
            palette,
            title="Wasserstein distance (counts)",
            number=self.settings.number,
            at=at,
        )
        return convergence_figure(
            self.main_panel(palette, 300.0 if narrow else 490.0, at),
            marginals_panel(self.law.marginals, forward, palette, titles=titles, at=at),
            distance,
            palette,
            labels=LABELS if frames else (),
            start=self.at,
            narrow=narrow,
        )

    def alt(self) -> str:
        """Describes the figure in one sentence.

        Returns:
            Alternative text of the figure.
        """
        groups = len(self.settings.urn.group_sizes)
        kind = "straight-through" if self.settings.straight_through else "relaxed"
        verdict = "within sampling error"
        if not self.within_noise:
            verdict = f"{self.distance / self.floor.mean:.2g} times that of equally many exact samples"
        return (
            f"{self.settings.number} {kind} samples of {groups} groups over the exact probabilities, temperature "
            f"{self.settings.tau:g}: Wasserstein distance {self.distance:.2g} counts, {verdict}"
        )

    def live(self) -> str:
        """Describes the distance of the samples at the current temperature.

        Returns:
            One or two sentences, as Markdown.
        """
        preview = "" if self.temperatures == TEMPERATURES else " (Preview while a control moves: every third temperature.)"
        return self._about_distance() + preview

    def sentences(self) -> list[str]:
        """Describes what to notice in the figure, with its numbers.

        Returns:
            The sentences, as Markdown.
        """
        return [self._about_followed(), self._about_moments(), self._about_conditionals()]

    def export(self) -> tuple[np.ndarray, str]:
        """Returns the samples for a download.

        Returns:
            Samples at every temperature, shape ``(T, S, K)``, and their type.
        """
        kind = "straight-through" if self.settings.straight_through else "soft"
        return self.samples.forward(self.settings.straight_through)[0], kind

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figure, one row for each group.

        Returns:
            The columns, by name.
        """
        urn = self.settings.urn
        return {
            "group": list(range(1, len(urn.group_sizes) + 1)),
            "weight": list(urn.weights),
            "size": list(urn.group_sizes),
            "exact mean": self.law.mean.tolist(),
            "mean of samples": self.shown.mean(0).tolist(),
            "exact standard deviation": self.law.deviation.tolist(),
            "standard deviation of samples": self.shown.std(0).tolist(),
        }

    def main_panel(self, palette: Palette, side: float, at: int | None) -> Panel:
        """Draws the counts of three groups on a triangle, and those of other numbers of groups as pairs.

        Args:
            palette: colours of the figure.
            side: side of the panel in pixels.
            at: index of the temperature; ``None`` for all as frames.

        Returns:
            The panel.
        """
        forward, _ = self.samples.forward(self.settings.straight_through)
        lattice = simplex_panel if len(self.settings.urn.group_sizes) == 3 else pair_panel
        return lattice(
            self.law.cells,
            self.law.probabilities,
            forward,
            self.samples.soft if self.settings.straight_through else forward,
            palette,
            follow=self.settings.follow,
            side=side,
            at=at,
        )

    def _about_distance(self) -> str:
        settings, floor = self.settings, self.floor
        if floor.quantile < ROUNDING:
            return f"At τ = {settings.tau:g}: **only one outcome is possible**, and every sample equals it."
        noise = f"mean {floor.mean:.2g}, 95 % below {floor.quantile:.2g}"
        start = (
            f"At τ = {settings.tau:g} the {settings.number:,} samples have Wasserstein distance **{self.distance:.2g} counts**"
        )
        if self.within_noise:
            return f"{start} from the exact distribution: **within sampling error** (exact samples: {noise})."
        times = f"{start}, **{self.distance / floor.mean:.2g} times** that of {settings.number:,} exact samples ({noise})"
        if settings.conditionals == "merged" and not self.merged_is_exact and self.distances[0] > floor.quantile:
            coldest = f"{self.distances[0]:.2g} at τ = {TEMPERATURES[0]:g}"
            return f"{times}. With merged conditionals it is still {coldest}: the samples have a different distribution."
        return f"{times}."

    def _about_moments(self) -> str:
        group = int(self.law.deviation.argmax())
        exact, shown = float(self.law.deviation[group]), self.shown[:, group]
        if exact < ROUNDING:
            return "**Only one outcome is possible** here, and every sample equals it at every temperature."
        numbers = (
            f"Group {group + 1}: exact {self.law.mean[group]:.3g} ± {exact:.2g} balls, samples {shown.mean():.3g} ± "
            f"{shown.std():.2g}"
        )
        if shown.std() < 0.9 * exact:
            lost = percent(1 - shown.std() / exact)
            return f"{numbers}. **The standard deviation is {lost} too small**, because a soft sample averages over counts."
        bias = abs(shown.mean() - self.law.mean[group])
        if bias > 5 * exact / len(shown) ** 0.5:
            return f"{numbers}. The standard deviation is right, but **the mean has a bias of {bias:.2g}**."
        return f"{numbers}. The mean and the standard deviation are **right**."

    def _about_conditionals(self) -> str:
        exact, merged, joint, p_value = self.variation
        distance = "total variation distance" if joint else "largest total variation distance of a group"
        numbers = (
            f"Integer samples: the {distance} is **{exact:.2g}** with exact conditionals (sampling error only) and "
            f"**{merged:.2g}** with the published approximation"
        )
        if self.merged_is_exact:
            return f"{numbers}. Here all groups after the first have the same weight, so both are exact."
        if p_value >= LEVEL:
            return f"{numbers}. The latter is not significant in {self.settings.number:,} samples."
        return f"{numbers}. The latter is significant (p {'< 0.001' if p_value < 1e-3 else f'= {p_value:.2g}'})."

    def _about_followed(self) -> str:
        """Returns a sentence on the path of the highlighted sample."""
        settings = self.settings
        path = self.samples.soft[:, settings.follow]
        now = ", ".join(f"{count:.2f}" for count in path[self.at])
        end = ", ".join(f"{count:.0f}" for count in self.samples.hard[settings.follow])
        error = f"with a rounding error below {self.sum_error:.0e}" if self.sum_error else "exactly"
        return (
            f"Sample {settings.follow} is at ({now}) and reaches **({end})** as τ falls, with the same noise at every "
            f"temperature. At every temperature all samples sum to {settings.urn.total_count}, {error}."
        )

    def _group_title(self, group: int) -> str:
        size, weight = self.settings.urn.group_sizes[group], self.settings.urn.weights[group]
        return f'<span style="color:{group_colour(group)}">■</span> Group {group + 1} (m = {size}, w = {weight:g})'


@dataclass(frozen=True)
class SimplexView:
    """The main panel of the page as a figure of its own.

    Attributes:
        view: view of the whole page.
    """

    view: View

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the exact distribution and the samples.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        panel = self.view.main_panel(palette, 300.0 if narrow else 560.0, self.view.at)
        return single_figure(panel, palette, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure in one sentence.

        Returns:
            Alternative text of the figure.
        """
        return self.view.alt()

    def live(self) -> str:
        """Describes the distance of the samples at the current temperature.

        Returns:
            One or two sentences, as Markdown.
        """
        return self.view.live()


def convergence_view(settings: ConvergenceSettings, *, moving: bool = False) -> View:
    """Computes the view of the page, or takes its parts from the cache.

    Args:
        settings: settings of the page, with an urn that holds enough balls.
        moving: whether the reader is moving a control of the urn. The preview then has every third temperature and the current
            one, and estimates the sampling noise from fewer replicates.

    Returns:
        The view.
    """
    urn, temperatures = settings.urn, TEMPERATURES
    urn.law()
    if moving:
        temperatures = tuple(sorted({*TEMPERATURES[::3], settings.tau}))
    return View(
        settings,
        exact_law(urn),
        draw(urn, settings.number, settings.seed, settings.conditionals, temperatures),
        exact_noise(urn, settings.number, settings.seed, 20 if moving else 100),
        temperatures,
    )
