"""The modules behind the pages: state in the address, downloads, arrays; the core needs none of them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo.figures import LIGHT
from hypergeo.quality import noise_floor, wasserstein_distance
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn, draw, exact_law, exact_noise, one_thread, variation
from hypergeo.ui.convergence.view import ConvergenceSettings, convergence_view
from hypergeo.ui.limits import CONVERGENCE
from hypergeo.ui.page.downloads import samples_csv, standalone_html, with_query
from hypergeo.ui.page.urn_editor import WEIGHTS, urn_controls
from hypergeo.ui.state.controls import Choice, Switch, Whole
from hypergeo.ui.state.page_state import PageState

ROOT = Path(__file__).parents[2]
STATE = PageState(
    "conv",
    {
        **urn_controls([12, 12, 12], [1.0, 2.0, 4.0], 12, within=CONVERGENCE.urn),
        "tau": Choice(1.0, TEMPERATURES),
        "kind": Choice("soft", ["soft", "straight-through"]),
        "seed": Whole(0, 0, 9999),
    },
)
URN = Urn(9, (5, 6, 7), (1.0, 2.0, 4.0))


@pytest.mark.parametrize(
    ("name", "text", "taken"),
    [
        ("n", "-3", 0),
        ("n", "61", 60),
        ("n", "12.4", 12),
        ("n", "12.5", 13),
        ("n", "", 12),
        ("n", "nan", 12),
        ("n", "inf", 12),
        ("n", "twelve", 12),
        ("n", "1e1", 10),
        ("n", "012", 12),
        ("tau", "0", 0.01),
        ("tau", "-1", 0.01),
        ("tau", "1e9", 10.0),
        ("tau", "0.0101", 0.01),
        ("tau", "1.0", 1.0),
        ("w1", "1000", 100.0),
        ("w2", "x", 2.0),
        ("groups", "1", 2),
        ("groups", "7", 6),
        ("kind", "solid", "soft"),
        ("kind", "1", "soft"),
        ("seed", "123456", 9999),
    ],
)
def test_an_address_that_no_control_allows_is_mended(name, text, taken):
    assert STATE.corrections({f"conv_{name}": text}) == {name: (text, taken)}
    mended = STATE.controls[name].write(taken)
    assert STATE.corrections({f"conv_{name}": mended}) == {}
    assert STATE.controls[name].read(mended) == taken


def test_every_value_that_a_control_can_have_survives_the_address():
    for name, control in STATE.controls.items():
        if isinstance(control, Switch):
            values: Iterable[Any] = (True, False)
        else:
            values = range(control.low, control.high + 1) if isinstance(control, Whole) else control.options
        for value in values:
            query = parse_qs(STATE.query({name: value}))
            text = query[f"conv_{name}"][0]
            assert control.read(text) == value
            assert STATE.corrections({f"conv_{name}": text}) == {}


def test_other_parameters_are_left_alone():
    assert STATE.corrections({"conv_other": "x", "urn_n": "999", "n": "999"}) == {}


def test_scales_are_even_in_the_logarithm_and_say_what_they_are():
    between = {*np.arange(0.5, 10, 0.5).tolist(), *map(float, range(10, 20)), *map(float, range(20, 100, 10))}
    tenths = [weight for weight in WEIGHTS[1:] if weight in (float(f"{10 ** (step / 10):.2g}") for step in range(-20, 21))]
    assert between <= set(WEIGHTS), "halves to 10, whole numbers to 20, and tens"
    assert set(WEIGHTS) == {0.0, *tenths} | between
    assert len(tenths) == 41
    assert list(WEIGHTS) == sorted(WEIGHTS)
    for scale in (TEMPERATURES, tenths):
        steps = np.diff(np.log10(scale))
        np.testing.assert_allclose(steps, steps.mean(), atol=0.02)
    for scale in (TEMPERATURES, WEIGHTS[1:]):
        assert all(float(f"{value:g}") == value for value in scale)
        assert len({f"{value:g}" for value in scale}) == len(scale)
    assert (TEMPERATURES[0], TEMPERATURES[-1], len(TEMPERATURES)) == (0.01, 10.0, 25)
    assert WEIGHTS[:2] == (0.0, 0.01)
    assert WEIGHTS[-1] == 100.0


def test_a_link_has_the_state_in_place_of_the_old_one():
    link = with_query("http://127.0.0.1:1234/convergence?conv_n=3&embed=true#x", STATE.query({"n": 5, "tau": 0.13}))
    parts = urlsplit(link)
    assert (parts.netloc, parts.path, parts.fragment) == ("127.0.0.1:1234", "/convergence", "")
    assert parse_qs(parts.query) == {"conv_n": ["5"], "conv_tau": ["0.13"]}


def test_the_number_of_threads_is_put_back():
    threads = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_samples_at_every_temperature_share_their_noise(conditionals):
    samples = draw(URN, 400, 3, conditionals)
    assert samples.soft.shape == (25, 400, 3)
    assert np.abs(samples.soft.sum(-1) - 9).max() < 1e-9
    np.testing.assert_array_equal(samples.hard, np.rint(samples.hard))
    gaps = np.abs(samples.soft - samples.hard).mean((1, 2))
    assert gaps[0] < 0.03
    assert (np.diff(gaps) > 0).all(), "colder samples are nearer to the whole counts that they end at"
    # From one temperature to the next a single sample can be followed.
    assert np.quantile(np.abs(np.diff(samples.soft, axis=0)), 0.99) < 1
    noise = URN.relaxed(0.13, conditionals, False).sample_noise((400,), generator=torch.Generator().manual_seed(3))
    for temperature in (0.01, 0.13, 10.0):
        again = URN.relaxed(temperature, conditionals, False).rsample((400,), noise=noise).numpy()
        np.testing.assert_allclose(samples.soft[TEMPERATURES.index(temperature)], again, atol=1e-12)
        whole = URN.relaxed(temperature, conditionals, True).rsample((400,), noise=noise).numpy()
        np.testing.assert_array_equal(samples.hard, whole)
    distances = [wasserstein_distance(torch.from_numpy(soft), URN.law()).item() for soft in samples.soft]
    np.testing.assert_allclose(samples.soft_distances, distances, rtol=1e-12)


def test_forward_gives_what_a_model_would_be_given():
    samples = draw(URN, 100, 0, "exact")
    soft, distances = samples.forward(False)
    assert soft is samples.soft
    assert distances is samples.soft_distances
    hard, distances = samples.forward(True)
    assert hard.shape == soft.shape
    assert (hard == samples.hard).all()
    assert (distances == samples.hard_distance).all()


@pytest.mark.parametrize(
    "urn",
    [
        URN,
        Urn(7, (4, 9), (1.0, 0.3)),
        Urn(10, (4, 3, 2, 6), (1.0, 5.0, 0.0, 2.0)),
        Urn(8, (2, 3, 0, 4, 5, 2), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
        Urn(9, (4, 5), (1.0, 2.0)),
    ],
)
def test_the_exact_law_is_that_of_enumeration(urn):
    law = urn.law()
    support = law.enumerate_support()
    probabilities = law.log_prob(support).exp().numpy()
    exact = exact_law(urn)
    wanted: dict[tuple[int, ...], float] = {}
    for vector, probability in zip(support[:, : exact.cells.shape[1]].int().tolist(), probabilities, strict=True):
        wanted[tuple(vector)] = wanted.get(tuple(vector), 0.0) + probability
    wanted = {vector: probability for vector, probability in wanted.items() if probability > 0}
    assert dict(zip(map(tuple, exact.cells.tolist()), exact.probabilities, strict=True)) == pytest.approx(wanted, rel=1e-11)
    np.testing.assert_allclose(exact.mean, probabilities @ support.numpy(), rtol=1e-11)
    second = probabilities @ support.numpy() ** 2
    np.testing.assert_allclose(exact.deviation**2, second - exact.mean**2, atol=1e-10)
    np.testing.assert_allclose(exact.marginals.sum(1), 1, rtol=1e-12)


def test_noise_of_exact_samples_is_that_of_the_core():
    floor = exact_noise(URN, 300, 11)
    expected = noise_floor(URN.law(), 300, generator=torch.Generator().manual_seed(11))
    assert floor == (expected.mean.item(), expected.quantile.item())


def settings(urn: Urn, **more) -> ConvergenceSettings:
    base = {"temperature": 12, "number": 500, "seed": 0, "follow": 7, "straight_through": False, "conditionals": "exact"}
    return ConvergenceSettings(urn=urn, **{**base, **more})


def test_what_is_said_is_what_is_computed():
    view = convergence_view(settings(Urn(12, (12, 12, 12), (1.0, 2.0, 4.0)), temperature=16))
    distance, (_, spread, conditionals) = view.live(), view.sentences()
    assert f"{view.distance:.2g} counts" in distance
    assert f"{view.distance / view.floor.mean:.2g} times** that of 500 exact samples" in distance
    assert "The standard deviation is" in spread
    assert f"**{view.variation.merged:.2g}** with the published approximation" in conditionals
    end = re.search(r"reaches \*\*\((\d+), (\d+), (\d+)\)", view.sentences()[0])
    assert end is not None
    assert [int(count) for count in end.groups()] == view.samples.hard[7].tolist()
    cold = convergence_view(settings(Urn(12, (12, 12, 12), (1.0, 2.0, 4.0)), temperature=0, number=2000))
    assert "within sampling error" in cold.live()
    assert "are **right**" in cold.sentences()[1]
    assert "within sampling error" in cold.alt()


@pytest.mark.parametrize("sizes", [(12, 12, 12), (12, 12, 12, 12)])
def test_whole_samples_of_both_rules_are_measured_against_the_law(sizes):
    """References are sums over the enumerated distribution, vector by vector or count by count."""
    urn = Urn(18, sizes, (1.0, 10.0, 1.0, 1.0)[: len(sizes)])
    result = variation(urn, 2000, 4)
    law = urn.law()
    for conditionals, distance in (("exact", result.exact), ("merged", result.merged)):
        samples = draw(urn, 2000, 4, conditionals).hard
        if result.joint:
            cells, counts = np.unique(samples, axis=0, return_counts=True)
            frequency = {tuple(cell): count / 2000 for cell, count in zip(cells.tolist(), counts.tolist(), strict=True)}
            support = law.enumerate_support()
            exact = zip(support.tolist(), law.log_prob(support).exp().tolist(), strict=True)
            expected = 0.5 * sum(abs(frequency.get(tuple(cell), 0) - probability) for cell, probability in exact)
        else:
            marginals = law.marginal_log_prob().exp().numpy()
            expected = max(
                0.5 * np.abs(np.bincount(samples[:, group].astype(int), minlength=13) / 2000 - marginals[group]).sum()
                for group in range(len(sizes))
            )
        assert distance == pytest.approx(expected, abs=1e-12)
    assert result.joint is (len(sizes) == 3)
    assert result.merged > 3 * result.exact, "the approximation's error is far above sampling error at these weights"
    assert result.p_value < 1e-6
    assert variation(Urn(18, sizes, (1.0,) * len(sizes)), 2000, 4).p_value > 0.01, "both are exact at equal weights"


def test_the_merged_rule_is_called_another_law_only_where_it_is_one():
    for weights, exact in (((1.0, 10.0, 1.0), False), ((10.0, 1.0, 1.0), True), ((1.0, 1.0, 1.0), True)):
        view = convergence_view(settings(Urn(18, (12, 12, 12), weights), temperature=0, conditionals="merged"))
        assert view.merged_is_exact is exact
        assert ("different distribution" in view.live()) is not exact


@pytest.mark.parametrize(
    "urn", [Urn(0, (3, 3, 3), (1.0, 1.0, 1.0)), Urn(9, (3, 3, 3), (1.0, 2.0, 3.0)), Urn(5, (0, 5), (1.0, 1.0))]
)
def test_forced_urns_have_a_picture_and_words(urn):
    view = convergence_view(settings(urn))
    assert "Only one outcome" in view.sentences()[1]
    assert view.within_noise
    assert view.alt()
    assert "NaN" not in view.figure(LIGHT).to_json()


def test_an_urn_that_cannot_be_drawn_from_is_refused_in_the_cores_words():
    with pytest.raises(ValueError, match=r"total_count must be at most sum\(group_sizes\) = 9; got 10"):
        convergence_view(settings(Urn(10, (3, 3, 3), (1.0, 2.0, 3.0))))
    with pytest.raises(ValueError, match="weight is above zero"):
        convergence_view(settings(Urn(7, (3, 3, 3), (0.0, 2.0, 3.0))))


def test_downloaded_samples_are_those_on_the_page():
    view = convergence_view(settings(URN, number=100, straight_through=True))
    samples, kind = view.export()
    table = np.genfromtxt(
        io.BytesIO(samples_csv(TEMPERATURES, samples, kind)), delimiter=",", names=True, dtype=None, encoding=None
    )
    assert table.dtype.names == ("temperature", "kind", "sample", "group_1", "group_2", "group_3")
    assert len(table) == 25 * 100
    assert set(table["kind"]) == {"straight-through"}
    for group in range(3):
        np.testing.assert_array_equal(table[f"group_{group + 1}"].reshape(25, 100), samples[..., group])
    np.testing.assert_array_equal(table["temperature"].reshape(25, 100)[:, 0], TEMPERATURES)


def test_the_table_holds_means_and_deviations():
    view = convergence_view(settings(URN))
    table = view.table()
    assert {len(column) for column in table.values()} == {3}
    assert sum(table["exact mean"]) == pytest.approx(9)
    assert sum(table["mean of samples"]) == pytest.approx(9)
    law = FisherHypergeometric(9, [5, 6, 7], [1.0, 2.0, 4.0])
    assert table["exact standard deviation"] == pytest.approx(law.variance.sqrt().tolist())


def test_the_downloaded_figure_asks_for_nothing():
    document = standalone_html(convergence_view(settings(URN, number=100)).figure(LIGHT, frames=True), "A title")
    assert "<title>A title</title>" in document
    body = re.sub(r"<script[^>]*>.*?</script>", "", document, flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=", body)
    assert not re.search(r"<script[^>]+src\s*=", document)
    assert "Plotly.addFrames" in document
    assert "Plotly.animate(" not in document.rsplit("Plotly.newPlot", 1)[1], "it starts by itself"
