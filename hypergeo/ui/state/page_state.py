"""A page's whole state as one typed table: the values on show, and those that the page's address says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer
from streamlit.runtime.scriptrunner import get_script_run_ctx

from hypergeo.ui.limits import SHOWN_OF_A_VALUE

from .controls import Choice, Control, Switch, Whole
from .markdown import quoted
from .predictions import GUESS, REVEALED, Guess, Prediction

__all__ = ["TOUR", "PageState"]

TOUR = "tour"
"""Name of the control that holds the stop of a page's tour; 0 where no tour is on."""

SECTIONS = ("table", "formulas", "python")
_LATE = 1.0  # seconds in which a browser may still send the address that it had before the last commit


class _Stop(Protocol):
    """The part of a tour's stop that a state needs."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Values of the controls that the stop sets, by name."""

    @property
    def prediction(self) -> Prediction | None:
        """What the reader predicts there, if anything."""


_LABELS = {
    "n": "number of balls",
    "tau": "temperature",
    "groups": "number of groups",
    "number": "number of samples",
    "kind": "sample type",
    "follow": "sample number",
    TOUR: "stop of the tour",
    "taus": "temperature",
    "w": "weight",
    "m": "group size",
    "t": "target",
}


def _label(name: str) -> str:
    """Returns a control's name as text, for messages.

    Example:
        >>> _label("w2"), _label("seed")
        ('weight 2', 'seed')
    """
    letters = name.rstrip("0123456789")
    return f"{_LABELS.get(letters, letters)} {name[len(letters) :]}".strip()


def _written(control: Control, names: Mapping[Any, str] | None) -> Callable[[Any], str]:
    """What options are called: as in the address, but for those in ``names``."""
    return lambda option: (names or {}).get(option) or control.write(option)


@dataclass
class _StoredValues:
    """Values of a page's state that a session stores.

    Attributes:
        values: value of each control on show, by name.
        query: parameters of the page's address that belong to the state.
        before: the same before the last commit.
        at: when the last commit was, in seconds of the monotonic clock.
        commits: number of commits.
        drawn: number of commits at the last run of the whole page.
        epoch: number of times that all values were set at once; what was on its way to the browser before is out of date.
        notes: corrections of the address, as Markdown.
    """

    values: dict[str, Any]
    query: dict[str, str]
    before: dict[str, str] | None = None
    at: float = 0.0
    commits: int = 0
    drawn: int = 0
    epoch: int = 0
    notes: list[str] = field(default_factory=list)


class PageState:
    """Controls of one page, their bounds and their values, all of which the page's address holds.

    A control that moves sets a *live* value, which the address does not know. A *commit* writes all values into the address
    at once: one commit is one entry of the browser's history.

    Args:
        prefix: start of the address parameters of the page, so that pages do not share them.
        controls: bounds and default of each control, by name.
        derive: from the values before and those that are set, values of more controls that change with them.

    Example:
        >>> state = PageState("conv", {"n": Whole(default=12, low=0, high=60)})
        >>> state.key("n"), state.query({"n": 20})
        ('conv_n', 'conv_n=20')
    """

    def __init__(
        self,
        prefix: str,
        controls: Mapping[str, Control],
        derive: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ):
        self.prefix, self._derive = prefix, derive
        self.controls = {**controls, **{name: Switch() for name in SECTIONS}}
        self._stops: Sequence[_Stop] = ()

    def key(self, name: str) -> str:
        """Name of a control in the address, and of its widget."""
        return f"{self.prefix}_{name}"

    def corrections(self, address: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
        """What the address says that no control allows, and what is taken instead, by name of the control.

        Example:
            >>> state = PageState("conv", {"n": Whole(default=12, low=0, high=60)})
            >>> state.corrections({"conv_n": "75", "other": "1"})
            {'n': ('75', 60)}
        """
        wrong = {}
        for name, control in self.controls.items():
            text = address.get(self.key(name))
            former = control.former if isinstance(control, Choice) else {}
            if text is not None and text not in former and control.write(control.read(text)) != text:
                wrong[name] = (text, control.read(text))
        return wrong

    def start(self, stops: Sequence[_Stop] = ()) -> None:
        """Takes the values from the address where it is not the one that this state wrote last; once in each run of a page.

        Args:
            stops: of the page's tour. Where the address names one, its values stand in for the controls' defaults.
        """
        self._stops = stops
        address = st.query_params.to_dict()
        if stops:
            self.controls[TOUR] = Whole(0, 0, len(stops))
        if any(stop.prediction for stop in stops):
            self.controls |= {
                REVEALED: Switch(),
                GUESS: self._guess(self.controls[TOUR].read(address.get(self.key(TOUR), "0"))),
            }
        query = {key: text for key in map(self.key, self.controls) if (text := address.get(key)) is not None}
        kept: _StoredValues | None = st.session_state.get(self._place)
        context = get_script_run_ctx()
        back = context is not None and context.is_history_navigation  # the reader's wish, however soon after a commit
        late = kept is not None and not back and query == kept.before and time.monotonic() - kept.at < _LATE
        if kept is None or (query != kept.query and not late):
            commits, epoch = (kept.commits, kept.epoch + back) if kept else (0, 0)
            values = self._initial(query)
            values |= {name: c.read(query[self.key(name)]) for name, c in self.controls.items() if self.key(name) in query}
            kept = st.session_state[self._place] = _StoredValues(values, query, commits=commits, epoch=epoch)
            self._forget_played(self.controls)
            kept.notes = [
                f'The link has an invalid {_label(name)} ("{quoted(text, SHOWN_OF_A_VALUE)}"; allowed: '
                f"{self.controls[name].allowed()}); using {self.controls[name].write(value)}."
                for name, (text, value) in self.corrections(query).items()
            ]
        kept.drawn = kept.commits
        if GUESS in self.controls:
            self.controls[GUESS] = self._guess(kept.values[TOUR])

    @property
    def values(self) -> dict[str, Any]:
        """Value of each control on show, by name."""
        return dict(self._kept.values)

    @property
    def committed(self) -> dict[str, Any]:
        """Value of each control that the address stands for, by name."""
        query = self._kept.query
        explicit = {name: c.read(query[self.key(name)]) for name, c in self.controls.items() if self.key(name) in query}
        return self._initial(query) | explicit

    @property
    def notes(self) -> list[str]:
        """Corrections of the address, as Markdown, until a control has moved."""
        return list(self._kept.notes)

    @property
    def uncommitted(self) -> bool:
        """Whether the values on show are ahead of the address, as while a control is dragged or a figure plays."""
        return self._says(self._kept.values) != self._kept.query

    @property
    def outdated(self) -> bool:
        """Whether there was a commit since the last run of the whole page."""
        return self._kept.commits != self._kept.drawn

    def get(self, name: str) -> Any:
        """Value of a control."""
        return self._kept.values[name]

    def live(self, values: Mapping[str, Any]) -> None:
        """Sets controls, and leaves the address as it is."""
        kept, changes = self._kept, {name: self._within(name, value) for name, value in values.items()}
        derived = self._derive(kept.values, changes) if self._derive else {}
        kept.values.update({**derived, **changes})
        kept.notes = []

    def commit(self, values: Mapping[str, Any] | None = None) -> None:
        """Sets controls and writes all values into the address, as one entry of the browser's history.

        Args:
            values: values of some controls, by name.
        """
        values = values or {}
        self.live(values)
        self._forget_played(values)
        kept = self._kept
        kept.commits += 1
        query = self._says(kept.values)
        if query != kept.query:
            kept.before, kept.at, kept.query = kept.query, time.monotonic(), query
        address = st.query_params.to_dict()
        own = set(map(self.key, self.controls))
        wanted = {**{key: text for key, text in address.items() if key not in own}, **query}
        if wanted != address:
            st.query_params.from_dict(wanted)

    def set(self, values: Mapping[str, Any]) -> None:
        """Commits values that a button stands for: a preset, a stop of the tour. A new epoch begins, and nothing plays on."""
        self._kept.epoch += 1
        self.commit(values)

    @property
    def epoch(self) -> int:
        """Number of times that all values were set at once, by a button or by a step through the browser's history."""
        return self._kept.epoch

    def put(self, name: str, value: Any) -> None:
        """Sets one control and the address."""
        if self.get(name) != value:
            self.commit({name: value})

    def query(self, values: Mapping[str, Any]) -> str:
        """The values as the query of an address, defaults included, so that a link outlives a change of the defaults."""
        return urlencode({self.key(name): self.controls[name].write(value) for name, value in values.items()})

    def address(self, name: str, placeholder: str) -> dict[str, str]:
        """Query of the page's address for other values of one control.

        Args:
            name: of the control.
            placeholder: stands for its value.

        Returns:
            ``"with"`` the value, ``"without"`` it, and the ``"default"``, which is left out.
        """
        key, own = self.key(name), set(map(self.key, self.controls))
        foreign = {key: text for key, text in st.query_params.to_dict().items() if key not in own}
        kept = self._kept.values
        scene = [other for other in (TOUR, REVEALED) if other in kept]
        initial = self._initial({self.key(other): self.controls[other].write(kept[other]) for other in scene})
        with_it = {**foreign, **self._says({**kept, name: initial[name]}, keep=name)}
        without = {other: text for other, text in with_it.items() if other != key}
        with_it[key] = placeholder
        return {"with": urlencode(with_it), "without": urlencode(without), "default": self.controls[name].write(initial[name])}

    def slider(self, name: str, label: str, *, help: str | None = None) -> int:
        """A slider over a whole number."""
        control = self._whole(name)
        return int(self._widget(name, st.slider, label, control.low, control.high, help=help, width="stretch"))

    def number(self, name: str, label: str, *, help: str | None = None) -> int:
        """A field for a whole number, with buttons for one more and one less."""
        control = self._whole(name)
        return int(self._widget(name, st.number_input, label, control.low, control.high, step=1, help=help))

    def steps(self, name: str, label: str, *, help: str | None = None) -> Any:
        """A slider over numbers that need not be evenly spaced, as for a logarithmic scale."""
        control = self._choice(name)
        return self._widget(name, st.select_slider, label, control.options, format_func=control.write, help=help)

    def segments(
        self, name: str, label: str, *, help: str | None = None, bare: bool = False, names: Mapping[Any, str] | None = None
    ) -> Any:
        """All options side by side, one of them chosen; ``bare`` leaves the label to screen readers.

        Options are called as in the address, but for those in ``names``.
        """
        control = self._choice(name)
        return self._widget(
            name,
            st.segmented_control,
            label,
            control.options,
            required=True,
            format_func=_written(control, names),
            help=help,
            label_visibility="collapsed" if bare else "visible",
            width="stretch",
        )

    def choose(self, name: str, label: str, *, help: str | None = None, names: Mapping[Any, str] | None = None) -> Any:
        """A list that opens, one of its options chosen. Options are called as in the address, but for those in ``names``."""
        control = self._choice(name)
        return self._widget(name, st.selectbox, label, control.options, format_func=_written(control, names), help=help)

    def toggle(self, name: str, label: str, *, help: str | None = None) -> bool:
        """A switch."""
        if not isinstance(self.controls[name], Switch):
            raise TypeError(f"{name} is no switch.")
        return bool(self._widget(name, st.toggle, label, help=help))

    def section(self, name: str, title: str, icon: str) -> ExpanderContainer:
        """A part of the page that can be opened, and is in the address while it is open.

        What is in it should be drawn only where ``.open`` is true: what nobody looks at would slow every control down.
        """
        key = self.key(name)
        st.session_state[key] = self.get(name)
        return st.expander(title, icon=icon, key=key, on_change=self._took, args=(name,))

    def _widget(self, name: str, draw: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Draws a widget of Streamlit's that shows a control, and commits it when the reader moves it."""
        key = self.key(name)
        st.session_state[key] = self.get(name)
        draw(*arguments, key=key, on_change=self._took, args=(name,), **options)
        return self.get(name)

    def _took(self, name: str) -> None:
        self.commit({name: st.session_state[self.key(name)]})

    def _forget_played(self, names: Iterable[str]) -> None:
        """What was set on purpose stays, also where it is a step of something that has changed."""
        for name in names:
            st.session_state.pop(f"_{self.key(name)}_of", None)

    def _within(self, name: str, value: Any) -> Any:
        """A control's value, or the nearest one that it allows: not every message comes from a browser."""
        control = self.controls[name]
        try:
            return control.read(control.write(value))
        except (ValueError, TypeError, OverflowError):
            return control.default

    def _initial(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Values that an address need not say: the defaults, and those of the tour's stop that it names."""
        values = {name: control.default for name, control in self.controls.items()}
        number = self.controls[TOUR].read(query.get(self.key(TOUR), "0")) if self._stops else 0
        if not number:
            return values
        stop = self._stops[number - 1]
        values |= stop.values
        if stop.prediction and self.controls[REVEALED].read(query.get(self.key(REVEALED), "false")):
            values |= stop.prediction.after
        return values

    def _guess(self, number: int) -> Guess:
        """The control of the guess at a stop of the tour."""
        prediction = self._stops[number - 1].prediction if number else None
        return Guess(prediction.kind if prediction else None)

    def _says(self, values: Mapping[str, Any], keep: str = "") -> dict[str, str]:
        written = {self.key(name): self.controls[name].write(value) for name, value in values.items()}
        default = self._initial(written) | {TOUR: 0}
        named = [name for name, value in values.items() if name == keep or value != default[name]]
        return {self.key(name): written[self.key(name)] for name in named}

    @property
    def _kept(self) -> _StoredValues:
        kept: _StoredValues = st.session_state[self._place]
        return kept

    @property
    def _place(self) -> str:
        return f"_{self.prefix}_state"

    def _whole(self, name: str) -> Whole:
        control = self.controls[name]
        if not isinstance(control, Whole):
            raise TypeError(f"{name} is a choice, not a whole number.")
        return control

    def _choice(self, name: str) -> Choice[Any]:
        control = self.controls[name]
        if not isinstance(control, Choice):
            raise TypeError(f"{name} is a whole number, not a choice.")
        return control
