"""What a transport is in the browser: its buttons, how they look, and the script that keeps time."""

from __future__ import annotations

from .live_figure import PAINTER

__all__ = ["HTML", "LOOK", "SCRIPT"]

HTML = """
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

LOOK = """
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

SCRIPT = (
    """
export default function (component) {
"""
    + PAINTER
    + """
  const { data, setTriggerValue, parentElement } = component
  const host = parentElement
  const find = selector => parentElement.querySelector(selector)
  const [reset, play, step, leap, range, output, speed] =
    [".reset", ".play", ".step", ".leap", "input", "output", "select"].map(find)
  const memory = (host.transport ??= { playing: false, waiting: null, epoch: data.epoch, sent: 0, shown: data.step })
  const { step: now, length, unit, film } = data

  if (memory.epoch !== data.epoch) Object.assign(memory, { playing: false, epoch: data.epoch, waiting: null })
  if (memory.film !== film?.number) Object.assign(memory, { film: film?.number, reel: [], taken: null, page: null })
  if (memory.waiting === null || memory.waiting === now) {
    memory.waiting = null
    if (!memory.playing || !film?.pictures.length) memory.shown = now
  }
  if (film?.pictures.length && memory.taken !== film.pictures.at(-1).step) {
    memory.taken = film.pictures.at(-1).step
    // A server that took too long was asked twice.
    const last = memory.reel.at(-1)?.step ?? memory.shown
    if (memory.playing) memory.reel.push(...film.pictures.filter(one => one.step > last))
  }
  const clamp = value => Math.min(Math.max(value, 0), length)
  const say = (to, more) => {
    // What was asked for before is still on its way, and is not what is wanted any more.
    memory.waiting = to === now && memory.waiting === null ? null : to
    memory.sent = performance.now()
    if (!memory.playing) document.dispatchEvent(new Event("hypergeo:rest"))
    setTriggerValue("move", { to, epoch: data.epoch, playing: memory.playing, speed: speed.value, ...more })
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
  // The words on the page are those of the step that the server knows, which is ahead of the picture while it plays: until it
  // comes to rest, a copy with the picture's words lies over them.
  const place = () => document.querySelector(`.st-key-${film.words}`)
  const covering = "film-covers-" + film?.words
  const cover = () => {
    const words = place()?.querySelector('[data-testid="stMarkdown"]:not(.film-words)')
    if (words && !place().querySelector(".film-words")) {
      const copy = words.cloneNode(true)
      copy.classList.add("film-words")
      place().appendChild(copy)
    }
    if (!document.getElementById(covering))
      document.head.insertAdjacentHTML("beforeend", `<style id="${covering}">
        .st-key-${film.words} { position: relative }
        .st-key-${film.words} > :not(.film-words) { visibility: hidden }
        .film-words { position: absolute; top: 0; left: 0; right: 0 }
      </style>`)
  }
  const uncover = () => {
    document.getElementById(covering)?.remove()
    place()?.querySelector(".film-words")?.remove()
  }
  const tell = said => {
    cover()
    place()?.querySelector(".film-words p")?.replaceChildren(...said.split("**").map((part, at) => {
      if (at % 2 === 0) return part
      const strong = document.createElement("strong")
      strong.textContent = part
      return strong
    }))
  }
  const show = one => {
    paint(film.figure, one.drawing, memory)
    tell(one.words)
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
    if (film) return roll(steps, pause_ms)
    const since = performance.now() - memory.sent
    // An answer that never comes, as after the server was restarted, must not stop the show for good.
    const late = (memory.waiting !== null || showing()) && since < 15000
    if (!late && since >= pause_ms - 4) {
      memory.shown = clamp(memory.shown + steps)
      range.value = memory.shown
      draw()
      say(memory.shown)
    }
    memory.timer = window.setTimeout(tick, late ? 10 : Math.max(pause_ms - since, 4))
  }
  const roll = (steps, pause_ms) => {
    const now = performance.now()
    const pictures = Math.ceil(data.ahead / pause_ms)
    const busy = (memory.waiting !== null || showing()) && now - memory.sent < 15000
    // Where the browser draws slower than asked for, a fast film keeps its pace by longer strides.
    const stride = steps === 1 ? 1 : Math.round(steps * Math.min(Math.max((memory.pace ?? pause_ms) / pause_ms, 1), 3))
    if (!busy && memory.reel.length <= pictures * 0.8) {
      const last = memory.reel.at(-1)?.step ?? memory.shown
      if (last < length) say(clamp(last + stride * pictures), { from: last, stride })
    }
    if (memory.reel.length && now - (memory.painted ?? 0) >= pause_ms - 4) {
      const one = memory.reel.shift()
      if (memory.painted && now - memory.painted < 5 * pause_ms)
        memory.pace = 0.8 * (memory.pace ?? pause_ms) + 0.2 * (now - memory.painted)
      memory.painted = now
      memory.shown = one.step
      range.value = memory.shown
      draw()
      show(one)
    }
    const left = pause_ms - (performance.now() - (memory.painted ?? 0))
    memory.timer = window.setTimeout(tick, memory.reel.length ? Math.max(left, 4) : 15)
  }
  const pause = () => {
    Object.assign(memory, { playing: false, reel: [] })
    window.clearTimeout(memory.timer)
    draw()
    say(memory.shown)
  }
  const toggle = () => {
    if (memory.playing) return pause()
    if (memory.shown >= length) return
    memory.playing = true
    if (film) cover()
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
  speed.onchange = () => {
    memory.speed = speed.value
    if (!film || !memory.playing) say(memory.shown)
  }

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
  if (memory.playing && film) cover()
  if (memory.playing) tick()
  else if (film && memory.waiting === null) uncover()
  return () => {
    window.clearTimeout(memory.timer)
    if (film) uncover()
    memory.playing = false
    window.removeEventListener("keydown", host.transportKeys)
  }
}
"""
)
