"""axe-core reports no serious violation on any page, apart from those that it reports on a bare Streamlit page as well."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Locator, Page

from tests.support.app.server import served, write_page

from .checks import check_fit
from .conftest import Visit

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# Violations as (rule, kind of element, words). An element's kind is its tag, its role, and the part of Streamlit it is in.
RUN = """async () => {
  const kind = target => {
    let root = document, part = null
    for (const selector of [target].flat(Infinity)) {
      part = root.querySelector(selector)
      root = part?.shadowRoot ?? root
    }
    let host = part
    while (host && !host.closest('[data-testid]')) host = host.getRootNode().host
    return [part?.tagName.toLowerCase(), part?.getAttribute('role') ?? '', host?.closest('[data-testid]').dataset.testid ?? '']
  }
  const { violations, passes } = await axe.run({ resultTypes: ['violations'] })
  if (passes.length < 10) throw new Error('axe looked at nothing')
  return violations.filter(found => ['serious', 'critical'].includes(found.impact)).flatMap(found => found.nodes.map(node => {
    const why = [...node.any, ...node.all, ...node.none].map(check => check.message).join(' ')
    return { kind: [found.id, ...kind(node.target)].join(' '), words: `${node.html.slice(0, 160)}: ${why}` }
  }))
}"""
BARE = """
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
st.title("Bare")
st.caption("Caption")
st.slider("Slider", 0, 10, 5)
st.select_slider("Select slider", ["a", "b", "c"])
st.segmented_control("Segmented control", ["a", "b"], default="a")
st.number_input("Number input", 0, 10, 5)
with st.expander("Expander", expanded=True):
    st.dataframe({"column": [1, 2, 3]})
    st.code("print('code')  # comment")
st.plotly_chart(go.Figure(go.Scatter(x=[1, 2], y=[1, 2])))
"""


def violations(visit: Visit) -> dict[str, str]:
    """Returns the first element with a serious or critical violation, by kind of violation."""
    visit.page.evaluate(AXE)
    elements: dict[str, str] = {}
    for one in visit.page.evaluate(RUN):
        elements.setdefault(one["kind"], one["words"])
    return elements


@pytest.fixture(scope="session")
def bare(chromium, tmp_path_factory) -> Iterator[str]:
    """Yields the address of a bare Streamlit page."""
    with served(write_page(tmp_path_factory.mktemp("bare"), BARE)) as address:
        yield address


@pytest.fixture(scope="session")
def excused(bare, tabs) -> dict[str, set[str]]:
    """Returns the kinds of violations on the bare page, by theme."""
    kinds = {}
    for theme in ("light", "dark"):
        opened = Visit.start(tabs.take(), bare, theme=theme)
        kinds[theme] = set(violations(opened))
        opened.leave(tabs)
    return kinds


def serious(visit: Visit, theme: str, excused: dict[str, set[str]]) -> dict[str, str]:
    """Returns the violations of kinds that the bare page does not have."""
    return {kind: words for kind, words in violations(visit).items() if kind not in excused[theme]}


def sections(page: Page) -> list[Locator]:
    return page.get_by_test_id("stExpander").locator("summary").all()


def tour(page: Page) -> Locator:
    return page.get_by_role("button", name="Tour", exact=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_violation(standing, theme, excused):
    standing.look(theme=theme)
    assert serious(standing, theme, excused) == {}


def test_no_serious_violation_with_everything_open_and_the_tour_on(standing, visit, excused):
    if not (sections(standing.page) or tour(standing.page).count()):
        return
    opened = visit(standing.address())
    for section in sections(opened.page):
        section.click()
        opened.settle()
    if tour(opened.page).count():
        tour(opened.page).click()
        opened.page.get_by_role("button", name="Next", exact=True).wait_for()
        opened.settle()
    closed = opened.page.locator(".hg-controls details:not([open]) > summary")
    while closed.count():
        closed.first.click()
    check_fit(opened.page)
    for theme in ("light", "dark"):
        opened.look(theme=theme)
        assert serious(opened, theme, excused) == {}


def test_axe_would_see_a_violation(visit):
    opened = visit("/glossary")
    assert violations(opened) == {}
    opened.page.evaluate("""() => {
      const title = document.querySelector('h1')
      title.style.color = '#ddd'
      title.insertAdjacentHTML('afterend', '<button></button><img src="data:,">')
    }""")
    assert {kind.split()[0] for kind in violations(opened)} == {"color-contrast", "button-name", "image-alt"}
