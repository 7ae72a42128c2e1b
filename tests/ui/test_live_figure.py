"""Pictures of a film: drawn into the figure of the page, they are the figure of their step."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import pytest

from hypergeo.figures import STREAMLIT
from hypergeo.ui.clusters.data import clouds
from hypergeo.ui.clusters.run import ClusterRun
from hypergeo.ui.clusters.settings import Settings
from hypergeo.ui.clusters.view import ClusterView
from hypergeo.ui.component.live_figure import Film, playable


def told(figure: go.Figure) -> dict[str, Any]:
    return json.loads(figure.to_json(validate=False))


def drawn_into(plot: dict[str, Any], drawing: str) -> dict[str, Any]:
    """What the browser's script makes of the page's figure."""
    part = json.loads(drawing)
    traces = part["data"] if part["whole"] else [{**old, **new} for old, new in zip(plot["data"], part["data"], strict=True)]
    return {"data": traces, "layout": {**plot["layout"], **part["layout"]}}


def same(plot: dict[str, Any], figure: dict[str, Any]) -> None:
    """Absent and null are one to plotly."""
    for drawn, expected in zip(plot["data"], figure["data"], strict=True):
        assert {name: value for name, value in drawn.items() if value is not None} == expected
    for name, value in figure["layout"].items():
        if name not in {"template", "meta", "updatemenus"}:
            assert plot["layout"][name] == value, name


@pytest.fixture(scope="module")
def run() -> ClusterRun:
    return ClusterRun(clouds("steep", 3, 60, 4.0, 0), 3, 0)


def test_pictures_drawn_into_the_page_s_figure_are_the_figures_of_their_steps(run):
    def draw(step: int) -> tuple[go.Figure, str]:
        view = ClusterView(run.data, run.at("hypergeometric", step, Settings()), {}, step, Settings())
        return view.figure(STREAMLIT), view.live()

    film = Film("figure", "words", 0, draw)
    plot = told(playable(draw(0)[0]))
    whole = len(json.dumps(told(draw(6)[0])))
    for step in (1, 2, 6, 3, 0):
        picture = film.picture(step)
        assert picture["step"] == step
        assert picture["words"] == draw(step)[1]
        assert len(picture["drawing"]) < whole
        same(drawn_into(plot, picture["drawing"]), told(draw(step)[0]))


def test_a_figure_of_other_traces_is_sent_whole():
    def draw(step: int) -> tuple[go.Figure, str]:
        traces = [go.Scatter(y=[step, 1], name="a")] + [go.Bar(y=[step])] * (step > 1)
        return go.Figure(traces), f"**{step}**"

    film = Film("figure", "words", 1, draw)
    plot = told(draw(1)[0])
    for step in (3, 1, 2):
        same(drawn_into(plot, film.picture(step)["drawing"]), told(draw(step)[0]))


def test_what_a_step_lacks_is_taken_away():
    def draw(step: int) -> tuple[go.Figure, str]:
        return go.Figure(go.Scatter(y=[1, 2], text=None if step % 2 else ["a", "b"])), ""

    film = Film("figure", "words", 0, draw)
    plot = told(draw(0)[0])
    assert drawn_into(plot, film.picture(1)["drawing"])["data"][0]["text"] is None
    assert drawn_into(plot, film.picture(2)["drawing"])["data"][0]["text"] == ["a", "b"]


def test_inks_are_the_browser_s():
    figure = playable(go.Figure())
    meta = figure.layout.meta
    assert ["".join(parts) for parts in meta["placeholders"]] == meta["inks"]
    assert {STREAMLIT.text, STREAMLIT.grid} == set(meta["inks"]), "every placeholder of the palette is replaced"
    assert not any(ink in json.dumps(meta["placeholders"]) for ink in meta["inks"])
