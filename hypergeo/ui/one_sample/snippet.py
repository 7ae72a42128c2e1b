"""A Python program that prints the numbers of the page on one sample."""

from __future__ import annotations

from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.limits import ONE_SAMPLE

from .arrays import NOISE_SEED

__all__ = ["one_sample_snippet"]

_CODE = """\
import torch

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from hypergeo.distributions import trace_sample

total_count = {total_count}
group_sizes = {group_sizes}
weights = torch.tensor({weights}, dtype=torch.float64)
log_weights = weights.log().requires_grad_()
relaxed = RelaxedFisherHypergeometric(
    {tau}, total_count, group_sizes, log_weights=log_weights, straight_through={straight_through}, conditionals="{conditionals}"
)

torch.manual_seed({seed})
noise = relaxed.sample_noise(({samples},))[{index}]
trace = trace_sample(relaxed, noise)
for split in trace.splits:
    groups = [group + 1 for group in split.left]
    mean, largest = split.soft.item(), split.hard.item()
    print(f"groups {{groups}} of the {{split.total.item():.2f}} left: mean {{mean:.2f}}, largest {{largest}}")
print("counts:", [round(x, 3) for x in trace.counts.tolist()])

# The sampler and autograd give the same numbers.
counts = relaxed.rsample(noise=noise)
(gradient,) = torch.autograd.grad(counts[{target}], log_weights)
exact = FisherHypergeometric(total_count, group_sizes, weights).covariance_matrix[{target}]
print("gradient of count {group}, this sample:", [round(x, 3) for x in gradient.tolist()])
print("gradient of mean {group}, exactly:     ", [round(x, 3) for x in exact.tolist()])
"""


def one_sample_snippet(urn: Urn, *, tau: float, conditionals: str, straight_through: bool, sample: int, target: int) -> str:
    """Writes Python that prints the numbers of the page.

    Args:
        urn: the urn.
        tau: temperature.
        conditionals: the library's name of the conditionals.
        straight_through: whether the sample is the straight-through one.
        sample: number of the sample, from 1.
        target: index of the group whose gradient is on show, from 0.

    Returns:
        A complete program.
    """
    return _CODE.format(
        total_count=urn.total_count,
        group_sizes=list(urn.group_sizes),
        weights=list(urn.weights),
        tau=tau,
        straight_through=straight_through,
        conditionals=conditionals,
        seed=NOISE_SEED,
        samples=ONE_SAMPLE.samples,
        index=sample - 1,
        target=target,
        group=target + 1,
    )
