"""Violations that axe-core reports, and a bare Streamlit page whose violations are excused."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

__all__ = ["BARE", "serious", "violations"]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# Violations as (rule, kind of element, words). An element's kind is its tag, its role, and the part of Streamlit it is in.
RUN = """async options => {
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
  const { violations, passes } = await axe.run({ resultTypes: ['violations'], ...options })
  if (passes.length < (options.runOnly ? 1 : 10)) throw new Error('axe looked at nothing')
  return violations.filter(found => ['serious', 'critical'].includes(found.impact)).flatMap(found => found.nodes.map(node => {
    const why = [...node.any, ...node.all, ...node.none].map(check => check.message).join(' ')
    return { kind: [found.id, ...kind(node.target)].join(' '), words: `${node.html.slice(0, 160)}: ${why}` }
  }))
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
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


def violations(page: Page, *, only_colours: bool = False) -> dict[str, str]:
    """Returns the first element with a serious or critical violation, by kind of violation.

    Args:
        page: the page.
        only_colours: whether only the rules that depend on the theme are checked.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    elements: dict[str, str] = {}
    for one in page.evaluate(RUN, {"runOnly": COLOURS} if only_colours else {}):
        elements.setdefault(one["kind"], one["words"])
    return elements


def serious(page: Page, theme: str, excused: dict[str, set[str]]) -> dict[str, str]:
    """Returns the violations of kinds that the bare page does not have: all in the light theme, of colours in the dark one."""
    here = violations(page, only_colours=theme == "dark")
    return {kind: words for kind, words in here.items() if kind not in excused[theme]}
