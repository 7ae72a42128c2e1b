"""Random partitions: run times beside the official code of NeurIPS 2023, the saddlepoint's error, gradients at 64 elements."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from hypergeo import ConditionalCategorical, FisherHypergeometric, RandomPartition, RelaxedRandomPartition
from hypergeo.estimators import PlanEstimator, ScoreFunction
from tests.benchmarks.peers.drpm import PartitionPeer
from tests.benchmarks.report import Cell, Missing, Section, Verdict

__all__ = ["cpu_seconds", "partitions"]

NO_PEER = Missing("the official code was not given: --peer PATH (drpm) --peer PATH (mvhg)")
_TEMPERATURE = 0.5
_TIMED = [((64, 4, 64), 0.025, 10.0), ((1000, 10, 1), 0.070, 500.0)]  # N, K, batch; seconds; times faster than the peer


def cpu_seconds(call: Callable[[], object], repeats: int) -> float:
    """Returns the least processor time of some calls, after one to warm up."""
    if repeats > 1:
        call()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)


def partitions(judged: bool, peer: PartitionPeer | None) -> Section:
    """Measures times, errors and gradients of random partitions with one thread.

    Args:
        judged: whether the run has full effort.
        peer: official code, if there is a checkout.

    Returns:
        Measurements beside those of the official code.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        section = Section("partitions", "Random partitions: least processor time, one thread; errors")
        _run_times(section, judged, peer)
        _saddlepoint(section, judged)
        _gradients(section, judged)
    finally:
        torch.set_num_threads(threads)
    return section


def _row(section: Section, what: str, ours: Cell, theirs: Cell = None, ratio: Cell = None) -> None:
    section.rows.append({"what": what, "hypergeo": ours, "official code": theirs, "times faster": ratio})


def _run_times(section: Section, judged: bool, peer: PartitionPeer | None) -> None:
    for (elements, groups, batch), bound, faster in _TIMED:
        what = f"N = {elements:,}, K = {groups}, batch {batch}: straight-through, forward and backward, ms"
        ours = cpu_seconds(_ours(elements, groups, batch), 40 if judged else 1)
        section.verdicts.append(Verdict(what, 1e3 * ours, 1e3 * bound, "ms", judged=judged))
        theirs: Cell = NO_PEER
        ratio: Cell = None
        if peer is not None and judged:
            seconds = cpu_seconds(_theirs(peer, elements, groups, batch), 5 if elements < 100 else 1)
            theirs, ratio = 1e3 * seconds, seconds / ours
            section.verdicts.append(Verdict(f"{what}, against drpm", seconds / ours, faster, "×", at_least=True))
        _row(section, what, 1e3 * ours, theirs, ratio)
    large = 10_000 if judged else 500
    seconds = cpu_seconds(_probability(large, 10), 5 if judged else 1)
    what = f"N = {large:,}, K = 10: sample, log_prob, backward, ms"
    _row(section, what, 1e3 * seconds)
    section.verdicts.append(Verdict(what, 1e3 * seconds, 500, "ms", judged=judged))


def _parameters(elements: int, groups: int, batch: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (batch, elements, groups) if batch > 1 else (elements, groups)
    logits = torch.randn(shape, dtype=torch.float64, generator=generator)
    log_weights = torch.randn(groups, dtype=torch.float64, generator=generator)
    return logits.requires_grad_(), log_weights.requires_grad_()


def _ours(elements: int, groups: int, batch: int) -> Callable[[], object]:
    logits, log_weights = _parameters(elements, groups, batch)
    target = torch.rand(elements, groups, dtype=torch.float64)

    def call() -> None:
        sizes = FisherHypergeometric(elements, [elements] * groups, log_weights=log_weights)
        partition = RelaxedRandomPartition(_TEMPERATURE, sizes, logits, size_temperature=1.0, straight_through=True)
        (partition.rsample() * target).sum().backward()

    return call


def _theirs(peer: PartitionPeer, elements: int, groups: int, batch: int) -> Callable[[], object]:
    sampler = peer.sampler(groups)
    scores, log_weights = torch.randn(batch, elements).requires_grad_(), torch.randn(batch, groups).requires_grad_()
    target = torch.rand(elements, groups)
    return lambda: (sampler(scores, log_weights, _TEMPERATURE) * target).sum().backward()


def _probability(elements: int, groups: int) -> Callable[[], object]:
    logits, log_weights = _parameters(elements, groups, 1)

    def call() -> None:
        partition = RandomPartition(FisherHypergeometric(elements, [elements] * groups, log_weights=log_weights), logits)
        partition.log_prob(partition.sample()).backward()

    return call


def _saddlepoint(section: Section, judged: bool) -> None:
    for sizes, bound in (((2, 1, 3), 0.1), ((20, 10, 16, 18), 0.024)):
        elements, errors = sum(sizes), []
        for seed in range(20 if judged else 2):
            logits = torch.randn(elements, len(sizes), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
            both = [ConditionalCategorical(sizes, logits, method=method) for method in ("exact", "saddlepoint")]
            errors.append(abs(both[0].log_normalizer - both[1].log_normalizer).item())
        what = f"largest error of the saddlepoint, N = {elements}, sizes {', '.join(map(str, sizes))}, nats"
        _row(section, what, max(errors))
        section.verdicts.append(Verdict(what, max(errors), bound, "nats", judged=judged))
    logits = torch.randn(1000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    far = ConditionalCategorical([100] * 10, logits, method="saddlepoint")
    weighted = far.importance_sample(1000 if judged else 10, generator=torch.Generator().manual_seed(1))
    error = weighted.log_weights.logsumexp(0) - math.log(len(weighted.log_weights)) - far.log_normalizer
    _row(section, "N = 1,000, K = 10: saddlepoint against importance sampling, nats", abs(error.item()))
    _row(section, "its effective sample size, per sample", weighted.effective_sample_size.item() / len(weighted.log_weights))


def _gradients(section: Section, judged: bool) -> None:
    """Adds bias and cosine for a linear loss at N = 64; two independent unbiased references cancel their noise."""
    elements, groups, chunks, chunk = 64, 4, 40 if judged else 2, 500 if judged else 4
    logits, log_weights = (tensor.detach() for tensor in _parameters(elements, groups, 1))
    loss = torch.randn(elements, groups, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(3)

    def objective(value: Tensor) -> Tensor:
        return (value * loss).sum((-1, -2))

    def sizes() -> FisherHypergeometric:
        return FisherHypergeometric(elements, [elements] * groups, log_weights=log_weights)

    def score(own: Tensor) -> Tensor:
        return ScoreFunction().surrogate_loss(RandomPartition(sizes(), own), objective, chunk, generator=generator)

    def plan(own: Tensor) -> Tensor:
        return PlanEstimator().surrogate_loss(RandomPartition(sizes(), own), objective, 2, generator=generator)

    def relaxed(own: Tensor) -> Tensor:
        partition = RelaxedRandomPartition(0.3, sizes(), own, size_temperature=1.0)
        return objective(partition.rsample((chunk,), generator=generator)).mean()

    def halves(surrogate: Callable[[Tensor], Tensor], number: int) -> tuple[Tensor, Tensor]:
        own = logits.clone().requires_grad_()
        parts = [torch.autograd.grad(surrogate(own), own)[0].flatten() for _ in range(number)]
        return torch.stack(parts[::2]).mean(0), torch.stack(parts[1::2]).mean(0)

    reference = halves(score, chunks)
    norm = (reference[0] @ reference[1]).item()
    truth = (reference[0] + reference[1]) / 2
    for name, surrogate in (("plan estimator", plan), ("relaxed samples, τ = 0.3, sizes at 1", relaxed)):
        one, two = halves(surrogate, 2 if surrogate is plan else chunks)
        own, shared = (one @ two).item(), (((one + two) / 2) @ truth).item()
        cosine = shared / math.sqrt(max(own * norm, 1e-300))
        bias = math.sqrt(max(own - 2 * shared + norm, 0.0) / max(norm, 1e-300))
        for what, value, bound, least in (("cosine", cosine, 0.99, True), ("relative bias", bias, 0.10, False)):
            label = f"{name}, N = 64, K = 4, linear loss: {what}"
            _row(section, label, value)
            section.verdicts.append(Verdict(label, value, bound, "", at_least=least, judged=judged))
