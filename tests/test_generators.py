"""All random numbers of the project come from explicit generators: torch's global state is neither used nor changed."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import hypergeo
from hypergeo import FisherHypergeometric
from hypergeo.__main__ import main
from hypergeo.clustering.self_labelling.model import _network
from hypergeo.clustering.self_labelling.settings import LabellingSettings
from hypergeo.estimators import ScoreFunction
from hypergeo.estimators.descent import descend
from hypergeo.objectives import Quadratic
from hypergeo.quality import QualityReport, noise_floor
from hypergeo.quality.distances import total_variation_floor
from hypergeo.quality.gradients import measure_estimator, reference_gradient
from hypergeo.ui.convergence.arrays import Urn, draw, exact_noise, variation
from hypergeo.ui.counts.arrays import example_counts
from hypergeo.ui.urn.arrays import draw_all

LAW, OBJECTIVE = FisherHypergeometric(9, [6, 7, 8], [1.0, 2.0, 4.0]), Quadratic((3.0, 3.0, 3.0))
LONG = FisherHypergeometric(600, [400] * 6, validate_args=False)
URN = Urn(9, (6, 7, 8), (1.0, 2.0, 4.0))
COUNTS = LAW.sample((50,), generator=torch.Generator().manual_seed(0))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def report(seed: int) -> object:
    measured = QualityReport.measure(LAW, [0.5], OBJECTIVE, [ScoreFunction()], num_samples=50, num_gradients=5, seed=seed)
    return [(row.ks, row.wasserstein, row.wasserstein_floor) for row in measured.samples], measured.gradients[0].mean


def estimates(seed: int) -> object:
    reference = reference_gradient(LONG, lambda x: x[..., 0], num_estimates=3, generator=generator(seed))
    measured = measure_estimator(
        LONG,
        lambda x: x[..., 0],
        ScoreFunction(),
        reference,
        label="",
        num_estimates=3,
        num_evaluations=2,
        generator=generator(seed),
    )
    return reference.gradient, measured.mean


def descent(seed: int) -> object:
    run = descend(ScoreFunction(), OBJECTIVE, 9, [6, 7, 8], [0.0] * 3, steps=3, learning_rate=0.1, num_samples=4, seed=seed)
    return run.log_weights.tolist()


def weights_of_a_network(seed: int) -> object:
    return [parameters.tolist() for parameters in _network(4, LabellingSettings(width=3, dimensions=2), seed).parameters()]


def command(seed: int, capsys: pytest.CaptureFixture[str]) -> object:
    main(["sample", "-N", "20", "-n", "9", "-m", "6,7,8", "--seed", str(seed)])
    return capsys.readouterr().out


DRAWN: dict[str, Callable[[int], object]] = {
    "quality report": report,
    "report of counts": lambda seed: QualityReport.of_counts(LAW, COUNTS, seed=seed).samples[0].wasserstein_floor,
    "noise floor": lambda seed: noise_floor(LAW, 50, generator=generator(seed)).quantile.item(),
    "floor of total variations": lambda seed: total_variation_floor(LAW, 50, generator=generator(seed)).quantile.item(),
    "gradients": estimates,
    "descent": descent,
    "network": weights_of_a_network,
    "convergence, samples": lambda seed: draw.__wrapped__(URN, 20, seed, "exact").hard.tolist(),
    "convergence, noise": lambda seed: tuple(exact_noise.__wrapped__(URN, 20, seed)),
    "convergence, variation": lambda seed: tuple(variation.__wrapped__(URN, 50, seed)),
    "urn, Fisher": lambda seed: draw_all.__wrapped__(URN, "Fisher", seed).counts.tolist(),
    "urn, Wallenius": lambda seed: draw_all.__wrapped__(URN, "Wallenius", seed).counts.tolist(),
    "example counts": lambda seed: example_counts.__wrapped__(URN, 20, seed, True).tolist(),
}


def check(function: Callable[[int], object]) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = function(1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert function(1) == first
    assert function(2) != first


@pytest.mark.parametrize("name", DRAWN)
def test_random_numbers_depend_on_the_seed_alone(name: str) -> None:
    check(DRAWN[name])


def test_the_command_line_depends_on_its_seed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    check(lambda seed: command(seed, capsys))


def test_no_module_touches_the_global_state() -> None:
    """The package has no seeds, forks or states of torch's global generator, except in docstrings."""
    forbidden = {"manual_seed", "fork_rng", "get_rng_state", "set_rng_state", "seed", "initial_seed"}
    for path in Path(hypergeo.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in forbidden and isinstance(node.value, ast.Name | ast.Attribute):
                assert ast.unparse(node.value) not in {"torch", "torch.random", "random", "np.random"}, (path, node.lineno)
