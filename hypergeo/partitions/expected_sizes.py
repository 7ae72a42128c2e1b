"""Expected group sizes of Fisher's distribution by its characteristic function: a few hundred points, however large the urn."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hypergeo.numerics.binomials import solve_tilt

__all__ = ["expected_sizes"]

_LEAST_PROBABILITY = 1e-18  # bound on the probability of totals beyond the window, which alias to totals within
_MOST_ENTRIES = 1 << 22  # largest number of entries of the table of one chunk of rows


def expected_sizes(total_count: Tensor, group_sizes: Tensor, log_weights: Tensor) -> Tensor:
    r"""Computes the mean of Fisher's noncentral hypergeometric distribution, to an absolute error near ``1e-15 N``.

    The counts are independent binomials with success probabilities ``p_k = t w_k / (1 + t w_k)``, conditioned on their total
    ``n``, for any ``t``; here ``t`` is chosen so that the expected total is ``n``. With the characteristic function ``φ`` of
    the total and ``q_k(ω) = p_k e^{iω} / (1 - p_k + p_k e^{iω})``,

    .. math:: \mathrm E[x_k] = m_k \frac{\sum_ω φ(ω) e^{-iωn} q_k(ω)}{\sum_ω φ(ω) e^{-iωn}},

    and the covariance, which is the derivative in the log weights, has products of two ``q`` in place of one. The number of
    points grows with the standard deviation of the total, not with the size of the urn. ``FisherHypergeometric.mean`` uses
    convolutions and has full *relative* precision for arbitrarily small means.

    Args:
        total_count: number of elements drawn ``n``, shape ``batch``.
        group_sizes: number of elements in each group ``m``, shape ``batch + (K,)``.
        log_weights: log weights, shape ``batch + (K,)``; minus infinity for a weight of zero.

    Returns:
        float64, shape ``batch + (K,)``; differentiable once in the log weights.

    Example:
        >>> expected_sizes(torch.tensor(3), torch.tensor([2, 4]), torch.zeros(2))
        tensor([1., 2.], dtype=torch.float64)
    """
    shape = log_weights.shape
    rows = _Mean.apply(
        log_weights.double().reshape(-1, shape[-1]),
        group_sizes.expand(shape).reshape(-1, shape[-1]).double(),
        total_count.expand(shape[:-1]).reshape(-1).double(),
    )
    mean: Tensor = rows.reshape(shape)
    return mean


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, log_weights: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
        drawable = log_weights > -torch.inf
        sizes = torch.where(drawable, sizes, 0.0)
        logits = torch.where(drawable, log_weights, 0.0)
        logits = logits + solve_tilt(logits, sizes, total)
        ctx.save_for_backward(logits, sizes, total)
        return torch.cat([_mean(*part) for part in _chunks(logits, sizes, total)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        covariances = [_covariance(*part) for part in _chunks(*ctx.saved_tensors)]
        return (torch.cat(covariances) @ grad[..., None])[..., 0], None, None


def _chunks(logits: Tensor, sizes: Tensor, total: Tensor) -> list[tuple[Tensor, ...]]:
    """Returns rows whose tables fit into memory together."""
    points = _number_of_points(logits, sizes)
    rows = max(_MOST_ENTRIES // (points * logits.shape[-1]), 1)
    return list(zip(*(tensor.split(rows) for tensor in (logits, sizes, total)), strict=True))


def _number_of_points(logits: Tensor, sizes: Tensor) -> int:
    """Returns an odd number of totals beyond which the tails, by Bernstein's inequality, are below rounding."""
    hit = torch.sigmoid(logits)
    variance = (sizes * hit * (1 - hit)).sum(-1).max().item()
    tail = -math.log(_LEAST_PROBABILITY)
    window = min(tail / 3 + math.sqrt(tail * tail / 9 + 2 * tail * variance), sizes.sum(-1).max().item()) + 3
    return 2 * math.ceil(window / 2) + 1


def _table(logits: Tensor, sizes: Tensor, total: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns success probabilities, ``(R, K)``; weights of the points, with sum one, ``(R, W)``; ``q - p``, ``(R, K, W)``."""
    points = _number_of_points(logits, sizes)
    angle = torch.arange(points // 2 + 1, dtype=torch.float64, device=logits.device) * (2 * math.pi / points)
    turn = torch.polar(torch.ones_like(angle), angle)
    hit = torch.sigmoid(logits)
    change = torch.complex(-2 * torch.sin(angle / 2).square(), turn.imag)  # e^{iω} - 1, without cancellation
    factor = 1 + hit[..., None] * change
    # The phases of the factors are taken from those of their means, so that large counts do not multiply rounding errors.
    excess = factor.angle() - hit[..., None] * angle
    phase = (sizes[..., None] * excess).sum(1) + ((sizes * hit).sum(-1) - total)[..., None] * angle
    size = (sizes[..., None] * factor.abs().log()).sum(1).exp()
    terms = torch.polar(size, phase)
    terms[:, 1:] *= 2  # each also represents its conjugate: only real parts are summed
    return hit, terms / terms.real.sum(-1, keepdim=True), (hit * torch.sigmoid(-logits))[..., None] * change / factor


def _mean(logits: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
    hit, terms, deviation = _table(logits, sizes, total)
    return sizes * (hit + (deviation @ terms[..., None])[..., 0].real)


def _covariance(logits: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
    hit, terms, deviation = _table(logits, sizes, total)
    mean = (deviation @ terms[..., None])[..., 0].real
    square = (deviation * terms[:, None] @ deviation.mT).real
    shared = sizes[:, :, None] * (square - mean[:, :, None] * mean[:, None, :]) * sizes[:, None, :]
    hits = hit + mean
    own = sizes * (hits - hit.square() - 2 * hit * mean - square.diagonal(dim1=-2, dim2=-1))
    return shared + torch.diag_embed(own)
