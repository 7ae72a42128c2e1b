"""Unusual arguments: shared arrays, caches of inference mode, narrow dtypes, uncommon shapes and types."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric, WalleniusHypergeometric
from tests.support.reference import RationalUrn

URN = 5, [2, 3, 4]
EXACT = (FisherHypergeometric, WalleniusHypergeometric)
NAN = float("nan")


def relaxed(**changes: Any) -> RelaxedFisherHypergeometric:
    return RelaxedFisherHypergeometric(**{"temperature": 0.5, "total_count": 15, "group_sizes": [10] * 3, **changes})


def use_all() -> list[Tensor]:
    """Returns the result of every method of every distribution, of various shapes."""
    results = []
    for law in EXACT:
        urn = law(15, [10] * 3, [1.0, 2.0, 4.0])
        results += [urn.mean, urn.variance, urn.covariance_matrix, urn.mode, urn.entropy(), urn.sample((3,))]
        results += [urn.log_prob([5, 5, 5]), urn.marginal_log_prob(), urn.cdf(4.0), urn.survival(4.0), urn.icdf(0.5)]
        results += [urn.log_cdf(4.0), urn.log_survival(4.0), urn.enumerate_support(), urn.weights]
    fisher = FisherHypergeometric(15, [10] * 3, [1.0, 2.0, 4.0])
    results += [fisher.log_normalizer, torch.distributions.kl_divergence(fisher, FisherHypergeometric(15, [10] * 3))]
    for conditionals in ("exact", "merged"):
        results += [relaxed(conditionals=conditionals, straight_through=hard).rsample((3,)) for hard in (True, False)]
    return results


def test_what_was_cached_in_inference_mode_serves_gradients_later() -> None:
    with torch.inference_mode():
        inside = use_all()
        urn = FisherHypergeometric(15, [10] * 3, torch.ones(3))
        counts = urn.sample((2,))
        urn.log_prob(counts)
    for got, expected in zip(inside, use_all(), strict=True):
        assert got.shape == expected.shape
    logs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    losses: dict[str, Callable[[], Tensor]] = {}
    for law in EXACT:
        urn = law(15, [10] * 3, log_weights=logs)
        losses[f"{law.__name__} mean"] = lambda urn=urn: urn.mean[0]
        losses[f"{law.__name__} log_prob"] = lambda urn=urn: urn.log_prob(counts.clone()).sum()
        losses[f"{law.__name__} log_cdf"] = lambda urn=urn: urn.log_cdf(4.0)[0]
    fisher = FisherHypergeometric(15, [10] * 3, log_weights=logs)
    losses["variance"], losses["entropy"] = lambda: fisher.variance[0], fisher.entropy
    for conditionals in ("exact", "merged"):
        losses[conditionals] = lambda c=conditionals: relaxed(log_weights=logs, conditionals=c).rsample((3,))[..., 0].sum()
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss(), logs)
        assert gradient.isfinite().all(), name
        # For equal weights the entropy is maximal, and a sample of half of all elements has no skewness: zero gradients.
        assert bool((gradient.abs() > 1e-9).any()) != (name in ("entropy", "variance")), name


@pytest.mark.parametrize("argument", ["weights", "log_weights", "group_sizes", "total_count"])
def test_arrays_are_copied(argument: str) -> None:
    arguments = {"total_count": np.array(15), "group_sizes": np.array([10, 10, 10]), "log_weights": np.zeros(3)}
    if argument == "weights":
        arguments["weights"] = arguments.pop("log_weights") + 1
    urns = []
    for _ in range(3):
        urns.append(FisherHypergeometric(**arguments))
        arguments[argument][() if argument == "total_count" else 1] += 1
    means = [float(urn.mean[1]) for urn in urns]
    fresh = [FisherHypergeometric(15, [10, 10 + k, 10]).mean[1] for k in range(3)]
    expected = {
        "log_weights": [5.0, 6.675572524655394, 8.082050960628504],
        "weights": [float(FisherHypergeometric(15, [10] * 3, [1.0, 1.0 + k, 1.0]).mean[1]) for k in range(3)],
        "group_sizes": [float(m) for m in fresh],
        "total_count": [5.0, 16 / 3, 17 / 3],
    }[argument]
    assert means == pytest.approx(expected, rel=1e-12)


def test_the_temperature_is_copied() -> None:
    temperature = np.array(0.5)
    urn = relaxed(temperature=temperature)
    temperature[()] = 9.0
    assert urn.temperature.item() == 0.5


@pytest.mark.parametrize(
    ("dtype", "total", "wider"),
    [
        (torch.bfloat16, 1000, torch.float32),
        (torch.float16, 5000, torch.float32),
        (torch.float32, 1000, torch.float32),
        (torch.float32, 2**24 + 3, torch.float64),
        (torch.bfloat16, 2**24 + 3, torch.float64),
    ],
)
def test_results_hold_counts_exactly(dtype: torch.dtype, total: int, wider: torch.dtype) -> None:
    weights = torch.ones(3, dtype=dtype)
    sizes = [total] * 3 if total < 10_000 else [total, 4, 3]
    laws = [FisherHypergeometric(total, sizes, weights), WalleniusHypergeometric(total, sizes, weights)]
    if total < 10_000:
        laws.append(RelaxedFisherHypergeometric(0.5, total, sizes, weights, straight_through=True))
    for law in [*laws, FisherHypergeometric(torch.tensor(total), sizes, weights)]:
        samples = law.sample((200,))
        assert samples.dtype == law.dtype == wider, law
        assert (samples.double().sum(-1) == total).all(), law
        assert law.support.check(samples).all(), law
    assert laws[0].log_prob(laws[0].sample()).dtype == laws[0].mean.dtype == wider


@pytest.mark.parametrize(
    "weights",
    [
        [Fraction(1, 4), Fraction(2), Fraction(8)],
        [Decimal("0.25"), Decimal(2), Decimal(8)],
        [0.25, 2, 8],
        [torch.tensor(0.25), torch.tensor(2.0), 8],
        np.array([8, 2, 0.25], dtype=">f4")[::-1],
        np.array([0.25, 2, 8], dtype=np.longdouble),
        [[10**30, 8 * 10**30, 32 * 10**30]],
        np.array([2**58, 2**61, 2**63], dtype=np.uint64),
    ],
    ids=[
        "fractions",
        "decimals",
        "mixed",
        "tensors in a list",
        "big-endian, reversed",
        "long double",
        "beyond int64",
        "unsigned",
    ],
)
def test_numbers_of_any_type_are_weights(weights: Any) -> None:
    got = FisherHypergeometric(*URN, weights).log_prob([1, 2, 2])
    assert got.dtype == torch.float64
    assert got.exp().flatten().item() == pytest.approx(float(RationalUrn(*URN, [1, 8, 32]).pmf((1, 2, 2))), rel=1e-12)


def test_counts_of_any_type() -> None:
    urn = FisherHypergeometric(Fraction(5), [np.uint64(2), Decimal(3), torch.tensor(4)])
    assert (urn.total_count.item(), urn.group_sizes.tolist()) == (5, [2, 3, 4])


def test_parameters_in_a_list_keep_their_gradient() -> None:
    parameter = torch.nn.Parameter(torch.tensor(1.5))
    for law in EXACT:
        law(*URN, [parameter, 2.0, 3.0]).mean[0].backward()
        assert parameter.grad is not None
        assert parameter.grad > 0


@pytest.mark.parametrize("temperature", [np.float32(0.5), Fraction(1, 2), torch.tensor(0.5, dtype=torch.float16), 1e-320])
def test_temperatures_of_any_type(temperature: Any) -> None:
    logs = torch.zeros(3, requires_grad=True)
    samples = RelaxedFisherHypergeometric(temperature, *URN, log_weights=logs).rsample((50,))
    assert (samples.sum(-1) - 5).abs().max() < 1e-5
    assert torch.autograd.grad(samples.square().sum(), logs)[0].isfinite().all()


def test_lists_are_values() -> None:
    for law in EXACT:
        for validate in (True, False):
            urn = law(*URN, validate_args=validate)
            assert torch.equal(urn.log_prob([1, 2, 2]), urn.log_prob(torch.tensor([1, 2, 2])))
            assert torch.equal(urn.cdf((1, 2, 2)), urn.cdf(torch.tensor([1, 2, 2])))


BAD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "empty batch": (lambda law: law(5, [2, 3, 4], log_weights=torch.zeros(0, 3)), r"log_weights.*at least one urn.*\(0, 3\)"),
    "negative shape": (lambda law: law(*URN).sample((-1,)), r"sample_shape.*nonnegative.*-1"),
    "number for a shape": (lambda law: law(*URN).sample(3), r"sample_shape.*\(5,\).*got 3"),
    "words for a shape": (lambda law: law(*URN).sample("ab"), "sample_shape.*ab"),
    "fraction in a shape": (lambda law: law(*URN).sample((1.5,)), "sample_shape.*1.5"),
    "negative batch": (lambda law: law(*URN).expand((-2,)), "batch_shape.*-2"),
    "nan": (lambda law: law(*URN).cdf([NAN, 1, 1]), "value.*nan"),
    "nan quantile": (lambda law: law(*URN).icdf([NAN, 0.5, 0.5]), "value.*between 0 and 1.*nan"),
    "complex counts": (lambda law: law(*URN).log_prob(torch.tensor([1 + 0j, 2, 2])), "value.*real.*complex"),
    "complex list": (lambda law: law(*URN).log_prob([1j, 2, 2]), "value.*real.*complex"),
    "threshold shape": (lambda law: law(*URN).cdf(torch.zeros(2)), r"value.*\(2,\)"),
    "nothing to fit": (lambda law: law.fit(None, [2, 3]), "counts.*None"),
    "no sizes to fit": (lambda law: law.fit([[1, 2]], None), "group_sizes.*None"),
    "complex to fit": (lambda law: law.fit(np.array([[1j, 2]]), [2, 3]), "counts.*real.*complex"),
    "huge size": (lambda law: law(5, [10**30, 3, 4]), "group_sizes.*1e.30"),
    "huge weight": (lambda law: law(*URN, [10**400, 1, 1]), "weights.*number"),
    "masked": (lambda law: law(*URN, np.ma.masked_array([1.0, 2, 3], [0, 1, 0])), "weights.*masked"),
    "sparse": (lambda law: law(*URN, torch.eye(3).to_sparse()), "weights.*dense"),
    "dictionary": (lambda law: law(*URN, {"a": 1}), "weights.*'a'"),
    "tensors of unequal lengths": (
        lambda law: law(*URN, [torch.ones(2), torch.ones(3)]),
        r"weights.*regular array.*tensor\(\[1., 1.\]\), tensor\(\[1., 1., 1.\]\)",
    ),
    "tensor beside text": (lambda law: law(*URN, [torch.ones(()), "a", 1.0]), "weights.*regular array.*'a'"),
    "threshold for more groups": (lambda law: law(2, [4]).cdf(torch.zeros(3)), r"value.*axis of 1 groups or of one.*\(3,\)"),
    "text": (lambda law: law("5", [2, 3, 4]), "total_count.*'5'"),
    "dates": (lambda law: law(5, np.array(["2020-01-01"], dtype="M8[D]")), "group_sizes.*2020"),
}


@pytest.mark.parametrize("law", EXACT)
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_named(law: type, name: str) -> None:
    function, words = BAD[name]
    with pytest.raises(ValueError, match=f"(?s){words}"):
        function(law)


@pytest.mark.parametrize("function", [lambda urn: urn.rsample((-1,)), lambda urn: urn.sample_noise((-1,))])
def test_relaxed_samples_refuse_negative_shapes(function: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"sample_shape.*-1"):
        function(relaxed())


def test_thresholds_that_are_no_numbers_have_no_value_where_nothing_is_validated() -> None:
    assert FisherHypergeometric(*URN, validate_args=False).cdf([NAN, 1, 1]).isnan().tolist() == [True, False, False]


@pytest.mark.parametrize("dtype", [torch.bool, torch.complex128])
def test_temperatures_that_are_not_real_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match=f"temperature must be positive real numbers; got dtype {dtype}"):
        relaxed(temperature=torch.ones((), dtype=dtype))
