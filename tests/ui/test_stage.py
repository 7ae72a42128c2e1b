"""Messages of the stage: a film drawn into the figure of the page gives the figure of each step; state, address, commits."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

import hypergeo.ui.component.stage as stage_module
from hypergeo.figures import DARK, LIGHT, THEMED
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.words import thin
from hypergeo.ui.clusters.data import clouds, cluster_sizes
from hypergeo.ui.clusters.run import ClusterRun
from hypergeo.ui.clusters.settings import PriorSettings
from hypergeo.ui.clusters.view import ClusterView
from hypergeo.ui.component.assets import asset_address
from hypergeo.ui.component.pictures import INKS, SentPicture, figure_json
from hypergeo.ui.server import HEADERS, middleware, routes
from tests.support.app.pages import go as browse
from tests.support.app.pages import link, page, stage

COMPONENT = Path(stage_module.__file__).parent


class Drawn:
    """A view with a fixed figure and sentence.

    Args:
        figure: figure of the view.
        words: sentence of the view.
    """

    def __init__(self, figure: PlainFigure, words: str = "said"):
        self._figure, self._words = figure, words

    def figure(self, palette: Any, *, narrow: bool = False) -> PlainFigure:
        return self._figure

    def alt(self) -> str:
        return f"alt of {self._words}"

    def live(self) -> str:
        return self._words


def told(view: Any) -> dict[str, Any]:
    return json.loads(figure_json(view))


def film(base: Any, views: dict[int, Any]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Returns the figure that a browser has, and the pictures that are sent to it, by step."""
    whole = SentPicture.draw(base, 0)
    sent = {step: json.loads(json.dumps(whole.difference(view, step))) for step, view in views.items()}
    return json.loads(whole.text), sent


def drawn_into(base: dict[str, Any], picture: dict[str, Any]) -> dict[str, Any]:
    """Returns the figure that ``stage.js`` makes of a figure and a picture."""
    if "traces" not in picture:
        return {"data": picture["data"], "layout": {**base["layout"], **picture["layout"]}}
    traces = [{**old, **new} for old, new in zip(base["data"], picture["traces"], strict=True)]
    return {"data": traces, "layout": {**base["layout"], **picture["layout"]}}


def same(drawn: dict[str, Any], figure: dict[str, Any]) -> None:
    """Asserts that two figures are the same; absent and null are the same to plotly."""
    for trace, expected in zip(drawn["data"], figure["data"], strict=True):
        assert {name: value for name, value in trace.items() if value is not None} == expected
    layouts = ({name: value for name, value in each["layout"].items() if value is not None} for each in (drawn, figure))
    assert next(layouts) == next(layouts)


def test_pictures_drawn_into_the_page_s_figure_are_the_figures_of_their_steps():
    run = ClusterRun(clouds(cluster_sizes("steep", 3, 60), 4.0, 0), 3, 0)

    def view(step: int) -> ClusterView:
        return ClusterView(run.data, run.at("hypergeometric", step, PriorSettings()), {}, step, PriorSettings())

    base, sent = film(view(0), {step: view(step) for step in (1, 2, 6, 3, 0)})
    whole = len(json.dumps(told(view(6))))
    for step, picture in sent.items():
        assert picture["position"] == step
        assert picture["sentence"] == thin(view(step).live())
        assert len(json.dumps(picture)) < whole
        same(drawn_into(base, picture), told(view(step)))


def test_a_figure_of_other_traces_is_sent_whole():
    def view(step: int) -> Drawn:
        traces = [{"type": "scatter", "y": [step, 1]}] + [{"type": "bar", "y": [step]}] * (step > 1)
        return Drawn(PlainFigure(traces, {}), f"**{step}**")

    base, sent = film(view(1), {step: view(step) for step in (3, 1, 2)})
    assert "traces" in sent[1]
    assert "traces" not in sent[3]
    for step, picture in sent.items():
        same(drawn_into(base, picture), told(view(step)))


def test_what_a_step_lacks_is_taken_away():
    def view(step: int) -> Drawn:
        return Drawn(PlainFigure([{"type": "scatter", "y": [1, 2], **({} if step % 2 else {"text": ["a", "b"]})}], {}))

    base, sent = film(view(0), {1: view(1), 2: view(2)})
    assert drawn_into(base, sent[1])["data"][0]["text"] is None
    assert drawn_into(base, sent[2])["data"][0]["text"] == ["a", "b"]


def test_steps_of_a_film_end_where_they_were_asked_to():
    assert stage_module._steps(12, 6, 2) == [8, 10, 12]
    assert stage_module._steps(12, 6, 5) == [7, 12]
    assert stage_module._steps(6, 6, 1) == []
    assert len(stage_module._steps(500, 0, 1)) == stage_module._MOST


def test_every_colour_of_the_palette_has_its_light_and_dark_one():
    assert INKS[THEMED.exact] == (LIGHT.exact, DARK.exact)
    assert INKS["rgba(1,227,5,"] == ("rgba(76,120,168,", "rgba(127,166,214,")
    pattern = re.compile(r"#01E30\d|rgba\(1,227,\d,")
    assert pattern.pattern in (COMPONENT / "stage.js").read_text()
    assert all(pattern.fullmatch(ink) for ink in INKS)


@pytest.mark.parametrize("name", ["convergence", "urn", "gradients"])
def test_no_colour_of_one_theme_reaches_the_browser(name):
    """A film in the colours of another theme would be invisible on a dark page."""
    message = json.dumps(stage(page(name)))
    for palette in (LIGHT, DARK):
        for ink in (palette.exact, palette.muted, palette.grid):
            assert ink not in message


def test_one_button_is_one_change_of_the_address_and_back_restores_all():
    app = page("urn", urn_seed="3")
    before = link(app)
    app.button(key="_urn_preset_7").click().run()
    six = link(app)
    assert six["urn_groups"] == "6"
    assert "urn_seed" in app.query_params
    address = {key: value[0] if isinstance(value, list) else value for key, value in app.query_params.items()}
    browse(app, urn_n="5")
    browse(app, **address)
    assert link(app) == six
    browse(app, urn_seed="3")
    assert link(app) == before


def answer_to(path: str) -> tuple[int, dict[str, str]]:
    """Returns the status and the headers of the response of the server's routes."""
    started: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            started.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": [], "query_string": b""}
    answer = Starlette(routes=routes(), middleware=middleware())(scope, receive, send)
    with ThreadPoolExecutor(1) as thread:  # a browser's driver may have a loop running in this one
        thread.submit(asyncio.run, answer).result()
    headers = {name.decode(): value.decode() for name, value in started[0]["headers"]}
    return started[0]["status"], headers


def test_files_of_the_components_are_served_for_good_and_nothing_else():
    for route, name in (("/live", "stage.js"), ("/live", "components.css"), ("/plotlyjs", "plotly.min.js")):
        status, headers = answer_to(asset_address(route, name))
        assert status == 200
        assert "immutable" in headers["cache-control"]
        assert headers["content-security-policy"] == HEADERS["content-security-policy"]
    for path in ("/live/x/stage.py", "/live/x/../assets.py", "/live/x/", "/live/x/../../style.css", "/plotlyjs/x/a.json"):
        status, headers = answer_to(path)
        assert status == 404, path
        assert headers["x-content-type-options"] == "nosniff"


def test_the_policy_allows_nothing_from_elsewhere():
    sources = HEADERS["content-security-policy"].replace(";", " ").split()
    assert not [source for source in sources if "//" in source or source in ("*", "https:", "http:", "'unsafe-eval'")]
    (scripts,) = [part for part in HEADERS["content-security-policy"].split("; ") if part.startswith("script-src")]
    assert "'unsafe-inline'" not in scripts


def asked_on_the_way() -> None:
    """Shows a page whose browser requests step 7 with the epoch that it knows, after a preset has set step 30."""
    from types import SimpleNamespace

    import streamlit as st

    from hypergeo.ui.component import stage as stage_module
    from hypergeo.ui.component.handles import DragPoint
    from hypergeo.ui.component.playback import Playback, playback_controls
    from hypergeo.ui.state.controls import Whole
    from hypergeo.ui.state.page_state import PageState

    state = PageState("p", {"n": Whole(5, 0, 9), **playback_controls(60)})
    state.start()
    epoch = state.epoch
    if st.session_state.get("preset"):
        state.set({"step": 30})
    message = {"to": 7, "serial": 1, "epoch": epoch, "playing": True, "speed": "slow", **st.session_state.get("more", {})}
    st.session_state["asked"] = SimpleNamespace(move=message)
    point = DragPoint("n", "", ("x", "y"), (5, 0), (1, 0), (0, 0), lambda x, _: {"n": round(x)})
    stage_module._moved(state, Playback(length=60), [point], "asked")
    st.text(f"{state.get('step')} {state.get('n')} {state.uncommitted}")


@pytest.mark.parametrize(
    ("preset", "more", "expected"),
    [
        (False, {}, "7 5 True"),
        (True, {}, "30 5 False"),
        (False, {"handle": "n", "at": [3.2, 0.0]}, "7 3 True"),
        (False, {"handle": "n", "at": [3.2, 0.0], "commit": True}, "7 3 False"),
        (True, {"handle": "n", "at": [3.2, 0.0]}, "30 3 True"),
        (False, {"handle": "another", "at": [3.2, 0.0]}, "7 5 True"),
        (False, {"handle": ["n"], "at": "x"}, "7 5 True"),
    ],
)
def test_what_was_asked_before_a_preset_does_not_overtake_it_and_handles_move_controls(preset, more, expected):
    app = AppTest.from_function(asked_on_the_way, default_timeout=60)
    app.session_state["preset"], app.session_state["more"] = preset, more
    app.run()
    assert not app.exception
    assert app.text[0].value == expected
