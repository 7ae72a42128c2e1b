// The elements of a stage: playback bar, note, sentence, tour and the frame of the figure.

import { make } from "./page.js"

/** Creates the elements, whose events call the stage's methods. */
export function buildParts(stage) {
  const button = (name, title, onclick, text = "") =>
    make("button", { type: "button", class: name, title, onclick, textContent: text })
  const reset = button("hg-reset", "Back to the start", () => stage.go(0), "Reset")
  const play = button("hg-play", "Space plays and pauses", () => stage.toggle())
  const step = button("hg-step", "S makes one step", () => stage.go(stage.goal() + 1))
  const leap = button("hg-leap", "", () => stage.go(stage.goal() + stage.data.bar.leap[1]))
  const range = make("input", { type: "range", min: 0, step: 1 })
  range.oninput = () => stage.scrub(false)
  range.onchange = () => stage.scrub(true)
  const output = make("output")
  const speed = make("select", {}, ...["slow", "normal", "fast"].map(name => make("option", { value: name }, name)))
  speed.onchange = () => {
    if (!stage.playing) stage.ask({ to: stage.position, commit: true })
  }
  const mode = button("hg-mode", "Fills the window; Esc leaves", () => stage.toggleMode(), "Stage")
  const bar = make(
    "div",
    { class: "hg-bar", role: "group", "aria-label": "Playback" },
    ...[play, step, leap, reset, range, output],
    make("label", { class: "hg-speed" }, "Speed ", speed),
  )
  const note = make("p", { class: "hg-note" })
  const sentence = make("p", { class: "hg-sentence", "aria-live": "polite" })
  const tour = make("div", { class: "hg-tour" })
  const plot = make("div", { class: "hg-plot", role: "img" })
  const frame = make("div", { class: "hg-frame" }, plot)
  const head = make("div", { class: "hg-head" }, bar, mode)
  const parts = [tour, head, note, sentence, frame]
  const root = make("section", { class: "hg-stage", "aria-label": "Figure", tabindex: -1 }, ...parts)
  return { root, bar, reset, play, step, leap, range, output, speed, mode, note, sentence, tour, plot, frame }
}
