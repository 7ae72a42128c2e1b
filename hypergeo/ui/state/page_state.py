"""The state of a page: a typed table of controls, their values, and Streamlit's widgets for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from .controls import Choice, Control, Switch, Whole
from .history import StoredState

__all__ = ["PageState"]


class PageState(StoredState):
    """The controls of a page with their values, which the page's URL holds, and with Streamlit's widgets.

    A widget commits the value of its control when it changes.

    Args:
        prefix: start of the names of the page's URL parameters, which differs from page to page.
        controls: kind, bounds and default of each control, by name.
        derive: computes values of more controls, from all values before a change and the values that are set.

    Example:
        >>> state = PageState("conv", {"n": Whole(default=12, low=0, high=60)})
        >>> state.key("n"), state.query({"n": 20})
        ('conv_n', 'conv_n=20')
    """

    def slider(self, name: str, label: str, *, help: str | None = None) -> int:
        """Draws a slider for a whole number.

        Args:
            name: name of the control.
            label: label of the slider.
            help: text of its tooltip.

        Returns:
            The value.
        """
        control = self._whole(name)
        return int(self._widget(name, st.slider, label, control.low, control.high, help=help, width="stretch"))

    def number(self, name: str, label: str, *, help: str | None = None) -> int:
        """Draws a field for a whole number, with buttons that add and subtract one.

        Args:
            name: name of the control.
            label: label of the field.
            help: text of its tooltip.

        Returns:
            The value.
        """
        control = self._whole(name)
        return int(self._widget(name, st.number_input, label, control.low, control.high, step=1, help=help))

    def steps(self, name: str, label: str, *, help: str | None = None) -> Any:
        """Draws a slider for numbers that need not be evenly spaced, such as those of a logarithmic scale.

        Args:
            name: name of the control.
            label: label of the slider.
            help: text of its tooltip.

        Returns:
            The value.
        """
        control = self._choice(name)
        return self._widget(name, st.select_slider, label, control.options, format_func=control.write, help=help)

    def segments(
        self, name: str, label: str, *, help: str | None = None, bare: bool = False, names: Mapping[Any, str] | None = None
    ) -> Any:
        """Draws all options of a choice side by side.

        Args:
            name: name of the control.
            label: label of the choice.
            help: text of its tooltip.
            bare: whether only screen readers get the label.
            names: labels of options; the other options are labelled as in the URL.

        Returns:
            The selected option.
        """
        control = self._choice(name)
        return self._widget(
            name,
            st.segmented_control,
            label,
            control.options,
            required=True,
            format_func=_option_label(control, names),
            help=help,
            label_visibility="collapsed" if bare else "visible",
            width="stretch",
        )

    def choose(self, name: str, label: str, *, help: str | None = None, names: Mapping[Any, str] | None = None) -> Any:
        """Draws the options of a choice as a drop-down list.

        Args:
            name: name of the control.
            label: label of the list.
            help: text of its tooltip.
            names: labels of options; the other options are labelled as in the URL.

        Returns:
            The selected option.
        """
        control = self._choice(name)
        label_of = _option_label(control, names)
        return self._widget(name, st.selectbox, label, control.options, format_func=label_of, help=help)

    def toggle(self, name: str, label: str, *, help: str | None = None) -> bool:
        """Draws a switch.

        Args:
            name: name of the control.
            label: label of the switch.
            help: text of its tooltip.

        Returns:
            The value.

        Raises:
            TypeError: If the control is not a switch.
        """
        if not isinstance(self.controls[name], Switch):
            raise TypeError(f"{name} is no switch.")
        return bool(self._widget(name, st.toggle, label, help=help))

    def section(self, name: str, title: str, icon: str) -> ExpanderContainer:
        """Draws a section of the page that can be opened; the URL holds whether it is open.

        The contents of a closed section should not be drawn, because they would delay every control: check ``.open``.

        Args:
            name: name of the control.
            title: title of the section.
            icon: icon beside the title.

        Returns:
            Container of the section.
        """
        key = self.key(name)
        st.session_state[key] = self.get(name)
        return st.expander(title, icon=icon, key=key, on_change=self._changed, args=(name,))

    def _widget(self, name: str, draw: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Returns the value of a control after drawing its widget, which commits the value when the user changes it."""
        key = self.key(name)
        st.session_state[key] = self.get(name)
        draw(*arguments, key=key, on_change=self._changed, args=(name,), **options)
        return self.get(name)

    def _changed(self, name: str) -> None:
        value = st.session_state[self.key(name)]
        if not self.is_late(name, value):
            self.commit({name: value})

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


def _option_label(control: Control, names: Mapping[Any, str] | None) -> Callable[[Any], str]:
    """Returns the function that labels options: by ``names``, or else as in the URL."""
    return lambda option: (names or {}).get(option) or control.write(option)
