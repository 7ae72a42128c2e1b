"""Maximum-likelihood weights of an urn from observed counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from scipy.special import ndtri
from torch import Tensor

from .batching import Rows
from .binomials import log_binomial
from .moments import covariance
from .partition import MOMENT_DROP, Tree, mean_counts

__all__ = ["WeightFit", "fit_weights"]

_RIDGE = 1e-10  # of the strongest information in any direction, what counts as none
_DIVERGED = 60.0  # log weights this far apart: the likelihood has no maximum


@dataclass(frozen=True)
class WeightFit:
    """Weights that make observed counts most probable.

    Only ratios of weights are identified: those that are neither zero nor infinite have geometric mean one.

    Attributes:
        weights: shape ``(K,)``; zero for a group never drawn although it could have been, infinite for one always drawn to
            its bound, NaN for one whose counts were forced and so say nothing.
        log_weights: their natural logarithms.
        standard_errors: of the log weights, from the inverse of the observed information; NaN where a weight is at a bound
            or not identified.
        at_bounds: which groups have a weight of zero or infinity, shape ``(K,)``.
        log_likelihood: of all counts at these weights, in nats.
        converged: whether a maximum was found. Where groups separate in a way that no single count shows, there is none.
        iterations: Newton steps taken.
    """

    weights: Tensor
    log_weights: Tensor
    standard_errors: Tensor
    at_bounds: Tensor
    log_likelihood: float
    converged: bool
    iterations: int

    def confidence_interval(self, level: float = 0.95) -> Tensor:
        """Wald intervals of the weights, shape ``(K, 2)``.

        Args:
            level: coverage, between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1; got {level}.")
        reach = float(ndtri(0.5 + level / 2)) * self.standard_errors
        return torch.stack([self.log_weights - reach, self.log_weights + reach], -1).exp()


def fit_weights(counts: Any, group_sizes: Any, *, max_iterations: int = 100, tolerance: float = 1e-10) -> WeightFit:
    """Maximum-likelihood weights by Newton's method on a concave likelihood.

    The law is an exponential family: the gradient is observed less expected counts, the Hessian minus the covariance.

    Args:
        counts: whole numbers, shape ``(N, K)`` or ``(K,)``; each row's sum is its number drawn.
        group_sizes: whole numbers, shape ``(K,)`` or ``(N, K)``.
        max_iterations: most Newton steps.
        tolerance: largest step in a log weight at which to stop.

    Raises:
        ValueError: for counts that are not whole, negative or above the group sizes, or of another shape.

    Example:
        >>> from hypergeo import FisherHypergeometric
        >>> _ = torch.manual_seed(0)
        >>> counts = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((2000,))
        >>> fit = fit_weights(counts, [10, 10, 10])
        >>> (fit.weights / fit.weights[0]).round(decimals=1)
        tensor([1., 2., 4.], dtype=torch.float64)

    References:
        A. Fog, "Calculation methods for Fisher's and Wallenius' noncentral hypergeometric distributions", 2008, section 6.
    """
    observed, sizes = _read(counts, group_sizes)
    low = (observed.sum(-1, keepdim=True) - sizes.sum(-1, keepdim=True) + sizes).clamp(min=0)
    high = torch.minimum(observed.sum(-1, keepdim=True), sizes)
    forced = (low == high).all(0)
    log_weights = torch.zeros(observed.shape[1], dtype=torch.float64)
    free = torch.ones_like(forced)
    # A group at one of its bounds in every row leaves with its counts, which may bring others to theirs.
    while True:
        rest, room = observed * free, sizes * free
        total = rest.sum(-1, keepdim=True)
        most = torch.minimum(total, room)
        least = (total - room.sum(-1, keepdim=True) + room).clamp(min=0)
        never = free & (rest == 0).all(0) & (most > 0).any(0)
        always = free & (rest == room).all(0) & (least < room).any(0)
        stuck = free & (least == most).all(0)
        if not bool((never | always).any()):
            free = free & ~stuck
            break
        log_weights[never] = -torch.inf
        log_weights[always] = torch.inf
        free = free & ~never & ~always
    log_weights[forced | (~free & log_weights.isfinite())] = torch.nan
    newton = _Newton(observed * free, sizes * free)
    found, converged, iterations = newton.run(max_iterations, tolerance)
    errors = torch.full_like(log_weights, torch.nan)
    if bool(free.any()):
        found = found - found[free].mean()
        log_weights[free] = found[free]
        information = newton.information(found)[free][:, free]
        strengths = torch.linalg.eigvalsh(information)
        # One direction, that of all weights together, carries no information. Where another one carries none, the
        # likelihood has a ridge and not a peak.
        converged = converged and int((strengths > _RIDGE * strengths[-1]).sum()) == len(strengths) - 1
        if converged:
            errors[free] = torch.linalg.pinv(information, hermitian=True, rtol=_RIDGE).diagonal().sqrt()
    return WeightFit(
        log_weights.exp(), log_weights, errors, log_weights.isinf(), newton.log_likelihood(found), converged, iterations
    )


class _Newton:
    """The likelihood of counts, rows of one urn taken together."""

    def __init__(self, observed: Tensor, sizes: Tensor):
        urns = torch.cat([observed.sum(-1, keepdim=True), sizes], -1)
        different, self.place, self.number = urns.unique(dim=0, return_inverse=True, return_counts=True)
        self.total, self.sizes = different[:, 0], different[:, 1:]
        self.observed = observed.double()
        self.summed = self.observed.sum(0)

    def _rows(self, log_weights: Tensor) -> Rows:
        return Rows.plain(log_weights.expand(len(self.total), -1), self.sizes, self.total)

    def log_likelihood(self, log_weights: Tensor) -> float:
        tree = Tree(self._rows(log_weights), MOMENT_DROP)
        free = -(self.sizes * torch.nn.functional.logsigmoid(-tree.logits)).sum(-1)
        log_z = free - self.total * tree.tilt[:, 0] + tree.log_total()
        coefficients = log_binomial(self.sizes[self.place], self.observed).sum()
        return float(coefficients + (self.summed * log_weights).sum() - (self.number * log_z).sum())

    def gradient(self, log_weights: Tensor) -> Tensor:
        rows = self._rows(log_weights)
        expected = mean_counts(rows.log_weights, rows.sizes, rows.total)
        return self.summed - (self.number[:, None] * expected).sum(0)

    def information(self, log_weights: Tensor) -> Tensor:
        return (self.number[:, None, None] * covariance(self._rows(log_weights))).sum(0)

    def run(self, max_iterations: int, tolerance: float) -> tuple[Tensor, bool, int]:
        point = torch.zeros(self.sizes.shape[1], dtype=torch.float64)
        if not bool((self.sizes > 0).any()):
            return point, True, 0
        value = self.log_likelihood(point)
        for iteration in range(1, max_iterations + 1):
            step = torch.linalg.pinv(self.information(point), hermitian=True, rtol=1e-12) @ self.gradient(point)
            step = step * min(1.0, 5.0 / max(float(step.abs().max()), 1e-300))
            for _ in range(40):
                new_value = self.log_likelihood(point + step)
                if new_value >= value - 1e-12 * abs(value):
                    break
                step = step / 2
            point, value = point + step, new_value
            if float(step.abs().max()) <= tolerance:
                return point, True, iteration
            if float(point.max() - point.min()) > _DIVERGED:
                return point, False, iteration
        return point, False, max_iterations


def _read(counts: Any, group_sizes: Any) -> tuple[Tensor, Tensor]:
    try:
        observed = torch.as_tensor(counts).detach().cpu().double()
        sizes = torch.as_tensor(group_sizes).detach().cpu().double()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"counts and group_sizes must be regular arrays of numbers; got {counts!r} and {group_sizes!r}."
        ) from error
    if observed.dim() == 1:
        observed = observed[None]
    if observed.dim() != 2 or sizes.dim() not in (1, 2) or sizes.shape[-1] != observed.shape[1]:
        raise ValueError(
            "counts must have shape (N, K) and group_sizes (K,) or (N, K); "
            f"got {tuple(observed.shape)} and {tuple(sizes.shape)}."
        )
    if not len(observed):
        raise ValueError("counts must have at least one row; got none.")
    if sizes.dim() == 2 and sizes.shape[0] not in (1, observed.shape[0]):
        raise ValueError(f"group_sizes must have one row or one for each of {observed.shape[0]} counts; got {sizes.shape[0]}.")
    sizes = sizes.expand_as(observed)
    good = (observed >= 0) & (observed <= sizes) & (observed % 1 == 0) & (sizes % 1 == 0)
    if not bool(good.all()):
        row, group = (~good).nonzero()[0].tolist()
        raise ValueError(
            f"counts must be whole numbers between 0 and group_sizes; got {observed[row, group].item()} with size "
            f"{sizes[row, group].item()} in row {row}, group {group}."
        )
    return observed.long(), sizes.long()
