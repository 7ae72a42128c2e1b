"""Means, variances and covariances of Fisher's law, to full relative precision, however small they are."""

from __future__ import annotations

import torch
from torch import Tensor

from .log_convolution import log_terms
from .partition import MOMENT_DROP, Level, Tree
from .urn_rows import Rows
from .windows import windows

__all__ = ["covariance", "mean_and_covariance", "mean_and_variance"]


def mean_and_variance(rows: Rows) -> tuple[Tensor, Tensor]:
    """Means and variances of the counts, each of shape ``(T, K)``, differentiable once."""
    marginals = Tree(rows, MOMENT_DROP).log_marginals()
    probabilities, counts = marginals.table.exp(), marginals.counts()
    mean = (probabilities * counts).sum(-1)
    return mean, (probabilities * (counts - mean[..., None]) ** 2).sum(-1)


def covariance(rows: Rows) -> Tensor:
    """Covariance matrices of the counts, shape ``(T, K, K)``, differentiable once."""
    return mean_and_covariance(rows)[1]


def mean_and_covariance(rows: Rows) -> tuple[Tensor, Tensor]:
    """Means ``(T, K)`` and covariance matrices ``(T, K, K)`` of the counts, differentiable once.

    Two groups meet at one node of the tree. Given the totals of its two children the groups are independent, so
    ``E[x_i x_j]`` is a sum over those totals of two conditional means, which are carried up the tree as matrices.
    Counts are taken from the whole number nearest to their mean: where almost nothing varies, what is left is then
    a sum of small terms and not a difference of large ones.
    """
    tree = Tree(rows, MOMENT_DROP)
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

    # Conditional means of the groups below each node given its total: (T, P, groups below, W), and who they are.
    means = shifted.double().expand(leaves.table.shape)[:, :, None]
    members = [[k] for k in range(groups)]
    blocks = []
    for depth, above in enumerate(tree.levels[1:]):
        below = tree.levels[depth]
        left, right = below.pairs
        pairs = left.table.shape[1]
        left_means, right_means = means[:, 0 : 2 * pairs : 2], means[:, 1 : 2 * pairs : 2]
        joint = _joint(left, right, Level(outside[depth + 1][:, :pairs], above.low[:, :pairs]), log_z)
        met = left_means @ joint @ right_means.mT
        blocks += [
            (members[2 * p], members[2 * p + 1], met[:, p, : len(members[2 * p]), : len(members[2 * p + 1])])
            for p in range(pairs)
        ]
        if above is tree.levels[-1]:
            break
        parent = Level(above.table[:, :pairs], above.low[:, :pairs])
        from_left, from_right = _shares(left, right, parent), _shares(right, left, parent)
        # Where nodes have fewer groups than others, the surplus rows are zero; members say which rows count.
        lifted = [
            torch.cat([a[:, : len(i)], b[:, : len(j)]], 1)
            for a, b, i, j in zip(
                (left_means @ from_left.mT).unbind(1),
                (right_means @ from_right.mT).unbind(1),
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
    for i, j, block in blocks:
        rows_at, columns_at = torch.tensor(i, device=mean.device)[:, None], torch.tensor(j, device=mean.device)
        each = torch.arange(len(product), device=mean.device)[:, None, None]
        product = product.index_put((each, rows_at, columns_at), block)
        product = product.index_put((each, columns_at[:, None], rows_at.T), block.mT)
    return mean, product - offset[:, :, None] * offset[:, None, :]


def _joint(left: Level, right: Level, outside: Level, log_z: Tensor) -> Tensor:
    """Joint probabilities of the totals of two siblings, shape ``(T, pairs, X, Y)``."""
    rows, pairs = left.table.shape[:2]
    first = (left.low + right.low - outside.low).expand(rows, pairs).reshape(-1)
    starts = first[:, None] + torch.arange(left.width, device=first.device)
    size, margin = outside.width, left.width + right.width
    padded = torch.nn.functional.pad(outside.table.reshape(rows * pairs, -1), (margin, margin), value=-torch.inf)
    beyond = windows(padded, (starts + margin).clamp(0, size + 2 * margin - right.width), right.width)
    beyond = beyond.view(rows, pairs, left.width, right.width)
    return (left.table[..., None] + right.table[:, :, None] + beyond - log_z[:, None, None, None]).exp()


def _shares(node: Level, sibling: Level, parent: Level) -> Tensor:
    """Conditional probabilities of a node's total given its parent's, shape ``(T, pairs, U, X)``."""
    rows, pairs = node.table.shape[:2]
    shift = (parent.low - node.low - sibling.low).expand(rows, pairs).reshape(-1)
    terms = log_terms(
        node.table.reshape(rows * pairs, -1), sibling.table.reshape(rows * pairs, -1), shift, 0, parent.width
    ).view(rows, pairs, parent.width, node.width)
    log_parent = torch.where(parent.table == -torch.inf, 0.0, parent.table)
    return (terms - log_parent[..., None]).exp()


def _realigned(means: Tensor, low: Tensor, new_low: Tensor, width: int) -> Tensor:
    """Tables ``(T, groups, W)`` that start at ``low`` as ones of another width that start at ``new_low``."""
    index = (new_low - low)[:, None] + torch.arange(width, device=low.device)
    inside = (index >= 0) & (index < means.shape[-1])
    index = index.clamp(0, means.shape[-1] - 1)[:, None].expand(*means.shape[:2], width)
    return torch.where(inside[:, None], means.gather(-1, index), 0.0)
