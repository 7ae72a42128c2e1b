"""``torch.func``, forward and double differentiation, and ``torch.compile``, where the distributions support them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from hypergeo import FisherHypergeometric, WalleniusHypergeometric

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's forward mode uses it itself

SIZES = [6, 4, 0, 3]
COUNTS = torch.tensor([2, 2, 0, 1])
FISHER: dict[str, Callable[[Tensor], Tensor]] = {
    "log_prob": lambda w: FisherHypergeometric(5, SIZES, log_weights=w).log_prob(COUNTS),
    "log_normalizer": lambda w: FisherHypergeometric(5, SIZES, log_weights=w).log_normalizer,
    "mean": lambda w: FisherHypergeometric(5, SIZES, log_weights=w).mean,
    "mean of weights": lambda w: FisherHypergeometric(5, SIZES, w.exp()).mean,
}
WALLENIUS: dict[str, Callable[[Tensor], Tensor]] = {
    "Wallenius log_prob": lambda w: WalleniusHypergeometric(5, SIZES, log_weights=w).log_prob(COUNTS),
}
TWICE = FISHER | WALLENIUS
# The only possible count vector has probability one at any weights.
CERTAIN = {"certain": lambda w: WalleniusHypergeometric(13, SIZES, log_weights=w).log_prob(torch.tensor(SIZES))}
ONCE = {"Wallenius mean": lambda w: WalleniusHypergeometric(5, SIZES, log_weights=w).mean}


def log_weights(*batch: int) -> Tensor:
    return torch.randn(*batch, 4, dtype=torch.float64)


@pytest.mark.parametrize("name", TWICE)
def test_twice_differentiable_backwards_and_forwards(name: str) -> None:
    logs = log_weights(2).requires_grad_()
    assert gradcheck(TWICE[name], (logs,), check_forward_ad=True)
    assert gradgradcheck(TWICE[name], (logs,), check_fwd_over_rev=True)


@pytest.mark.parametrize("name", ONCE)
def test_once_differentiable_backwards_and_forwards(name: str) -> None:
    assert gradcheck(ONCE[name], (log_weights().requires_grad_(),), check_forward_ad=True)


@pytest.mark.parametrize("name", TWICE | ONCE)
def test_jacobians_agree(name: str) -> None:
    function, logs = (TWICE | ONCE)[name], log_weights()
    expected = torch.autograd.functional.jacobian(function, logs)
    torch.testing.assert_close(jacrev(function)(logs), expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(jacfwd(function)(logs), expected, rtol=1e-10, atol=1e-12)
    direction = log_weights()
    value, tangent = jvp(function, (logs,), (direction,))
    torch.testing.assert_close(value, function(logs))
    torch.testing.assert_close(tangent, expected @ direction, rtol=1e-10, atol=1e-12)
    value, back = vjp(function, logs)
    cotangent = torch.randn_like(value)
    torch.testing.assert_close(
        back(cotangent)[0], (cotangent[..., None] * expected).reshape(-1, 4).sum(0), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("name", TWICE | CERTAIN)
def test_hessians_agree(name: str) -> None:
    function, logs = (TWICE | CERTAIN)[name], log_weights()
    expected = torch.autograd.functional.jacobian(
        lambda w: torch.autograd.functional.jacobian(function, w, create_graph=True), logs
    )
    torch.testing.assert_close(hessian(function)(logs), expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(jacrev(jacrev(function))(logs), expected, rtol=1e-9, atol=1e-11)


def test_the_hessian_of_the_log_normalizer_is_the_covariance() -> None:
    logs = log_weights(3)
    expected = FisherHypergeometric(5, SIZES, log_weights=logs).covariance_matrix
    torch.testing.assert_close(vmap(hessian(FISHER["log_normalizer"]))(logs), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", TWICE | ONCE)
def test_vmap_over_weights_is_a_batch(name: str) -> None:
    function, logs = (TWICE | ONCE)[name], log_weights(3, 2)
    torch.testing.assert_close(vmap(vmap(function))(logs), function(logs), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(vmap(function, in_dims=1, out_dims=1)(logs), function(logs), rtol=1e-12, atol=1e-13)
    if name in TWICE:
        total = vmap(vmap(grad(lambda w: function(w).sum())))(logs)
        leaf = logs.clone().requires_grad_()
        torch.testing.assert_close(total, torch.autograd.grad(function(leaf).sum(), leaf)[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("law", [FisherHypergeometric, WalleniusHypergeometric])
def test_vmap_over_counts_totals_and_weights(law: Any) -> None:
    logs, counts = log_weights(2), law(5, SIZES).sample((3,))
    expected = law(5, SIZES, log_weights=logs).log_prob(counts[:, None])
    got = vmap(lambda x: vmap(lambda w: law(5, SIZES, log_weights=w).log_prob(x))(logs))(counts)
    torch.testing.assert_close(got, expected)
    totals = torch.tensor([1, 5, 8])
    means = vmap(lambda n: law(n, SIZES, log_weights=logs).mean)(totals)
    torch.testing.assert_close(means, law(totals[:, None], SIZES, log_weights=logs).mean)


def test_weights_of_zero_under_vmap() -> None:
    weights = torch.tensor([[1.0, 0.0, 2.0], [1.0, 3.0, 0.0]], dtype=torch.float64)
    means = vmap(lambda w: FisherHypergeometric(3, [4, 4, 4], w).mean)(weights)
    torch.testing.assert_close(means, FisherHypergeometric(3, [4, 4, 4], weights).mean)


def test_bad_arguments_are_named_under_vmap() -> None:
    with pytest.raises(ValueError, match="weights must be finite and nonnegative"):
        vmap(lambda w: FisherHypergeometric(3, [4, 4], w).mean)(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
    with pytest.raises(ValueError, match="total_count must be at most"):
        vmap(lambda n: FisherHypergeometric(n, [4, 4]).mean)(torch.tensor([3, 9]))
    with pytest.raises(ValueError, match="value must hold whole counts"):
        vmap(lambda x: FisherHypergeometric(3, [4, 4]).log_prob(x))(torch.tensor([[1, 2], [1, 1]]))


@pytest.mark.slow
@pytest.mark.usefixtures("validation_default")  # the compiler switches validation off for good
def test_compiled() -> None:
    def loss(w: Tensor, x: Tensor) -> Tensor:
        fisher, wallenius = (law(5, [6, 4, 3], log_weights=w) for law in (FisherHypergeometric, WalleniusHypergeometric))
        return fisher.log_prob(x) + fisher.log_normalizer + 2 * fisher.mean[0] + wallenius.log_prob(x) * wallenius.mean[1]

    logs = torch.tensor([0.3, -0.5, 1.0], dtype=torch.float64, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler, about itself
        got = torch.compile(loss, backend="aot_eager")(logs, torch.tensor([2.0, 2.0, 1.0]))
        gradient = torch.autograd.grad(got, logs)[0]
    expected = loss(logs, torch.tensor([2.0, 2.0, 1.0]))
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, logs)[0])


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_the_derivative_of_the_mean_by_its_cotangent_is_the_covariance(transform: Callable[..., Any]) -> None:
    logs, cotangent = log_weights(), log_weights()
    back = vjp(FISHER["mean"], logs)[1]
    expected = FisherHypergeometric(5, SIZES, log_weights=logs).covariance_matrix
    torch.testing.assert_close(transform(lambda v: back(v)[0])(cotangent), expected, rtol=1e-10, atol=1e-12)


def test_second_derivatives_along_two_directions() -> None:
    logs, one, other = log_weights(), log_weights(), log_weights()
    for name, function in (FISHER | WALLENIUS).items():
        second = jvp(lambda w, f=function: jvp(f, (w,), (one,))[1], (logs,), (other,))[1]
        torch.testing.assert_close(second, hessian(function)(logs) @ one @ other, rtol=1e-9, atol=1e-11, msg=name)


@pytest.mark.parametrize("name", [name for name in FISHER | WALLENIUS if "log" in name])
def test_third_derivatives_along_three_directions(name: str) -> None:
    function, (logs, one, other, third) = (FISHER | WALLENIUS)[name], [log_weights() for _ in range(4)]
    second = lambda w: jvp(lambda v: jvp(function, (v,), (one,))[1], (w,), (other,))[1]  # noqa: E731
    ahead, behind = (hessian(function)(logs + step * third) @ one @ other for step in (1e-4, -1e-4))
    torch.testing.assert_close(jvp(second, (logs,), (third,))[1], (ahead - behind) / 2e-4, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("law", "order", "words"),
    [
        (FisherHypergeometric, 3, "Means are differentiable twice and log-probabilities three times"),
        (WalleniusHypergeometric, 2, "mean of Wallenius' distribution is differentiable once"),
    ],
)
def test_derivatives_beyond_the_highest_order_are_refused(law: Any, order: int, words: str) -> None:
    logs = log_weights().requires_grad_()
    value = law(5, SIZES, log_weights=logs).mean[0]
    for _ in range(order - 1):
        value = torch.autograd.grad(value, logs, create_graph=True)[0][0]
    with pytest.raises(NotImplementedError, match=words):
        torch.autograd.grad(value, logs)


@pytest.mark.parametrize("law", [FisherHypergeometric, WalleniusHypergeometric])
def test_vmap_over_group_sizes_is_a_batch(law: Any) -> None:
    sizes = torch.tensor([[3, 4, 2], [5, 6, 0]])
    torch.testing.assert_close(vmap(lambda m: law(4, m).mean)(sizes), law(4, sizes).mean)


def test_vmap_of_the_derivative_of_wallenius_mean() -> None:
    logs, function = log_weights(2), ONCE["Wallenius mean"]
    expected = torch.stack([torch.autograd.functional.jacobian(function, row) for row in logs])
    torch.testing.assert_close(vmap(jacrev(function))(logs), expected, rtol=1e-10, atol=1e-12)
