"""Conversion of dataclasses of plain numbers to JSON and back, and of tables to comma-separated values or HTML."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

__all__ = ["csv_columns", "csv_records", "csv_text", "from_record", "html_table", "html_text", "plain", "to_record"]


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    r"""Writes rows as comma-separated values. Cells are quoted if necessary, and ``None`` is an empty cell.

    Args:
        rows: cells of each row.

    Returns:
        CSV text.

    Example:
        >>> csv_text([["method", "value"], ["a, b", 0.5], ["c", None]])
        'method,value\n"a, b",0.5\nc,\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def csv_columns(table: Mapping[str, Iterable[Any]]) -> str:
    r"""Writes a table of columns as comma-separated values.

    Args:
        table: columns of the same length by name.

    Returns:
        CSV text with a header.

    Example:
        >>> csv_columns({"step": [0, 1], "loss": [2.5, None]})
        'step,loss\n0,2.5\n1,\n'
    """
    return csv_text([table, *zip(*table.values(), strict=True)])


def csv_records(records: Sequence[Mapping[str, Any]]) -> str:
    r"""Writes a table of rows as comma-separated values. Rows may lack cells.

    Args:
        records: rows that map names to cells.

    Returns:
        CSV text with a header.

    Example:
        >>> csv_records([{"kind": "a", "x": 1}, {"kind": "b", "y": 2}])
        'kind,x,y\na,1,\nb,,2\n'
    """
    head = list(dict.fromkeys(name for record in records for name in record))
    return csv_text([head, *([record.get(name) for name in head] for record in records)])


def html_table(head: Sequence[str], rows: Sequence[tuple[Sequence[str], bool]]) -> str:
    """Formats a table as HTML that scrolls if the page is narrower.

    Args:
        head: titles of the columns.
        rows: cells of each row, and whether the row is emphasised.

    Returns:
        HTML text.

    Example:
        >>> "<tr class=off><td>1 &lt; 2</td></tr>" in html_table(["claim"], [(["1 < 2"], True)])
        True
    """
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr{' class=off' if emphasised else ''}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
        for cells, emphasised in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def html_text(markdown: str) -> str:
    """Formats a Markdown sentence as HTML. Bold words stay bold.

    Args:
        markdown: sentence with words in ``**``.

    Returns:
        HTML text.

    Example:
        >>> html_text("**Nothing** is < 0.")
        '<strong>Nothing</strong> is &lt; 0.'
    """
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(markdown))


def to_record(value: Any) -> str:
    """Formats a dataclass as JSON. Infinite numbers are the strings ``"inf"`` and ``"-inf"``, and NaN is ``null``.

    Args:
        value: instance of a dataclass.

    Returns:
        JSON text.

    Example:
        >>> from hypergeo.quality.samples import Floor
        >>> to_record(Floor(0.5, float("inf")))
        '{"mean": 0.5, "quantile": "inf"}'
    """
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def from_record(text: str, kind: type) -> Any:
    """Reads a dataclass that :func:`to_record` wrote.

    Args:
        text: JSON text.
        kind: class of the result.

    Returns:
        Instance of the class.

    Raises:
        ValueError: if the text does not fit the class.

    Example:
        >>> from hypergeo.quality.samples import Floor
        >>> from_record('{"mean": 0.5, "quantile": "inf"}', Floor)
        Floor(mean=0.5, quantile=inf)
    """
    try:
        return _built(json.loads(text), kind)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"text must be the JSON of a {kind.__name__}: {error}") from error


def plain(value: Any) -> Any:
    """Converts a dataclass to the lists, dictionaries and numbers of its JSON; see :func:`to_record`.

    Args:
        value: instance of a dataclass.

    Returns:
        Dictionary of plain values.
    """
    return _plain(asdict(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _built(value: Any, kind: Any) -> Any:
    """Returns a value of the requested type from its JSON.

    Raises:
        TypeError: if the value does not fit the type.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        if value is None and len(options) < len(typing.get_args(kind)):
            return None
        lists = [option for option in options if typing.get_origin(option) is tuple]
        return _built(value, (lists if isinstance(value, list) and lists else options)[0])
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise TypeError(f"expected a list, got {value!r}")
        return origin(_built(item, typing.get_args(kind)[0]) for item in value)
    if origin is dict:
        return dict(value)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, got {value!r}")
        hints = typing.get_type_hints(kind)
        constructor: Any = kind  # any dataclass can be called with its fields by name
        return constructor(**{field.name: _built(value[field.name], hints[field.name]) for field in fields(kind)})
    if kind is float and value is None:
        return math.nan
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError(f"expected a number, got {value!r}")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value
