"""Gradients of Fisher's distribution against covariances: urns of every size, one and many, by all kinds of convolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.special import gammaln, logsumexp
from torch import Tensor

from hypergeo import FisherHypergeometric
from tests.numerics.test_convolution import ways_entered
from tests.support.large_urns import LargeUrn
from tests.support.reference import RationalUrn

MEAN, COVARIANCE = 1e-11, 1e-9  # allowed errors, relative to the largest entry
SHAPES = {10: (8, 10, 7, 9), 60: (60, 41, 55, 37), 300: (300, 210, 260, 280), 3000: (3000, 1700, 2600, 3000)}


@dataclass(frozen=True)
class Batch:
    """Arguments of ``B`` urns.

    Attributes:
        totals: numbers of elements drawn, shape ``(B,)``.
        sizes: group sizes, shape ``(B, 4)``.
        logs: log weights, shape ``(B, 4)``.
    """

    totals: Tensor
    sizes: Tensor
    logs: Tensor

    def law(self, rows: slice = slice(None)) -> FisherHypergeometric:
        return FisherHypergeometric(self.totals[rows], self.sizes[rows], log_weights=self.logs[rows])


def batch(size: int, number: int, *, alike: bool) -> Batch:
    """Returns random urns with different weights.

    Args:
        size: scale of the group sizes.
        number: number of urns.
        alike: whether the urns have the same totals and sizes.
    """
    generator = torch.Generator().manual_seed(size + number)
    sizes = torch.tensor(SHAPES[size]).repeat(number, 1)
    totals = sizes.sum(-1) * 2 // 5
    if not alike:
        sizes = sizes - torch.randint(0, size // 5 + 1, sizes.shape, generator=generator)
        totals = (sizes.sum(-1) * (0.2 + 0.6 * torch.rand(number, generator=generator, dtype=torch.float64))).long()
    logs = torch.randn(number, 4, generator=generator, dtype=torch.float64)
    return Batch(totals, sizes, logs.requires_grad_())


def close(result: Tensor, wanted: np.ndarray, bound: float) -> None:
    assert result.shape == wanted.shape
    assert np.abs(result.detach().numpy() - wanted).max() <= bound * np.abs(wanted).max()


# By size, number of urns, and whether these are alike: the code paths of the tree's tables and of their gradients.
WAYS = {
    (10, 1, True): ("sums of logarithms", "sums of logarithms"),
    (60, 1, True): ("shifted copies", "shifted copies"),
    (300, 1, True): ("by blocks", "by blocks"),
    (3000, 1, True): ("by blocks", "by blocks"),
    (10, 50, False): ("shifted copies", "shifted copies"),
    (60, 50, True): ("by rows", "gradient by rows"),
    (60, 50, False): ("by rows", "gradient by rows"),
    (300, 50, False): ("by rows", "gradient by rows"),
    (3000, 50, True): ("by rows", "gradient by rows"),
}


@pytest.mark.parametrize(("size", "number", "alike"), WAYS)
def test_gradients_are_covariances(size: int, number: int, alike: bool) -> None:
    """``log_prob`` has the score, ``log_normalizer`` the mean, and the mean's Jacobian is the covariance."""
    urns = batch(size, number, alike=alike)
    law = urns.law()
    with ways_entered() as forward:
        mean = law.mean
    direction = torch.randn(number, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with ways_entered() as backward:
        (turned,) = torch.autograd.grad(mean, urns.logs, direction)
    way, way_back = WAYS[size, number, alike]
    assert forward[way] > 0, forward
    assert backward[way_back] > 0, backward
    (of_normalizer,) = torch.autograd.grad(law.log_normalizer.sum(), urns.logs)
    counts = law.sample()
    score = counts - mean.detach()
    (of_log_prob,) = torch.autograd.grad(law.log_prob(counts).sum(), urns.logs)
    for row in {0, number // 2, number - 1}:
        exact = LargeUrn(int(urns.totals[row]), urns.sizes[row].tolist(), urns.logs[row].tolist())
        close(mean[row], exact.mean, MEAN)
        close(of_normalizer[row], exact.mean, MEAN)
        close(of_log_prob[row] - counts[row], -exact.mean, MEAN)
        close(turned[row], exact.covariance @ direction[row].numpy(), COVARIANCE)
    # References of the other rows are the library's covariances, which are tested against rational arithmetic.
    if size < 3000:
        covariance = law.covariance_matrix.detach()
        error = (turned - (covariance @ direction[..., None])[..., 0]).abs().amax(-1)
        assert (error <= COVARIANCE * covariance.abs().amax((-1, -2))).all()
    assert ((of_normalizer - mean).abs() <= MEAN * size).all()
    assert ((of_log_prob - score).abs() <= MEAN * size).all()


@pytest.mark.parametrize("size", [10, 60])
def test_the_reference_is_the_rational_one(size: int) -> None:
    urns = batch(size, 1, alike=False)
    total, sizes, logs = int(urns.totals[0]), urns.sizes[0].tolist(), urns.logs[0]
    large, rational = LargeUrn(total, sizes, logs.tolist()), RationalUrn(total, sizes, logs.exp().tolist())
    np.testing.assert_allclose(large.mean, [float(m) for m in rational.mean], rtol=1e-12)
    wanted = [[float(c) for c in row] for row in rational.covariance]
    np.testing.assert_allclose(large.covariance, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("size", "number"), [(10, 3), (60, 3), (300, 1), (60, 40)])
def test_variances_and_covariances_have_the_third_moments_for_gradients(size: int, number: int) -> None:
    """The distribution is an exponential family: each derivative in the log weights is the next cumulant."""
    urns = batch(size, number, alike=False)
    weights = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (of_variance,) = torch.autograd.grad(urns.law().variance.sum(), urns.logs)
    (of_covariance,) = torch.autograd.grad((urns.law().covariance_matrix * weights).sum(), urns.logs)
    one = np.eye(4, dtype=int)
    for row in {0, number - 1}:
        exact = LargeUrn(int(urns.totals[row]), urns.sizes[row].tolist(), urns.logs[row].tolist())
        third = np.array([[[exact.central_moment(i + j + k) for k in one] for j in one] for i in one])
        close(of_variance[row], np.einsum("iik->k", third), 1e-8)
        close(of_covariance[row], np.einsum("ijk,ij->k", third, weights.numpy()), 1e-8)


class Tails:
    """Log-space tables of three groups: marginals to their tails, and means of one group given another's count.

    Args:
        total_count: number of elements drawn.
        size: size of each group.
        log_weights: shape ``(3,)``.
    """

    def __init__(self, total_count: int, size: int, log_weights: Tensor):
        counts = np.arange(size + 1)
        ways = gammaln(size + 1) - gammaln(counts + 1) - gammaln(size - counts + 1)
        self.total_count, self.counts = total_count, counts
        self.tables = [ways + counts * w for w in log_weights.tolist()]

    def log_outside(self, k: int, count: int) -> tuple[float, np.ndarray]:
        """Returns the log-weight of all outcomes with a count of group ``k``, and their mean counts, shape ``(3,)``."""
        i, j = (group for group in range(3) if group != k)
        other = self.total_count - count - self.counts
        inside = (other >= 0) & (other < len(self.counts))
        terms = np.where(inside, self.tables[i] + self.tables[j][other.clip(0, len(self.counts) - 1)], -np.inf)
        whole = logsumexp(terms)
        means = np.zeros(3)
        means[k], means[i] = count, np.exp(terms - whole) @ self.counts
        means[j] = self.total_count - count - means[i]
        return float(self.tables[k][count] + whole), means


def test_marginals_of_wide_urns_to_their_tails_and_their_gradients() -> None:
    """Three groups of 3,000, down to e^-3000: these tables neither fit linear space nor one temporary array.

    The gradient of ``log p(x_k = c)`` is ``E[x | x_k = c] - E[x]``.
    """
    size, total = 3_000, 4_100
    logs = torch.tensor([0.3, -0.4, 0.0], dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(total, [size] * 3, log_weights=logs)
    with ways_entered() as forward:
        marginals = law.marginal_log_prob()
    assert forward["bands"] > 0, forward
    exact = Tails(total, size, logs.detach())
    chosen = [0, 1, 17, 700, 1_366, 2_050, 2_999, 3_000]
    log_z = float(logsumexp([exact.log_outside(0, count)[0] for count in range(size + 1)]))
    wanted = np.array([[exact.log_outside(k, count)[0] - log_z for count in chosen] for k in range(3)])
    assert wanted.min() < -2_000
    np.testing.assert_allclose(marginals.detach()[:, chosen], wanted, rtol=0, atol=1e-9)
    with ways_entered() as backward:
        (slope,) = torch.autograd.grad(marginals[0, 17] + marginals[1, 2_999] + 2 * marginals[2, 1_366], logs)
    assert backward["bands"] > 0, backward
    means = LargeUrn(total, [size] * 3, logs.tolist()).mean
    conditional = [exact.log_outside(0, 17)[1], exact.log_outside(1, 2_999)[1], 2 * exact.log_outside(2, 1_366)[1]]
    np.testing.assert_allclose(slope, sum(conditional) - 4 * means, rtol=1e-8, atol=1e-6)
