"""Tasks that two processes and one do, for a comparison of their results.

``torchrun --nproc-per-node 2 -m tests.support.team_tasks FOLDER`` does all of them, because a process takes seconds to start,
and writes the results of each process to ``FOLDER/RANK.json``.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

import torch
from torch import nn

from hypergeo import RelaxedFisherHypergeometric
from hypergeo.__main__ import main
from hypergeo.clustering.variational.fit import fit_variational_clusters
from hypergeo.distributed import Team, process_group
from tests.support.curved_clusters import QUICK, curved_clusters

__all__ = ["BATCH", "EPOCHS", "FACTORS", "ROWS", "STEPS_AN_EPOCH", "cluster", "train"]

STEPS_AN_EPOCH, EPOCHS = 3, 2
ROWS, BATCH = 25, 8
FACTORS = ("factors", "--steps", "12", "--batch", "8", "--num-pairs", "32", "--seeds", "1", "--image-size", "6")
FACTORS += ("--shared", "0-4", "--methods", "hypergeometric", "--format", "json")
"""Arguments of the subcommand; equal images are left out, because rounding ranks their distances."""


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


def cluster(team: Team) -> dict[str, object]:
    """Returns the results of variational clustering in a process, as JSON values."""
    points, _ = curved_clusters(0)
    fit = fit_variational_clusters(points, 4, capacities=80, team=team, **{**QUICK, "pretraining": 3, "epochs": 3})
    state = {name: value.tolist() for name, value in fit.model.state_dict().items()}
    return {
        "size": team.size,
        "state": state,
        "elbo": fit.elbo,
        "sizes": fit.sizes.tolist(),
        "labels": fit.labels.tolist(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    with redirect_stdout(io.StringIO()) as printed:
        status = main(list(FACTORS))
    with process_group("cpu") as group:
        results = {"train": train(group), "cluster": cluster(group), "factors": [status, printed.getvalue()]}
    Path(sys.argv[1], f"{os.environ['RANK']}.json").write_text(json.dumps(results))
