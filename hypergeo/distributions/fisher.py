"""Fisher's multivariate noncentral hypergeometric distribution: exact probabilities, moments and samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import register_kl

from hypergeo.numerics.binomials import log_binomial_pmf
from hypergeo.numerics.cumulants import KeptTree, UrnTensors, covariance_matrix, log_normalizer, log_probability, mean
from hypergeo.numerics.moments import mean_and_variance
from hypergeo.numerics.native import opaque
from hypergeo.numerics.partition import MOMENT_DROP, TAILS, WHOLE, Tree
from hypergeo.numerics.sampling import sample_counts
from hypergeo.numerics.urn_rows import Rows, broadcast_shapes

from .fitting import WeightFit, fit_weights
from .marginals import CountDistribution, Marginals
from .reading import read_shape

__all__ = ["FisherHypergeometric"]


class FisherHypergeometric(CountDistribution):
    r"""Counts by group when ``total_count`` elements are drawn without replacement and groups differ in importance.

    .. math:: p(x) = \frac{1}{Z} \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n,\; 0 \le x_k \le m_k

    Everything is exact: the normalizer comes from a convolution of positive terms, not from an approximation. Scaling all
    weights by one factor changes nothing. Tables are float64 whatever the dtype of the weights; results have that dtype, or
    a wider one that holds every count (:attr:`dtype`).

    Gradients reach the weights or log weights: ``mean`` is differentiable twice, ``log_prob`` and ``log_normalizer`` three
    times, backwards and forwards, also by ``torch.func``, where ``vmap`` over weights is a batch. The gradient with respect
    to a weight of zero is zero, not the one-sided derivative: such a group stays absent.

    Example:
        >>> urn = FisherHypergeometric(15, [10, 10, 10], weights=[1.0, 2.0, 4.0])
        >>> urn.mean
        tensor([3.2783, 5.0000, 6.7217], dtype=torch.float64)
        >>> urn.log_prob(torch.tensor([3, 5, 7])).exp()
        tensor(0.1108, dtype=torch.float64)
        >>> urn.sample((2,)).sum(-1)
        tensor([15., 15.], dtype=torch.float64)

    Args:
        total_count: number of elements drawn (n), shape ``batch_shape`` after broadcasting.
        group_sizes: number of elements in each group (m), ``batch_shape + (K,)`` after broadcasting.
        weights: importance of each group (w), nonnegative, ``batch_shape + (K,)`` after broadcasting; all equal when omitted.
        log_weights: natural logarithms of the weights, instead of ``weights``.
        validate_args: whether to check arguments and values.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    References:
        A. Fog, "Calculation methods for Fisher's and Wallenius' noncentral hypergeometric distributions", 2008.
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, definition 3.1 and equation 3.
    """

    @property
    def _kept(self) -> KeptTree:
        """The urn's tables without gradient, kept until the weights are changed in place."""
        return self.__dict__.setdefault("_kept_tree", KeptTree())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept_tree"}

    def _result(self, rows: Rows, value: Tensor) -> Tensor:
        return rows.restore(value, self._batch_shape).to(self.dtype)

    @opaque
    def _marginals(self, tails: bool) -> Marginals:
        rows = Rows.of(self)
        marginals = Tree(rows, None, windows=TAILS if tails else WHOLE).log_marginals()
        return Marginals(rows, marginals.table, marginals.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """Computes the natural logarithm of the probability of counts.

        A ``ValueError`` is raised if the value has the wrong shape or, with ``validate_args``, is not a count vector of this
        urn.

        Args:
            value: counts, any real dtype, shape ``sample_shape + batch_shape + (K,)`` or one that broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape``; ``-inf`` for positive counts of a group of weight zero and, without
            ``validate_args``, for values outside the support.
        """
        value = self._read_value(value)
        if self._validate_args:
            self._validate_sample(value)
        log_weights, sizes, total = self._distinct()
        log_prob = log_probability(log_weights, value, sizes, total, self._kept)
        return log_prob.expand(broadcast_shapes(value.shape[:-1], self._batch_shape)).to(self.dtype)

    @property
    def log_normalizer(self) -> Tensor:
        """Natural logarithm of ``Z``, shape ``batch_shape``; its gradient with respect to the log weights is the mean."""
        return log_normalizer(*self._distinct(), self._kept).expand(self._batch_shape).to(self.dtype)

    @opaque
    @torch.no_grad()
    def sample(self, sample_shape: Any = (), *, generator: torch.Generator | None = None) -> Tensor:
        """Samples count vectors, independent and exact, without gradient.

        Args:
            sample_shape: shape of the samples.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Whole counts, shape ``sample_shape + batch_shape + (K,)``.
        """
        rows, shape = Rows.of(self), read_shape("sample_shape", sample_shape)
        drawn = sample_counts(rows, shape.numel() * rows.repeats(self._batch_shape), generator=generator)
        return rows.restore_draws(drawn, shape, self._batch_shape).to(self.dtype)

    @property
    def mean(self) -> Tensor:
        """Expected counts, shape ``batch_shape + (K,)``; its derivative in the log weights is the covariance."""
        return mean(*self._distinct(), self._kept).expand(self._batch_shape + self._event_shape).to(self.dtype)

    @property
    @opaque
    def variance(self) -> Tensor:
        """Variances of the counts, shape ``batch_shape + (K,)``."""
        rows = Rows.of(self)
        return self._result(rows, mean_and_variance(rows)[1])

    @property
    def covariance_matrix(self) -> Tensor:
        """Covariances of the counts, shape ``batch_shape + (K, K)``: the second derivative of ``log_normalizer``."""
        matrix = covariance_matrix(*self._distinct())
        return matrix.expand(self._batch_shape + 2 * self._event_shape).to(self.dtype)

    @property
    @opaque
    @torch.no_grad()
    def mode(self) -> Tensor:
        """A most probable vector of counts, shape ``batch_shape + (K,)``."""
        tree = self._kept.of(UrnTensors.of(*self._distinct()))
        sizes = tree.rows.sizes.double()
        counts = ((sizes + 1) * torch.sigmoid(tree.logits)).floor().minimum(sizes)
        # The floor is the most probable vector of its own sum; single steps to the best neighbour keep that.
        while bool((missing := tree.rows.total - counts.sum(-1)).ne(0).any()):
            gain = torch.log((sizes - counts) / (counts + 1)) + tree.logits
            loss = torch.where(counts > 0, torch.log((sizes - counts + 1) / counts) + tree.logits, torch.inf)
            chosen = torch.where(missing > 0, gain.argmax(-1), loss.argmin(-1))
            counts.scatter_add_(-1, chosen[:, None], missing.sign().to(counts.dtype)[:, None])
        return self._result(tree.rows, counts)

    @classmethod
    def fit(cls, counts: Any, group_sizes: Any) -> WeightFit:
        """Fits weights to observed counts by maximum likelihood; see :func:`hypergeo.distributions.fitting.fit_weights`.

        Args:
            counts: whole numbers, shape ``(N, K)``; each row's sum is its number drawn.
            group_sizes: whole numbers, shape ``(K,)`` or ``(N, K)``.

        Returns:
            Weights of geometric mean one, shape ``(K,)``, standard errors of their logarithms, and the groups at a bound.
        """
        return fit_weights(counts, group_sizes)

    @opaque
    def entropy(self) -> Tensor:
        """Computes the entropy.

        Returns:
            Entropy in nats, shape ``batch_shape``.
        """
        rows = Rows.of(self)
        tree = Tree(rows, MOMENT_DROP)
        return self._result(rows, _nonnegative(tree.log_total() - _expected(tree, tree.levels[0].table)))


def _expected(tree: Tree, values: Tensor) -> Tensor:
    """Returns ``Σ_k E[values_k(x_k)]`` under Fisher's distribution, for values on the leaves' tables; shape ``(T,)``."""
    probabilities = tree.log_marginals().table.exp()
    return torch.where(probabilities > 0, probabilities * torch.where(probabilities > 0, values, 0.0), 0.0).sum((-1, -2))


def _nonnegative(value: Tensor) -> Tensor:
    """Returns the value, with rounding errors below zero removed; the gradient is unchanged."""
    return value - value.detach().clamp(max=0)


@register_kl(FisherHypergeometric, FisherHypergeometric)
def _kl_fisher_fisher(p: FisherHypergeometric, q: FisherHypergeometric) -> Tensor:
    """Computes the Kullback-Leibler divergence; infinite where ``q`` excludes counts that ``p`` allows.

    Args:
        p: first distribution.
        q: second distribution, whose batch shape broadcasts with that of ``p``.

    Returns:
        Divergence in nats, shape of both batches after broadcasting.

    Raises:
        ValueError: if the urns differ in their number of groups.
    """
    if p.event_shape != q.event_shape:
        raise ValueError(f"Both urns must have the same number of groups; got {p.event_shape[0]} and {q.event_shape[0]}.")
    batch = broadcast_shapes(p.batch_shape, q.batch_shape)
    p, q = p.expand(batch), q.expand(batch)
    rows_p = Rows.of(p)
    tree = Tree(rows_p, MOMENT_DROP)
    leaves = tree.levels[0]
    on_leaves = tree.log_marginals().table.exp(), leaves.table, leaves.counts()
    probabilities, terms, counts = (rows_p.restore(t.expand_as(leaves.table), batch) for t in on_leaves)
    rows_q = Rows.of(q)
    tree_q = Tree(rows_q, MOMENT_DROP)
    on_groups = rows_q.sizes.expand_as(tree_q.logits).double(), tree_q.logits
    sizes_q, logits_q = (rows_q.restore(t, batch)[..., None] for t in on_groups)
    other = log_binomial_pmf(sizes_q, counts.double(), logits_q)
    possible = probabilities > 0
    difference = torch.where(possible, torch.where(possible, terms, 0.0) - torch.where(possible, other, 0.0), 0.0)
    totals = rows_q.restore(tree_q.log_total(), batch) - rows_p.restore(tree.log_total(), batch)
    divergence = _nonnegative((probabilities * difference).sum((-1, -2)) + totals)
    same_total = p.total_count == q.total_count
    return torch.where(same_total, divergence, torch.inf).to(p.dtype)
