"""Every prediction of every page is judged correctly, and the page shows its answer only after *Reveal*."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from hypergeo.ui.catalogue import PAGES
from hypergeo.ui.page import frame
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.predictions import Bar, Pick, Prediction
from hypergeo.ui.state.tours import Stop
from tests.support.app.pages import go, page, prediction
from tests.support.app.quality import done

NAMES = [Path(entry.path).stem for entry in PAGES if Path(entry.path).stem != "glossary"]
FEWEST = 3


def predictions(stops: Sequence[Stop]) -> Iterator[tuple[int, Stop, Prediction]]:
    for number, stop in enumerate(stops, 1):
        if stop.prediction:
            yield number, stop, stop.prediction


def everything(app: AppTest) -> str:
    """Returns all words and messages of a page except the link to itself."""
    messages = [each.proto.bytes.decode() for each in app.get("bidi_component")]
    return "\n".join([*(block.value for block in [*app.markdown, *app.caption]), *messages])


def wrong_guess(asked: Prediction, truth: float) -> float:
    kind = asked.kind
    if isinstance(kind, Bar):
        return kind.low if truth - kind.low > kind.high - truth else kind.high
    return truth % len(kind.options) + 1 if isinstance(kind, Pick) else kind.nearest(truth + 180)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_judged_and_their_answers_kept_back(name, monkeypatch):
    tours: list[tuple[PageState, Sequence[Stop]]] = []
    genuine = frame.open_page

    def open_page(state: PageState, title: str, sentence: str, tour: Sequence[Stop] = ()) -> frame.Frame:
        tours.append((state, tour))
        return genuine(state, title, sentence, tour)

    monkeypatch.setattr(frame, "open_page", open_page)

    def opened(app: AppTest, **address: str) -> AppTest:
        """Returns the page at an address; for a new visitor where runs take time, as a first visit runs by itself."""
        return done(page(name, **address)) if name == "quality" else go(app, **address)

    app = page(name)
    state, stops = tours[-1]
    assert len(list(predictions(stops))) >= FEWEST
    for number, stop, asked in predictions(stops):
        address = {f"{state.prefix}_tour": str(number)}
        before = everything(app := opened(app, **address))
        assert not app.exception, f"{stop.title}: {app.exception[0].message}"
        assert not {"truth", "right", "sentence"} & prediction(app).keys(), stop.title
        app = opened(app, **address, **{f"{state.prefix}_revealed": "true"})
        assert not app.exception, f"{stop.title}: {app.exception[0].message}"
        card = prediction(app)
        truth, sentence = card["truth"], card["sentence"]
        why = sentence.split("**. ", 1)[1]
        assert why not in before
        exact = asked.kind.words(truth).split()[0]
        if len(re.sub(r"\D", "", exact)) >= 3:
            assert not re.search(rf"(?<![\d.]){re.escape(exact)}(?!\d)", before), f"{stop.title}: the page says {exact} before"
        if isinstance(asked.kind, Pick):
            assert asked.covered or asked.after, f"{stop.title}: the figure shows the answer"
        else:
            assert asked.kind.is_right(asked.kind.nearest(truth), truth), f"{stop.title}: no guess is right"
        for guess, right in ((asked.kind.nearest(truth), True), (wrong_guess(asked, truth), False)):
            card = prediction(go(app, **address, **{f"{state.prefix}_revealed": "true", f"{state.prefix}_guess": f"{guess:g}"}))
            assert (card["guess"], card["truth"], card["right"]) == (guess, truth, right), stop.title
            assert card["sentence"].startswith("**Right.**" if right else "**Not quite.**")
            assert card["sentence"].endswith(why)
