"""Where a page is shown: what only the reader's browser knows, and whether a class looks on."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

__all__ = ["Surroundings", "present_toggle", "surroundings", "watch_surroundings"]

NARROW_PIXELS = 640  # where Streamlit stacks its columns
_KEY = "surroundings"
_PRESENT = "present"
_ENLARGED = "125%"  # of the browser's own size of text, which Streamlit's sizes follow

# plotly.js rejects a promise with nothing whenever a sweep is paused, and nobody listens: that is no error.
QUIET = "if (event.reason === undefined) event.preventDefault()"

# It draws nothing, and reports only what differs from what the server takes for granted: a page on a wide screen in the
# expected theme costs no second run.
_SCRIPT = """
export default function (component) {
  const { data, setStateValue, parentElement } = component
  const host = parentElement.host ?? parentElement
  const dark = () => {
    const probe = document.createElement("span")
    probe.style.color = getComputedStyle(host).getPropertyValue("--st-background-color")
    document.body.appendChild(probe)
    const [red, green, blue] = (getComputedStyle(probe).color.match(/[\\d.]+/g) ?? [255, 255, 255]).map(Number)
    probe.remove()
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128
  }
  const report = () => {
    const seen = (window.innerWidth <= data.limit ? "narrow" : "wide") + " " + (dark() ? "dark" : "light")
    if (seen !== data.seen) setStateValue("seen", seen)
  }
  host.stopWatching?.()
  let waiting
  const later = () => {
    window.clearTimeout(waiting)
    waiting = window.setTimeout(report, 150)
  }
  window.addEventListener("resize", later)
  host.stopWatching = () => {
    window.removeEventListener("resize", later)
    window.clearTimeout(waiting)
  }
  if (!window.hypergeoQuiet) {
    window.hypergeoQuiet = event => { %s }
    window.addEventListener("unhandledrejection", window.hypergeoQuiet)
  }
  document.documentElement.style.fontSize = data.size
  report()
  return host.stopWatching
}
""".replace("%s", QUIET)


@dataclass(frozen=True)
class Surroundings:
    """Where a page is shown.

    Attributes:
        narrow: whether the window is as narrow as a telephone's.
        dark: whether the theme is dark.
        present: whether a class looks on: larger text, and nothing that only a single reader needs.
    """

    narrow: bool
    dark: bool
    present: bool = False


def surroundings() -> Surroundings:
    """What the browser last reported, or Streamlit's own guess before it has."""
    reported = st.session_state.get(_KEY)
    seen = str((reported or {}).get("seen") or _guess())
    return Surroundings(narrow=seen.startswith("narrow"), dark=seen.endswith("dark"), present=_presenting())


def watch_surroundings() -> None:
    """Has the browser report changes, each of which runs the page again; call it once on a page, at its end."""
    where = surroundings()
    seen = f"{'narrow' if where.narrow else 'wide'} {'dark' if where.dark else 'light'}"
    size = _ENLARGED if where.present else ""
    _component()(key=_KEY, data={"limit": NARROW_PIXELS, "seen": seen, "size": size}, on_seen_change=lambda: None)


def present_toggle() -> None:
    """A button that enlarges the page for a class, and puts it back; the address says ``present=1`` meanwhile."""
    presenting = _presenting()
    if presenting:
        st.query_params[_PRESENT] = "1"
    st.button(
        "Exit" if presenting else "Present",
        key="_present_button",
        icon=":material/close_fullscreen:" if presenting else ":material/present_to_all:",
        help="Back to the whole page." if presenting else "Larger text, and only what a class needs; for a projector.",
        on_click=_present,
        args=(not presenting,),
    )


def _presenting() -> bool:
    """Whether a class looks on: as the address of the first visit says, then as the button."""
    return bool(st.session_state.setdefault(f"_{_PRESENT}", st.query_params.get(_PRESENT, "0") not in ("0", "false", "")))


def _present(on: bool) -> None:
    st.session_state[f"_{_PRESENT}"] = on
    if not on:
        st.query_params.pop(_PRESENT, None)


@st.cache_resource
def _component():  # type: ignore[no-untyped-def]
    return st.components.v2.component("hypergeo_surroundings", html="<span></span>", js=_SCRIPT)


def _guess() -> str:
    return f"wide {st.context.theme.type or 'light'}"
