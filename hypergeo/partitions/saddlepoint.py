"""The saddlepoint approximation to the probability that independent categorical rows have specified counts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["log_probability_of_counts"]

_LARGEST_CORRECTION = 1.0
_RIDGE = 1e-30


def log_probability_of_counts(plan: Tensor, sizes: Tensor) -> Tensor:
    r"""Approximates the log-probability that the column sums of independent rows equal their expected values.

    The column of the largest group is omitted, because its count follows from the others. With the covariance matrix ``H`` of
    the other column sums and their third and fourth cumulants ``κ``, indices raised by the inverse of ``H``, the approximation
    is

    .. math:: -\tfrac12 \log\det(2πH) + \tfrac18 κ_{ijkl} κ^{ij} κ^{kl}
        - \tfrac18 κ_{ijk} κ_{lmn} κ^{ij} κ^{kl} κ^{mn} - \tfrac1{12} κ_{ijk} κ_{lmn} κ^{il} κ^{jm} κ^{kn}.

    If the terms in the cumulants exceed one, rows are nearly certain and these terms are omitted. The result is at most zero,
    and exact for certain rows.

    Args:
        plan: probabilities of each row, float64, shape ``batch + (N, K)``.
        sizes: column sums of the plan, shape ``batch + (K,)``; columns of size 0 are omitted.

    Returns:
        Shape ``batch``.

    Example:
        >>> plan = torch.full((20, 2), 0.5, dtype=torch.float64)
        >>> log_probability_of_counts(plan, torch.tensor([10, 10])).exp()  # exactly 0.17620
        tensor(0.1762, dtype=torch.float64)

    References:
        H. E. Daniels, "Saddlepoint approximations in statistics", Annals of Mathematical Statistics 25, 1954.
        P. McCullagh, "Tensor methods in statistics", 1987, section 6.3 (the terms in the cumulants for several variables).
    """
    free = (sizes > 0) & (torch.arange(plan.shape[-1], device=sizes.device) != sizes.argmax(-1, keepdim=True))
    both = free[..., :, None] & free[..., None, :]
    # Variances are sums of products of two groups' probabilities, which lose no digits if rows are nearly certain.
    shared = plan.mT @ plan
    shared = shared - torch.diag_embed(shared.diagonal(dim1=-2, dim2=-1))
    curvature = torch.diag_embed(shared.sum(-1) + _RIDGE) - shared
    curvature = torch.where(both, curvature, torch.diag_embed((~free).to(plan.dtype)))
    inverse = torch.where(both, torch.linalg.inv(curvature), 0.0)
    correction = _fourth(plan, inverse) / 8 - _third(plan, inverse)
    correction = torch.where(correction.abs() < _LARGEST_CORRECTION, correction, 0.0)
    volume = torch.linalg.slogdet(curvature).logabsdet + free.sum(-1) * math.log(2 * math.pi)
    return (correction - 0.5 * volume).clamp(max=0.0)


def _fourth(plan: Tensor, inverse: Tensor) -> Tensor:
    """Returns ``κ_ijkl κ^ij κ^kl``. Fourth cumulants of a row are its fourth moments less products of its second moments."""
    lifted = plan @ inverse
    own = (plan * lifted).sum(-1)
    diagonal = inverse.diagonal(dim1=-2, dim2=-1)[..., None, :]
    square = (plan * (diagonal - 2 * lifted + own[..., None]).square()).sum(-1)
    trace = (plan * diagonal).sum(-1) - own
    trace_of_square = ((plan @ inverse.square()) * plan).sum(-1) - 2 * (plan * lifted.square()).sum(-1) + own.square()
    return (square - trace.square() - 2 * trace_of_square).sum(-1)


def _third(plan: Tensor, inverse: Tensor) -> Tensor:
    """Returns ``κ_ijk κ_lmn (κ^ij κ^kl κ^mn / 8 + κ^il κ^jm κ^kn / 12)``."""
    unit = torch.eye(plan.shape[-1], dtype=plan.dtype, device=plan.device)
    pairs = plan.mT @ plan
    products = (plan[..., :, None] * plan[..., None, :]).flatten(-2).mT @ plan
    cumulant = 2 * products.unflatten(-2, unit.shape)
    cumulant = cumulant - unit[:, :, None] * pairs[..., :, None, :]
    cumulant = cumulant - unit[:, None, :] * pairs[..., :, :, None]
    cumulant = cumulant - unit[None, :, :] * pairs[..., :, :, None]
    cumulant = cumulant + (unit[:, :, None] * unit[:, None, :]) * plan.sum(-2)[..., :, None, None]
    contracted = (cumulant * inverse[..., :, :, None]).sum((-3, -2))
    joined = torch.einsum("...a,...ab,...b->...", contracted, inverse, contracted)
    raised = torch.einsum("...abc,...ad,...be,...cf->...def", cumulant, inverse, inverse, inverse)
    return joined / 8 + (cumulant * raised).sum((-3, -2, -1)) / 12
