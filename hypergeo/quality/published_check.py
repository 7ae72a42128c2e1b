"""The published check of the sampler, with exact and merged conditionals, against Fisher's distribution and the sampler's own.

The paper compares its sampler with a reference by Kolmogorov-Smirnov tests of each group's counts. Of three groups, the weight
of the second one increases. A reference built with the sampler's own merged conditionals agrees with it at all weights.
Fisher's noncentral hypergeometric distribution does not.
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
    """Holds the tests at one weight, of one kind of conditionals against one distribution.

    Attributes:
        second_weight: weight of the second group; the others have weight one.
        conditionals: conditionals of the sampler, ``"exact"`` or ``"merged"``.
        reference: distribution of the tests: ``"exact"`` is Fisher's, ``"merged"`` that of the merged conditionals.
        distances: Kolmogorov-Smirnov distances, for each seed and group.
        p_values: exact p-values, for each seed and group.
        rejected: number of p-values at or below the level divided by the number of tests of the same kind at all weights.
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
        """Median over the seeds of the largest distance of the groups."""
        return statistics.median(max(row) for row in self.distances)


@dataclass(frozen=True)
class PublishedCheck:
    """Holds the check at every weight.

    Attributes:
        group_sizes: group sizes of the urn.
        total_count: number of elements drawn from the urn.
        num_samples: samples per seed.
        num_seeds: independent sets of samples at each weight.
        level: probability of any false alarm among all tests of one kind of conditionals against one distribution (Bonferroni).
        rows: every pair of conditionals and distribution, at each weight.
    """

    group_sizes: tuple[int, ...]
    total_count: int
    num_samples: int
    num_seeds: int
    level: float
    rows: tuple[CheckRow, ...]

    def of(self, conditionals: str, reference: str) -> tuple[CheckRow, ...]:
        """Selects the rows of one kind of conditionals against one distribution.

        Args:
            conditionals: ``"exact"`` or ``"merged"``.
            reference: ``"exact"`` or ``"merged"``.

        Returns:
            Rows by increasing weight.
        """
        return tuple(row for row in self.rows if (row.conditionals, row.reference) == (conditionals, reference))

    def __repr__(self) -> str:
        weights = ", ".join(f"{weight:g}" for weight in sorted({row.second_weight for row in self.rows}))
        return f"<PublishedCheck of {self.total_count} from {self.group_sizes}: second weights {weights}>"

    def _repr_html_(self) -> str:
        """Returns the verdict and the tests of each weight as HTML for notebooks."""
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
        """Summarises the check in sentences.

        Returns:
            One sentence for each kind of conditionals, and two on the reference and the level.
        """
        against_fisher = {rule: self.of(rule, "exact") for rule in _RULES}
        sentences = []
        for rule, rows in against_fisher.items():
            name = "Samples with exact conditionals" if rule == "exact" else "Samples with merged conditionals"
            failed = [row for row in rows if row.rejected]
            if not failed:
                tests = sum(row.tests for row in rows)
                sentences.append(f"{name} pass against Fisher's distribution at every weight: {tests} tests.")
                continue
            worst = max(failed, key=lambda row: row.median_distance)
            weights = ", ".join(f"{row.second_weight:g}" for row in failed)
            sentences.append(
                f"{name} fail against Fisher's distribution if group 2 has weight {weights}. The largest distance is "
                f"{worst.median_distance:.2g} at weight {worst.second_weight:g}, where {worst.rejected} of {worst.tests} tests "
                "reject."
            )
        own = self.of("merged", "merged")
        rejected = sum(row.rejected for row in own)
        sentences.append(
            f"Against a reference with merged conditionals, {rejected} of {sum(row.tests for row in own)} tests reject the "
            "merged samples: a reference with the same approximation cannot detect its error."
        )
        sentences.append(
            f"If a sampler is correct, each of these sets of tests raises a false alarm in at most {100 * self.level:g} % of "
            "checks (Bonferroni's correction)."
        )
        return sentences

    def table(self) -> str:
        """Formats the check as a Markdown table: median distance and rejected tests, one row for each weight.

        Returns:
            Markdown text.
        """
        pairs = [("exact", "exact"), ("merged", "exact"), ("merged", "merged"), ("exact", "merged")]
        names = {"exact": "exact conditionals", "merged": "merged conditionals"}
        references = {"exact": "Fisher's distribution", "merged": "merged reference"}
        columns = [f"{names[rule]}, {references[reference]}" for rule, reference in pairs]
        lines = [f"| second weight | {' | '.join(columns)} |", f"| ---: |{' ---: |' * len(columns)}"]
        for index, first in enumerate(self.of(*pairs[0])):
            cells = []
            for pair in pairs:
                row = self.of(*pair)[index]
                cells.append(f"{row.median_distance:.3f}; {row.rejected} of {row.tests}")
            lines.append(f"| {first.second_weight:g} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Formats the check as JSON.

        Returns:
            JSON text that :meth:`from_json` reads.
        """
        return to_record(self)

    @classmethod
    def from_json(cls, text: str) -> PublishedCheck:
        """Reads a check that :meth:`to_json` wrote. A ``ValueError`` is raised for any other text.

        Args:
            text: JSON text.

        Returns:
            A check equal to the one written.
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
    """Tests every group's counts by Kolmogorov-Smirnov, with exact and merged conditionals, against Fisher's and the merged
    distribution.

    Each set of samples has its own random generator.

    Args:
        second_weights: weights of the second group; the other groups have weight one.
        num_seeds: independent sets of samples at each weight.
        num_samples: samples in each set.
        group_sizes: sizes of at least two groups.
        total_count: number of elements drawn.
        level: probability of any false alarm among all tests of one kind.
        seed: seed of all random numbers.
        progress: called with the fraction of the work that is done and with the name of the current task.

    Returns:
        Tests at every weight.

    Raises:
        ValueError: if there are fewer than two groups, or no weight, seed or sample.

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
        distribution = FisherHypergeometric(total_count, list(group_sizes), weights)
        references = {"exact": distribution.marginal_log_prob().exp(), "merged": merged_marginals(distribution)}
        for rule_index, rule in enumerate(_RULES):
            sampler = RelaxedFisherHypergeometric(
                1.0, total_count, list(group_sizes), weights, straight_through=True, conditionals=rule
            )
            tests: dict[str, list[KSTest]] = {name: [] for name in references}
            for number in range(num_seeds):
                if progress is not None:
                    done = (place * 2 + rule_index) * num_seeds + number
                    progress(done / (2 * num_seeds * len(second_weights)), f"{rule} conditionals, second weight {second:g}")
                generator = torch.Generator().manual_seed(((seed * 1000 + number) * 1000 + place) * 2 + rule_index)
                counts = sampler.rsample((num_samples,), generator=generator)
                for name, marginals in references.items():
                    tests[name].append(ks_against(counts, marginals))
            for name, results in tests.items():
                distances = tuple(tuple(test.distances.tolist()) for test in results)
                p_values = tuple(tuple(test.p_values.tolist()) for test in results)
                rejected = sum(p <= threshold for row in p_values for p in row)
                rows.append(CheckRow(float(second), rule, name, distances, p_values, rejected))
    if progress is not None:
        progress(1.0, "done")
    return PublishedCheck(tuple(group_sizes), total_count, num_samples, num_seeds, level, tuple(rows))


def merged_marginals(distribution: FisherHypergeometric) -> Tensor:
    """Computes the marginal distributions of the published sampler, which merges the remaining groups into one with their mean
    weight.

    They are computed without sampling: the number of elements left to draw is a Markov chain along the groups.

    Args:
        distribution: Fisher's distribution for the same urn, without a batch.

    Returns:
        Probabilities, shape ``(K, max(group_sizes) + 1)``, float64.

    Example:
        >>> urn = FisherHypergeometric(2, [2, 2, 2])
        >>> torch.allclose(merged_marginals(urn), urn.marginal_log_prob().exp())
        True
    """
    logs = distribution.log_weights.detach().double()
    # A group with weight zero has no elements in the approximation and no part in the mean weight.
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
