"""Study of the sharing rules: trains them alike and scores them on new pairs."""

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
from .model import SharedFactors, SharedFactorsSettings
from .scores import Score, score

__all__ = ["CONSTANT", "METHODS", "STUDY_SETTINGS", "TUNED_THRESHOLD", "StudyRow", "factor_study"]

STUDY_SETTINGS = SharedFactorsSettings(steps=4_000, batch=32, learning_rate=6e-3, last_learning_rate=3e-4, scale=0.3)
"""Settings for sprites, chosen on seeds 1000 to 1003 with pairs that share 0 to 5 factors: small batches, many steps and a
falling learning rate. Of the scales 0.2, 0.3 and 0.4, this one has the smallest squared error."""

TUNED_THRESHOLD = 4.0
"""Distance in nats below which a dimension counts as shared. Of 1, 1.5, 2, 2.5, 3, 4 and 6 nats it has the smallest squared
error of the number for sprites that share 0 to 5 factors, with the study's settings at 1,000 steps and seed 1000."""

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
"""Rules by name. All use the same networks, steps and warm-up."""

CONSTANT = ("always half", "oracle (label)", "unshared")
"""Methods that do not estimate the number of shared factors."""

_MODELS_SIDE_BY_SIDE = 16  # more are hardly faster


@dataclass(frozen=True)
class StudyRow:
    """Holds one model and its scores.

    Attributes:
        method: one of :data:`METHODS`.
        shared: number of factors that its pairs share, or the range of the number.
        seed: seed of the model; the pairs of its score have another seed.
        score: score of the method's own numbers and masks.
        adavae: score of AdaVAE's threshold on the same model's distances.
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
    settings: SharedFactorsSettings | None = None,
    num_pairs: int = 1_024,
    progress: Callable[[float, str], None] | None = None,
    team: Team | None = None,
) -> list[StudyRow]:
    """Trains one model for each method, number of shared factors and seed, and scores it on new pairs.

    Args:
        data: source of the pairs.
        shared: numbers of factors that pairs share; a tuple of two for pairs with varying numbers.
        methods: names from :data:`METHODS`.
        seeds: seeds of the models.
        settings: settings of the training, the same for all; :data:`STUDY_SETTINGS` when omitted.
        num_pairs: number of pairs on which each model is scored.
        progress: called with the fraction of the work that is done, and with the name of the current task.
        team: processes that train together; each of them gets the same rows. This process alone when omitted.

    Returns:
        Rows in the order of methods, numbers and seeds.

    Raises:
        ValueError: if a method is unknown.

    Example:
        >>> from hypergeo.datasets import Sprites
        >>> settings = SharedFactorsSettings(steps=4, batch=8)
        >>> rows = factor_study(Sprites(), [2, (0, 5)], methods=["AdaVAE"], seeds=[0], settings=settings, num_pairs=32)
        >>> [(row.method, row.shared) for row in rows]
        [('AdaVAE', 2), ('AdaVAE', (0, 5))]
    """
    settings = STUDY_SETTINGS if settings is None else settings
    if unknown := [name for name in methods if name not in METHODS]:
        raise ValueError(f"methods must be names from {', '.join(METHODS)}; got {unknown[0]!r}.")
    cases = [(each, seed) for each in shared for seed in seeds]
    chunks = [cases[i : i + _MODELS_SIDE_BY_SIDE] for i in range(0, len(cases), _MODELS_SIDE_BY_SIDE)]
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

    rows: dict[tuple[str, int], list[StudyRow]] = {}
    for number, chunk in enumerate(chunks):
        sharing: list[Sharing] = [each for each, _ in chunk]
        chunk_seeds = [seed for _, seed in chunk]
        # Rules play no part in the warm-up, so all of them continue from the same one.
        warm = SharedFactors(data, sharing, rule=METHODS[methods[0]](), settings=settings, seeds=chunk_seeds, team=team)
        train(warm, warm_up, "warm-up")
        for name in methods:
            model = SharedFactors(data, sharing, rule=METHODS[name](), settings=settings, seeds=chunk_seeds, team=team)
            model.take_over(warm)
            train(model, settings.steps - warm_up, name)
            rows[name, number] = _scored(name, model, data, chunk, num_pairs)
    return [row for name in methods for number in range(len(chunks)) for row in rows[name, number]]


def _scored(
    name: str, model: SharedFactors, data: FactorImages, cases: Sequence[tuple[int | tuple[int, int], int]], num_pairs: int
) -> list[StudyRow]:
    """Returns the rows of trained models, scored on new pairs."""
    pairs = [data.pairs(num_pairs, each, torch.Generator().manual_seed(2**40 + seed)) for each, seed in cases]
    images, labels = torch.stack([each.images for each in pairs]), torch.stack([each.num_shared for each in pairs])
    views = model.view(images, labels)
    own = score(views, pairs)
    adavae = score(views, pairs, views.adavae, adavae_shared(views.distances))
    return [StudyRow(name, *case, *scores) for case, *scores in zip(cases, own, adavae, strict=True)]
