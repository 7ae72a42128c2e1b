"""Samples depend on the generator alone, and torch's global random state stays as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric, WalleniusHypergeometric
from hypergeo.estimators import (
    Estimator,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    ScoreFunction,
    StraightThrough,
)
from hypergeo.numerics.sampling import sample_counts
from hypergeo.numerics.urn_rows import Rows


def relaxed(conditionals: str = "exact", straight_through: bool = True) -> RelaxedFisherHypergeometric:
    weights = torch.tensor([[1.0, 2.0, 0.5, 3.0], [1.0, 1.0, 4.0, 0.1]], requires_grad=True)
    return RelaxedFisherHypergeometric(
        0.5, 30, [9, 14, 6, 21], weights, conditionals=conditionals, straight_through=straight_through
    )


def exact(samples: int) -> Callable[[torch.Generator], Tensor]:
    rows = Rows.of(relaxed().base_dist)
    return lambda generator: sample_counts(rows, samples, generator=generator)


SAMPLERS: dict[str, Callable[[torch.Generator], Tensor]] = {
    f"{method}, {conditionals}": lambda generator, method=method, conditionals=conditionals: getattr(
        relaxed(conditionals), method
    )((20,), generator=generator)
    for method in ("rsample", "sample", "sample_noise")
    for conditionals in ("exact", "merged")
}
SAMPLERS["rsample, soft"] = lambda generator: relaxed(straight_through=False).rsample((20,), generator=generator)
SAMPLERS["exact counts, few"], SAMPLERS["exact counts, many"] = exact(2), exact(500)
for law in (FisherHypergeometric, WalleniusHypergeometric):
    SAMPLERS[law.__name__] = lambda generator, law=law: law(30, [9, 14, 6, 21], [[1.0, 2.0, 0.5, 3.0]]).sample(
        (20,), generator=generator
    )


def surrogate(estimator: Estimator) -> Callable[[torch.Generator], Tensor]:
    urn = FisherHypergeometric(30, [9, 14, 6, 21], log_weights=torch.zeros(4, requires_grad=True))
    return lambda generator: estimator.surrogate_loss(urn, lambda x: x[..., 0].exp(), 5, generator=generator).detach()


ESTIMATORS = (GumbelSoftmax(0.5), StraightThrough(0.5), ExactMarginal(), ScoreFunction(), LinearizedControlVariate())
SAMPLERS |= {type(estimator).__name__: surrogate(estimator) for estimator in ESTIMATORS}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samples_depend_on_the_generator_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    first = SAMPLERS[name](torch.Generator().manual_seed(1))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(99)
    assert torch.equal(SAMPLERS[name](torch.Generator().manual_seed(1)), first)
    assert not torch.equal(SAMPLERS[name](torch.Generator().manual_seed(2)), first)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_generator_goes_on_where_it_stopped(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    assert not torch.equal(SAMPLERS[name](generator), SAMPLERS[name](generator))


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_samples_of_a_generator_are_those_of_the_global_state_with_its_seed(conditionals: str) -> None:
    torch.manual_seed(3)
    expected = relaxed(conditionals).rsample((5,))
    assert torch.equal(relaxed(conditionals).rsample((5,), generator=torch.Generator().manual_seed(3)), expected)


def test_sample_has_no_gradient() -> None:
    assert not relaxed().sample((2,)).requires_grad
    assert relaxed().rsample((2,)).requires_grad
