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
  const boxes = () => [...app.querySelectorAll('[data-testid="stElementContainer"]')]
    .filter(box => key(box) && box.querySelector(".stPlotlyChart"))
  // Taken while the server works, when the browser has nothing else to do.
  const take = () => {
    pictures.clear()
    for (const box of boxes()) {
      if (!drawn(box) || pictures.has(key(box))) continue
      const picture = box.querySelector(".js-plotly-plot").cloneNode(true)
      picture.className = "steady"
      picture.setAttribute("aria-hidden", "true")
      picture.style.backgroundColor = getComputedStyle(app).backgroundColor
      for (const part of picture.querySelectorAll("[tabindex]")) part.removeAttribute("tabindex")
      pictures.set(key(box), { picture, height: box.getBoundingClientRect().height, before: box })
    }
  }
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
  const changed = () => {
    const shown = new Map()
    for (const box of boxes()) shown.set(key(box), [...(shown.get(key(box)) ?? []), box])
    for (const [name, same] of shown) {
      const fresh = same.find(box => box.dataset.stale !== "true")
      if (!fresh) continue
      for (const box of same) if (box !== fresh) box.style.display = "none"
      const last = pictures.get(name)
      if (!last || last.before === fresh) continue
      pictures.delete(name)
      if (!drawn(fresh)) cover(fresh, last)
    }
  }
  const watching = new MutationObserver(records => {
    const working = app.dataset.testScriptState === "running"
    if (working && records.some(record => record.type === "attributes" && record.target === app)) take()
    if (pictures.size) changed()
  })
  watching.observe(app, { attributes: true, attributeFilter: ["data-test-script-state"], childList: true, subtree: true })
  host.stopSteady = () => watching.disconnect()
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
