"""Two real processes under torchrun learn the same as one process; guarantees of a team for each of its processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from hypergeo import RelaxedFisherHypergeometric
from hypergeo.distributed import Team, _places, process_group

from .support.torchrun import on_two_processes

STEPS_AN_EPOCH, EPOCHS = 3, 2
ROWS, BATCH = 25, 8
TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


class Counts(nn.Module):
    """Model of relaxed counts whose log weights are a linear function of the inputs."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.layer = nn.Linear(2, 3, dtype=torch.float64)

    def forward(self, inputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        law = RelaxedFisherHypergeometric(0.5, 6, [4, 4, 4], log_weights=self.layer(inputs))
        return law.rsample(noise=noise)


def train(team: Team) -> dict[str, object]:
    """Returns the results of training in a process and the rows of each batch, as JSON values."""
    model = team.wrap(Counts())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    inputs = torch.randn(ROWS, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rows, losses = [], []
    for epoch in range(EPOCHS):
        for step, chosen in enumerate(team.batches(ROWS, BATCH, seed=3, epoch=epoch)):
            rows.append(chosen.tolist())
            uniform = torch.rand(BATCH, 10, dtype=torch.float64, generator=team.generator(3, epoch, step))
            noise = -(-team.share(uniform).log()).log()
            loss = (model(inputs[chosen], noise) - torch.tensor([1.0, 2.0, 3.0])).square().sum(-1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(team.mean(loss.detach().clone()).item())
    state = {name: value.tolist() for name, value in team.unwrap(model).state_dict().items()}
    own = torch.rand(1, generator=team.generator(3, own=True)).item()
    return {"rank": team.rank, "size": team.size, "rows": rows, "losses": losses, "state": state, "own": own}


def test_two_processes_learn_what_one_does(tmp_path):
    on_two_processes("tests.test_distributed", tmp_path)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
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


if __name__ == "__main__":
    with process_group("cpu") as team:
        torch.set_num_threads(1)
        Path(sys.argv[1], f"{team.rank}.json").write_text(json.dumps(train(team)))
