"""Trace of one relaxed sample: every split with its candidates, noise and softmax, and the gradient through each."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hypergeo.distributions.relaxation.sample import CONDITIONALS
from hypergeo.distributions.relaxation.split import Split
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.numerics.urn_rows import Rows

__all__ = ["SampleTrace", "SplitTrace", "trace_sample"]

_IMPOSSIBLE = -1e29  # log-probabilities of impossible candidates lie below
_COLDEST, _WARMEST = 1e-20, 1e20  # beyond these, samples no longer change


class SplitTrace(NamedTuple):
    """One split of a sample: a total is divided between the left groups and the right groups.

    Attributes:
        left: indices of the left groups, from 0.
        right: indices of the right groups.
        total: number of elements that are split, shape ``()``; real-valued after the first split of a soft sample.
        slope_total: total at which the softmax is evaluated, shape ``()``. That is ``total`` in a soft sample; in a
            straight-through one it lies half way to the next whole total, in the direction of the soft sample.
        candidates: possible counts of the left groups, int64, shape ``(X,)``.
        log_prob: log-probability of each candidate at ``total``, ``-inf`` where it is impossible, shape ``(X,)``.
        other_log_prob: the same with the conditionals that the sample is compared with, shape ``(X,)``.
        noise: Gumbel noise, shape ``(X,)``.
        scaled: noisy log-probabilities at ``slope_total`` divided by τ, less the largest of them, shape ``(X,)``.
        weights: softmax of ``scaled``, shape ``(X,)``.
        soft: mean of the candidates under ``weights``, shape ``()``.
        hard: candidate with the largest noisy log-probability, shape ``()``.
        taken: count of the left groups, shape ``()``: ``soft`` within the bounds of the groups, or ``hard`` in a
            straight-through sample.
        gradient: derivative of each group's count in the log-probability of each candidate, shape ``(K, X)``.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    total: Tensor
    slope_total: Tensor
    candidates: Tensor
    log_prob: Tensor
    other_log_prob: Tensor
    noise: Tensor
    scaled: Tensor
    weights: Tensor
    soft: Tensor
    hard: Tensor
    taken: Tensor
    gradient: Tensor


class SampleTrace(NamedTuple):
    """A sample with its splits, in the order in which they are made.

    Attributes:
        splits: ``K - 1`` splits.
        counts: the sample, shape ``(K,)``.
        jacobian: derivative of count ``i`` in log weight ``j``, shape ``(K, K)``.
    """

    splits: tuple[SplitTrace, ...]
    counts: Tensor
    jacobian: Tensor


@torch.no_grad()
def trace_sample(distribution: RelaxedFisherHypergeometric, noise: Tensor, *, compare_with: str | None = None) -> SampleTrace:
    """Traces one relaxed sample through its splits.

    ``counts`` and ``jacobian`` are those of ``distribution.rsample(noise=noise)`` and of autograd, up to rounding.

    Args:
        distribution: a single urn, with any conditionals, soft or straight-through.
        noise: from ``distribution.sample_noise()``, shape ``(L,)``.
        compare_with: name of the conditionals whose log-probabilities at the same totals are returned, too; the
            distribution's own when omitted. ``"sequential"`` and ``"merged"`` can be compared with each other.

    Returns:
        The splits, the counts and their derivatives, without autograd.

    Raises:
        ValueError: if the distribution has a batch shape, the noise has another shape than its samples need, or the
            conditionals to compare with make other splits.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> urn = RelaxedFisherHypergeometric(0.5, 10, [8, 8, 8], [1.0, 2.0, 4.0], conditionals="sequential")
        >>> noise = urn.sample_noise()
        >>> trace = trace_sample(urn, noise)
        >>> first, second = trace.splits
        >>> first.left, first.right, bool(second.total == 10 - first.taken)
        ((0,), (1, 2), True)
        >>> torch.allclose(trace.counts, urn.rsample(noise=noise))
        True
    """
    if distribution.batch_shape:
        raise ValueError(f"distribution must be a single urn; got batch_shape {tuple(distribution.batch_shape)}.")
    other = distribution.conditionals if compare_with is None else compare_with
    if other != distribution.conditionals and {other, distribution.conditionals} != {"sequential", "merged"}:
        raise ValueError(
            f'compare_with must be {distribution.conditionals!r}, or one of "sequential" and "merged" for the other; '
            f"got {other!r}."
        )
    weights, sizes, total, _ = Rows.distinct(distribution)
    groups, kind = sizes.shape[1], CONDITIONALS[distribution.conditionals]
    expected = (kind.noise_length(sizes, total),)
    if noise.shape != expected:
        raise ValueError(f"noise must be a tensor of shape {expected}, as sample_noise gives; got {tuple(noise.shape)}.")
    if groups == 1:
        return SampleTrace((), total.double(), torch.zeros(1, 1, dtype=torch.float64, device=weights.device))
    rows = Rows.drawable(weights.double(), sizes, total, torch.Size())
    temperature = distribution.temperature.clamp(_COLDEST, _WARMEST)
    precision = torch.float64 if distribution.log_weights.dtype == torch.float64 else torch.float32
    conditionals, plain, compared = (rule(rows, 1, float(temperature), precision) for rule in (kind, kind, CONDITIONALS[other]))
    blocks = conditionals.noise(noise[None, None], 1, None)
    warmth = temperature.to(blocks[0].dtype).view(1, 1, 1, 1)
    totals, excess = rows.total.double()[None, :, None], None
    levels: list[_Level] = []
    for split, block, *bare in zip(conditionals.splits, blocks, plain.splits, compared.splits, strict=True):
        logs = [_log_prob(each, totals, block) for each in bare]
        before = totals
        totals, excess = split.forward(totals, excess, block, warmth, distribution.straight_through, True)
        levels.append(_Level(split, logs[0], logs[1], block[0, 0], before[0, 0], totals[0, 0]))
    nodes = _node_groups(groups, [split.pairs for split in conditionals.splits], conditionals.reverse)
    drawable = (sizes > 0) & (weights > -torch.inf)
    jacobian = torch.zeros(groups, groups, dtype=torch.float64, device=weights.device)
    through: list[list[Tensor]] = [[] for _ in levels]
    for group in range(groups):
        grad = torch.zeros_like(totals)
        grad[0, 0, nodes[-1].index((group,))] = 1
        gradients = []
        for level, split in reversed(list(enumerate(conditionals.splits))):
            grad, of_left, of_right, of_parent, _ = split.backward(grad, False)
            through[level].append(of_left[0])
            gradients.append((of_left, of_right, of_parent))
        jacobian[group] = torch.where(drawable, conditionals.backward(gradients[::-1]), 0.0)[0]
    splits = [
        _traced(level, p, torch.stack(parts)[:, p], below)
        for level, parts, below in zip(levels, through, nodes, strict=True)
        for p in range(level.split.pairs)
    ]
    return SampleTrace(tuple(splits), (totals.flip(-1) if conditionals.reverse else totals)[0, 0], jacobian)


class _Level(NamedTuple):
    """The splits of one level after sampling: log-probabilities and noise, shape ``(P, X)``, and totals, shape ``(N,)``."""

    split: Split
    log_prob: Tensor
    other: Tensor
    noise: Tensor
    before: Tensor
    after: Tensor


def _log_prob(split: Split, totals: Tensor, block: Tensor) -> Tensor:
    """Returns log-probabilities of a level's candidates at soft or whole totals, shape ``(P, X)``."""
    split.forward(totals, None, torch.zeros_like(block), torch.ones_like(block[..., :1]), False, True)
    assert split.scaled is not None
    return split.scaled.log_softmax(-1)[0, 0]


def _traced(level: _Level, p: int, gradient: Tensor, below: list[tuple[int, ...]]) -> SplitTrace:
    """Returns the trace of split ``p`` of a level; ``below`` are the groups of the nodes after it."""
    split, total = level.split, level.before[p]
    assert split.scaled is not None
    left = 2 * p + split.swapped
    weights, low = split.weights[0, 0, p], split.left_low[0, p]
    position = ((level.log_prob[p] > _IMPOSSIBLE) | (weights > 0)).nonzero()[:, 0]
    logs, other, noise = (each[p, position].double() for each in (level.log_prob, level.other, level.noise))
    logs, other = (torch.where(each > _IMPOSSIBLE, each, -torch.inf) for each in (logs, other))
    scaled = split.scaled[0, 0, p, position].double()
    slope_total = total if split.steps is None else split.parent_low[0, p] + split.lower[0, 0, p] + split.fraction[0, 0, p]
    return SplitTrace(
        left=below[left],
        right=below[4 * p + 1 - left],
        total=total,
        slope_total=slope_total.double(),
        candidates=low + position,
        log_prob=logs,
        other_log_prob=other,
        noise=noise,
        scaled=scaled - scaled.max(),
        weights=weights[position].double(),
        soft=low + split.mean[0, 0, p].double(),
        hard=low + position[(logs + noise).argmax()],
        taken=level.after[left],
        gradient=gradient[:, position].double(),
    )


def _node_groups(groups: int, pairs: list[int], reverse: bool) -> list[list[tuple[int, ...]]]:
    """Lists the groups below the nodes of each level under the root, the leaves last.

    Args:
        groups: number of groups.
        pairs: number of nodes that are split at each level, the root first.
        reverse: whether groups are split off one by one, each listed after all that remain.

    Returns:
        For each level, the groups below each of its nodes.

    Example:
        >>> _node_groups(3, [1, 1], False)
        [[(0, 1), (2,)], [(0,), (1,), (2,)]]
        >>> _node_groups(3, [1, 1], True)
        [[(1, 2), (0,)], [(2,), (1,), (0,)]]
    """
    if reverse:
        return [[tuple(range(k, groups)), *((j,) for j in reversed(range(k)))] for k in range(1, groups)]
    levels: list[list[tuple[int, ...]]] = [[(k,) for k in range(groups)]]
    for number in reversed(pairs[1:]):
        below = levels[0]
        levels.insert(0, [below[2 * p] + below[2 * p + 1] for p in range(number)] + below[2 * number :])
    return levels
