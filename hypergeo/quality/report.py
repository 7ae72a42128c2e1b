"""Reports on how close relaxed samples and gradients are to the exact ones, with p-values corrected for the number of tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from hypergeo import objectives
from hypergeo._records import csv_records, from_record, html_table, html_text, to_record
from hypergeo._validate import require_count, require_real
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.estimators import Estimator, Objective

from .distances import (
    NoiseFloor,
    marginal_total_variation,
    noise_floor,
    total_variation,
    total_variation_floor,
    wasserstein_distance,
)
from .goodness_of_fit import holm, support_size
from .gradients import GradientQuality, Measured, Reference, measure_estimator, reference_gradient
from .progress import Progress, Work, named_estimators, seeded_generator
from .records import UrnRecord
from .report_data import ReportData
from .samples import LEVEL, Floor, Floors, SampleQuality, measure_counts, measure_sampler
from .table import estimator_table, sampler_table, table_rows
from .verdict import failures, verdict

__all__ = [
    "Floor",
    "GradientQuality",
    "Measured",
    "NoiseFloor",
    "QualityReport",
    "Reference",
    "SampleQuality",
    "UrnRecord",
    "marginal_total_variation",
    "measure_counts",
    "noise_floor",
    "total_variation",
    "total_variation_floor",
    "wasserstein_distance",
]


@dataclass(frozen=True)
class QualityReport(ReportData):
    """Reports how close relaxed samples and gradients of one urn are to the exact ones.

    :meth:`measure` creates a report. It consists of plain numbers, so reports can be compared, saved and read back.
    Its fields are those of :class:`~hypergeo.quality.report_data.ReportData`.
    """

    @classmethod
    def measure(
        cls,
        distribution: FisherHypergeometric,
        temperatures: Sequence[float],
        objective: Objective | None = None,
        estimators: Sequence[Estimator] | Mapping[str, Estimator] = (),
        *,
        num_samples: int = 10_000,
        num_gradients: int = 400,
        num_evaluations: int = 8,
        straight_through: bool | Iterable[bool] = (False, True),
        conditionals: str | Iterable[str] = ("exact",),
        level: float = LEVEL,
        objective_name: str | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> QualityReport:
        """Samples, estimates gradients and tests both.

        Random numbers depend on ``seed`` alone; torch's global generator is not used. If an argument is invalid, a
        ``ValueError`` names it, its value and what is allowed.

        Args:
            distribution: the exact distribution, without a batch.
            temperatures: positive temperatures of the relaxation.
            objective: maps counts ``(..., K)`` to ``(...)``; required if there are estimators.
            estimators: gradient estimators, as a sequence or by name. A dataclass with a field ``temperature`` is measured at
                each temperature, any other estimator once.
            num_samples: samples of each sampler.
            num_gradients: estimates of each estimator, at least two.
            num_evaluations: samples per estimate.
            straight_through: ``False`` to measure soft samples, ``True`` for straight-through ones, or both in a sequence; an
                empty sequence for neither.
            conditionals: ``"exact"``, ``"merged"`` or both.
            level: probability that the report raises any false alarm.
            objective_name: name of the objective in the report.
            seed: seed of all random numbers.
            progress: called a few times a second with the fraction of the work that is done and with the name of the current
                task.

        Returns:
            The report.

        Example:
            >>> from hypergeo.estimators import LinearizedControlVariate, StraightThrough
            >>> from hypergeo.objectives import Quadratic
            >>> urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 10.0, 1.0])
            >>> estimators = [LinearizedControlVariate(), StraightThrough(0.5, "merged")]
            >>> report = QualityReport.measure(urn, [0.5], Quadratic((5, 5, 5)), estimators, straight_through=[True])
            >>> report.samples[0].differs, [row.verdict for row in report.gradients]
            (False, ['no bias found', 'biased'])
            >>> QualityReport.from_json(report.to_json()) == report
            True
            >>> report
            <QualityReport of 15 from (10, 10, 10): 1 sampler, 2 estimators; not to be trusted: the gradients of ...>
        """
        rules = (conditionals,) if isinstance(conditionals, str) else tuple(conditionals)
        kinds = (straight_through,) if isinstance(straight_through, bool) else tuple(straight_through)
        samplers = list(itertools.product(rules, kinds))
        named = named_estimators(estimators)
        _check(distribution, temperatures, objective if named else abs)
        num_samples = require_count("num_samples", num_samples, 1)
        num_gradients = require_count("num_gradients", num_gradients, 2)
        num_evaluations = require_count("num_evaluations", num_evaluations, 1)
        level = require_real("level", level, "between 0 and 1", gt=0, lt=1)
        name = objective_name or (objectives.objective_name(objective) if objective is not None and named else "")
        work = Work(progress, 1 + len(samplers) * len(temperatures), named, temperatures)
        samples: list[SampleQuality] = []
        if samplers:
            step = work.next("Sampling noise of the distances")
            floors = Floors.of(distribution, num_samples, generator=seeded_generator(seed, "floors"))
            step(1.0)
        for conditional, hard in samplers:
            for temperature in temperatures:
                sampler = RelaxedFisherHypergeometric(
                    temperature,
                    distribution.total_count,
                    distribution.group_sizes,
                    log_weights=distribution.log_weights.detach(),
                    straight_through=hard,
                    conditionals=conditional,
                )
                kind = "straight-through" if hard else "soft"
                setting = f"{conditional} conditionals, τ = {temperature:g}"
                generator, step = seeded_generator(seed, f"{kind} draws, {setting}"), work.next(f"{kind} samples, {setting}")
                samples.append(measure_sampler(sampler, num_samples, floors, level=level, step=step, generator=generator))
        gradients: list[GradientQuality] = []
        reference = None
        if named and objective is not None:
            reference = reference_gradient(
                distribution,
                objective,
                num_estimates=num_gradients,
                step=work.next("the exact gradient"),
                generator=seeded_generator(seed, "reference"),
            )
            for label, estimator in work.estimators:
                gradients.append(
                    measure_estimator(
                        distribution,
                        objective,
                        estimator,
                        reference,
                        label=label,
                        num_estimates=num_gradients,
                        num_evaluations=num_evaluations,
                        step=work.next(f"gradients: {label}"),
                        generator=seeded_generator(seed, f"{label} {getattr(estimator, 'temperature', '')}"),
                    )
                )
        rows, estimates = _corrected(samples, gradients, level)
        sampled = [row for row in estimates if row.deviation.value > 0] or estimates
        evaluations = max((row.evaluations for row in sampled), default=None)
        seconds = max((row.seconds for row in sampled), default=None)
        if evaluations is not None and seconds is not None:
            estimates = tuple(row.at_cost(evaluations, seconds) for row in estimates)
        return cls(
            urn=UrnRecord.of(distribution),
            temperatures=tuple(float(value) for value in temperatures),
            objective=name,
            num_samples=num_samples,
            num_gradients=num_gradients,
            num_evaluations=num_evaluations,
            level=level,
            seed=seed,
            support_size=support_size(distribution),
            samples=rows,
            reference=reference,
            gradients=estimates,
            equal_evaluations=evaluations,
            equal_seconds=seconds,
        )

    @classmethod
    def of_counts(
        cls, distribution: FisherHypergeometric, counts: Tensor, *, level: float = LEVEL, seed: int = 0
    ) -> QualityReport:
        """Tests whether observed counts come from a distribution. The report has one row and no gradients.

        A ``ValueError`` is raised for invalid counts, see :func:`hypergeo.quality.samples.measure_counts`.

        Args:
            distribution: the exact distribution, without a batch.
            counts: whole or real counts, shape ``(S, K)``.
            level: probability of a false alarm.
            seed: seed of the replicates for the sampling noise.

        Returns:
            The report.

        Example:
            >>> import torch
            >>> _ = torch.manual_seed(0)
            >>> urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
            >>> QualityReport.of_counts(urn, urn.sample((500,))).verdict()[1]
            'No significant difference between 500 observed counts and samples from this distribution.'
        """
        row = measure_counts(distribution, counts, level=level, generator=seeded_generator(seed, "floors"))
        return cls(
            urn=UrnRecord.of(distribution),
            temperatures=(),
            objective="",
            num_samples=row.num_samples,
            num_gradients=0,
            num_evaluations=0,
            level=level,
            seed=seed,
            support_size=support_size(distribution),
            samples=(row,),
            reference=None,
            gradients=(),
            equal_evaluations=None,
            equal_seconds=None,
        )

    def __repr__(self) -> str:
        wrong = self.failures()
        parts = ((len(self.samples), "sampler"), (len(self.gradients), "estimator"))
        measured = ", ".join(f"{number} {what}{'s' * (number > 1)}" for number, what in parts if number)
        conclusion = f"not to be trusted: {', '.join(wrong)}" if wrong else "nothing wrong was found"
        return f"<QualityReport of {self.urn.total_count} from {self.urn.group_sizes}: {measured or 'nothing'}; {conclusion}>"

    def _repr_html_(self) -> str:
        """Returns the verdict and the main numbers as HTML for notebooks."""
        first, *others = map(html_text, self.verdict())
        html = f"<p>{first}</p><ul>{''.join(f'<li>{sentence}</li>' for sentence in others)}</ul>"
        if self.samples:
            head, rows = sampler_table(self)
            html += html_table(head, [(cells, row.differs) for cells, row in zip(rows, self.samples, strict=True)])
        if self.gradients:
            head, rows = estimator_table(self)
            html += html_table(head, [(cells, row.biased) for cells, row in zip(rows, self.gradients, strict=True)])
        return html

    def failures(self) -> list[str]:
        """Lists what fails: whole samples of another distribution, violated constraints, biased gradients.

        Significant differences of soft samples are expected and not listed.

        Returns:
            Name of each failing sampler or estimator.
        """
        return failures(self)

    def verdict(self) -> list[str]:
        """Summarises the report in sentences.

        Returns:
            Sentences, the overall one first.
        """
        return verdict(self)

    def to_json(self) -> str:
        """Formats the report as JSON.

        Returns:
            JSON text that :meth:`from_json` reads.
        """
        return to_record(self)

    @classmethod
    def from_json(cls, text: str) -> QualityReport:
        """Reads a report that :meth:`to_json` wrote. A ``ValueError`` is raised for any other text.

        Args:
            text: JSON text.

        Returns:
            A report equal to the one written.
        """
        report = from_record(text, cls)
        assert isinstance(report, cls)
        return report

    def to_csv(self) -> str:
        """Formats the report as comma-separated values with a header and one row for each sampler and each estimator.

        Lists over the groups are reduced to their worst entry. Cells that do not apply to a row are empty.

        Returns:
            CSV text.
        """
        return csv_records(table_rows(self))


def _corrected(
    samples: Sequence[SampleQuality], gradients: Sequence[GradientQuality], level: float
) -> tuple[tuple[SampleQuality, ...], tuple[GradientQuality, ...]]:
    """Returns the rows with p-values corrected for all tests of the report."""
    adjusted = holm([p for row in samples for p in row.p_values] + [row.bias_p_value for row in gradients])
    rows, start = [], 0
    for row in samples:
        rows.append(replace(row, adjusted_p_value=min(adjusted[start : start + len(row.p_values)]), level=level))
        start += len(row.p_values)
    estimates = [replace(row, adjusted_p_value=p, level=level) for row, p in zip(gradients, adjusted[start:], strict=True)]
    return tuple(rows), tuple(estimates)


def _check(distribution: FisherHypergeometric, temperatures: Sequence[float], objective: Objective | None) -> None:
    if distribution.batch_shape:
        raise ValueError(f"distribution must have no batch; got batch_shape {tuple(distribution.batch_shape)}.")
    if not len(temperatures) or not all(0 < float(value) < math.inf for value in temperatures):
        raise ValueError(f"temperatures must be at least one positive number; got {list(temperatures)}.")
    if objective is None:
        raise ValueError("objective is required if there are estimators; got None.")
