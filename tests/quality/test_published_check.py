"""The paper's check at a reduced size, and the distribution of merged conditionals against a sum over all count vectors."""

from __future__ import annotations

import pytest
import torch

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from hypergeo.quality.goodness_of_fit import ks_against
from hypergeo.quality.published_check import PublishedCheck, merged_marginals, published_check
from tests.benchmarks.cases import Urn
from tests.benchmarks.studies.merged import merged_log_prob


@pytest.fixture(scope="module")
def check() -> PublishedCheck:
    return published_check((1, 3, 10), num_seeds=3, num_samples=2000)


def test_exact_conditionals_pass_and_the_merged_rule_passes_only_by_its_own_reference(check):
    """False alarms among the 27 tests of each kind: 1 %, and fewer by the fixed seeds. Power: at weight 3 the first group's
    distribution function has an error of 0.18, and 2,000 samples pass with 0.06 at most."""
    rejected = {
        (rule, law): [row.rejected for row in check.of(rule, law)]
        for rule in ("exact", "merged")
        for law in ("exact", "merged")
    }
    assert rejected["exact", "exact"] == [0, 0, 0]
    assert rejected["merged", "merged"] == [0, 0, 0]
    assert rejected["merged", "exact"][0] == rejected["exact", "merged"][0] == 0  # with equal weights the rules agree
    assert all(number >= 6 for number in rejected["merged", "exact"][1:] + rejected["exact", "merged"][1:])
    distances = [row.median_distance for row in check.of("merged", "exact")]
    assert distances == sorted(distances)


def test_the_check_says_what_it_found(check):
    first, second, third, fourth = check.verdict()
    assert first == "Samples with exact conditionals pass against Fisher's distribution at every weight: 27 tests."
    assert second.startswith(
        "Samples with merged conditionals fail against Fisher's distribution if group 2 has weight 3, 10. "
        "The largest distance is 0.5"
    )
    assert "0 of 27 tests reject" in third
    assert "1 %" in fourth
    lines = check.table().splitlines()
    assert len(lines) == 5
    assert lines[2].startswith("| 1 |")
    assert lines[4].count("; ") == 4
    assert PublishedCheck.from_json(check.to_json()) == check


@pytest.mark.parametrize(
    "urn",
    [
        Urn((7, 4, 9), 8, (1.0, 5.0, 0.5)),
        Urn((3, 6, 2, 5), 10, (2.0, 1.0, 9.0, 0.3)),
        Urn((5, 4), 6, (1.0, 3.0)),
        Urn((3, 1, 1), 3, (2.0, 1.0, 9.0)),
    ],
    ids=str,
)
def test_merged_marginals_are_sums_over_all_count_vectors(urn):
    law = FisherHypergeometric(urn.drawn, list(urn.sizes), list(urn.weights))
    counts = law.enumerate_support()
    probabilities = merged_log_prob(urn, counts, tuple(range(urn.groups))).exp()
    expected = torch.zeros(urn.groups, max(urn.sizes) + 1, dtype=torch.float64)
    for group in range(urn.groups):
        expected[group].scatter_add_(0, counts[:, group].long(), probabilities)
    torch.testing.assert_close(merged_marginals(law), expected, rtol=1e-11, atol=1e-14)


def test_merged_marginals_are_what_the_merged_rule_draws_with_zero_weights_and_empty_groups():
    """Kolmogorov-Smirnov tests of 20,000 samples, false alarm 1e-5 in all."""
    arguments = (9, [6, 0, 8, 5], [1.0, 2.0, 4.0, 0.0])
    law = FisherHypergeometric(*arguments)
    sampler = RelaxedFisherHypergeometric(1.0, *arguments, straight_through=True, conditionals="merged")
    marginals = merged_marginals(law)
    torch.testing.assert_close(marginals.sum(-1), torch.ones(4, dtype=torch.float64))
    assert ks_against(sampler.rsample((20_000,)), marginals).p_values.min() > 2.5e-6


def test_progress_may_cancel_and_the_generator_stays():
    class Cancelled(Exception):  # noqa: N818
        pass

    calls = []

    def progress(share: float, label: str) -> None:
        calls.append(share)
        if share >= 0.5:
            raise Cancelled

    state = torch.get_rng_state()
    with pytest.raises(Cancelled):
        published_check((1, 2), num_seeds=2, num_samples=50, progress=progress)
    assert torch.equal(torch.get_rng_state(), state)
    assert calls == [0, 0.125, 0.25, 0.375, 0.5]


@pytest.mark.parametrize(
    "wrong", [{"group_sizes": (5,)}, {"second_weights": ()}, {"num_seeds": 0}, {"num_samples": 0}], ids=str
)
def test_errors_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match="at least two groups, one weight, one seed and one sample"):
        published_check(**wrong)
