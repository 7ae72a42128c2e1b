"""Batches against urns one by one, in every public method of every public distribution."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric, WalleniusHypergeometric
from tests.support.reference import FALSE_ALARM, RationalUrn, g_test

# Urns that differ in all arguments, and two that differ in their weights only.
TOTALS = [5, 9, 0, 13, 6, 6]
SIZES = [[3, 4, 5], [9, 2, 4], [2, 3, 4], [6, 5, 4], [6, 0, 7], [6, 0, 7]]
WEIGHTS = [[1.0, 2.0, 0.3], [0.1, 5.0, 1.0], [1.0, 1.0, 1.0], [1.0, 10.0, 0.1], [0.5, 1.0, 2.0], [3.0, 1.0, 0.0]]
SHAPES = [(6,), (2, 3), (3, 1, 2)]
# Public members that are no function of the urn, or have separate tests below.
OTHERS = {
    "arg_constraints", "support", "has_rsample", "has_enumerate_support", "batch_shape", "event_shape",
    "set_default_validate_args",
    "dtype", "device",
    "total_count", "group_sizes", "log_weights", "weights", "temperature", "straight_through", "conditionals", "base_dist",
    "expand", "sample", "sample_n", "rsample", "sample_noise", "fit", "enumerate_support",
}  # fmt: skip


def batch(law: type[Distribution], shape: tuple[int, ...], **more: Any) -> Any:
    return law(
        total_count=torch.tensor(TOTALS).view(shape),
        group_sizes=torch.tensor(SIZES).view(*shape, 3),
        weights=torch.tensor(WEIGHTS, dtype=torch.float64).view(*shape, 3),
        **more,
    )


def alone(law: type[Distribution], row: int, **more: Any) -> Any:
    return law(total_count=TOTALS[row], group_sizes=SIZES[row], weights=WEIGHTS[row], **more)


def values(name: str) -> Tensor:
    """Returns seven arguments for each urn: possible counts, or probabilities for quantiles; shape ``(7, 6, 3)``."""
    if name == "icdf":
        return torch.rand(7, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.manual_seed(1)
    return torch.stack([alone(FisherHypergeometric, row).sample((7,)) for row in range(6)], 1)


def takes_value(law: type[Distribution], name: str) -> bool:
    """Returns whether a public member is a method of one value, not a property or a method without arguments."""
    if isinstance(getattr(law, name), property):
        return False
    parameters = [p.name for p in inspect.signature(getattr(law, name)).parameters.values() if p.name != "self"]
    assert parameters in ([], ["value"]), f"{law.__name__}.{name} needs a test against urns one by one, or a place in OTHERS"
    return bool(parameters)


def evaluated(law: Any, name: str, value: Tensor) -> tuple[Tensor, ...] | None:
    """Returns the result of a member as a tuple of tensors of any shape, or ``None`` where it is not implemented."""
    try:
        result = getattr(law, name)
        if callable(result):
            result = result(value) if takes_value(type(law), name) else result()
    except NotImplementedError:
        return None
    return result if isinstance(result, tuple) else (result,)


def cases() -> list[tuple[type[Distribution], str]]:
    laws = (FisherHypergeometric, WalleniusHypergeometric)
    return [(law, name) for law in laws for name in sorted(dir(law)) if not name.startswith("_") and name not in OTHERS]


def test_the_methods_that_matter_are_among_them() -> None:
    names = {(law.__name__, name) for law, name in cases()}
    fisher = ("log_prob", "mean", "variance", "covariance_matrix", "mode", "entropy", "log_normalizer", "marginal_log_prob")
    assert {("FisherHypergeometric", name) for name in (*fisher, "cdf", "icdf")} <= names
    assert {("WalleniusHypergeometric", name) for name in ("log_prob", "mean", "variance")} <= names


@pytest.mark.parametrize(("law", "name"), cases(), ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_a_batch_is_its_urns_one_by_one(law: type[Distribution], name: str) -> None:
    """Batches with one, two and three axes agree with single urns up to rounding."""
    arguments = values(name)
    leading = (7,) if takes_value(law, name) else ()
    singles = [evaluated(alone(law, row), name, arguments[:, row]) for row in range(6)]
    for shape in SHAPES:
        together = evaluated(batch(law, shape), name, arguments.view(7, *shape, 3))
        if together is None:
            assert singles == [None] * 6
            continue
        for row, single in enumerate(singles):
            assert single is not None
            for whole, one in zip(together, single, strict=True):
                assert whole.shape[: len(leading) + len(shape)] == leading + shape
                part = whole.flatten(len(leading), len(leading) + len(shape) - 1).select(len(leading), row)
                if name == "marginal_log_prob":  # as wide as the largest group of the batch
                    assert (part[..., one.shape[-1] :] == -torch.inf).all()
                    part = part[..., : one.shape[-1]]
                torch.testing.assert_close(part, one, rtol=1e-10, atol=1e-12, msg=lambda m, row=row: f"urn {row}: {m}")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_divergences_of_batches_are_those_of_pairs(shape: tuple[int, ...]) -> None:
    other = torch.tensor([2.0, 1.0, 0.7], dtype=torch.float64)
    p = batch(FisherHypergeometric, shape)
    q = FisherHypergeometric(p.total_count, p.group_sizes, other)
    together = torch.distributions.kl_divergence(p, q).flatten()
    for row in range(6):
        single = FisherHypergeometric(TOTALS[row], SIZES[row], other)
        wanted = torch.distributions.kl_divergence(alone(FisherHypergeometric, row), single)
        torch.testing.assert_close(together[row], wanted, rtol=1e-10, atol=1e-12)


def test_supports_of_batches_of_one_urn() -> None:
    law = FisherHypergeometric(6, [6, 0, 7], torch.tensor(WEIGHTS[:4]).view(2, 2, 3))
    wanted = FisherHypergeometric(6, [6, 0, 7]).enumerate_support()
    support = law.enumerate_support()
    assert support.shape == (7, 2, 2, 3)
    assert (support.double() == wanted[:, None, None]).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("law", [FisherHypergeometric, WalleniusHypergeometric, RelaxedFisherHypergeometric])
def test_samples_of_batches_follow_each_urns_distribution(law: type[Distribution], shape: tuple[int, ...]) -> None:
    """G-tests of all six urns, with false alarm 1e-6 over them; straight-through samples have Fisher's distribution.

    Of 4,000 samples, a distribution at a total variation of 0.09 from the exact one is rejected with probability 0.99.
    """
    relaxed = law is RelaxedFisherHypergeometric
    more = {"temperature": 0.5, "straight_through": True} if relaxed else {}
    samples = batch(law, shape, **more).sample((4_000,)).flatten(1, -2)
    for row in range(6):
        urn = RationalUrn(TOTALS[row], SIZES[row], WEIGHTS[row])
        exact = urn.wallenius_law if law is WalleniusHypergeometric else urn.law
        possible = [x for x, p in exact.items() if p]
        if len(possible) == 1:
            assert (samples[:, row] == torch.tensor(possible[0])).all()
        else:
            assert g_test(samples[:, row].numpy(), exact, 50.0) > FALSE_ALARM / 6


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_relaxed_samples_and_gradients_of_a_batch_are_those_of_its_urns(
    temperature: float, conditionals: str, straight_through: bool
) -> None:
    """Urns of one layout and different weights and temperatures, along the same noise."""
    more = {"straight_through": straight_through, "conditionals": conditionals}
    logs = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    heat = temperature * torch.linspace(0.5, 2.0, 5, dtype=torch.float64)
    weights = torch.randn(4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    whole = RelaxedFisherHypergeometric(heat, 11, [6, 9, 4, 7], log_weights=logs, **more)
    noise = whole.sample_noise((30,))
    samples = whole.rsample((30,), noise)
    (gradient,) = torch.autograd.grad((samples @ weights).sin().sum(), logs)
    for row in range(5):
        leaf = logs[row].detach().clone().requires_grad_()
        single = RelaxedFisherHypergeometric(heat[row], 11, [6, 9, 4, 7], log_weights=leaf, **more)
        counts = single.rsample((30,), noise[:, row])
        torch.testing.assert_close(counts, samples[:, row], rtol=1e-9, atol=1e-9)
        (slope,) = torch.autograd.grad((counts @ weights).sin().sum(), leaf)
        torch.testing.assert_close(slope, gradient[row], rtol=1e-7, atol=1e-9)
