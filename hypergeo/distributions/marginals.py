"""Distribution functions of single counts, from tables that are only as wide as the support or the mass."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hypergeo.numerics.enumeration import enumerate_counts
from hypergeo.numerics.urn_rows import Rows, broadcast_shapes

from .reading import every
from .urn import UrnDistribution

__all__ = ["CountDistribution", "Marginals"]

_LOWEST = -1e30  # represents the logarithm of zero, where a cumulative sum's gradient would be NaN


class Marginals(NamedTuple):
    """Log-probabilities of the counts of every group.

    Attributes:
        rows: the urns, ``T`` of them.
        table: log-probabilities, float64, shape ``(T, K, W)``; ``-inf`` where a count cannot occur.
        low: the counts of the first entries, int64, shape ``(R or T, K)``.
    """

    rows: Rows
    table: Tensor
    low: Tensor


class CountDistribution(UrnDistribution):
    """Base class of the distributions of whole counts, whose probabilities are computed exactly."""

    has_enumerate_support = True

    def _marginals(self, tails: bool) -> Marginals:
        """Returns tables of all counts of the support or, with ``tails``, of the counts that affect a distribution function.

        Raises:
            NotImplementedError: by this base class.
        """
        raise NotImplementedError

    def marginal_log_prob(self) -> Tensor:
        """Computes log-probabilities of every count of every group, tails included.

        Returns:
            Shape ``batch_shape + (K, max(group_sizes) + 1)``; ``-inf`` where a count cannot occur.

        Example:
            >>> from hypergeo import FisherHypergeometric
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).marginal_log_prob().exp()
            tensor([[0.1429, 0.8571, 0.0000],
                    [0.0000, 0.8571, 0.1429]], dtype=torch.float64)
        """
        rows, table, low = self._marginals(tails=False)
        table = table - table.detach().clamp(min=0)  # rounding takes certain counts above zero
        index = torch.arange(int(self.group_sizes.max()) + 1, device=low.device) - low[..., None]
        inside = (index >= 0) & (index < table.shape[-1])
        index = index.clamp(0, table.shape[-1] - 1).expand(*table.shape[:2], -1)
        log_prob = torch.where(inside, table.gather(-1, index), -torch.inf)
        return rows.restore(log_prob, self._batch_shape).to(self.dtype)

    def cdf(self, value: Tensor) -> Tensor:
        """Computes marginal probabilities ``P(x_k ≤ value_k)``.

        This method, :meth:`survival` and their logarithms have full relative accuracy in both tails. Tables of more than 32,768
        counts end at ``e^-800``. All are differentiable once with respect to the weights. A ``ValueError`` is raised for values
        that are not real numbers or do not broadcast with the batch.

        Args:
            value: real numbers, shape ``sample_shape + batch_shape + (K,)`` or one that broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``.

        Example:
            >>> from hypergeo import FisherHypergeometric
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).cdf(torch.tensor([0.0, 1.0]))
            tensor([0.1429, 0.8571], dtype=torch.float64)
        """
        value, lower, upper = self._tails(value)
        return self._with_nan(value, torch.where(lower <= upper, lower.exp(), 1 - upper.exp()))

    def survival(self, value: Tensor) -> Tensor:
        """Computes marginal probabilities ``P(x_k > value_k)``, as accurately as :meth:`cdf`.

        Args:
            value: real numbers, shape ``sample_shape + batch_shape + (K,)`` or one that broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``.

        Example:
            >>> from hypergeo import FisherHypergeometric
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).survival(torch.tensor([0.0, 1.0]))
            tensor([0.8571, 0.1429], dtype=torch.float64)
        """
        value, lower, upper = self._tails(value)
        return self._with_nan(value, torch.where(upper <= lower, upper.exp(), 1 - lower.exp()))

    def log_cdf(self, value: Tensor) -> Tensor:
        """Computes the logarithms of the probabilities of :meth:`cdf`.

        Args:
            value: real numbers, shape ``sample_shape + batch_shape + (K,)`` or one that broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``; ``-inf`` for probabilities of zero.
        """
        value, lower, upper = self._tails(value)
        return self._with_nan(value, _log_tail(lower, upper))

    def log_survival(self, value: Tensor) -> Tensor:
        """Computes the logarithms of the probabilities of :meth:`survival`.

        Args:
            value: real numbers, shape ``sample_shape + batch_shape + (K,)`` or one that broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``; ``-inf`` for probabilities of zero.
        """
        value, lower, upper = self._tails(value)
        return self._with_nan(value, _log_tail(upper, lower))

    def _with_nan(self, value: Tensor, result: Tensor) -> Tensor:
        return torch.where(value.isnan(), torch.nan, result).to(self.dtype)

    def _tails(self, value: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Computes the logarithms of both tails, :data:`_LOWEST` for zero.

        Args:
            value: real numbers that broadcast with the batch.

        Returns:
            The values as a tensor, and the logarithms of ``P(x_k ≤ value_k)`` and ``P(x_k > value_k)``.

        Raises:
            ValueError: if arguments are validated and a value is not a number.
        """
        value = self._read_value(value, per_group=False).double()
        if self._validate_args and not every(~value.isnan()):
            raise ValueError("value must be real numbers; got nan.")
        rows, table, low = self._marginals(tails=True)
        below, above = _cumulative(table)
        shape = broadcast_shapes(value.shape, self._batch_shape + self._event_shape)
        places = torch.arange(0, below.numel(), below.shape[-1], device=low.device).view(below.shape[:2])
        place, low = (rows.restore(t.expand(below.shape[:2]), self._batch_shape) for t in (places, low))
        index = (value.floor() - low + 1).nan_to_num(0.0).clamp(0, below.shape[-1] - 1).long().expand(shape) + place
        return value, below.reshape(-1)[index], above.reshape(-1)[index]

    def icdf(self, value: Tensor) -> Tensor:
        """Computes marginal quantiles: the smallest possible count whose :meth:`cdf` reaches the probability.

        Args:
            value: probabilities, shape ``sample_shape + batch_shape + (K,)`` or one that broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``; the smallest possible counts at probability 0, the largest at 1.

        Raises:
            ValueError: for a value outside [0, 1].

        Example:
            >>> from hypergeo import FisherHypergeometric
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).icdf(torch.tensor([0.1, 0.9]))
            tensor([0., 2.], dtype=torch.float64)
        """
        value = self._read_value(value, per_group=False)
        inside = (value >= 0) & (value <= 1)
        if self._validate_args and not every(inside):
            raise ValueError(f"value must be probabilities between 0 and 1; got {value[~inside].flatten()[0].item()}.")
        with torch.no_grad():
            rows, table, low = self._marginals(tails=True)
            below, above = (tail[..., 1:] for tail in _cumulative(table))
            cdf = torch.where(below <= above, below.exp(), 1 - above.exp())
            cdf = cdf.to(value.dtype if value.is_floating_point() else cdf.dtype).cummax(-1).values
            shape = broadcast_shapes(value.shape, self._batch_shape + self._event_shape)
            leading = len(shape) - len(self._batch_shape) - 1
            goal = rows.gather_draws(value.to(cdf.dtype).expand(shape), leading, self._batch_shape)
            places = torch.searchsorted(cdf.contiguous(), goal.permute(1, 2, 0).contiguous()).permute(2, 0, 1)
            possible = (table > -torch.inf).to(torch.uint8)
            first, last = possible.argmax(-1), table.shape[-1] - 1 - possible.flip(-1).argmax(-1)
            counts = torch.where(goal == 1, last, places.clamp(first, last)) + low
            result = rows.restore_draws(counts, shape[:leading], self._batch_shape).to(self.dtype)
            return torch.where(inside, result, torch.nan)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Lists all count vectors in lexicographic order; raises ``ValueError`` if there are too many.

        Args:
            expand: whether batch axes are expanded; they have length one otherwise.

        Returns:
            Shape ``(N,) + batch_shape + (K,)``.

        Raises:
            NotImplementedError: if ``total_count`` or ``group_sizes`` differ within the batch.
        """
        sizes, total = self.group_sizes.reshape(-1, self._event_shape[0]), self.total_count.reshape(-1)
        if not every((sizes == sizes[0]).all() & (total == total[0]).all()):
            raise NotImplementedError("enumerate_support needs one total_count and one group_sizes for the whole batch.")
        values = enumerate_counts(int(total[0]), sizes[0]).to(self.dtype)
        values = values.view(-1, *(1,) * len(self._batch_shape), values.shape[-1])
        return values.expand(-1, *self._batch_shape, -1) if expand else values


def _cumulative(table: Tensor) -> tuple[Tensor, Tensor]:
    """Returns logarithms of the sums of the first ``0, …, W`` entries of a table, and of the entries after these."""
    finite = table.clamp(min=_LOWEST)
    none = finite.new_full((*table.shape[:-1], 1), _LOWEST)
    below = torch.cat([none, finite.logcumsumexp(-1)], -1)
    above = torch.cat([finite.flip(-1).logcumsumexp(-1).flip(-1), none], -1)
    return below, above


def _log_tail(tail: Tensor, other: Tensor) -> Tensor:
    """Returns the logarithm of a probability from its own and from that of the complement, whichever is smaller."""
    small = tail <= other
    rest = torch.where(small, -1.0, other)
    log_prob = torch.where(small, tail, torch.log1p(-rest.exp()))
    return torch.where(log_prob > 0.5 * _LOWEST, log_prob, -torch.inf)
