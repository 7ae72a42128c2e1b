"""Python code that prints the numbers of the urn page."""

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
distribution = FisherHypergeometric(total_count, group_sizes, weights)

torch.manual_seed({seed})
samples = distribution.sample(({number},))[:{step}]

mean, variance = distribution.mean, distribution.variance
sensitivity = distribution.covariance_matrix  # of mean i to log weight j; equal to the covariance for Fisher's distribution
print("most probable:", distribution.mode.long().tolist())
"""

_WALLENIUS = """\
import torch

from hypergeo import WalleniusHypergeometric
from hypergeo.numerics.wallenius.small_urn import wallenius_tables

total_count = {total_count}
group_sizes = {group_sizes}
weights = {weights}
distribution = WalleniusHypergeometric(total_count, group_sizes, weights)

# Every element has an exponential arrival time with its weight as the rate; the first to arrive are drawn.
torch.manual_seed({seed})
group = torch.repeat_interleave(torch.tensor(group_sizes))
rates = torch.tensor(weights, dtype=torch.float64)[group]
times = torch.empty({number}, len(group), dtype=torch.float64).exponential_() / rates
drawn = group[times.topk(total_count, largest=False).indices]
samples = torch.nn.functional.one_hot(drawn, len(weights)).sum(1)[:{step}].double()

mean, variance = distribution.mean, distribution.variance
sensitivity = wallenius_tables(total_count, group_sizes, weights).sensitivity  # of mean i to log weight j
"""

_BOTH = """\
print("mean, exact:     ", [round(x, 3) for x in mean.tolist()])
print("variance, exact: ", [round(x, 3) for x in variance.tolist()])
"""

_DRAWN = """\
print("mean, sampled:   ", [round(x, 3) for x in samples.mean(0).tolist()])
print("variance, sampled:", [round(x, 3) for x in samples.var(0, correction=0).tolist()])
print("last sample:     ", samples[-1].long().tolist())
"""

_SENSITIVITY = """\
group = sensitivity.diagonal().argmax().item()
gain = 0.01 * sensitivity[group, group].item()
print(f"raising weight {{group + 1}} by 1 % raises the mean of group {{group + 1}} by {{gain:.2g}} balls")
"""


def urn_snippet(urn: Urn, *, law: str, seed: int, step: int) -> str:
    """Writes Python code that prints the numbers of the urn page.

    Args:
        urn: the urn.
        law: ``"Fisher"`` or ``"Wallenius"``.
        seed: seed of the sequence of samples.
        step: number of samples on show.

    Returns:
        The code.
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
