"""Wallenius' multivariate noncentral hypergeometric distribution: elements leave the urn one at a time, by weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hypergeo.numerics.enumeration import count_support, enumerate_counts
from hypergeo.numerics.urn_rows import Rows, broadcast_shapes
from hypergeo.numerics.wallenius.arrivals import first_arrivals
from hypergeo.numerics.wallenius.mean import mean, second_moments
from hypergeo.numerics.wallenius.moments import wallenius_log_marginals, wallenius_mean_and_variance
from hypergeo.numerics.wallenius.probability import log_probability

from .fitting import WeightFit, fit_weights
from .likelihood import WalleniusLikelihood
from .marginals import CountDistribution, Marginals
from .reading import read_shape

__all__ = ["WalleniusHypergeometric"]

_LISTED = 4_096  # largest number of count vectors that marginals are summed over
_SUMMED = 200_000  # largest number of count vectors that the entropy is summed over and the mode is searched in
_WIDEST = 1 << 16  # largest number of counts of one group in a table of marginals


class WalleniusHypergeometric(CountDistribution):
    r"""Counts by group when elements leave an urn one at a time, each with probability proportional to its weight.

    Equivalently, every element has an exponential arrival time whose rate is its weight, and the first ``total_count`` elements
    that arrive are drawn (Gumbel-top-n over all elements). The distribution differs from Fisher's unless all weights are equal.
    With :math:`D = \sum_k w_k (m_k - x_k)` its probabilities are

    .. math:: p(x) = \prod_k \binom{m_k}{x_k} \int_0^\infty D e^{-D u} \prod_k (1 - e^{-w_k u})^{x_k} \, du .

    Everything is exact for any number of groups. ``log_prob`` is differentiable with respect to the weights, to any order,
    backwards and forwards, also by ``torch.func``. So are marginals and ``entropy`` of urns with up to 4,096 count vectors.
    ``mean`` is differentiable once. Samples, ``variance`` and ``covariance_matrix`` carry no gradient. The gradient with
    respect to a weight of zero is zero, not the one-sided derivative: such a group stays absent.

    Args:
        total_count: number of elements drawn, shape ``batch_shape`` after broadcasting.
        group_sizes: number of elements in each group, ``batch_shape + (K,)`` after broadcasting.
        weights: importance of each group, nonnegative, ``batch_shape + (K,)`` after broadcasting. All equal when omitted.
        log_weights: natural logarithms of the weights, instead of ``weights``.
        validate_args: whether to check arguments and values; torch's default when omitted.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> urn = WalleniusHypergeometric(3, [4, 2, 2], weights=[1.0, 2.0, 4.0])
        >>> urn.log_prob(torch.tensor([[1, 1, 1], [2, 1, 0]])).exp()
        tensor([0.3179, 0.0462], dtype=torch.float64)
        >>> urn.sample((5,)).sum(-1)
        tensor([3., 3., 3., 3., 3.], dtype=torch.float64)

    References:
        K. T. Wallenius, Biased sampling: the noncentral hypergeometric probability distribution, 1963.
        J. Chesson, A non-central multivariate hypergeometric distribution arising from biased sampling with application
        to selective predation, Journal of Applied Probability 13 (1976), equation for the multivariate distribution.
        A. Fog, Calculation methods for Wallenius' noncentral hypergeometric distribution, Communications in Statistics -
        Simulation and Computation 37 (2008).
    """

    has_rsample = False

    def sample(self, sample_shape: Sequence[int] = torch.Size(), *, generator: torch.Generator | None = None) -> Tensor:
        """Samples count vectors, independent and exact, without gradient.

        Every element has an exponential arrival time whose rate is its weight, and the first ``total_count`` elements that
        arrive are drawn. Cost and memory depend on the number of groups, and hardly on their sizes.

        Args:
            sample_shape: shape of the samples.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Whole counts, shape ``sample_shape + batch_shape + (K,)``.

        Example:
            >>> WalleniusHypergeometric([2, 5], [3, 2], weights=[0.0, 1.0], validate_args=False).sample((4,)).shape
            torch.Size([4, 2, 2])
        """
        rows, shape = Rows.of(self), read_shape("sample_shape", sample_shape)
        with torch.no_grad():
            logs, number = rows.log_weights, shape.numel() * rows.repeats(self._batch_shape)
            urns = logs, rows.sizes.expand_as(logs).double(), rows.total.expand(len(logs)).double()
            drawn = first_arrivals(*urns, number, generator=generator)
            return rows.restore_draws(drawn, shape, self._batch_shape).to(self.dtype)

    @property
    def mean(self) -> Tensor:
        """Expected counts, shape ``batch_shape + (K,)``; differentiable once, for urns of up to 20,000 elements.

        Example:
            >>> WalleniusHypergeometric(3, [2, 2, 2], weights=[1.0, 2.0, 3.0]).mean
            tensor([0.5918, 1.0499, 1.3582], dtype=torch.float64)
        """
        return mean(*self._distinct()).expand(self._batch_shape + self._event_shape).to(self.dtype)

    @property
    def variance(self) -> Tensor:
        """Variances of the counts, shape ``batch_shape + (K,)``; exact, and without gradient.

        Example:
            >>> WalleniusHypergeometric(3, [2, 2, 2], weights=[1.0, 2.0, 3.0]).variance
            tensor([0.3507, 0.3787, 0.3602], dtype=torch.float64)
        """
        rows = Rows.of(self)
        logs = rows.log_weights.detach()
        variance = wallenius_mean_and_variance(logs, rows.sizes.expand(logs.shape), rows.total.expand(len(logs)))[1]
        return rows.restore(variance, self._batch_shape).to(self.dtype)

    @property
    def covariance_matrix(self) -> Tensor:
        """Covariances of the counts, shape ``batch_shape + (K, K)``, without gradient, for urns of up to 20,000 elements.

        In contrast to Fisher's distribution, they are not the derivatives of the mean in the log weights.

        Example:
            >>> WalleniusHypergeometric(3, [2, 2], weights=[1.0, 3.0]).covariance_matrix
            tensor([[ 0.1373, -0.1373],
                    [-0.1373,  0.1373]], dtype=torch.float64)
        """
        covariance, _ = second_moments(*self._distinct())
        return covariance.expand(self._batch_shape + 2 * self._event_shape).to(self.dtype)

    @property
    @torch.no_grad()
    def mode(self) -> Tensor:
        """A most probable vector of counts, shape ``batch_shape + (K,)``.

        For urns with more than 200,000 count vectors it is a vector that no exchange of a single element makes more probable.
        """
        rows = Rows.of(self)
        logs, sizes, total = rows.log_weights, rows.sizes.expand_as(rows.log_weights), rows.total.expand(len(rows.log_weights))
        modes = [_mode(*urn) for urn in zip(logs, sizes, total, strict=True)]
        return rows.restore(torch.stack(modes).double(), self._batch_shape).to(self.dtype)

    def entropy(self) -> Tensor:
        """Computes the entropy by the sum over all count vectors; raises ``ValueError`` for more than 200,000.

        Returns:
            Entropy in nats, shape ``batch_shape``.

        Example:
            >>> WalleniusHypergeometric(1, [2, 1], weights=[1.0, 2.0]).entropy()
            tensor(0.6931, dtype=torch.float64)
        """
        rows = Rows.of(self)
        entropies = [-(log_prob.exp() * _finite(log_prob)).sum() for _, log_prob in self._lists(rows, _SUMMED, "entropy")]
        return rows.restore(torch.stack(entropies), self._batch_shape).to(self.dtype)

    @classmethod
    def fit(cls, counts: Any, group_sizes: Any) -> WeightFit:
        """Fits weights to observed counts by maximum likelihood; see :func:`hypergeo.distributions.fitting.fit_weights`.

        Args:
            counts: whole numbers, shape ``(N, K)``; each row's sum is its number drawn.
            group_sizes: whole numbers, shape ``(K,)`` or ``(N, K)``.

        Returns:
            Weights of geometric mean one, shape ``(K,)``, standard errors of their logarithms, and the groups at a bound.

        Example:
            >>> fit = WalleniusHypergeometric.fit([[3, 5, 7], [2, 6, 7]], [10, 10, 10])
            >>> bool(fit.weights[0] < fit.weights[1] < fit.weights[2])
            True
        """
        return fit_weights(counts, group_sizes, likelihood=WalleniusLikelihood)

    def _lists(self, rows: Rows, most: int, what: str) -> list[tuple[Tensor, Tensor]]:
        """Lists every row's count vectors and their log-probabilities.

        Args:
            rows: the urns.
            most: largest number of count vectors of one urn.
            what: name of the quantity, for error messages.

        Returns:
            For each row, count vectors, shape ``(N, K)``, and their log-probabilities, shape ``(N,)``.

        Raises:
            ValueError: if an urn has more count vectors.
        """
        logs, lists = rows.log_weights, []
        sizes, totals = rows.sizes.expand_as(logs), rows.total.expand(len(logs))
        for log_weights, m, n in zip(logs, sizes, totals, strict=True):
            number = count_support(int(n), m)
            if number > most:
                raise ValueError(
                    f"{what} sums over at most {most:,} count vectors; total_count = {int(n)} and group_sizes = {m.tolist()} "
                    f"allow {number:,}."
                )
            counts = enumerate_counts(int(n), m)
            lists.append((counts, log_probability(log_weights, counts, m, n[None])[0]))
        return lists

    def _marginals(self, tails: bool) -> Marginals:
        rows = Rows.of(self)
        logs = rows.log_weights
        sizes, total = rows.sizes.expand_as(logs), rows.total.expand(len(logs))
        low = (total[:, None] - sizes.sum(-1, keepdim=True) + sizes).clamp(min=0)
        width = int((torch.minimum(total[:, None], sizes) - low).max()) + 1
        if width > _WIDEST:
            raise ValueError(
                f"Marginals of Wallenius' distribution are computed for at most {_WIDEST:,} different counts of a group; "
                f"total_count and group_sizes allow {width:,}."
            )
        if _supports(rows) > _LISTED:
            return Marginals(rows, wallenius_log_marginals(logs, sizes, total)[0], low)
        tables = []
        for first, (counts, log_prob) in zip(low, self._lists(rows, _LISTED, "marginal_log_prob"), strict=True):
            each = counts.mT[:, None] - first[:, None, None] == torch.arange(width, device=low.device)[:, None]
            tables.append(_log_sums(torch.where(each, log_prob, -torch.inf)))
        return Marginals(rows, torch.stack(tables), low)

    def log_prob(self, value: Tensor) -> Tensor:
        """Computes the logarithm of the probability of counts, by the quadrature of :meth:`log_prob_with_error`.

        With ``validate_args`` a ``ValueError`` is raised if the value is not a count vector of this urn.

        Args:
            value: counts of any real or integer dtype, shape ``(..., K)``, broadcast with the batch.

        Returns:
            Shape ``(...)`` after broadcasting, in the dtype of the weights; ``-inf`` for counts that cannot be drawn.

        Example:
            >>> WalleniusHypergeometric(1, [2, 1], weights=[1.0, 2.0]).log_prob(torch.tensor([1, 0])).exp()
            tensor(0.5000, dtype=torch.float64)
        """
        return self.log_prob_with_error(value)[0]

    def log_prob_with_error(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the logarithm of the probability of counts, and a bound on its absolute error.

        The error covers quadrature, truncation and rounding, including that to the dtype of the weights; all earlier steps are
        in float64. With weights in float64 it is about 1e-13 for counts up to hundreds, below 1e-11 for three groups of
        100,000 and below 1e-10 for a thousand such groups; far in the tails it is a few 1e-15 of the log-probability. The
        true error is mostly less than a tenth of it. With ``validate_args`` a ``ValueError`` is raised if the value is not a
        count vector of this urn.

        Args:
            value: counts of any real or integer dtype, shape ``(..., K)``, broadcast with the batch.

        Returns:
            Log-probability and error, both of shape ``(...)`` after broadcasting and in the dtype of the weights. The error is
            detached.

        Example:
            >>> urn = WalleniusHypergeometric(300, [400, 500], weights=[1.0, 3.0])
            >>> log_prob, error = urn.log_prob_with_error(torch.tensor([80, 220]))
            >>> bool(error < 1e-13)
            True
        """
        value = self._read_value(value)
        if self._validate_args:
            self._validate_sample(value)
        log_weights, sizes, total = self._distinct()
        log_prob, error = log_probability(log_weights, value.detach(), sizes, total[..., None])
        shape = broadcast_shapes(value.shape[:-1], self._batch_shape)
        error = error + torch.where(log_prob.isfinite(), log_prob.detach().abs(), 0.0) * torch.finfo(self.dtype).eps
        return log_prob.expand(shape).to(self.dtype), error.detach().expand(shape).to(self.dtype)


def _supports(rows: Rows) -> int:
    """Returns the largest number of count vectors of any urn; a lower bound above ``_LISTED`` where there are many."""
    most = 0
    for m, n in zip(rows.sizes, rows.total, strict=True):
        width = torch.minimum(m, n) - (n - m.sum() + m).clamp(min=0) + 1
        box = float(width.double().sort().values[:-1].log2().sum())  # at least this fraction of the box adds up
        most = max(most, _LISTED + 1 if box > 40 or int(n) > 1 << 20 else count_support(int(n), m))
    return most


def _finite(log_prob: Tensor) -> Tensor:
    return torch.where(log_prob > -torch.inf, log_prob, 0.0)


def _log_sums(terms: Tensor) -> Tensor:
    """Returns logarithms of sums along the last axis, with a gradient of zero where all terms are zero."""
    top = terms.detach().amax(-1, keepdim=True)
    top = torch.where(top > -torch.inf, top, 0.0)
    total = (terms - top).exp().sum(-1)
    return torch.where(total > 0, torch.where(total > 0, total, 1.0).log() + top[..., 0], -torch.inf)


def _mode(log_weights: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
    """Returns a most probable vector of counts of one urn, shape ``(K,)``."""
    number = _SUMMED + 1 if int(total) > 1 << 16 else count_support(int(total), sizes)
    if number <= _SUMMED:
        counts = enumerate_counts(int(total), sizes)
        return counts[log_probability(log_weights, counts, sizes, total[None])[0].argmax()]
    mean = wallenius_mean_and_variance(log_weights[None], sizes[None], total[None])[0][0]
    best = mean.floor().long().minimum(sizes)
    while (missing := int(total - best.sum())) > 0:
        short = torch.where(best < sizes, mean - best, -torch.inf)
        best = best.index_add(0, short.topk(min(missing, int((best < sizes).sum()))).indices, torch.ones_like(best)[:missing])
    groups = len(sizes)
    one = torch.eye(groups, dtype=best.dtype, device=best.device)
    exchanges = (one[:, None] - one).flatten(0, 1)
    value = float(log_probability(log_weights, best, sizes, total[None])[0])
    while True:
        log_prob = log_probability(log_weights, best + exchanges, sizes, total[None])[0]
        if not float(log_prob.max()) > value + 1e-12 * abs(value):
            return best
        best, value = best + exchanges[log_prob.argmax()], float(log_prob.max())
