"""The page on one sample in a browser: steps forward and back, the gradient, and a temperature set by keyboard."""

from __future__ import annotations

from .checks import check_words

# Number of bars with a height, of gradient triangles, and the words at the end of the first row.
SHOWN = """() => {
  const plot = document.querySelector('.js-plotly-plot')
  const bars = [...plot.querySelectorAll('.subplot.xy .barlayer path')].filter(bar => bar.getBBox().height > 0.5).length
  const words = [...plot.querySelectorAll('.subplot.xy .textpoint')].map(part => part.textContent)
  const marks = plot.data.find(trace => Array.isArray(trace.marker?.symbol) && trace.hovertext)
  const gradient = marks.marker.symbol.filter(symbol => symbol.startsWith('triangle')).length
  const result = words.find(word => /^mean [0-9]/.test(word))
  return { bars, gradient, result }
}"""


def test_a_sample_is_made_step_by_step_and_the_gradient_comes_back(visit):
    opened = visit("/one_sample?one_step=2")
    page = opened.page
    output = page.locator(".hg-bar output")

    def go(key: str, words: str) -> dict:
        page.keyboard.press(key) if len(key) == 1 else page.get_by_role("button", name=key, exact=True).click()
        opened.wait_for(lambda: output.inner_text() == words, words)
        opened.settle()
        return page.evaluate(SHOWN)

    page.locator(".hg-stage").focus()
    third = page.evaluate(SHOWN)
    assert third.get("result") is None
    fourth = go("s", "split 1: softmax")
    assert fourth["bars"] > third["bars"]
    assert fourth["result"].startswith("mean 2.23")
    back = go("Step back", "split 1: divided by τ")
    assert back == third
    page.get_by_label("Position, in steps").press("End")
    opened.wait_for(lambda: output.inner_text() == "gradient: split 1", "the last step")
    opened.settle()
    last = page.evaluate(SHOWN)
    assert last["gradient"] > 20
    check_words(page)
    before = last["result"]
    opened.slider("Temperature τ").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**one_tau=0.75**", timeout=20_000)
    opened.settle()
    assert page.evaluate(SHOWN)["result"] != before
