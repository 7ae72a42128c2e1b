"""Figures as data: all numbers are finite, frames fit their traces, areas are probabilities."""

from __future__ import annotations

import base64
import itertools
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from plotly.graph_objects import Figure

from hypergeo.figures import (
    DARK,
    GROUP_COLOURS,
    LIGHT,
    THEMED,
    convergence_figure,
    distance_panel,
    marginals_panel,
    pair_panel,
    simplex_panel,
    single_figure,
)
from hypergeo.figures.core.palette import blend
from hypergeo.figures.core.panels import Box, Panel, Sweep, arrange
from hypergeo.figures.counts.lattice import cell_shares, window
from hypergeo.figures.counts.marginals import HEADROOM, TITLE, histogram_shares
from hypergeo.figures.counts.simplex import barycentric, unreachable
from hypergeo.quality.goodness_of_fit import nearest_counts

ROOT = Path(__file__).parents[2]
T, S = 5, 60
TEMPERATURES = np.geomspace(0.01, 10, T)
LABELS = [f"{temperature:g}" for temperature in TEMPERATURES]


def compositions(total: int, sizes: tuple[int, ...]) -> np.ndarray:
    """Returns all count vectors of an urn, shape ``(N, K)``."""
    return np.array([x for x in itertools.product(*(range(size + 1) for size in sizes)) if sum(x) == total])


def synthetic(total: int, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns a random distribution of an urn's counts, and samples that contract towards the mean from frame to frame.

    Args:
        total: sum of the counts.
        sizes: group sizes, K of them.

    Returns:
        Support, shape ``(N, K)``, probabilities, shape ``(N,)``, marginals, shape ``(K, max(sizes) + 1)``, and samples, shape
        ``(T, S, K)``.
    """
    rng = np.random.default_rng(7)
    support = compositions(total, sizes)
    probabilities = rng.dirichlet(np.ones(len(support)))
    marginals = np.zeros((len(sizes), max(sizes) + 1))
    for group in range(len(sizes)):
        np.add.at(marginals[group], support[:, group], probabilities)
    whole = support[rng.choice(len(support), S, p=probabilities)].astype(float)
    samples = np.stack([whole + heat * (whole.mean(0) - whole) for heat in np.linspace(0, 1, T)])
    return support, probabilities, marginals, samples


def figure(
    total: int, sizes: tuple[int, ...], palette=LIGHT, *, narrow: bool = False, start: int = 2, hard: bool = False
) -> Figure:
    """Returns the convergence figure of a random distribution.

    Args:
        total: sum of the counts.
        sizes: group sizes.
        palette: colours of the figure.
        narrow: whether the figure is for a telephone.
        start: index of the first frame.
        hard: whether samples are whole counts.
    """
    support, probabilities, marginals, soft = synthetic(total, sizes)
    samples = np.broadcast_to(soft[:1], soft.shape) if hard else soft
    if len(sizes) == 3:
        main = simplex_panel(support, probabilities, samples, soft, palette, follow=3)
    else:
        pairs, index = np.unique(support[:, :2], axis=0, return_inverse=True)
        main = pair_panel(pairs, np.bincount(index, weights=probabilities), samples, soft, palette, follow=3)
    rows = marginals_panel(marginals, samples, palette, titles=[f"Group {k + 1}" for k in range(len(sizes))])
    distance = distance_panel(TEMPERATURES, np.geomspace(0.05, 2, T), 0.04, 0.07, palette, title="Distance", number=S)
    return convergence_figure(main, rows, distance, palette, labels=LABELS, start=start, narrow=narrow)


URNS = [
    (9, (6, 7, 8)),
    (24, (4, 10, 12)),
    (5, (6, 9)),
    (8, (3, 4, 5, 6)),
    (6, (2, 2, 2, 2, 2, 2)),
    (0, (3, 3, 3)),
    (7, (0, 7, 0)),
]


def unpacked(values) -> np.ndarray:
    """Returns a trace's values as an array of the same shape, also where they are packed for plotly's JavaScript."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]).newbyteorder("<"))
    return np.asarray(values)


def numbers(trace) -> dict[str, np.ndarray]:
    """Returns the arrays of a trace by name, of any shape."""
    arrays = {name: trace[name] for name in ("x", "y", "base", "customdata") if name in trace and trace[name] is not None}
    if trace.type == "scatter" and not isinstance(trace.marker.size, int | float | None):
        arrays["size"] = trace.marker.size
    return {name: unpacked(values) for name, values in arrays.items()}


@pytest.mark.parametrize(("total", "sizes"), URNS)
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("hard", [False, True])
def test_everything_drawn_is_a_number_and_frames_fit_their_traces(total, sizes, narrow, hard):
    drawn = figure(total, sizes, narrow=narrow, hard=hard)
    for trace in drawn.data:
        for name, values in numbers(trace).items():
            # None separates two outlines.
            kept = [v for v in values.ravel().tolist() if v is not None]
            assert np.isfinite(kept).all(), (trace.name, name)
    moving = drawn.frames[0].traces
    for frame in drawn.frames:
        assert frame.traces == moving
        assert len(frame.data) == len(moving)
        for index, change in zip(moving, frame.data, strict=True):
            base = numbers(drawn.data[index])
            for name, values in numbers(change).items():
                assert np.isfinite(values.astype(float)).all()
                assert values.shape == base[name].shape, "points can only glide to as many points"
    assert "NaN" not in drawn.to_json()


@pytest.mark.parametrize("start", range(T))
def test_the_first_picture_is_the_frame_that_the_slider_is_on(start):
    drawn = figure(9, (6, 7, 8), start=start)
    assert [frame.name for frame in drawn.frames] == [step.label for step in drawn.layout.sliders[0].steps] == LABELS
    assert drawn.layout.sliders[0].active == start
    changed = 0
    for index, change in zip(drawn.frames[start].traces, drawn.frames[start].data, strict=True):
        for name, values in numbers(change).items():
            np.testing.assert_array_equal(values, numbers(drawn.data[index])[name])
            changed += 1
    assert changed >= 7


def test_cooling_plays_every_frame_from_hot_to_cold_and_nothing_is_redrawn():
    play, pause = figure(9, (6, 7, 8)).layout.updatemenus[0].buttons
    names, options = play.args
    assert list(names) == LABELS[::-1]
    assert options["frame"]["redraw"] is False
    assert options["transition"]["duration"] <= options["frame"]["duration"], "a glide must end before the next begins"
    assert list(pause.args[0]) == [None]


@pytest.mark.parametrize("palette", [LIGHT, DARK, THEMED])
@pytest.mark.parametrize("narrow", [False, True])
def test_panels_do_not_overlap(palette, narrow):
    for total, sizes in URNS:
        layout = figure(total, sizes, palette, narrow=narrow).layout
        boxes = [(layout[f"xaxis{n}"].domain, layout[f"yaxis{n}"].domain) for n in ("", 2, 3)]
        for ((left, right), (bottom, top)), other in itertools.permutations(boxes, 2):
            assert 0 <= left < right <= 1
            assert 0 <= bottom < top <= 1
            disjoint = right <= other[0][0] or other[0][1] <= left or top <= other[1][0] or other[1][1] <= bottom
            assert disjoint


def test_areas_of_rings_are_probabilities_and_those_of_discs_are_shares():
    support, probabilities, _, samples = synthetic(9, (6, 7, 8))
    panel = simplex_panel(support, probabilities, samples, samples, LIGHT)
    discs, rings = panel.traces[1], panel.traces[3]
    assert rings["marker"]["sizemode"] == discs["marker"]["sizemode"] == "area"
    assert rings["marker"]["sizeref"] == discs["marker"]["sizeref"]
    np.testing.assert_allclose(rings["marker"]["size"], probabilities, rtol=1e-6)
    np.testing.assert_array_equal(discs["x"], rings["x"])
    coldest = panel.frames[0][0]["marker"]["size"]
    expected = (samples[0][:, None] == support).all(-1).mean(0)
    np.testing.assert_allclose(coldest, expected, rtol=1e-6)
    for frame in panel.frames:
        assert frame[0]["marker"]["size"].sum() == pytest.approx(1, rel=1e-6)


def test_dots_and_path_are_where_their_samples_are():
    support, probabilities, _, samples = synthetic(9, (6, 7, 8))
    panel = simplex_panel(support, probabilities, samples, samples, LIGHT, shown=11, follow=4)
    lowest, spread = support.min(0), 9.0 - support.min(0).sum()
    for number, frame in enumerate(panel.frames):
        places = barycentric(samples[number], lowest, spread)
        np.testing.assert_allclose(np.column_stack([frame[1]["x"], frame[1]["y"]]), places[:11], atol=1e-6)
        np.testing.assert_allclose([frame[2]["x"][0], frame[2]["y"][0]], places[4], atol=1e-6)
        np.testing.assert_allclose([panel.traces[4]["x"][number], panel.traces[4]["y"][number]], places[4], atol=1e-6)


def test_a_likely_corner_of_a_large_urn_fills_the_triangle():
    support = compositions(40, (40, 40, 40))
    probabilities = np.exp(-((support - [5, 30, 5]) ** 2).sum(1) / 8)
    probabilities /= probabilities.sum()
    samples = support[np.argsort(probabilities)[-50:]][None].astype(float)
    panel = simplex_panel(support, probabilities, samples, samples, LIGHT)
    rings = panel.traces[3]
    assert len(rings["x"]) < len(support) / 4
    assert rings["marker"]["size"].sum() > 0.999
    shown = np.array(rings["customdata"])[:, :3]
    assert (shown.min(0) > 0).any()
    assert panel.frames[0][0]["marker"]["size"].sum() == pytest.approx(1, rel=1e-6)
    assert np.abs(np.array([rings["x"], rings["y"]])).max() <= 1


def within(place: np.ndarray, corner: np.ndarray) -> bool:
    """Returns whether a point, shape ``(2,)``, lies in a triangle, shape ``(3, 2)``: on the same side of all its edges."""
    edges, towards = np.roll(corner, -1, 0) - corner, place - corner
    sides = edges[:, 0] * towards[:, 1] - edges[:, 1] * towards[:, 0]
    return bool((sides >= 0).all() or (sides <= 0).all())


def test_corners_that_no_sample_can_reach_are_shaded():
    """The reference is a fine grid: whether each place exceeds some group's greatest count."""
    for total, sizes in ((9, (6, 7, 8)), (24, (4, 10, 12)), (5, (5, 5, 5))):
        support = compositions(total, sizes)
        lowest, highest, spread = support.min(0), support.max(0), float(total - support.min(0).sum())
        shade = unreachable(lowest, highest, spread, LIGHT)
        places = np.array([shade["x"], shade["y"]], dtype=float).T
        corners = places.reshape(-1, 5, 2)
        assert len(corners) == (highest - lowest < spread).sum()
        grid = np.arange(0.1313, spread, 0.3717)  # no place of which lies on the edge of a corner
        inner = np.array([counts for counts in itertools.product(grid, repeat=2) if sum(counts) < spread])
        counts = lowest + np.column_stack([inner, spread - inner.sum(1)])
        inside = [any(within(place, corner[:3]) for corner in corners) for place in barycentric(counts, lowest, spread)]
        assert inside == (counts > highest + 1e-9).any(1).tolist()


def test_corners_of_the_triangle_hold_everything_of_one_group():
    corners = barycentric(5 * np.eye(3), np.zeros(3), 5)
    sides = np.linalg.norm(corners - np.roll(corners, 1, 0), axis=1)
    np.testing.assert_allclose(sides, 1)
    np.testing.assert_allclose(barycentric(np.array([1, 1, 1]), np.zeros(3), 3), corners.mean(0))


def test_nearest_counts_keep_the_sum_and_stay_within_one():
    rng = np.random.default_rng(3)
    samples = rng.dirichlet(np.ones(5), size=(4, 200)) * 17
    whole = nearest_counts(torch.tensor(samples)).numpy()
    assert whole.shape == samples.shape
    assert (whole.sum(-1) == 17).all()
    assert (whole >= 0).all()
    assert np.abs(whole - samples).max() < 1
    noisy = torch.tensor(whole + rng.normal(scale=1e-12, size=whole.shape))
    np.testing.assert_array_equal(nearest_counts(noisy).numpy(), whole)
    # No other whole vector with that sum and floors is nearer.
    floor = np.floor(samples)
    for sample, base, nearest in zip(samples[0], floor[0], whole[0], strict=True):
        up = int(17 - base.sum())
        best = min(
            np.abs(base + np.isin(np.arange(5), chosen) - sample).sum() for chosen in itertools.combinations(range(5), up)
        )
        assert np.abs(nearest - sample).sum() == pytest.approx(best)


def test_bars_and_outlines_of_marginals_have_one_scale():
    _, _, marginals, samples = synthetic(9, (6, 7, 8))
    panel = marginals_panel(marginals, samples, LIGHT, titles=["a", "b", "c"])
    bars, outlines, _ = panel.traces
    for group, base in enumerate((2.0, 1.0, 0.0)):
        mine = np.flatnonzero(bars["base"] == base)
        values = bars["x"][mine]
        scale = (1 - TITLE) / min(1.0, HEADROOM * marginals[group].max())
        shares = histogram_shares(samples[..., group], values.min(), values.max())
        for number, frame in enumerate(panel.frames):
            expected = np.minimum(shares[number] * scale, 1 - TITLE)
            np.testing.assert_allclose(frame[0]["y"][mine], expected, rtol=1e-5)
            np.testing.assert_allclose(frame[0]["customdata"][mine], 100 * shares[number], atol=1e-2)
        assert len(set(np.array(bars["marker"]["color"])[mine])) == 1
        xs, ys = np.array(outlines["x"], dtype=float), np.array(outlines["y"], dtype=float)
        for value, probability in zip(values, marginals[group][values], strict=True):
            flat = (xs > value - 0.6) & (xs < value + 0.6) & (ys >= base) & (ys <= base + 1)
            assert np.isclose(ys[flat] - base, scale * probability).sum() >= 2
    assert max(y for y in outlines["y"] if y is not None) < 3


def test_distances_of_zero_have_a_place_on_the_logarithmic_axis():
    panel = distance_panel(TEMPERATURES, np.zeros(T), 0.0, 0.0, LIGHT, title="Distance", number=S)
    low, high = panel.yaxis["range"]
    assert low < high
    for trace in panel.traces:
        drawn = np.log10(np.array(trace["y"], dtype=float))
        assert ((drawn >= low - 1e-9) & (drawn <= high + 1e-9)).all()


@pytest.mark.parametrize("distances", [np.geomspace(1e-3, 5, T), np.full(T, 0.041), np.geomspace(0.03, 0.08, T)])
def test_the_distance_axis_holds_everything_and_has_ticks(distances):
    panel = distance_panel(TEMPERATURES, distances, 0.04, 0.06, LIGHT, title="Distance", number=S)
    low, high = 10 ** np.array(panel.yaxis["range"])
    assert low < min(distances.min(), 0.04)
    assert high > max(distances.max(), 0.06)
    assert 1 <= len(panel.yaxis["tickvals"]) <= 6
    for temperature, distance, frame in zip(TEMPERATURES, distances, panel.frames, strict=True):
        assert frame[0]["x"][1] == temperature
        assert frame[0]["y"][1] == pytest.approx(distance)


def test_window_keeps_likely_counts_and_all_samples():
    cells = np.arange(10)[:, None]
    law = np.array([1e-9, 1e-6, 0.1, 0.3, 0.3, 0.2, 0.1, 1e-6, 1e-9, 1e-12])
    assert window(cells, law, np.array([[3.2], [4.0]])) == (np.array([2]), np.array([6]))
    assert window(cells, law, np.array([[0.7], [7.0]])) == (np.array([0]), np.array([7]))


def test_shares_count_every_sample_once():
    shares = cell_shares(np.array([[0, 1, 1, 3], [2, 2, 2, 2]]), 4)
    np.testing.assert_array_equal(shares, [[0.25, 0.5, 0, 0.25], [0, 0, 1, 0]])


def test_one_panel_alone_plays_too():
    support, probabilities, _, samples = synthetic(9, (6, 7, 8))
    for narrow in (False, True):
        panel = simplex_panel(support, probabilities, samples, samples, THEMED)
        drawn = single_figure(panel, THEMED, labels=LABELS, start=4, narrow=narrow)
        assert len(drawn.frames) == T
        assert drawn.layout.sliders[0].active == 4


def luminance(colour: str) -> float:
    """Returns the relative luminance of WCAG 2.2 of a colour ``#rrggbb``."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of WCAG 2.2 of two colours."""
    bright, dim = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_inks_stand_out_from_their_background(palette):
    assert contrast(palette.exact, palette.background) >= 7
    assert contrast(palette.text, palette.background) >= 7
    assert contrast(palette.muted, palette.background) >= 4.5
    assert contrast(palette.relaxed, palette.background) >= 3
    assert contrast(palette.follow, palette.background) >= 3


def test_the_theme_and_the_figures_share_colours():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    assert tuple(theme["chartCategoricalColors"]) == GROUP_COLOURS
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        assert theme[name]["backgroundColor"] == palette.background
        assert theme[name]["textColor"] == palette.text
        assert contrast(theme[name]["primaryColor"], palette.background) >= 3


def test_mixed_colours_are_colours_between_those_of_their_groups():
    rng = np.random.default_rng(1)
    mixed = blend(rng.random((50, 3)))
    channels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in mixed])
    pure = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in GROUP_COLOURS[:3]])
    assert (channels >= pure.min(0)).all()
    assert (channels <= pure.max(0)).all()
    assert blend(np.eye(3)) == list(GROUP_COLOURS[:3])


def test_a_figure_is_small_enough_to_travel_on_every_move_of_a_slider():
    drawn = figure(30, (20, 20, 20))
    assert len(json.dumps(drawn.to_plotly_json(), default=lambda a: a.tolist())) / T < 30_000


def test_a_figure_that_plotly_does_not_look_at_is_the_same_and_one_that_it_allows():
    panel = Panel([{"type": "bar", "x": np.arange(3), "y": np.ones(3)}], {}, {}, moving=[0], frames=[[{"y": np.ones(3)}]] * 2)
    sweep = Sweep(["a", "b"], 1, "at ", "Play", Box(0, 1, 0, 0.1))
    plain = arrange([panel], [Box(0, 1, 0.2, 1)], LIGHT, height=300, sweep=sweep)
    plain.add_meta(theme="dark")
    made = json.loads(plain.to_json())
    assert [frame["name"] for frame in made["frames"]] == ["a", "b"]
    assert made["layout"]["meta"] == {"theme": "dark"}
    allowed = json.loads(Figure(made).to_json())["layout"]
    del allowed["template"]
    assert allowed == {name: value for name, value in made["layout"].items() if value != []}
    assert "addFrames" in plain.to_html(include_plotlyjs=False)
