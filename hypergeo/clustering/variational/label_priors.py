"""Laws of labels that do not depend on the labels' order: uniform, with learned shares, and from an urn with few places."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from scipy.special import digamma, gammaln, zeta
from torch import Tensor

from hypergeo.clustering.size_priors import HypergeometricSizes
from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = ["CategoricalLabels", "FisherLabels", "LabelLaw", "UniformLabels", "label_law"]

_LARGEST_LOG_WEIGHT = 15.0


class LabelLaw(ABC):
    """An exchangeable law of the labels of ``n`` points: what counts is how many points have each label.

    Args:
        total_count: ``n``.
        num_clusters: ``K``.

    Attributes:
        log_weights: float64, shape ``(K,)``.
    """

    def __init__(self, total_count: int, num_clusters: int):
        self.total_count, self.num_clusters = total_count, num_clusters
        self.log_weights = torch.zeros(num_clusters, dtype=torch.float64)

    @abstractmethod
    def log_prob(self, counts: Tensor) -> Tensor:
        """Log-probability of one order of labels with given counts.

        Args:
            counts: real, shape ``(…, K)``; column sums of soft labels are welcome.

        Returns:
            Shape ``(…)``.
        """

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """Expected counts, shape ``(K,)``."""

    @abstractmethod
    def fit(self, counts: Tensor, *, roughly: bool = False) -> None:
        """Sets the log weights to those that make counts most probable.

        Args:
            counts: real, shape ``(K,)``.
            roughly: up to an error of about one in the expected counts, where that saves time.
        """

    def soft_labels(self, scores: Tensor, rest: Tensor | None = None, share: float = 1.0) -> Tensor:
        """The labels' approximate posterior: independent ones that maximise a lower bound, or nearly so.

        They maximise ``Σ_ik q_ik (scores_ik − log q_ik) + log_prob(counts)``, where counts are the column sums of ``q``.

        Args:
            scores: log-densities of points in clusters, shape ``(B, K)``.
            rest: counts of those of the ``n`` points that are not among these, shape ``(K,)``; zeros when omitted.
            share: how much each row counts.

        Returns:
            Nonnegative, shape ``(B, K)``; each row sums to one.
        """
        return (scores + self.log_weights.to(scores.device, scores.dtype)).softmax(-1)

    def offsets(self) -> Tensor:
        """What a further point's scores are raised by, shape ``(K,)``: its log-probabilities, but for a constant."""
        return self.log_weights


class UniformLabels(LabelLaw):
    """Each label is as likely as any other.

    Example:
        >>> UniformLabels(2, 4).log_prob(torch.tensor([1.0, 1.0, 0.0, 0.0])).exp()
        tensor(0.0625, dtype=torch.float64)
    """

    def log_prob(self, counts: Tensor) -> Tensor:
        """``−n log K``."""
        return -counts.double().sum(-1) * math.log(self.num_clusters)

    @property
    def mean(self) -> Tensor:
        """``n / K`` each."""
        return torch.full_like(self.log_weights, self.total_count / self.num_clusters)

    def fit(self, counts: Tensor, *, roughly: bool = False) -> None:
        """Nothing to learn."""


class CategoricalLabels(LabelLaw):
    """Independent labels whose shares are learned, as in VaDE and in every mixture model.

    Example:
        >>> law = CategoricalLabels(4, 2)
        >>> law.fit(torch.tensor([3.0, 1.0]))
        >>> law.mean, law.log_prob(torch.tensor([4.0, 0.0])).exp()
        (tensor([3., 1.], dtype=torch.float64), tensor(0.3164, dtype=torch.float64))
    """

    def log_prob(self, counts: Tensor) -> Tensor:
        """``Σ_k n_k log π_k``."""
        return torch.special.xlogy(counts.double(), self.log_weights.softmax(-1)).sum(-1)

    @property
    def mean(self) -> Tensor:
        """``n π``."""
        return self.total_count * self.log_weights.softmax(-1)

    def fit(self, counts: Tensor, *, roughly: bool = False) -> None:
        """Shares as counted; an empty cluster counts as a thousandth."""
        self.log_weights = counts.detach().cpu().double().clamp(min=1e-3).log()


class FisherLabels(LabelLaw):
    r"""Labels are places in an urn: ``n`` are taken, in random order, of ``m_k`` places of weight ``w_k`` in each cluster.

    The counts follow Fisher's law, and all orders of the same counts are equally likely, so that the factorials cancel:

    .. math:: \log p(c; w) = \log p(n_1, \dots, n_K; w) - \log\frac{n!}{\prod_k n_k!}
              = \sum_k \Big[ n_k \log w_k + \log\frac{m_k!}{(m_k - n_k)!} \Big] - \log Z - \log n!

    Between whole numbers the factorials are gamma functions. The function is concave in the counts, so that at the expected
    counts of random labels it is never below its expectation: by about half of ``Σ_k Var(n_k) / (m_k − E n_k)`` nats above.

    Args:
        total_count: ``n``.
        num_clusters: ``K``.
        capacities: ``m``, a whole number or ``K`` of them; ``n`` each when omitted. Above ``n`` they limit nothing, but matter
            still: as they grow, labels become independent.

    Attributes:
        capacities: int64, shape ``(K,)``.

    Raises:
        ValueError: for capacities that are no counts or leave too little room.

    Example:
        >>> law = FisherLabels(2, 2, [2, 1])
        >>> law.log_prob(torch.tensor([[2.0, 0.0], [1.0, 1.0]])).exp()  # one order, and each of two orders
        tensor([0.3333, 0.3333], dtype=torch.float64)

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.3.
    """

    def __init__(self, total_count: int, num_clusters: int, capacities: Any = None):
        super().__init__(total_count, num_clusters)
        HypergeometricSizes(total_count, num_clusters, capacities=capacities)  # complains where they are none
        places = np.broadcast_to(np.asarray(total_count if capacities is None else capacities), (num_clusters,))
        self.capacities = torch.tensor(places.astype(np.int64))
        self._left = (self.capacities - self.mean + 1).numpy()

    def _law(self) -> FisherHypergeometric:
        return FisherHypergeometric(self.total_count, self.capacities, log_weights=self.log_weights, validate_args=False)

    def log_prob(self, counts: Tensor) -> Tensor:
        """See :meth:`LabelLaw.log_prob`; differentiable in counts and log weights. ``-inf`` where there are too few places."""
        counts, places = counts.double(), self.capacities.double()
        left = places - counts + 1
        taken = torch.lgamma(places + 1) - torch.lgamma(left.clamp(min=1e-12))
        terms = torch.where(left > 0, counts * self.log_weights + taken, -torch.inf)
        return terms.sum(-1) - self._law().log_normalizer - math.lgamma(self.total_count + 1)

    @property
    def mean(self) -> Tensor:
        """Of Fisher's law."""
        return self._law().mean

    def fit(self, counts: Tensor, *, roughly: bool = False) -> None:
        """Weights at which the law's mean is the counts, kept half a point away from empty and full."""
        places = self.capacities.double()
        least = (places / 2).clamp(max=0.5)
        taken = counts.detach().cpu().double().maximum(least).minimum(places - least)
        logs = torch.logit(taken / places.clamp(min=1e-9))
        free = (taken * (1 - taken / places.clamp(min=1e-9))).clamp(min=0.25)
        for _ in range(0 if roughly else 2):
            self.log_weights = (logs - logs.mean()).clamp(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT)
            # Fisher's covariance is close to that of independent binomials given their sum: a Newton step without it.
            logs = self.log_weights + (taken - self.mean) / free
        self.log_weights = (logs - logs.mean()).clamp(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT)

    def soft_labels(self, scores: Tensor, rest: Tensor | None = None, share: float = 1.0) -> Tensor:
        """See :meth:`LabelLaw.soft_labels`: a softmax of scores, log weights and the logarithm of the places left.

        The concave problem's dual has one unknown a cluster; Newton's method finds it.
        """
        raised = (scores.detach().cpu().double() + self.log_weights).numpy()
        taken = np.zeros(self.num_clusters) if rest is None else rest.detach().cpu().double().numpy()
        room = np.maximum(self.capacities.numpy() - taken, 0) + 1
        labels, self._left = _best_labels(raised, np.minimum(self._left, room), room, share)
        return torch.from_numpy(labels).to(scores.device, scores.dtype)

    def offsets(self) -> Tensor:
        """Log weights and the logarithm of the places left at the last soft labels."""
        return self.log_weights + torch.from_numpy(digamma(self._left))


def _best_labels(scores: np.ndarray, left: np.ndarray, room: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Soft labels for places that fill up, and one more than the places that they leave, from a guess of that.

    With ``b = digamma(left)`` the labels are ``softmax(scores + b)``, and the convex dual's gradient in ``b`` is their column
    sums less ``room − left``. The steps are Newton's in ``b``, taken so that ``left`` stays positive.
    """
    value, labels, gradient = _dual(scores, left, room, share)
    for _ in range(100):
        sums = share * labels.sum(0)
        slopes = zeta(2.0, left)  # of digamma
        step = -np.linalg.solve(np.diag(sums + 1 / slopes) - share * labels.T @ labels, gradient)
        slope = float(gradient @ step)
        if -slope < 1e-14 * share * len(scores):
            break
        length = 1.0
        while length > 1e-9:
            tried = left * np.exp(np.clip(length * step / (slopes * left), -10, 10))
            found = _dual(scores, tried, room, share)
            if found[0] <= value + 1e-4 * length * slope + 1e-12 * abs(value):
                break
            length /= 2
        else:
            break
        left, (value, labels, gradient) = tried, found
    return labels, left


def _dual(scores: np.ndarray, left: np.ndarray, room: np.ndarray, share: float) -> tuple[float, np.ndarray, np.ndarray]:
    """The dual's value, the labels and the dual's gradient."""
    potentials = digamma(left)
    raised = scores + potentials
    most = raised.max(-1, keepdims=True)
    labels = np.exp(raised - most)
    sums = labels.sum(-1, keepdims=True)
    labels /= sums
    value = share * float((most + np.log(sums)).sum()) - float((potentials * (room - left) + gammaln(left)).sum())
    return value, labels, share * labels.sum(0) - room + left


_LAWS: dict[str, type[LabelLaw]] = {"uniform": UniformLabels, "categorical": CategoricalLabels, "fisher": FisherLabels}


def label_law(name: str, total_count: int, num_clusters: int, capacities: Any = None) -> LabelLaw:
    """A law by its name.

    Args:
        name: ``"uniform"``, ``"categorical"`` or ``"fisher"``.
        total_count: ``n``.
        num_clusters: ``K``.
        capacities: of Fisher's law.

    Raises:
        ValueError: for another name, and for capacities of a law that has none.

    Example:
        >>> label_law("fisher", 6, 3, capacities=[4, 4, 1]).mean
        tensor([2.6667, 2.6667, 0.6667], dtype=torch.float64)
    """
    if name not in _LAWS:
        raise ValueError(f"prior must be one of {', '.join(_LAWS)}; got {name!r}.")
    if name == "fisher":
        return FisherLabels(total_count, num_clusters, capacities)
    if capacities is not None:
        raise ValueError(f'Only the prior "fisher" has capacities; this one is {name!r}.')
    return _LAWS[name](total_count, num_clusters)
