"""The published check of the sampler, with both conditionals and against both laws: Fisher's and the one that is sampled.

The paper compares its sampler with a reference by Kolmogorov-Smirnov tests of each group's counts, three groups of which the
second one's weight grows. A reference built with the sampler's own merged rule agrees with it at all weights; Fisher's law
does not.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo._records import from_record, html_table, html_text, to_record
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric

from .goodness_of_fit import KSTest, ks_against

__all__ = ["CheckRow", "PublishedCheck", "merged_marginals", "published_check"]

_RULES = ("exact", "merged")


@dataclass(frozen=True)
class CheckRow:
    """Tests at one weight, of one kind of conditionals against one law.

    Attributes:
        second_weight: weight of the second group; the others have weight one.
        conditionals: how draws were made, ``"exact"`` or ``"merged"``.
        reference: what they were held against: ``"exact"`` is Fisher's law, ``"merged"`` the merged rule's own.
        distances: Kolmogorov-Smirnov distances, for each seed and group.
        p_values: their exact p-values, likewise.
        rejected: number of p-values at or below the level over the number of tests of the same kind at all weights.
    """

    second_weight: float
    conditionals: str
    reference: str
    distances: tuple[tuple[float, ...], ...]
    p_values: tuple[tuple[float, ...], ...]
    rejected: int

    @property
    def tests(self) -> int:
        """Number of tests."""
        return sum(map(len, self.p_values))

    @property
    def median_distance(self) -> float:
        """Of the seeds' largest distances over the groups."""
        return statistics.median(max(row) for row in self.distances)


@dataclass(frozen=True)
class PublishedCheck:
    """The check at every weight.

    Attributes:
        group_sizes: the urn's.
        total_count: the urn's.
        num_samples: draws of each seed.
        num_seeds: independent sets of draws at each weight.
        level: probability of any false alarm among all tests of one kind of conditionals against one law: Bonferroni.
        rows: at each weight, every pair of conditionals and law.
    """

    group_sizes: tuple[int, ...]
    total_count: int
    num_samples: int
    num_seeds: int
    level: float
    rows: tuple[CheckRow, ...]

    def of(self, conditionals: str, reference: str) -> tuple[CheckRow, ...]:
        """The rows of one kind of conditionals against one law, weights increasing."""
        return tuple(row for row in self.rows if (row.conditionals, row.reference) == (conditionals, reference))

    def __repr__(self) -> str:
        weights = ", ".join(f"{weight:g}" for weight in sorted({row.second_weight for row in self.rows}))
        return f"<PublishedCheck of {self.total_count} from {self.group_sizes}: second weights {weights}>"

    def _repr_html_(self) -> str:
        """The verdict and the tests of each weight, as notebooks show them."""
        cells = [
            (
                f"{row.second_weight:g}",
                row.conditionals,
                row.reference,
                f"{row.median_distance:.3g}",
                f"{row.rejected} of {row.tests}",
            )
            for row in self.rows
        ]
        head = ["second weight", "conditionals", "against", "median KS distance", "rejected"]
        sentences = "".join(f"<li>{html_text(sentence)}</li>" for sentence in self.verdict())
        return f"<ul>{sentences}</ul>" + html_table(
            head, [(row, bool(each.rejected)) for row, each in zip(cells, self.rows, strict=True)]
        )

    def verdict(self) -> list[str]:
        """What the check says, in sentences."""
        against_fisher = {rule: self.of(rule, "exact") for rule in _RULES}
        sentences = []
        for rule, rows in against_fisher.items():
            name = "Exact conditionals" if rule == "exact" else "The merged rule's samples"
            failed = [row for row in rows if row.rejected]
            if not failed:
                sentences.append(f"{name} pass against Fisher's law at every weight: {sum(r.tests for r in rows)} tests.")
                continue
            off = max(failed, key=lambda row: row.median_distance)
            weights = ", ".join(f"{row.second_weight:g}" for row in failed)
            sentences.append(
                f"{name} fail against Fisher's law at second weight {weights}: up to a distance of {off.median_distance:.2g} "
                f"at {off.second_weight:g}, {off.rejected} of {off.tests} tests rejected."
            )
        own = self.of("merged", "merged")
        missed = sum(row.rejected for row in own)
        sentences.append(
            f"Against a reference built with the merged rule itself the merged samples are rejected in {missed} of "
            f"{sum(row.tests for row in own)} tests, so that such a reference cannot show what the rule misses."
        )
        sentences.append(
            f"Where all is right, each of these sets of tests raises any false alarm in at most {100 * self.level:g} % of such "
            "checks (Bonferroni)."
        )
        return sentences

    def table(self) -> str:
        """The check as a Markdown table: median distance and rejected tests, a line for each weight."""
        pairs = [("exact", "exact"), ("merged", "exact"), ("merged", "merged"), ("exact", "merged")]
        names = {"exact": "exact conditionals", "merged": "merged rule"}
        laws = {"exact": "Fisher's law", "merged": "merged reference"}
        columns = [f"{names[rule]}, {laws[law]}" for rule, law in pairs]
        lines = [f"| second weight | {' | '.join(columns)} |", f"| ---: |{' ---: |' * len(columns)}"]
        for index, first in enumerate(self.of(*pairs[0])):
            cells = []
            for pair in pairs:
                row = self.of(*pair)[index]
                cells.append(f"{row.median_distance:.3f}; {row.rejected} of {row.tests}")
            lines.append(f"| {first.second_weight:g} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The check as JSON, from which :meth:`from_json` makes an equal one."""
        return to_record(self)

    @classmethod
    def from_json(cls, text: str) -> PublishedCheck:
        """A check from what :meth:`to_json` gave.

        Raises:
            ValueError: where the text is not such a check.
        """
        check = from_record(text, cls)
        assert isinstance(check, cls)
        return check


def published_check(
    second_weights: Sequence[float] = tuple(range(1, 11)),
    *,
    num_seeds: int = 20,
    num_samples: int = 10_000,
    group_sizes: Sequence[int] = (200, 200, 200),
    total_count: int = 180,
    level: float = 0.01,
    seed: int = 0,
    progress: Callable[[float, str], object] | None = None,
) -> PublishedCheck:
    """Kolmogorov-Smirnov tests of every group's counts, exact and merged conditionals, against Fisher's and the merged law.

    Random numbers come from generators of its own, one for each set of samples.

    Args:
        second_weights: of the second group; the other groups have weight one.
        num_seeds: independent sets of draws at each weight.
        num_samples: draws in each set.
        group_sizes: at least two groups.
        total_count: number of elements drawn.
        level: probability of any false alarm among all tests of one kind.
        seed: of all random numbers.
        progress: called with the share done and what is being done.

    Example:
        >>> check = published_check([10], num_seeds=2, num_samples=1000)
        >>> [row.rejected for row in check.of("exact", "exact")], [row.rejected for row in check.of("merged", "exact")]
        ([0], [6])
        >>> [row.rejected for row in check.of("merged", "merged")]
        [0]

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.1.
    """
    if len(group_sizes) < 2 or not len(second_weights) or num_seeds < 1 or num_samples < 1:
        raise ValueError(
            "published_check needs at least two groups, one weight, one seed and one sample; got "
            f"group_sizes = {list(group_sizes)}, {len(second_weights)} weights, num_seeds = {num_seeds} and "
            f"num_samples = {num_samples}."
        )
    threshold = level / (len(second_weights) * num_seeds * len(group_sizes))
    rows = []
    for place, second in enumerate(second_weights):
        weights = [1.0, float(second)] + [1.0] * (len(group_sizes) - 2)
        law = FisherHypergeometric(total_count, list(group_sizes), weights)
        laws = {"exact": law.marginal_log_prob().exp(), "merged": merged_marginals(law)}
        for which, rule in enumerate(_RULES):
            sampler = RelaxedFisherHypergeometric(
                1.0, total_count, list(group_sizes), weights, straight_through=True, conditionals=rule
            )
            tests: dict[str, list[KSTest]] = {name: [] for name in laws}
            for number in range(num_seeds):
                if progress is not None:
                    done = (place * 2 + which) * num_seeds + number
                    progress(done / (2 * num_seeds * len(second_weights)), f"{rule} conditionals, second weight {second:g}")
                generator = torch.Generator().manual_seed(((seed * 1000 + number) * 1000 + place) * 2 + which)
                counts = sampler.rsample((num_samples,), generator=generator)
                for name, marginals in laws.items():
                    tests[name].append(ks_against(counts, marginals))
            for name, found in tests.items():
                distances = tuple(tuple(test.distances.tolist()) for test in found)
                p_values = tuple(tuple(test.p_values.tolist()) for test in found)
                rejected = sum(p <= threshold for row in p_values for p in row)
                rows.append(CheckRow(float(second), rule, name, distances, p_values, rejected))
    if progress is not None:
        progress(1.0, "done")
    return PublishedCheck(tuple(group_sizes), total_count, num_samples, num_seeds, level, tuple(rows))


def merged_marginals(distribution: FisherHypergeometric) -> Tensor:
    """Marginal laws of the published sampler, which treats the groups still to come as one of their mean weight.

    Computed, not sampled: the number left to draw is a Markov chain along the groups.

    Args:
        distribution: Fisher's law with the same urn, without a batch.

    Returns:
        Probabilities, shape ``(K, max(group_sizes) + 1)``, float64.

    Example:
        >>> urn = FisherHypergeometric(2, [2, 2, 2])
        >>> torch.allclose(merged_marginals(urn), urn.marginal_log_prob().exp())
        True
    """
    logs = distribution.log_weights.detach().double()
    # A group that cannot be drawn has no elements for the rule, nor a weight in its mean.
    sizes = torch.where(logs > -torch.inf, distribution.group_sizes, 0)
    logs = torch.where(sizes > 0, logs, 0.0)
    groups, longest = len(sizes), int(distribution.group_sizes.max()) + 1
    marginals = torch.zeros(groups, longest, dtype=torch.float64)
    left = torch.zeros(int(distribution.total_count) + 1, dtype=torch.float64)
    left[-1] = 1.0
    for group in range(groups - 1):
        rest = sizes[group + 1 :]
        present = rest > 0
        log_rest = torch.logsumexp(logs[group + 1 :][present] + rest[present].double().log(), 0) - rest.sum().double().log()
        log_rest = torch.where(present.any(), log_rest, 0.0)
        possible = left.nonzero()[:, 0]
        pair = FisherHypergeometric(
            possible, torch.stack([sizes[group], rest.sum()]), log_weights=torch.stack([logs[group], log_rest])
        )
        joint = left[possible, None] * pair.marginal_log_prob()[:, 0].exp()
        counts = torch.arange(min(longest, joint.shape[1]))
        joint = joint[:, : len(counts)]
        marginals[group, : len(counts)] = joint.sum(0)
        remaining = possible[:, None] - counts
        left = torch.zeros_like(left).scatter_add_(0, remaining.clamp(min=0).flatten(), joint.flatten())
    last = torch.arange(min(longest, len(left)))
    marginals[-1, : len(last)] = left[: len(last)]
    return marginals
