"""Ways to tell how much two views share, trained alike and held against the truth on fresh pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from hypergeo.datasets.image_pairs import FactorImages, Sharing
from hypergeo.distributed import Team

from .fixed_rules import (
    AdaptiveThreshold,
    AlwaysHalf,
    Categorical,
    FixedThreshold,
    Hypergeometric,
    Oracle,
    SharingRule,
    Unshared,
    adavae_shared,
)
from .model import Settings, SharedFactors
from .scores import Score, score

__all__ = ["CONSTANT", "METHODS", "STUDY_SETTINGS", "TUNED_THRESHOLD", "StudyRow", "factor_study"]

STUDY_SETTINGS = Settings(steps=4_000, batch=32, learning_rate=6e-3, last_learning_rate=3e-4, scale=0.3)
"""For sprites, chosen on seeds 1000 to 1003 with pairs that share 0 to 5 factors: small batches and many steps, a learning rate
that falls, and of the scales 0.2, 0.3 and 0.4 the one with the least squared error."""

TUNED_THRESHOLD = 4.0
"""Nats below which a dimension counts as shared: of 1, 1.5, 2, 2.5, 3, 4 and 6 the one with the least squared error of the
number for sprites that share 0 to 5 factors, with the study's settings at 1,000 steps, seed 1000."""

METHODS: dict[str, Callable[[], SharingRule]] = {
    "hypergeometric": Hypergeometric,
    "hypergeometric, one law for all pairs": lambda: Hypergeometric(amortised=False),
    "AdaVAE": AdaptiveThreshold,
    "threshold tuned with labels": lambda: FixedThreshold(TUNED_THRESHOLD),
    "categorical": Categorical,
    "always half": AlwaysHalf,
    "oracle (label)": Oracle,
    "unshared": Unshared,
}
"""Rules by name, all with the same networks, steps and warm-up."""

CONSTANT = ("always half", "oracle (label)", "unshared")
"""Methods that do not estimate the number of shared factors."""

_AT_ONCE = 16  # models side by side: more go hardly faster


@dataclass(frozen=True)
class StudyRow:
    """One model and how it did.

    Attributes:
        method: one of :data:`METHODS`.
        shared: what its pairs shared: a number, or between which two.
        seed: of the model; its pairs for the score come from another.
        score: of the method's own numbers and masks.
        adavae: of AdaVAE's threshold on the same model's distances.
    """

    method: str
    shared: int | tuple[int, int]
    seed: int
    score: Score
    adavae: Score


def factor_study(
    data: FactorImages,
    shared: Sequence[int | tuple[int, int]],
    *,
    methods: Sequence[str] = tuple(METHODS),
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    settings: Settings | None = None,
    num_pairs: int = 1_024,
    progress: Callable[[float, str], None] | None = None,
    team: Team | None = None,
) -> list[StudyRow]:
    """Trains one model for each method, number of shared factors and seed, and scores it on fresh pairs.

    Args:
        data: where pairs come from.
        shared: numbers of factors that pairs share; a tuple of two for pairs that differ.
        methods: names from :data:`METHODS`.
        seeds: of the models.
        settings: of the training, the same for all; :data:`STUDY_SETTINGS` when omitted.
        num_pairs: on which each model is scored.
        progress: called with the share of the work that is done, and what is done now.
        team: the processes that train together, where there are several; each of them gets the same rows.

    Returns:
        Rows in the order of methods, numbers and seeds.

    Raises:
        ValueError: for a method that is not there.

    Example:
        >>> from hypergeo.datasets import Sprites
        >>> settings = Settings(steps=4, batch=8)
        >>> rows = factor_study(Sprites(), [2, (0, 5)], methods=["AdaVAE"], seeds=[0], settings=settings, num_pairs=32)
        >>> [(row.method, row.shared) for row in rows]
        [('AdaVAE', 2), ('AdaVAE', (0, 5))]
    """
    settings = STUDY_SETTINGS if settings is None else settings
    if unknown := [name for name in methods if name not in METHODS]:
        raise ValueError(f"methods must be names from {', '.join(METHODS)}; got {unknown[0]!r}.")
    cases = [(each, seed) for each in shared for seed in seeds]
    chunks = [cases[i : i + _AT_ONCE] for i in range(0, len(cases), _AT_ONCE)]
    warm_up = sum(settings.warming(step) for step in range(settings.steps))
    steps = len(chunks) * (warm_up + len(methods) * (settings.steps - warm_up))
    done = 0

    def train(model: SharedFactors, count: int, name: str) -> None:
        nonlocal done
        for _ in range(count):
            if progress is not None and done % 20 == 0:
                progress(done / steps, name)
            model.step()
            done += 1

    found: dict[tuple[str, int], list[StudyRow]] = {}
    for number, chunk in enumerate(chunks):
        sharing: list[Sharing] = [each for each, _ in chunk]
        of = [seed for _, seed in chunk]
        # Rules play no part in the warm-up: all of them go on from the same one.
        warm = SharedFactors(data, sharing, rule=METHODS[methods[0]](), settings=settings, seeds=of, team=team)
        train(warm, warm_up, "warm-up")
        for name in methods:
            model = SharedFactors(data, sharing, rule=METHODS[name](), settings=settings, seeds=of, team=team)
            model.take_over(warm)
            train(model, settings.steps - warm_up, name)
            found[name, number] = _scored(name, model, data, chunk, num_pairs)
    return [row for name in methods for number in range(len(chunks)) for row in found[name, number]]


def _scored(
    name: str, model: SharedFactors, data: FactorImages, cases: Sequence[tuple[int | tuple[int, int], int]], num_pairs: int
) -> list[StudyRow]:
    """Rows of models that have learned, on fresh pairs."""
    pairs = [data.pairs(num_pairs, each, torch.Generator().manual_seed(2**40 + seed)) for each, seed in cases]
    images, labels = torch.stack([each.images for each in pairs]), torch.stack([each.num_shared for each in pairs])
    seen = model.view(images, labels)
    own = score(seen, pairs)
    adavae = score(seen, pairs, seen.adavae, adavae_shared(seen.distances))
    return [StudyRow(name, *case, *scores) for case, *scores in zip(cases, own, adavae, strict=True)]
