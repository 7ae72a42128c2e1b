"""Numbers, sentences and figure of the page on one sample, against the library."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch

from hypergeo.figures import DARK, LIGHT, THEMED
from hypergeo.figures.counts.plane import Plane
from hypergeo.figures.one_sample.cloud import segment
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn
from hypergeo.ui.limits import ONE_SAMPLE
from hypergeo.ui.one_sample.arrays import CONDITIONALS, NOISE_SEED, open_sample
from hypergeo.ui.one_sample.view import OneSampleSettings, OneSampleView, last_step, one_sample_view, whole_sample

URNS = [
    Urn(10, (8, 8, 8), (1.0, 2.0, 4.0)),
    Urn(6, (4, 5), (1.0, 3.0)),
    Urn(12, (6, 3, 0, 4, 5, 6), (1.0, 2.0, 4.0, 0.0, 3.2, 0.5)),
]


def view(urn: Urn, step: int, kind: str = "in turn", straight: bool = False, target: int = 0) -> OneSampleView:
    return one_sample_view(OneSampleSettings(urn, 0.56, kind, straight, 34, target), step)


@pytest.mark.parametrize("straight", [False, True])
@pytest.mark.parametrize("kind", CONDITIONALS)
@pytest.mark.parametrize("urn", URNS)
def test_all_numbers_are_those_of_the_sampler_and_of_autograd(urn, kind, straight):
    opened = open_sample(urn, 0.56, CONDITIONALS[kind], straight, 34)
    logs = torch.tensor(urn.weights, dtype=torch.float64).log().requires_grad_()
    law = type(urn.relaxed(0.56, "exact", False))(
        0.56,
        urn.total_count,
        list(urn.group_sizes),
        log_weights=logs,
        straight_through=straight,
        conditionals=CONDITIONALS[kind],
    )
    noise = law.sample_noise((ONE_SAMPLE.samples,), generator=torch.Generator().manual_seed(NOISE_SEED))
    counts = law.rsample(noise=noise[33])
    jacobian = torch.stack([torch.autograd.grad(count, logs, retain_graph=True)[0] for count in counts])
    np.testing.assert_allclose(opened.counts, counts.detach(), atol=1e-9)
    np.testing.assert_allclose(opened.jacobian, jacobian, atol=1e-8)
    np.testing.assert_allclose(opened.soft if not straight else opened.hard, counts.detach(), atol=1e-9)
    np.testing.assert_allclose(opened.others[33], opened.soft, atol=1e-9)
    for index in (0, 12, 24):
        again = urn.relaxed(TEMPERATURES[index], CONDITIONALS[kind], False).rsample(noise=noise[33])
        np.testing.assert_allclose(opened.path[index], again, atol=1e-9)


def test_exact_and_merged_conditionals_are_told_apart_by_their_total_variation():
    urn = Urn(10, (8, 4, 8), (1.0, 10.0, 1.0))
    first = view(urn, 0, "merged").opened.splits[0]
    pair = Urn(10, (8, 12), (1.0, 4.0)).law()
    merged = pair.marginal_log_prob()[0].exp().numpy()[first.candidates]
    exact = urn.law().marginal_log_prob()[0].exp().numpy()[first.candidates]
    assert first.difference == pytest.approx(np.abs(merged - exact).sum() / 2, abs=1e-8)
    np.testing.assert_allclose(np.exp(first.used), merged, atol=1e-8)
    np.testing.assert_allclose(np.exp(first.exact), exact, atol=1e-10)
    assert f"{first.difference:.2g}" in view(urn, 0, "merged").sentences()[2]
    assert "are exact here" in view(Urn(10, (8, 4, 8), (3.0, 1.0, 1.0)), 0, "merged").sentences()[2]
    assert view(urn, 0, "tree").opened.splits[0].difference is None


@pytest.mark.parametrize("urn", URNS)
def test_sentences_say_what_the_splits_hold(urn):
    groups = len(urn.group_sizes)
    for step in range(whole_sample(groups)):
        shown = view(urn, step)
        split = shown.opened.splits[step // 4]
        words = shown.live()
        if step % 4 == 0:
            assert f"**{split.candidates[split.used.argmax()]}**" in words
        elif step % 4 == 1:
            assert f"**{split.hard}**" in words
        elif step % 4 == 2:
            assert "τ = 0.56" in words
        else:
            assert f"**{split.soft:.2f}**" in words
            assert f"**{split.hard}**" in words
        straight = view(urn, step, straight=True)
        words, split = straight.live(), straight.opened.splits[step // 4]
        if step % 4 > 1:
            assert "for the gradient only" in words
            assert f"**{split.hard if step % 4 == 2 else round(split.taken)}**" in words
    whole = view(urn, whole_sample(groups))
    numbers = [float(text) for text in re.findall(r"[\d.]+", whole.live().split("**")[3])]
    assert numbers == pytest.approx(whole.opened.counts.tolist(), abs=0.006)
    last = view(urn, last_step(groups), target=1)
    row = re.findall(r"\*\*\(([^)]*)\)\*\*", last.live())[0].replace("−", "-").split(", ")
    assert [float(text) for text in row] == pytest.approx(last.opened.jacobian[1].tolist(), abs=0.0051)


@pytest.mark.parametrize(("narrow", "palette"), [(False, THEMED), (True, LIGHT), (False, DARK)])
@pytest.mark.parametrize("kind", ["in turn", "tree"])
@pytest.mark.parametrize("urn", [*URNS, Urn(0, (3, 3, 3), (1.0, 1.0, 1.0)), Urn(9, (3, 3, 3), (1.0, 2.0, 3.0))])
def test_figures_of_all_steps_have_the_same_traces_and_no_hole(urn, kind, narrow, palette):
    kinds, last = set(), last_step(len(urn.group_sizes))
    for step in sorted({0, 1, 2, 3, last // 2, whole_sample(len(urn.group_sizes)), last}):
        drawn = view(urn, step, kind).figure(palette, narrow=narrow)
        kinds.add(tuple(trace.type for trace in drawn.data))
        assert "NaN" not in drawn.to_json(validate=False)
    assert len(kinds) == 1, "a film needs the same traces in the same order"
    layout = drawn.layout
    boxes = [(layout[f"xaxis{n}"].domain, layout[f"yaxis{n}"].domain) for n in ("", 2, 3, 4)]
    for ((left, right), (bottom, top)), other in itertools.permutations(boxes, 2):
        assert right > left
        assert top > bottom
        assert right <= other[0][0] or other[0][1] <= left or top <= other[1][0] or other[1][1] <= bottom


def test_heights_of_bars_are_the_splits_numbers():
    """Softmax bars in the fourth column: heights in the proportion of the weights."""
    shown = view(URNS[0], 8)
    bars = shown.figure(LIGHT).to_plotly_json()["data"][2]
    texts = [text for text in bars["hovertext"] if "softmax" in text]
    weights = np.concatenate([split.weights for split in shown.opened.splits])
    assert [float(text.split()[-1]) for text in texts] == pytest.approx(weights.tolist(), abs=6e-5)
    heights = np.array([y for y, text in zip(bars["y"], bars["hovertext"], strict=True) if "softmax" in text])
    np.testing.assert_allclose(heights / heights.sum() * 2, weights, atol=2e-3)


def test_the_line_of_the_first_split_holds_the_sample():
    plane = Plane.of(10, (8, 8, 8))
    opened = view(URNS[0], 8).opened
    ends = segment(0, opened.soft[0], plane)
    assert ends.sum(1) == pytest.approx([10, 10])
    at, (start, end) = plane.place(opened.soft), plane.place(ends)
    along = end - start
    across = (at - start)[0] * along[1] - (at - start)[1] * along[0]
    assert abs(across) < 1e-9
    assert 0 <= (at - start) @ along <= along @ along
