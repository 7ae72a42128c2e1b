"""Pictures for the browser: the figure of a step with its sentence as JSON, whole or as what differs from another picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from hypergeo.figures import DARK, LIGHT, THEMED, Palette
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.words import thin

from .handles import Handle

__all__ = ["INKS", "HandledView", "SentPicture", "View", "figure_json", "handles_of"]


class View(Protocol):
    """Figure and text of a page at one step."""

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the figure.

        Args:
            palette: colours of the figure.
            narrow: whether the figure is for a telephone's width.

        Returns:
            The figure.
        """
        ...

    def alt(self) -> str:
        """Describes the figure in a sentence.

        Returns:
            The alternative text.
        """
        ...

    def live(self) -> str:
        """Describes the step in a sentence or two.

        Returns:
            Text with nothing but **bold** words as Markdown.
        """
        ...


@runtime_checkable
class HandledView(View, Protocol):
    """A view with parts of its figure that a reader can drag or press, to change controls."""

    def handles(self) -> Sequence[Handle]:
        """Returns the parts of the figure that can be dragged or pressed.

        Returns:
            Handles that fit the axes of wide and narrow figures alike.
        """
        ...


@dataclass(frozen=True)
class SentPicture:
    """A whole picture that the browser has; pictures of other steps are sent as what differs from it.

    Attributes:
        text: the picture as JSON; empty if the browser has none.
    """

    text: str = ""

    @classmethod
    def draw(cls, view: View, at: int, *, narrow: bool = False) -> SentPicture:
        """Draws the whole picture of a step.

        Args:
            view: figure and text of the step.
            at: position of the step, from 0.
            narrow: whether the figure is for a telephone's width.

        Returns:
            The picture.
        """
        words = json.dumps({**_words(view, at), "good": getattr(view, "good", None)})
        return cls(f"{words[:-1]}, {figure_json(view, narrow=narrow)[1:]}")

    @cached_property
    def number(self) -> str:
        """Hash of the picture, by which the browser knows it; empty if there is no picture."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest() if self.text else ""

    def message(self) -> str:
        """Returns the picture with its number.

        Returns:
            JSON for the browser.
        """
        return f'{{"number": "{self.number}", {self.text[1:]}'

    def difference(self, view: View, at: int, *, narrow: bool = False) -> dict[str, Any]:
        """Compares the picture of another step with this one.

        Args:
            view: figure and text of the other step.
            at: position of the other step, from 0.
            narrow: whether the figure is for a telephone's width.

        Returns:
            Changed attributes of each trace and of the layout; whole traces if their number or types differ.
        """
        parts = _parts(figure_json(view, narrow=narrow))
        words = _words(view, at)
        if [part.get("type") for part in parts] != [part.get("type") for part in self._parts]:
            return {**words, "data": parts[:-1], "layout": parts[-1]}
        changes = [
            {name: part.get(name) for name in first.keys() | part.keys() if first.get(name) != part.get(name)}
            for first, part in zip(self._parts, parts, strict=True)
        ]
        return {**words, "traces": changes[:-1], "layout": changes[-1]}

    @cached_property
    def _parts(self) -> list[dict[str, Any]]:
        return _parts(self.text)


def handles_of(view: View | None) -> Sequence[Handle]:
    """Returns the handles of a view.

    Args:
        view: figure and text of a step; ``None`` if none is drawn.

    Returns:
        The handles; none if the view has no method for them.
    """
    return view.handles() if isinstance(view, HandledView) else ()


def figure_json(view: View, *, narrow: bool = False) -> str:
    """Draws the figure of a view in placeholder colours.

    Args:
        view: figure and text of a step.
        narrow: whether the figure is for a telephone's width.

    Returns:
        The figure as JSON.
    """
    return thin(view.figure(THEMED, narrow=narrow).to_json())


def _words(view: View, at: int) -> dict[str, Any]:
    """Returns position, sentence, alternative text and handles of a picture."""
    words: dict[str, Any] = {"position": at, "sentence": thin(view.live()), "alt": thin(view.alt())}
    handles = [handle.message() for handle in handles_of(view)]
    return {**words, "handles": handles} if handles else words


def _parts(text: str) -> list[dict[str, Any]]:
    """Returns the traces of a figure, then its layout."""
    parsed = json.loads(text)
    return [*parsed["data"], parsed["layout"]]


def _inks() -> dict[str, tuple[str, str]]:
    inks = {}
    for name in (field.name for field in fields(Palette)):
        ours, light, dark = (getattr(palette, name) for palette in (THEMED, LIGHT, DARK))
        if ours is not None:
            inks[ours] = light, dark
            inks[_start(ours)] = _start(light), _start(dark)
    return inks


def _start(colour: str) -> str:
    """Returns the start of a colour with an opacity.

    Example:
        >>> _start("#010203")
        'rgba(1,2,3,'
    """
    return f"rgba({','.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))},"


INKS = _inks()
"""Colours of the light and the dark theme, by their placeholder in figures."""
