"""One hard relaxed sample of one urn, in NumPy: the overhead of tensor operations on so few numbers dominates.

The splits are those of :class:`.split.Split`, one node after another, in float64 on the CPU. A model with one vector of
weights, such as the sizes of clusters, needs one such sample at each step.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from hypergeo.numerics.split_tables import TreeShape, window_reach

from .conditionals import gumbel

__all__ = ["SingleSample", "SingleShape"]

Array = np.ndarray
_MOST_GROUPS = 32  # nodes are processed one by one
_MOST_TERMS = 1 << 18  # largest number of terms of all convolutions
_WHOLE_TERMS = 1 << 12  # number of terms up to which tables are as wide as their supports
_LARGEST_LOG_WEIGHT = 1e6
_IMPOSSIBLE = -1e30
_SMALLEST = 1e-300  # sums below it do not change a sample
_TOLERANCE = 0.1  # largest error of the expected total, divided by the square root of one plus its variance


class SingleShape:
    """Holds the tree of one urn's groups, as plain numbers, for single samples; created by :meth:`of`.

    Args:
        shape: tree of one urn, whose sizes have shape ``(1, K)``.

    Attributes:
        sizes: group sizes.
        total: number of elements drawn.
        low: least total of every node: the groups, then every node that joins two, the root last.
        high: largest total of every node.
        joins: the nodes that join two, bottom up: indices of the node, its left and its right child.
        places: index of each join's first number in the public layout of noise.
        noise_length: number of entries of that layout.
        coefficients: ``log C(m, x)`` from each group's least count on, and as many impossible entries, shape ``(K, 2 W)``.
        whole: whether tables are as wide as their supports.
    """

    def __init__(self, shape: TreeShape):
        layout = shape.layout
        self.sizes, self.total = layout.sizes[0].tolist(), int(layout.total[0].item())
        self.low, self.high = shape.levels[0].low[0].tolist(), shape.levels[0].high[0].tolist()
        self.joins: list[tuple[int, int, int]] = []
        self.places: list[int] = []
        self.noise_length, place = shape.noise_length, shape.noise_length
        nodes = list(range(len(self.sizes)))
        for pairs, below, above in zip(shape.pairs, layout.levels, layout.levels[1:], strict=False):
            place -= pairs * below.width
            joined = []
            for pair in range(pairs):
                joined.append(len(self.low))
                self.joins.append((joined[-1], nodes[2 * pair], nodes[2 * pair + 1]))
                self.places.append(place + pair * below.width)
                self.low.append(int(above.low[0, pair].item()))
                self.high.append(int(above.high[0, pair].item()))
            nodes = joined + nodes[2 * pairs :]
        self.coefficients = shape.coefficients[0].cpu().numpy()
        self.whole = shape.terms <= _WHOLE_TERMS

    @staticmethod
    def of(shape: TreeShape) -> SingleShape | None:
        """Computes the plain tree of an urn, unless it has many groups, empty groups or very wide tables.

        Args:
            shape: tree of one urn, whose sizes have shape ``(1, K)``.

        Returns:
            The plain tree, or ``None``.
        """
        groups = shape.layout.sizes.shape[1]
        return _remembered(shape) if 2 < groups <= _MOST_GROUPS and not shape.capped and shape.least > 0 else None


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # cached tensors must support autograd later
def _remembered(shape: TreeShape) -> SingleShape:
    return SingleShape(shape)


class SingleSample:
    """Computes one hard sample at a temperature of at most one, and its gradient; created by :meth:`of`.

    Args:
        shape: the urn.
        logits: log weights, tilted so that independent binomials have the total as their mean.
        begin: first total of the table of every node.
        end: last total of the table of every node; the tables of the groups all extend to the widest.
        keep: whether :meth:`backward` will follow.
    """

    def __init__(self, shape: SingleShape, logits: list[float], begin: list[int], end: list[int], keep: bool):
        self.shape, self.begin, self.keep = shape, begin, keep
        groups, width = len(logits), max(end[k] - begin[k] for k in range(len(logits))) + 1
        counting = np.arange(width)
        flat = shape.coefficients.ravel()
        starts = [k * shape.coefficients.shape[1] + begin[k] - shape.low[k] for k in range(groups)]
        leaves = np.full((groups, width + 2), _IMPOSSIBLE)
        inner = leaves[:, 1:-1]
        np.multiply(np.array(logits)[:, None], counting, out=inner)
        inner += flat[np.array(starts)[:, None] + counting]
        inner -= inner.max(-1, keepdims=True)
        # Tables have one impossible entry at each end, so that neighbouring totals meet the same stretch of them.
        self.logs, self.tables = list(leaves), list(np.exp(inner))
        for node, left, right in shape.joins[:-1]:
            table = np.convolve(self.tables[left], self.tables[right])
            least = begin[left] + begin[right]
            first = max(begin[node], least)
            table = np.maximum(table[first - least : end[node] + 1 - least], _SMALLEST)
            begin[node] = first
            logs = np.full(len(table) + 2, _IMPOSSIBLE)
            np.log(table, out=logs[1:-1])
            self.tables.append(table)
            self.logs.append(logs)

    @staticmethod
    def of(shape: SingleShape, log_weights: Tensor, drop: float, keep: bool) -> SingleSample | None:
        """Computes the tables of one urn, unless they are too wide or the weights are extreme.

        Args:
            shape: the urn.
            log_weights: finite, shape ``(1, K)``.
            drop: nats below its mode at which a table may end.
            keep: whether :meth:`backward` will follow.

        Returns:
            The tables of the sample, or ``None``.
        """
        weights = log_weights[0].tolist()
        if max(map(abs, weights)) > _LARGEST_LOG_WEIGHT:
            return None
        logits, cumulants = _tilted(shape, weights)
        begin, end = _windows(shape, cumulants, drop)
        widths = [last - first + 1 for first, last in zip(begin, end, strict=True)]
        terms = sum(widths[left] * widths[right] for _, left, right in shape.joins[:-1])
        return SingleSample(shape, logits, begin, end, keep) if terms <= _MOST_TERMS else None

    def noise(self, provided: Tensor | None, device: torch.device, generator: torch.Generator | None) -> list[Array]:
        """Returns Gumbel noise for each join.

        Args:
            provided: noise in the public layout, shape ``(1, 1, L)``; sampled if ``None``.
            device: device of the generator.
            generator: source of the random numbers; torch's global generator if ``None``.

        Returns:
            Noise of each join, bottom up, as long as its left child's table.
        """
        lengths = [len(self.tables[left]) for _, left, _ in self.shape.joins]
        if provided is None:
            whole = gumbel((sum(lengths),), device, generator).cpu().numpy()
            places = np.cumsum([0, *lengths]).tolist()
        else:
            whole = np.append(provided.detach().double().flatten().cpu().numpy(), np.zeros(max(lengths)))
            firsts = [self.begin[left] - self.shape.low[left] for _, left, _ in self.shape.joins]
            places = [place + first for place, first in zip(self.shape.places, firsts, strict=True)]
        return [whole[place : place + length] for place, length in zip(places, lengths, strict=False)]

    def forward(self, noise: list[Array], temperature: float) -> list[int]:
        """Samples whole counts.

        Args:
            noise: from :meth:`noise`.
            temperature: temperature τ, at most one.

        Returns:
            One count for each group.
        """
        shape, begin = self.shape, self.begin
        self.temperature = temperature
        self.steps: list[tuple[Array, float, Array | None, int, int, int]] = []
        totals, excess = [shape.total] * len(shape.low), [0.0] * len(shape.low)
        for (node, left, right), gumbels in zip(reversed(shape.joins), reversed(noise), strict=True):
            table, others = self.logs[left], self.logs[right]
            total, outer = totals[node], excess[node]
            place = total - begin[left] - begin[right]
            # A change of the total that moves the sample moves it by one, towards the soft sample.
            near = (outer > 0.0) - (outer < 0.0)
            if near and not 0 <= total + near - begin[node] < len(self.tables[node]):
                near = 0
            lower = place + min(near, 0)
            upper = place + max(near, 0)
            first, last = max(0, lower - len(others) + 3), min(len(table) - 3, upper)
            inside = table[1 + first : 2 + last]
            gumbels = gumbels[first : last + 1]
            row = inside + others[1 + lower - last : 2 + lower - first][::-1]
            shares: Array | None = None
            if near:
                heights = self.logs[node][1 + total - begin[node] + min(near, 0) :][:2].tolist()
                beyond = inside + others[2 + lower - last : 3 + lower - first][::-1]
                position = int((gumbels + (row if near > 0 else beyond)).argmax())
                row -= heights[0]
                beyond -= heights[1]
                row = np.logaddexp(row, beyond)
                shares = np.exp(beyond - row)
                row += gumbels
            else:
                row += gumbels
                position = int(row.argmax())
            totals[left] = begin[left] + first + position
            totals[right] = total - totals[left]
            if self.keep:
                row -= row.max()
                row /= temperature
                weights = np.exp(row, out=row)
                weights /= weights.sum()
                mean = float(weights @ np.arange(float(len(weights))))
                excess[left] = mean - position
                excess[right] = outer - excess[left]
                self.steps.append((weights, mean, shares, first, last, lower))
        return totals[: len(shape.sizes)]

    def backward(self, grad: Tensor) -> Tensor:
        """Computes the gradient with respect to the log weights.

        Args:
            grad: gradient with respect to the counts, shape ``(1, 1, K)``, whose values ``vmap`` must not hide.

        Returns:
            Gradient, shape ``(1, K)``.
        """
        shape, begin = self.shape, self.begin
        of_totals = grad[0, 0].tolist()
        leaves = np.zeros((len(of_totals), len(self.logs[0])))
        of_logs = [*leaves, *(np.zeros(len(logs)) for logs in self.logs[len(leaves) :])]
        of_totals += [0.0] * len(shape.joins)
        for (node, left, right), step in zip(shape.joins, reversed(self.steps), strict=True):
            weights, mean, shares, first, last, lower = step
            rate = (of_totals[left] - of_totals[right]) / self.temperature
            of_totals[node] = of_totals[right]
            per_logit = np.arange(len(weights)) - mean
            per_logit *= weights
            per_logit *= rate
            of_logs[left][1 + first : 2 + last] += per_logit
            other = of_logs[right]
            if shares is not None:
                upper = per_logit * shares
                of_upper = float(upper.sum())
                other[2 + lower - last : 3 + lower - first] += upper[::-1]
                per_logit -= upper
                of_totals[node] += 4.0 * of_upper
                at = 1 + lower + begin[left] + begin[right] - begin[node]
                of_logs[node][at] += of_upper
                of_logs[node][at + 1] -= of_upper
            other[1 + lower - last : 2 + lower - first] += per_logit[::-1]
        for node, left, right in reversed(shape.joins[:-1]):
            a, b = self.tables[left], self.tables[right]
            rates = np.zeros(len(a) + len(b) - 1)
            at = begin[node] - begin[left] - begin[right]
            rates[at : at + len(self.tables[node])] = of_logs[node][1:-1] / self.tables[node]
            of_logs[left][1:-1] += a * np.correlate(rates, b, "valid")
            of_logs[right][1:-1] += b * np.correlate(rates, a, "valid")
        return torch.from_numpy(leaves[:, 1:-1] @ np.arange(float(leaves.shape[1] - 2)))[None].to(grad.device)


def _tilted(shape: SingleShape, log_weights: list[float]) -> tuple[list[float], list[list[float]]]:
    """Returns tilted log weights, at which independent binomials have the total as their mean, and their cumulants."""
    present = sum(shape.sizes)
    target = max(min(shape.total, present - 0.5), 0.5)
    share = math.log(target / (present - target))
    low, high = share - max(log_weights), share - min(log_weights)
    tilt = 0.5 * (low + high)
    while True:
        hits = [_sigmoid(weight + tilt) for weight in log_weights]
        means = [size * hit for size, hit in zip(shape.sizes, hits, strict=True)]
        variances = [mean * (1.0 - hit) for mean, hit in zip(means, hits, strict=True)]
        excess, variance = sum(means) - target, sum(variances)
        if abs(excess) <= _TOLERANCE * (1.0 + variance) ** 0.5 or not low < tilt < high:
            thirds = [variance * (1.0 - 2.0 * hit) for variance, hit in zip(variances, hits, strict=True)]
            return [weight + tilt for weight in log_weights], [means, variances, thirds]
        low, high = (tilt, high) if excess < 0 else (low, tilt)
        step = tilt - excess / variance if variance > 0 else math.inf
        tilt = step if low < step < high else 0.5 * (low + high)


def _windows(shape: SingleShape, cumulants: list[list[float]], drop: float) -> tuple[list[int], list[int]]:
    """Returns the first and the last total of every node's table."""
    if shape.whole:
        return list(shape.low), list(shape.high)
    for _, left, right in shape.joins:
        for moment in cumulants:
            moment.append(moment[left] + moment[right])
    begin, end = [], []
    for mean, variance, third, least, most in zip(*cumulants, shape.low, shape.high, strict=True):
        below, above = window_reach(variance, third, drop)
        begin.append(min(max(math.floor(mean - below), least), most))
        end.append(max(min(math.ceil(mean + above), most), begin[-1]))
    return begin, end


def _sigmoid(logit: float) -> float:
    small = math.exp(-abs(logit))
    return 1.0 / (1.0 + small) if logit >= 0 else small / (1.0 + small)
