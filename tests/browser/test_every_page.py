"""Every page, in both themes, on a wide screen and on a telephone: complete, in reach, legible and without violations."""

from __future__ import annotations

import pytest

from .axe import serious
from .checks import check_fit, check_in_view, check_inks, check_words, contrast, figures, luminance
from .conftest import NARROW, WIDE

PICTURES = [
    "/convergence?conv_groups=6&conv_n=60&conv_m3=30",
    "/convergence?conv_groups=2&conv_kind=straight-through",
    "/convergence?conv_m1=30&conv_m2=30&conv_m3=30&conv_n=45&conv_tau=10",
    "/convergence?conv_n=0",
]
# Colours of the outlines of the exact distribution in a figure of rings and discs, and of the words in figures.
INKS = """() => {
  const page = getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor
  const texts = [...document.querySelectorAll('.js-plotly-plot text')].map(text => getComputedStyle(text).fill)
  const rings = [...document.querySelectorAll('.js-plotly-plot .scatterlayer path.point')].map(point => getComputedStyle(point))
    .filter(style => style.fillOpacity === '0' || style.fill === 'none').map(style => style.stroke)
  return {page, texts: [...new Set(texts)], rings: [...new Set(rings)]}
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_page_is_whole_and_legible(standing, theme, size, excused):
    standing.look(size, theme)
    page = standing.page
    assert page.get_by_test_id("stException").count() == 0
    check_fit(page)
    check_inks(page, theme)
    check_words(page)
    for chart in figures(page):
        assert chart.get_attribute("role") in ("figure", "img")
        assert len(chart.get_attribute("aria-label")) > 40
        box = chart.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
    if size == WIDE:
        check_in_view(page)
        assert serious(page, theme, excused) == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_telephone_that_opens_the_page_sees_the_same(visit, theme):
    opened = visit("/convergence", size=NARROW, theme=theme, fresh=True)
    check_fit(opened.page)
    check_inks(opened.page, theme)
    check_words(opened.page)
    box = figures(opened.page)[0].bounding_box()
    assert box["height"] > 2.5 * box["width"], "a telephone gets one panel under the other"


@pytest.mark.parametrize("path", PICTURES)
def test_other_pictures_are_whole_and_legible_too(visit, path):
    opened = visit(path)
    check_words(opened.page)
    check_in_view(opened.page, ["Group size m₂", "Balls drawn n", "Temperature τ"])
    opened.look(NARROW)
    parts = [figures(opened.page)[0], opened.page.locator(".hg-bar")]
    assert sum(part.bounding_box()["height"] for part in parts) > 900, "a telephone gets one panel under the other"
    check_words(opened.page)


def test_outlines_of_the_exact_law_stand_out_and_follow_a_change_of_theme(visit):
    opened = visit("/convergence")
    for theme in ("light", "dark"):
        opened.look(theme=theme)
        inks = opened.page.evaluate(INKS)
        assert (luminance(inks["page"]) < 0.1) == (theme == "dark")
        assert inks["rings"], "no outlines of the exact law"
        assert all(contrast(ink, inks["page"]) >= 7 for ink in inks["rings"])
        assert all(contrast(ink, inks["page"]) >= 4.5 for ink in inks["texts"])


def test_an_idle_page_leaves_the_server_alone(standing):
    standing.look()
    standing.page.wait_for_timeout(200)
    before = len(standing.sent)
    standing.page.wait_for_timeout(1500)
    assert len(standing.sent) == before
