"""Properties of every public distribution, over the registry of valid and invalid arguments."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.distributions import Distribution

import hypergeo
from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from tests.support.partition_registry import PARTITIONS
from tests.support.reference import RationalUrn
from tests.support.registry import BAD, GOOD, LAWS, Bad, Good

WITH_DENSITY = [g for g in GOOD if g.law is not RelaxedFisherHypergeometric]
FISHER = [g for g in GOOD if g.law is FisherHypergeometric]
RELAXED = [g for g in GOOD if g.law is RelaxedFisherHypergeometric]
STATISTICS: dict[str, Callable[[Any], Tensor]] = {
    "mean": lambda d: d.mean,
    "variance": lambda d: d.variance,
    "covariance_matrix": lambda d: d.covariance_matrix,
    "mode": lambda d: d.mode,
    "entropy": lambda d: d.entropy(),
    "log_normalizer": lambda d: d.log_normalizer,
    "marginal_log_prob": lambda d: d.marginal_log_prob(),
}


def each(examples: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", examples, ids=str)


def of_log_weights(example: Good, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """Returns an example's log weights, shape ``(*batch, K)``, and the distribution as a function of them."""
    law = example.build()
    rest = {name: value for name, value in example.urn.params.items() if name not in ("weights", "log_weights")}
    logs = law.log_weights.detach().to(dtype).clone().requires_grad_()
    return logs, lambda w: example.law(**{**rest, "group_sizes": law.group_sizes, "log_weights": w})


def differentiable(examples: list[Good]) -> list[Good]:
    """Returns the examples with finite log weights, for finite differences."""
    return [g for g in examples if g.build().log_weights.isfinite().all()]


def single_urns(law: Any) -> list[tuple[tuple[int, ...], RationalUrn]]:
    """Returns all urns of a batch with their indices."""
    return [
        (i, RationalUrn(law.total_count[i], law.group_sizes[i].tolist(), law.weights[i].tolist()))
        for i in product(*(range(size) for size in law.batch_shape))
    ]


def test_every_public_distribution_is_registered() -> None:
    public = {
        value
        for name in dir(hypergeo)
        if not name.startswith("_") and inspect.isclass(value := getattr(hypergeo, name)) and issubclass(value, Distribution)
    }
    assert public - set(PARTITIONS) == set(LAWS) == {g.law for g in GOOD} == {b.law for b in BAD}
    assert set(PARTITIONS) <= public
    assert {law.__name__ for law in public} <= set(hypergeo.__all__)


@each(GOOD)
@pytest.mark.parametrize("sample_shape", [(), (5,), (2, 3), (0,)])
def test_samples(example: Good, sample_shape: tuple[int, ...]) -> None:
    law = example.build()
    assert law.batch_shape == example.urn.batch_shape
    assert law.event_shape == (example.urn.groups,)
    samples = law.sample(torch.Size(sample_shape))
    assert samples.shape == sample_shape + example.urn.batch_shape + (example.urn.groups,)
    assert samples.dtype == example.urn.dtype
    assert samples.device == law.log_weights.device
    assert not samples.requires_grad
    assert law.support.check(samples).all()
    assert (samples[(law.log_weights == -torch.inf).expand(samples.shape)] == 0).all()


@each(GOOD)
def test_samples_are_detached_and_reproducible(example: Good) -> None:
    logs, build = of_log_weights(example)
    torch.manual_seed(3)
    first = build(logs).sample((4,))
    torch.manual_seed(3)
    assert torch.equal(build(logs).sample((4,)), first)
    assert not first.requires_grad


@each(GOOD)
def test_the_law_keeps_what_it_says_of_itself(example: Good) -> None:
    law = example.build()
    assert law.has_rsample == (example.law is RelaxedFisherHypergeometric)
    assert law.support.event_dim == 1
    for name, constraint in law.arg_constraints.items():
        assert constraint.check(getattr(law, name)).all(), name


@each(GOOD)
def test_repr_names_the_class_and_its_parameters(example: Good) -> None:
    shown = repr(example.build())
    assert shown.startswith(f"{example.law.__name__}(")
    assert shown.endswith(")")
    for name in ("total_count", "group_sizes", "weights", *(["temperature"] if example in RELAXED else [])):
        assert name in shown
    assert "grad_fn" not in repr(of_log_weights(example)[1](torch.zeros(example.urn.groups).requires_grad_()))


@each(WITH_DENSITY)
def test_log_prob_of_samples_is_finite(example: Good) -> None:
    law = example.build()
    samples = law.sample((20,))
    log_prob = law.log_prob(samples)
    assert log_prob.shape == (20, *law.batch_shape)
    assert log_prob.dtype == example.urn.dtype
    assert log_prob.isfinite().all()
    assert (log_prob <= 8 * torch.finfo(log_prob.dtype).eps).all()


@each(WITH_DENSITY)
def test_probabilities_sum_to_one(example: Good) -> None:
    law = example.build(validate_args=False)
    for index, urn in single_urns(law):
        support = torch.tensor(list(urn.support())).view(-1, *[1] * len(law.batch_shape), example.urn.groups)
        total = law.log_prob(support)[(slice(None), *index)].double().exp().sum()
        torch.testing.assert_close(total.item(), 1.0, rtol=256 * torch.finfo(example.urn.dtype).eps, atol=0)


@each(FISHER)
def test_enumerated_support(example: Good) -> None:
    """The enumeration has all count vectors once; a batch has one enumeration only if its urns share it."""
    law = example.build()
    supports = [set(urn.support()) for _, urn in single_urns(law)]
    if any(support != supports[0] for support in supports):
        with pytest.raises(NotImplementedError):
            law.enumerate_support()
        return
    values = law.enumerate_support()
    assert values.shape == (len(supports[0]), *law.batch_shape, example.urn.groups)
    assert values.dtype == example.urn.dtype
    for index, _ in single_urns(law):
        assert {tuple(map(int, x)) for x in values[(slice(None), *index)].tolist()} == supports[0]
    torch.testing.assert_close(
        law.log_prob(values).logsumexp(0), torch.zeros(law.batch_shape, dtype=values.dtype), rtol=0, atol=1e-5
    )
    assert law.enumerate_support(expand=False).shape == (len(supports[0]), *[1] * len(law.batch_shape), example.urn.groups)


@each(FISHER)
def test_shapes_and_types_of_the_statistics(example: Good) -> None:
    law, batch, groups = example.build(), example.urn.batch_shape, example.urn.groups
    shapes = dict.fromkeys(STATISTICS, (*batch, groups))
    shapes |= {"covariance_matrix": (*batch, groups, groups), "entropy": batch, "log_normalizer": batch}
    shapes["marginal_log_prob"] = (*batch, groups, int(law.group_sizes.max()) + 1)
    for name, statistic in STATISTICS.items():
        value = statistic(law)
        assert value.shape == shapes[name], name
        assert value.dtype == example.urn.dtype, name
        assert not value.isnan().any(), name
    for function in (law.cdf, law.icdf):
        value = function(torch.full((4, *batch, groups), 0.5, dtype=example.urn.dtype))
        assert value.shape == (4, *batch, groups)
        assert value.dtype == example.urn.dtype


@each(GOOD)
def test_expand(example: Good) -> None:
    law = example.build()
    if example in FISHER:
        assert law.mean.shape == (*law.batch_shape, example.urn.groups)  # an expansion may not repeat what was cached before
    wide = law.expand((5, 2, *law.batch_shape))
    assert type(wide) is type(law)
    assert wide.batch_shape == (5, 2, *law.batch_shape)
    assert wide.event_shape == law.event_shape
    samples = wide.sample((3,))
    assert samples.shape == (3, 5, 2, *law.batch_shape, example.urn.groups)
    assert wide.support.check(samples).all()
    if example in RELAXED:
        noise = wide.sample_noise()
        assert torch.equal(wide.rsample(noise=noise), law.rsample((5, 2), noise=noise))
    else:
        assert len(samples.flatten(0, 2).unique(dim=0)) > 1 or len(law.sample((30,)).unique(dim=0)) == 1
        torch.testing.assert_close(wide.log_prob(samples), law.log_prob(samples), rtol=0, atol=0)
    if example in FISHER:
        for name, statistic in STATISTICS.items():
            value = statistic(law)
            torch.testing.assert_close(statistic(wide), value.expand(5, 2, *value.shape), rtol=0, atol=0, msg=name)
    with pytest.raises((RuntimeError, ValueError)):
        wide.expand((3,))


@each(RELAXED)
def test_rsample_carries_the_gradient(example: Good) -> None:
    logs, build = of_log_weights(example)
    samples = build(logs).rsample((6,))
    assert samples.requires_grad
    (gradient,) = torch.autograd.grad(samples.square().sum(), logs)
    assert gradient.isfinite().all()
    varies = any(0 < max(urn.law.values()) < 1 for _, urn in single_urns(build(logs.detach())))
    assert bool(gradient.any()) == varies


@each(WITH_DENSITY)
def test_gradients_are_finite_for_weights_too(example: Good) -> None:
    """Gradients in the weights themselves, groups of weight zero among them."""
    weights = example.build().weights.detach().clone().requires_grad_()
    rest = {name: value for name, value in example.urn.params.items() if name not in ("weights", "log_weights")}
    law = example.law(**{**rest, "weights": weights})
    (gradient,) = torch.autograd.grad(law.log_prob(law.sample((5,))).sum(), weights)
    assert gradient.isfinite().all()


@each(differentiable(WITH_DENSITY))
def test_gradient_of_log_prob(example: Good) -> None:
    logs, build = of_log_weights(example)
    samples = build(logs.detach()).sample((3,))
    assert gradcheck(lambda w: build(w).log_prob(samples), (logs,))


@each(differentiable(FISHER))
@pytest.mark.parametrize("name", ["mean", "entropy", "log_normalizer", "marginal_log_prob"])
def test_gradients_of_the_statistics(example: Good, name: str) -> None:
    logs, build = of_log_weights(example)
    possible = STATISTICS[name](build(logs.detach())) > -torch.inf
    assert gradcheck(lambda w: STATISTICS[name](build(w))[possible], (logs,))


@each(differentiable(FISHER))
def test_second_gradient_of_log_normalizer(example: Good) -> None:
    logs, build = of_log_weights(example)
    assert gradgradcheck(lambda w: build(w).log_normalizer, (logs,), fast_mode=True)


@each(differentiable(FISHER))
def test_moments_are_the_gradients_of_log_normalizer(example: Good) -> None:
    logs, build = of_log_weights(example)
    (mean,) = torch.autograd.grad(build(logs).log_normalizer.sum(), logs, create_graph=True)
    torch.testing.assert_close(mean, build(logs).mean, rtol=1e-10, atol=1e-12)
    rows = [torch.autograd.grad(build(logs).mean[..., k].sum(), logs)[0] for k in range(example.urn.groups)]
    torch.testing.assert_close(torch.stack(rows, -2), build(logs).covariance_matrix, rtol=1e-9, atol=1e-12)


@each(GOOD)
def test_single_against_double_precision(example: Good) -> None:
    """For the same log weights, all results in float32 are the rounded ones of float64."""
    logs, build = of_log_weights(example, torch.float32)
    single, double = build(logs.detach()), build(logs.detach().double())
    results: dict[str, Callable[[Any], Tensor]] = {}
    if example in RELAXED:
        noise = double.sample_noise((50,))
        results["rsample"] = lambda d: d.rsample((50,), noise=noise)
    else:
        counts = double.sample((20,))
        results["log_prob"] = lambda d: d.log_prob(counts.to(d.log_weights.dtype))
    if example in FISHER:
        results |= STATISTICS
    for name, result in results.items():
        assert result(single).dtype == torch.float32, name
        torch.testing.assert_close(result(single).double(), result(double), rtol=2e-6, atol=2e-6, msg=name)


@each(BAD)
def test_bad_arguments_are_named_with_their_value_and_what_is_allowed(example: Bad) -> None:
    with pytest.raises(ValueError, match=example.words[0]) as error:
        example.law(**example.params)
    for word in example.words:
        assert word in str(error.value), str(error.value)


@each(BAD)
def test_only_what_cannot_be_built_is_refused_without_validation(example: Bad) -> None:
    if example.structural:
        with pytest.raises(ValueError, match=example.words[0]):
            example.law(**example.params, validate_args=False)
    else:
        assert isinstance(example.law(**example.params, validate_args=False), example.law)


@pytest.mark.usefixtures("validation_default")
@each([b for b in BAD if not b.structural and b.name in ("too many drawn", "negative weight", "zero temperature")])
def test_validation_follows_the_default_of_torch(example: Bad) -> None:
    Distribution.set_default_validate_args(False)
    example.law(**example.params)
    with pytest.raises(ValueError, match=example.words[0]):
        example.law(**example.params, validate_args=True)
    Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match=example.words[0]):
        example.law(**example.params)


@pytest.mark.usefixtures("validation_default")
@each([g for g in WITH_DENSITY if g.name == "lists"])
def test_values_outside_the_support(example: Good) -> None:
    outside = [torch.tensor([3, 0, 0]), torch.tensor([1, 1, 0]), torch.tensor([-1, 3, 1]), torch.tensor([1.5, 1.5, 0.0])]
    for value in outside:
        with pytest.raises(ValueError, match="value"):
            example.build().log_prob(value)
        with pytest.raises(ValueError, match="value"):
            example.build().expand((4,)).log_prob(value)
        assert not example.build(validate_args=False).log_prob(value).isnan()
    Distribution.set_default_validate_args(False)
    assert not example.build().log_prob(outside[0]).isnan()


@each(GOOD)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda d: pickle.loads(pickle.dumps(d))])
def test_copies_are_equal(example: Good, duplicate: Callable[[Any], Any]) -> None:
    law = example.build()
    torch.manual_seed(5)
    samples = law.sample((3,))  # before copying, so that caches are copied too
    other = duplicate(law)
    torch.manual_seed(5)
    assert torch.equal(other.sample((3,)), samples)
    assert repr(other) == repr(law)
    if example not in RELAXED:
        assert torch.equal(other.log_prob(samples), law.log_prob(samples))
