"""By keyboard alone: Tab reaches every control and shows where it is, Space plays, S steps, and fields keep their keys."""

from __future__ import annotations

import itertools
from typing import Any

from playwright.sync_api import Page

from .conftest import Visit

# Every control of the page that can be used now; a group of options is one, whichever of them Tab stops at.
CONTROLS = """() => {
  document.head.insertAdjacentHTML('beforeend', '<style>* { transition: none !important }</style>')
  const usual = 'a[href], button, input, select, textarea, summary, [role=button], [role=slider], [tabindex="0"]'
  // Streamlit hides the tools of an element, such as a code block's, from the keyboard: the page offers the same elsewhere.
  const left = '[aria-hidden=true], [inert], [data-testid="stHeader"], [data-testid="stElementToolbarButton"]'
  const found = [], groups = new Map()
  const walk = root => {
    for (const part of root.querySelectorAll('*')) {
      if (part.shadowRoot) walk(part.shadowRoot)
      if (!part.matches(usual) || part.matches('.stMain') || part.disabled || part.closest(left)) continue
      if (!part.checkVisibility()) continue
      const group = part.closest('[role=radiogroup]')
      if (!part.getBoundingClientRect().width || (!group && part.tabIndex < 0)) continue
      if (groups.has(group)) { groups.get(group).push(part); continue }
      found.push([part])
      if (group) groups.set(group, found.at(-1))
    }
  }
  walk(document)
  const name = part => part.getAttribute('aria-label') || part.innerText || part.title || part.outerHTML.slice(0, 80)
  const look = at => {
    const around = [at, ...at.children]
    for (let part = at.parentElement, up = 0; part && part !== document.body && up < 4; part = part.parentElement, up++)
      around.push(part, ...part.children)
    return around.map(part => {
      const style = getComputedStyle(part)
      const outline = style.outlineStyle === 'none' ? '' : style.outlineStyle + style.outlineWidth + style.outlineColor
      return [outline, style.boxShadow, style.borderColor, style.backgroundColor, style.color].join()
    }).join()
  }
  // Where Tab has come to; and whether what it left looks different now that it has lost the focus.
  window.stop = () => {
    let at = document.activeElement
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
    const before = window.before
    const index = found.findIndex(parts => parts.includes(at))
    window.before = { at, look: look(at) }
    const box = at.getBoundingClientRect(), down = document.querySelector('[data-testid="stMain"]').scrollTop
    return { index, name: name(at).slice(0, 80), left: box.left, top: box.top + down, bottom: box.bottom + down,
      ringBefore: before && look(before.at) !== before.look }
  }
  document.body.tabIndex = -1
  document.body.focus()
  document.body.removeAttribute('tabindex')
  return found.map(parts => name(parts[0]).slice(0, 80))
}"""
# What changes when something plays: the words of the playback bar.
STATE = "() => document.querySelector('.hg-bar:not([hidden]) output')?.textContent ?? ''"
STEPS_LEFT = """() => {
  const range = document.querySelector('.hg-bar:not([hidden]) input[type=range]')
  return range.max - range.value
}"""


def tab_through(page: Page) -> tuple[list[str], list[dict[str, Any]]]:
    """Presses Tab until it leaves the page.

    Args:
        page: the page.

    Returns:
        Names of all controls, and the stops that Tab made on the page.

    Raises:
        AssertionError: if Tab does not leave the page.
    """
    names = page.evaluate(CONTROLS)
    stops: list[dict[str, Any]] = []
    for _ in range(2 * len(names) + 30):
        page.keyboard.press("Tab")
        stop = page.evaluate("window.stop()")
        if stops:
            stops[-1]["ring"] = stop["ringBefore"]
        if stops and stop["index"] == stops[0]["index"]:
            return names, [stop for stop in stops if stop["index"] >= 0]
        stops.append(stop)
    raise AssertionError(f"Tab does not come out of {stops[-1]['name']!r}")


def test_tab_reaches_every_control_in_order_and_shows_where_it_is(standing):
    standing.look()
    names, stops = tab_through(standing.page)
    assert len(names) >= 2
    reached = {stop["index"] for stop in stops}
    assert [name for index, name in enumerate(names) if index not in reached] == []
    assert [stop["name"] for stop in stops if not stop["ring"]] == [], "no ring shows the focus"
    for here, there in itertools.pairwise(stops):
        goes_back = there["bottom"] < here["top"] and there["left"] <= here["left"]
        assert not goes_back, f"from {here['name']!r} back up to {there['name']!r}"


def plays(opened: Visit, milliseconds: int = 900) -> bool:
    """Returns whether the page moves by itself."""
    before = opened.page.evaluate(STATE)
    opened.page.wait_for_timeout(milliseconds)
    return opened.page.evaluate(STATE) != before


def test_keys_play_pause_and_step_but_not_in_fields_and_on_buttons(standing, visit):
    if not standing.page.evaluate(STATE):
        return
    opened = visit(standing.address())
    page = opened.page
    opened.wait_for(lambda: page.evaluate(STATE), "the playback")
    seen = [page.evaluate(STATE)]
    for field in page.locator("input[type=number]:visible, input[type=text]:visible, textarea:visible").all()[:2]:
        field.focus()
        page.keyboard.type("s 1")
        page.keyboard.press("Escape")
    assert not plays(opened), "the page moves before anyone asked it to"
    assert page.evaluate(STATE) == seen[0], "keys for a field have moved the page"
    # Space on a button presses that button, and nothing else.
    for name, other in (("Stage", "Leave"), ("Leave", "Stage")):
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press(" ")
        page.get_by_role("button", name=other, exact=True).wait_for()
        opened.settle()
        assert not plays(opened, 500)
    assert page.evaluate(STATE) == seen[0]
    # A figure that opens near its end has too few steps left: its start comes first.
    if page.evaluate(STEPS_LEFT) < 6:
        page.get_by_role("button", name="Reset", exact=True).click()
        opened.wait_for(lambda: page.evaluate(STATE) != seen[0], "the start")
        opened.settle()
        assert page.evaluate(STEPS_LEFT) >= 6
        seen = [page.evaluate(STATE)]
    page.evaluate("document.activeElement.blur()")
    for _ in range(3):
        page.keyboard.press("s")
        opened.wait_for(lambda: page.evaluate(STATE) != seen[-1], "S to step")
        page.wait_for_timeout(400)
        seen.append(page.evaluate(STATE))
    assert len(set(seen)) == 4
    assert not plays(opened)
    page.keyboard.press(" ")
    for what in ("Space to play", "the page to go on of itself"):
        opened.wait_for(lambda: page.evaluate(STATE) != seen[-1], what)
        seen.append(page.evaluate(STATE))
    page.keyboard.press(" ")
    page.wait_for_timeout(600)
    assert not plays(opened), "Space does not pause"


def test_the_link_can_be_copied(visit):
    opened = visit("/convergence?conv_n=14&conv_seed=5")
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").focus()
    page.keyboard.press(" ")
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.get_by_test_id("stText").filter(has_text="conv_groups").last.inner_text().replace("\n", "")
    assert "conv_n=14" in link
    assert "conv_seed=5" in link
