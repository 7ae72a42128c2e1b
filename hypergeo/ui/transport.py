"""Play, pause, step and reset for what runs in steps on the server, at the pace that the browser and the server keep up with.

The clock is the reader's browser: it asks for the next steps once it has been shown the last ones. So a pause acts at once,
a slow server is never asked for more than it gives, and a page that nobody has open costs nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import streamlit as st

from .controls import Choice, Control, Whole
from .state import PageState

__all__ = ["SPEEDS", "transport", "transport_controls"]

SPEEDS = {"slow": (1, 500), "normal": (1, 80), "fast": (5, 80)}
"""Steps that each tick makes, and the least number of milliseconds between two ticks."""

_HTML = """
<div class="transport" role="group" aria-label="Playback">
  <button type="button" class="reset" title="Back to the start">Reset</button>
  <button type="button" class="play" title="Space plays and pauses"></button>
  <button type="button" class="step" title="S makes one step"></button>
  <button type="button" class="leap"></button>
  <input type="range" min="0" step="1">
  <output></output>
  <label>Speed <select>
    <option value="slow">slow</option><option value="normal">normal</option><option value="fast">fast</option>
  </select></label>
</div>
"""

_CSS = """
.transport {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem;
  font-family: var(--st-font); font-size: 0.9rem; color: var(--st-text-color);
}
button, select {
  font: inherit; color: inherit; background: var(--st-background-color); min-height: 2.1rem; padding: 0.2rem 0.7rem;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.4rem); cursor: pointer;
}
button:hover:not(:disabled), select:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:disabled { opacity: 0.45; cursor: default; }
button.play { background: var(--st-primary-color); border-color: var(--st-primary-color); color: var(--st-background-color);
  min-width: 5.6rem; font-weight: 600; }
button.play:hover:not(:disabled) { color: var(--st-background-color); filter: brightness(1.1); }
:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
input { flex: 1 1 8rem; min-width: 6rem; accent-color: var(--st-primary-color); height: 1.6rem; }
output { min-width: 8.5rem; font-variant-numeric: tabular-nums; }
[hidden] { display: none; }
"""

_SCRIPT = """
export default function (component) {
  const { data, setTriggerValue, parentElement } = component
  const host = parentElement
  const find = selector => parentElement.querySelector(selector)
  const [reset, play, step, leap, range, output, speed] =
    [".reset", ".play", ".step", ".leap", "input", "output", "select"].map(find)
  const memory = (host.transport ??= { playing: false, waiting: null, epoch: data.epoch, sent: 0, shown: data.step })
  const { step: now, length, unit } = data

  if (memory.epoch !== data.epoch) Object.assign(memory, { playing: false, epoch: data.epoch, waiting: null })
  if (memory.waiting === null || memory.waiting === now) {
    memory.waiting = null
    memory.shown = now
  }
  const clamp = value => Math.min(Math.max(value, 0), length)
  const say = (to, more) => {
    memory.waiting = to === now ? null : to
    memory.sent = performance.now()
    setTriggerValue("move", { to, playing: memory.playing, speed: speed.value, ...more })
  }
  const draw = () => {
    const ended = memory.shown >= length
    const words = memory.playing ? "❚❚ Pause" : "▶ " + (data.play ?? "Play")
    if (play.textContent !== words) play.textContent = words
    play.disabled = ended && !memory.playing
    step.disabled = leap.disabled = ended
    reset.disabled = memory.shown === 0 && !memory.playing
    output.textContent = `${memory.shown.toLocaleString("en")} of ${length.toLocaleString("en")} ${unit}`
  }
  const go = to => { memory.shown = clamp(to); draw(); say(memory.shown) }
  // A step that is asked for while the last one is still being shown would cut it short, and the figure would fall behind.
  const showing = () => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running" ||
    [...document.querySelectorAll(".stPlotlyChart")].some(chart => !chart.querySelector(".js-plotly-plot .main-svg"))
  const tick = () => {
    window.clearTimeout(memory.timer)
    if (!memory.playing) return
    if (memory.shown >= length) return pause()
    const [steps, pause_ms] = data.speeds[speed.value]
    const since = performance.now() - memory.sent
    // An answer that never comes, as after the server was restarted, must not stop the show for good.
    const late = (memory.waiting !== null || showing()) && since < 3000
    if (!late && since >= pause_ms - 4) {
      memory.shown = clamp(memory.shown + steps)
      range.value = memory.shown
      draw()
      say(memory.shown)
    }
    memory.timer = window.setTimeout(tick, late ? 10 : Math.max(pause_ms - since, 4))
  }
  const pause = () => { memory.playing = false; window.clearTimeout(memory.timer); draw(); say(memory.shown) }
  const toggle = () => {
    if (memory.playing) return pause()
    if (memory.shown >= length) return
    memory.playing = true
    draw()
    tick()
  }

  step.textContent = data.stepLabel
  leap.hidden = !data.leap
  leap.textContent = data.leap?.[0] ?? ""
  range.max = length
  range.setAttribute("aria-label", `Position, in ${unit}`)
  if (document.activeElement !== host.host || !memory.dragging) range.value = memory.shown
  if (memory.speed !== data.speed) speed.value = memory.speed = data.speed
  play.onclick = toggle
  step.onclick = () => { memory.playing = false; go(memory.shown + 1) }
  leap.onclick = () => { memory.playing = false; go(memory.shown + data.leap[1]) }
  reset.onclick = () => { memory.playing = false; go(0) }
  range.oninput = () => { memory.playing = false; memory.dragging = true; memory.shown = Number(range.value); draw() }
  range.onchange = () => { memory.dragging = false; go(Number(range.value)) }
  speed.onchange = () => { memory.speed = speed.value; say(memory.shown) }

  if (host.transportKeys) window.removeEventListener("keydown", host.transportKeys)
  host.transportKeys = event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    const at = event.composedPath()[0]
    const words = at.isContentEditable || at.tagName === "TEXTAREA" || at.tagName === "SELECT" ||
      (at.tagName === "INPUT" && at.type !== "range" && at.type !== "checkbox" && at.type !== "radio")
    if (words) return
    const presses = ["BUTTON", "A", "SUMMARY"].includes(at.tagName) || (at.tagName === "INPUT" && at.type !== "range") ||
      ["button", "radio", "checkbox", "switch", "option", "tab"].includes(at.getAttribute?.("role"))
    if (event.key === " " && !presses) { event.preventDefault(); toggle() }
    if (event.key.toLowerCase() === "s" && !event.shiftKey && !step.disabled) { event.preventDefault(); step.click() }
  }
  window.addEventListener("keydown", host.transportKeys)

  draw()
  if (memory.playing) tick()
  return () => {
    window.clearTimeout(memory.timer)
    memory.playing = false
    window.removeEventListener("keydown", host.transportKeys)
  }
}
"""


def transport_controls(length: int) -> dict[str, Control]:
    """The table of a transport's controls, for a page's state.

    Args:
        length: the last step.

    Example:
        >>> transport_controls(200)["step"]
        Whole(default=0, low=0, high=200)
    """
    return {"step": Whole(0, 0, length), "speed": Choice("normal", list(SPEEDS))}


def transport(
    state: PageState,
    name: str = "step",
    *,
    length: int | None = None,
    of: Hashable = None,
    play: str = "Play",
    step_label: str = "Step",
    leap: tuple[str, int] | None = None,
    unit: str = "steps",
) -> int:
    """Draws the controls and returns the step on show; call it inside a fragment, which alone runs again at each tick.

    Space plays and pauses, S makes one step. The address holds the step while nothing plays.

    Args:
        state: a page's state whose table holds what :func:`transport_controls` returns.
        name: of the control that holds the step.
        length: the last step, where it is before the control's highest.
        of: what is played. Once it differs from the last time, the step is 0 again and nothing plays.
        play: label of the button that plays.
        step_label: label of the button for one step.
        leap: label and number of steps of one more button.
        unit: what the steps are called.
    """
    key, control = state.key(name), state.controls[name]
    assert isinstance(control, Whole)
    length = control.high if length is None else length
    played = f"_{key}_of"
    epoch, playing = f"_{key}_epoch", f"_{key}_playing"
    if played in st.session_state and st.session_state[played] != of:
        st.session_state[key] = 0
        st.session_state[epoch] = st.session_state.get(epoch, 0) + 1
        st.session_state[playing] = False
    st.session_state[played] = of
    shown = min(state.get(name), length)
    if not st.session_state.get(playing):  # browsers bear few changes of the address a second
        state.put(name, shown)
    data: Mapping[str, Any] = {
        "step": shown,
        "length": length,
        "unit": unit,
        "play": play,
        "stepLabel": step_label,
        "leap": leap,
        "speeds": SPEEDS,
        "speed": state.get("speed"),
        "epoch": st.session_state.get(epoch, 0),
    }
    component = f"{key}_transport"
    _component()(key=component, data=data, on_move_change=lambda: _moved(state, name, component))
    return shown


def _moved(state: PageState, name: str, component: str) -> None:
    """Takes what the browser asks for."""
    asked = st.session_state[component].move
    if not isinstance(asked, Mapping):
        return
    key = state.key(name)
    st.session_state[key] = state.controls[name].read(str(asked.get("to")))
    st.session_state[f"_{key}_playing"] = asked.get("playing") is True
    state.put("speed", state.controls["speed"].read(str(asked.get("speed"))))


@st.cache_resource
def _component():  # type: ignore[no-untyped-def]
    return st.components.v2.component("hypergeo_transport", html=_HTML, css=_CSS, js=_SCRIPT)
