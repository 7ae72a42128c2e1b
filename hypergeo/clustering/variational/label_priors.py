"""Label priors: a size prior as the prior of labels, fitted weights, and the approximate posterior of the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import digamma, gammaln, zeta
from torch import Tensor

from hypergeo.clustering.size_priors import HypergeometricSizes, SizePrior, centred

__all__ = ["LabelPrior"]


class LabelPrior:
    """Combines a size prior with its current log weights to a prior of the points' labels.

    Args:
        prior: prior of the sizes.

    Attributes:
        prior: prior of the sizes.
        log_weights: log weights, float64, shape ``(K,)``; initially zero.

    Example:
        >>> labels = LabelPrior(HypergeometricSizes(2, 2, capacities=[2, 1]))
        >>> labels.log_prob(torch.tensor([[2.0, 0.0], [1.0, 1.0]])).exp()  # one labelling, and each of two
        tensor([0.3333, 0.3333], dtype=torch.float64)
    """

    def __init__(self, prior: SizePrior):
        self.prior = prior
        self.log_weights = torch.zeros(prior.num_clusters, dtype=torch.float64)
        least, most = (bound.numpy() for bound in prior.bounds)
        self._places = _Places.after(np.zeros(len(most)), least, most, prior.num_points)
        self._left = most - self.mean.numpy() + 1

    def log_prob(self, counts: Tensor) -> Tensor:
        """Computes the log-probability of one labelling with the passed counts, see :meth:`.SizePrior.log_prob`.

        Args:
            counts: real numbers, shape ``(…, K)``.

        Returns:
            float64, shape ``(…)``.
        """
        return self.prior.log_prob(counts, self.log_weights)

    @property
    def mean(self) -> Tensor:
        """Expected counts, shape ``(K,)``."""
        return self.prior.mean(self.log_weights)

    def fit(self, counts: Tensor, *, roughly: bool = False) -> None:
        """Sets the log weights for which the passed counts are the most probable ones.

        Args:
            counts: real numbers, shape ``(K,)``.
            roughly: whether an error of about one in the expected counts is acceptable, which saves time.
        """
        self.log_weights = centred(self.prior.log_weights_for(counts.detach().cpu(), roughly=roughly))

    def soft_labels(self, scores: Tensor, rest: Tensor | None = None, share: float = 1.0) -> Tensor:
        """Computes the labels' approximate posterior: independent labels that maximise a lower bound, or nearly so.

        They maximise ``Σ_ik q_ik (scores_ik − log q_ik) + log_prob(counts)``, where counts are the column sums of ``q``. The
        solution is a softmax of the sum of scores and :meth:`offsets`. For independent labels the offsets are the log weights.
        Otherwise the dual of the concave problem has one unknown per cluster, and Newton's method solves it.

        Args:
            scores: log-densities of points in clusters, shape ``(B, K)``.
            rest: counts of the other points of the prior, shape ``(K,)``; zeros when omitted.
            share: weight of each row.

        Returns:
            Nonnegative, shape ``(B, K)``; each row sums to one.
        """
        if not isinstance(self.prior, HypergeometricSizes):
            return (scores + self.log_weights.to(scores.device, scores.dtype)).softmax(-1)
        weighted_scores = (scores.detach().cpu().double() + self.log_weights).numpy()
        taken = np.zeros(weighted_scores.shape[1]) if rest is None else rest.detach().cpu().double().numpy()
        least, most = (bound.numpy() for bound in self.prior.bounds)
        self._places = _Places.after(taken, least, most, share * len(weighted_scores))
        labels, self._left = _best_labels(weighted_scores, np.minimum(self._left, self._places.largest), self._places, share)
        return torch.from_numpy(labels).to(scores.device, scores.dtype)

    def offsets(self) -> Tensor:
        """Computes the offsets of the scores of an additional point: log weights plus the slope of the last soft labels.

        Returns:
            Offsets, shape ``(K,)``.
        """
        if not isinstance(self.prior, HypergeometricSizes):
            return self.log_weights
        return self.log_weights + torch.from_numpy(self._places.slope(self._left))


@dataclass(frozen=True)
class _Places:
    """Log-probability of counts without the log weights' part, as a function of the number of free places plus one.

    Attributes:
        capacity: number of free places before any point is assigned, plus one; shape ``(K,)``.
        top: upper limit of ``left`` for which minimum sizes are reached within one point; infinite if there are none.
        least: minimum sizes.
    """

    capacity: np.ndarray
    top: np.ndarray
    least: np.ndarray

    @classmethod
    def after(cls, taken: np.ndarray, least: np.ndarray, most: np.ndarray, points: float) -> _Places:
        """Returns the places for ``points`` points, after other points have taken places."""
        capacity = np.maximum(most - taken, 0) + 1
        missing = np.maximum(least - taken, 0)
        missing = missing * min(1.0, points / max(missing.sum(), 1e-300))  # limited to the number of points
        above = np.where(missing > 0, -missing, taken - least)
        return cls(capacity, np.where(least > 0, capacity + 1 + above, np.inf), least.astype(float))

    @property
    def largest(self) -> np.ndarray:
        return np.minimum(self.capacity, self.top - 1)

    def _surplus(self, left: np.ndarray) -> np.ndarray:
        """Returns the number of points above the minimum, plus one; one if there are none."""
        return np.where(self.least > 0, self.top - left, 1.0)

    def value(self, left: np.ndarray) -> np.ndarray:
        above = self._surplus(left)
        return gammaln(above + self.least) - gammaln(above) - gammaln(left)

    def slope(self, left: np.ndarray) -> np.ndarray:
        """Returns the derivative with respect to the number of points."""
        above = self._surplus(left)
        return digamma(left) + np.where(self.least > 0, digamma(above + self.least) - digamma(above), 0.0)

    def curvature(self, left: np.ndarray) -> np.ndarray:
        """Returns the derivative of the slope with respect to the number of free places, which is positive."""
        above = self._surplus(left)
        return zeta(2.0, left) + np.where(self.least > 0, zeta(2.0, above) - zeta(2.0, above + self.least), 0.0)

    def moved(self, left: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Returns the free places after a change, between zero and the top, which are both infinitely far in log odds."""
        inner = 1 - left / self.top
        odds = left / inner * np.exp(np.clip(change / (left * inner), -10, 10))
        return odds / (1 + odds / self.top)


def _best_labels(scores: np.ndarray, left: np.ndarray, places: _Places, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns soft labels for limited places, and the number of free places plus one, starting from an estimate of the latter.

    With the slope ``b`` at ``left`` the labels are ``softmax(scores + b)``, and the gradient of the convex dual in ``b`` is
    their column sums minus ``capacity − left``. Newton steps in ``b`` are shortened so that ``left`` stays within its range.
    """
    value, labels, gradient = _dual(scores, left, places, share)
    for _ in range(100):
        sums = share * labels.sum(0)
        slopes = places.curvature(left)
        step = -np.linalg.solve(np.diag(sums + 1 / slopes) - share * labels.T @ labels, gradient)
        slope = float(gradient @ step)
        if -slope < 1e-14 * share * len(scores):
            break
        length = 1.0
        while length > 1e-9:
            tried = places.moved(left, length * step / slopes)
            dual = _dual(scores, tried, places, share)
            if dual[0] <= value + 1e-4 * length * slope + 1e-12 * abs(value):
                break
            length /= 2
        else:
            break
        left, (value, labels, gradient) = tried, dual
    return labels, left


def _dual(scores: np.ndarray, left: np.ndarray, places: _Places, share: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Returns the value of the dual, the labels and the gradient of the dual."""
    potentials = places.slope(left)
    weighted_scores = scores + potentials
    most = weighted_scores.max(-1, keepdims=True)
    labels = np.exp(weighted_scores - most)
    sums = labels.sum(-1, keepdims=True)
    labels /= sums
    value = share * float((most + np.log(sums)).sum()) + float(
        (places.value(left) - potentials * (places.capacity - left)).sum()
    )
    return value, labels, share * labels.sum(0) - places.capacity + left
