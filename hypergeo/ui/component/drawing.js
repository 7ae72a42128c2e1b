// Draws pictures with plotly.js. During a movement, a picture that differs from the last one only in its words and in what its
// traces show is drawn as a frame of an animation: axes and legend stay, which takes plotly two thirds of the time.

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false }
const FRAME = { mode: "immediate", frame: { duration: 0, redraw: false }, transition: { duration: 0 } }
const REST = 200 // milliseconds after a movement
// What plotly draws again in a frame, by type of trace. A figure with traces of other types is drawn anew.
const FRAMED = {
  scatter: ["x", "y", "text", "textposition", "customdata", "hovertext", "hovertemplate", "marker"],
  bar: ["x", "y", "base", "text", "customdata", "hovertext"],
}
const OF_MARKERS = ["size", "sizeref", "color", "opacity", "symbol"]

const isObject = value => value !== null && typeof value === "object"
const same = (one, other) => one === other || (isObject(one) && JSON.stringify(one) === JSON.stringify(other))
const changed = (one, other) => Object.keys({ ...one, ...other }).filter(name => !same(one[name], other[name]))
const length = values => (values.bdata ?? values).length

/** What a frame changes in a trace; null if the trace has to be drawn anew. */
function frameOf(last, next) {
  const framed = FRAMED[next.type]
  const names = changed(last, next)
  if (!framed || last.type !== next.type) return null
  if (!names.every(name => framed.includes(name) && last[name] !== undefined && next[name] !== undefined)) return null
  if (next.type === "bar" && length(next.x) !== length(last.x)) return null // new bars would have no colour
  const frame = Object.fromEntries(names.map(name => [name, next[name]]))
  if (!frame.marker) return frame
  const parts = changed(last.marker, next.marker)
  if (!parts.every(name => OF_MARKERS.includes(name) && name in next.marker)) return null
  return { ...frame, marker: Object.fromEntries(parts.map(name => [name, next.marker[name]])) }
}

/** What a frame changes in a figure; null if the figure has to be drawn anew. */
function frameFrom(last, { data, layout }) {
  if (!last || last.data.length !== data.length) return null
  const { annotations: before = [], ...axes } = last.layout
  const { annotations = [], ...others } = layout
  if (!same(axes, others) || before.length !== annotations.length) return null
  const frames = data.map((trace, at) => frameOf(last.data[at], trace))
  if (frames.includes(null)) return null
  const frame = { data: frames, traces: frames.map((_, at) => at) }
  return same(before, annotations) ? frame : { ...frame, layout: { annotations } }
}

/** A copy of a figure's parts that plotly may change. */
function copied({ data, layout }) {
  const traces = data.map(trace => (trace.marker ? { ...trace, marker: { ...trace.marker } } : { ...trace }))
  return [traces, structuredClone(layout)]
}

export class Drawing {
  /** `plot` is the element of the figure; `moving` tells whether other pictures may follow at once. */
  constructor(plot, moving) {
    Object.assign(this, { plot, moving })
    this.busy = null // promise of the end of a frame; until then nothing else may be drawn
  }

  leave() {
    clearTimeout(this.late)
    this.done?.then(() => window.Plotly.purge(this.plot)) // not while images are still loaded
  }

  /** Waits for the end of a frame. Returns false if an earlier caller waits already and is going to draw. */
  async turn() {
    if (this.awaited) return false
    this.awaited = true
    await this.busy
    this.awaited = false
    return true
  }

  /** Draws a figure. */
  async draw(plotly, figure) {
    clearTimeout(this.late)
    const frame = this.moving() ? frameFrom(this.figure, figure) : null
    this.figure = figure
    if (!frame) {
      this.done = plotly.react(this.plot, ...copied(figure), CONFIG)
      return
    }
    const drawn = new Promise(resolve => this.plot.once("plotly_transitioning", resolve))
    this.busy = plotly.animate(this.plot, frame, FRAME).then(() => (this.busy = null))
    this.rest(plotly)
    await drawn
  }

  /** Draws the last picture of a movement anew: plotly puts only the bars of a new figure on whole pixels, for example. */
  rest(plotly) {
    this.late = setTimeout(() => (this.moving() ? this.rest(plotly) : this.draw(plotly, this.figure)), REST)
  }
}
