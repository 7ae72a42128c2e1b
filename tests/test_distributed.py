"""Guarantees of a team for each of its processes, and the places of the processes that torchrun starts."""

from __future__ import annotations

import pytest
import torch

from hypergeo.distributed import Team, _places, process_group

from .support.team_tasks import BATCH, ROWS, STEPS_AN_EPOCH

TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


def test_an_epoch_visits_rows_at_most_once_and_epochs_differ():
    team = Team()
    orders = [torch.cat([*team.batches(ROWS, BATCH, seed=0, epoch=epoch)]).tolist() for epoch in range(2)]
    for order in orders:
        assert len(order) == len(set(order)) == STEPS_AN_EPOCH * BATCH
        assert set(order) < set(range(ROWS))
    assert orders[0] != orders[1]
    assert orders[0] == torch.cat([*team.batches(ROWS, BATCH, seed=0, epoch=0)]).tolist()


def test_random_numbers_are_common_unless_a_process_wants_its_own():
    def drawn(team: Team, *place: int, own: bool = False) -> float:
        return torch.rand(1, dtype=torch.float64, generator=team.generator(*place, own=own)).item()

    first, second = Team(0, 2), Team(1, 2)
    assert drawn(first, 4, 2) == drawn(second, 4, 2)
    assert len({drawn(first, 4, 2), drawn(first, 4, 3), drawn(first, 5, 2), drawn(first, 4, 2, 0)}) == 4
    assert len({drawn(first, 4, 2), drawn(first, 4, 2, own=True), drawn(second, 4, 2, own=True)}) == 3


@pytest.mark.parametrize("batch", [0, 26])
def test_a_batch_must_be_there(batch):
    with pytest.raises(ValueError, match=f"between 1 and the 25 rows of the data; got {batch}"):
        next(Team().batches(ROWS, batch, seed=0, epoch=0))


def test_rows_must_be_shared_out_evenly():
    with pytest.raises(ValueError, match="batch must be a multiple of the 2 processes; got 7"):
        next(Team(1, 2).batches(ROWS, 7, seed=0, epoch=0))
    with pytest.raises(ValueError, match="multiple of the 2 processes; got 3"):
        Team(1, 2).share(torch.zeros(4, 3), dim=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MASTER_PORT": None}, "MASTER_PORT must be set where RANK is; start the processes with torchrun"),
        ({"RANK": None, "MASTER_ADDR": None}, "RANK and MASTER_ADDR must be set"),
        ({"RANK": "2"}, "below WORLD_SIZE; got RANK=2, WORLD_SIZE=2"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two"),
    ],
)
def test_half_an_environment_is_named(changes, words):
    environment = {name: value for name, value in {**TORCHRUN, **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=words):
        _places(environment)


def test_torchruns_environment_is_read():
    assert _places(TORCHRUN) == (1, 2, 1)
    assert _places({"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "4"}) == (None, 1, 0)


@pytest.mark.parametrize("device", ["cuda:77", "nonsense"])
def test_a_device_that_is_not_there_is_named(device, monkeypatch):
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=f"device must .*{device}"), process_group(device):
        pass
