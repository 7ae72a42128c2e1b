"""The symmetric distribution of partitions of given sizes: independent categorical rows, conditioned on their counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import lazy_property

from hypergeo.numerics.urn_rows import broadcast_shapes

from .column_potentials import ColumnPotentials
from .random import RandomPartition, read_logits, read_sizes
from .saddlepoint import log_probability_of_counts
from .support import partitions

__all__ = ["ConditionalCategorical", "ImportanceSample"]

_MOST_CELLS = 1 << 26  # largest number of entries that the dynamic program visits
_MAX_STEPS = 500


class ImportanceSample(NamedTuple):
    """Weighted partitions.

    Attributes:
        value: one-hot matrices, shape ``(S,) + batch_shape + (N, K)``.
        log_weights: logarithms of the importance weights; the mean weight estimates the normaliser, shape
            ``(S,) + batch_shape``.
        effective_sample_size: ``(Σ w)² / Σ w²``, between 1 and ``S``, shape ``batch_shape``.
    """

    value: Tensor
    log_weights: Tensor
    effective_sample_size: Tensor


class ConditionalCategorical(Distribution):
    r"""Partitions of given sizes with the maximum entropy for given scores: ``p(y) ∝ Π_i exp(ℓ_{i, y_i}) · 1[counts = n]``.

    The distribution does not depend on the order of the groups. A dynamic program over the counts computes the logarithm of the
    normaliser to rounding if it is feasible; otherwise the normaliser is the saddlepoint approximation at the calibrated plan,

    .. math:: \log Z \approx \sum_i \log\sum_k e^{ℓ_{ik} + λ_k} - λ \cdot n - \tfrac12 \log\det(2 π H) + \mathrm{correction},

    with a correction for the third and fourth cumulants of the counts. For standard normal logits the error is below 0.05
    nats at ``N = 6`` and below 0.001 at 64 elements in four groups; it grows for memberships that are nearly certain.
    It has no relaxed samples; :class:`~hypergeo.partitions.RandomPartition` has them, and is the proposal of
    :meth:`importance_sample`.

    Args:
        sizes: group sizes ``n``, whole numbers that sum to ``N``, shape ``batch_shape + (K,)``.
        logits: scores ``ℓ``, finite, shape ``batch_shape + (N, K)``.
        method: ``"exact"`` for the dynamic program, ``"saddlepoint"`` for the approximation, or ``"auto"`` for the dynamic
            program if it is feasible and the approximation otherwise.
        validate_args: whether to check arguments and values; torch's default when omitted.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> two = ConditionalCategorical([1, 1], torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64))
        >>> two.log_prob(torch.eye(2)).exp()  # e / (1 + e)
        tensor(0.7311, dtype=torch.float64)

    References:
        H. E. Daniels, "Saddlepoint approximations in statistics", Annals of Mathematical Statistics 25, 1954.
    """

    arg_constraints = {"logits": constraints.independent(constraints.real, 2)}  # noqa: RUF012
    has_rsample = False

    def __init__(
        self,
        sizes: Tensor | np.ndarray | Sequence[Any],
        logits: Tensor | np.ndarray | Sequence[Any],
        *,
        method: str = "auto",
        validate_args: bool | None = None,
    ):
        if method not in ("auto", "exact", "saddlepoint"):
            raise ValueError(f'method must be "auto", "exact" or "saddlepoint"; got {method!r}.')
        validate = Distribution._validate_args if validate_args is None else validate_args
        self._logits = read_logits(logits, validate)
        self._sizes = read_sizes(sizes, self._logits.device, validate)
        num_elements, groups = self._logits.shape[-2:]
        if self._sizes.shape[-1] != groups:
            raise ValueError(
                f"sizes must list one number for each of the {groups} groups of logits; got {self._sizes.shape[-1]}."
            )
        if validate and bool((self._sizes.sum(-1) != num_elements).any()):
            raise ValueError(f"sizes must sum to the number of elements, {num_elements}; got {self._sizes.tolist()}.")
        try:
            batch = broadcast_shapes(self._sizes.shape[:-1], self._logits.shape[:-2])
        except RuntimeError:
            raise ValueError(
                f"sizes and logits must broadcast: got batches {tuple(self._sizes.shape[:-1])} and "
                f"{tuple(self._logits.shape[:-2])}."
            ) from None
        super().__init__(batch, self._logits.shape[-2:], validate_args=False)
        self._validate_args = validate
        cells = batch.numel() * num_elements * groups * math.prod(self._grid)
        if method == "exact" and cells > _MOST_CELLS:
            raise ValueError(f'method="exact" would visit {cells:,} cells; at most {_MOST_CELLS:,} are allowed.')
        self.method = method if method != "auto" else ("exact" if cells <= _MOST_CELLS else "saddlepoint")

    @property
    def logits(self) -> Tensor:
        """Score of each element in each group, shape ``batch_shape + (N, K)``."""
        return self._logits.expand(self.batch_shape + self.event_shape)

    @property
    def sizes(self) -> Tensor:
        """Number of elements in each group, int64, shape ``batch_shape + (K,)``."""
        return self._sizes.expand(self.batch_shape + self.event_shape[-1:])

    @lazy_property
    def _implied(self) -> int:
        """The largest group: its count follows from the others', so that the table has no axis for it."""
        return int(self._sizes.reshape(-1, self._sizes.shape[-1]).amax(0).argmax())

    @property
    def _listed(self) -> list[int]:
        return [group for group in range(self.event_shape[1]) if group != self._implied]

    @property
    def _grid(self) -> tuple[int, ...]:
        largest = self._sizes.reshape(-1, self._sizes.shape[-1]).amax(0).tolist()
        return tuple(int(largest[group]) + 1 for group in self._listed)

    @constraints.dependent_property(is_discrete=True, event_dim=2)
    def support(self) -> constraints.Constraint:
        """One-hot rows whose column sums are the sizes."""
        return partitions(self.sizes, self.sizes)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """Expands the distribution to a larger batch; parameters are views.

        Args:
            batch_shape: the new batch shape; the old one must broadcast to it.

        Returns:
            The expanded distribution.
        """
        new = self._get_checked_instance(ConditionalCategorical, _instance)
        batch = torch.Size(batch_shape)
        new._logits = self._logits.expand(batch + self.event_shape)
        new._sizes = self._sizes.expand(batch + self._sizes.shape[-1:])
        new.method = self.method
        new.__dict__["log_normalizer"] = self.log_normalizer.expand(batch)
        super(ConditionalCategorical, new).__init__(batch, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @lazy_property
    def log_normalizer(self) -> Tensor:
        """Logarithm of the sum of ``Π_i exp(ℓ_{i, y_i})`` over all partitions of the sizes, float64, shape ``batch_shape``."""
        return self._tables()[-1] if self.method == "exact" else self._saddlepoint()

    def _tilted(self) -> tuple[Tensor, Tensor]:
        """Returns logits tilted so that their softmax has the sizes as column sums, and the tilt's contribution ``λ·n``."""
        logits, sizes = self.logits.double(), self.sizes.double()
        flat = sizes.reshape(-1, sizes.shape[-1])
        with torch.no_grad():
            dual = ColumnPotentials(-logits.reshape(-1, *self.event_shape).mT.contiguous(), flat)
            dual.ascend(torch.zeros_like(flat), _MAX_STEPS)
            tilt = (dual.log_share + dual.columns).reshape(sizes.shape)
        return logits + tilt[..., None, :], torch.where(sizes > 0, tilt * sizes, 0.0).sum(-1)

    def _tables(self, keep: bool = False) -> tuple[list[Tensor], Tensor, Tensor]:
        """Runs the dynamic program over the counts.

        Args:
            keep: whether to keep the table after each element.

        Returns:
            Probabilities of the counts after each element (if kept), the plan, shape ``(B, N, K)``, and the log normaliser,
            shape ``batch_shape``.
        """
        tilted, added = self._tilted()
        plan = torch.softmax(tilted, -1).reshape(-1, *self.event_shape)
        table = plan.new_zeros((len(plan), *self._grid))
        table.view(len(plan), -1)[:, 0] = 1.0
        tables = [table]
        for element in range(self.event_shape[0]):
            shares = plan[:, element].reshape(len(plan), -1, *(1,) * len(self._grid))
            grown = table * shares[:, self._implied]
            for axis, group in enumerate(self._listed):
                moved = table.narrow(axis + 1, 0, table.shape[axis + 1] - 1)
                before = [0, 0] * (len(self._grid) - 1 - axis) + [1, 0]
                grown = grown + torch.nn.functional.pad(moved, before) * shares[:, group]
            table = grown
            if keep:
                tables.append(table)
        reached = self._at(table.reshape(len(plan), -1), self.sizes.reshape(-1, self.event_shape[1])[:, self._listed])
        return tables, plan, reached.log().reshape(self.batch_shape) + tilted.logsumexp(-1).sum(-1) - added

    def _at(self, flat: Tensor, counts: Tensor) -> Tensor:
        """Returns entries of flattened tables, ``(B, cells)``, at counts of the listed groups, ``(B, K - 1)``."""
        return flat.gather(1, self._index(counts)[:, None])[:, 0]

    def _index(self, counts: Tensor) -> Tensor:
        index = torch.zeros_like(counts[:, 0]) if counts.shape[1] else counts.new_zeros(len(counts))
        for axis, length in enumerate(self._grid):
            index = index * length + counts[:, axis]
        return index

    def _saddlepoint(self) -> Tensor:
        tilted, added = self._tilted()
        return tilted.logsumexp(-1).sum(-1) - added + log_probability_of_counts(torch.softmax(tilted, -1), self.sizes)

    def log_prob(self, value: Tensor) -> Tensor:
        """Computes the logarithm of the probability of partitions.

        Args:
            value: one-hot matrices of any dtype, shape ``(..., N, K)``, broadcast with the batch.

        Returns:
            Shape ``(...)`` after broadcasting, in the dtype of the logits; minus infinity outside the support.

        Raises:
            ValueError: with ``validate_args``, if the value is not a partition of these sizes.
        """
        good = self.support.check(value)
        if self._validate_args and not bool(good.all()):
            raise ValueError(
                f"value must have one-hot rows whose column sums are sizes = {self.sizes.tolist()}; got another matrix."
            )
        score = (torch.where(value.detach() != 0, self.logits.double(), 0.0)).sum((-1, -2))
        return torch.where(good, score - self.log_normalizer, -torch.inf).to(self._logits.dtype)

    def sample(self, sample_shape: Sequence[int] = torch.Size(), *, generator: torch.Generator | None = None) -> Tensor:
        """Samples exact partitions backwards through the dynamic program, without gradient.

        Args:
            sample_shape: shape of the samples.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            One-hot matrices in the dtype of the logits, shape ``sample_shape + batch_shape + (N, K)``.

        Raises:
            NotImplementedError: if the dynamic program is not feasible; see :meth:`importance_sample`.
        """
        if self.method != "exact":
            raise NotImplementedError("Exact samples need the dynamic program, which is too large here; see importance_sample.")
        num_elements, groups = self.event_shape
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            tables, plan, _ = self._tables(keep=True)
            flat = [table.reshape(len(plan), -1) for table in tables]
            urn = torch.arange(len(plan), device=plan.device).repeat(shape.numel())
            counts = self.sizes.reshape(-1, groups)[urn]
            value = plan.new_zeros(len(urn), num_elements, groups)
            for element in reversed(range(num_elements)):
                options = plan[urn, element].clone()
                for group in range(groups):
                    before = counts[:, self._listed].clone()
                    if group != self._implied:
                        before[:, self._listed.index(group)] -= 1
                    reached = flat[element][urn, self._index(before.clamp(min=0))]
                    options[:, group] *= torch.where(counts[:, group] > 0, reached, 0.0)
                chosen = torch.multinomial(options, 1, generator=generator)
                value[:, element].scatter_(1, chosen, 1.0)
                counts = counts.scatter_add(1, chosen, torch.full_like(chosen, -1))
        return value.reshape(shape + self.batch_shape + self.event_shape).to(self._logits.dtype)

    def importance_sample(self, num_samples: int, *, generator: torch.Generator | None = None) -> ImportanceSample:
        """Samples from :class:`~hypergeo.partitions.RandomPartition`, small groups first, and computes importance weights.

        Args:
            num_samples: number of samples ``S``, at least one.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Partitions, shape ``(S,) + batch_shape + (N, K)``, with their weights and the effective sample size.

        Raises:
            ValueError: if the number of samples is less than one.

        Example:
            >>> _ = torch.manual_seed(0)
            >>> rows = ConditionalCategorical([2, 4], torch.randn(6, 2, dtype=torch.float64))
            >>> weighted = rows.importance_sample(1000)
            >>> bool(weighted.effective_sample_size > 500)
            True
            >>> error = weighted.log_weights.logsumexp(0) - math.log(1000) - rows.log_normalizer
            >>> bool(error.abs() < 0.1)
            True
        """
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1; got {num_samples}.")
        order = self._sizes.reshape(-1, self._sizes.shape[-1]).double().mean(0).argsort(stable=True).tolist()
        proposal = RandomPartition(self.sizes, self.logits.double(), order=order, validate_args=False)
        value = proposal.sample((num_samples,), generator=generator)
        score = (value * self.logits.double()).sum((-1, -2))
        log_weights = score - proposal.log_prob(value)
        size = (2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)).exp()
        return ImportanceSample(value.to(self._logits.dtype), log_weights, size)
