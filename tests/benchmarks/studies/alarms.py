"""Alarm rates of quality reports, for correct and for slightly incorrect samples and gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Estimator, LinearizedControlVariate, Objective, ScoreFunction
from hypergeo.objectives import preset_objective
from hypergeo.quality import QualityReport
from tests.benchmarks.cases import Urn
from tests.benchmarks.report import Section, Verdict

__all__ = ["ALARMS", "Alarm", "Tilted", "alarm_rate", "alarms"]


@dataclass(frozen=True)
class Tilted:
    """The linearised control variate with a scaled gradient.

    Attributes:
        factor: scale of the gradient; 1 is correct, 1.05 is an error of 5 %, −1 is a flipped sign.
    """

    factor: float

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Returns a scalar; see :meth:`hypergeo.estimators.Estimator.surrogate_loss`."""
        loss = LinearizedControlVariate().surrogate_loss(distribution, objective, num_samples, generator=generator)
        return loss.detach() + self.factor * (loss - loss.detach())


@dataclass(frozen=True)
class Alarm:
    """Contents of reports, and whether they should raise an alarm.

    Attributes:
        what: description.
        urn: the urn.
        objective: name of the objective, see :func:`hypergeo.objectives.preset_objective`.
        estimators: estimators of gradients.
        conditionals: conditionals of straight-through samples; ``None`` without samples.
        drawn: weights of a distribution that samples come from, instead of a sampler.
        wrong: whether an alarm is correct.
    """

    what: str
    urn: Urn
    objective: str
    estimators: tuple[Estimator, ...] = ()
    conditionals: str | None = None
    drawn: tuple[float, ...] | None = None
    wrong: bool = True


_SMALL = Urn((10,) * 3, 15, (1.0, 2.0, 4.0))
_UNBIASED = (ScoreFunction(), LinearizedControlVariate())

ALARMS = (
    Alarm("all right", _SMALL, "quadratic", _UNBIASED, "exact", wrong=False),
    Alarm("all right, a kinked objective", _SMALL, "absolute", _UNBIASED, "exact", wrong=False),
    Alarm("all right, a rare group", Urn((10,) * 3, 5, (1.0, 1.0, 30.0)), "absolute", _UNBIASED, "exact", wrong=False),
    Alarm("all right", Urn((200,) * 3, 180, (1.0, 5.0, 1.0)), "quadratic", (ScoreFunction(),), "exact", wrong=False),
    Alarm("draws with the third weight 2 % too large", _SMALL, "quadratic", drawn=(1.0, 2.0, 4.08)),
    Alarm("draws with the third weight 5 % too large", _SMALL, "quadratic", drawn=(1.0, 2.0, 4.2)),
    Alarm("merged rule", Urn((200,) * 3, 180, (1.0, 1.2, 1.0)), "quadratic", conditionals="merged"),
    Alarm("merged rule", Urn((200,) * 3, 180, (1.0, 1.5, 1.0)), "quadratic", conditionals="merged"),
    Alarm("gradients 5 % too long", _SMALL, "absolute", (Tilted(1.05),)),
    Alarm("gradients 20 % too long", _SMALL, "absolute", (Tilted(1.2),)),
    Alarm("gradients with a flipped sign", _SMALL, "absolute", (Tilted(-1.0),)),
)


def alarms(judged: bool) -> Section:
    """Returns alarm rates of reports; a run without verdicts has one report of two kinds."""
    seeds = 200 if judged else 1
    section = Section("alarms", f"Quality reports at level 1 % that raise an alarm, of {seeds} each")
    for alarm in ALARMS if judged else ALARMS[4:6]:
        rate = alarm_rate(alarm, seeds)
        section.rows.append({"what": alarm.what, "urn": str(alarm.urn), "objective": alarm.objective, "alarms, %": 100 * rate})
        if not alarm.wrong:
            # At a rate of 1 %, more than 5 % of 200 has a probability of 7e-6.
            what = f"{alarm.what}, {alarm.urn}, {alarm.objective}: reports with a false alarm"
            section.verdicts.append(Verdict(what, 100 * rate, 5.0, "%", judged=judged))
    return section


def alarm_rate(alarm: Alarm, seeds: int) -> float:
    """Returns the share of reports with 10,000 samples and 400 estimates at level 1 % that raise any alarm.

    Args:
        alarm: contents of the reports.
        seeds: number of reports.
    """
    law = FisherHypergeometric(alarm.urn.drawn, alarm.urn.size_tensor(), log_weights=alarm.urn.log_weights())
    raised = 0
    for seed in range(seeds):
        if alarm.drawn is not None:
            torch.manual_seed(seed)
            counts = FisherHypergeometric(alarm.urn.drawn, list(alarm.urn.sizes), list(alarm.drawn)).sample((10_000,))
            report = QualityReport.of_counts(law, counts)
        else:
            report = QualityReport.measure(
                law,
                [0.5],
                preset_objective(alarm.objective, law),
                alarm.estimators,
                straight_through=[] if alarm.conditionals is None else [True],
                conditionals=[alarm.conditionals or "exact"],
                seed=seed,
            )
        raised += any(row.differs for row in report.samples) or any(row.biased for row in report.gradients)
    return raised / seeds
