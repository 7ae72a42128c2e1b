"""Comparison of one set of samples with the exact distribution: tests, distances beside the sampling noise, violated
constraints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric

from .distances import (
    NoiseFloor,
    marginal_total_variation,
    noise_floor,
    total_variation,
    total_variation_floor,
    wasserstein_distance,
)
from .goodness_of_fit import g_test, holm, ks_test, nearest_counts, support_size

__all__ = ["LEVEL", "Floor", "Floors", "SampleQuality", "measure_counts", "measure_sampler"]

LEVEL = 0.01
"""Probability that the tests of a correct sampler raise any alarm."""

_NUMBERS_PER_PART = 1_000_000  # random numbers generated in one call
_REPLICATED_COUNTS = 10_000_000  # counts sampled for the quantile of a noise floor


@dataclass(frozen=True)
class Floor:
    """Holds the sampling noise of a distance as plain numbers.

    Attributes:
        mean: expected distance of equally many exact samples.
        quantile: 95 % of equally many exact samples lie below this.
    """

    mean: float
    quantile: float

    @classmethod
    def of(cls, floor: NoiseFloor) -> Floor:
        """Converts the noise floor of a distribution without a batch to plain numbers.

        Args:
            floor: noise floor, with tensors of shape ``()``.

        Returns:
            Plain numbers.
        """
        return cls(float(floor.mean), float(floor.quantile))


@dataclass(frozen=True)
class Floors:
    """Holds the sampling noise of the distances for one number of samples.

    Attributes:
        wasserstein: noise of the Wasserstein distance.
        total_variation: noise of the joint total variation; ``None`` if the count vectors are too many to enumerate.
    """

    wasserstein: Floor
    total_variation: Floor | None

    @classmethod
    def of(cls, distribution: FisherHypergeometric, num_samples: int, *, generator: torch.Generator | None = None) -> Floors:
        """Computes the sampling noise of a distribution without a batch.

        Args:
            distribution: the exact distribution, without a batch.
            num_samples: number of samples.
            generator: source of the random numbers of the sampling noise; torch's global generator if omitted.

        Returns:
            Noise of both distances.
        """
        replicates = min(100, max(20, _REPLICATED_COUNTS // (num_samples * distribution.event_shape[0])))
        listed = support_size(distribution) is not None
        kinds = [noise_floor, total_variation_floor] if listed else [noise_floor]
        floors = [Floor.of(kind(distribution, num_samples, num_replicates=replicates, generator=generator)) for kind in kinds]
        return cls(floors[0], floors[1] if listed else None)


@dataclass(frozen=True)
class SampleQuality:
    """Holds the comparison of samples with the exact distribution.

    Tests and total variation use whole vectors. Soft samples are rounded to the nearest whole vector first, because neither a
    Kolmogorov-Smirnov distance nor a total variation from a discrete distribution falls as real numbers approach whole ones.
    The Wasserstein distance uses the samples as they are.

    Attributes:
        temperature: temperature of the relaxation; ``None`` for observed counts.
        conditionals: ``"exact"`` or ``"merged"``; ``None`` for observed counts.
        straight_through: whether samples are whole; ``None`` for observed counts.
        num_samples: number of samples.
        ks: Kolmogorov-Smirnov distance of each group.
        ks_p_values: their exact p-values, see :func:`~hypergeo.quality.goodness_of_fit.ks_p_value`.
        g: statistic of the joint test, see :func:`~hypergeo.quality.goodness_of_fit.g_test`; ``None`` if the support is too
            large.
        g_degrees: degrees of freedom of the joint test.
        g_p_value: p-value of the joint test.
        total_variation: joint total variation between 0 and 1; ``None`` if the support is too large.
        total_variation_floor: sampling noise of the joint total variation.
        marginal_total_variation: total variation of each group.
        wasserstein: Wasserstein distance in counts, mean over the groups.
        wasserstein_floor: sampling noise of the Wasserstein distance.
        sum_violations: number of samples whose sum is not the total count (up to rounding).
        largest_sum_error: largest error of a sum, in counts.
        bound_violations: number of samples with a count below zero or above its group's size.
        largest_bound_error: largest violation of a bound, in counts.
        adjusted_p_value: smallest p-value after Holm's correction, over these tests or over a whole report's.
        level: false-alarm rate of the tests that were corrected together.
        seconds: wall time of the sampling.
    """

    temperature: float | None
    conditionals: str | None
    straight_through: bool | None
    num_samples: int
    ks: tuple[float, ...]
    ks_p_values: tuple[float, ...]
    g: float | None
    g_degrees: int | None
    g_p_value: float | None
    total_variation: float | None
    total_variation_floor: Floor | None
    marginal_total_variation: tuple[float, ...]
    wasserstein: float
    wasserstein_floor: Floor
    sum_violations: int
    largest_sum_error: float
    bound_violations: int
    largest_bound_error: float
    adjusted_p_value: float = 1.0
    level: float = LEVEL
    seconds: float = 0.0

    @property
    def p_values(self) -> tuple[float, ...]:
        """Uncorrected p-values of all tests: each group's, and the joint one if there is one."""
        return self.ks_p_values if self.g_p_value is None else (*self.ks_p_values, self.g_p_value)

    @property
    def violations(self) -> int:
        """Number of violated constraints. A sample counts once for each constraint that it violates."""
        return self.sum_violations + self.bound_violations

    @property
    def differs(self) -> bool:
        """Whether the samples differ significantly from exact ones, or violate a constraint."""
        return self.adjusted_p_value <= self.level or self.violations > 0

    @property
    def label(self) -> str:
        """Name of the sampler."""
        if self.conditionals is None:
            return "Observed counts"
        kind = "Straight-through" if self.straight_through else "Soft"
        return f"{kind}, {self.conditionals} conditionals"


def measure_counts(
    distribution: FisherHypergeometric,
    counts: Tensor,
    *,
    level: float = LEVEL,
    floors: Floors | None = None,
    generator: torch.Generator | None = None,
) -> SampleQuality:
    """Compares observed counts with the exact distribution.

    Args:
        distribution: the exact distribution, without a batch.
        counts: whole or real counts, shape ``(S, K)``. They may violate the constraints of the urn, and violations are
            reported.
        level: false-alarm rate of all tests together.
        floors: sampling noise for as many samples; computed when omitted.
        generator: source of the random numbers of the sampling noise; torch's global generator if omitted.

    Returns:
        Tests, distances and violations.

    Raises:
        ValueError: if counts have another shape or are not finite, or if the distribution has a batch.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        >>> measure_counts(urn, urn.sample((2000,))).differs
        False
        >>> measure_counts(urn, FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 5.0]).sample((2000,))).differs
        True
    """
    groups = distribution.event_shape[0]
    if distribution.batch_shape:
        raise ValueError(f"distribution must have no batch; got batch_shape {tuple(distribution.batch_shape)}.")
    if counts.dim() != 2 or counts.shape[-1] != groups or not len(counts):
        raise ValueError(f"counts must have shape (S, {groups}) with at least one row; got {tuple(counts.shape)}.")
    counts = counts.detach().double()
    if not bool(counts.isfinite().all()):
        raise ValueError(f"counts must be finite; got {counts[~counts.isfinite()][0].item()}.")
    floors = floors or Floors.of(distribution, len(counts), generator=generator)
    sizes, total = distribution.group_sizes.double(), distribution.total_count.double()
    sum_errors = (counts.sum(-1) - total).abs()
    slack = 8 * torch.finfo(distribution.log_weights.dtype).eps * (1 + float(total)) * groups**0.5
    bound_errors = torch.maximum(-counts, counts - sizes).clamp(min=0).amax(-1)
    whole = counts if bool((counts == counts.round()).all()) else nearest_counts(counts, total)
    ks, joint = ks_test(whole, distribution), g_test(whole, distribution)
    listed = floors.total_variation is not None
    within = whole.clamp(torch.zeros_like(sizes), sizes.max().expand_as(sizes))
    quality = SampleQuality(
        temperature=None,
        conditionals=None,
        straight_through=None,
        num_samples=len(counts),
        ks=tuple(ks.distances.tolist()),
        ks_p_values=tuple(ks.p_values.tolist()),
        g=None if joint is None else joint.statistic,
        g_degrees=None if joint is None else joint.degrees,
        g_p_value=None if joint is None else joint.p_value,
        total_variation=float(total_variation(whole, distribution)) if listed else None,
        total_variation_floor=floors.total_variation,
        marginal_total_variation=tuple(marginal_total_variation(within, distribution).tolist()),
        wasserstein=float(wasserstein_distance(counts, distribution)),
        wasserstein_floor=floors.wasserstein,
        sum_violations=int((sum_errors > slack).sum()),
        largest_sum_error=float(sum_errors.max()),
        bound_violations=int((bound_errors > 0).sum()),
        largest_bound_error=float(bound_errors.max()),
        level=level,
    )
    return replace(quality, adjusted_p_value=min(holm(quality.p_values)))


def measure_sampler(
    sampler: RelaxedFisherHypergeometric,
    num_samples: int,
    floors: Floors,
    *,
    level: float = LEVEL,
    step: Callable[[float], None] = lambda fraction: None,
    generator: torch.Generator | None = None,
) -> SampleQuality:
    """Compares samples of a relaxed distribution with the exact one.

    Args:
        sampler: the relaxed distribution, without a batch.
        num_samples: number of samples.
        floors: sampling noise for as many samples.
        level: false-alarm rate of all tests together.
        step: called with the fraction of the work that is done, after each part.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Tests, distances and violations.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> sampler = RelaxedFisherHypergeometric(0.1, 15, [10, 10, 10], [1.0, 5.0, 1.0], conditionals="merged")
        >>> quality = measure_sampler(sampler, 2000, Floors.of(sampler.base_dist, 2000))
        >>> quality.label, quality.differs, quality.violations
        ('Soft, merged conditionals', True, 0)
    """
    parts, number, seconds = [], 0, 0.0
    size = max(1, _NUMBERS_PER_PART // int(sampler.group_sizes.sum() + sampler.event_shape[0]))
    with torch.no_grad():
        while number < num_samples:
            start = time.perf_counter()
            parts.append(sampler.rsample((min(size, num_samples - number),), generator=generator))
            seconds += time.perf_counter() - start
            number += len(parts[-1])
            step(0.9 * number / num_samples)
        quality = measure_counts(sampler.base_dist, torch.cat(parts), level=level, floors=floors)
    step(1.0)
    return replace(
        quality,
        temperature=float(sampler.temperature),
        conditionals=sampler.conditionals,
        straight_through=sampler.straight_through,
        seconds=seconds,
    )
