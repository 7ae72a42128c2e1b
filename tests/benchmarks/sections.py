"""Tables of the benchmark, one function each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from hypergeo import FisherHypergeometric
from hypergeo.ui.limits import rows as accepted_values

from . import cases, workloads
from .app.latency import find_chromium, latencies
from .app.limits import limits
from .app.replicas import replicas
from .cases import Case, LargeCase, RelaxedCase
from .peers.biasedurn import BiasedUrn
from .peers.drpm import PartitionPeer
from .peers.mvhg import Peer
from .peers.scipy_stats import scipy_calls
from .report import Cell, Missing, Section, Verdict
from .studies import estimators
from .studies.alarms import alarms
from .studies.bias import Bias, gradient_bias
from .studies.block_model import block_model
from .studies.clusters import clusters
from .studies.descent import descent
from .studies.factors import factors
from .studies.large import Footprint, footprint
from .studies.merged import total_variation
from .studies.partitions import partitions
from .studies.published import published
from .studies.sweep import sweep
from .timing import Effort, Timing, compare, measure
from .workloads import forward_backward, relaxed_sampler, weights_of

__all__ = ["SECTIONS", "Bench"]

_NO_PEER = Missing("the official code was not given: --peer PATH")
_TEMPERATURE = 0.5


@dataclass(frozen=True)
class Bench:
    """Settings of a run.

    Attributes:
        effort: repeats and time for each measurement.
        threads: number of threads.
        peer_path: checkout of the official code.
        peer: official code of relaxed samples.
        biased_urn: BiasedUrn in R.
        partition_peer: official code of random partitions.
    """

    effort: Effort
    threads: int
    peer_path: Path | None
    peer: Peer | None
    biased_urn: BiasedUrn
    partition_peer: PartitionPeer | None = None

    @property
    def judged(self) -> bool:
        """Whether the run has enough effort for verdicts on the targets."""
        return self.effort.most_draws is None


def grid(bench: Bench) -> Section:
    """Returns times of sampling, gradients, log_prob and moments over K, m, n and batch, beside SciPy's."""
    section = Section("grid", "Over K, m, n and batch (each with the construction of its distribution)")
    for case in cases.GRID if bench.judged else cases.GRID[::6]:
        draws = bench.effort.draws(case.draws)
        log_weights = weights_of(case, draws)
        counts = workloads.values(case.urn, log_weights, draws)
        ours = {
            "sampling": workloads.exact_sampling(case.urn, log_weights, draws),
            "soft, forward + backward": forward_backward(_relaxed(case, straight_through=False), log_weights, draws),
            "straight-through, forward + backward": forward_backward(_relaxed(case, straight_through=True), log_weights, draws),
            "log_prob": workloads.log_prob(case.urn, log_weights, counts),
            "moments": workloads.moments(case.urn, log_weights),
        }
        scipy = scipy_calls(case.urn, log_weights, counts)
        for what, call in ours.items():
            calls = {"hypergeo": call} | ({"scipy": scipy[what]} if what in scipy else {})
            times = compare(calls, bench.effort)
            row: dict[str, Cell] = {"case": str(Case(case.urn, draws, case.per_row)), "what": what, **times}
            row["× faster"] = times["scipy"].median / times["hypergeo"].median if "scipy" in times else None
            section.rows.append(row)
    return section


def relaxed(bench: Bench) -> Section:
    """Returns times of straight-through samples with gradients, against the official code."""
    section = Section("relaxed", f"Straight-through draws, forward + backward, temperature {_TEMPERATURE}")
    for case in cases.RELAXED:
        for per_row, faster in ((False, case.faster), (True, case.faster_per_row)):
            row, ratio = _against_peer(bench, case, per_row)
            section.rows.append(row)
            what = f"{row['case']}: faster than the official code"
            section.verdicts.append(Verdict(what, ratio, faster, "×", at_least=True, judged=bench.judged))
    return section


def _against_peer(bench: Bench, case: RelaxedCase, per_row: bool) -> tuple[dict[str, Cell], float | Missing]:
    draws = bench.effort.draws(case.draws)
    shown = Case(case.urn, draws, per_row)
    sampler = relaxed_sampler(case.urn, _TEMPERATURE, straight_through=True)
    calls = {
        "hypergeo float64": forward_backward(sampler, weights_of(shown, draws), draws),
        "hypergeo float32": forward_backward(sampler, weights_of(shown, draws, torch.float32), draws),
    }
    if bench.peer is not None:
        theirs = bench.peer.sampler(case.urn, _TEMPERATURE)
        calls["official, float32"] = forward_backward(theirs, weights_of(shown, draws, torch.float32), draws)
    times = compare(calls, bench.effort)
    ratio: float | Missing = _NO_PEER
    if bench.peer is not None:
        ratio = times["official, float32"].median / times["hypergeo float32"].median
    row: dict[str, Cell] = {"case": str(shown), **times}
    return row | {"official, float32": times.get("official, float32", _NO_PEER), "× faster": ratio}, ratio


def log_prob(bench: Bench) -> Section:
    """Returns the time of one probability for nine groups."""
    section = Section("log_prob", "One log-probability")
    urn, counts = cases.LOG_PROB, cases.LOG_PROB.even_counts()
    ours = measure(workloads.log_prob(urn, urn.log_weights(), counts), bench.effort)
    rival: Timing | Missing = Missing(bench.biased_urn.missing or "a quick run does not wait for it")
    if bench.biased_urn.missing is None and bench.judged:
        rival = bench.biased_urn.log_prob(urn, counts.tolist())
    section.rows.append({"case": str(urn), "hypergeo": ours, "BiasedUrn in R, once": rival})
    section.verdicts.append(Verdict(f"{urn}: log_prob", ours.median * 1e3, 5.0, "ms", judged=bench.judged))
    return section


def exact(bench: Bench) -> Section:
    """Returns times of exact samples, against BiasedUrn's C++."""
    section = Section("exact", "Exact draws")
    for case in cases.EXACT:
        draws = bench.effort.draws(case.draws)
        ours = measure(workloads.exact_sampling(case.urn, case.urn.log_weights(), draws), bench.effort)
        rival: Timing | Missing
        ratio: float | Missing
        if bench.biased_urn.missing is None:
            rival = bench.biased_urn.sampling(case, draws, bench.effort)
            ratio = rival.median / ours.median
        else:
            rival = ratio = Missing(bench.biased_urn.missing)
        shown = str(Case(case.urn, draws))
        section.rows.append(
            {
                "case": shown,
                "hypergeo": ours,
                "BiasedUrn in R": rival,
                "µs a draw": ours.median / draws * 1e6,
                "BiasedUrn's µs a draw": rival.median / draws * 1e6 if isinstance(rival, Timing) else rival,
                "× faster": ratio,
            }
        )
        what = f"{shown}: as fast as BiasedUrn"
        section.verdicts.append(Verdict(what, ratio, 1.0, "×", at_least=True, judged=bench.judged))
    return section


def large(bench: Bench) -> Section:
    """Returns time and memory for large urns in new processes."""
    section = Section("large", "Large urns, each in a fresh process, from a cold start")
    for case in cases.LARGE:
        draws = bench.effort.draws(case.draws)
        ours = footprint(case.urn, draws, threads=bench.threads)
        section.rows.append(_footprint_row(case, draws, "hypergeo", ours))
        total = math.inf if ours.failed else sum(ours.seconds.values())
        what = f"{case.urn}: mean, log_prob and {draws:,} relaxed draws with gradients"
        for measured, bound, unit in ((total, case.seconds, "s"), (ours.peak_mb, case.megabytes, "MB")):
            if bound is not None:
                section.verdicts.append(Verdict(what, measured, bound, unit, judged=bench.judged))
        if bench.peer_path is not None and bench.judged:
            theirs = footprint(case.urn, draws, threads=bench.threads, peer=bench.peer_path)
            section.rows.append(_footprint_row(case, draws, "official code", theirs))
    return section


def _footprint_row(case: LargeCase, draws: int, who: str, result: Footprint) -> dict[str, Cell]:
    failed = None if result.failed is None else Missing(f"failed: {result.failed}")
    return {
        "case": str(Case(case.urn, draws)),
        "who": who,
        "mean, s": result.seconds.get("mean"),
        "log_prob, s": result.seconds.get("log_prob"),
        "draws with gradients, s": failed or result.seconds["relaxed"],
        "peak MB": round(result.peak_mb),
        "of which imports": round(result.start_mb),
    }


def bias(bench: Bench) -> Section:
    """Returns errors of straight-through gradients, against exact covariances."""
    section = Section(
        "bias", "Straight-through estimates of dE[x_1]/d log w_1, and the largest relative error of any dE[x_k]/d log w_j"
    )
    for case in cases.BIAS:
        draws = bench.effort.draws(case.draws)
        law = FisherHypergeometric(case.urn.drawn, case.urn.size_tensor(), log_weights=case.urn.log_weights())
        covariance = law.covariance_matrix
        for temperature in (0.1, 1.0):
            row: dict[str, Cell] = {"case": str(case.urn), "temperature": temperature, "exact": covariance[0, 0].item()}
            ours = gradient_bias(_relaxed(case, temperature, straight_through=True), case.urn, covariance, draws)
            row |= _bias_cells("hypergeo", ours)
            if bench.peer is None:
                row["official"] = _NO_PEER
            else:
                theirs = bench.peer.sampler(case.urn, temperature)
                row |= _bias_cells("official", gradient_bias(theirs, case.urn, covariance, draws))
            section.rows.append(row)
            what = f"{case.urn}, temperature {temperature}: error of straight-through gradients"
            section.verdicts.append(Verdict(what, ours.overall * 100, 5.0, "%", judged=bench.judged))
    return section


def _bias_cells(who: str, result: Bias) -> dict[str, Cell]:
    return {
        who: result.first,
        f"{who}: s.e.": result.first_error,
        f"{who}: error, %": result.overall * 100,
        f"{who}: worst entry, %": result.worst * 100,
    }


def merged(bench: Bench) -> Section:
    """Returns total variations between the published sampler's distribution and Fisher's."""
    section = Section("merged", "Total variation between the published sampler's law and Fisher's, computed exactly")
    for urn in cases.MERGED:
        listed, shuffled = total_variation(urn)
        section.rows.append({"case": str(urn), "groups in the order listed": listed, "in a random order": shuffled})
    return section


def latency(bench: Bench) -> Section:
    """Returns times from a slider's key to the new picture in a browser, beside a bare page, and pictures during drags."""
    title = "From the key that moves a slider to the new picture, beside a bare page with one slider and one figure; drags"
    section = Section("latency", title)
    if find_chromium() is None:
        section.rows.append({"page": Missing("no Chromium on this machine")})
        return section
    moves = 30 if bench.judged else 1
    for page in latencies(moves, quick=not bench.judged):
        least = 10 if page.path == "/convergence" else 6
        for label, times in page.sliders.items():
            if times is None:
                continue
            row: dict[str, Cell] = {"page": page.path, "slider": label, "time": times, "points drawn": page.points}
            row |= {"bare, as many points": page.bare, "× bare": times.median / page.bare.median}
            drag = page.dragged[label]
            section.rows.append(row | {"pictures a second, dragged": drag.pictures, "values": drag.values})
            what = f"{page.path}, {label}: median of {moves} moves against a bare page with as many points"
            section.verdicts.append(Verdict(what, times.median / page.bare.median, 1.0, "×", judged=bench.judged))
            # A slider of few values may change less often than that. Then nearly every value must be shown.
            what, enough = f"{page.path}, {label}: pictures while it is dragged", min(least, 0.9 * drag.values)
            section.verdicts.append(Verdict(what, drag.pictures, enough, "a second", at_least=True, judged=bench.judged))
    return section


def accepted(bench: Bench) -> Section:
    """Returns the table of values that the pages accept, which is not measured."""
    rows: list[dict[str, Cell]] = [dict(zip(("page", "what", "from, to"), row, strict=True)) for row in accepted_values()]
    return Section("accepted", "What the pages accept", rows)


def _relaxed(case: Case, temperature: float = _TEMPERATURE, *, straight_through: bool) -> workloads.Sampler:
    return relaxed_sampler(case.urn, temperature, straight_through=straight_through)


SECTIONS: dict[str, Callable[[Bench], Section]] = {
    "relaxed": relaxed,
    "exact": exact,
    "log_prob": log_prob,
    "large": large,
    "grid": grid,
    "bias": bias,
    "merged": merged,
    "latency": latency,
    "ks": lambda bench: published(bench.judged),
    "alarms": lambda bench: alarms(bench.judged),
    "unbiased": lambda bench: estimators.unbiased(bench.judged),
    "error": lambda bench: estimators.error(bench.judged),
    "spread": lambda bench: estimators.spread(bench.judged),
    "product": lambda bench: estimators.product(bench.judged),
    "descent": lambda bench: descent(bench.judged),
    "clusters": lambda bench: clusters(bench.judged),
    "accepted": accepted,
    "limits": lambda bench: limits(bench.judged),
    "factors": lambda bench: factors(bench.judged),
    "partitions": lambda bench: partitions(bench.judged, bench.partition_peer),
    "block_model": lambda bench: block_model(bench.judged, bench.partition_peer),
    "sweep": lambda bench: sweep(bench.judged),
    "replicas": lambda bench: replicas(bench.judged),
}
