"""Maximum-likelihood weights of an urn from observed counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hypergeo._validate import require_real
from hypergeo.numerics.binomials import log_binomial, solve_tilt
from hypergeo.numerics.moments import covariance
from hypergeo.numerics.partition import MOMENT_DROP, Tree
from hypergeo.numerics.urn_rows import Rows

__all__ = ["WeightFit", "fit_weights"]

_ENTRIES = 1 << 16  # of the tables that are worked on at once
_EXACT = 512  # different urns up to which each step has the exact information


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
        converged: whether a maximum was found.
        iterations: Newton steps taken.
        covariance: of the log weights, shape ``(K, K)``, NaN where the standard errors are. The variance of the logarithm of a
            ratio of weights is ``covariance[i, i] + covariance[j, j] - 2 covariance[i, j]``.
        blocks: the groups with finite weights, in one block. There are more where groups separate: where some groups together
            always take the most or the least that they can, in a way that no single count shows, or where they are never
            compared. Then only ratios within a block are known, to which the weights of each have geometric mean one, and
            there is no maximum.
    """

    weights: Tensor
    log_weights: Tensor
    standard_errors: Tensor
    at_bounds: Tensor
    log_likelihood: float
    converged: bool
    iterations: int
    covariance: Tensor
    blocks: tuple[tuple[int, ...], ...]

    def confidence_interval(self, level: float = 0.95) -> Tensor:
        """Wald intervals of the weights, shape ``(K, 2)``.

        Args:
            level: coverage, between 0 and 1.
        """
        require_real("level", level, "between 0 and 1", gt=0, lt=1)
        reach = float(torch.special.ndtri(torch.tensor(0.5 + level / 2, dtype=torch.float64))) * self.standard_errors
        return torch.stack([self.log_weights - reach, self.log_weights + reach], -1).exp()


def fit_weights(counts: Any, group_sizes: Any, *, max_iterations: int = 100, tolerance: float = 1e-10) -> WeightFit:
    """Maximum-likelihood weights by Newton's method on a concave likelihood.

    The law is an exponential family: the gradient is observed less expected counts, the Hessian minus the covariance. Whether
    there is a maximum is known before: a unit of group ``k`` could have been one of group ``j`` in some row, and one of ``j``
    one of ``k`` in some row, directly or by way of other groups, for all ``j`` and ``k``.

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
        L. Ford, "Solution of a ranking problem from binary comparisons", American Mathematical Monthly 64, 1957: when there is
        a maximum.
    """
    observed, sizes = _read(counts, group_sizes)
    log_weights, free = _bounds(observed, sizes)
    errors = torch.full((len(free), len(free)), torch.nan, dtype=torch.float64)
    blocks = _blocks(observed, sizes, free)
    log_likelihood, converged, iterations = 0.0, len(blocks) <= 1, 0
    for block in blocks:
        members = torch.tensor(block)
        newton = _Newton(observed[:, members], sizes[:, members])
        found, peaked, steps = newton.run(max_iterations, tolerance)
        log_weights[members] = found - found.mean()
        log_likelihood += newton.look(found)[0]
        converged, iterations = converged and peaked, max(iterations, steps)
        if converged:
            errors[members[:, None], members] = _inverse(newton.information(found))
    return WeightFit(
        log_weights.exp(),
        log_weights,
        errors.diagonal().sqrt(),
        log_weights.isinf(),
        log_likelihood,
        converged,
        iterations,
        errors,
        blocks,
    )


def _bounds(observed: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Log weights of groups at a bound in every row (NaN where that was forced, zero for others), and the other groups."""
    log_weights = torch.zeros(observed.shape[1], dtype=torch.float64)
    free = torch.ones(observed.shape[1], dtype=torch.bool)
    # A group at one of its bounds in every row leaves with its counts, which may bring others to theirs.
    while True:
        rest, room = observed * free, sizes * free
        total = rest.sum(-1, keepdim=True)
        most = torch.minimum(total, room)
        least = (total - room.sum(-1, keepdim=True) + room).clamp(min=0)
        never = free & (rest == 0).all(0) & (most > 0).any(0)
        always = free & (rest == room).all(0) & (least < room).any(0)
        if not bool((never | always).any()):
            stuck = free & (least == most).all(0)
            log_weights[stuck] = torch.nan
            return log_weights, free & ~stuck
        log_weights[never] = -torch.inf
        log_weights[always] = torch.inf
        free = free & ~never & ~always


def _blocks(observed: Tensor, sizes: Tensor, free: Tensor) -> tuple[tuple[int, ...], ...]:
    """Groups whose ratios of weights are finite at the maximum: connected both ways by units that could be the other's."""
    from scipy.sparse.csgraph import connected_components  # twice as slow to import as all of this package

    chosen = free.nonzero()[:, 0]
    drawn, room = ((value[:, chosen]).double() for value in (observed > 0, observed < sizes))
    number, labels = connected_components((drawn.mT @ room > 0).numpy(), directed=True, connection="strong")
    return tuple(tuple(chosen[torch.from_numpy(labels == label)].tolist()) for label in range(number))


def _inverse(information: Tensor) -> Tensor:
    """Covariance of log weights that add up to zero; along equal changes of all of them there is no information."""
    scale = information.diagonal().sqrt().clamp(min=1e-150)
    nothing = scale / scale.norm()
    inverse = torch.linalg.inv(information / (scale[:, None] * scale) + nothing[:, None] * nothing)
    inverse = inverse / (scale[:, None] * scale)
    inverse = inverse - inverse.mean(0)
    return inverse - inverse.mean(1, keepdim=True)


class _Newton:
    """The likelihood of counts whose maximum is finite; rows of one urn are taken together."""

    def __init__(self, observed: Tensor, sizes: Tensor):
        different, self.number = _different(torch.cat([observed.sum(-1, keepdim=True), sizes], -1))
        self.total, self.sizes = different[:, 0], different[:, 1:]
        self.summed = observed.double().sum(0)
        self.coefficients = float(log_binomial(sizes, observed).sum())
        rows = max(1, _ENTRIES // (self.sizes.shape[1] * int(1 + self.sizes.max())))
        self.chunks = torch.arange(len(self.total)).split(rows)

    def _rows(self, log_weights: Tensor, chunk: Tensor) -> Rows:
        return Rows.plain(log_weights.expand(len(chunk), -1), self.sizes[chunk], self.total[chunk])

    def look(self, log_weights: Tensor) -> tuple[float, Tensor]:
        """Log-likelihood and its gradient, observed less expected counts."""
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
        """Minus the second derivatives of the log-likelihood: the covariances of all rows, added up."""
        rows = (self.number[c, None, None] * covariance(self._rows(log_weights, c)) for c in self.chunks)
        return sum((part.sum(0) for part in rows), torch.zeros(()))

    def _steepness(self, log_weights: Tensor) -> Tensor:
        """The information, or for many urns, where that takes long, Gauss's law in place of Fisher's."""
        if len(self.total) <= _EXACT:
            return self.information(log_weights)
        sizes = self.sizes.double()
        chance = torch.sigmoid(log_weights + solve_tilt(log_weights.expand_as(sizes), sizes, self.total.double()))
        present = sizes.sum(-1)
        variance = sizes * chance * (1 - chance) * (present / (present - 1).clamp(min=1))[:, None] * self.number[:, None]
        whole = variance.sum(-1, keepdim=True).clamp(min=1e-300)
        return torch.diag(variance.sum(0)) - variance.mT @ (variance / whole)

    def run(self, max_iterations: int, tolerance: float) -> tuple[Tensor, bool, int]:
        """Log weights at the maximum, whether it was reached, and steps taken."""
        point = torch.zeros(self.sizes.shape[1], dtype=torch.float64)
        if len(point) == 1:
            return point, True, 0
        value, gradient = self.look(point)
        for iteration in range(1, max_iterations + 1):
            step = _inverse(self._steepness(point)) @ gradient
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


def _different(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The different rows of whole numbers, and how often each stands there, as float64."""
    base = rows.amax(0) + 1
    if float(base.double().log2().sum()) < 62:
        # One number for each row: much faster to sort than rows are.
        powers = torch.cat([base.flip(0).cumprod(0).flip(0)[1:], base.new_ones(1)])
        codes, number = (rows @ powers).unique(return_counts=True)
        return codes[:, None] // powers % base, number.double()
    different, number = rows.unique(dim=0, return_counts=True)
    return different, number.double()


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
