"""Pictures that are drawn as frames of an animation are the pictures that plotly draws anew."""

from __future__ import annotations

# Every element of a figure with its attributes, without names that plotly makes up for each figure.
ELEMENTS = """() => [...document.querySelectorAll('.js-plotly-plot .main-svg *')].map(part => {
  const attributes = [...part.attributes].filter(({ name }) => !['id', 'pointer-events', 'data-unformatted'].includes(name))
  const words = part.children.length ? '' : part.textContent
  const named = attributes.map(({ name, value }) => `${name}=${value.replace(/(clip|trace|legend)[0-9a-f]{6}/g, '$1')}`)
  return `${part.tagName} ${named.sort().join(' ')} ${words}`
})"""
ANEW = """() => {
  const plot = document.querySelector('.js-plotly-plot')
  Plotly.react(plot, plot.data.map(trace => ({ ...trace })), { ...plot.layout }, plot._context)
}"""
# Records the elements after each frame, by position, and whether plotly would draw the same frame's figure in another way.
RECORD = f"""() => {{
  const elements = {ELEMENTS}
  const {{ animate, react }} = Plotly
  window.restore_ = () => void (Plotly.animate = animate)
  window.frames_ = {{ drawn: {{}}, differences: [] }}
  Plotly.animate = (plot, ...frame) => {{
    const end = animate(plot, ...frame)
    plot.once('plotly_transitioning', () => queueMicrotask(() => {{
      const drawn = elements()
      window.frames_.drawn[document.querySelector('.hg-bar input').value] = drawn
      react(plot, plot.data.map(trace => ({{ ...trace }})), {{ ...plot.layout }}, plot._context)
      const anew = elements()
      window.frames_.differences.push(...drawn.filter((part, at) => part !== anew[at]))
      if (drawn.length !== anew.length) window.frames_.differences.push(`${{drawn.length}} of ${{anew.length}} elements`)
    }}))
    return end
  }}
}}"""

COUNT = """() => {
  const { animate } = Plotly
  window.restore_ = () => void (Plotly.animate = animate)
  window.frames_ = 0
  Plotly.animate = (...frame) => {
    window.frames_ += 1
    return animate(...frame)
  }
}"""
# Draws figures one after the other. Returns for each whether it was a frame, and what is seen.
DRAW = """async figures => {
  const styles = document.querySelector('link[href*="/live/"]').href
  const { Drawing } = await import(new URL('drawing.js', styles).href)
  const plot = document.body.appendChild(document.createElement('div'))
  const drawing = new Drawing(plot, () => true)
  const given = JSON.stringify(figures)
  const seen = []
  const all = (parts, look) => [...plot.querySelectorAll(parts)].map(look)
  for (const figure of figures) {
    if (drawing.busy) await drawing.turn()
    await drawing.draw(Plotly, figure)
    seen.push({ framed: drawing.busy !== null,
      points: all('.scatterlayer .point', point => point.getAttribute('transform').match(/[\\d.]+/)[0]),
      bars: all('.barlayer .point path', bar => getComputedStyle(bar).fill),
      words: all('.annotation-text', words => words.textContent), ticks: all('.xtick', tick => tick.textContent) })
  }
  drawing.leave()
  plot.remove()
  return [seen, JSON.stringify(figures) === given]
}"""


def _figure(marks=(1, 2), *, bars=2, size=6, words="first", end=4.0, colour="rgb(0, 0, 255)"):
    marker = {"size": size, "color": colour}
    return {
        "data": [
            {"type": "scatter", "mode": "markers", "x": list(marks), "y": list(marks), "marker": marker},
            {"type": "bar", "x": [*range(1, bars + 1)], "y": [1] * bars, "marker": {"color": colour}},
        ],
        "layout": {
            "width": 400,
            "height": 300,
            "xaxis": {"range": [0, end], "dtick": 1},
            "yaxis": {"range": [0, 4]},
            "annotations": [{"text": words, "x": 1, "y": 3, "showarrow": False}],
        },
    }


def test_a_picture_is_a_frame_unless_more_than_traces_and_words_change(visit):
    figures = {
        "the first": (_figure(), False),
        "other points": (_figure((1, 3)), True),
        "more points": (_figure((1, 2, 3)), True),
        "other marks": (_figure((1, 2, 3), size=9), True),
        "other words": (_figure((1, 2, 3), size=9, words="second"), True),
        "all at once": (_figure((2,), size=3, words="third"), True),
        "as at first": (_figure(), True),
        "marks once more": (_figure(size=4), True),
        "more bars": (_figure(bars=3), False),
        "other bars": (_figure(bars=3, colour="rgb(255, 0, 0)"), False),
        "another axis": (_figure(end=3.0), False),
        "another trace": ({**_figure(end=3.0), "data": _figure()["data"][:1]}, False),
    }
    opened = visit("/convergence")
    seen, kept = opened.page.evaluate(DRAW, [figure for figure, _ in figures.values()])
    assert kept, "the pictures that it is given stay as they are: others may have the same parts"
    for (what, (figure, framed)), shown in zip(figures.items(), seen, strict=True):
        points, *bars = figure["data"]
        assert shown["framed"] == framed, what
        assert len(shown["points"]) == len(points["x"]), what
        assert shown["bars"] == [bar["marker"]["color"] for bar in bars for _ in bar["x"]], what
        assert shown["words"] == [figure["layout"]["annotations"][0]["text"]], what
        assert len(shown["ticks"]) == figure["layout"]["xaxis"]["range"][1] + 1, what
    assert seen[0]["points"] == seen[6]["points"] != seen[1]["points"]


def test_frames_of_a_film_are_what_the_page_shows_at_their_steps(visit):
    path = "/gradients?grad_groups=4"
    opened = visit(path)
    opened.page.evaluate(RECORD)
    opened.page.locator(".hg-stage").focus()
    opened.page.keyboard.press("Space")
    opened.wait_for(lambda: len(opened.page.evaluate("window.frames_.drawn")) > 7, "eight frames", seconds=60)
    opened.page.keyboard.press("Space")
    frames = opened.page.evaluate("window.frames_")
    opened.page.evaluate("window.restore_()")  # other tests use the tab
    opened.settle()
    assert frames["differences"] == []
    last = max(frames["drawn"], key=int)
    other = visit(f"{path}&grad_step={last}")
    assert other.page.evaluate(ELEMENTS) == frames["drawn"][last]


def test_the_last_picture_of_a_movement_is_drawn_anew(visit):
    opened = visit("/one_sample")
    opened.page.evaluate(COUNT)
    slider = opened.slider("Temperature τ")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.page.mouse.down()
    for step in range(1, 6):
        opened.page.mouse.move(box["x"] + box["width"] * (0.5 + step / 50), box["y"] + box["height"] / 2)
        opened.page.wait_for_timeout(150)
    assert opened.page.evaluate("window.frames_") > 0, "the pictures of a drag are frames"
    opened.page.mouse.up()
    opened.page.evaluate("window.restore_()")
    opened.settle()
    shown = opened.page.evaluate(ELEMENTS)
    opened.page.evaluate(ANEW)
    assert shown == opened.page.evaluate(ELEMENTS), "plotly puts the bars of a new figure on whole pixels"
