"""Fisher's multivariate noncentral hypergeometric law: exact probabilities, moments and draws."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import register_kl

from hypergeo.numerics.binomials import log_binomial_pmf
from hypergeo.numerics.enumeration import enumerate_counts
from hypergeo.numerics.moments import covariance, mean_and_variance
from hypergeo.numerics.partition import MOMENT_DROP, Tree, log_total, mean_counts
from hypergeo.numerics.sampling import sample_counts
from hypergeo.numerics.urn_rows import Rows

from .fitting import WeightFit, fit_weights
from .urn import UrnDistribution

__all__ = ["FisherHypergeometric"]


class FisherHypergeometric(UrnDistribution):
    r"""Counts by group when ``total_count`` elements are drawn without replacement and groups differ in importance.

    .. math:: p(x) = \frac{1}{Z} \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n,\; 0 \le x_k \le m_k

    Everything is exact: the normalizer comes from a convolution of positive terms, not from an approximation. Scaling all
    weights by one factor changes nothing. Tables are float64 whatever the dtype of the weights; results have that dtype.

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
        ValueError: naming the argument, its value and what is allowed.

    References:
        A. Fog, "Calculation methods for Fisher's and Wallenius' noncentral hypergeometric distributions", 2008.
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, definition 3.1 and equation 3.
    """

    has_enumerate_support = True

    def _tree(self) -> Tree:
        """The urn's tables without gradient, kept until the weights are changed in place."""
        version = self.log_weights._version
        kept = self.__dict__.get("_kept_tree")
        if kept is None or kept[0] != version:
            with torch.no_grad():
                kept = version, Tree(Rows.of(self), MOMENT_DROP)
            self.__dict__["_kept_tree"] = kept
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept_tree"}

    def _result(self, rows: Rows, value: Tensor) -> Tensor:
        return rows.restore(value, self._batch_shape).to(self.log_weights.dtype)

    def _logits_and_total(self) -> tuple[Rows, Tensor, Tensor]:
        """Rows, log-odds of the tilted binomials and the log-probability of their total, with gradients."""
        tree, rows = self._tree(), Rows.of(self)
        logits = rows.log_weights + tree.tilt
        return rows, logits, log_total(tree, logits)

    def log_prob(self, value: Tensor) -> Tensor:
        """Natural logarithm of the probability of counts.

        Args:
            value: counts, any real dtype, shape ``sample_shape + batch_shape + (K,)`` or what broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape``; ``-inf`` for counts of a group of weight zero, and outside the support
            where values are not checked.

        Raises:
            ValueError: where a value is not a vector of counts of this urn.
        """
        if self._validate_args:
            self._validate_sample(value)
        rows, logits, total = self._logits_and_total()
        sizes = rows.restore(rows.sizes.expand_as(logits).double(), self._batch_shape)
        terms = log_binomial_pmf(sizes, value.double(), rows.restore(logits, self._batch_shape))
        log_prob = terms.sum(-1) - rows.restore(total, self._batch_shape)
        if not self._validate_args:
            log_prob = torch.where(self.support.check(value), log_prob, -torch.inf)
        return log_prob.to(self.log_weights.dtype)

    @property
    def log_normalizer(self) -> Tensor:
        """Natural logarithm of ``Z``, shape ``batch_shape``; its gradient with respect to the log weights is the mean."""
        rows, logits, total = self._logits_and_total()
        free = -(rows.sizes * torch.nn.functional.logsigmoid(-logits)).sum(-1)
        return self._result(rows, free - rows.total * self._tree().tilt[:, 0] + total)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Independent exact draws, shape ``sample_shape + batch_shape + (K,)``."""
        rows = Rows.of(self)
        sample_shape = torch.Size(sample_shape)
        drawn = sample_counts(rows, sample_shape.numel() * rows.repeats(self._batch_shape))
        return rows.restore_draws(drawn, sample_shape, self._batch_shape).to(self.log_weights.dtype)

    @property
    def mean(self) -> Tensor:
        """Expected counts, shape ``batch_shape + (K,)``; its derivative in the log weights is the covariance."""
        rows = Rows.of(self)
        return self._result(rows, mean_counts(rows.log_weights, rows.sizes, rows.total))

    @property
    def variance(self) -> Tensor:
        """Variances of the counts, shape ``batch_shape + (K,)``."""
        rows = Rows.of(self)
        return self._result(rows, mean_and_variance(rows)[1])

    @property
    def covariance_matrix(self) -> Tensor:
        """Covariances of the counts, shape ``batch_shape + (K, K)``: the second derivative of ``log_normalizer``."""
        rows = Rows.of(self)
        return self._result(rows, covariance(rows))

    @property
    @torch.no_grad()
    def mode(self) -> Tensor:
        """A most probable vector of counts, shape ``batch_shape + (K,)``."""
        tree = self._tree()
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
        """Maximum-likelihood weights from observed counts; see :func:`hypergeo.distributions.fitting.fit_weights`.

        Args:
            counts: whole numbers, shape ``(N, K)``; each row's sum is its number drawn.
            group_sizes: whole numbers, shape ``(K,)`` or ``(N, K)``.

        Returns:
            Weights of geometric mean one, standard errors of their logarithms, and what was at a bound.
        """
        return fit_weights(counts, group_sizes)

    def entropy(self) -> Tensor:
        """Entropy in nats, shape ``batch_shape``."""
        rows = Rows.of(self)
        tree = Tree(rows, MOMENT_DROP)
        return self._result(rows, tree.log_total() - _expected(tree, tree.levels[0].table))

    def marginal_log_prob(self) -> Tensor:
        """Log-probabilities of every count of every group, tails included.

        Returns:
            Shape ``batch_shape + (K, max(group_sizes) + 1)``; ``-inf`` where a count cannot occur.

        Example:
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).marginal_log_prob().exp()
            tensor([[0.1429, 0.8571, 0.0000],
                    [0.0000, 0.8571, 0.1429]], dtype=torch.float64)
        """
        rows = Rows.of(self)
        marginals = Tree(rows, None, windows=False).log_marginals()
        counts = torch.arange(int(self.group_sizes.max()) + 1, device=rows.total.device)
        index = counts - marginals.low[..., None]
        inside = (index >= 0) & (index < marginals.width)
        index = index.clamp(0, marginals.width - 1).expand(*marginals.table.shape[:2], -1)
        return self._result(rows, torch.where(inside, marginals.table.gather(-1, index), -torch.inf))

    def cdf(self, value: Tensor) -> Tensor:
        """Marginal probabilities ``P(x_k ≤ value_k)``.

        Args:
            value: real numbers, shape ``sample_shape + batch_shape + (K,)`` or what broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``.

        Example:
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).cdf(torch.tensor([0.0, 1.0]))
            tensor([0.1429, 0.8571], dtype=torch.float64)
        """
        value = torch.as_tensor(value, device=self.log_weights.device)
        cumulative = torch.nn.functional.pad(self._cumulative(), (1, 0))
        shape = torch.broadcast_shapes(value.shape, self._batch_shape + self._event_shape)
        index = (value.double().floor().clamp(-1, cumulative.shape[-1] - 2) + 1).long().expand(shape)
        found = cumulative.expand(shape + cumulative.shape[-1:]).gather(-1, index[..., None])[..., 0]
        return found.to(self.log_weights.dtype)

    def icdf(self, value: Tensor) -> Tensor:
        """Marginal quantiles: the smallest count whose :meth:`cdf` reaches the given probability.

        Args:
            value: probabilities, shape ``sample_shape + batch_shape + (K,)`` or what broadcasts with it.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``.

        Raises:
            ValueError: for a value outside [0, 1].

        Example:
            >>> FisherHypergeometric(2, [1, 2], [3.0, 1.0]).icdf(torch.tensor([0.1, 0.9]))
            tensor([0., 2.], dtype=torch.float64)
        """
        value = torch.as_tensor(value, device=self.log_weights.device).double()
        if self._validate_args and not bool(((value >= 0) & (value <= 1)).all()):
            bad = value[~((value >= 0) & (value <= 1))].flatten()[0].item()
            raise ValueError(f"value must be probabilities between 0 and 1; got {bad}.")
        cumulative = self._cumulative()
        shape = torch.broadcast_shapes(value.shape, self._batch_shape + self._event_shape)
        goal = value.expand(shape).minimum(cumulative[..., -1])
        return (cumulative < goal[..., None]).sum(-1).to(self.log_weights.dtype)

    def _cumulative(self) -> Tensor:
        with torch.no_grad():
            return self.marginal_log_prob().double().exp().cumsum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All count vectors in lexicographic order, shape ``(N,) + batch_shape + (K,)``, batch axes of one unless ``expand``.

        Raises:
            NotImplementedError: when ``total_count`` or ``group_sizes`` differ within the batch.
            ValueError: when there are too many to list.
        """
        sizes, total = self.group_sizes.reshape(-1, self._event_shape[0]), self.total_count.reshape(-1)
        if bool((sizes != sizes[0]).any()) or bool((total != total[0]).any()):
            raise NotImplementedError("enumerate_support needs one total_count and one group_sizes for the whole batch.")
        values = enumerate_counts(int(total[0]), sizes[0]).to(self.log_weights.dtype)
        values = values.view(-1, *(1,) * len(self._batch_shape), values.shape[-1])
        return values.expand(-1, *self._batch_shape, -1) if expand else values


def _expected(tree: Tree, values: Tensor) -> Tensor:
    """``Σ_k E[values_k(x_k)]`` under Fisher's law, for values on the leaves' tables; shape ``(T,)``."""
    probabilities = tree.log_marginals().table.exp()
    return torch.where(probabilities > 0, probabilities * torch.where(probabilities > 0, values, 0.0), 0.0).sum((-1, -2))


@register_kl(FisherHypergeometric, FisherHypergeometric)
def _kl_fisher_fisher(p: FisherHypergeometric, q: FisherHypergeometric) -> Tensor:
    """Kullback-Leibler divergence in nats; infinite where ``q`` rules out what ``p`` allows."""
    if p.event_shape != q.event_shape:
        raise ValueError(f"Both urns must have the same number of groups; got {p.event_shape[0]} and {q.event_shape[0]}.")
    batch = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    p, q = p.expand(batch), q.expand(batch)
    rows_p = Rows.of(p)
    tree = Tree(rows_p, MOMENT_DROP)
    leaves = tree.levels[0]
    on_leaves = tree.log_marginals().table.exp(), leaves.table, leaves.counts()
    probabilities, terms, counts = (rows_p.restore(t.expand_as(leaves.table), batch) for t in on_leaves)
    rows_q, logits_q, total_q = q._logits_and_total()
    sizes_q, logits_q = (rows_q.restore(t.expand_as(logits_q).double(), batch)[..., None] for t in (rows_q.sizes, logits_q))
    other = log_binomial_pmf(sizes_q, counts.double(), logits_q)
    possible = probabilities > 0
    difference = torch.where(possible, torch.where(possible, terms, 0.0) - torch.where(possible, other, 0.0), 0.0)
    totals = rows_q.restore(total_q, batch) - rows_p.restore(tree.log_total(), batch)
    divergence = (probabilities * difference).sum((-1, -2)) + totals
    same_total = p.total_count == q.total_count
    return torch.where(same_total, divergence, torch.inf).to(p.log_weights.dtype)
