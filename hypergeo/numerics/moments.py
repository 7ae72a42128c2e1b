"""Means, variances and covariances of Fisher's distribution with full relative precision, however small they are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .binomials import solve_tilt
from .partition import MOMENT_DROP, Level, Tree
from .urn_rows import Rows
from .windows import windows

__all__ = ["covariance", "mean_and_covariance", "mean_and_variance"]

_ROWS = 16  # smallest number of rows that are processed together
_CELLS = 2**20  # entries of the groups' tables, or of the matrices, up to which more rows are processed together
_DROP = 60.0
_LARGEST = 700.0  # largest argument of a finite exponential


def mean_and_variance(rows: Rows) -> tuple[Tensor, Tensor]:
    """Computes means and variances of the counts, differentiable once.

    Args:
        rows: ``T`` urns.

    Returns:
        Means and variances, each of shape ``(T, K)``.
    """
    marginals = Tree(rows, MOMENT_DROP).log_marginals()
    probabilities, counts = marginals.table.exp(), marginals.counts()
    mean = (probabilities * counts).sum(-1)
    return mean, (probabilities * (counts - mean[..., None]) ** 2).sum(-1)


def covariance(rows: Rows) -> Tensor:
    """Computes covariance matrices of the counts, differentiable once.

    Args:
        rows: ``T`` urns.

    Returns:
        Covariances, shape ``(T, K, K)``.
    """
    return mean_and_covariance(rows)[1]


def mean_and_covariance(rows: Rows) -> tuple[Tensor, Tensor]:
    """Computes means and covariance matrices of the counts, differentiable once.

    Args:
        rows: ``T`` urns.

    Returns:
        Means, shape ``(T, K)``, and covariances, shape ``(T, K, K)``.
    """
    groups, width = rows.sizes.shape[-1], int(torch.minimum(rows.sizes, rows.total[:, None]).max()) + 1
    together = max(_ROWS, _CELLS // (groups * max(groups, width**2)))
    chunks = [_mean_and_covariance(part) for part in rows.split(together)]
    means, matrices = zip(*chunks, strict=True)
    return (torch.cat(means), torch.cat(matrices)) if len(chunks) > 1 else chunks[0]


def _drop(rows: Rows) -> float:
    """Returns the number of nats below the mode that do not affect the smallest covariance: about the product of two
    variances."""
    sizes = rows.sizes.double()
    logits = rows.log_weights.detach() + solve_tilt(rows.log_weights, sizes, rows.total.double())
    log_variance = sizes.clamp(min=1).log() + logsigmoid(logits) + logsigmoid(-logits)
    smallest = torch.where(sizes > 0, log_variance, 0.0).min().item()
    return min(MOMENT_DROP, _DROP + 2 * max(-smallest, 0.0))


def _mean_and_covariance(rows: Rows) -> tuple[Tensor, Tensor]:
    """Returns means and covariance matrices of a few rows.

    Two groups meet at one node of the tree. Conditional on the totals of its two children the groups are independent, so
    ``E[x_i x_j]`` is a sum over those totals of products of two conditional means, which are propagated up the tree as
    matrices. Counts are measured from the whole number nearest to their mean. If almost nothing varies, the covariance is then
    a sum of small terms and not a difference of large ones.
    """
    tree = Tree(rows, _drop(rows))
    outside, log_z = tree.log_outside(), tree.log_total()
    leaves = tree.levels[0]
    marginals = (leaves.table + outside[0] - log_z[:, None, None]).exp()
    counts = leaves.counts()
    mean = (marginals * counts).sum(-1)
    centre = mean.detach().round()
    shifted = counts - centre[..., None]
    offset = (marginals * shifted).sum(-1)
    groups = rows.sizes.shape[-1]
    product = torch.diag_embed((marginals * shifted**2).sum(-1))

    # Conditional means of the groups below each node given its total: (T, P, groups below, W), and indices of the groups.
    means = shifted.double().expand(leaves.table.shape)[:, :, None]
    members = [[k] for k in range(groups)]
    blocks = []
    for depth, above in enumerate(tree.levels[1:]):
        below = tree.levels[depth]
        left, right = below.pairs
        pairs = left.table.shape[1]
        left_means, right_means = means[:, 0 : 2 * pairs : 2], means[:, 1 : 2 * pairs : 2]
        (left_terms, left_top), (right_terms, right_top) = _linear(left), _linear(right)
        left_parts, right_parts = left_means * left_terms[:, :, None], right_means * right_terms[:, :, None]
        others, others_top = _linear(Level(outside[depth + 1][:, :pairs], above.low[:, :pairs]))
        starts = (left.low + right.low - above.low[:, :pairs])[..., None] + _counting(left)
        scale = (left_top + right_top + others_top - log_z[:, None, None]).exp()[..., None]
        met = left_parts @ _shifted(others, starts, right.width) @ right_parts.mT * scale
        blocks += [
            (members[2 * p], members[2 * p + 1], met[:, p, : len(members[2 * p]), : len(members[2 * p + 1])])
            for p in range(pairs)
        ]
        if above is tree.levels[-1]:
            break
        table = above.table[:, :pairs]
        scale_of_total = left_top + right_top - torch.where(table == -torch.inf, torch.inf, table)
        scale_of_total = scale_of_total.clamp(max=_LARGEST).exp()[:, :, None]  # larger ones multiply zeros
        shift = (above.low[:, :pairs] - left.low - right.low)[..., None]
        from_left = left_parts @ _shifted(right_terms, shift - _counting(left), above.width) * scale_of_total
        from_right = right_parts @ _shifted(left_terms, shift - _counting(right), above.width) * scale_of_total
        # Nodes with fewer groups than others have rows of zeros at the end; `members` lists the valid rows.
        lifted = [
            torch.cat([a[:, : len(i)], b[:, : len(j)]], 1)
            for a, b, i, j in zip(
                from_left.unbind(1),
                from_right.unbind(1),
                members[0 : 2 * pairs : 2],
                members[1 : 2 * pairs : 2],
                strict=True,
            )
        ]
        members = [members[2 * p] + members[2 * p + 1] for p in range(pairs)] + members[2 * pairs :]
        if means.shape[1] > 2 * pairs:
            lifted.append(_realigned(means[:, -1, : len(members[-1])], below.low[:, -1], above.low[:, -1], above.width))
        most = max(len(m) for m in members)
        means = torch.stack([torch.nn.functional.pad(m, (0, 0, 0, most - m.shape[1])) for m in lifted], 1)
    if blocks:
        first, second = torch.cat([torch.cartesian_prod(torch.tensor(i), torch.tensor(j)) for i, j, _ in blocks]).T
        places = torch.cat([first * groups + second, second * groups + first]).to(mean.device)
        entries = torch.cat([block.flatten(1) for _, _, block in blocks], 1)
        product = product.flatten(1).index_copy(1, places, torch.cat([entries, entries], 1)).view_as(product)
    return mean, product - offset[:, :, None] * offset[:, None, :]


def _linear(level: Level) -> tuple[Tensor, Tensor]:
    """Returns tables with maxima of one, and the logarithms of the maxima."""
    top = level.table.detach().amax(-1, keepdim=True).clamp(min=-1e300)
    return (level.table - top).exp(), top


def _counting(level: Level) -> Tensor:
    return torch.arange(level.width, device=level.low.device)


def _shifted(table: Tensor, starts: Tensor, width: int) -> Tensor:
    """Returns entries ``start, …, start + width - 1`` of each table ``(T, P, W)``, zero outside; shape ``(T, P, X, width)``."""
    rows, pairs, size = table.shape
    padded = torch.nn.functional.pad(table.reshape(rows * pairs, size), (width, width))
    starts = (starts.expand(rows, pairs, -1).reshape(rows * pairs, -1) + width).clamp(0, size + width)
    return windows(padded, starts, width).view(rows, pairs, -1, width)


def _realigned(means: Tensor, low: Tensor, new_low: Tensor, width: int) -> Tensor:
    """Returns tables ``(T, groups, W)`` that start at ``low`` as tables of another width that start at ``new_low``."""
    index = (new_low - low)[:, None] + torch.arange(width, device=low.device)
    inside = (index >= 0) & (index < means.shape[-1])
    index = index.clamp(0, means.shape[-1] - 1)[:, None].expand(*means.shape[:2], width)
    return torch.where(inside[:, None], means.gather(-1, index), 0.0)
