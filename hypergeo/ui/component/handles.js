// Handles of a figure: marks that are dragged and areas that are pressed, by pointer or keyboard. They change controls of the
// page while they move, and commit on release. The messages are described in handles.py.

import { make } from "./page.js"

const LEAP = 5 // steps of an arrow key while Shift is down
const KEYS = 600 // milliseconds after the last key at which its change is committed
const ARROWS = { ArrowRight: ["right", 1], ArrowLeft: ["right", -1], ArrowUp: ["up", 1], ArrowDown: ["up", -1] }

export class Handles {
  /** `stage` has the figure's `plot` and `frame`, `ask` for questions to the server, and `open()`, whether one is open. */
  constructor(stage) {
    this.stage = stage
    this.layer = make("div", { class: "hg-handles" })
    this.grips = new Map() // by name of the handle
    stage.frame.append(this.layer)
    stage.frame.addEventListener("pointermove", event => this.hover(event))
    stage.frame.addEventListener("pointerleave", () => this.hover())
    stage.frame.addEventListener("click", event => {
      if (!event.detail || event.target.closest(".hg-handle")) return // clicks by key and drags are handled by the element
      const grip = this.under(event)
      if (grip) this.press(grip, event.shiftKey ? -1 : 1, this.point(grip, event))
    })
  }

  /** Places the handles of a picture over it. A handle that is being dragged keeps its place. */
  show(handles, layout) {
    this.layout = layout
    this.layer.style.transform = this.stage.plot.style.transform
    const names = new Set(handles.map(handle => handle.name))
    for (const [name, grip] of this.grips) {
      if (names.has(name)) continue
      grip.element.remove()
      this.grips.delete(name)
    }
    for (const handle of handles) {
      if (!this.grips.has(handle.name)) this.add(handle.name)
      const grip = this.grips.get(handle.name)
      const led = grip === this.held || this.waiting?.grip === grip
      Object.assign(grip, { handle, at: led ? grip.at : handle.at })
      for (const name of ["aria-label", "title"]) grip.element.setAttribute(name, handle.label)
      this.place(grip)
    }
    // The Tab key follows the order of the elements. Moving an element would remove the focus.
    const order = handles.map(handle => this.grips.get(handle.name).element)
    const wrong = order.some((element, at) => this.layer.children[at] !== element)
    if (wrong && !this.layer.contains(document.activeElement)) this.layer.append(...order)
  }

  leave() {
    clearTimeout(this.late)
    document.documentElement.classList.remove("hg-holding")
  }

  add(name) {
    const element = make("button", { type: "button", "data-name": name })
    const grip = { element }
    element.onkeydown = event => this.key(grip, event)
    element.onclick = event => grip.handle.size && !event.detail && this.press(grip, event.shiftKey ? -1 : 1)
    element.onpointerdown = event => this.take(grip, event)
    this.grips.set(name, grip)
    this.layer.append(element)
  }

  place({ element, handle, at }) {
    const [x, y] = handle.axes.map(name => this.axis(name))
    const vertical = !handle.size && !handle.right[0] && !handle.up[0]
    element.className = handle.size ? "hg-area" : `hg-handle${vertical ? " hg-vertical" : ""}`
    const [width, height] = handle.size ?? [0, 0]
    const style = { left: `${x.pixel(at[0])}px`, top: `${y.pixel(at[1])}px` }
    element.tabIndex = handle.by_pointer ? -1 : 0
    if (handle.size) Object.assign(style, { width: `${x.length(width)}px`, height: `${y.length(height)}px` })
    Object.assign(element.style, style)
  }

  /** Pixels of a linear axis, computed from margins, domain and range, because plotly.js has no public function for them. */
  axis(name) {
    const of = key => {
      const { margin, width, height } = this.layout
      const across = key[0] === "x"
      const axis = this.layout[`${key[0]}axis${key.slice(1)}`]
      const room = across ? width - margin.l - margin.r : height - margin.t - margin.b
      const [low, high] = axis.domain
      const middle = ((low + high) / 2) * room
      const start = across ? margin.l + middle : height - margin.b - middle
      return { axis, middle: start, unit: (room * (high - low)) / (axis.range[1] - axis.range[0]), sign: across ? 1 : -1 }
    }
    const own = of(name)
    const anchor = own.axis.scaleanchor ?? this.anchored(name)
    // Axes with the same scale are as long as the shorter one allows, around the middle of their domains.
    const unit = own.sign * (anchor ? Math.sign(own.unit) * Math.min(Math.abs(own.unit), Math.abs(of(anchor).unit)) : own.unit)
    const centre = (own.axis.range[0] + own.axis.range[1]) / 2
    return {
      pixel: value => own.middle + unit * (value - centre),
      value: pixel => centre + (pixel - own.middle) / unit,
      length: size => Math.abs(unit) * size,
    }
  }

  /** Name of the axis whose scale follows that of another one. */
  anchored(name) {
    const entry = Object.entries(this.layout).find(([key, value]) => /^[xy]axis\d*$/.test(key) && value.scaleanchor === name)
    return entry?.[0].replace("axis", "")
  }

  // The pointer

  under({ clientX, clientY }) {
    return [...this.grips.values()].find(({ element, handle }) => {
      if (!handle?.size) return false
      const { left, right, top, bottom } = element.getBoundingClientRect()
      return left <= clientX && clientX < right && top <= clientY && clientY < bottom
    })
  }

  hover(event) {
    const over = event && this.under(event)
    this.stage.frame.classList.toggle("hg-over", Boolean(over))
    for (const grip of this.grips.values()) grip.element.classList.toggle("hg-over", grip === over)
  }

  take(grip, event) {
    if (grip.handle.size || event.button) return
    const { element } = grip
    event.preventDefault()
    element.focus({ preventScroll: true })
    element.setPointerCapture(event.pointerId)
    this.held = grip
    element.onpointermove = moved => {
      grip.at = this.point(grip, moved)
      this.place(grip)
      this.send(grip, { at: grip.at })
    }
    element.onpointerup = element.onpointercancel = () => {
      element.onpointermove = element.onpointerup = element.onpointercancel = null
      this.held = null
      this.send(grip, { at: grip.at, commit: true })
    }
  }

  /** Position of an event in the coordinates of a handle's axes. */
  point(grip, { clientX, clientY }) {
    const box = this.layer.getBoundingClientRect()
    const { scale } = this.stage.space
    const [x, y] = grip.handle.axes.map(name => this.axis(name))
    return [x.value((clientX - box.left) / scale), y.value((clientY - box.top) / scale)]
  }

  press(grip, by, at = grip.handle.at) {
    const cell = `${at.map(Math.round)}`
    const again = this.waiting?.grip === grip && (!grip.handle.by_pointer || `${this.waiting.move.at.map(Math.round)}` === cell)
    this.send(grip, { by: (again ? this.waiting.move.by : 0) + by, at, commit: true })
  }

  // The keyboard

  key(grip, event) {
    const arrow = ARROWS[event.key]
    if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation() // in stage mode these keys would move the tour
    if (grip.handle.size) return this.press(grip, arrow[1])
    const [direction, sign] = arrow
    const step = sign * (event.shiftKey ? LEAP : 1)
    grip.at = grip.at.map((value, axis) => value + step * grip.handle[direction][axis])
    this.place(grip)
    this.send(grip, { at: grip.at })
    clearTimeout(this.late)
    this.late = setTimeout(() => this.send(grip, { at: grip.at, commit: true }), KEYS)
  }

  // To the server

  /** Sends the position of a handle, or its presses. While a question is open, only the newest message waits. */
  send(grip, move) {
    document.documentElement.classList.add("hg-holding")
    this.waiting = { grip, move }
    this.answered()
  }

  /** Sends the waiting message after the last question has been answered. */
  answered() {
    if (this.stage.open()) return
    if (this.waiting) {
      const { grip, move } = this.waiting
      this.waiting = null
      this.committed = move.commit
      this.stage.ask({ to: this.stage.position, handle: grip.handle.name, ...move })
    } else if (this.committed) {
      this.committed = false
      document.documentElement.classList.remove("hg-holding")
      for (const grip of this.grips.values()) {
        grip.at = grip.handle.at // the position to which it has snapped
        this.place(grip)
      }
    }
  }
}
