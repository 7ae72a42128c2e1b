"""A block model: 40 nodes in groups of 20, 12 and 8 are recovered from edges that are more frequent within groups."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hypergeo import RandomPartition, RelaxedRandomPartition
from hypergeo.clustering.scores import score_clusters
from hypergeo.numerics.seed_statistics import SeedStatistics
from tests.benchmarks.peers.drpm import PartitionPeer
from tests.benchmarks.report import Cell, Section

from .partitions import NO_PEER

__all__ = ["SIZES", "block_model", "graph", "log_likelihood"]

SIZES = (20, 12, 8)
_WITHIN, _BETWEEN = 0.6, 0.2
_STEPS, _RESTARTS, _RATE = 200, 4, 0.1
_PENALTY = 0.1  # of 0.03, 0.1, 0.3 and 1 the best on graphs 100 to 102, which are not among those reported


def graph(seed: int) -> tuple[Tensor, np.ndarray]:
    """Samples a graph.

    Args:
        seed: seed of the edges.

    Returns:
        Symmetric adjacency matrix with a zero diagonal, shape ``(N, N)``, and the true groups, shape ``(N,)``.
    """
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(SIZES)), SIZES)
    chances = np.where(groups[:, None] == groups, _WITHIN, _BETWEEN)
    upper = np.triu(rng.random(chances.shape) < chances, 1)
    return torch.from_numpy((upper | upper.T).astype(float)), groups


def log_likelihood(adjacency: Tensor, members: Tensor) -> Tensor:
    """Computes the log-likelihood of edges up to a constant; it is linear in each pair of rows.

    Args:
        adjacency: adjacency matrix, shape ``(N, N)``.
        members: membership matrices, shape ``(..., N, K)``.

    Returns:
        Log-likelihoods, shape ``(...)``.
    """
    odds = np.log(_WITHIN * (1 - _BETWEEN) / (_BETWEEN * (1 - _WITHIN))), np.log((1 - _WITHIN) / (1 - _BETWEEN))
    gain = adjacency * odds[0] + odds[1]
    gain = gain - torch.diag_embed(gain.diagonal())
    return 0.5 * (members * (gain @ members)).sum((-1, -2))


def block_model(judged: bool, peer: PartitionPeer | None) -> Section:
    """Fits groups to graphs by gradient descent, with the most likely groups of several restarts.

    Args:
        judged: whether the run has full effort.
        peer: official code, if there is a checkout.

    Returns:
        Accuracies, errors of sizes, and times.
    """
    steps, graphs = (_STEPS, 10) if judged else (3, 1)
    methods: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
        "random partitions, sizes known": _sampled,
        "plan without samples, sizes known": _planned,
        "independent rows": lambda adjacency, logits, steps: _rows(adjacency, logits, steps, 0.0),
        "independent rows, penalty on sizes": lambda adjacency, logits, steps: _rows(adjacency, logits, steps, _PENALTY),
    }
    if peer is not None:
        methods["drpm"] = lambda adjacency, logits, steps: _peer(peer, adjacency, logits, steps)
    section = Section("block_model", "Block model of 40 nodes, groups of 20, 12 and 8, edges with probability 0.6 and 0.2")
    for name, fit in methods.items():
        scores, errors, seconds = [], [], []
        for seed in range(graphs):
            adjacency, groups = graph(seed)
            torch.manual_seed(seed)
            logits = 0.1 * torch.randn(_RESTARTS, len(groups), len(SIZES), dtype=torch.float64)
            start = time.process_time()
            labels = fit(adjacency, logits, steps)
            seconds.append(time.process_time() - start)
            one_hot = torch.nn.functional.one_hot(labels, len(SIZES)).double()
            best = labels[log_likelihood(adjacency, one_hot).argmax()].numpy()
            scores.append(score_clusters(groups, best).accuracy)
            errors.append(np.abs(np.sort(np.bincount(best, minlength=3)) - np.sort(SIZES)).sum() / 2)
        accuracy = SeedStatistics.of(scores)
        row: dict[str, Cell] = {"method": name, "accuracy": accuracy.mean, "± s.d.": accuracy.deviation}
        section.rows.append(
            row | {"nodes by which sizes are off": float(np.mean(errors)), "CPU s a graph": float(np.mean(seconds))}
        )
    if peer is None:
        section.rows.append({"method": "drpm", "accuracy": NO_PEER})
    return section


def _descend(parameters: list[Tensor], loss: Callable[[float], Tensor], steps: int, rate: float = _RATE) -> None:
    """Minimizes a loss with Adam; the loss depends on the share of finished steps."""
    adam = torch.optim.Adam([parameter.requires_grad_() for parameter in parameters], rate)
    for step in range(steps):
        adam.zero_grad()
        loss(step / steps).backward()
        adam.step()


def _sampled(adjacency: Tensor, logits: Tensor, steps: int) -> Tensor:
    def loss(done: float) -> Tensor:
        partition = RelaxedRandomPartition(1.0 - 0.7 * done, list(SIZES), logits, validate_args=False)
        return -log_likelihood(adjacency, partition.rsample((2,))).mean(0).sum()

    _descend([logits], loss, steps)
    return RandomPartition(list(SIZES), logits.detach()).plan.argmax(-1)


def _planned(adjacency: Tensor, logits: Tensor, steps: int) -> Tensor:
    def loss(done: float) -> Tensor:
        return -log_likelihood(adjacency, RandomPartition(list(SIZES), logits, validate_args=False).plan).sum()

    _descend([logits], loss, steps)
    return RandomPartition(list(SIZES), logits.detach()).plan.argmax(-1)


def _rows(adjacency: Tensor, logits: Tensor, steps: int, penalty: float) -> Tensor:
    def loss(done: float) -> Tensor:
        members = logits.softmax(-1)
        off = (members.sum(-2) - torch.tensor(SIZES)).square().sum(-1)
        return (penalty * off - log_likelihood(adjacency, members)).sum()

    _descend([logits], loss, steps)
    return logits.detach().argmax(-1)


def _peer(peer: PartitionPeer, adjacency: Tensor, logits: Tensor, steps: int) -> Tensor:
    """Returns labels, shape ``(B, N)``, by one score for each node that sorts it into groups with learned weights.

    Step size and temperatures are the best of seven pairs on graphs 100 to 102.
    """
    sampler = peer.sampler(len(SIZES))
    scores = logits[..., 0].clone().float()
    log_weights = torch.tensor(SIZES).log().expand(len(scores), -1).clone().float()

    def loss(done: float) -> Tensor:
        members = sampler(scores.repeat(2, 1), log_weights.repeat(2, 1), 3.0 - 2.0 * done)
        return -log_likelihood(adjacency.float(), members).sum() / 2

    _descend([scores, log_weights], loss, steps, rate=0.3)
    with torch.no_grad():
        return sampler(scores, log_weights, 1.0, noise=False).argmax(-1)
