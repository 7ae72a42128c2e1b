// Shared parts of all components of a page: plotly.js and the style sheet, which load once, the theme, and the keyboard.

const LINGER = 2000 // milliseconds after which an unmounted component is treated as removed
let plotly

/** Loads plotly.js of the installed package, once; `address` is the server's route for it. */
export function loadPlotly(address) {
  plotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = address
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => reject(new Error("plotly.js did not load"))
    document.head.append(script)
  })
  return plotly
}

/** Runs the whole page after a reconnection, because a server that replaces another one does not know the parts of the page. */
function watchConnection() {
  const app = document.querySelector("[data-testid=stApp]")
  let lost = false
  new MutationObserver(() => {
    const connected = app.dataset.testConnectionState === "CONNECTED"
    if (connected && lost) window.dispatchEvent(new PopStateEvent("popstate", { state: history.state }))
    lost = !connected
  }).observe(app, { attributes: true, attributeFilter: ["data-test-connection-state"] })
}
watchConnection()

/**
 * The mount function of a component whose parts are of this class. Streamlit may unmount a component and mount it again in the
 * same place within a moment, mostly when it is busy. The part stays there meanwhile, with its figure and state.
 */
export function mounting(Part) {
  const parts = new WeakMap()
  return component => {
    const host = component.parentElement
    if (!parts.has(host)) parts.set(host, new Part(host))
    const part = parts.get(host)
    clearTimeout(part.leaving)
    part.update(component)
    return () => {
      const leave = () => {
        part.leave()
        parts.delete(host)
      }
      part.leaving = setTimeout(() => {
        if (host.isConnected) part.leaving = setTimeout(leave, LINGER)
        else leave()
      })
    }
  }
}

/** Adds a style sheet once; without a name, the style sheet of all components. */
export function addStyles(name = "components.css") {
  const href = new URL(name, import.meta.url).href
  if (document.querySelector(`link[href="${href}"]`)) return
  const link = document.createElement("link")
  Object.assign(link, { rel: "stylesheet", href })
  document.head.append(link)
}

/** An element with attributes, properties and children; those that are null are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (name.startsWith("on") || name === "textContent") element[name] = value
    else element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children.filter(child => child !== null))
  return element
}

/** Whether the page's theme is dark, from the variables that Streamlit gives its components. */
export function isDark(host) {
  const probe = make("span", { style: "color: var(--st-background-color)" })
  host.append(probe)
  const [red, green, blue] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number)
  probe.remove()
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128
}

/** Pixels of the reader's text, in units of the usual 16. */
export const textScale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16

/** Whether a key press at an element writes text or chooses an option there. */
export function isWriting(element) {
  if (element.isContentEditable || ["TEXTAREA", "SELECT"].includes(element.tagName)) return true
  return element.tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(element.type)
}

/** Whether the space bar presses an element by itself. */
export function isPressed(element) {
  if (["BUTTON", "A", "SUMMARY"].includes(element.tagName)) return true
  if (element.tagName === "INPUT") return element.type !== "range"
  return ["button", "radio", "checkbox", "switch", "option", "tab"].includes(element.getAttribute?.("role"))
}

/** Sentences with **bold** words, as nodes. */
export function boldWords(text) {
  return text.split("**").map((part, at) => (at % 2 ? make("strong", { textContent: part }) : part))
}
