"""A page's whole state as one typed table, kept in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer
from streamlit.errors import StreamlitAPIException

from hypergeo.ui.limits import SHOWN_OF_A_VALUE

from .controls import Choice, Control, Switch, Whole
from .markdown import quoted

__all__ = ["PageState"]


class PageState:
    """Controls of one page, their bounds and their values, all of which the page's address holds.

    Args:
        prefix: start of the address parameters of the page, so that pages do not share them.
        controls: bounds and default of each control, by name.

    Example:
        >>> state = PageState("conv", {"n": Whole(default=12, low=0, high=60)})
        >>> state.key("n"), state.query({"n": 20})
        ('conv_n', 'conv_n=20')
    """

    def __init__(self, prefix: str, controls: Mapping[str, Control]):
        self.prefix = prefix
        self.controls = dict(controls)

    def key(self, name: str) -> str:
        """Name of a control in the address and in Streamlit's session state."""
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
            said = address.get(self.key(name))
            if said is not None and control.write(control.read(said)) != said:
                wrong[name] = (said, control.read(said))
        return wrong

    def start(self, unsaid: Mapping[str, Any] | None = None) -> None:
        """Mends the address before any control reads it; call it before the first control.

        Args:
            unsaid: values of controls that the address does not name, in place of their defaults.
        """
        address = st.query_params.to_dict()
        wrong = self.corrections(address)
        missing = {name: value for name, value in (unsaid or {}).items() if self.key(name) not in address}
        if wrong or missing:
            try:
                for name, value in [*missing.items(), *((name, value) for name, (_, value) in wrong.items())]:
                    st.query_params[self.key(name)] = self.controls[name].write(value)
            except StreamlitAPIException:
                # Reached only by going back in the browser's history: the controls then fall back to their defaults.
                return
            if wrong:
                st.session_state[self._notes] = [
                    f"{self.key(name)}={quoted(said, SHOWN_OF_A_VALUE)} is not allowed ({self.controls[name].allowed()}): "
                    f"{self.controls[name].write(value)} is shown."
                    for name, (said, value) in wrong.items()
                ]
                st.session_state.pop(self._seen, None)
            st.rerun()

    def _within(self, name: str, value: Any) -> Any:
        """A control's value, or the nearest one that it allows: not every message comes from a browser."""
        control = self.controls[name]
        try:
            return control.read(control.write(value))
        except (ValueError, TypeError, OverflowError):
            return control.default

    def mended(self, values: Mapping[str, Any]) -> list[str]:
        """What was mended in the address, in words, until a control has moved since; call it after the last control.

        Args:
            values: value of each control on show, by name.
        """
        if self._notes in st.session_state and st.session_state.setdefault(self._seen, dict(values)) != dict(values):
            del st.session_state[self._notes], st.session_state[self._seen]
        return list(st.session_state.get(self._notes, []))

    def set(self, values: Mapping[str, Any]) -> None:
        """Sets controls; for callbacks, which run before the controls are drawn."""
        for name, value in values.items():
            st.session_state[self.key(name)] = value
            st.session_state.pop(f"_{self.key(name)}_of", None)

    def get(self, name: str) -> Any:
        """Value of a control that is no widget of Streamlit's: from the session, or from the address on a first visit."""
        key, control = self.key(name), self.controls[name]
        if key not in st.session_state:
            said = st.query_params.get(key)
            st.session_state[key] = control.default if said is None else control.read(said)
        return st.session_state[key]

    def put(self, name: str, value: Any) -> None:
        """Sets such a control and the address, which says nothing of defaults."""
        key, control = self.key(name), self.controls[name]
        st.session_state[key] = value
        said = control.write(value)
        if value == control.default:
            st.query_params.pop(key, None)
        elif st.query_params.get(key) != said:
            st.query_params[key] = said

    def query(self, values: Mapping[str, Any]) -> str:
        """The values as the query of an address, defaults included, so that a link outlives a change of the defaults."""
        return urlencode({self.key(name): self.controls[name].write(value) for name, value in values.items()})

    def slider(self, name: str, label: str, *, help: str | None = None) -> int:
        """A slider over a whole number."""
        control = self._whole(name)
        value = st.slider(
            label,
            control.low,
            control.high,
            control.default,
            key=self.key(name),
            help=help,
            bind="query-params",
            width="stretch",
        )
        return int(self._within(name, value))

    def number(self, name: str, label: str, *, help: str | None = None) -> int:
        """A field for a whole number, with buttons for one more and one less."""
        control = self._whole(name)
        value = st.number_input(
            label, control.low, control.high, control.default, step=1, key=self.key(name), help=help, bind="query-params"
        )
        return int(self._within(name, value))

    def steps(self, name: str, label: str, *, help: str | None = None) -> Any:
        """A slider over numbers that need not be evenly spaced, as for a logarithmic scale."""
        control = self._choice(name)
        value = st.select_slider(
            label,
            control.options,
            control.default,
            format_func=control.write,
            key=self.key(name),
            help=help,
            bind="query-params",
        )
        return self._within(name, value)

    def segments(self, name: str, label: str, *, help: str | None = None, bare: bool = False) -> Any:
        """All options side by side, one of them chosen; ``bare`` leaves the label to screen readers."""
        control = self._choice(name)
        value = st.segmented_control(
            label,
            control.options,
            default=control.default,
            required=True,
            format_func=control.write,
            key=self.key(name),
            help=help,
            bind="query-params",
            label_visibility="collapsed" if bare else "visible",
            width="stretch",
        )
        return self._within(name, value)

    def choose(self, name: str, label: str, *, help: str | None = None) -> Any:
        """A list that opens, one of its options chosen."""
        control = self._choice(name)
        value = st.selectbox(
            label,
            control.options,
            list(control.options).index(control.default),
            format_func=control.write,
            key=self.key(name),
            help=help,
            bind="query-params",
        )
        return self._within(name, value)

    def toggle(self, name: str, label: str, *, help: str | None = None) -> bool:
        """A switch."""
        control = self.controls[name]
        if not isinstance(control, Switch):
            raise TypeError(f"{name} is no switch.")
        return bool(st.toggle(label, control.default, key=self.key(name), help=help, bind="query-params"))

    def section(self, name: str, title: str, icon: str) -> ExpanderContainer:
        """A part of the page that can be opened, and is in the address while it is open.

        What is in it should be drawn only where ``.open`` is true: what nobody looks at would slow every control down.
        """
        return st.expander(title, icon=icon, key=self.key(name), on_change="rerun", bind="query-params")

    @property
    def _notes(self) -> str:
        return f"_{self.prefix}_mended"

    @property
    def _seen(self) -> str:
        return f"_{self.prefix}_mended_values"

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
