"""Every page, in both themes, on a wide screen and on a telephone: all of it there, in reach and legible."""

from __future__ import annotations

import itertools

import pytest

from .conftest import NARROW, WIDE

PAGES = ["/", "/convergence"]
PICTURES = [
    "/convergence?conv_groups=6&conv_n=60&conv_m3=30",
    "/convergence?conv_groups=2&conv_kind=straight-through",
    "/convergence?conv_m1=30&conv_m2=30&conv_m3=30&conv_n=45&conv_tau=10",
    "/convergence?conv_n=0",
]

# Every line of text in the figures, with its box; and the inks that the reader sees.
TEXTS = """() => [...document.querySelectorAll('.js-plotly-plot text')]
  .map(text => [text.textContent.trim(), text.getBoundingClientRect()])
  .filter(([words, box]) => words && box.width)
  .map(([words, box]) => [words, box.left, box.right, box.top, box.bottom])"""
INKS = """() => {
  const plot = document.querySelector('.js-plotly-plot')
  const page = getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor
  const texts = [...plot.querySelectorAll('text')].map(text => getComputedStyle(text).fill)
  const rings = [...plot.querySelectorAll('.scatterlayer path.point')].map(point => getComputedStyle(point))
    .filter(style => style.fillOpacity === '0' || style.fill === 'none').map(style => style.stroke)
  return {page, texts: [...new Set(texts)], rings: [...new Set(rings)]}
}"""


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2, from rgb(...)."""
    total = 0.0
    for weight, channel in zip((0.2126, 0.7152, 0.0722), colour.strip("rgba()").split(",")[:3], strict=True):
        value = float(channel) / 255
        total += weight * (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return total


def contrast(one: str, other: str) -> float:
    bright, dim = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def check_inks(page, theme: str) -> None:
    inks = page.evaluate(INKS)
    assert (luminance(inks["page"]) < 0.1) == (theme == "dark")
    assert inks["rings"], "no outlines of the exact law"
    for ink in inks["rings"]:
        assert contrast(ink, inks["page"]) >= 7
    for ink in inks["texts"]:
        assert contrast(ink, inks["page"]) >= 4.5


def check_words(page) -> None:
    """Words in the figure neither overlap nor are cut off."""
    outside = page.get_by_test_id("stPlotlyChart").bounding_box()
    texts = page.evaluate(TEXTS)
    assert len(texts) > 10
    for words, left, right, top, bottom in texts:
        assert left >= outside["x"] - 1, f"{words!r} is cut off on the left"
        assert right <= outside["x"] + outside["width"] + 1, f"{words!r} is cut off on the right"
        assert top >= outside["y"] - 1, f"{words!r} is cut off above"
        assert bottom <= outside["y"] + outside["height"] + 1, f"{words!r} is cut off below"
    for (one, l1, r1, t1, b1), (two, l2, r2, t2, b2) in itertools.combinations(texts, 2):
        across, down = min(r1, r2) - max(l1, l2), min(b1, b2) - max(t1, t2)
        assert across <= 1 or down <= 3, f"{one!r} and {two!r} overlap"


def check_in_view(page, labels: list[str]) -> None:
    """The figure and these sliders need no scrolling."""
    box = page.get_by_test_id("stPlotlyChart").bounding_box()
    assert box["y"] + box["height"] <= WIDE[1]
    for label in labels:
        slider = page.get_by_test_id("stSlider").filter(has_text=label).first.bounding_box()
        assert slider["y"] + slider["height"] <= WIDE[1], label


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_page_is_whole_and_legible(visit, path, theme, size):
    page = visit(path, size=size, theme=theme).page
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0, "the page scrolls sideways"
    check_inks(page, theme)
    check_words(page)
    chart = page.get_by_test_id("stPlotlyChart")
    assert chart.get_attribute("role") == "figure"
    assert len(chart.get_attribute("aria-label")) > 40
    box = chart.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    if path == "/convergence" and size == NARROW:
        assert box["height"] > 2.5 * box["width"], "a telephone gets one panel under the other"
    if size == WIDE:
        labels = ["Size 1", "Weight 3", "Elements drawn, n", "Temperature, τ"]
        check_in_view(page, labels if path == "/convergence" else [])


@pytest.mark.parametrize("path", PICTURES)
def test_other_pictures_are_whole_and_legible_too(visit, path):
    opened = visit(path)
    page = opened.page
    check_words(page)
    check_in_view(page, ["Size 2", "Elements drawn, n", "Temperature, τ"])
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    page.wait_for_function("() => document.querySelector('.stPlotlyChart')?.getBoundingClientRect().height > 900")
    opened.settle()
    check_words(page)


def test_a_change_of_theme_reaches_the_figure(visit):
    opened = visit("/convergence")
    before = opened.page.evaluate(INKS)
    opened.page.emulate_media(color_scheme="dark")
    opened.page.wait_for_function(
        f"({INKS})().page !== {before['page']!r} && !({INKS})().rings.includes({before['rings'][0]!r})"
    )
    opened.settle()
    after = opened.page.evaluate(INKS)
    for ink in after["rings"] + after["texts"]:
        assert contrast(ink, after["page"]) >= 4.5
