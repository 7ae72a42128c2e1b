"""The urn page's arrays, its figure as data, and its words."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from hypergeo.figures import LIGHT, ball_panel, heatmap_panel, observed_panel
from hypergeo.figures.counts.balls import ball_sizes
from hypergeo.figures.counts.observed import BLOCK, HEADROOM
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.urn.arrays import DRAWS, deviation_probability, draw_all, elements_of, exact_laws
from hypergeo.ui.urn.text import about_draws, about_laws, about_shares, about_weights, heat_note
from hypergeo.ui.urn.view import UrnSettings, urn_view
from tests.support.reference import RationalUrn, detectable_distance, g_test

URNS = [
    Urn(12, (10, 10, 10), (1.0, 2.0, 4.0)),
    Urn(8, (6, 9), (1.0, 5.0)),
    Urn(60, (20,) * 6, (0.01, 0.1, 1.0, 10.0, 100.0, 1.0)),
    Urn(10, (5, 5, 5), (0.0, 1.0, 2.0)),
    Urn(0, (4, 4), (1.0, 2.0)),
    Urn(9, (4, 0, 5), (1.0, 2.0, 3.0)),
    Urn(0, (0, 0), (1.0, 1.0)),
    Urn(1, (1, 1, 1), (1.0, 2.0, 4.0)),
]


# The arrays


@pytest.mark.parametrize("urn", URNS)
def test_both_laws_agree_with_the_core(urn):
    laws = exact_laws(urn)
    arguments = urn.total_count, list(urn.group_sizes), list(urn.weights)
    for law, core in ((laws.fisher, FisherHypergeometric(*arguments)), (laws.wallenius, WalleniusHypergeometric(*arguments))):
        np.testing.assert_allclose(law.mean, core.mean, atol=1e-10)
        np.testing.assert_allclose(law.covariance.diagonal(), core.variance, atol=1e-9)
        np.testing.assert_allclose(law.marginals.sum(1), 1, atol=1e-12)
    np.testing.assert_array_equal(laws.fisher.sensitivity, laws.fisher.covariance)


def test_distance_and_modes_are_those_of_the_whole_laws():
    urn = Urn(6, (4, 3, 5), (1.0, 2.0, 8.0))
    reference = RationalUrn(*vars(urn).values())
    fisher, wallenius = reference.law, reference.wallenius_law
    distance = sum(abs(fisher[x] - wallenius.get(x, 0)) for x in fisher) / 2
    laws = exact_laws(urn)
    assert laws.joint
    assert laws.distance == pytest.approx(float(distance), rel=1e-12)
    assert fisher[tuple(laws.fisher.mode.tolist())] == max(fisher.values())
    assert wallenius[tuple(laws.wallenius.mode.tolist())] == max(wallenius.values())


def test_large_urns_are_compared_by_their_marginals():
    laws = exact_laws(URNS[2])
    assert not laws.joint
    assert laws.wallenius.mode is None
    distance = np.abs(laws.fisher.marginals - laws.wallenius.marginals).sum(1).max() / 2
    assert laws.distance == pytest.approx(distance, rel=1e-9)
    assert "at least as large for all counts together" in about_laws(URNS[2], laws)


@pytest.mark.parametrize("name", ["Fisher", "Wallenius"])
def test_draws_follow_their_law(name):
    """G-tests of 20,000 samples at 1e-6 detect a total variation of 0.05; that of the other distribution is 0.15."""
    urn = URNS[0]
    counts = np.concatenate([draw_all(urn, name, seed).counts for seed in range(20)])
    reference = RationalUrn(*vars(urn).values())
    law, other = reference.law, reference.wallenius_law
    if name == "Wallenius":
        law, other = other, law
    assert g_test(counts, law) > 1e-6
    assert g_test(counts, other) < 1e-6
    assert detectable_distance(len(counts), len(law)) < 0.05


@pytest.mark.parametrize("urn", URNS)
@pytest.mark.parametrize("name", ["Fisher", "Wallenius"])
def test_the_balls_that_leave_are_those_that_were_drawn(urn, name):
    drawn, group = draw_all(urn, name, 5), np.repeat(np.arange(len(urn.group_sizes)), urn.group_sizes)
    assert len(drawn.counts) == DRAWS
    assert (drawn.counts.sum(1) == urn.total_count).all()
    assert (drawn.counts[:, np.array(urn.weights) == 0] == 0).all()
    for step in (1, 2, 77, DRAWS):
        elements = elements_of(drawn, urn, step, 5)
        assert len(set(elements.tolist())) == urn.total_count, "an element is drawn twice"
        counts = np.bincount(group[elements], minlength=len(urn.group_sizes))
        np.testing.assert_array_equal(counts, drawn.counts[step - 1])
        np.testing.assert_array_equal(elements, elements_of(drawn, urn, step, 5))
    assert len(elements_of(drawn, urn, 0, 5)) == 0


def test_one_by_one_the_important_go_first():
    """The first of Wallenius' elements is of a group with probability its share of all weight, within 4.9 deviations."""
    urn = URNS[0]
    drawn = draw_all(urn, "Wallenius", 3)
    shares = np.bincount(drawn.order[:, 0] // 10, minlength=3) / DRAWS
    expected = np.array([1, 2, 4]) / 7
    assert (np.abs(shares - expected) < 4.9 * np.sqrt(expected * (1 - expected) / DRAWS)).all()


def test_other_seeds_are_other_draws_and_the_same_seed_is_the_same():
    urn = URNS[0]
    for name in ("Fisher", "Wallenius"):
        first, other = draw_all(urn, name, 1), draw_all(urn, name, 2)
        assert (first.counts != other.counts).any()
        torch.manual_seed(999)
        np.testing.assert_array_equal(draw_all.__wrapped__(urn, name, 1).counts, first.counts)
    assert not np.array_equal(
        elements_of(draw_all(urn, "Fisher", 1), urn, 1, 1), elements_of(draw_all(urn, "Fisher", 1), urn, 2, 1)
    )


# The figure


def balls(sizes, out, weights=None, *, capacity=None, width=350.0, height=500.0):
    weights = [1.0] * len(sizes) if weights is None else weights
    capacity = len(out) if capacity is None else capacity
    return ball_panel(
        sizes, weights, np.array(out, dtype=int), LIGHT, capacity=capacity, title="", note="", width=width, height=height
    )


@pytest.mark.parametrize(
    ("sizes", "out"),
    [((10, 10, 10), range(5, 17)), ((1, 1), [1]), ((20,) * 6, range(60)), ((5, 0, 3), range(8)), ((3, 4), []), ((0, 0), [])],
)
@pytest.mark.parametrize("measures", [(350, 500), (340, 420)])
def test_balls_do_not_overlap_and_drawn_ones_are_out(sizes, out, measures):
    panel = balls(sizes, list(out), width=measures[0], height=measures[1])
    _, ghosts, drawn = panel.traces
    places = np.column_stack([drawn["x"], drawn["y"]])
    assert len(places) == sum(sizes)
    rim = max(panel.traces[0]["y"])
    inside = places[:, 1] < rim
    assert sorted(np.flatnonzero(~inside).tolist()) == sorted(out), "balls above the rim are those that were drawn"
    assert len(ghosts["x"]) == len(out)
    lain = np.column_stack([ghosts["x"], ghosts["y"]])
    everywhere = np.concatenate([places, lain.reshape(-1, 2)])
    cell = measures[0] / (panel.xaxis["range"][1] - panel.xaxis["range"][0])
    gaps = np.linalg.norm(everywhere[:, None] - everywhere, axis=-1) + 9 * np.eye(len(everywhere))
    radius = np.array([*drawn["marker"]["size"], *ghosts["marker"]["size"]]) / cell / 2
    assert (gaps >= radius[:, None] + radius).all()
    low, high = panel.yaxis["range"]
    assert (everywhere[:, 1] + radius <= high).all()
    assert (everywhere[:, 1] - radius >= low).all()


def test_balls_of_a_group_have_its_number_colour_and_size():
    panel = balls((2, 3), [0], [1.0, 32.0])
    drawn = panel.traces[2]
    assert drawn["text"] == ["1", "1", "2", "2", "2"]
    assert len(set(drawn["marker"]["line"]["color"][:2])) == 1
    assert drawn["marker"]["line"]["color"][0] != drawn["marker"]["line"]["color"][2]
    assert drawn["marker"]["size"][0] == pytest.approx(drawn["marker"]["size"][2] / 2, abs=0.1)
    assert (np.diff(ball_sizes([0.5, 1.0, 3.0, 8.0])) > 0).all()
    hollow = balls((1, 1), [], [0.0, 1.0]).traces[2]["marker"]["color"]
    assert hollow[0].endswith(",0)")
    assert not hollow[1].endswith(",0)")


def test_a_ball_stays_where_it_is_while_others_are_drawn():
    before, after = balls((6, 6), [0, 1, 2], capacity=3).traces[2], balls((6, 6), [3, 4, 5], capacity=3).traces[2]
    assert before["x"][6:] == after["x"][6:]
    assert before["y"][6:] == after["y"][6:]


def observed(step, *, sizes=(10, 10, 10), total=12):
    urn = Urn(total, sizes, (1.0, 2.0, 4.0)[: len(sizes)])
    view = urn_view(UrnSettings(urn, "Fisher", 0), step)
    panel = observed_panel(
        view.law.marginals,
        view.laws.wallenius.marginals,
        view.seen,
        step,
        LIGHT,
        names=("exact", "other"),
        titles=["one", "two", "three"][: len(sizes)],
        span=(view.drawn.counts.min(0), view.drawn.counts.max(0)),
        row_height=90,
    )
    return view, panel


@pytest.mark.parametrize("step", [0, 1, 7, BLOCK, 300, DRAWS])
def test_bars_are_shares_of_the_draws_on_the_scale_of_the_outlines(step):
    view, panel = observed(step)
    bars, outline = panel.traces[0], panel.traces[1]
    places, bases, heights = (np.asarray(bars[name]) for name in ("x", "base", "y"))
    for group in range(3):
        row = bases == 2 - group
        law = view.law.marginals[group][places[row]]
        heighest = np.array([y for y in outline["y"] if y is not None and 2 - group <= y < 3 - group]).max() - (2 - group)
        scale = heighest / law.max()
        shares = np.array([(view.counts[:, group] == x).sum() for x in places[row]]) / max(step, BLOCK)
        cut = min(1.0, HEADROOM * max(law.max(), view.laws.wallenius.marginals[group].max()))
        np.testing.assert_allclose(heights[row], scale * np.minimum(shares, cut), rtol=1e-4, atol=1e-9)
        assert sum(shares) == pytest.approx(step / max(step, BLOCK)), "some draws are not shown"
    assert (heights >= 0).all()
    assert (bases + heights <= bases + 1).all()


def test_each_of_the_first_draws_adds_one_block_to_every_row():
    heights = [np.asarray(observed(step)[1].traces[0]["y"]) for step in range(BLOCK)]
    for before, after in itertools.pairwise(heights):
        assert (after - before >= -1e-12).all()
        assert 0 < np.count_nonzero(after - before > 1e-12) <= 3


def test_the_axis_of_counts_never_moves_while_drawing():
    axes = {tuple(observed(step)[1].xaxis["range"]) for step in (0, 1, 50, DRAWS)}
    assert len(axes) == 1


def test_the_other_law_is_drawn_only_where_it_differs():
    assert observed(5)[1].traces[2]["x"]
    assert observed(5, sizes=(10, 10), total=0)[1].traces[2]["x"] == []
    assert min(observed(5, sizes=(10, 10), total=0)[1].xaxis["range"]) > -1, "there are no negative counts"


def test_the_heat_map_says_its_numbers_with_their_signs():
    matrix = np.array([[1.25, -0.25, -1.0], [-0.25, 0.25, 0.0], [-1.0, 1e-9, 0.00012]])
    panel = heatmap_panel(matrix, LIGHT, title="", note="")
    (trace,) = panel.traces
    assert trace["text"] == [["+1.25", "−0.25", "−1.00"], ["−0.25", "+0.25", "0"], ["−1.00", "0", "0"]]
    nonzero = np.array(trace["text"]) != "0"
    assert (np.sign(trace["z"]) == np.sign(matrix))[nonzero].all()
    assert trace["zmin"] == -trace["zmax"]
    assert np.abs(trace["z"]).max() == pytest.approx(trace["zmax"], abs=1e-3)
    assert panel.yaxis["range"][0] > panel.yaxis["range"][1], "the first row is at the top"


@pytest.mark.parametrize("urn", URNS)
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("step", [0, 1, 400])
def test_everything_drawn_is_a_number_that_plotly_knows(urn, narrow, step):
    # The page skips plotly's checks of the options' names and values, which are made here.
    figure = go.Figure(urn_view(UrnSettings(urn, "Wallenius", 1), step).figure(LIGHT, narrow=narrow).to_plotly_json())
    assert "NaN" not in figure.to_json()
    assert "Infinity" not in figure.to_json()
    layout = figure.layout
    boxes = [(layout[f"xaxis{n}"].domain, layout[f"yaxis{n}"].domain) for n in ("", 2, 3)]
    for first in range(3):
        for second in range(first):
            (l1, r1), (b1, t1) = boxes[first]
            (l2, r2), (b2, t2) = boxes[second]
            assert r1 <= l2 or r2 <= l1 or t1 <= b2 or t2 <= b1


# The words


def test_the_sentence_of_the_heat_map_is_its_greatest_gain():
    laws = exact_laws(URNS[0])
    covariance = FisherHypergeometric(12, [10, 10, 10], [1.0, 2.0, 4.0]).covariance_matrix.numpy()
    group, loser = int(covariance.diagonal().argmax()), int(covariance[covariance.diagonal().argmax()].argmin())
    gain = f"{0.01 * covariance[group, group]:.2g}"
    assert (group, loser, gain) == (2, 1, "0.016")
    assert heat_note(laws.fisher.sensitivity) == "w<sub>3</sub> + 1 %: group 3's mean + 0.016 balls, group 2's mean − 0.0091."
    sentence = about_weights(URNS[0], laws.fisher, "Fisher")
    assert "Raising w₃ by 1 % raises group 3's mean by **0.016 balls** and lowers group 2's by 0.0091." in sentence
    assert "1 % of group 3's variance, 1.61: for Fisher's distribution the heat map equals the covariance" in sentence


def test_under_wallenius_law_it_is_said_not_to_be_the_covariance():
    law = exact_laws(URNS[0]).wallenius
    sentence = about_weights(URNS[0], law, "Wallenius")
    match = re.search(r"derivative, ([\d.]+) per unit of log w, is \*\*not\*\* the variance, ([\d.]+)\.$", sentence)
    assert match is not None
    assert float(match[1]) == pytest.approx(law.sensitivity[2, 2], rel=5e-3)
    assert float(match[2]) == pytest.approx(law.covariance[2, 2], rel=5e-3)
    assert law.sensitivity[2, 2] > 1.2 * law.covariance[2, 2]
    one = exact_laws(Urn(1, (3, 4), (1.0, 2.0))).wallenius
    assert "not**" not in about_weights(Urn(1, (3, 4), (1.0, 2.0)), one, "Wallenius"), "one draw is the same under both laws"


def test_what_one_group_loses_alone_is_the_whole_gain():
    for urn in (Urn(8, (6, 9), (1.0, 5.0)), Urn(10, (8, 8, 8), (0.0, 1.0, 2.0))):
        law = exact_laws(urn).fisher
        gained, lost = re.findall(r"[+−] ([\d.]+\d)", heat_note(law.sensitivity).partition(":")[2])
        assert gained == lost
        assert f"**{gained} balls** and lowers group" in about_weights(urn, law, "Fisher")


@pytest.mark.parametrize("urn", [urn for urn in URNS if sum(urn.group_sizes) in (0, 9) or not urn.total_count])
def test_forced_counts_are_said_to_be(urn):
    laws = exact_laws(urn)
    assert "Only one outcome" in about_weights(urn, laws.fisher, "Fisher")
    assert "Only one outcome" in heat_note(laws.fisher.sensitivity)
    assert "the same" in about_laws(urn, laws)
    assert about_shares(urn, laws.fisher) == []
    assert "only one outcome" in about_draws(np.tile(laws.fisher.mean.astype(int), (5, 1)), laws.fisher, "Fisher")


def test_laws_that_are_the_same_are_said_to_be():
    for urn, why in (
        (Urn(5, (4, 5), (2.0, 2.0)), "all weights are equal"),
        (Urn(1, (4, 5), (2.0, 1.0)), "only one ball is drawn"),
    ):
        laws = exact_laws(urn)
        assert laws.distance == 0
        assert why in about_laws(urn, laws)
    assert "equally likely" in about_shares(Urn(5, (4, 5), (2.0, 2.0)), exact_laws(Urn(5, (4, 5), (2.0, 2.0))).fisher)[0]


def test_the_line_about_the_draws_says_what_is_far_off():
    law = exact_laws(URNS[0]).fisher
    near = np.tile(law.mode, (50, 1))
    far = np.tile([6, 4, 2], (50, 1))
    assert "within sampling error" in about_draws(near, law, "Fisher")
    off = about_draws(far, law, "Fisher")
    assert "within sampling error" not in off
    assert re.search(r"is \d+ standard errors \([\d.]+ each\)\. .* is below 1e-9\.$", off)
    assert about_draws(near[:0], law, "Fisher").startswith("No sample yet")


def test_the_probability_of_a_deviation_is_exact_for_one_sample():
    """The default's second sample differs by 2.1 standard errors: probability 0.050, by a normal approximation 0.034."""
    urn = URNS[0]
    law, reference = exact_laws(urn).fisher, RationalUrn(*vars(urn).values()).law
    mean = sum(x[2] * p for x, p in reference.items())
    for count in range(3, 10):
        expected = sum(p for x, p in reference.items() if abs(x[2] - mean) >= abs(count - mean))
        assert deviation_probability(law.marginals[2], 1, count) == pytest.approx(float(expected), abs=1e-13)
    sentence = about_draws(np.array([[5, 4, 3]]), law, "Fisher")
    assert "is 2.1 standard errors (" in sentence
    assert "The exact probability of a difference this large is 0.05." in sentence


@pytest.mark.parametrize("samples", [2, 7, 40])
def test_the_probability_of_a_deviation_is_exact_for_many_samples(samples):
    """References are sums over whole distributions in rational numbers."""
    urn = Urn(5, (4, 3, 6), (1.0, 2.0, 8.0))
    reference, marginal = RationalUrn(*vars(urn).values()).law, [Fraction(0)] * 7
    for counts, probability in reference.items():
        marginal[counts[2]] += probability
    sums = [Fraction(1)]
    for _ in range(samples):
        longer = [Fraction(0)] * (len(sums) + 6)
        for place, probability in enumerate(sums):
            for count, more in enumerate(marginal):
                longer[place + count] += probability * more
        sums = longer
    mean = samples * sum(count * probability for count, probability in enumerate(marginal))
    law = exact_laws(urn).fisher.marginals[2]
    for total in {0, samples, round(mean), round(mean) + 3, 5 * samples}:
        expected = sum(p for place, p in enumerate(sums) if abs(place - mean) >= abs(total - mean))
        assert deviation_probability(law, samples, total) == pytest.approx(float(expected), abs=1e-12)
