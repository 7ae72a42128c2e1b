"""What a reader wrote, in the middle of Markdown, as text alone."""

from __future__ import annotations

import re

__all__ = ["plain", "quoted"]

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_{}[]()<>#+-.!|$:~^&=@"})
_HARMLESS = re.compile(r"[A-Za-z0-9.,+\- ]*")


def plain(words: str) -> str:
    """Escapes text so that Markdown shows it unchanged.

    Args:
        words: the text.

    Returns:
        The text as Markdown.

    Example:
        >>> plain("![x](y)")
        '\\\\!\\\\[x\\\\]\\\\(y\\\\)'
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    for address in ("://", "www.", "@"):  # made links of even where they are escaped: a word joiner within prevents it
        printable = re.sub(
            re.escape(address), lambda match: f"{match[0][0]}\u2060{match[0][1:]}", printable, flags=re.IGNORECASE
        )
    return printable.translate(_MARKS)


def quoted(words: str, most: int) -> str:
    """Shortens and escapes text for the middle of a sentence in Markdown.

    Args:
        words: text that the user wrote.
        most: greatest number of letters.

    Returns:
        The text as Markdown.

    Example:
        >>> quoted("1e-7", 40), quoted("<b>x</b>", 40), quoted("x" * 100, 3)
        ('1e-7', '\\\\<b\\\\>x\\\\</b\\\\>', 'xxx…')
    """
    start = words[:most] + ("…" if len(words) > most else "")
    return start if _HARMLESS.fullmatch(start) and "www." not in start.lower() else plain(start)
