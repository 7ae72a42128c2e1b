"""The Python that gives the numbers of the urn page."""

from __future__ import annotations

from hypergeo.ui.convergence.arrays import Urn

from .arrays import DRAWS

__all__ = ["urn_snippet"]

_FISHER = """\
import torch

from hypergeo import FisherHypergeometric

total_count = {total_count}
group_sizes = {group_sizes}
weights = {weights}
law = FisherHypergeometric(total_count, group_sizes, weights)

torch.manual_seed({seed})
draws = law.sample(({number},))[:{step}]

mean, variance = law.mean, law.variance
sensitivity = law.covariance_matrix  # of mean i to log weight j: under Fisher's law the covariance
print("most probable:", law.mode.long().tolist())
"""

_WALLENIUS = """\
import torch

from hypergeo import WalleniusHypergeometric
from hypergeo.numerics.wallenius.small_urn import wallenius_tables

total_count = {total_count}
group_sizes = {group_sizes}
weights = {weights}
law = WalleniusHypergeometric(total_count, group_sizes, weights)

# Every element has an exponential clock with its weight as the rate; the first to ring leave the urn.
torch.manual_seed({seed})
group = torch.repeat_interleave(torch.tensor(group_sizes))
rates = torch.tensor(weights, dtype=torch.float64)[group]
clocks = torch.empty({number}, len(group), dtype=torch.float64).exponential_() / rates
left = group[clocks.topk(total_count, largest=False).indices]
draws = torch.nn.functional.one_hot(left, len(weights)).sum(1)[:{step}].double()

mean, variance = law.mean, law.variance
sensitivity = wallenius_tables(total_count, group_sizes, weights).sensitivity  # of mean i to log weight j
"""

_BOTH = """\
print("mean, exact:     ", [round(x, 3) for x in mean.tolist()])
print("variance, exact: ", [round(x, 3) for x in variance.tolist()])
"""

_DRAWN = """\
print("mean, drawn:     ", [round(x, 3) for x in draws.mean(0).tolist()])
print("variance, drawn: ", [round(x, 3) for x in draws.var(0, correction=0).tolist()])
print("last draw:       ", draws[-1].long().tolist())
"""

_SENSITIVITY = """\
group = sensitivity.diagonal().argmax().item()
gain = 0.01 * sensitivity[group, group].item()
print(f"raising weight {{group + 1}} by 1 % moves {{gain:.2g}} elements to group {{group + 1}}")
"""


def urn_snippet(urn: Urn, *, law: str, seed: int, step: int) -> str:
    """Python that prints the numbers of the urn page.

    Args:
        urn: what is drawn from.
        law: ``"Fisher"`` or ``"Wallenius"``.
        seed: of the sequence of draws.
        step: number of draws on show.
    """
    parts = [_FISHER if law == "Fisher" else _WALLENIUS, _BOTH, *([_DRAWN] if step else []), _SENSITIVITY]
    return "".join(parts).format(
        total_count=urn.total_count,
        group_sizes=list(urn.group_sizes),
        weights=list(urn.weights),
        seed=seed,
        number=DRAWS,
        step=step,
    )
