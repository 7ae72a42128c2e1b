"""Checks for any page: words in figures are whole and legible, nothing is cut off."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image
from playwright.sync_api import Locator, Page

__all__ = ["check_fit", "check_in_view", "check_inks", "check_words", "contrast", "figures", "luminance"]

# Every line of text in a figure that the reader sees, with its box and its ink.
TEXTS = """chart => [...chart.querySelectorAll('.js-plotly-plot text')].flatMap(text => {
  const words = text.textContent.trim(), box = text.getBoundingClientRect(), style = getComputedStyle(text)
  let opacity = 1
  for (let part = text; part && part !== chart; part = part.parentElement) opacity *= Number(getComputedStyle(part).opacity)
  if (!words || !box.width || style.visibility === 'hidden' || opacity < 0.1) return []
  return [{ words, left: box.left, right: box.right, top: box.top, bottom: box.bottom, ink: style.fill }]
})"""
# The only text in a figure before the reader has predicted.
COVER = "The figure comes with the answer"
# Words that end in an ellipsis because they do not fit, and parts that reach out of the window at the sides.
CUT = """main => {
  const controls = ['button', 'a', 'h1', 'h2', 'h3', 'input:not([type=range])', '.stSlider', '.stPlotlyChart',
    '.hg-bar', '.hg-row', '.hg-frame']
  const seen = [...main.querySelectorAll('*')].filter(part => part.checkVisibility() && part.getClientRects().length)
  const short = seen.filter(part => getComputedStyle(part).textOverflow === 'ellipsis')
    .filter(part => part.scrollWidth > part.clientWidth + 1)
  const wide = seen.filter(part => part.matches(controls.join())).filter(part => {
    const box = part.getBoundingClientRect()
    return box.width > 1 && (box.left < -1 || box.right > window.innerWidth + 1)
  })
  return [...short, ...wide].map(part => part.innerText || part.getAttribute('aria-label') || part.outerHTML.slice(0, 90))
}"""


def luminance(colour: str) -> float:
    """Returns the relative luminance of WCAG 2.2 of a colour ``rgb(...)``."""
    total = 0.0
    for weight, channel in zip((0.2126, 0.7152, 0.0722), colour.strip("rgba()").split(",")[:3], strict=True):
        value = float(channel) / 255
        total += weight * (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return total


def contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of WCAG 2.2 of two colours."""
    bright, dim = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def figures(page: Page) -> list[Locator]:
    """Returns the page's figures."""
    return page.locator(".stPlotlyChart, .hg-plot").all()


def check_words(page: Page, *, least: int = 5) -> None:
    """Asserts that words in figures neither overlap nor are cut off.

    Args:
        page: the page.
        least: smallest number of words in a figure that no prediction covers.
    """
    for chart in figures(page):
        outside = chart.bounding_box()
        assert outside is not None
        texts = chart.evaluate(TEXTS)
        covered = page.locator(".hg-predict").count() == 1 and [text["words"] for text in texts] == [COVER]
        assert covered or len(texts) >= least, f"a figure with only {len(texts)} words"
        for text in texts:
            words = text["words"]
            assert text["left"] >= outside["x"] - 1, f"{words!r} is cut off on the left"
            assert text["right"] <= outside["x"] + outside["width"] + 1, f"{words!r} is cut off on the right"
            assert text["top"] >= outside["y"] - 1, f"{words!r} is cut off above"
            assert text["bottom"] <= outside["y"] + outside["height"] + 1, f"{words!r} is cut off below"
        for one, two in itertools.combinations(texts, 2):
            across = min(one["right"], two["right"]) - max(one["left"], two["left"])
            down = min(one["bottom"], two["bottom"]) - max(one["top"], two["top"])
            assert across <= 1 or down <= 3, f"{one['words']!r} and {two['words']!r} overlap"


def check_inks(page: Page, theme: str) -> None:
    """Asserts that the page is as dark as the theme, and that words of figures contrast with their background (WCAG AA)."""
    ground = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert (luminance(ground) < 0.1) == (theme == "dark")
    if not figures(page):
        return
    size = page.viewport_size
    assert size is not None
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    seen = 0
    for chart in figures(page):
        for text in chart.evaluate(TEXTS):
            box = tuple(round(text[side]) for side in ("left", "top", "right", "bottom"))
            if box[0] < 0 or box[1] < 60 or box[2] > size["width"] or box[3] > size["height"]:
                continue  # out of sight, or under the navigation
            behind = Counter(_pixels(picture.crop(box))).most_common(1)[0][0]
            ratio = contrast(text["ink"], f"rgb{behind}")
            assert ratio >= 4.5, f"{text['words']!r} in {text['ink']} on rgb{behind}: contrast {ratio:.1f}"
            seen += 1
    assert seen >= (5 if size["width"] > 640 else 3), "a telephone's first screen shows little of a figure, but not nothing"


def check_fit(page: Page) -> None:
    """Asserts that the page does not scroll sideways, and that no words or controls are cut off."""
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0, "the page scrolls sideways"
    assert main.evaluate(CUT) == []


def check_in_view(page: Page, labels: Sequence[str] = ()) -> None:
    """Asserts that the first figure, the playback and the sliders need no scrolling.

    Args:
        page: the page.
        labels: labels of the sliders to check; all sliders if empty.
    """
    height = (page.viewport_size or {})["height"]
    charts = figures(page)
    for part, name in [*((chart, "the figure") for chart in charts[:1]), *_main_controls(page, labels)]:
        box = part.bounding_box()
        if box is not None:
            below = box["y"] + box["height"] - height
            assert below <= 0, f"{name} ends {below:.0f} pixels below the window"


def _main_controls(page: Page, labels: Sequence[str]) -> Iterator[tuple[Locator, str]]:
    for slider in page.locator('[data-testid="stSlider"]:not([data-testid="stExpander"] *)').all():
        name = (slider.inner_text() or "a slider").strip().splitlines()[0]
        if not labels or name in labels:
            yield slider, name
    for row in page.locator(".hg-row:visible").all():
        if not row.evaluate("row => row.checkVisibility({ contentVisibilityAuto: true })"):
            continue  # in a closed section
        name = row.locator(".hg-label").inner_text()
        if not labels or name in labels:
            yield row, name
    for playback in page.locator(".hg-bar").all():
        yield playback, "the playback"


def _pixels(picture: Image.Image) -> list[Any]:
    raw = picture.tobytes()
    return [tuple(raw[i : i + 3]) for i in range(0, len(raw), 3)]
