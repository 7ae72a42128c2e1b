"""What can be tried on the quality page, and its guided tour."""

from __future__ import annotations

from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

from .controls import COUNTS, ESTIMATORS, PUBLISHED, RELAXATION

__all__ = ["PRESETS", "TOUR"]

UNEVEN = {
    "check": RELAXATION,
    "objective": "quadratic",
    "groups": 3,
    "w1": 1.0,
    "w2": 10.0,
    "w3": 1.0,
    "m1": 12,
    "m2": 12,
    "m3": 12,
    "n": 18,
}
NO_GRADIENTS = dict.fromkeys(ESTIMATORS, False)
ALL_GRADIENTS = dict.fromkeys(ESTIMATORS, True)
URN = {"groups": 3, "w1": 1.0, "w2": 2.0, "w3": 4.0, "m1": 10, "m2": 10, "m3": 10, "n": 15}

PRESETS = [
    Preset(
        "From cold to hot",
        {"check": RELAXATION, "taus": "0.01, 0.1, 1, 10", "draws": "both", "rule": "exact", **NO_GRADIENTS},
        "Soft draws can be told from exact ones while they are warm, straight-through ones never.",
    ),
    Preset(
        "Exact against merged",
        {**UNEVEN, "rule": "both", "draws": "straight-through", "taus": "0.1, 1"},
        "The published rule beside the exact conditionals, where one group dominates.",
    ),
    Preset(
        "Where merging is exact",
        {**UNEVEN, "w2": 1.0, "objective": "linear", "rule": "both", "draws": "straight-through", "taus": "0.1, 1"},
        "At equal weights nothing is lost by merging groups: both rules pass.",
    ),
    Preset(
        "An objective with a step",
        {"check": RELAXATION, **URN, "objective": "step", "rule": "exact", **ALL_GRADIENTS},
        "Relaxed gradients follow a slope that a step does not have.",
    ),
    Preset(
        "The paper's check",
        {"check": PUBLISHED, "repeats": 20, "samples": 10_000, "seed": 0},
        "Three groups of 200, 180 drawn, the second weight from 1 to 10, 20 sets of draws: press Run.",
    ),
    Preset("Counts of this law", {"check": COUNTS, "source": "of this law", "against": "as set"}, "They pass, as they should."),
    Preset(
        "Counts of Wallenius' law",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 2_000, "against": "as set"},
        "The same urn, drawn one element at a time: another law, and rejected.",
    ),
    Preset(
        "Does any Fisher law fit them?",
        {"check": COUNTS, **URN, "source": "of Wallenius' law", "rows": 50_000, "against": "as fitted"},
        "Wallenius' counts against the best of Fisher's laws.",
    ),
]

TOUR = [
    Stop(
        "A verdict in words",
        "Draws of a relaxation are tested against the exact law, and gradients against the exact gradient, with all tests "
        "corrected for their number. The sentence in the box is the outcome.",
        {},
        "The box first, then the points inside and outside the grey band: the band is what exact draws would show.",
    ),
    Stop(
        "Soft draws cool into exact ones",
        "Soft draws are averages, so they can be told from exact ones while they are warm. Straight-through draws have the "
        "exact law at every temperature.",
        {"taus": "0.01, 0.1, 1, 10", **NO_GRADIENTS},
        "Circles fall into the band as τ does; diamonds are in it all along.",
    ),
    Stop(
        "A rule that is not exact",
        "The published sampler treats the groups that remain as one of their mean weight. With one dominant group its draws "
        "are of another law, at every temperature.",
        {**UNEVEN, "rule": "both", "draws": "straight-through"},
        "Crosses stay far above the band, and their p-values are below the line.",
    ),
    Stop(
        "Gradients of a step",
        "Whether a count reaches a threshold has no slope to follow. Relaxed gradients are biased here, the score function and "
        "the control variate are not.",
        {"objective": "step"},
        "The bias panel: intervals that keep clear of zero.",
    ),
    Stop(
        "The paper's check, repeated",
        "The sampler was published with a test against a reference that shares its rule. That test passes; the same draws "
        "against Fisher's law do not. Here are 5 sets of 2,000 draws at each weight.",
        {"check": PUBLISHED, "repeats": 5, "samples": 2_000},
        "Left: the dotted line leaves the band as soon as weights differ. Right: it stays inside.",
    ),
    Stop(
        "Your own counts",
        "The same tests for counts from anywhere: paste or upload them. These 2,000 rows are drawn from this very law.",
        {"check": COUNTS, "source": "of this law"},
        "Bars fill the outlines, and the fitted weights' intervals hold the law's.",
    ),
    Stop(
        "Counts of another law",
        "Elements drawn one at a time, by weight, follow Wallenius' law. The weights are the same, the counts are not.",
        {"check": COUNTS, "source": "of Wallenius' law"},
        "The verdict, and how far the fitted weights are from the law's diamonds.",
    ),
]
