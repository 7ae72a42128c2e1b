"""One set of draws held against the exact law: tests, distances above their noise, and what breaks the rules of the urn."""

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
"""Probability that a set of tests of what is right raises any alarm."""

_CHUNK = 1_000_000  # random numbers drawn at once
_REPLICATED = 10_000_000  # counts drawn for the quantile of a noise floor


@dataclass(frozen=True)
class Floor:
    """A distance of as many exact samples: expected, and exceeded by one set in twenty."""

    mean: float
    quantile: float

    @classmethod
    def of(cls, floor: NoiseFloor) -> Floor:
        """The floor of a law without a batch, as plain numbers."""
        return cls(float(floor.mean), float(floor.quantile))


@dataclass(frozen=True)
class Floors:
    """Noise floors of the distances for one number of samples; the joint one is ``None`` where the law cannot be listed."""

    wasserstein: Floor
    total_variation: Floor | None

    @classmethod
    def of(cls, distribution: FisherHypergeometric, num_samples: int, *, generator: torch.Generator | None = None) -> Floors:
        """The floors of a law without a batch; from torch's global generator when ``generator`` is omitted."""
        replicates = min(100, max(20, _REPLICATED // (num_samples * distribution.event_shape[0])))
        kinds = [noise_floor] if support_size(distribution) is None else [noise_floor, total_variation_floor]
        floors = [Floor.of(kind(distribution, num_samples, num_replicates=replicates, generator=generator)) for kind in kinds]
        return cls(floors[0], floors[1] if len(floors) > 1 else None)


@dataclass(frozen=True)
class SampleQuality:
    """How draws compare with the exact law.

    Tests and total variation are of whole vectors: soft draws go to the nearest one first, since neither a Kolmogorov-Smirnov
    distance nor a total variation from a discrete law falls as real numbers approach whole ones. Wasserstein's distance is of
    the draws as they are.

    Attributes:
        temperature: of the relaxation; ``None`` for counts from elsewhere.
        conditionals: ``"exact"`` or ``"merged"``; ``None`` for counts from elsewhere.
        straight_through: whether draws were whole; ``None`` for counts from elsewhere.
        num_samples: number of draws.
        ks: Kolmogorov-Smirnov distance of each group.
        ks_p_values: their exact p-values, see :func:`~hypergeo.quality.goodness_of_fit.ks_p_value`.
        g: statistic of the joint test, see :func:`~hypergeo.quality.goodness_of_fit.g_test`; ``None`` where that is too large.
        g_degrees: its degrees of freedom.
        g_p_value: its p-value.
        total_variation: joint, between 0 and 1; ``None`` where that is too large.
        total_variation_floor: that of as many exact samples.
        marginal_total_variation: of each group.
        wasserstein: mean over the groups, in counts.
        wasserstein_floor: that of as many exact samples.
        sum_violations: draws that do not add up to the number drawn, rounding aside.
        largest_sum_error: of all draws, in counts.
        bound_violations: draws with a count below zero or above its group's size.
        largest_bound_error: of all draws, in counts.
        adjusted_p_value: the smallest of the row's p-values after Holm's correction, over these tests or a whole report's.
        level: false-alarm rate of the tests that were corrected together.
        seconds: wall time of the draws.
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
        """P-values of all its tests, uncorrected: each group's, and the joint one where there is one."""
        return self.ks_p_values if self.g_p_value is None else (*self.ks_p_values, self.g_p_value)

    @property
    def violations(self) -> int:
        """Draws that break a rule of the urn, counted once for each rule."""
        return self.sum_violations + self.bound_violations

    @property
    def differs(self) -> bool:
        """Whether the draws can be told from exact ones, or break a rule of the urn."""
        return self.adjusted_p_value <= self.level or self.violations > 0

    @property
    def label(self) -> str:
        """The sampler in words."""
        if self.conditionals is None:
            return "Observed counts"
        kind = "Straight-through" if self.straight_through else "Soft"
        return f"{kind}, {'exact conditionals' if self.conditionals == 'exact' else 'merged rule'}"


def measure_counts(
    distribution: FisherHypergeometric,
    counts: Tensor,
    *,
    level: float = LEVEL,
    floors: Floors | None = None,
    generator: torch.Generator | None = None,
) -> SampleQuality:
    """Draws from anywhere against the exact law.

    Args:
        distribution: the exact law, without a batch.
        counts: whole or real counts, shape ``(S, K)``. They may break the rules of the urn, which is then reported.
        level: false-alarm rate of its tests together.
        floors: noise floors for as many samples, when they are known already.
        generator: source of the floors' random numbers where they are not; torch's global one when omitted.

    Raises:
        ValueError: for counts of another shape or that are not finite, or a law with a batch.

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
    step: Callable[[float], None] = lambda share: None,
    generator: torch.Generator | None = None,
) -> SampleQuality:
    """Draws of a relaxed law against the law that it relaxes.

    Args:
        sampler: the relaxed law, without a batch.
        num_samples: number of draws.
        floors: noise floors for as many.
        level: false-alarm rate of its tests together.
        step: called with the share of the draws made so far, after each part of them.
        generator: source of the random numbers; torch's global one when omitted.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> sampler = RelaxedFisherHypergeometric(0.1, 15, [10, 10, 10], [1.0, 5.0, 1.0], conditionals="merged")
        >>> quality = measure_sampler(sampler, 2000, Floors.of(sampler.base_dist, 2000))
        >>> quality.label, quality.differs, quality.violations
        ('Soft, merged rule', True, 0)
    """
    parts, drawn, seconds = [], 0, 0.0
    size = max(1, _CHUNK // int(sampler.group_sizes.sum() + sampler.event_shape[0]))
    with torch.no_grad():
        while drawn < num_samples:
            start = time.perf_counter()
            parts.append(sampler.rsample((min(size, num_samples - drawn),), generator=generator))
            seconds += time.perf_counter() - start
            drawn += len(parts[-1])
            step(0.9 * drawn / num_samples)
        quality = measure_counts(sampler.base_dist, torch.cat(parts), level=level, floors=floors)
    step(1.0)
    return replace(
        quality,
        temperature=float(sampler.temperature),
        conditionals=sampler.conditionals,
        straight_through=sampler.straight_through,
        seconds=seconds,
    )
