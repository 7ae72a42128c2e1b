"""Presets, tours and kinds of controls on a small page: values that a click sets, the address, and unchanged values."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def small_page() -> None:
    """Five kinds of controls, two presets and a tour of three stops."""
    import streamlit as st

    from hypergeo.ui.state.controls import Choice, Switch, Whole
    from hypergeo.ui.state.page_state import PageState
    from hypergeo.ui.state.presets import Preset, preset_buttons
    from hypergeo.ui.state.tours import Stop, tour_buttons, tour_words

    kinds = {"n": Whole(5, 0, 9), "k": Choice("soft", ["soft", "hard"]), "t": Choice(1.0, [0.1, 1.0, 10.0]), "s": Switch()}
    state = PageState("p", kinds)
    stops = [Stop("One", "First.", {"n": 2}, "here"), Stop("Two", "Second.", {"k": "hard"}), Stop("Three", "Third.")]
    state.start(stops)
    preset_buttons(state, [Preset("Low", {"n": 1}, "few"), Preset("Hot", {"t": 10.0, "s": True}, "warm")])
    tour_buttons(state, stops)
    values = {"n": state.slider("n", "N"), "k": state.choose("k", "K"), "t": state.steps("t", "T"), "s": state.toggle("s", "S")}
    st.markdown(tour_words(state, stops) or "no tour")
    st.text(state.query(values))
    for message in state.notes:
        st.warning(message)


def opened(**address: str) -> AppTest:
    app = AppTest.from_function(small_page, default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    return app.run()


def shown(app: AppTest) -> str:
    assert not app.exception
    assert not app.warning
    return app.text[0].value


def click(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def test_a_page_starts_with_its_defaults_or_with_what_the_address_says() -> None:
    assert shown(opened()) == "p_n=5&p_k=soft&p_t=1&p_s=false"
    assert shown(opened(p_n="7", p_k="hard", p_t="0.1", p_s="true")) == "p_n=7&p_k=hard&p_t=0.1&p_s=true"


def test_presets_set_their_controls_and_no_others() -> None:
    app = opened(p_n="7")
    assert [button.label for button in app.button][:2] == ["Low", "Hot"]
    assert app.button(key="_p_preset_0").help == "few"
    assert shown(click(app, "_p_preset_1")) == "p_n=7&p_k=soft&p_t=10&p_s=true"
    assert shown(click(app, "_p_preset_0")) == "p_n=1&p_k=soft&p_t=10&p_s=true"


def test_a_tour_goes_on_and_back_and_ends_where_it_is() -> None:
    app = opened(p_t="10")
    assert app.markdown[0].value == "no tour"
    assert [button.label for button in app.button][2:] == ["Tour"]
    assert "3 stops" in app.button(key="_p_tour_Tour").help
    assert shown(click(app, "_p_tour_Tour")) == "p_n=2&p_k=soft&p_t=1&p_s=false", "what a stop does not set has its default"
    assert app.markdown[0].value.startswith(":primary[**1 of 3. One.**] First.")
    assert app.markdown[0].value.endswith("*here*")
    assert app.button(key="_p_tour_Back").disabled
    assert shown(click(app, "_p_tour_Next")) == "p_n=5&p_k=hard&p_t=1&p_s=false"
    assert app.markdown[0].value == ":primary[**2 of 3. Two.**] Second."
    assert not app.button(key="_p_tour_Back").disabled
    assert shown(click(app, "_p_tour_Next")) == "p_n=5&p_k=soft&p_t=1&p_s=false"
    assert [button.label for button in app.button][2:] == ["Back", "End"]
    assert shown(click(app, "_p_tour_Back")) == "p_n=5&p_k=hard&p_t=1&p_s=false"
    assert shown(click(app, "_p_tour_End")) == "p_n=5&p_k=hard&p_t=1&p_s=false"
    assert app.markdown[0].value == "no tour"


@pytest.mark.parametrize(("number", "wanted"), [("1", "p_n=2&p_k=soft"), ("2", "p_n=5&p_k=hard"), ("3", "p_n=5&p_k=soft")])
def test_a_link_to_a_stop_shows_it(number: str, wanted: str) -> None:
    app = opened(p_tour=number)
    assert shown(app) == f"{wanted}&p_t=1&p_s=false"
    assert f"{number} of 3" in app.markdown[0].value
    assert shown(opened(p_tour=number, p_n="8")).startswith("p_n=8"), "what a link says itself goes first"


def test_a_stop_that_does_not_exist_is_the_last_one() -> None:
    app = opened(p_tour="9")
    assert "3 of 3" in app.markdown[0].value
    assert (
        app.warning[0].value == 'The link has an invalid stop of the tour ("9"; allowed: whole numbers from 0 to 3); using 3.'
    )
