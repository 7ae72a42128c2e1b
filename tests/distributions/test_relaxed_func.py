"""Relaxed samples under ``torch.func`` and ``torch.compile``: results agree with plain autograd, urn by urn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import grad, jacfwd, jacrev, jvp, vjp, vmap

from hypergeo import RelaxedFisherHypergeometric
from hypergeo.distributions.relaxation.single_sample import SingleSample, SingleShape
from hypergeo.distributions.relaxation.small_urn import SmallSample, SmallShape
from hypergeo.distributions.relaxation.two_groups import TwoGroups, TwoGroupsShape

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's forward mode uses it itself
URNS = {
    "small": (15, [10, 10, 10]),
    "large": (180, [200, 200, 200]),
    "two groups": (15, [10, 12]),
    "single": (90, [60, 70, 80]),
}
SAMPLES = 4


class Case:
    """Samples of one noise, their weighted sum, and its gradients for each of five weight vectors by plain autograd.

    Args:
        urn: name of the urn.
        hard: whether samples are straight-through.
        conditionals: kind of conditionals.
    """

    def __init__(self, urn: str, hard: bool, conditionals: str):
        torch.manual_seed(0)
        self.setting: dict[str, Any] = {"straight_through": hard, "conditionals": conditionals}
        self.urn = URNS[urn]
        self.shape = () if urn == "single" else (SAMPLES,)
        groups = len(self.urn[1])
        self.weights = torch.randn(5, groups, dtype=torch.float64)
        self.noise = self.distribution(self.weights[0]).sample_noise(self.shape)
        self.slope = torch.randn(*self.shape, groups, dtype=torch.float64)
        self.gradients = torch.stack([self._gradient(row) for row in self.weights])

    def distribution(self, logs: Tensor) -> RelaxedFisherHypergeometric:
        return RelaxedFisherHypergeometric(0.5, *self.urn, log_weights=logs, **self.setting)

    def counts(self, logs: Tensor) -> Tensor:
        return self.distribution(logs).rsample(self.shape, noise=self.noise)

    def loss(self, logs: Tensor) -> Tensor:
        return (self.counts(logs) * self.slope).sum()

    def _gradient(self, logs: Tensor) -> Tensor:
        leaf = logs.clone().requires_grad_()
        return torch.autograd.grad(self.loss(leaf), leaf)[0]


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("urn", URNS)
def test_transforms_agree_with_autograd(urn: str, hard: bool, conditionals: str) -> None:
    case = Case(urn, hard, conditionals)
    first, rows = case.weights[0], case.weights
    torch.testing.assert_close(grad(case.loss)(first), case.gradients[0])
    torch.testing.assert_close(vjp(case.counts, first)[1](case.slope)[0], case.gradients[0])
    jacobian = jacrev(case.counts)(first)
    torch.testing.assert_close((jacobian * case.slope[..., None]).flatten(0, -2).sum(0), case.gradients[0])
    torch.testing.assert_close(vmap(case.counts)(rows), torch.stack([case.counts(row) for row in rows]))
    torch.testing.assert_close(vmap(grad(case.loss))(rows), case.gradients)
    torch.testing.assert_close(grad(lambda logs: vmap(case.loss)(logs).sum())(rows), case.gradients)
    jacobians = vmap(jacrev(case.counts))(rows)
    torch.testing.assert_close((jacobians * case.slope[..., None]).flatten(1, -2).sum(1), case.gradients)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("urn", URNS)
def test_forward_derivatives_are_the_backward_ones(urn: str, hard: bool) -> None:
    case = Case(urn, hard, "exact")
    first, rows = case.weights[0], case.weights
    along = torch.linspace(-1.0, 2.0, len(first), dtype=torch.float64)
    jacobians = torch.stack([jacrev(case.counts)(row) for row in rows])
    torch.testing.assert_close(jvp(case.counts, (first,), (along,))[1], jacobians[0] @ along)
    torch.testing.assert_close(jacfwd(case.counts)(first), jacobians[0])
    torch.testing.assert_close(vmap(jacfwd(case.counts))(rows), jacobians)
    torch.testing.assert_close(vmap(lambda row: jvp(case.counts, (row,), (along,))[1])(rows), jacobians @ along)
    with forward_ad.dual_level():
        dual = case.counts(forward_ad.make_dual(first, along))
        torch.testing.assert_close(forward_ad.unpack_dual(dual).tangent, jacobians[0] @ along)

    def heated(temperature: Tensor) -> Tensor:
        distribution = RelaxedFisherHypergeometric(temperature, *case.urn, log_weights=first, straight_through=hard)
        return distribution.rsample(case.shape, noise=case.noise)

    temperature = torch.tensor(0.7, dtype=torch.float64)
    torch.testing.assert_close(jacfwd(heated)(temperature), jacrev(heated)(temperature))


@pytest.mark.parametrize(
    "sizes", [[10, 10, 10], [[10, 10, 10], [4, 9, 14], [7, 8, 20]]], ids=["equal rows", "rows of other sizes"]
)
@pytest.mark.parametrize("hard", [False, True])
def test_temperatures_of_a_batch_agree_with_one_by_one(sizes: Any, hard: bool) -> None:
    """Rows of weights, of temperatures and of both, in ``vmap``, with first derivatives in both modes."""
    torch.manual_seed(0)
    logs = torch.randn(3, 3, dtype=torch.float64)
    heats = torch.tensor([0.2, 0.7, 1.6], dtype=torch.float64)

    def sample(heat: Tensor, weights: Tensor) -> Tensor:
        relaxed = RelaxedFisherHypergeometric(heat, 15, sizes, log_weights=weights, straight_through=hard)
        return relaxed.rsample((SAMPLES,), noise=noise)

    noise = RelaxedFisherHypergeometric(0.5, 15, sizes, log_weights=logs).sample_noise((SAMPLES,))
    slope = torch.randn(SAMPLES, 3, 3, dtype=torch.float64)

    def loss(heat: Tensor, weights: Tensor) -> Tensor:
        return (sample(heat, weights) * slope).sum()

    def one_by_one(function: Callable[..., Tensor]) -> Tensor:
        return torch.stack([function(heat, logs) for heat in heats])

    for function in (sample, grad(loss), grad(loss, argnums=1), jacfwd(loss), jacrev(sample)):
        torch.testing.assert_close(vmap(function, in_dims=(0, None))(heats, logs), one_by_one(function))
    shifted = torch.stack([logs, logs + torch.randn(3, 3, dtype=torch.float64)], -1)
    both = vmap(grad(loss, argnums=(0, 1)), in_dims=(0, -1))(heats[1:], shifted)
    for at in range(2):
        alone = grad(loss, argnums=(0, 1))(heats[1 + at], shifted[..., at])
        for part, whole in zip(alone, both, strict=True):
            torch.testing.assert_close(whole[at], part)
    tangents = torch.randn(2, 3, 3, dtype=torch.float64)

    def along(heat: Tensor, tangent: Tensor) -> Tensor:
        return jvp(sample, (heat, logs), (torch.ones_like(heat), tangent))[1]

    wanted = torch.stack([along(heat, tangent) for heat, tangent in zip(heats[:2], tangents, strict=True)])
    torch.testing.assert_close(vmap(along)(heats[:2], tangents), wanted)
    wanted = torch.stack([along(heats[0], tangent) for tangent in tangents])
    torch.testing.assert_close(vmap(along, in_dims=(None, 0))(heats[0], tangents), wanted)


def twice_by_autograd(loss: Callable[[Tensor], Tensor], logs: Tensor) -> Tensor:
    leaf = logs.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    return torch.autograd.grad(gradient.square().sum(), leaf)[0]


SECOND = {
    "autograd": twice_by_autograd,
    "hessian of autograd": lambda loss, logs: torch.autograd.functional.hessian(loss, logs),
    "grad of grad": lambda loss, logs: grad(lambda w: grad(loss)(w).square().sum())(logs),
    "jacrev of jacrev": lambda loss, logs: jacrev(jacrev(loss))(logs),
    "jacfwd of jacrev": lambda loss, logs: jacfwd(jacrev(loss))(logs),
    "jacfwd of jacfwd": lambda loss, logs: jacfwd(jacfwd(loss))(logs),
}


@pytest.mark.parametrize("urn", URNS)
@pytest.mark.parametrize("mode", SECOND)
def test_second_derivatives_are_refused_and_not_zero(urn: str, mode: str) -> None:
    case = Case(urn, False, "exact")
    with pytest.raises(NotImplementedError, match="Relaxed samples can be differentiated once"):
        SECOND[mode](case.loss, case.weights[0])


def test_merged_conditionals_have_no_forward_derivatives() -> None:
    case = Case("small", True, "merged")
    with pytest.raises(NotImplementedError, match="exact conditionals"):
        jvp(case.counts, (case.weights[0],), (case.weights[1],))


def test_vmap_samples_noise_as_its_randomness_says() -> None:
    case = Case("small", True, "exact")
    same_urn = case.weights[:1].expand(5, 3)

    def sample(randomness: str) -> Tensor:
        return vmap(lambda logs: case.distribution(logs).rsample((50,)), randomness=randomness)(same_urn)

    assert not torch.equal(sample("different")[0], sample("different")[1])
    assert torch.equal(*sample("same")[:2])
    with pytest.raises(RuntimeError, match="randomness"):
        sample("error")


@pytest.mark.usefixtures("validation_default")  # the compiler switches validation off for good
@pytest.mark.filterwarnings("ignore::UserWarning")  # of the compiler itself
def test_compiled_callers_get_samples_and_gradients() -> None:
    case = Case("small", True, "exact")
    leaf = case.weights[0].clone().requires_grad_()
    torch.compile(case.loss, backend="eager")(leaf).backward()
    torch.testing.assert_close(leaf.grad, case.gradients[0])


SHORTCUTS: dict[str, tuple[type, int, list[int], tuple[int, ...], int]] = {
    "two groups": (TwoGroups, 7, [7, 7], (20,), 3),
    "three groups": (SmallSample, 7, [10, 10, 10], (20,), 3),
    "six groups": (SmallSample, 7, [2, 7, 5, 3, 4, 1], (20,), 3),
    "seven groups": (SmallSample, 7, [2, 7, 5, 3, 4, 1, 3], (20,), 3),
    "narrow": (SmallSample, 7, [4, 3, 5], (20,), 3),
    "one sample": (SingleSample, 15, [10, 10, 10], (), 1),
    "one sample of seven groups": (SingleSample, 30, [20, 7, 15, 3, 4, 10, 31], (), 1),
    "one sample of windows": (SingleSample, 400, [400, 300, 500, 350], (), 1),
    "one sample of ten groups": (SingleSample, 256, [256] * 10, (), 1),
}


# If a soft count differs from a whole one by rounding only, the sign selects the neighbouring row of the next table:
# at low temperatures two ways of rounding may differ there, and only urns without such a tie are compared.
TEMPERATURES = [(name, temperature) for name in SHORTCUTS for temperature in (0.3, 0.5, 1.0)]
COLD = [(name, 0.05) for name, (kind, *_) in SHORTCUTS.items() if kind is not SingleSample]


@pytest.mark.parametrize(("name", "temperature"), [*TEMPERATURES, *COLD])
def test_shortcuts_give_the_samples_of_the_general_way(name: str, temperature: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortcuts and the splits of the general way give the same counts and gradients for one noise."""
    kind, total, sizes, shape, rows = SHORTCUTS[name]
    torch.manual_seed(0)
    logs = torch.randn(rows, len(sizes), dtype=torch.float64, requires_grad=True)
    law = RelaxedFisherHypergeometric(temperature, total, sizes, log_weights=logs, straight_through=True)
    noise, slope = law.sample_noise(shape), torch.randn(*shape, rows, len(sizes), dtype=torch.float64)
    results = []
    for general in (False, True):
        for shortcut in (SmallShape, SingleShape, TwoGroupsShape) if general else ():
            monkeypatch.setattr(shortcut, "of", staticmethod(lambda *_: None))
        counts = law.rsample(shape, noise=noise)
        taken = counts.grad_fn.next_functions[0][0].path.shortcut
        assert type(taken) is (type(None) if general else kind)
        results.append((counts.detach(), torch.autograd.grad((counts * slope).sum(), logs)[0]))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("total", "sizes"), [(4, [1] * 9), (16, [2] * 16), (8, [1, 2] * 6)])
def test_single_samples_whose_totals_are_at_the_end_of_a_table(total: int, sizes: list[int]) -> None:
    """The soft total of a crowded urn may lie where the table of whole ones has ended."""
    for seed in range(40):
        torch.manual_seed(seed)
        logs = torch.randn(1, len(sizes), dtype=torch.float64, requires_grad=True)
        law = RelaxedFisherHypergeometric(1.0, total, sizes, log_weights=logs, straight_through=True)
        noise, slope = law.sample_noise(()), torch.randn(1, len(sizes), dtype=torch.float64)
        results = []
        for kind in (SingleSample, type(None)):
            with pytest.MonkeyPatch.context() as patch:
                for shortcut in (SmallShape, SingleShape) if kind is not SingleSample else ():
                    patch.setattr(shortcut, "of", staticmethod(lambda *_: None))
                counts = law.rsample((), noise=noise)
            assert type(counts.grad_fn.next_functions[0][0].path.shortcut) is kind
            results.append((counts.detach(), torch.autograd.grad((counts * slope).sum(), logs)[0]))
        assert torch.equal(results[0][0], results[1][0])
        torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-9, atol=1e-9)


def test_a_single_sample_of_extreme_weights_is_certain() -> None:
    logs = torch.tensor([0.0, 2e6, -2e6], dtype=torch.float64, requires_grad=True)
    counts = RelaxedFisherHypergeometric(0.5, 15, [10, 10, 10], log_weights=logs, straight_through=True).rsample()
    assert counts.tolist() == [5.0, 10.0, 0.0]
    assert torch.autograd.grad((counts * torch.tensor([1.0, 2.0, 3.0])).sum(), logs)[0].tolist() == [0.0, 0.0, 0.0]
