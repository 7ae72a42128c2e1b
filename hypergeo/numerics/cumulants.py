"""Log-probability, log-normalizer, mean and covariance of Fisher's noncentral hypergeometric distribution for autograd.

The distribution is an exponential family: the derivative of each cumulant with respect to the log weights is the next one. The
functions of this module compute values from the tables of :mod:`hypergeo.numerics.partition` and derivatives by this rule. They
support forward and backward mode, second derivatives, and ``torch.func``. ``vmap`` evaluates a batch of urns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .binomials import log_binomial_pmf
from .moments import covariance, mean_and_variance
from .native import aligned, along, native, opaque, parts_sum, plain
from .partition import MOMENT_DROP, Layout, Tree, mean_counts
from .urn_rows import Rows, broadcast_shapes

__all__ = ["KeptTree", "UrnTensors", "covariance_matrix", "log_normalizer", "log_probability", "mean"]

_JOINT_ENTRIES = 1 << 24  # largest size of the joint tables from which covariances are summed


class UrnTensors(NamedTuple):
    """Holds the tensors of a batch of urns.

    Attributes:
        log_weights: log weights, shape ``batch + (K,)``.
        group_sizes: group sizes, shape ``batch + (K,)``.
        drawn: numbers of elements drawn, shape ``batch + (1,)``.
    """

    log_weights: Tensor
    group_sizes: Tensor
    drawn: Tensor

    @property
    def total_count(self) -> Tensor:
        """Numbers of elements drawn, shape ``batch``."""
        return self.drawn[..., 0]

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch."""
        return self.drawn.shape[:-1]

    @staticmethod
    def of(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor) -> UrnTensors:
        """Collects the tensors of a batch of urns.

        Args:
            log_weights: log weights, shape ``batch + (K,)``.
            group_sizes: group sizes, shape ``batch + (K,)``.
            total_count: numbers of elements drawn, shape ``batch``.

        Returns:
            The tensors.
        """
        return UrnTensors(log_weights, group_sizes, total_count[..., None])

    def rows(self) -> Rows:
        """Collects the distinct urns.

        Returns:
            One row for each distinct urn.
        """
        batch = broadcast_shapes(*(t.shape[:-1] for t in self))
        return Rows.of(UrnTensors(*(t.expand(*batch, t.shape[-1]) for t in self)))


class KeptTree:
    """Caches the tables of one urn until its weights are changed in place."""

    def __init__(self) -> None:
        self._kept: tuple[int, Tree] | None = None

    def of(self, urn: UrnTensors) -> Tree:
        """Returns the tables of the urn, cached if its weights have not changed.

        Args:
            urn: the urn to which this cache belongs.

        Returns:
            The tables.
        """
        version = None if urn.log_weights.is_inference() else urn.log_weights._version
        if version is None or self._kept is None or self._kept[0] != version:
            tree = _tree(urn)
            if version is None:
                return tree
            self._kept = version, tree
        return self._kept[1]


@torch.inference_mode(False)
@torch.no_grad()
def _tree(urn: UrnTensors) -> Tree:
    return Tree(UrnTensors(*map(plain, urn)).rows(), MOMENT_DROP)


def _moved(info: Any, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> list[Any]:
    """Returns the arguments as a batch of urns without cached tables."""
    return [None if isinstance(argument, KeptTree) else argument for argument in aligned(info, in_dims, arguments)]


class _Cumulant(torch.autograd.Function):
    """A function of log weights, optional further tensors, the sizes, the numbers of elements drawn, and cached tables.

    Values are float64. Gradients have the dtype of the log weights.
    """

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        tensors = [a for a in inputs if isinstance(a, Tensor)]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.kept = inputs[-1]


class _LogProbability(_Cumulant):
    """Log-probability. Its gradient is the counts minus their mean."""

    @staticmethod
    def forward(log_weights: Tensor, value: Tensor, sizes: Tensor, drawn: Tensor, kept: KeptTree | None) -> Tensor:
        urn = UrnTensors(log_weights, sizes, drawn)
        tree = kept.of(urn) if kept else _tree(urn)
        rows, batch = tree.rows, urn.batch_shape
        counts = plain(value).double()
        possible = rows.restore(rows.sizes.expand_as(tree.logits).double(), batch)
        terms = log_binomial_pmf(possible, counts, rows.restore(tree.logits, batch))
        result = (terms.sum(-1) - rows.restore(tree.log_total(), batch)).clamp(max=0)
        good = (counts == counts.round()).all(-1) & (counts.sum(-1) == drawn[..., 0])
        return torch.where(good, result, -torch.inf)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        log_weights, value, sizes, drawn = ctx.saved_tensors
        score = grad[..., None] * _where_good(*_score_parts(ctx.kept, log_weights, value, sizes, drawn))
        return score.sum_to_size(log_weights.shape).to(log_weights.dtype), None, None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        log_weights, value, sizes, drawn = ctx.saved_tensors
        return along(tangent, native(_where_good, *_score_parts(ctx.kept, log_weights, value, sizes, drawn)))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _LogProbability.apply(*_moved(info, in_dims, arguments)), 0


def _score_parts(kept: KeptTree | None, log_weights: Tensor, value: Tensor, sizes: Tensor, drawn: Tensor) -> tuple[Tensor, ...]:
    """Returns whether counts are possible, the counts and their mean. The gradient of the log-probability is the difference."""
    counts, possible = value.double(), torch.where(log_weights > -torch.inf, sizes, 0)
    good = (counts == counts.round()) & (counts >= 0) & (counts <= possible)
    good = good.all(-1, keepdim=True) & (counts.sum(-1, keepdim=True) == drawn)
    return good, counts, _Mean.apply(log_weights, sizes, drawn, kept)


def _where_good(good: Tensor, counts: Tensor, mean: Tensor) -> Tensor:
    return torch.where(good, counts - mean, 0.0)


class _LogNormalizer(_Cumulant):
    """Log-normalizer. Its gradient is the mean."""

    @staticmethod
    def forward(log_weights: Tensor, sizes: Tensor, drawn: Tensor, kept: KeptTree | None) -> Tensor:
        urn = UrnTensors(log_weights, sizes, drawn)
        tree = kept.of(urn) if kept else _tree(urn)
        free = -(tree.rows.sizes * torch.nn.functional.logsigmoid(-tree.logits)).sum(-1)
        return tree.rows.restore(free - tree.rows.total * tree.tilt[:, 0] + tree.log_total(), urn.batch_shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        log_weights, sizes, drawn = ctx.saved_tensors
        mean = _Mean.apply(log_weights, sizes, drawn, ctx.kept)
        return (grad[..., None] * mean).to(log_weights.dtype), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        return along(tangent, _Mean.apply(*ctx.saved_tensors, ctx.kept))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _LogNormalizer.apply(*_moved(info, in_dims, arguments)), 0


class _Mean(_Cumulant):
    """Mean. Its gradient is the covariance."""

    @staticmethod
    def forward(log_weights: Tensor, sizes: Tensor, drawn: Tensor, kept: KeptTree | None) -> Tensor:
        urn = UrnTensors(log_weights, sizes, drawn)
        tree = kept.of(urn) if kept else _tree(urn)
        marginals, rows = tree.log_marginals(), tree.rows
        mean = (marginals.table.exp() * marginals.counts()).sum(-1)
        total, capacity = rows.total[:, None], rows.sizes
        least = (total - capacity.sum(-1, keepdim=True) + capacity).clamp(min=0)
        return rows.restore(mean.clamp(min=least.double(), max=torch.minimum(total, capacity).double()), urn.batch_shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        log_weights, sizes, drawn = ctx.saved_tensors
        return _CovarianceProduct.apply(log_weights, grad, sizes, drawn, None).to(log_weights.dtype), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        log_weights, sizes, drawn = ctx.saved_tensors
        return _CovarianceProduct.apply(log_weights, tangent, sizes, drawn, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _Mean.apply(*_moved(info, in_dims, arguments)), 0


class _CovarianceProduct(_Cumulant):
    """Product of the covariance matrix and a vector. Its gradient consists of products of the third cumulants."""

    @staticmethod
    @torch.inference_mode(False)
    def forward(log_weights: Tensor, vector: Tensor, sizes: Tensor, drawn: Tensor, kept: None) -> Tensor:
        urn, vector = UrnTensors(*map(plain, (log_weights, sizes, drawn))), plain(vector).double()
        rows = urn.rows()
        if rows.repeats(urn.batch_shape) > 1:  # many vectors for one urn
            return (rows.restore(_covariance(rows), urn.batch_shape) @ vector[..., None])[..., 0]
        with torch.enable_grad():
            logs = rows.log_weights.detach().clone().requires_grad_()
            mean = mean_counts(logs, rows.sizes, rows.total)
            (product,) = torch.autograd.grad(mean, logs, vector.reshape(mean.shape))
        return rows.restore(product, urn.batch_shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        log_weights, vector, sizes, drawn = ctx.saved_tensors
        to_weights = to_vector = None
        if ctx.needs_input_grad[0]:
            to_weights = _ThirdCumulant.apply(log_weights, vector, grad, sizes, drawn, None).to(log_weights.dtype)
        if ctx.needs_input_grad[1]:
            to_vector = _CovarianceProduct.apply(log_weights, grad, sizes, drawn, None).to(vector.dtype)
        return to_weights, to_vector, None, None, None

    @staticmethod
    def jvp(ctx: Any, weights_tangent: Tensor | None, vector_tangent: Tensor | None, *_: Any) -> Tensor | None:
        log_weights, vector, sizes, drawn = ctx.saved_tensors
        parts = []
        if weights_tangent is not None:
            parts.append(_ThirdCumulant.apply(log_weights, vector, weights_tangent, sizes, drawn, None))
        if vector_tangent is not None:
            parts.append(_CovarianceProduct.apply(log_weights, vector_tangent, sizes, drawn, None))
        return parts_sum(parts)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _CovarianceProduct.apply(*_moved(info, in_dims, arguments)), 0


class _ThirdCumulant(_Cumulant):
    """Third cumulants of the counts, contracted with two vectors: the derivative of their product with the covariance."""

    @staticmethod
    @torch.inference_mode(False)
    def forward(log_weights: Tensor, one: Tensor, other: Tensor, sizes: Tensor, drawn: Tensor, kept: None) -> Tensor:
        batch = drawn.shape[:-1]
        urn = UrnTensors(*map(plain, (log_weights, sizes, drawn)))
        rows = UrnTensors(urn.log_weights.double().contiguous(), urn.group_sizes, urn.drawn).rows()
        with torch.enable_grad():
            logs = rows.log_weights.detach().clone().requires_grad_()
            left, right = (plain(v).double().reshape(logs.shape) for v in (one, other))
            product = (left * (covariance(Rows.plain(logs, rows.sizes, rows.total)) @ right[..., None])[..., 0]).sum()
            (gradient,) = torch.autograd.grad(product, logs)
        return gradient.reshape(*batch, -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, ...]:
        raise NotImplementedError(
            "Means are differentiable twice and log-probabilities three times; fourth cumulants are not implemented."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _ThirdCumulant.apply(*_moved(info, in_dims, arguments)), 0


@opaque
def log_probability(
    log_weights: Tensor, value: Tensor, group_sizes: Tensor, total_count: Tensor, kept: KeptTree | None = None
) -> Tensor:
    """Computes log-probabilities of counts, differentiable three times with respect to the log weights.

    Args:
        log_weights: log weights, floating-point, shape ``batch + (K,)``; ``-inf`` for a weight of zero.
        value: counts of any real dtype, shape ``batch + (K,)`` or one that broadcasts with it, with optional leading axes.
        group_sizes: group sizes, int64, shape ``batch + (K,)``.
        total_count: numbers of elements drawn, int64, shape ``batch``.
        kept: cached tables of this urn.

    Returns:
        float64, at most zero, of the shape of the counts without the last axis; ``-inf`` for impossible counts.

    Example:
        >>> log_weights = torch.tensor([0.0, 1.0, 2.0])
        >>> log_probability(log_weights, torch.tensor([0, 1, 1]), torch.tensor([2, 2, 2]), torch.tensor(2)).exp()
        tensor(0.4372, dtype=torch.float64)
    """
    return _LogProbability.apply(log_weights, value, group_sizes, total_count[..., None], kept)


@opaque
def log_normalizer(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor, kept: KeptTree | None = None) -> Tensor:
    """Computes ``log Z``, differentiable three times with respect to the log weights.

    Args:
        log_weights: log weights, floating-point, shape ``batch + (K,)``; ``-inf`` for a weight of zero.
        group_sizes: group sizes, int64, shape ``batch + (K,)``.
        total_count: numbers of elements drawn, int64, shape ``batch``.
        kept: cached tables of this urn.

    Returns:
        float64, shape ``batch``.
    """
    return _LogNormalizer.apply(log_weights, group_sizes, total_count[..., None], kept)


@opaque
def mean(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor, kept: KeptTree | None = None) -> Tensor:
    """Computes expected counts, differentiable twice with respect to the log weights.

    Args:
        log_weights: log weights, floating-point, shape ``batch + (K,)``; ``-inf`` for a weight of zero.
        group_sizes: group sizes, int64, shape ``batch + (K,)``.
        total_count: numbers of elements drawn, int64, shape ``batch``.
        kept: cached tables of this urn.

    Returns:
        float64, shape ``batch + (K,)``.
    """
    return _Mean.apply(log_weights, group_sizes, total_count[..., None], kept)


@opaque
def covariance_matrix(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor) -> Tensor:
    """Computes covariances of the counts, differentiable once with respect to the log weights.

    Args:
        log_weights: log weights, floating-point, shape ``batch + (K,)``; ``-inf`` for a weight of zero.
        group_sizes: group sizes, int64, shape ``batch + (K,)``.
        total_count: numbers of elements drawn, int64, shape ``batch``.

    Returns:
        float64, shape ``batch + (K, K)``.
    """
    urn = UrnTensors(log_weights, group_sizes, total_count[..., None])
    rows = urn.rows()
    return rows.restore(_covariance(rows), urn.batch_shape)


def _covariance(rows: Rows) -> Tensor:
    """Returns the covariances of rows of urns. Two groups need one variance, and large urns avoid tables of two totals."""
    groups = rows.sizes.shape[-1]
    if groups == 2:
        variance = mean_and_variance(rows)[1].mean(-1)[:, None, None]
        return variance * (2 * torch.eye(2, dtype=variance.dtype, device=variance.device) - 1)
    widths = [level.width for level in Layout.of(rows.sizes, rows.total).levels[:-1]]
    if max(widths, default=1) ** 2 <= _JOINT_ENTRIES:
        return covariance(rows)
    basis = torch.eye(groups, dtype=torch.float64, device=rows.sizes.device)
    logs, sizes, drawn = (
        rows.log_weights,
        rows.sizes.expand_as(rows.log_weights),
        rows.total[:, None].expand(len(rows.log_weights), 1),
    )
    columns = [_CovarianceProduct.apply(logs, e.expand_as(logs).contiguous(), sizes, drawn, None) for e in basis]
    return torch.stack(columns, -1)
