"""Guided tours: every page's stops are valid, and a link to a stop shows the same as the tour's buttons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from hypergeo.ui.catalogue import PAGES
from hypergeo.ui.page import frame
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.tours import Stop
from tests.support.app.pages import figure, page, stage, values
from tests.support.app.quality import done

NAMES = [Path(entry.path).stem for entry in PAGES]
WITHOUT = {"glossary"}
WIDGETS = ("slider", "select_slider", "number_input", "segmented_control", "selectbox", "toggle", "text_input")
MENDED = ":material/tune:"


class Opened:
    """Arguments of a page's call of :func:`hypergeo.ui.page.frame.open_page`."""

    state: PageState
    tour: Sequence[Stop] = ()


@pytest.fixture
def opened(monkeypatch) -> Opened:
    record = Opened()
    genuine = frame.open_page

    def open_page(state: PageState, title: str, sentence: str, tour: Sequence[Stop] = (), **more: bool) -> frame.Frame:
        record.state, record.tour = state, tour
        return genuine(state, title, sentence, tour, **more)

    monkeypatch.setattr(frame, "open_page", open_page)
    return record


def shown(app: AppTest) -> dict[str, Any]:
    """Returns everything that a page shows: its controls, its words and its figures."""
    controls = {widget.key: widget.value for kind in WIDGETS for widget in app.get(kind) if not str(widget.key).startswith("_")}
    figures = [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]
    staged = [each for each in app.get("bidi_component") if each.proto.component_name == "hypergeo_stage"]
    if staged:
        controls |= values(app) if len(app.get("bidi_component")) > 1 else {}
        figures.append({name: stage(app)[name] for name in ("bar", "tour")} | {"picture": figure(app)})
    return {"controls": controls, "words": [block.value for block in app.markdown], "figures": figures}


def measured(name: str, app: AppTest) -> AppTest:
    """Returns the page after its computations: which results are there already depends on earlier tests."""
    return done(app) if name == "quality" else app


def check(app: AppTest, what: str) -> None:
    assert not app.exception, f"{what}: {app.exception[0].message}"
    assert not app.error, f"{what}: {app.error[0].value}"
    assert [warning.value for warning in app.warning if warning.icon == MENDED] == [], what


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT])
def test_a_tour_is_whole_and_a_link_to_a_stop_shows_what_walking_there_shows(name, opened):
    app = page(name)
    assert 4 <= len([stop for stop in opened.tour if not stop.prediction]) <= 7
    prefix, controls = opened.state.prefix, opened.state.controls
    assert len({stop.title for stop in opened.tour}) == len(opened.tour)
    for stop in opened.tour:
        assert len(stop.text) > 40
        assert stop.look
        assert stop.title[-1].isalnum(), "a full stop follows"
        for control, value in stop.values.items():
            assert control in controls, f"{stop.title}: there is no control {control!r}"
            assert controls[control].read(controls[control].write(value)) == value, f"{stop.title}: {control}={value!r}"
    measured(name, app.button(key=f"_{prefix}_tour_Tour").click().run())
    for number, stop in enumerate(opened.tour, 1):
        if number > 1:
            measured(name, app.button(key=f"_{prefix}_tour_Next").click().run())
        what = f"stop {number}, {stop.title}"
        check(app, what)
        assert app.query_params[f"{prefix}_tour"] in (str(number), [str(number)])
        linked = measured(name, page(name, **{f"{prefix}_tour": str(number)}))
        check(linked, f"the link to {what}")
        walked, jumped = shown(app), shown(linked)
        for part in walked:
            assert jumped[part] == walked[part], f"the link to {what} shows other {part}"
        assert any(stop.title in words for words in walked["words"])
    app.button(key=f"_{prefix}_tour_End").click().run()
    check(app, "after the tour")
    assert f"{prefix}_tour" not in app.query_params
