"""Predictions: guesses are judged and kept in the address, and the page hides the answer until it is revealed."""

from __future__ import annotations

import json

import pytest

from hypergeo.ui.state.predictions import Answer, Arrow, Bar, Guess, Pick, judge
from tests.support.app.pages import page, prediction, stage, told

BAR = Bar("Mean of group 3", 0, 12, 0.5, within=1.0, unit="balls")


@pytest.mark.parametrize(
    ("kind", "truth", "right", "wrong", "words"),
    [
        (BAR, 4.26, 5.0, 5.5, "1.24\N{NO-BREAK SPACE}balls too high"),
        (BAR, 4.26, 3.5, 3.0, "1.26\N{NO-BREAK SPACE}balls too low"),
        (Bar("Kept", 0, 100, 5, within=10, unit="%"), 53.7, 60, 65, "11.3\N{NARROW NO-BREAK SPACE}% too high"),
        (Arrow("Descent"), 355.0, 10.0, 335.0 - 5, "25° off"),
        (Arrow("Descent"), -5.0, 340.0, 20.0, "25° off"),
        (Pick("Which?", ["one", "two", "three"]), "two", 2, 3, "not three"),
    ],
)
def test_a_right_and_a_wrong_guess_are_told_apart(kind, truth, right, wrong, words):
    answer = Answer(truth, "Because.")
    good, bad, none = (judge(kind, answer, guess) for guess in (right, wrong, None))
    assert (good.right, bad.right, none.right) == (True, False, None)
    assert good.sentence.startswith("**Right.**")
    assert bad.sentence.startswith("**Not quite.**")
    assert words in bad.sentence
    assert all(verdict.sentence.endswith("Because.") for verdict in (good, bad, none))


@pytest.mark.parametrize(
    ("kind", "text", "taken"),
    [
        *((BAR, "99", 12.0), (BAR, "-1", 0.0), (BAR, "3.3", 3.5), (BAR, "x", None), (BAR, "nan", None), (BAR, "inf", None)),
        *((Arrow("Descent"), "362", 0.0), (Arrow("Descent"), "-30", 330.0), (Pick("Which?", ["a", "b"]), "7", 2.0)),
        (None, "3", None),
    ],
)
def test_a_guess_that_no_prediction_allows_is_mended(kind, text, taken):
    control = Guess(kind)
    assert control.read(text) == taken
    assert control.read(control.write(taken)) == taken


def test_the_address_holds_the_guess_and_the_answer_and_a_link_can_hide_both():
    asked = page("urn", urn_tour="4", urn_guess="2.5")
    assert prediction(asked)["guess"] == 2.5
    assert not {"truth", "right", "sentence"} & prediction(asked).keys()
    assert told(asked) == "- Make your prediction first."
    assert not list(asked.warning)
    shown = page("urn", urn_tour="4", urn_guess="2.5", urn_revealed="true")
    assert prediction(shown)["right"] is True
    assert prediction(shown)["truth"] == pytest.approx(2.38, abs=0.005)
    assert "2.38 times" in told(shown), "the page has moved on to the answer"
    locked = page("urn", urn_tour="4", answers="hidden")
    assert prediction(locked)["locked"]
    mended = page("urn", urn_tour="4", urn_guess="99")
    assert prediction(mended)["guess"] == 6
    assert any("guess" in warning.value and "numbers from 0 to 6" in warning.value for warning in mended.warning)


def test_a_figure_that_shows_the_answer_is_covered_until_then():
    asked, shown = page("urn", urn_tour="5"), page("urn", urn_tour="5", urn_revealed="true")
    assert "loses" not in json.dumps(stage(asked)["picture"])
    assert stage(asked)["picture"]["sentence"] == "Make your prediction, then press **Reveal**."
    assert stage(asked)["tour"]["look"] == ""
    assert "w<sub>3</sub>" in json.dumps(stage(shown)["picture"]), "the heat map"
    assert "w<sub>3</sub>" not in json.dumps(stage(asked)["picture"])
    assert stage(shown)["tour"]["look"]


def test_walking_on_forgets_the_guess():
    app = page("urn", urn_tour="4", urn_guess="2.5", urn_revealed="true")
    app.button(key="_urn_tour_Next").click().run()
    assert prediction(app)["guess"] is None
    assert not prediction(app)["revealed"]
    assert set(app.query_params) == {"urn_tour"}
