"""Relaxed samples under ``torch.func`` and ``torch.compile``: what they give agrees with plain autograd, urn by urn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, jacrev, vjp, vmap

from hypergeo import RelaxedFisherHypergeometric
from hypergeo.distributions.relaxation.small_urn import SmallShape

URNS = {"small": (15, [10, 10, 10]), "large": (180, [200, 200, 200])}
SAMPLES = 4


class Case:
    """Samples of one noise, their weighted sum, and its gradients for each of five weight vectors by plain autograd."""

    def __init__(self, urn: str, hard: bool, conditionals: str):
        torch.manual_seed(0)
        self.setting: dict[str, Any] = {"straight_through": hard, "conditionals": conditionals}
        self.urn = URNS[urn]
        self.weights = torch.randn(5, 3, dtype=torch.float64)
        self.noise = self.distribution(self.weights[0]).sample_noise((SAMPLES,))
        self.slope = torch.randn(SAMPLES, 3, dtype=torch.float64)
        self.gradients = torch.stack([self._gradient(row) for row in self.weights])

    def distribution(self, logs: Tensor) -> RelaxedFisherHypergeometric:
        return RelaxedFisherHypergeometric(0.5, *self.urn, log_weights=logs, **self.setting)

    def counts(self, logs: Tensor) -> Tensor:
        return self.distribution(logs).rsample((SAMPLES,), noise=self.noise)

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
    torch.testing.assert_close((jacobian * case.slope[..., None]).sum((0, 1)), case.gradients[0])
    torch.testing.assert_close(vmap(case.counts)(rows), torch.stack([case.counts(row) for row in rows]))
    torch.testing.assert_close(vmap(grad(case.loss))(rows), case.gradients)
    torch.testing.assert_close(grad(lambda logs: vmap(case.loss)(logs).sum())(rows), case.gradients)
    jacobians = vmap(jacrev(case.counts))(rows)
    torch.testing.assert_close((jacobians * case.slope[..., None]).sum((1, 2)), case.gradients)


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


@pytest.mark.parametrize("sizes", [[7, 7], [10, 10, 10], [2, 7, 5, 3, 4, 1], [2, 7, 5, 3, 4, 1, 3], [4, 3, 5]])
@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0])
def test_small_urns_are_sampled_as_others_are(sizes: list[int], temperature: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of all conditionals and the splits of the general way give the same counts and gradients for one noise."""
    torch.manual_seed(0)
    logs = torch.randn(3, len(sizes), dtype=torch.float64, requires_grad=True)
    law = RelaxedFisherHypergeometric(temperature, 7, sizes, log_weights=logs, straight_through=True)
    noise, slope = law.sample_noise((20,)), torch.randn(20, 3, len(sizes), dtype=torch.float64)
    found = []
    for general in (False, True):
        if general:
            monkeypatch.setattr(SmallShape, "of", staticmethod(lambda *_: None))
        counts = law.rsample((20,), noise=noise)
        found.append((counts.detach(), torch.autograd.grad((counts * slope).sum(), logs)[0]))
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-9, atol=1e-9)
