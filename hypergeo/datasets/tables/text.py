"""Decodes files to text, with an error message for files that are not text, and shortens texts for messages."""

from __future__ import annotations

import re

__all__ = ["decoded", "shortened"]

_SIGNATURES = (
    (b"PK", "an Excel workbook or another ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of the old kind (.xls)"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file (.gz)"),
    (b"BZh", "a compressed file (.bz2)"),
    (b"\xfd7zXZ", "a compressed file (.xz)"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x89PNG", "an image"),
)
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32", "UTF-32"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_BINARY = "This is a binary file, and not text. Save the table as CSV, and choose that file."


def decoded(data: bytes) -> tuple[str, str]:
    """Decodes the bytes of a file.

    Args:
        data: UTF-8, UTF-16 or UTF-32 with or without a byte-order mark, or Windows-1252.

    Returns:
        The text, and the name of its encoding, or an empty string for UTF-8.

    Raises:
        ValueError: if the file is not text; the message says how to convert an Excel workbook or a similar file.

    Example:
        >>> decoded("größe;2".encode("latin-1"))
        ('größe;2', 'Windows-1252')
    """
    for start, kind in _SIGNATURES:
        if data.startswith(start):
            if b"xl/" in data or b"[Content_Types].xml" in data:
                kind = "an Excel workbook (.xlsx)"
            advice = "Unpack it, and choose the file inside." if "compressed" in kind else _advice(kind)
            raise ValueError(f"This is {kind}, and not text. {advice}")
    encoding, name = next(((encoding, name) for mark, encoding, name in _MARKS if data.startswith(mark)), _unmarked(data))
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if name:
            raise ValueError(f"This file begins like {name}, but is not text. Save the table as CSV in UTF-8.") from None
        try:
            text, name = data.decode("cp1252"), "Windows-1252"
        except UnicodeDecodeError:
            text, name = data.decode("latin-1"), "Latin-1"
    if _CONTROL.search(text):
        raise ValueError(_BINARY)
    text = text.lstrip("\ufeff")
    if text.lstrip()[:1] == "{" or re.match(r"\s*<(!doctype|html|\?xml|table)", text, re.IGNORECASE):
        kind = "JSON" if text.lstrip()[:1] == "{" else "a page of HTML or XML"
        raise ValueError(f"This is {kind}, and not a table. Save the table as CSV, and choose that file.")
    return text, name


def shortened(text: str) -> str:
    """Shortens the text of a cell for a message.

    Args:
        text: text of a cell.

    Returns:
        The text, or its first 37 characters and dots.
    """
    return text if len(text) <= 40 else f"{text[:37]}..."


def _advice(kind: str) -> str:
    program = "In Excel or LibreOffice, choose Save As and the type CSV UTF-8" if "Excel" in kind else "Save the table as CSV"
    return f"{program}, and choose that file."


def _unmarked(data: bytes) -> tuple[str, str]:
    """Returns UTF-16 if every other byte is zero, else UTF-8, which is tried first."""
    start = data[:2000]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = start[offset::2]
        if len(start) >= 8 and zeros.count(0) > 0.8 * len(zeros) and start[1 - offset :: 2].count(0) == 0:
            return encoding, "UTF-16"
    return "utf-8-sig", ""
