"""The likelihood of observed counts as a function of the log weights, and its maximum by Newton's method."""

from __future__ import annotations

import torch
from torch import Tensor

from hypergeo.numerics.binomials import log_binomial, solve_tilt
from hypergeo.numerics.cumulants import covariance_matrix
from hypergeo.numerics.partition import MOMENT_DROP, Tree
from hypergeo.numerics.urn_rows import Rows
from hypergeo.numerics.wallenius.probability import log_probability

__all__ = ["Likelihood", "WalleniusLikelihood", "different_rows", "inverse_information"]

_ENTRIES = 1 << 16  # entries of the tables that are processed at once
_EXACT = 512  # largest number of different urns for which each step uses the exact information


def inverse_information(information: Tensor) -> Tensor:
    """Computes the covariance of log weights that add up to zero.

    Equal changes of all log weights do not change the likelihood, so there is no information in this direction.

    Args:
        information: observed information, shape ``(K, K)``.

    Returns:
        Covariance, shape ``(K, K)``.
    """
    scale = information.diagonal().sqrt().clamp(min=1e-150)
    nothing = scale / scale.norm()
    inverse = torch.linalg.inv(information / (scale[:, None] * scale) + nothing[:, None] * nothing)
    inverse = inverse / (scale[:, None] * scale)
    inverse = inverse - inverse.mean(0)
    return inverse - inverse.mean(1, keepdim=True)


class Likelihood:
    """Likelihood of counts under Fisher's distribution, for counts whose maximum is finite; rows of one urn are combined.

    Args:
        observed: counts, int64, shape ``(N, K)``.
        sizes: group sizes, int64, shape ``(N, K)``.
    """

    def __init__(self, observed: Tensor, sizes: Tensor):
        different, self.number = different_rows(torch.cat([observed.sum(-1, keepdim=True), sizes], -1))
        self.total, self.sizes = different[:, 0], different[:, 1:]
        self.summed = observed.double().sum(0)
        self.coefficients = float(log_binomial(sizes, observed).sum())
        widest = int(torch.minimum(self.sizes.amax(-1), self.total).max())
        rows = max(1, _ENTRIES // (self.sizes.shape[1] * (1 + widest)))
        self.chunks = torch.arange(len(self.total)).split(rows)

    def _rows(self, log_weights: Tensor, chunk: Tensor) -> Rows:
        return Rows.plain(log_weights.expand(len(chunk), -1), self.sizes[chunk], self.total[chunk])

    def look(self, log_weights: Tensor) -> tuple[float, Tensor]:
        """Computes the log-likelihood and its gradient, observed less expected counts.

        Args:
            log_weights: log weights, shape ``(K,)``.

        Returns:
            Log-likelihood in nats and its gradient, shape ``(K,)``.
        """
        value = self.coefficients + float(self.summed @ log_weights)
        gradient = self.summed.clone()
        for chunk in self.chunks:
            tree = Tree(self._rows(log_weights, chunk), MOMENT_DROP)
            sizes, number = self.sizes[chunk], self.number[chunk]
            free = -(sizes * torch.nn.functional.logsigmoid(-tree.logits)).sum(-1)
            value -= float(number @ (free - self.total[chunk] * tree.tilt[:, 0] + tree.log_total()))
            marginals = tree.log_marginals()
            gradient -= number @ (marginals.table.exp() * marginals.counts()).sum(-1)
        return value, gradient

    def information(self, log_weights: Tensor) -> Tensor:
        """Computes minus the second derivatives of the log-likelihood: the sum of the covariances of all rows.

        Args:
            log_weights: log weights, shape ``(K,)``.

        Returns:
            Shape ``(K, K)``.
        """
        rows = (self.number[c, None, None] * self._covariance(log_weights, c) for c in self.chunks)
        return sum((part.sum(0) for part in rows), torch.zeros(()))

    def _covariance(self, log_weights: Tensor, chunk: Tensor) -> Tensor:
        return covariance_matrix(log_weights.expand(len(chunk), -1), self.sizes[chunk], self.total[chunk])

    def _steepness(self, log_weights: Tensor) -> Tensor:
        """Returns the information, or for many urns an approximation by Gaussian moments; shape ``(K, K)``."""
        if len(self.total) <= _EXACT:
            return self.information(log_weights)
        sizes = self.sizes.double()
        chance = torch.sigmoid(log_weights + solve_tilt(log_weights.expand_as(sizes), sizes, self.total.double()))
        present = sizes.sum(-1)
        variance = sizes * chance * (1 - chance) * (present / (present - 1).clamp(min=1))[:, None] * self.number[:, None]
        whole = variance.sum(-1, keepdim=True).clamp(min=1e-300)
        return torch.diag(variance.sum(0)) - variance.mT @ (variance / whole)

    def run(self, max_iterations: int, tolerance: float) -> tuple[Tensor, bool, int]:
        """Maximises the likelihood by Newton's method.

        Args:
            max_iterations: largest number of steps.
            tolerance: largest step in a log weight at which the iteration stops.

        Returns:
            Log weights at the maximum, shape ``(K,)``, whether it was reached, and the number of steps.
        """
        point = torch.zeros(self.sizes.shape[1], dtype=torch.float64)
        if len(point) == 1:
            return point, True, 0
        value, gradient = self.look(point)
        for iteration in range(1, max_iterations + 1):
            step = inverse_information(self._steepness(point)) @ gradient
            step = step * min(1.0, 5.0 / max(float(step.abs().max()), 1e-300))
            for _ in range(40):
                new_value, new_gradient = self.look(point + step)
                if new_value >= value - 1e-12 * abs(value):
                    break
                step = step / 2
            point, value, gradient = point + step, new_value, new_gradient
            if float(step.abs().max()) <= tolerance:
                return point, True, iteration
        return point, False, max_iterations


class WalleniusLikelihood(Likelihood):
    """Likelihood of counts under Wallenius' distribution; equal rows are combined.

    Args:
        observed: counts, int64, shape ``(N, K)``.
        sizes: group sizes, int64, shape ``(N, K)``.
    """

    def __init__(self, observed: Tensor, sizes: Tensor):
        different, self.number = different_rows(torch.cat([observed, sizes], -1))
        self.observed, self.sizes = different.tensor_split(2, -1)
        self.total = self.observed.sum(-1)

    def _log_likelihood(self, log_weights: Tensor) -> Tensor:
        log_prob, _ = log_probability(log_weights, self.observed, self.sizes, self.total[:, None])
        return self.number @ log_prob

    def look(self, log_weights: Tensor) -> tuple[float, Tensor]:
        """Computes the log-likelihood and its gradient.

        Args:
            log_weights: log weights, shape ``(K,)``.

        Returns:
            Log-likelihood in nats and its gradient, shape ``(K,)``.
        """
        point = log_weights.detach().requires_grad_()
        value = self._log_likelihood(point)
        return float(value.detach()), torch.autograd.grad(value, point)[0]

    def information(self, log_weights: Tensor) -> Tensor:
        """Computes minus the second derivatives of the log-likelihood.

        Args:
            log_weights: log weights, shape ``(K,)``.

        Returns:
            Shape ``(K, K)``.
        """
        return -torch.autograd.functional.hessian(self._log_likelihood, log_weights)

    def _steepness(self, log_weights: Tensor) -> Tensor:
        """Returns the information; if it is not positive definite, far from the maximum, its diagonal in absolute value."""
        information = self.information(log_weights)
        values = torch.linalg.eigvalsh(information)
        if bool(values[1:].min() > 0):
            return information
        return torch.diag(information.diagonal().abs().clamp(min=1e-6))


def different_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Finds the distinct rows of a matrix of nonnegative whole numbers, and the number of occurrences of each.

    Args:
        rows: rows to compare, int64, shape ``(N, C)``.

    Returns:
        Distinct rows, int64, shape ``(D, C)``, and their numbers of occurrences, float64, shape ``(D,)``.
    """
    base = rows.amax(0) + 1
    if float(base.double().log2().sum()) < 62:
        # One number for each row: much faster to sort than rows are.
        powers = torch.cat([base.flip(0).cumprod(0).flip(0)[1:], base.new_ones(1)])
        codes, number = (rows @ powers).unique(return_counts=True)
        return codes[:, None] // powers % base, number.double()
    different, number = rows.unique(dim=0, return_counts=True)
    return different, number.double()
