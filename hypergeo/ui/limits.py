"""Limits of the pages: one table for URLs, controls and files alike.

They are chosen so that the largest request takes at most two seconds of one processor and 300 MB, or shows its progress and
can be cancelled (``python -m tests.benchmarks limits`` measures it). A page replaces a value beyond a limit by the nearest
allowed one and shows a message; a file that is too large is refused with a message. The library itself has no such limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "CLUSTERS",
    "CONVERGENCE",
    "COUNTS",
    "FACTORS",
    "GRADIENTS",
    "ONE_SAMPLE",
    "PARTITIONS",
    "QUALITY",
    "SEEDS",
    "SHOWN_OF_A_VALUE",
    "URN",
    "ClusterLimits",
    "ConvergenceLimits",
    "CountsLimits",
    "FactorLimits",
    "GradientLimits",
    "OneSampleLimits",
    "PartitionLimits",
    "QualityLimits",
    "UrnLimits",
    "UrnPageLimits",
    "rows",
]

SEEDS = (0, 9_999)
"""Smallest and largest seed of every page."""

SHOWN_OF_A_VALUE = 40
"""Number of letters that a message shows of an invalid value in the URL."""


class UrnLimits(NamedTuple):
    """Limits of the urn of a page.

    Attributes:
        groups: largest number of groups, at least two.
        size: largest size of a group.
        drawn: largest number of elements drawn.
    """

    groups: int
    size: int
    drawn: int


class UrnPageLimits(NamedTuple):
    """Limits of the urn page.

    Attributes:
        urn: limits of the urn.
        draws: largest number of samples in the sequence.
        listed: largest number of count vectors that are listed for the joint distance and Wallenius' mode.
    """

    urn: UrnLimits
    draws: int
    listed: int


class ConvergenceLimits(NamedTuple):
    """Limits of the convergence page.

    Attributes:
        urn: limits of the urn.
        samples: numbers of samples to choose from.
        followed: last sample whose path can be followed.
    """

    urn: UrnLimits
    samples: Sequence[int]
    followed: int


class OneSampleLimits(NamedTuple):
    """Limits of the page on one sample.

    Attributes:
        urn: limits of the urn.
        samples: number of samples to choose from.
    """

    urn: UrnLimits
    samples: int


class GradientLimits(NamedTuple):
    """Limits of the gradients page.

    Attributes:
        urn: limits of the urn.
        draws: numbers of samples of an estimate, to choose from.
        estimates: numbers of estimates, to choose from.
        steps: largest number of steps of a descent.
        listed: largest number of count vectors that are listed for the exact gradient at each step; larger urns use the
            marginals.
    """

    urn: UrnLimits
    draws: Sequence[int]
    estimates: Sequence[int]
    steps: int
    listed: int


class QualityLimits(NamedTuple):
    """Limits of the quality page's reports, which are computed in the background.

    Attributes:
        urn: limits of the urn.
        samples: numbers of samples of each sampler, to choose from.
        gradients: numbers of estimates of each estimator, to choose from.
        evaluations: numbers of samples of a gradient, to choose from.
        repeats: numbers of sets of samples at each weight of the published check, to choose from.
    """

    urn: UrnLimits
    samples: Sequence[int]
    gradients: Sequence[int]
    evaluations: Sequence[int]
    repeats: Sequence[int]


class CountsLimits(NamedTuple):
    """Limits of observed counts on the quality page.

    Attributes:
        examples: numbers of rows of an example, to choose from.
        megabytes: largest size of a file.
        pasted: largest number of letters that can be pasted.
        rows: largest number of rows of a file.
        size: largest size of a group, if a line of the file gives the sizes.
        sums: largest number of different sample sizes in one fit; each has its own distribution.
        elements: largest number of elements in the urns of all these distributions together.
    """

    examples: Sequence[int]
    megabytes: int
    pasted: int
    rows: int
    size: int
    sums: int
    elements: int


class ClusterLimits(NamedTuple):
    """Limits of the page on cluster sizes.

    Attributes:
        clusters: smallest and largest number of clusters.
        points: numbers of points that the page generates, to choose from.
        steps: largest number of steps of a run.
        edits: largest number of changes during a run in the URL.
        megabytes: largest size of a file of points.
        rows: smallest and largest number of points of a file.
        largest: largest coordinate of a point.
        nearest: distance below which all points count as one, relative to the largest coordinate if that is above one.
    """

    clusters: tuple[int, int]
    points: Sequence[int]
    steps: int
    edits: int
    megabytes: int
    rows: tuple[int, int]
    largest: float
    nearest: float


class FactorLimits(NamedTuple):
    """Limits of the page on shared factors.

    Attributes:
        factors: numbers of factors of an image, to choose from.
        spare: largest number of latent dimensions beyond the factors.
        steps: largest number of steps of a run.
        schedule: lengths of the schedule, to choose from.
        edits: largest number of changes during a run in the URL.
    """

    factors: Sequence[int]
    spare: int
    steps: int
    schedule: Sequence[int]
    edits: int


class PartitionLimits(NamedTuple):
    """Limits of the page on partitions.

    Attributes:
        groups: numbers of groups, to choose from.
        elements: smallest and largest number of elements.
        listed: smallest and largest number of elements in the view of gradients, which lists all partitions.
        partitions: largest number of listed partitions.
        edits: largest number of scores set by hand in the URL.
        samples: numbers of samples of a gradient estimate, to choose from.
    """

    groups: Sequence[int]
    elements: tuple[int, int]
    listed: tuple[int, int]
    partitions: int
    edits: int
    samples: Sequence[int]


URN = UrnPageLimits(UrnLimits(groups=6, size=20, drawn=60), draws=1_000, listed=4_000)
CONVERGENCE = ConvergenceLimits(
    UrnLimits(groups=6, size=30, drawn=60), samples=(100, 200, 500, 1_000, 2_000, 4_000), followed=99
)
ONE_SAMPLE = OneSampleLimits(UrnLimits(groups=6, size=12, drawn=24), samples=1_000)
GRADIENTS = GradientLimits(
    UrnLimits(groups=5, size=16, drawn=40),
    draws=(1, 2, 4, 8, 16),
    estimates=(50, 100, 200, 500, 1_000),
    steps=200,
    listed=5_000,
)
QUALITY = QualityLimits(
    UrnLimits(groups=6, size=200, drawn=600),
    samples=(1_000, 2_000, 5_000, 10_000, 20_000),
    gradients=(100, 200, 400, 1_000),
    evaluations=(2, 4, 8, 16, 32),
    repeats=(2, 5, 10, 20),
)
COUNTS = CountsLimits(
    examples=(50, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000),
    megabytes=5,
    pasted=200_000,
    rows=20_000,
    size=1_000,
    sums=10,
    elements=12_000,
)
CLUSTERS = ClusterLimits(
    clusters=(2, 8),
    points=(100, 200, 400, 600, 800),
    steps=400,
    edits=60,
    megabytes=1,
    rows=(8, 1_500),
    largest=1e9,
    nearest=1e-9,
)
PARTITIONS = PartitionLimits(
    groups=(2, 3, 4), elements=(4, 40), listed=(2, 8), partitions=6_561, edits=40, samples=(100, 400, 1_000, 2_000, 4_000)
)
FACTORS = FactorLimits(factors=(3, 4, 5), spare=2, steps=3_000, schedule=(400, 1_000, 2_000, 3_000), edits=20)


def rows() -> list[tuple[str, str, str]]:
    """Lists all limits.

    Returns:
        For each limit the page, the limited quantity and its range.

    Example:
        >>> rows()[0]
        ('every page', 'seed', '0 to 9,999')
    """
    urns = [("urn", URN.urn), ("one sample", ONE_SAMPLE.urn), ("convergence", CONVERGENCE.urn)]
    urns += [("gradients", GRADIENTS.urn), ("quality", QUALITY.urn)]
    table: list[tuple[str, str, object, object]] = [("every page", "seed", *SEEDS)]
    for page, urn in urns:
        table += [
            (page, "groups", 2, urn.groups),
            (page, "elements of a group", 0, urn.size),
            (page, "elements drawn", 0, urn.drawn),
        ]
    table += [
        ("urn", "samples", 0, URN.draws),
        ("one sample", "samples to choose from", 1, ONE_SAMPLE.samples),
        ("convergence", "samples", *_ends(CONVERGENCE.samples)),
        ("gradients", "samples per estimate", *_ends(GRADIENTS.draws)),
        ("gradients", "estimates", *_ends(GRADIENTS.estimates)),
        ("gradients", "steps", 0, GRADIENTS.steps),
        ("partitions", "groups", *_ends(PARTITIONS.groups)),
        ("partitions", "elements", *PARTITIONS.elements),
        ("partitions", "elements of the gradients", *PARTITIONS.listed),
        ("partitions", "scores set by hand", 0, PARTITIONS.edits),
        ("partitions", "samples of a gradient", *_ends(PARTITIONS.samples)),
        ("quality", "samples of each sampler", *_ends(QUALITY.samples)),
        ("quality", "gradients of each estimator", *_ends(QUALITY.gradients)),
        ("quality", "samples per gradient", *_ends(QUALITY.evaluations)),
        ("quality", "sets of samples at each weight of the published check", *_ends(QUALITY.repeats)),
        ("quality, counts", "rows of an example", *_ends(COUNTS.examples)),
        ("quality, counts", "rows of a file", 1, COUNTS.rows),
        ("quality, counts", "megabytes of a file", 0, COUNTS.megabytes),
        ("quality, counts", "letters pasted", 0, COUNTS.pasted),
        ("quality, counts", "elements of a group, in a line of sizes", 0, COUNTS.size),
        ("cluster sizes", "clusters", *CLUSTERS.clusters),
        ("cluster sizes", "points", *_ends(CLUSTERS.points)),
        ("cluster sizes", "points of a file", *CLUSTERS.rows),
        ("cluster sizes", "megabytes of a file", 0, CLUSTERS.megabytes),
        ("cluster sizes", "steps", 0, CLUSTERS.steps),
        ("cluster sizes", "changes on the way", 0, CLUSTERS.edits),
        ("shared factors", "factors", *_ends(FACTORS.factors)),
        ("shared factors", "latent dimensions beyond the factors", 0, FACTORS.spare),
        ("shared factors", "steps", 0, FACTORS.steps),
        ("shared factors", "length of the schedule", *_ends(FACTORS.schedule)),
        ("shared factors", "changes on the way", 0, FACTORS.edits),
    ]
    order = {page: number for number, page in enumerate(dict.fromkeys(row[0] for row in table))}
    table.sort(key=lambda row: order[row[0]])
    return [(page, what, f"{low:,} to {high:,}") for page, what, low, high in table]


def _ends(options: Sequence[int]) -> tuple[int, int]:
    return options[0], options[-1]
