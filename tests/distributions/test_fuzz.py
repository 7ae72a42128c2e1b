"""2,400 random urns of one to eight groups, many of them degenerate: all samples are in the support, all gradients finite."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from hypergeo import RelaxedFisherHypergeometric

GROUPS = range(1, 9)
SEEDS, PER_SEED = 6, 50


def random_urn(rng: random.Random, groups: int) -> dict[str, Any]:
    """Returns arguments of a random urn: sizes may be zero, totals extreme and weights e^±50."""
    largest = rng.choice([1, 3, 12, 40, 200])
    sizes = [0 if rng.random() < 0.15 else rng.randint(1, largest) for _ in range(groups)]
    spread = rng.choice([0.0, 1.0, 10.0, 50.0])
    logs = [rng.choice([-spread, spread]) if rng.random() < 0.2 else rng.uniform(-spread, spread) for _ in range(groups)]
    if rng.random() < 0.15:
        logs = [-float("inf") if rng.random() < 0.3 else w for w in logs]
    drawable = sum(m for m, w in zip(sizes, logs, strict=True) if w > -float("inf"))
    total = rng.choice([0, min(1, drawable), drawable, max(0, drawable - 1), *[rng.randint(0, drawable)] * 6])
    return {"total_count": total, "group_sizes": sizes, "log_weights": logs}


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("groups", GROUPS)
def test_samples_and_gradients(groups: int, seed: int, conditionals: str) -> None:
    rng = random.Random(seed)
    for number in range(PER_SEED):
        urn = random_urn(rng, groups)
        dtype, straight_through = rng.choice([torch.float32, torch.float64]), rng.random() < 0.5
        temperature = 10 ** rng.choice([-3.0, 3.0, rng.uniform(-3, 3), rng.uniform(-1, 1)])
        logs = torch.tensor(urn.pop("log_weights"), dtype=dtype, requires_grad=True)
        warmth = torch.tensor(temperature, dtype=dtype, requires_grad=True)
        more: dict[str, Any] = {"straight_through": straight_through, "conditionals": conditionals}
        what = f"urn {number}: temperature={temperature}, {urn}, log_weights={logs.tolist()}, {dtype}, {more}"
        law = RelaxedFisherHypergeometric(warmth, **urn, log_weights=logs, **more)
        torch.default_generator.manual_seed(number)  # torch.manual_seed looks for a GPU each time
        samples = law.rsample((4,))
        assert samples.dtype == dtype, what
        assert samples.isfinite().all(), what
        assert law.support.check(samples).all(), what
        assert (samples[:, logs == -torch.inf] == 0).all(), what
        direction = torch.randn(samples.shape, dtype=dtype)
        gradients = torch.autograd.grad((samples * direction).sum(), (logs, warmth), allow_unused=True, materialize_grads=True)
        assert all(g.isfinite().all() for g in gradients), what


def test_the_fuzz_covers_what_it_should() -> None:
    """Every kind of degenerate urn occurs at least 50 times among 2,400."""
    generators = [random.Random(seed) for seed in range(SEEDS)]
    urns = [random_urn(rng, groups) for groups in GROUPS for rng in generators for _ in range(PER_SEED)]
    assert len(urns) == 2400
    kinds = {
        "empty group": sum(0 in u["group_sizes"] for u in urns),
        "none drawn": sum(u["total_count"] == 0 for u in urns),
        "all drawn": sum(u["total_count"] == sum(u["group_sizes"]) > 0 for u in urns),
        "weights far apart": sum(max(u["log_weights"]) - min(u["log_weights"]) > 60 for u in urns),
        "weight zero": sum(-float("inf") in u["log_weights"] for u in urns),
        "many outcomes": sum(u["total_count"] > 20 for u in urns),
    }
    assert min(kinds.values()) >= 50, kinds
