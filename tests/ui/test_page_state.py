"""The state of a page in its address: invalid values are corrected, with a message each time."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from hypergeo.ui.state import history
from hypergeo.ui.state.controls import Choice, Switch, Whole
from hypergeo.ui.state.page_state import PageState

STATE = PageState(
    "p", {"n": Whole(5, 0, 9), "m": Whole(3, 1, 4), "k": Choice("soft", ["soft", "hard"]), "t": Choice(1.0, [0.1, 1.0, 10.0])}
)


def visited() -> None:
    """Shows a page of four controls with messages of corrected values."""
    import streamlit as st

    from hypergeo.ui.state.controls import Choice, Whole
    from hypergeo.ui.state.page_state import PageState

    state = PageState(
        "p",
        {"n": Whole(5, 0, 9), "m": Whole(3, 1, 4), "k": Choice("soft", ["soft", "hard"]), "t": Choice(1.0, [0.1, 1.0, 10.0])},
    )
    state.start()
    values = {
        "n": state.slider("n", "n"),
        "m": state.number("m", "m"),
        "k": state.segments("k", "k"),
    }
    if "more" in st.session_state:
        values["t"] = state.steps("t", "t")
    for message in state.notes:
        st.warning(message)
    st.text(state.query(values))


def page(**address: str) -> AppTest:
    app = AppTest.from_function(visited, default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    return app.run()


def address(app: AppTest, key: str) -> str | None:
    """Returns a control's value in the address."""
    value = app.query_params.get(key)
    return value[0] if isinstance(value, list) else value


def warnings(app: AppTest) -> list[str]:
    assert not app.exception
    return [warning.value for warning in app.warning]


def test_what_is_out_of_range_is_held_within_bounds_and_said() -> None:
    app = page(p_n="75", p_m="2", p_k="boiled")
    assert app.slider(key="p_n").value == 9
    assert app.number_input(key="p_m").value == 2
    assert app.segmented_control(key="p_k").value == "soft"
    assert warnings(app) == [
        'The link has an invalid number of balls ("75"; allowed: whole numbers from 0 to 9); using 9.',
        'The link has an invalid k ("boiled"; allowed: soft, hard); using soft.',
    ]
    assert app.text[0].value == "p_n=9&p_m=2&p_k=soft"
    # The first commit writes what is shown into the address.
    app.number_input(key="p_m").set_value(4).run()
    assert (address(app, "p_n"), address(app, "p_m"), address(app, "p_k")) == ("9", "4", None)


def test_a_message_stays_until_a_control_moves() -> None:
    app = page(p_n="75")
    for _ in range(3):
        app.run()
        assert len(warnings(app)) == 1
    app.slider(key="p_n").set_value(4).run()
    assert warnings(app) == []
    app.run()
    assert warnings(app) == []


@pytest.mark.parametrize("moved", [False, True])
def test_a_second_correction_in_the_same_visit_is_said_too_and_stays(moved: bool) -> None:
    """The address is changed while the page is open, whether or not a control has moved in between."""
    app = page(p_n="75")
    app.run()
    if moved:
        app.number_input(key="p_m").set_value(2).run()
        assert warnings(app) == []
    app.query_params["p_n"] = "2"
    app.query_params["p_t"] = "1e9"
    app.run()
    wanted = ['The link has an invalid target ("1e9"; allowed: 0.1, 1, 10); using 10.']
    assert warnings(app) == wanted
    app.run()
    assert warnings(app) == wanted, "the message vanished although nothing moved"
    app.slider(key="p_n").set_value(1).run()
    assert warnings(app) == []


def test_a_value_from_before_a_step_back_is_not_taken_for_a_move(monkeypatch) -> None:
    """A browser sends the values of all its widgets, and may do so before the new ones have reached it."""
    app = page(p_k="hard", p_m="2")
    app.query_params["p_k"] = "soft"
    app.run()
    app.segmented_control(key="p_k").set_value("hard").run()
    assert (address(app, "p_k"), app.segmented_control(key="p_k").value) == ("soft", "soft")
    app.number_input(key="p_m").set_value(4).run()
    assert address(app, "p_m") == "4", "another value is a move"
    monkeypatch.setattr(history, "_LATE", 0.0)
    app.segmented_control(key="p_k").set_value("hard").run()
    assert address(app, "p_k") == "hard", "later, it is a move"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [("n", 12, 9), ("n", -1, 0), ("n", "x", 5), ("n", None, 5), ("n", float("inf"), 5), ("t", 7.0, 10.0), ("t", "x", 1.0)],
)
def test_values_that_no_browser_sends_are_held_within_bounds(name: str, value: object, wanted: object) -> None:
    """Messages from a browser may contain anything."""
    assert STATE.nearest(name, value) == wanted


def put_by_hand() -> None:
    """Shows a page whose control is no widget: a commit writes its value into the address, defaults are not written."""
    import streamlit as st

    from hypergeo.ui.state.controls import Whole
    from hypergeo.ui.state.page_state import PageState

    state = PageState("p", {"n": Whole(5, 0, 9)})
    state.start()
    if "set" in st.session_state:
        state.put("n", st.session_state["set"])
    st.text(str(state.get("n")))


def test_controls_without_a_widget_live_in_the_session_and_the_address() -> None:
    app = AppTest.from_function(put_by_hand, default_timeout=60)
    app.query_params["p_n"] = "12"
    app.run()
    assert app.text[0].value == "9"
    app.session_state["set"] = 3
    app.run()
    assert app.text[0].value == "3"
    assert address(app, "p_n") == "3"
    app.session_state["set"] = 5
    app.run()
    assert app.text[0].value == "5"
    assert address(app, "p_n") is None
    app.session_state["set"] = 99
    app.run()
    assert app.text[0].value == "9"


def test_kinds_of_controls_are_not_mixed_up() -> None:
    state = PageState("p", {"n": Whole(5, 0, 9), "k": Choice("soft", ["soft", "hard"]), "s": Switch()})
    with pytest.raises(TypeError, match="n is a whole number"):
        state.choose("n", "n")
    with pytest.raises(TypeError, match="k is a choice"):
        state.slider("k", "k")
    with pytest.raises(TypeError, match="k is no switch"):
        state.toggle("k", "k")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2.5", 3), ("2.49", 2), ("-0.5", 0), ("9.5", 9), ("1e400", 5), ("-inf", 5), ("nan", 5), (" 7 ", 7), ("0x1", 5)],
)
def test_whole_numbers_are_read_as_people_round(text: str, wanted: int) -> None:
    assert Whole(5, 0, 9).read(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False), ("no", None)]
)
def test_switches_are_read_in_any_case(text: str, wanted: bool | None) -> None:
    for default in (False, True):
        control = Switch(default)
        assert control.read(text) is (default if wanted is None else wanted)
        assert control.read(control.write(control.read(text))) is control.read(text)


def test_choices_are_the_nearest_and_named_in_words() -> None:
    many = Choice(1.0, [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0])
    assert [many.read(text) for text in ("0.14", "0.16", "3.4", "3.6", "1e9", "-1", "x")] == [
        0.1,
        0.2,
        2.0,
        5.0,
        10.0,
        0.1,
        1.0,
    ]
    assert many.allowed() == "steps from 0.1 to 10"
    assert Choice(1.0, list(many.options[:6])).allowed() == "0.1, 0.2, 0.5, 1, 2, 5"
    assert Choice("soft", ["soft", "1"]).read("2") == "soft"
