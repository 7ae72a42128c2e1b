"""Checks of one page's tour. All of them are in one file per page, so that one process computes each result of a stop once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from hypergeo import ui
from hypergeo.ui.page import frame
from hypergeo.ui.page.course import Chapter, chapters, link_query
from hypergeo.ui.runtime.background_run import stop_all
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.prediction_kinds import Bar, Pick
from hypergeo.ui.state.predictions import Prediction
from hypergeo.ui.state.tours import Stop
from tests.support.app.pages import figure, go, page, prediction, stage, values
from tests.support.app.quality import done

__all__ = ["TEACHING", "TEACHING_LINES", "Claim", "TourChecks", "Values", "page_name"]

Values = dict[str, Any]
Claim = Callable[[Values], None]

TEACHING = (Path(ui.__file__).parent / "TEACHING.md").read_text(encoding="utf-8")
_LINE = re.compile(
    r"^- \[(?P<title>[^]]+)\]\((?P<link>/[^)]+)\)"
    r"(?:: question \(\[for the class\]\((?P<hidden>[^)]+)\), \[answer\]\((?P<shown>[^)]+)\)\): \*\*(?P<answer>[^*]+)\*\*)?$",
    re.MULTILINE,
)
TEACHING_LINES = list(_LINE.finditer(TEACHING))
"""Lines of the notes for teachers with links to stops."""

_WIDGETS = ("slider", "select_slider", "number_input", "segmented_control", "selectbox", "toggle", "text_input")
_MENDED = ":material/tune:"
_FEWEST_PREDICTIONS = 3


class Opened:
    """Arguments of a page's call of :func:`hypergeo.ui.page.frame.open_page`."""

    state: PageState
    tour: Sequence[Stop] = ()


class TourChecks:
    """Tests of a page's tour; each page has a subclass.

    Attributes:
        name: name of the page's file, without ``.py``.
        claims: check of what each stop without a prediction claims, by the stop's title.
    """

    name: str
    claims: Mapping[str, Claim]

    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> Opened:
        record = Opened()
        genuine = frame.open_page

        def open_page(state: PageState, title: str, sentence: str, tour: Sequence[Stop] = ()) -> frame.Frame:
            record.state, record.tour = state, tour
            return genuine(state, title, sentence, tour)

        monkeypatch.setattr(frame, "open_page", open_page)
        return record

    def _measured(self, app: AppTest) -> AppTest:
        """Returns the page after its computations: which results are there already depends on earlier tests."""
        return done(app) if self.name == "quality" else app

    def _at(self, app: AppTest, **address: str) -> AppTest:
        """Returns the page at an address; for a new visitor where runs take time, as a first visit runs by itself."""
        return done(page(self.name, **address)) if self.name == "quality" else go(app, **address)

    def test_a_tour_is_whole_and_a_link_to_a_stop_shows_what_walking_there_shows(self, opened):
        app = page(self.name)
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
        self._measured(app.button(key=f"_{prefix}_tour_Tour").click().run())
        for number, stop in enumerate(opened.tour, 1):
            if number > 1:
                self._measured(app.button(key=f"_{prefix}_tour_Next").click().run())
            what = f"stop {number}, {stop.title}"
            check(app, what)
            assert app.query_params[f"{prefix}_tour"] in (str(number), [str(number)])
            linked = self._measured(page(self.name, **{f"{prefix}_tour": str(number)}))
            check(linked, f"the link to {what}")
            assert not linked.warning, what
            walked, jumped = shown(app), shown(linked)
            for part in walked:
                assert jumped[part] == walked[part], f"the link to {what} shows other {part}"
            head = f":primary[**{number} of {len(opened.tour)}. {stop.title}.**]"
            assert any(words.startswith(head) for words in walked["words"]), what
        app.button(key=f"_{prefix}_tour_End").click().run()
        check(app, "after the tour")
        assert f"{prefix}_tour" not in app.query_params

    def test_what_a_stop_claims_holds_there(self, opened):
        """Stops with a prediction compute their answer, which another test judges."""
        page(self.name)
        claimed = {stop.title: stop for stop in opened.tour if not stop.prediction}
        assert claimed.keys() == self.claims.keys(), "every stop has its claims checked"
        defaults = {control: table.default for control, table in opened.state.controls.items()}
        for title, stop in claimed.items():
            self.claims[title]({**defaults, **stop.values})

    def test_predictions_are_judged_and_their_answers_kept_back(self, opened):
        app = page(self.name)
        prefix = opened.state.prefix
        predictions = [(number, stop, stop.prediction) for number, stop in enumerate(opened.tour, 1) if stop.prediction]
        assert len(predictions) >= _FEWEST_PREDICTIONS
        for number, stop, asked in predictions:
            address = {f"{prefix}_tour": str(number)}
            before = everything(app := self._at(app, **address))
            assert not app.exception, f"{stop.title}: {app.exception[0].message}"
            assert not {"truth", "right", "sentence"} & prediction(app).keys(), stop.title
            app = self._at(app, **address, **{f"{prefix}_revealed": "true"})
            assert not app.exception, f"{stop.title}: {app.exception[0].message}"
            card = prediction(app)
            truth, sentence = card["truth"], card["sentence"]
            why = sentence.split("**. ", 1)[1]
            assert why not in before
            exact = asked.kind.words(truth).split()[0]
            if len(re.sub(r"\D", "", exact)) >= 3:
                said_before = re.search(rf"(?<![\d.]){re.escape(exact)}(?!\d)", before)
                assert not said_before, f"{stop.title}: the page says {exact} before"
            if isinstance(asked.kind, Pick):
                assert asked.covered or asked.after, f"{stop.title}: the figure shows the answer"
            else:
                assert asked.kind.is_right(asked.kind.nearest(truth), truth), f"{stop.title}: no guess is right"
            for guess, right in ((asked.kind.nearest(truth), True), (wrong_guess(asked, truth), False)):
                card = prediction(go(app, **address, **{f"{prefix}_revealed": "true", f"{prefix}_guess": f"{guess:g}"}))
                assert (card["guess"], card["truth"], card["right"]) == (guess, truth, right), stop.title
                assert card["sentence"].startswith("**Right.**" if right else "**Not quite.**")
                assert card["sentence"].endswith(why)

    def test_the_links_for_teachers_show_their_stops_and_answers(self):
        app = page(self.name)
        for line in [line for line in TEACHING_LINES if _target(line["link"])[0] == self.name]:
            app = self._followed(app, line["link"])
            words = app.markdown[0].value
            assert f" of {len(self._chapters()[0].stops)}. {line['title']}." in words
            assert _stages(app), "stage mode has a stage"
            assert stage(app)["staged"]
            if line["answer"] is None:
                continue
            app = self._followed(app, line["hidden"])
            assert prediction(app)["locked"]
            assert "truth" not in prediction(app)
            app = self._followed(app, line["shown"])
            assert f"**{line['answer']}**" in prediction(app)["sentence"]

    def _followed(self, app: AppTest, link: str) -> AppTest:
        app = self._at(app, **_target(link)[1])
        assert not app.exception, f"{link}: {app.exception[0].message}"
        assert not app.warning, f"{link}: {app.warning[0].value}"
        return app

    def test_next_leads_from_each_chapter_to_the_next_one_and_the_bar_grows(self):
        """The page is opened at the last stop of each of its chapters; another test presses every button on the way."""
        for chapter in self._chapters():
            number = chapters().index(chapter) + 1
            app = page(self.name, **link_query(chapter, chapter.last), answers="hidden")
            assert not app.exception, app.exception[0].message
            stops_done = sum(each.last - each.first + 1 for each in chapters()[:number])
            words, value, most = bar(app)
            assert words == f"Chapter {number} of {len(chapters())}: {chapter.title}"
            assert value == stops_done
            keys = [button.key for button in app.button if str(button.key).endswith("_tour_Next")]
            if number == len(chapters()):
                assert (stops_done, keys) == (most, [])
                return
            after = chapters()[number]
            assert app.button(key=keys[0]).label == "Next chapter"
            app.button(key=keys[0]).click().run()
            assert address(app) == {**link_query(after, after.first), "answers": "hidden"}
        stop_all()  # the next page may measure

    def _chapters(self) -> list[Chapter]:
        return [chapter for chapter in chapters() if page_name(chapter) == self.name]


def page_name(chapter: Chapter) -> str:
    """Returns the name of the file of a chapter's page, without ``.py``."""
    return Path(chapter.page.path).stem


def shown(app: AppTest) -> dict[str, Any]:
    """Returns everything that a page shows: its controls, its words and its figures."""
    controls = {
        widget.key: widget.value for kind in _WIDGETS for widget in app.get(kind) if not str(widget.key).startswith("_")
    }
    figures = [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]
    if _stages(app):
        controls |= values(app) if len(app.get("bidi_component")) > 1 else {}
        figures.append({name: stage(app)[name] for name in ("bar", "tour")} | {"picture": figure(app)})
    return {"controls": controls, "words": [block.value for block in app.markdown], "figures": figures}


def _stages(app: AppTest) -> list[Any]:
    return [each for each in app.get("bidi_component") if each.proto.component_name == "hypergeo_stage"]


def check(app: AppTest, what: str) -> None:
    """Asserts that a page shows no error, and that its address needed no correction."""
    assert not app.exception, f"{what}: {app.exception[0].message}"
    assert not app.error, f"{what}: {app.error[0].value}"
    assert [warning.value for warning in app.warning if warning.icon == _MENDED] == [], what


def everything(app: AppTest) -> str:
    """Returns all words and messages of a page except the link to itself."""
    messages = [each.proto.bytes.decode() for each in app.get("bidi_component")]
    return "\n".join([*(block.value for block in [*app.markdown, *app.caption]), *messages])


def wrong_guess(asked: Prediction, truth: float) -> float:
    """Returns a guess that is wrong."""
    kind = asked.kind
    if isinstance(kind, Bar):
        return kind.low if truth - kind.low > kind.high - truth else kind.high
    return truth % len(kind.options) + 1 if isinstance(kind, Pick) else kind.nearest(truth + 180)


def bar(app: AppTest) -> tuple[str, int, int]:
    """Returns the text of the course's bar, the number of stops done and that of all stops."""
    (text,) = [each.proto.body for each in app.get("html") if "<progress" in each.proto.body]
    return re.findall(r"<span>(.*)</span>", text)[0], *(int(each) for each in re.findall(r'(?:value|max)="(\d+)"', text))


def address(app: AppTest) -> dict[str, str]:
    """Returns the URL parameters of a page."""
    return {key: value[0] if isinstance(value, list) else value for key, value in dict(app.query_params).items()}


def _target(link: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(link)
    return parts.path.removeprefix("/"), dict(parse_qsl(parts.query))
