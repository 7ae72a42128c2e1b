"""The registry of urns on every other device of this machine: results are those of the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from tests.support.registry import GOOD, Good

DEVICES = [name for name in ("cuda", "mps", "xpu") if getattr(torch, name).is_available()]
STATISTICS: dict[str, Callable[[Any], Tensor]] = {
    "mean": lambda d: d.mean,
    "variance": lambda d: d.variance,
    "covariance_matrix": lambda d: d.covariance_matrix,
    "mode": lambda d: d.mode,
    "entropy": lambda d: d.entropy(),
    "marginal_log_prob": lambda d: d.marginal_log_prob(),
    "log_survival": lambda d: d.log_survival(1.0),
    "icdf": lambda d: d.icdf(0.7),
}


@pytest.fixture(params=DEVICES or ["none"])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "none":
        pytest.skip("no accelerator: torch sees neither cuda nor mps nor xpu")
    if request.param == "mps":
        pytest.skip("mps has no float64, which tables are computed in")
    return request.param


@pytest.mark.parametrize("example", GOOD, ids=str)
def test_results_are_those_of_the_cpu(example: Good, device: str) -> None:
    here = example.build()
    logs = here.log_weights.to(device).requires_grad_()
    rest = {name: value for name, value in example.urn.params.items() if name not in ("weights", "log_weights")}
    there = example.law(**{**rest, "log_weights": logs})
    samples = there.sample((50,))
    assert samples.device.type == there.total_count.device.type == device
    assert there.support.check(samples).all()
    if example.law is RelaxedFisherHypergeometric:
        noise = here.sample_noise((5,))
        torch.testing.assert_close(there.rsample((5,), noise.to(device)).cpu(), here.rsample((5,), noise), rtol=1e-4, atol=1e-4)
        there.rsample((5,)).sum().backward()
        assert logs.grad is None or logs.grad.isfinite().all()
        return
    counts = here.sample((5,))
    torch.testing.assert_close(there.log_prob(counts.to(device)).detach().cpu(), here.log_prob(counts), rtol=1e-6, atol=1e-6)
    for name, statistic in STATISTICS.items():
        torch.testing.assert_close(statistic(there).detach().cpu(), statistic(here).detach(), rtol=1e-6, atol=1e-6, msg=name)
    loss = there.mean.square().sum() + (there.log_normalizer.sum() if example.law is FisherHypergeometric else 0)
    (gradient,) = torch.autograd.grad(loss, logs)
    assert gradient.device.type == device
    assert gradient.isfinite().all()
