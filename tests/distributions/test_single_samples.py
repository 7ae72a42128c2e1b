"""Single samples: ``sample()`` without a shape takes another code path than many samples at once.

Each test raises a false alarm with probability 1e-6. Power: a G-test of S samples over C cells rejects, with probability
0.999, any distribution whose total variation from the exact one over those cells is ``detectable_distance(S, C)``: at most
0.15 for the 1,200 single samples here and 0.035 for the 40,000 of one batch. The last test rejects a sampler at twice that
distance.
"""

from __future__ import annotations

from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo.numerics import sampling
from tests.support.reference import (
    FALSE_ALARM,
    Law,
    RationalUrn,
    detectable_distance,
    draw,
    g_test,
    merge_cells,
    mixture,
    shared_urn,
    total_variation,
)

SINGLE, ROWS = 1_200, 40_000
URNS: dict[str, tuple[int, tuple[int, ...], tuple[float, ...]]] = {
    "three groups": (15, (10, 10, 10), (1.0, 2.0, 4.0)),
    "crowded": (26, (9, 11, 10), (1.0, 3.0, 0.5)),  # every group gives some
    "crowded, four groups": (27, (8, 6, 9, 9), (2.0, 0.5, 1.0, 4.0)),
    "five groups": (12, (6, 4, 2, 5, 7), (0.5, 1.0, 4.0, 2.0, 0.2)),
    "zero weight and empty group": (14, (9, 3, 0, 12), (1.0, 0.0, 2.0, 0.5)),
}


def cells(law: Law, samples: int, least: float = 100.0) -> int:
    expected = np.array([float(p) for p in law.values() if p]) * samples
    return len(np.unique(merge_cells(expected, least)))


@pytest.mark.parametrize("name", ["three groups", "crowded"])
def test_joint_distribution_of_thousands_of_single_samples(name: str) -> None:
    """All of 1,200 calls of ``sample()`` take the path for few samples and wide tables, as a probe asserts."""
    law, exact = FisherHypergeometric(*URNS[name], validate_args=False), shared_urn(*URNS[name]).law
    with mock.patch.object(sampling, "_invert_rows", wraps=sampling._invert_rows) as few:
        samples = torch.stack([law.sample() for _ in range(SINGLE)])
    assert few.call_count >= SINGLE
    assert detectable_distance(SINGLE, cells(exact, SINGLE, 50.0)) < 0.15
    assert g_test(samples.numpy(), exact, 50.0) > FALSE_ALARM


@pytest.mark.parametrize("name", URNS)
def test_joint_distribution_of_one_sample_from_each_of_many_urns(name: str) -> None:
    """One sample of each of 40,000 equal urns in separate rows takes the same path, all urns at once."""
    total, sizes, weights = URNS[name]
    exact = RationalUrn(total, sizes, weights).law
    law = FisherHypergeometric(total, sizes, torch.tensor(weights, dtype=torch.float64).repeat(ROWS, 1), validate_args=False)
    with mock.patch.object(sampling, "_invert_rows", wraps=sampling._invert_rows) as few:
        samples = law.sample()
    assert few.called
    assert detectable_distance(ROWS, cells(exact, ROWS)) < 0.035
    assert g_test(samples.numpy(), exact) > FALSE_ALARM


def test_both_paths_of_a_batch_of_unequal_urns() -> None:
    """Few samples use rows and many use tables, for urns whose tables begin at different counts."""
    urns = [URNS[name] for name in ("three groups", "crowded")]
    law = FisherHypergeometric([u[0] for u in urns], [u[1] for u in urns], [u[2] for u in urns], validate_args=False)
    for path, shape, calls in (("_invert_rows", (5,), 250), ("_invert_table", (10_000,), 1)):
        with mock.patch.object(sampling, path, wraps=getattr(sampling, path)) as taken:
            samples = torch.cat([law.sample(shape) for _ in range(calls)])
        assert taken.call_count >= calls
        for row, urn in enumerate(urns):
            assert g_test(samples[:, row].numpy(), shared_urn(*urn).law, 50.0) > FALSE_ALARM / 4


def test_single_samples_of_a_wide_urn() -> None:
    """Groups of 20,000, 300 samples at a time: means within 5.1 standard errors, false alarm 1e-6 over the three.

    A shift of 0.14 standard deviations is detected with probability 0.99; variances within six standard errors detect 22 %.
    """
    law = FisherHypergeometric(20_000, [20_000] * 3, [1.0, 2.0, 3.0])
    with mock.patch.object(sampling, "_invert_rows", wraps=sampling._invert_rows) as few:
        samples = torch.cat([law.sample((300,)) for _ in range(10)])
    assert few.called
    assert (samples.sum(-1) == 20_000).all()
    shift = (samples.mean(0) - law.mean) / law.variance.sqrt() * len(samples) ** 0.5
    assert shift.abs().max() < 5.1
    assert ((samples.var(0) / law.variance - 1).abs() < 6 * (2 / len(samples)) ** 0.5).all()


@pytest.mark.parametrize("samples", [SINGLE, ROWS])
def test_the_stated_error_would_be_seen(samples: int) -> None:
    """Samples of a distribution at twice the stated distance, a mixture with Wallenius', are rejected."""
    urn = shared_urn(*URNS["crowded"])
    least = 50.0 if samples == SINGLE else 100.0
    stated = detectable_distance(samples, cells(urn.law, samples, least))
    other = shared_urn(*URNS["crowded"][:2], (1.0, 12.0, 0.25)).law
    share = Fraction(2 * stated / total_variation(urn.law, other))
    assert share < 1
    assert g_test(draw(mixture(urn.law, other, share), samples, seed=3), urn.law, least) < FALSE_ALARM
