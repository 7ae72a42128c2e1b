"""Controls of the quality page, and settings of its computations, which are the keys of stored results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypergeo.estimators import (
    Estimator,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    ScoreFunction,
    StraightThrough,
)
from hypergeo.objectives import OBJECTIVES, preset_objective
from hypergeo.quality import QualityReport
from hypergeo.quality.published_check import PublishedCheck, published_check
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.limits import COUNTS as COUNTS_LIMITS
from hypergeo.ui.limits import QUALITY, SEEDS
from hypergeo.ui.page.urn_editor import urn_controls
from hypergeo.ui.runtime.background_run import Progress
from hypergeo.ui.state.controls import Choice, Control, Switch, Whole

__all__ = [
    "CHECKS",
    "COUNTS",
    "ESTIMATORS",
    "FIGURES",
    "PUBLISHED",
    "RELAXATION",
    "CheckSettings",
    "PublishedSettings",
    "quality_controls",
    "urn_of",
]

RELAXATION, PUBLISHED, COUNTS = CHECKS = ("a relaxation", "the published rule", "your counts")
"""Kinds of checks."""

FIGURES = ("samples", "gradients")
"""Figures of a report."""

ESTIMATORS = {
    "gumbel": "Gumbel-softmax",
    "straight": "Straight-through",
    "marginal": "Exact marginal",
    "score": "Score function, leave-one-out",
    "control": "Linearised control variate",
}
"""Label of each estimator's switch."""

_KINDS = {"soft": (False,), "straight-through": (True,), "both": (False, True)}
_RULES = {"exact": ("exact",), "merged": ("merged",), "both": ("exact", "merged")}


def quality_controls() -> dict[str, Control]:
    """Makes the controls of the page.

    Returns:
        The controls by name.
    """
    return {
        "check": Choice(RELAXATION, CHECKS),
        **urn_controls(sizes=[10, 10, 10], weights=[1.0, 2.0, 4.0], drawn=15, within=QUALITY.urn),
        "taus": Choice(
            "0.1, 1", ["0.1", "0.5", "1", "0.1, 1", "0.1, 0.3, 1, 3", "0.01, 0.1, 1, 10", "0.01, 0.03, 0.1, 0.3, 1, 3, 10"]
        ),
        "draws": Choice("both", list(_KINDS)),
        "rule": Choice("exact", list(_RULES)),
        "samples": Choice(10_000, QUALITY.samples),
        "seed": Whole(0, *SEEDS),
        "objective": Choice("quadratic", list(OBJECTIVES)),
        **{name: Switch(True) for name in ESTIMATORS},
        "gradients": Choice(400, QUALITY.gradients),
        "evaluations": Choice(8, QUALITY.evaluations),
        "repeats": Choice(20, QUALITY.repeats),
        "figure": Choice(FIGURES[0], FIGURES),
        "source": Choice("yours", ["yours", "of this law", "of Wallenius' law"]),
        "rows": Choice(2_000, COUNTS_LIMITS.examples),
        "against": Choice("as set", ["as set", "as fitted"]),
    }


def urn_of(values: Mapping[str, Any], total_count: int | None = None, sizes: tuple[int, ...] | None = None) -> Urn:
    """Makes the urn of the controls.

    Args:
        values: value of each control, by name.
        total_count: number of balls drawn; ``None`` for that of the controls.
        sizes: size of each group; ``None`` for those of the controls.

    Returns:
        The urn.
    """
    groups = range(1, values["groups"] + 1)
    return Urn(
        total_count=values["n"] if total_count is None else total_count,
        group_sizes=tuple(values[f"m{group}"] for group in groups) if sizes is None else sizes,
        weights=tuple(values[f"w{group}"] for group in groups),
    )


@dataclass(frozen=True)
class CheckSettings:
    """Settings of a report.

    Attributes:
        urn: the urn.
        temperatures: temperatures of the relaxation.
        straight_through: sample types; true for straight-through, false for soft.
        conditionals: conditional distributions, ``"exact"`` or ``"merged"``.
        num_samples: number of samples of each sampler.
        objective: name of the objective, one of ``OBJECTIVES``.
        estimators: names of the estimators, each one of ``ESTIMATORS``.
        num_gradients: number of estimates of each estimator.
        num_evaluations: number of samples per estimate.
        seed: seed of all random numbers.
    """

    urn: Urn
    temperatures: tuple[float, ...]
    straight_through: tuple[bool, ...]
    conditionals: tuple[str, ...]
    num_samples: int
    objective: str
    estimators: tuple[str, ...]
    num_gradients: int
    num_evaluations: int
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> CheckSettings:
        """Makes settings from values of the page's controls.

        Args:
            values: values of the controls, by name.

        Returns:
            The settings.
        """
        return cls(
            urn=urn_of(values),
            temperatures=tuple(float(tau) for tau in values["taus"].split(", ")),
            straight_through=_KINDS[values["draws"]],
            conditionals=_RULES[values["rule"]],
            num_samples=values["samples"],
            objective=values["objective"],
            estimators=tuple(name for name in ESTIMATORS if values[name]),
            num_gradients=values["gradients"],
            num_evaluations=values["evaluations"],
            seed=values["seed"],
        )

    def made_estimators(self) -> list[Estimator]:
        """Makes the estimators; relaxed ones for each kind of conditionals, at a temperature that the report replaces.

        Returns:
            The estimators.
        """
        relaxed: dict[str, Callable[[float, str], Estimator]] = {"gumbel": GumbelSoftmax, "straight": StraightThrough}
        others: dict[str, Callable[[], Estimator]] = {
            "marginal": ExactMarginal,
            "score": ScoreFunction,
            "control": LinearizedControlVariate,
        }
        made: list[Estimator] = [
            kind(1.0, rule) for rule in self.conditionals for name, kind in relaxed.items() if name in self.estimators
        ]
        return made + [kind() for name, kind in others.items() if name in self.estimators]

    def work(self) -> float:
        """Estimates the time of the computation.

        Returns:
            Approximate time in seconds on one idle core.
        """
        groups, total = len(self.urn.group_sizes), sum(self.urn.group_sizes)
        samplers = len(self.temperatures) * len(self.straight_through) * len(self.conditionals)
        draws = 0.3 + samplers * self.num_samples * (4e-6 + 1.5e-8 * total)
        relaxed, control = 2e-4 + 1e-6 * total, 4e-4 + 3e-8 * total**2
        at_temperatures = len(self.temperatures) * len(self.conditionals)
        each = {"gumbel": at_temperatures, "straight": at_temperatures, "marginal": 2, "score": 1}
        gradient = relaxed * sum(each.get(name, 0) for name in self.estimators) + control * ("control" in self.estimators)
        # Where the count vectors are too many to list, a long run by the control variate is the reference.
        reference = control * (groups > 3 and bool(self.estimators))
        return draws + self.num_gradients * (gradient + reference)

    def objection(self) -> str | None:
        """Checks the settings.

        Returns:
            The reason why these settings cannot be run, as text for the user; ``None`` if they can.
        """
        try:
            self.urn.law()
        except ValueError as error:
            return str(error)
        return None

    def questions(self) -> list[str]:
        """Lists the questions that the report will answer.

        Returns:
            The questions.
        """
        samplers = len(self.straight_through) * len(self.conditionals) * len(self.temperatures)
        asked = [
            f"Do the samples have the exact distribution? {self.num_samples:,} from each of {samplers} samplers are tested.",
            "Does every sample sum to n, with counts within the group sizes?",
        ]
        if self.estimators:
            number = f"{self.num_gradients:,} estimates of each of {len(self.made_estimators())} estimators"
            asked.append(f"Can the gradients be trusted? {number} are compared with the exact gradient.")
        return asked

    def measure(self, progress: Progress | None = None) -> QualityReport:
        """Computes the report; see :meth:`hypergeo.quality.QualityReport.measure`.

        Args:
            progress: called with the fraction of the work done and a label.

        Returns:
            The report.
        """
        law = self.urn.law()
        return QualityReport.measure(
            law,
            self.temperatures,
            preset_objective(self.objective, law),
            self.made_estimators(),
            num_samples=self.num_samples,
            num_gradients=self.num_gradients,
            num_evaluations=self.num_evaluations,
            straight_through=self.straight_through,
            conditionals=self.conditionals,
            seed=self.seed,
            progress=progress,
        )


@dataclass(frozen=True)
class PublishedSettings:
    """Settings of the published check.

    Attributes:
        num_seeds: number of independent sets of samples at each weight.
        num_samples: number of samples in each set.
        seed: seed of all random numbers.
    """

    num_seeds: int
    num_samples: int
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> PublishedSettings:
        """Makes settings from values of the page's controls.

        Args:
            values: values of the controls, by name.

        Returns:
            The settings.
        """
        return cls(values["repeats"], values["samples"], values["seed"])

    def work(self) -> float:
        """Estimates the time of the computation.

        Returns:
            Approximate time in seconds on one idle core.
        """
        return 20 * self.num_seeds * (0.02 + 6e-6 * self.num_samples)

    def objection(self) -> str | None:
        """Checks the settings, all of which can be run.

        Returns:
            ``None``.
        """
        return None

    def questions(self) -> list[str]:
        """Lists the questions that the check will answer.

        Returns:
            The questions.
        """
        return [
            "Do samples of the published sampler follow Fisher's distribution if the weights differ?",
            "Do samples with exact conditionals follow it?",
            "Does a test against a reference with the same approximation show a difference?",
        ]

    def measure(self, progress: Progress | None = None) -> PublishedCheck:
        """Computes the check; see :func:`hypergeo.quality.published_check.published_check`.

        Args:
            progress: called with the fraction of the work done and a label.

        Returns:
            The check.
        """
        return published_check(num_seeds=self.num_seeds, num_samples=self.num_samples, seed=self.seed, progress=progress)
