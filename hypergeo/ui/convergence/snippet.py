"""Python code that prints the numbers of the convergence page."""

from __future__ import annotations

from .arrays import Urn

__all__ = ["convergence_snippet"]

_CONVERGENCE = """\
import torch

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from hypergeo.quality import {variation}, noise_floor, wasserstein_distance

total_count = {total_count}
group_sizes = {group_sizes}
weights = {weights}
exact = FisherHypergeometric(total_count, group_sizes, weights)
relaxed = RelaxedFisherHypergeometric({temperature}, total_count, group_sizes, weights{options})

torch.manual_seed({seed})
noise = relaxed.sample_noise(({number},))  # the same noise can be used at any temperature
samples = relaxed.rsample(({number},), noise=noise)
distance = wasserstein_distance(samples, exact).item()

torch.manual_seed({seed})
floor = noise_floor(exact, {number})

variation = {{}}
for kind in ("exact", "merged"):
    rounded = RelaxedFisherHypergeometric(1.0, total_count, group_sizes, weights, straight_through=True, conditionals=kind)
    torch.manual_seed({seed})
    variation[kind] = {variation}(rounded.sample(({number},)), exact).max().item()

print(f"Wasserstein distance: {{distance:.3g}} counts")
print(f"equally many exact samples: {{floor.mean.item():.3g}} on average, 95 % below {{floor.quantile.item():.3g}}")
print("total variation of integer samples:", {{kind: round(value, 3) for kind, value in variation.items()}})
print("mean counts, exact:  ", [round(x, 3) for x in exact.mean.tolist()])
print("mean counts, relaxed:", [round(x, 3) for x in samples.mean(0).tolist()])
print("sample {follow}:", [round(x, 3) for x in samples[{follow}].tolist()])
"""


def convergence_snippet(
    urn: Urn, *, temperature: float, number: int, seed: int, follow: int, straight_through: bool, conditionals: str
) -> str:
    """Returns Python code that prints the numbers of the convergence page.

    Args:
        urn: parameters of the urn.
        temperature: temperature of the relaxation.
        number: number of samples.
        seed: seed of the noise.
        follow: index of the highlighted sample.
        straight_through: whether samples are integers.
        conditionals: conditional distributions, ``"exact"`` or ``"merged"``.

    Returns:
        The code.
    """
    options = (", straight_through=True" if straight_through else "") + (
        f', conditionals="{conditionals}"' if conditionals != "exact" else ""
    )
    return _CONVERGENCE.format(
        total_count=urn.total_count,
        group_sizes=list(urn.group_sizes),
        weights=list(urn.weights),
        temperature=temperature,
        options=options,
        seed=seed,
        number=number,
        follow=follow,
        variation="total_variation" if len(urn.group_sizes) <= 3 else "marginal_total_variation",
    )
