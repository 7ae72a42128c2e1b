// The stage: a figure, its playback bar and its sentence. They change together.
// stage.py describes the messages, pictures.py the pictures in them.

import { Drawing } from "./drawing.js"
import { Handles } from "./handles.js"
import { hoverImages } from "./hover_images.js"
import { addStyles, boldWords, isDark, isPressed, isWriting, loadPlotly, make, mounting, textScale } from "./page.js"
import { buildParts } from "./parts.js"

const NARROW = 640 // pixels, at the usual size of text; on narrower pages panels are below one another
const WIDEST = 1250 // pixels of the widest layout; beyond, the whole figure is scaled up
const LARGEST = 3
const SMALLEST = 0.8 // scale at which a figure's smallest text can still be read
const PATIENCE = 5000 // milliseconds after which an answer is no longer expected
const ADDRESS = 400 // milliseconds between two changes of the address during playback, because browsers limit them
const AFTER_CONTROLS = 10 // milliseconds within which the controls have processed the answer that came with a picture

/** Whether the reader moves a control or a handle. */
const isHeld = () => document.documentElement.matches(".hg-moving, .hg-holding")

class Stage {
  constructor(host) {
    this.host = host
    this.reel = [] // pictures that are going to be shown
    this.playing = false
    this.serial = 0 // number of the last question to the server
    this.asked = 0 // time of that question; 0 once it has been answered
    this.position = 0 // position of the current picture
    this.pictures = 0
    this.shownAt = -Infinity // when a film showed its last picture
    addStyles()
    Object.assign(this, buildParts(this))
    this.host.append(this.root)
    this.handles = new Handles(this)
    this.drawing = new Drawing(this.plot, () => this.playing || isHeld())
    this.listeners = new AbortController()
    const { signal } = this.listeners
    window.addEventListener("keydown", event => this.key(event), { signal })
    document.addEventListener("visibilitychange", () => this.tick(), { signal })
    document.addEventListener("fullscreenchange", () => this.fit(), { signal })
    window.addEventListener("resize", () => this.fit(), { signal })
    this.room = new ResizeObserver(() => this.fit())
    this.room.observe(this.root)
  }

  leave() {
    this.listeners.abort()
    this.room.disconnect()
    clearTimeout(this.timer)
    this.playing = false
    this.handles.leave()
    this.root.remove()
    if (!document.querySelector(".hg-stage")) this.setMode(false) // a stage that replaces this one has its own mode
    this.drawing.leave()
  }

  // From the server

  update({ data, setTriggerValue, setStateValue }) {
    Object.assign(this, { setTriggerValue, setStateValue })
    const dark = isDark(this.root)
    if (data === this.bytes && dark === this.dark) return
    const fresh = data !== this.bytes
    Object.assign(this, { bytes: data, dark })
    if (fresh) this.text = new TextDecoder().decode(data)
    this.receive(JSON.parse(this.inked(this.text)), fresh)
  }

  /** A message with the colours of the reader's theme in place of the placeholders. */
  inked(text) {
    const inks = JSON.parse(text.slice(0, text.indexOf("\n")))
    const at = this.dark ? 1 : 0
    return text.slice(text.indexOf("\n")).replace(/#01E30\d|rgba\(1,227,\d,/g, ink => inks[ink]?.[at] ?? ink)
  }

  receive(data, fresh) {
    const again = !fresh && !data.picture // the theme has changed, and the figure came with an earlier message
    const last = this.data
    this.data = data
    loadPlotly(data.plotly)
    if (last?.epoch !== data.epoch) {
      Object.assign(this, { playing: false, reel: [], asked: 0 })
      clearTimeout(this.timer)
    }
    if (data.answered === this.serial) this.asked = 0
    this.root.dataset.answered = !this.asked
    this.showBar()
    this.showTour()
    if (fresh && last && data.note && data.note !== last.note) this.attend()
    this.note.replaceChildren(...(data.note ? [data.note] : []))
    if (this.staged === undefined || last?.staged !== data.staged) this.setMode(data.staged)
    if (data.picture) {
      const same = fresh && data.picture.number === this.base?.number
      this.base = data.picture
      this.fit(false)
      if (this.isNarrow() !== data.narrow) this.tellRoom()
      if (!(same && this.playing)) {
        this.reel = []
        if (same && this.painted === data.picture.number) {
          this.setPosition(data.picture)
          this.fit() // the figure is the same, but its place may have changed
        } else this.show(data.picture)
      }
    } else if (again) this.ask({ to: this.position, whole: true })
    if (data.film.length && data.base === this.base?.number && this.playing) {
      const ahead = this.reel.at(-1)?.position ?? this.position
      this.reel.push(...data.film.filter(picture => picture.position > ahead))
    } else if (data.film.length && this.playing) this.ask({ to: this.position, playing: true, whole: true })
    this.tick()
    if (this.wanted !== undefined && !this.asked) this.askWanted()
    this.handles.answered()
    document.dispatchEvent(new CustomEvent("hypergeo:answer"))
  }

  // Pictures

  show(picture) {
    this.setPosition(picture)
    this.sentence.replaceChildren(...boldWords(picture.sentence))
    this.sentence.dataset.good = picture.good ?? "" // set if the sentence is a verdict
    if (picture.alt) this.plot.setAttribute("aria-label", picture.alt)
    this.picture = picture
    // While a control moves, its next value is sent first, so that the server computes while the browser draws.
    clearTimeout(this.deferred)
    if (document.documentElement.matches(".hg-moving")) this.deferred = setTimeout(() => this.paint(), AFTER_CONTROLS)
    else this.paint()
  }

  async paint() {
    const plotly = window.Plotly ?? (await loadPlotly(this.data.plotly))
    if (this.drawing.busy && !(await this.drawing.turn())) return
    const { picture, base } = this
    if (!picture || !this.root.isConnected) return
    const data = picture.traces ? base.data.map((trace, at) => ({ ...trace, ...picture.traces[at] })) : picture.data
    const { width, scale } = (this.drawn = this.space)
    const layout = { ...base.layout, ...picture.layout, width, autosize: false }
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)"
    layout.font = { ...layout.font, family: getComputedStyle(this.root).fontFamily }
    this.plot.style.transform = scale === 1 ? "" : `scale(${scale})`
    Object.assign(this.frame.style, { height: `${layout.height * scale}px` })
    await this.drawing.draw(plotly, { data, layout })
    hoverImages(this.plot, layout.meta?.sheet)
    this.handles.show(picture.handles ?? [], layout)
    this.painted = picture.number
    this.pictures += 1
    Object.assign(this.root.dataset, { pictures: this.pictures, position: this.position, number: picture.number ?? "" })
    performance.mark("hypergeo:picture")
  }

  setPosition(picture) {
    this.position = picture.position
    // The controls follow the picture: the server is ahead of it while a film plays.
    const { values, name } = this.data.bar ?? {}
    const detail = this.playing && values ? { name, value: values[this.position] } : undefined
    document.dispatchEvent(new CustomEvent("hypergeo:position", { detail }))
    if (this.wanted === undefined && !this.scrubbing) this.range.value = this.position
    this.showPosition()
  }

  // Room

  /** Computes the available size of the figure, and draws the figure again if that has changed. */
  fit(paint = true) {
    const text = textScale()
    const across = this.frame.clientWidth
    if (!across || !this.data) return
    const height = this.base?.layout.height ?? 632
    // A figure may state a least width at which its texts do not overlap. In less space it is scaled down.
    if (!this.data.narrow) this.least = this.base?.layout.meta?.least ?? 0
    let scale = Math.min(Math.max(across / WIDEST, text), LARGEST)
    if (!this.data.narrow) scale = Math.min(scale, across / this.least)
    let width = across / scale
    if (this.staged) {
      const down = Math.max(window.innerHeight - this.frame.getBoundingClientRect().top - 8, 120)
      const least = this.data.narrow ? 340 : Math.max(860, this.least)
      scale = Math.min(down / height, across / least)
      width = Math.min(across / scale, Math.max(1.9 * height, this.least))
    }
    this.space = { scale: Math.round(scale * 1000) / 1000, width: Math.floor(width) }
    this.frame.style.setProperty("--left", `${Math.max((across - width * scale) / 2, 0)}px`)
    if (!paint || (this.drawn?.scale === this.space.scale && this.drawn.width === this.space.width)) return
    if (this.isNarrow() !== this.data.narrow) this.tellRoom()
    cancelAnimationFrame(this.fitting)
    this.fitting = requestAnimationFrame(() => this.paint())
  }

  isNarrow() {
    if (this.staged) return window.innerWidth < 0.8 * window.innerHeight
    return this.frame.clientWidth / textScale() < Math.max(NARROW, SMALLEST * (this.least ?? 0))
  }

  tellRoom() {
    const narrow = this.isNarrow()
    if (this.told === narrow && performance.now() - this.toldAt < PATIENCE) return
    Object.assign(this, { told: narrow, toldAt: performance.now() })
    this.setStateValue("room", { narrow })
  }

  // Playing

  ask(question) {
    this.serial += 1
    this.asked = performance.now()
    this.root.dataset.answered = false
    const { epoch } = this.data
    this.setTriggerValue("move", { epoch, speed: this.speed.value, playing: this.playing, serial: this.serial, ...question })
  }

  /** Position that the reader has requested. */
  goal() {
    return this.wanted ?? this.position
  }

  go(to) {
    if (this.playing) this.halt()
    this.want(to, true)
  }

  scrub(done) {
    if (this.playing) this.halt()
    this.scrubbing = !done
    this.want(Number(this.range.value), done)
  }

  want(to, commit) {
    this.wanted = Math.min(Math.max(to, 0), this.data.bar.length)
    this.committing = commit
    this.range.value = this.wanted
    if (!this.open()) this.askWanted()
  }

  /** Whether a question to the server may still be answered. */
  open() {
    return this.asked && performance.now() - this.asked < PATIENCE
  }

  askWanted() {
    const { wanted: to, committing: commit } = this
    this.wanted = undefined
    this.ask({ to, commit })
  }

  toggle() {
    if (!this.data.bar) return
    if (this.playing) return this.pause()
    if (this.position >= this.data.bar.length) this.position = 0
    this.playing = true
    this.entered = false
    this.asked = 0
    this.showPosition()
    this.tick()
  }

  halt() {
    this.playing = false
    this.reel = []
    clearTimeout(this.timer)
  }

  pause() {
    this.halt()
    if (this.entered) this.sayAddress()
    this.showPosition()
    this.ask({ to: this.position, commit: true })
  }

  tick() {
    clearTimeout(this.timer)
    if (!this.playing || document.hidden) return
    if (isHeld()) {
      this.reel = [] // its pictures have another value of the moving control
      this.timer = setTimeout(() => this.tick(), 30)
      return
    }
    const { speeds, length, ahead } = this.data.bar
    const [steps, wait] = speeds[this.speed.value]
    const now = performance.now()
    // If the browser draws more slowly than requested, a fast film skips frames to keep its pace.
    const stride = steps === 1 ? 1 : Math.round(steps * Math.min(Math.max((this.pace ?? wait) / wait, 1), 3))
    const store = Math.max(Math.ceil(ahead / wait), 2)
    const last = this.reel.at(-1)?.position ?? this.position
    const busy = this.asked && now - this.asked < 3 * PATIENCE
    if (!busy && last < length && this.reel.length <= 0.8 * store)
      this.ask({ to: Math.min(last + stride * store, length), from: last, stride })
    const since = now - this.shownAt
    if (this.reel.length && since >= wait - 4) {
      if (since < 5 * wait) this.pace = 0.8 * (this.pace ?? wait) + 0.2 * since
      this.shownAt = now
      this.show(this.reel.shift())
      if (now - (this.saidAt ?? 0) >= ADDRESS) this.sayAddress()
    }
    if (this.position >= length) return this.pause()
    const left = wait - (performance.now() - this.shownAt)
    this.timer = setTimeout(() => this.tick(), this.reel.length ? Math.max(left, 4) : 15)
  }

  /** Writes the current step into the address, so that Back returns to it. A whole film is one entry of the history. */
  sayAddress() {
    this.saidAt = performance.now()
    const { values, address } = this.data.bar
    const value = values ? values[this.position] : String(this.position)
    const query = value === address.default ? address.without : address.with.replace(address.placeholder, value)
    const url = window.location.pathname + (query && `?${query}`)
    if (this.entered) history.replaceState(history.state, "", url)
    else history.pushState(history.state, "", url)
    this.entered = true
  }

  // Visible parts

  showBar() {
    const { bar } = this.data
    this.bar.hidden = !bar
    if (!bar) return
    const text = (element, words) => element.textContent === words || (element.textContent = words)
    text(this.step, bar.step)
    this.leap.hidden = !bar.leap
    text(this.leap, bar.leap?.[0] ?? "")
    this.range.max = bar.length
    this.range.setAttribute("aria-label", `Position, in ${bar.unit}`)
    if (this.speedSaid !== bar.speed) this.speed.value = this.speedSaid = bar.speed
    this.showPosition()
  }

  showPosition() {
    const { bar } = this.data
    if (!bar) return
    const { position } = this
    const ended = position >= bar.length
    this.root.dataset.playing = this.playing
    const words = this.playing ? "❚❚ Pause" : ended && bar.again ? `↺ ${bar.again}` : `▶ ${bar.play}`
    if (this.play.textContent !== words) this.play.textContent = words
    this.step.disabled = ended
    this.leap.disabled = bar.leap?.[1] < 0 ? position === 0 : ended
    this.play.disabled = ended && !this.playing && !bar.again
    this.reset.disabled = position === 0 && !this.playing
    const count = position.toLocaleString("en")
    const text = bar.labels ? bar.labels[position] : `${count} of ${bar.length.toLocaleString("en")} ${bar.unit}`
    this.output.textContent = text
    this.range.setAttribute("aria-valuetext", text)
    this.sentence.setAttribute("aria-live", this.playing ? "off" : "polite")
  }

  showTour() {
    const { tour } = this.data
    this.tour.hidden = !tour
    if (!tour) return
    const head = tour.number ? `${tour.number} of ${tour.of}. ${tour.title}. ` : ""
    this.tour.replaceChildren(
      make("strong", {}, head),
      ...boldWords(tour.text),
      ...(tour.look ? [make("em", {}, ` ${tour.look}`)] : []),
    )
  }

  /** After a preset, scrolls to the figure, and lets the space bar play it instead of pressing the preset again. */
  attend() {
    const { top, bottom } = this.root.getBoundingClientRect()
    const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches
    if (top < 0 || bottom > window.innerHeight)
      this.root.scrollIntoView({ block: "start", behavior: quiet ? "instant" : "smooth" })
    this.root.focus({ preventScroll: true })
  }

  // Stage mode

  toggleMode() {
    const on = !this.staged
    this.setMode(on)
    if (on) document.documentElement.requestFullscreen?.().catch(() => {})
    this.setTriggerValue("mode", on)
  }

  setMode(on) {
    if (on === Boolean(this.staged)) return
    this.staged = on
    document.documentElement.classList.toggle("hg-staged", on)
    document.documentElement.classList.remove("hg-drawer")
    this.mode.textContent = on ? "Leave" : "Stage"
    if (!on && document.fullscreenElement) document.exitFullscreen()
    if (this.data) requestAnimationFrame(() => this.fit())
  }

  // Keys

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.data) return
    const at = event.composedPath()[0]
    if (isWriting(at)) return
    const name = event.key.toLowerCase()
    const slides = at.type === "range" || at.type === "radio"
    const turn = { arrowright: 1, pagedown: 1, arrowleft: -1, pageup: -1 }[name]
    if (name === " " && !isPressed(at) && this.data.bar) this.toggle()
    else if (name === "s" && !event.shiftKey && this.data.bar && !this.step.disabled) this.go(this.goal() + 1)
    else if (this.staged && name === "escape") this.toggleMode()
    else if (this.staged && name === "c") document.documentElement.classList.toggle("hg-drawer")
    else if (this.staged && turn && !slides && this.data.tour) this.setTriggerValue("turn", turn)
    else return
    event.preventDefault()
  }
}

export default mounting(Stage)
