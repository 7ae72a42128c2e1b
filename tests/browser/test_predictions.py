"""Predictions by keyboard and by hand: a guess and *Reveal* are one entry of the history each."""

from __future__ import annotations

import re


def card(opened):
    return opened.page.locator(".hg-predict")


def test_a_bar_is_moved_by_keys_and_r_reveals(visit):
    opened = visit("/urn?urn_tour=4")
    before = opened.page.evaluate("history.length")
    bar = card(opened).get_by_role("slider")
    bar.focus()
    for _ in range(5):
        opened.page.keyboard.press("ArrowLeft")
    opened.wait_for(lambda: "urn_guess=2.5" in opened.address(), "the guess in the address")
    opened.settle()
    assert opened.page.evaluate("history.length") == before + 1, "five keys are one guess"
    assert not card(opened).locator(".hg-verdict").count()
    opened.page.keyboard.press("r")
    card(opened).locator(".hg-verdict").get_by_text(re.compile(r"Right\..*2\.38")).wait_for()
    assert "urn_revealed=true" in opened.address()
    assert opened.page.evaluate("history.length") == before + 2
    opened.settle()
    opened.page.go_back()
    opened.wait_for(lambda: "urn_revealed" not in opened.address(), "the question again")
    card(opened).get_by_role("button", name="Reveal").wait_for()
    assert not card(opened).locator(".hg-verdict").count()


def test_an_arrow_is_turned_by_hand(visit):
    opened = visit("/gradients?grad_tour=3")
    picture = card(opened).locator("svg")
    box = picture.bounding_box()
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] * 104 / 176
    opened.page.mouse.move(centre[0], centre[1] - 40)
    opened.page.mouse.down()
    opened.page.mouse.move(centre[0] + 20, centre[1] + 35, steps=4)
    opened.page.mouse.up()
    opened.wait_for(lambda: "grad_guess=300" in opened.address(), "the guess in the address")
    card(opened).get_by_role("button", name="Reveal").click()
    card(opened).locator(".hg-verdict").get_by_text("Right.").wait_for()
    opened.settle()
    assert opened.page.locator(".hg-predict .hg-true").count() == 1
