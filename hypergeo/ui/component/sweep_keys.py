"""The keyboard's way to a figure that plays its own frames: plotly draws its buttons and slider for a pointer alone."""

from __future__ import annotations

import streamlit as st

__all__ = ["sweep_keys"]

# plotly has no public way to its controls from outside its module, so they are given the events that a pointer gives them.
_SCRIPT = """
export default function (component) {
  const host = component.parentElement.host ?? component.parentElement
  const figure = () => [...document.querySelectorAll(".js-plotly-plot")].find(plot => plot.querySelector(".slider-group"))
  const click = button => button?.dispatchEvent(new MouseEvent("click", { bubbles: true, view: window }))
  const buttons = plot => [...plot.querySelectorAll(".updatemenu-button")]
  const at = plot => plot._fullLayout.sliders[0].active
  const show = (plot, index) => {
    const ticks = [...plot.querySelectorAll(".slider-tick-rect")]
    const tick = ticks[Math.min(Math.max(index, 0), ticks.length - 1)]?.getBoundingClientRect()
    const rail = plot.querySelector(".slider-rail-touch-rect")
    if (!tick || !rail) return
    const event = { bubbles: true, view: window, clientX: tick.x + tick.width / 2, clientY: tick.y }
    rail.dispatchEvent(new MouseEvent("mousedown", event))
    plot.dispatchEvent(new MouseEvent("mouseup", event))
  }
  const watch = plot => {
    if (plot.watched) return
    plot.watched = true
    plot.on("plotly_animating", () => (plot.playing = true))
    for (const end of ["plotly_animated", "plotly_animationinterrupted"]) plot.on(end, () => (plot.playing = false))
  }
  const toggle = plot => click(buttons(plot)[plot.playing ? 1 : 0])
  const name = () => {
    const plot = figure()
    if (!plot) return
    watch(plot)
    for (const button of buttons(plot)) {
      button.setAttribute("tabindex", "0")
      button.setAttribute("role", "button")
      button.setAttribute("aria-label", button.textContent.replace(/[^\\p{L} ]/gu, "").trim())
    }
    const grip = plot.querySelector(".slider-grip-rect")
    if (!grip) return
    const steps = plot._fullLayout.sliders[0].steps
    const said = {
      tabindex: 0, role: "slider", "aria-label": "Frame of the figure", "aria-valuemin": 0, "aria-valuemax": steps.length - 1,
      "aria-valuenow": at(plot), "aria-valuetext": plot.querySelector("text.slider-label")?.textContent ?? "",
    }
    for (const [attribute, value] of Object.entries(said))
      if (grip.getAttribute(attribute) !== String(value)) grip.setAttribute(attribute, value)
  }
  const press = event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    const plot = figure()
    if (!plot) return
    watch(plot)
    const target = event.composedPath()[0]
    if (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName)) return
    if (target.tagName === "INPUT" && target.type !== "range") return
    const ours = plot.contains(target) && target.getAttribute("role")
    const presses = ["BUTTON", "A", "SUMMARY"].includes(target.tagName) || target.closest?.("button, a, summary, [role=radio]")
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key]
    if (ours === "button" && [" ", "Enter"].includes(event.key)) click(target)
    else if (ours === "slider" && step) show(plot, at(plot) + step)
    else if (event.key === " " && !presses) toggle(plot)
    else if (event.key.toLowerCase() === "s" && !event.shiftKey) show(plot, at(plot) - 1)
    else return
    event.preventDefault()
  }
  host.stopKeys?.()
  window.addEventListener("keydown", press)
  const naming = window.setInterval(name, 700)
  name()
  host.stopKeys = () => {
    window.removeEventListener("keydown", press)
    window.clearInterval(naming)
  }
  return host.stopKeys
}
"""


def sweep_keys() -> None:
    """Space plays and pauses the page's figure, S shows its next colder frame, and its controls can be reached with Tab."""
    _component()(key="sweep_keys")


@st.cache_resource
def _component():  # type: ignore[no-untyped-def]
    return st.components.v2.component("hypergeo_sweep_keys", html="<span></span>", js=_SCRIPT)
