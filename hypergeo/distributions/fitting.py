"""Maximum-likelihood weights of an urn from observed counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hypergeo._validate import require_real

from .intervals import exact_intervals, profile_intervals
from .likelihood import Likelihood, inverse_information
from .reading import read_real

__all__ = ["WeightFit", "fit_weights"]


@dataclass(frozen=True, repr=False)
class WeightFit:
    """Weights that make observed counts most probable.

    Only ratios of weights are identified: those that are neither zero nor infinite have geometric mean one.

    Attributes:
        weights: fitted weights, shape ``(K,)``. A weight is zero if the group was never drawn although it could have been,
            infinite if it was always drawn up to its bound, and NaN if its counts were forced and carry no information.
        log_weights: natural logarithms of the weights, shape ``(K,)``.
        standard_errors: standard errors of the log weights, from the inverse of the observed information, shape ``(K,)``; NaN
            where a weight is at a bound or not identified.
        at_bounds: mask of the groups with a weight of zero or infinity, shape ``(K,)``.
        log_likelihood: log-likelihood of all counts at these weights, in nats.
        converged: whether Newton's method reached a maximum.
        iterations: number of Newton steps.
        covariance: covariances of the log weights, shape ``(K, K)``, NaN where the standard errors are. The variance of
            the logarithm of a ratio of weights is ``covariance[i, i] + covariance[j, j] - 2 covariance[i, j]``.
        blocks: the groups with finite weights, usually in one block. There are several blocks if the total of some groups is
            always at a bound although their single counts are not, or if some groups are never in one urn. Then only ratios
            within a block are identified, the weights of each block have geometric mean one, and there is no maximum.
        counts: observed counts, int64, shape ``(N, K)``.
        group_sizes: group sizes of each row, int64, shape ``(N, K)``.
        likelihood: class of the likelihood that was maximised.
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
    counts: Tensor
    group_sizes: Tensor
    likelihood: type[Likelihood]

    def confidence_interval(self, level: float = 0.95, method: str = "wald", *, relative_to: int | None = None) -> Tensor:
        """Computes confidence intervals of the weights, or of their ratios to the weight of one group.

        Args:
            level: coverage, between 0 and 1.
            method: ``"wald"`` for intervals from the standard errors, symmetric on the log scale. ``"profile"`` for the weights
                that a likelihood-ratio test does not reject; it has limits for weights at a bound too. ``"exact"`` for two
                groups, from the distribution of the counts itself (Clopper and Pearson); its coverage is never below the
                level, and its intervals are those of each weight's ratio to the other.
            relative_to: index of the group whose weight the others are divided by. When omitted, weights are relative to the
                geometric mean of the finite ones.

        Returns:
            Lower and upper limits, shape ``(K, 2)``; NaN where the method has none.

        Raises:
            ValueError: if the method or the group does not exist, or if the method is ``"exact"`` and the number of groups is
                not two, the fit is that of Wallenius' distribution or the table would have too many entries.

        Example:
            >>> fit = fit_weights([[75, 1]], [360, 1141])  # of 360 and 1141 elements: the odds ratio of a 2x2 table
            >>> fit.confidence_interval(0.95, "exact")[0]
            tensor([   51.5568, 12015.2340], dtype=torch.float64)

        References:
            C. Clopper, E. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
            D. Venzon, S. Moolgavkar, "A method for computing profile-likelihood-based confidence intervals", Applied
            Statistics 37, 1988.
        """
        require_real("level", level, "between 0 and 1", gt=0, lt=1)
        groups = len(self.weights)
        if relative_to is not None and (type(relative_to) is bool or relative_to not in range(groups)):
            raise ValueError(f"relative_to must be the number of a group, 0 to {groups - 1}; got {relative_to!r}.")
        if method == "wald":
            return self._wald(float(level), relative_to)
        if method == "profile":
            return profile_intervals(self, float(level), relative_to)
        if method == "exact":
            if self.likelihood is not Likelihood:
                raise ValueError('method "exact" is for Fisher\'s distribution; got a fit of Wallenius\'. Use "profile".')
            intervals = exact_intervals(self.counts, self.group_sizes, float(level))
            if relative_to is not None:
                intervals[relative_to] = 1.0
            return intervals
        raise ValueError(f'method must be "wald", "profile" or "exact"; got {method!r}.')

    def _wald(self, level: float, relative_to: int | None) -> Tensor:
        centre, errors = self.log_weights, self.standard_errors
        if relative_to is not None:
            covariance, variance = self.covariance, self.covariance.diagonal()
            centre = centre - centre[relative_to]
            errors = (variance + variance[relative_to] - 2 * covariance[relative_to]).clamp(min=0).sqrt()
        reach = float(torch.special.ndtri(torch.tensor(0.5 + level / 2, dtype=torch.float64))) * errors
        return torch.stack([centre - reach, centre + reach], -1).exp()

    def __repr__(self) -> str:
        numbers = ", ".join(
            f"{name}=[{', '.join(f'{x:.4g}' for x in values.tolist())}]"
            for name, values in (("weights", self.weights), ("standard_errors", self.standard_errors))
        )
        return f"WeightFit({numbers}, log_likelihood={self.log_likelihood:.6g}, converged={self.converged})"

    def _repr_html_(self) -> str:
        """Returns an HTML table of the weights for notebooks."""
        intervals = self.confidence_interval()
        head = "<tr><th>Group</th><th>Weight</th><th>95 % interval (Wald)</th><th>Standard error of log weight</th></tr>"
        rows = (
            "".join(
                f"<tr><td>{k + 1}</td><td>{weight:.4g}</td><td>{low:.4g} to {high:.4g}</td><td>{error:.3g}</td></tr>"
                for k, (weight, (low, high), error) in enumerate(
                    zip(self.weights.tolist(), intervals.tolist(), self.standard_errors.tolist(), strict=True)
                )
            )
            .replace("nan to nan", "–")
            .replace("nan", "–")
        )
        state = "maximum found" if self.converged else "no maximum: only ratios within a block of groups are known"
        caption = f"Log-likelihood {self.log_likelihood:.6g} nats, {len(self.counts):,} count vectors, {state}"
        return f"<table><caption>{caption}</caption><thead>{head}</thead><tbody>{rows}</tbody></table>"


def fit_weights(
    counts: Any,
    group_sizes: Any,
    *,
    likelihood: type[Likelihood] = Likelihood,
    max_iterations: int = 100,
    tolerance: float = 1e-10,
) -> WeightFit:
    """Computes maximum-likelihood weights by Newton's method on a concave likelihood.

    The distribution is an exponential family: the gradient is the observed minus the expected counts, and the Hessian is minus
    the covariance. Group ``k`` leads to group ``j`` if, in some row, an element drawn from ``k`` could have been drawn from
    ``j`` instead. A maximum exists if and only if every group leads to every other one, directly or through other groups. A
    ``ValueError`` is raised for counts that are fractional, negative or above the group sizes, and for wrong shapes.

    Args:
        counts: whole numbers, shape ``(N, K)`` or ``(K,)``; each row's sum is its number drawn.
        group_sizes: whole numbers, shape ``(K,)`` or ``(N, K)``.
        likelihood: class of the likelihood: that of Fisher's distribution, or :class:`WalleniusLikelihood`.
        max_iterations: largest number of Newton steps.
        tolerance: largest step in a log weight at which the iteration stops.

    Returns:
        Weights, shape ``(K,)``, with their standard errors and the groups at a bound.

    Example:
        >>> from hypergeo import FisherHypergeometric
        >>> _ = torch.manual_seed(0)
        >>> counts = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((2000,))
        >>> fit = fit_weights(counts, [10, 10, 10])
        >>> (fit.weights / fit.weights[0]).round(decimals=1)
        tensor([1., 2., 4.], dtype=torch.float64)

    References:
        A. Fog, "Calculation methods for Fisher's and Wallenius' noncentral hypergeometric distributions", 2008, section 6.
        L. Ford, "Solution of a ranking problem from binary comparisons", American Mathematical Monthly 64, 1957: condition for
        the existence of a maximum.
    """
    observed, sizes = _read(counts, group_sizes)
    log_weights, free = _bounds(observed, sizes)
    errors = torch.full((len(free), len(free)), torch.nan, dtype=torch.float64)
    blocks = _blocks(observed, sizes, free)
    log_likelihood, converged, iterations = 0.0, len(blocks) <= 1, 0
    for block in blocks:
        members = torch.tensor(block)
        newton = likelihood(observed[:, members], sizes[:, members])
        point, peaked, steps = newton.run(max_iterations, tolerance)
        log_weights[members] = point - point.mean()
        log_likelihood += newton.look(point)[0]
        converged, iterations = converged and peaked, max(iterations, steps)
        if converged:
            errors[members[:, None], members] = inverse_information(newton.information(point))
    return WeightFit(
        log_weights.exp(),
        log_weights,
        errors.diagonal().sqrt(),
        log_weights.isinf(),
        min(log_likelihood, 0.0),
        converged,
        iterations,
        errors,
        blocks,
        observed,
        sizes,
        likelihood,
    )


def _bounds(observed: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Returns log weights of groups at a bound in every row (NaN if forced, zero for others), and a mask of the others."""
    log_weights = torch.zeros(observed.shape[1], dtype=torch.float64)
    total = observed.sum(-1, keepdim=True)
    least, most = (total - sizes.sum(-1, keepdim=True) + sizes).clamp(min=0), torch.minimum(total, sizes)
    forced = (least == most).all(0)
    log_weights[forced] = torch.nan
    free = ~forced
    # A group at one of its bounds in every row is removed with its counts, and other groups may then be at their bounds. Groups
    # whose counts are forced only after a removal keep finite weights, because they were compared with the removed groups.
    while True:
        rest, capacity = observed * free, sizes * free
        total = rest.sum(-1, keepdim=True)
        most = torch.minimum(total, capacity)
        least = (total - capacity.sum(-1, keepdim=True) + capacity).clamp(min=0)
        never = free & (rest == 0).all(0) & (most > 0).any(0)
        always = free & (rest == capacity).all(0) & (least < capacity).any(0)
        if not bool((never | always).any()):
            return log_weights, free
        log_weights[never] = -torch.inf
        log_weights[always] = torch.inf
        free = free & ~never & ~always


def _blocks(observed: Tensor, sizes: Tensor, free: Tensor) -> tuple[tuple[int, ...], ...]:
    """Returns blocks of groups with finite ratios of weights: each leads to the other, as :func:`fit_weights` defines."""
    from scipy.sparse.csgraph import connected_components  # twice as slow to import as all of this package

    chosen = free.nonzero()[:, 0]
    drawn, left = ((value[:, chosen]).double() for value in (observed > 0, observed < sizes))
    number, labels = connected_components((drawn.mT @ left > 0).numpy(), directed=True, connection="strong")
    return tuple(tuple(chosen[torch.from_numpy(labels == label)].tolist()) for label in range(number))


def _read(counts: Any, group_sizes: Any) -> tuple[Tensor, Tensor]:
    observed = read_real("counts", counts).detach().cpu().double()
    sizes = read_real("group_sizes", group_sizes).detach().cpu().double()
    if observed.dim() == 1:
        observed = observed[None]
    if observed.dim() != 2 or sizes.dim() not in (1, 2) or sizes.shape[-1] != observed.shape[1] or not observed.shape[1]:
        raise ValueError(
            "counts must have shape (N, K) and group_sizes (K,) or (N, K), with at least one group; "
            f"got {tuple(observed.shape)} and {tuple(sizes.shape)}."
        )
    if not len(observed):
        raise ValueError("counts must have at least one row; got none.")
    if sizes.dim() == 2 and sizes.shape[0] not in (1, observed.shape[0]):
        raise ValueError(f"group_sizes must have one row or one for each of {observed.shape[0]} counts; got {sizes.shape[0]}.")
    sizes = sizes.expand_as(observed)
    good = (observed >= 0) & (observed <= sizes) & (observed % 1 == 0) & (sizes % 1 == 0) & (sizes < 2**53)
    if not bool(good.all()):
        row, group = (~good).nonzero()[0].tolist()
        raise ValueError(
            f"counts must be whole numbers between 0 and group_sizes; got {observed[row, group].item()} with size "
            f"{sizes[row, group].item()} in row {row}, group {group}."
        )
    return observed.long(), sizes.long()
