// Live controls: native inputs that send their values while they move, each one after the answer to the last, and commit on
// release. The messages are described in controls.py.

import { addStyles, make, mounting } from "./page.js"

const PATIENCE = 5000 // milliseconds after which an answer is no longer expected
const KEYS = 600 // milliseconds after the last key of a slider at which it is committed

class Panel {
  constructor(host) {
    addStyles()
    this.root = make("div", { class: "hg-controls" })
    host.append(this.root)
    this.rows = new Map() // by name of the control
    this.changed = {} // values that have not been sent to the server
    this.serial = 0
    this.asked = 0
    this.played = undefined // name and value of the control that the stage plays, in the picture that it shows
    this.listeners = new AbortController()
    document.addEventListener("hypergeo:position", event => this.follow(event.detail), { signal: this.listeners.signal })
  }

  leave() {
    this.listeners.abort()
    this.root.remove()
    clearTimeout(this.timer)
    clearTimeout(this.late)
    document.documentElement.classList.remove("hg-moving")
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue
    if (data === this.bytes) return
    this.bytes = data
    const { answered, sections } = JSON.parse(new TextDecoder().decode(data))
    if (answered === this.serial || answered === 0) this.asked = 0
    if (!this.asked && this.released) document.documentElement.classList.remove("hg-moving")
    this.lay(sections)
    this.send()
  }

  /** Puts the controls of each section in their order. Existing ones are not replaced, because the reader may be moving one. */
  lay(sections) {
    const named = new Set(sections.flatMap(section => section.knobs.map(knob => knob.name)))
    for (const [name, row] of this.rows) if (!named.has(name)) this.drop(name, row)
    sections.forEach((section, at) => {
      let box = this.root.children[at]
      if (!box || box.dataset.title !== section.title) {
        box = section.title
          ? make("details", { open: section.open, "data-title": section.title }, make("summary", {}, section.title))
          : make("div", { "data-title": "" })
        box.append(make("div", { class: "hg-rows" }))
        this.root.insertBefore(box, this.root.children[at] ?? null)
      }
      const rows = box.querySelector(".hg-rows")
      section.knobs.forEach((knob, place) => {
        const shape = JSON.stringify({ ...knob, value: null })
        let row = this.rows.get(knob.name)
        if (row && row.shape !== shape) {
          this.drop(knob.name, row)
          row = undefined
        }
        if (!row) this.rows.set(knob.name, (row = { ...this.build(knob), shape }))
        if (rows.children[place] !== row.element) rows.insertBefore(row.element, rows.children[place] ?? null)
        if (row.held || knob.name in this.changed || this.asked) return
        row.set(knob.name === this.played?.name ? this.played.value : knob.value)
      })
    })
    while (this.root.children.length > sections.length) this.root.lastElementChild.remove()
  }

  /** Shows the value of the picture in the control that the stage plays. */
  follow(played) {
    this.played = played
    const row = this.rows.get(played?.name)
    if (row && !row.held && !this.asked && !(played.name in this.changed)) row.set(played.value)
  }

  drop(name, row) {
    row.element.remove()
    this.rows.delete(name)
  }

  build(knob) {
    const kinds = { range: this.slider, choice: this.choice, list: this.list, stepper: this.stepper, switch: this.switch }
    return kinds[knob.kind].call(this, knob)
  }

  label(knob) {
    const look = { class: "hg-swatch", style: `background: ${knob.colour}`, "aria-hidden": "true" }
    const swatch = knob.colour && make("span", look)
    return make("span", { class: "hg-label", title: knob.help || null }, ...(swatch ? [swatch] : []), knob.label)
  }

  slider(knob) {
    const { options, low, high } = knob
    const input = make("input", { type: "range", min: options ? 0 : low, max: options ? options.length - 1 : high, step: 1 })
    const output = make("output")
    const element = make("label", { class: "hg-row hg-slider", "data-name": knob.name }, this.label(knob), input, output)
    const row = { element, held: false }
    const read = () => (options ? options[input.value] : input.value)
    const say = () => {
      output.textContent = read()
      input.setAttribute("aria-valuetext", read())
      const share = (input.value - input.min) / (input.max - input.min || 1)
      input.style.setProperty("--share", `${100 * share}%`)
    }
    row.set = value => {
      const place = options ? options.indexOf(value) : value
      if (String(place) !== input.value) input.value = place
      say()
    }
    input.setAttribute("aria-label", knob.label)
    const release = () =>
      setTimeout(() => {
        if (row.held && row.moved) this.move(knob.name, read(), true) // back at its start: the browser reports no change
        row.held = false
      })
    input.onpointerdown = () => {
      Object.assign(row, { held: true, moved: false })
      for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, release, { once: true })
    }
    input.oninput = () => {
      row.moved = true
      say()
      this.move(knob.name, read(), false)
    }
    input.onchange = () => {
      if (row.held) this.move(knob.name, read(), true)
      else this.commitSoon() // moved by a key: the value has been sent
      row.held = false
    }
    return row
  }

  choice(knob) {
    const name = `hg-${knob.name}-${Math.random().toString(36).slice(2)}`
    const inputs = knob.options.map(value => {
      const input = make("input", { type: "radio", name, value })
      input.onchange = () => this.move(knob.name, value, true)
      return input
    })
    const options = inputs.map((input, at) => make("label", {}, input, make("span", {}, knob.options[at])))
    const attributes = { class: "hg-row hg-choice", role: "radiogroup", "aria-label": knob.label, "data-name": knob.name }
    const element = make("div", attributes, this.label(knob), make("div", { class: "hg-options" }, ...options))
    return { element, set: value => inputs.forEach(input => (input.checked = input.value === value)) }
  }

  list(knob) {
    const options = knob.options.map(value => make("option", { value }, value))
    const input = make("select", { "aria-label": knob.label }, ...options)
    input.onchange = () => this.move(knob.name, input.value, true)
    const element = make("label", { class: "hg-row hg-list", "data-name": knob.name }, this.label(knob), input)
    return { element, set: value => (input.value = value) }
  }

  stepper(knob) {
    const { low, high } = knob
    const bounds = { min: low, max: high, step: 1 }
    const input = make("input", { type: "number", inputmode: "numeric", "aria-label": knob.label, ...bounds })
    const clamped = value => Math.min(Math.max(Math.round(Number(value) || 0), low), high)
    const go = value => {
      input.value = clamped(value)
      this.move(knob.name, input.value, true)
    }
    input.onchange = () => go(input.value)
    const button = (text, by, words) =>
      make("button", { type: "button", "aria-label": words, onclick: () => go(Number(input.value) + by) }, text)
    const lower = button("−", -1, `${knob.label}, one less`)
    const higher = button("+", 1, `${knob.label}, one more`)
    const box = make("span", { class: "hg-stepper" }, lower, input, higher)
    const element = make("div", { class: "hg-row", "data-name": knob.name }, this.label(knob), box)
    return {
      element,
      set: value => {
        if (document.activeElement !== input && input.value !== String(value)) input.value = value
      },
    }
  }

  switch(knob) {
    const input = make("input", { type: "checkbox", role: "switch" })
    input.onchange = () => this.move(knob.name, String(input.checked), true)
    const element = make("label", { class: "hg-row hg-switch", "data-name": knob.name }, input, this.label(knob))
    return { element, set: value => (input.checked = value === "true") }
  }

  // To the server

  move(name, value, commit) {
    this.changed[name] = value
    this.released = false
    document.documentElement.classList.add("hg-moving")
    if (commit) this.commit()
    else this.send()
  }

  commitSoon() {
    clearTimeout(this.late)
    this.late = setTimeout(() => this.commit(), KEYS)
  }

  commit() {
    clearTimeout(this.late)
    this.committing = true
    this.send()
  }

  send() {
    clearTimeout(this.timer)
    const busy = this.asked && performance.now() - this.asked < PATIENCE
    if (!this.committing && !Object.keys(this.changed).length) return
    if (busy) {
      this.timer = setTimeout(() => this.send(), PATIENCE)
      return
    }
    this.serial += 1
    this.asked = performance.now()
    const { changed: values, committing: commit = false } = this
    Object.assign(this, { changed: {}, committing: false })
    this.released = commit
    const at = document.querySelector(".hg-stage[data-playing=true]")?.dataset.position
    this.setStateValue("live", { serial: this.serial, values, commit, at })
  }
}

export default mounting(Panel)
