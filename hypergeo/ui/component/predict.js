// The card of a prediction: a bar to drag, an arrow to turn or options to pick, each a native input, and the answer after it is
// revealed. The messages are described in predict.py.

import { addStyles, boldWords, isWriting, make, mounting } from "./page.js"

const PAUSE = 600 // milliseconds after the last key at which a guess is sent
const CENTRE = [100, 98] // centre of the triangle, in units of the drawing
const CORNERS = [[14, 148], [186, 148], [100, -1]]
const SVG = "http://www.w3.org/2000/svg"

class Card {
  constructor(host) {
    addStyles()
    addStyles("predict.css")
    this.host = host
    this.root = make("section", { class: "hg-predict", "aria-label": "Prediction" })
    this.place()
    this.mode = new MutationObserver(() => this.place())
    this.mode.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] })
    this.keys = event => this.key(event)
    window.addEventListener("keydown", this.keys)
  }

  leave() {
    clearTimeout(this.late)
    this.mode.disconnect()
    window.removeEventListener("keydown", this.keys)
    this.root.remove()
    window.dispatchEvent(new Event("resize"))
  }

  /** In stage mode the card is part of the stage, above its figure. */
  place() {
    const tour = document.querySelector(".hg-staged .hg-stage .hg-tour")
    const home = tour?.parentElement ?? this.host
    if (this.root.parentElement === home) return
    if (tour) tour.after(this.root)
    else home.append(this.root)
    window.dispatchEvent(new Event("resize"))
  }

  update({ data, setTriggerValue }) {
    this.send = setTriggerValue
    if (data === this.bytes) return
    this.bytes = data
    this.data = JSON.parse(new TextDecoder().decode(data))
    const { stop, revealed, sentence, label } = this.data
    const shape = JSON.stringify([stop, revealed, sentence, label])
    if (shape !== this.shape) this.build()
    else if (!this.late && !this.held) this.guess = this.data.guess
    this.shape = shape
    this.show()
    this.place()
  }

  build() {
    const { revealed, locked, sentence, right, label, kind } = this.data
    this.guess = this.data.guess
    const part = { bar: this.bar, arrow: this.arrow, pick: this.pick }[kind].call(this)
    const head = make("p", { class: "hg-asked" }, make("strong", { textContent: "Predict. " }), label)
    const button = (text, message, title) =>
      make("button", { type: "button", title, textContent: text, onclick: () => this.tell(message) })
    const foot = []
    if (revealed) {
      const mark = right === true ? "true" : right === false ? "false" : ""
      foot.push(make("p", { class: "hg-verdict", role: "status", "data-right": mark }, ...boldWords(sentence)))
      foot.push(button("Ask again", { again: true }, "Hides the answer"))
    } else if (locked) foot.push(make("p", { class: "hg-locked", textContent: "The answer is shown by the teacher." }))
    else foot.push(button("Reveal", { reveal: true }, "R reveals the answer"))
    foot.at(-1).classList.add("hg-last")
    this.root.replaceChildren(head, part, ...foot)
    window.dispatchEvent(new Event("resize"))
  }

  // Kinds

  range(min, max, step, value, label) {
    const range = make("input", { type: "range", min, max, step, "aria-label": label, disabled: this.data.revealed })
    range.value = value
    range.oninput = () => this.take(Number(range.value))
    range.onpointerdown = () => (this.held = true)
    range.onchange = () => {
      if (this.held) this.commit()
      this.held = false
    }
    return range
  }

  bar() {
    const { low, high, step, unit, label, start, truth, guess } = this.data
    const share = number => `${100 * Math.min(Math.max((number - low) / (high - low), 0), 1)}%`
    const asText = number => `${Number(number.toFixed(6))}${unit ? (unit === "%" ? "\u202f%" : `\u00a0${unit}`) : ""}`
    const range = this.range(low, high, step, guess ?? start ?? (low + high) / 2, label)
    const fill = make("span", { class: "hg-fill" })
    const marks = [fill]
    if (start !== null) marks.push(make("span", { class: "hg-now", style: `left: ${share(start)}` }, make("span", {}, "now")))
    if (truth !== undefined) marks.push(make("span", { class: "hg-truth", style: `width: ${share(truth)}` }))
    const output = make("output")
    this.show = () => {
      fill.style.width = share(this.guess ?? start ?? (low + high) / 2)
      fill.classList.toggle("hg-faint", this.guess === null)
      if (this.guess !== null) range.value = this.guess
      output.textContent = this.guess === null ? "drag the bar" : asText(this.guess)
      range.setAttribute("aria-valuetext", this.guess === null ? "no guess yet" : asText(this.guess))
    }
    const track = make("div", { class: "hg-guess" }, ...marks, range)
    const limits = [low, high].map(limit => make("span", {}, asText(limit)))
    const ends = make("div", { class: "hg-ends", "aria-hidden": "true" }, ...limits)
    return make("div", { class: "hg-bar-part" }, make("div", {}, track, ends), output)
  }

  arrow() {
    const { step, label, directions, truth } = this.data
    const range = this.range(0, 360 - step, step, this.guess ?? 90, label)
    const draw = (name, attributes, ...children) => {
      const element = document.createElementNS(SVG, name)
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
      element.append(...children)
      return element
    }
    const shape = "M 0 -3 H 44 V -9 L 62 0 L 44 9 V 3 H 0 Z"
    const turned = angle => `translate(${CENTRE}) rotate(${-angle})`
    const hand = draw("path", { class: "hg-hand", d: shape })
    const texts = [[14, 164, "start"], [186, 164, "end"], [112, 10, "start"]].map(([x, y, anchor], at) =>
      draw("text", { x, y, "text-anchor": anchor }, `Group ${at + 1}`))
    const picture = draw("svg", { viewBox: "0 -6 200 176", role: "presentation" },
      draw("polygon", { points: CORNERS.join(" ") }), ...texts, hand)
    if (truth !== undefined) picture.append(draw("path", { class: "hg-true", d: shape, transform: turned(truth) }))
    const near = angle => Object.entries(directions).map(([at, words]) => [Math.abs(((angle - at + 540) % 360) - 180), words])
    const words = angle => `${angle}°, ${near(angle).sort((one, other) => one[0] - other[0])[0][1]}`
    const output = make("output")
    this.show = () => {
      hand.setAttribute("transform", turned(this.guess ?? 90))
      hand.classList.toggle("hg-faint", this.guess === null)
      if (this.guess !== null) range.value = this.guess
      output.textContent = this.guess === null ? "turn the arrow" : words(this.guess)
      range.setAttribute("aria-valuetext", this.guess === null ? "no guess yet" : words(this.guess))
    }
    const point = event => {
      if (this.data.revealed || (event.type === "pointermove" && !this.held)) return
      const { left, top, width, height } = picture.getBoundingClientRect()
      const across = ((event.clientX - left) / width) * 200 - CENTRE[0]
      const up = CENTRE[1] - (((event.clientY - top) / height) * 176 - 6)
      const angle = (Math.atan2(up, across) * 180) / Math.PI
      this.held = true
      this.take((Math.round((angle + 360) / step) * step) % 360)
    }
    picture.onpointerdown = event => {
      picture.setPointerCapture(event.pointerId)
      point(event)
    }
    picture.onpointermove = point
    picture.onpointerup = picture.onpointercancel = () => {
      if (this.held) this.commit()
      this.held = false
    }
    return make("div", { class: "hg-arrow-part" }, picture, make("div", {}, range, output))
  }

  pick() {
    const { options, label, truth, revealed } = this.data
    const name = `hg-pick-${Math.random().toString(36).slice(2)}`
    const inputs = options.map((_, at) => {
      const input = make("input", { type: "radio", name, value: at + 1, disabled: revealed })
      input.onchange = () => this.take(at + 1)
      return input
    })
    this.show = () => inputs.forEach((input, at) => (input.checked = at + 1 === this.guess))
    const labels = inputs.map((input, at) =>
      make("label", { class: at + 1 === truth ? "hg-true" : null }, input, make("span", {}, options[at])))
    return make("div", { class: "hg-options", role: "radiogroup", "aria-label": label }, ...labels)
  }

  // Guesses

  take(guess) {
    this.guess = guess
    this.show()
    clearTimeout(this.late)
    this.late = this.held ? undefined : setTimeout(() => this.commit(), PAUSE)
  }

  commit() {
    clearTimeout(this.late)
    this.late = undefined
    if (this.guess !== this.data.guess) this.tell({})
  }

  tell(message) {
    clearTimeout(this.late)
    this.late = undefined
    this.send("answer", { stop: this.data.stop, guess: this.guess, ...message })
  }

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.composedPath()[0])) return
    if (event.key.toLowerCase() !== "r" || !this.data || this.data.revealed || this.data.locked) return
    event.preventDefault()
    this.tell({ reveal: true })
  }
}

export default mounting(Card)
