"""Two real processes under torchrun learn the same as one process, in one run of all their tasks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from hypergeo.__main__ import main
from hypergeo.distributed import process_group
from hypergeo.shared_factors.results import FactorResults

from .support.team_tasks import EPOCHS, FACTORS, STEPS_AN_EPOCH, cluster, train
from .support.torchrun import on_two_processes


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Returns the results of every task, by process."""
    folder = tmp_path_factory.mktemp("processes")
    on_two_processes("tests.support.team_tasks", folder)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def test_a_model_of_relaxed_counts(processes):
    first, second = (results["train"] for results in processes)
    with process_group("cpu") as team:
        alone = train(team)
    assert [(result["rank"], result["size"]) for result in (first, second, alone)] == [(0, 2), (1, 2), (0, 1)]
    assert first["state"] == second["state"]
    assert first["losses"] == second["losses"] == pytest.approx(alone["losses"], rel=1e-12)
    assert len(alone["losses"]) == EPOCHS * STEPS_AN_EPOCH
    for name, value in alone["state"].items():
        torch.testing.assert_close(torch.tensor(first["state"][name]), torch.tensor(value), rtol=1e-6, atol=1e-7)
        assert torch.tensor(first["state"][name]).shape == torch.tensor(value).shape
    assert [mine + theirs for mine, theirs in zip(first["rows"], second["rows"], strict=True)] == alone["rows"]
    assert first["own"] != second["own"]
    assert alone["losses"][-1] < alone["losses"][0]


def test_variational_clusters(processes):
    first, second = (results["cluster"] for results in processes)
    with process_group("cpu") as team:
        alone = cluster(team)
    assert first["size"] == second["size"] == 2
    assert first == second
    assert first["labels"] == alone["labels"]
    assert first["elbo"] == pytest.approx(alone["elbo"], abs=1e-3)
    assert first["sizes"] == pytest.approx(alone["sizes"], abs=1e-2)
    for name, value in alone["state"].items():
        torch.testing.assert_close(torch.tensor(first["state"][name]), torch.tensor(value), rtol=1e-3, atol=1e-4)


def test_the_study_of_shared_factors(processes, capsys):
    """The subcommand in a real group; only its leader writes."""
    assert main(list(FACTORS)) == 0
    alone = FactorResults.from_json(capsys.readouterr().out)
    (status, printed), (other_status, nothing) = (results["factors"] for results in processes)
    assert (status, other_status, nothing) == (0, 0, "")
    for row, one in zip(FactorResults.from_json(printed).rows, alone.rows, strict=True):
        assert (row.method, row.shared, row.seed) == (one.method, one.shared, one.seed)
        assert row.score.squared_error == pytest.approx(one.score.squared_error, abs=0.01)
        assert row.score.bias == pytest.approx(one.score.bias, abs=0.01)
