"""Figures that change without flicker: Streamlit puts a new figure beside the old one, and draws it a moment later."""

from __future__ import annotations

import streamlit as st

__all__ = ["steady_figures"]

# Mutations are told after Streamlit has changed the page and before the browser draws it: nothing of this is ever seen.
_SCRIPT = """
export default function (component) {
  const host = component.parentElement.host ?? component.parentElement
  const app = document.querySelector('[data-testid="stApp"]')
  host.stopSteady?.()
  if (!app) return
  if (!document.getElementById("steady-figures"))
    document.head.insertAdjacentHTML("beforeend", `<style id="steady-figures">
      .steady { position: absolute; inset: 0; z-index: 5; overflow: hidden; pointer-events: none }
      .steady .main-svg { position: absolute; top: 0; left: 0 }
    </style>`)
  const pictures = new Map()
  const key = box => [...box.classList].find(name => name.startsWith("st-key-"))
  const drawn = box => {
    const plot = box.querySelector(".js-plotly-plot")
    return plot?.querySelector(".main-svg") != null && plot.style.visibility !== "hidden"
  }
  const charts = app.getElementsByClassName("stPlotlyChart")
  const boxes = () => [...charts].map(chart => chart.closest('[data-testid="stElementContainer"]'))
    .filter(box => box && key(box))
  const take = box => {
    const picture = box.querySelector(".js-plotly-plot").cloneNode(true)
    picture.className = "steady"
    picture.setAttribute("aria-hidden", "true")
    picture.style.backgroundColor = getComputedStyle(app).backgroundColor
    for (const part of picture.querySelectorAll("[tabindex]")) part.removeAttribute("tabindex")
    const height = box.getBoundingClientRect().height
    pictures.set(key(box), { picture, height, before: box, taken: performance.now() })
  }
  const untaken = () => boxes().filter(box => drawn(box) && box.style.display !== "none")
    .filter(box => pictures.get(key(box))?.before !== box)
  let waiting
  // Before a new figure is seen for the first time, and again when the server starts to work, if it may have moved since.
  const later = () => {
    waiting ??= requestAnimationFrame(() => {
      waiting = undefined
      untaken().forEach(take)
    })
  }
  const again = () => boxes().filter(box => drawn(box) && pictures.get(key(box))?.before === box).filter(box => {
    const { taken } = pictures.get(key(box)), { painted } = box.querySelector(".js-plotly-plot")
    return performance.now() - taken > 1000 || painted > taken
  }).forEach(take)
  const uncover = (box, picture) => {
    picture.remove()
    box.style.position = box.style.minHeight = ""
  }
  const cover = (box, { picture, height }) => {
    box.style.position = "relative"
    box.style.minHeight = height + "px"
    box.appendChild(picture)
    const started = performance.now()
    const look = () => {
      if (!box.isConnected || drawn(box) || performance.now() - started > 2000) uncover(box, picture)
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  }
  // A new figure's box comes first, empty; the old one goes at once or a little later.
  const changed = () => {
    for (const [name, last] of pictures) {
      const same = [...app.getElementsByClassName(name)]
      const fresh = same.find(box => box !== last.before) ?? (same[0] && !drawn(same[0]) ? same[0] : null)
      if (!fresh) continue
      for (const box of same) if (box !== fresh) box.style.display = "none"
      pictures.delete(name)
      if (!drawn(fresh)) cover(fresh, last)
    }
    // A run that was cut short may take the new figure away again, and the old one is the one that stays.
    const shown = new Map()
    for (const box of boxes()) if (!shown.get(key(box)) || box.style.display !== "none") shown.set(key(box), box)
    for (const box of shown.values()) if (box.style.display === "none") box.style.display = ""
  }
  const watching = new MutationObserver(records => {
    const working = app.dataset.testScriptState === "running"
    if (working && records.some(record => record.type === "attributes" && record.target === app)) again()
    changed()
    if (untaken().length) later()
  })
  watching.observe(app, { attributes: true, attributeFilter: ["data-test-script-state"], childList: true, subtree: true })
  if (untaken().length) later()
  document.addEventListener("hypergeo:rest", again)  // a film has stopped, at a picture that this has not seen
  host.stopSteady = () => {
    document.removeEventListener("hypergeo:rest", again)
    watching.disconnect()
    cancelAnimationFrame(waiting)
  }
  return host.stopSteady
}
"""


def steady_figures() -> None:
    """Keeps the last picture of each figure in its place until the next has been drawn; call it once on a page.

    Figures need a key, by which one is known to follow the other.
    """
    _component()(key="steady_figures")


@st.cache_resource
def _component():  # type: ignore[no-untyped-def]
    return st.components.v2.component("hypergeo_steady_figures", html="<span></span>", js=_SCRIPT)
