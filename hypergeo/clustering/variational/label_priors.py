"""Labels with a prior of the clusters' sizes: weights that suit their counts, and their approximate posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import digamma, gammaln, zeta
from torch import Tensor

from hypergeo.clustering.size_priors import HypergeometricSizes, SizePrior, centred

__all__ = ["LabelPrior"]


class LabelPrior:
    """A prior of the clusters' sizes as one of the points' labels, with the log weights that it has now.

    Args:
        prior: of the sizes.

    Attributes:
        prior: of the sizes.
        log_weights: float64, shape ``(K,)``; zeros at first.

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
        """Log-probability of one labelling with given counts, see :meth:`.SizePrior.log_prob`."""
        return self.prior.log_prob(counts, self.log_weights)

    @property
    def mean(self) -> Tensor:
        """Expected counts, shape ``(K,)``."""
        return self.prior.mean(self.log_weights)

    def fit(self, counts: Tensor, *, roughly: bool = False) -> None:
        """Sets the log weights to those that make counts most probable.

        Args:
            counts: real, shape ``(K,)``.
            roughly: up to an error of about one in the expected counts, where that saves time.
        """
        self.log_weights = centred(self.prior.log_weights_for(counts.detach().cpu(), roughly=roughly))

    def soft_labels(self, scores: Tensor, rest: Tensor | None = None, share: float = 1.0) -> Tensor:
        """The labels' approximate posterior: independent ones that maximise a lower bound, or nearly so.

        They maximise ``Σ_ik q_ik (scores_ik − log q_ik) + log_prob(counts)``, where counts are the column sums of ``q``: a
        softmax of scores and :meth:`offsets`. For independent labels the offsets are the log weights. Otherwise the concave
        problem's dual has one unknown a cluster, which Newton's method finds.

        Args:
            scores: log-densities of points in clusters, shape ``(B, K)``.
            rest: counts of those of the prior's points that are not among these, shape ``(K,)``; zeros when omitted.
            share: how much each row counts.

        Returns:
            Nonnegative, shape ``(B, K)``; each row sums to one.
        """
        if not isinstance(self.prior, HypergeometricSizes):
            return (scores + self.log_weights.to(scores.device, scores.dtype)).softmax(-1)
        raised = (scores.detach().cpu().double() + self.log_weights).numpy()
        taken = np.zeros(raised.shape[1]) if rest is None else rest.detach().cpu().double().numpy()
        least, most = (bound.numpy() for bound in self.prior.bounds)
        self._places = _Places.after(taken, least, most, share * len(raised))
        labels, self._left = _best_labels(raised, np.minimum(self._left, self._places.largest), self._places, share)
        return torch.from_numpy(labels).to(scores.device, scores.dtype)

    def offsets(self) -> Tensor:
        """What a further point's scores are raised by, shape ``(K,)``: log weights and the slope of the last soft labels."""
        if not isinstance(self.prior, HypergeometricSizes):
            return self.log_weights
        return self.log_weights + torch.from_numpy(self._places.slope(self._left))


@dataclass(frozen=True)
class _Places:
    """Log-probability of counts but for the log weights' part, as a function of the places that they leave, plus one.

    Attributes:
        room: what is left before any point is there, plus one; shape ``(K,)``.
        top: what ``left`` stays below so that minimum sizes are reached within one point, infinite where there are none.
        least: minimum sizes.
    """

    room: np.ndarray
    top: np.ndarray
    least: np.ndarray

    @classmethod
    def after(cls, taken: np.ndarray, least: np.ndarray, most: np.ndarray, points: float) -> _Places:
        """Of so many points, after other ones have taken places."""
        room = np.maximum(most - taken, 0) + 1
        missing = np.maximum(least - taken, 0)
        missing = missing * min(1.0, points / max(missing.sum(), 1e-300))  # no more than these points can make up for
        above = np.where(missing > 0, -missing, taken - least)
        return cls(room, np.where(least > 0, room + 1 + above, np.inf), least.astype(float))

    @property
    def largest(self) -> np.ndarray:
        return np.minimum(self.room, self.top - 1)

    def _surplus(self, left: np.ndarray) -> np.ndarray:
        """Points beyond the minimum, plus one; one where there is none."""
        return np.where(self.least > 0, self.top - left, 1.0)

    def value(self, left: np.ndarray) -> np.ndarray:
        above = self._surplus(left)
        return gammaln(above + self.least) - gammaln(above) - gammaln(left)

    def slope(self, left: np.ndarray) -> np.ndarray:
        """By one point more."""
        above = self._surplus(left)
        return digamma(left) + np.where(self.least > 0, digamma(above + self.least) - digamma(above), 0.0)

    def curvature(self, left: np.ndarray) -> np.ndarray:
        """Of the slope, by one place more that is left: positive."""
        above = self._surplus(left)
        return zeta(2.0, left) + np.where(self.least > 0, zeta(2.0, above) - zeta(2.0, above + self.least), 0.0)

    def moved(self, left: np.ndarray, change: np.ndarray) -> np.ndarray:
        """What is left after a change, kept between zero and the top: both are infinitely far in the logarithm of odds."""
        inner = 1 - left / self.top
        odds = left / inner * np.exp(np.clip(change / (left * inner), -10, 10))
        return odds / (1 + odds / self.top)


def _best_labels(scores: np.ndarray, left: np.ndarray, places: _Places, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Soft labels for places that fill up, and one more than the places that they leave, from a guess of that.

    With the slope ``b`` at ``left`` the labels are ``softmax(scores + b)``, and the convex dual's gradient in ``b`` is their
    column sums less ``room − left``. The steps are Newton's in ``b``, taken so that ``left`` stays within its range.
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
            found = _dual(scores, tried, places, share)
            if found[0] <= value + 1e-4 * length * slope + 1e-12 * abs(value):
                break
            length /= 2
        else:
            break
        left, (value, labels, gradient) = tried, found
    return labels, left


def _dual(scores: np.ndarray, left: np.ndarray, places: _Places, share: float) -> tuple[float, np.ndarray, np.ndarray]:
    """The dual's value, the labels and the dual's gradient."""
    potentials = places.slope(left)
    raised = scores + potentials
    most = raised.max(-1, keepdims=True)
    labels = np.exp(raised - most)
    sums = labels.sum(-1, keepdims=True)
    labels /= sums
    value = share * float((most + np.log(sums)).sum()) + float((places.value(left) - potentials * (places.room - left)).sum())
    return value, labels, share * labels.sum(0) - places.room + left
