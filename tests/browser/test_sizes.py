"""Every page on every screen, at rest and while it plays (long mode): no text lies over another, nothing is cut off."""

from __future__ import annotations

import os
import time

import pytest

from .checks import check_fit, check_words
from .conftest import PAGES

LONG = os.environ.get("HYPERGEO_LONG") == "1"
pytestmark = pytest.mark.skipif(not LONG, reason="5 minutes: only in the long mode, HYPERGEO_LONG=1")

SIZES = [(390, 844), (820, 1180), (1280, 720), (1440, 900), (1920, 1080), (3840, 2160)]
# Pairs of text nodes of the page, shadow roots included, whose rendered rectangles overlap: what is hidden, clipped away, or
# part of the fixed header is left out.
OVERLAPS = """() => {
  const lines = []
  const boxes = node => {
    const range = document.createRange()
    range.selectNodeContents(node)
    return [...range.getClientRects()]
  }
  const clipped = (rect, element) => {
    let { left, right, top, bottom } = rect
    for (let part = element; part; part = part.parentElement ?? part.getRootNode().host) {
      if (part instanceof SVGElement && part.tagName !== 'svg') continue
      const style = getComputedStyle(part)
      if (style.overflow === 'visible' && style.clipPath === 'none') continue
      const box = part.getBoundingClientRect()
      left = Math.max(left, box.left), right = Math.min(right, box.right)
      top = Math.max(top, box.top), bottom = Math.min(bottom, box.bottom)
    }
    return right - left > 1 && bottom - top > 1 ? { left, right, top, bottom } : null
  }
  const walk = root => {
    for (const part of root.querySelectorAll('*')) if (part.shadowRoot) walk(part.shadowRoot)
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement
      if (!element || !node.textContent.trim() || ['SCRIPT', 'STYLE', 'OPTION', 'TITLE'].includes(element.tagName)) continue
      if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
      const apart = ['stHeader', 'stSidebar', 'stTooltipContent'].map(name => `[data-testid=${name}]`)
      if (element.closest([...apart, '.katex'].join())) continue
      for (const rect of boxes(node)) {
        const box = clipped(rect, element)
        if (box) lines.push({ text: node.textContent.trim(), element, ...box })
      }
    }
  }
  walk(document.body)
  const over = []
  lines.forEach((one, at) => lines.slice(at + 1).forEach(two => {
    if (one.element === two.element) return
    const across = Math.min(one.right, two.right) - Math.max(one.left, two.left)
    const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top)
    if (across > 2 && down > 4) over.push(`${one.text.slice(0, 60)} / ${two.text.slice(0, 60)}`)
  }))
  return over
}"""


def check(page, where: str) -> None:
    assert page.evaluate(OVERLAPS) == [], where
    try:
        check_fit(page)
        check_words(page, least=0)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None


def play(opened, where: str) -> None:
    """Plays for two seconds and looks at the page meanwhile."""
    bar = opened.page.locator(".hg-play")
    if not bar.count() or not bar.is_visible():
        return
    bar.click()
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert opened.page.evaluate(OVERLAPS) == [], f"{where}, while it plays"
        opened.page.wait_for_timeout(50)
    if opened.page.locator(".hg-stage[data-playing=true]").count():
        bar.click()
    opened.settle()


@pytest.mark.parametrize("path", PAGES)
def test_no_text_lies_over_another(visit, path):
    opened = visit(path)
    faults = []
    for size, text in [*((size, 16) for size in SIZES), ((1440, 900), 24)]:
        where = f"{path} at {size[0]}x{size[1]}, text of {text} pixels"
        opened.page.evaluate("size => document.documentElement.style.fontSize = `${size}px`", text)
        opened.look(size)
        try:
            check(opened.page, where)
            play(opened, where)
        except AssertionError as error:
            faults.append(str(error).split("\n")[0] + str(error)[:400])
    assert faults == []


def test_a_planted_overlap_is_seen(visit):
    page = visit("/urn").page
    page.locator(".hg-sentence").evaluate(
        "part => part.parentElement.insertAdjacentHTML('afterbegin', '<p style=\"height: 0; margin: 0\">Planted words</p>')"
    )
    page.locator(".hg-stage > p", has_text="Planted").evaluate(
        "part => { const box = document.querySelector('.hg-sentence').getBoundingClientRect();"
        " Object.assign(part.style, { position: 'fixed', top: `${box.top}px`, left: `${box.left}px`, height: 'auto' }) }"
    )
    assert any("Planted words" in pair for pair in page.evaluate(OVERLAPS))
