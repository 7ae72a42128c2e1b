"""One term of the glossary."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Term"]


@dataclass(frozen=True)
class Term:
    """One entry of the glossary.

    Attributes:
        name: the term.
        meaning: its definition, as Markdown.
        source: reference, as Markdown.
        page: path of the page that shows it, or empty.
    """

    name: str
    meaning: str
    source: str
    page: str = ""
