"""Hostile values for addresses, files and controls, from seeded generators, so that each case can be repeated."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["MARK", "NAMES", "active", "address", "counts_file", "file_name", "points_file", "stage_words", "value", "written"]

MARK = "zq9"
"""Word in each piece of hostile markup, and nowhere in the app."""

MARKUP = (
    f"<script>{MARK}()</script>",
    f'<img src=x onerror="{MARK}()">',
    f"![{MARK}](http://{MARK}.example/x.png)",
    f"[{MARK}](javascript:{MARK})",
    f"http://{MARK}.example",
    f"HTTPS://{MARK}.EXAMPLE",
    f"www.{MARK}.example",
    f"someone@{MARK}.example",
    f"${MARK}^2$",
    f"$$\\href{{x}}{{{MARK}}}$$",
    f":red[{MARK}]",
    f":material/{MARK}:",
    f"`{MARK}`",
    f"**{MARK}**",
    f"_{MARK}_",
    f"~~{MARK}~~",
    f"\\[{MARK}\\](x)",
    f"</p><b>{MARK}</b>",
    f"&lt;{MARK}&gt;",
    f"\n\n# {MARK}\n",
    f"\n- {MARK}",
    f"| {MARK} |\n|---|",
    f"<!--{MARK}-->",
    f"<{MARK}@example.org>",
)
NUMBERS = (
    *("nan", "NaN", "inf", "-inf", "1e308", "-1e308", "1e309", "1e-320", "-0.0", "-1", "-999999999999", "9" * 400, "1e4000"),
    *("0x10", "0b1", "1_000", "１２", "٣", "1,5", "1.5.2", "+5", " 7 ", "7\n", "1e", "e5", "--1", "2**9999", "1/0", "½", "Ⅷ"),
)
WORDS = (
    *("", " ", "null", "None", "undefined", "true", "[]", "{}", "()", "'", '"', "\\", "%", "%00", "%zz", "\x00", "\x1b[31m"),
    *(
        "\u202eabc",
        "\ufeff",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "ß" * 50,
        "ا",
        "𝕏" * 9,
        "e\u0301",
    ),
    *("'; DROP TABLE urns; --", "../../../etc/passwd", "{{7*7}}", "${7*7}", "__import__('os')", "%s%n", "A" * 3000),
)
NAMES = (
    *(
        "conv_n",
        "conv_tau",
        "conv_w1",
        "conv_m2",
        "conv_groups",
        "conv_kind",
        "conv_number",
        "conv_seed",
        "conv_follow",
        "conv_tour",
    ),
    *("urn_n", "urn_step", "urn_law", "urn_m1", "urn_w3", "urn_groups", "urn_seed", "urn_speed", "urn_table", "urn_python"),
    *("grad_view", "grad_n", "grad_t1", "grad_loss", "grad_group", "grad_estimator", "grad_tau", "grad_draws", "grad_rate"),
    *(
        "qual_check",
        "qual_n",
        "qual_m1",
        "qual_taus",
        "qual_samples",
        "qual_gumbel",
        "qual_source",
        "qual_rows",
        "qual_against",
    ),
    *("clu_clusters", "clu_number", "clu_shares", "clu_apart", "clu_source", "clu_room", "clu_edits", "clu_step", "clu_w1"),
    *("present", "embed", "embed_options", "surroundings", "nonsense", "_conv_urn", "clu__", "conv_n[]", "conv_n%00"),
)

FORMULAS = ("=1+1", "=HYPERLINK(1)", "@SUM(1)", "+1", "-1", "1e9", "1e999", "3.5", "", '"2', '"a""b"', "NaN")


def value(rng: random.Random) -> str:
    """Returns a hostile value for an address, a cell or a field of text."""
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(WORDS)
    if kind == 2:
        return "".join(
            chr(rng.choice([rng.randrange(1, 128), rng.randrange(160, 0xD800)])) for _ in range(rng.randrange(1, 60))
        )
    if kind == 3:
        return f"{rng.choice([1, -1]) * 10 ** rng.uniform(-12, 300):g}"
    if kind == 4 and rng.random() < 0.1:
        return rng.choice(["9", "x", "<", "_0~tau~1", "é", "1!"]) * rng.choice([10_000, 50_000, 100_000])
    return rng.choice(MARKUP) if kind < 6 else f"{rng.choice(NUMBERS)}{rng.choice(MARKUP)}"


def address(rng: random.Random, names: Iterable[str] = NAMES) -> dict[str, str]:
    """Returns hostile URL parameters.

    Args:
        rng: generator of all choices.
        names: names that the parameters are sampled from.
    """
    known = list(names)
    return {rng.choice(known): value(rng) for _ in range(rng.randrange(1, 6))}


def file_name(rng: random.Random) -> str:
    """Returns a hostile name of a file, with an ending that pages accept."""
    return value(rng).replace("/", "_").replace("\x00", "_")[:120] + rng.choice([".csv", ".txt", ".CSV"])


def counts_file(rng: random.Random) -> bytes:
    """Returns the content of a file of counts that is broken or hardly valid."""
    kind = rng.randrange(11)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 4000))
    if kind == 1:
        return rng.choice(
            [b"PK\x03\x04", b"%PDF-1.7", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x89PNG"]
        ) + rng.randbytes(50)
    if kind == 2 and rng.random() < 0.15:
        return rng.choice([b"1,2\n", b"0\n", b",", b"\n", b"9" * 30 + b",1\n"]) * 1_000_000
    if kind == 3:
        start = f"sizes: {', '.join(value(rng)[:40] for _ in range(rng.randrange(1, 8)))}\n"
        return (start + "1,2,3\n" * rng.randrange(1, 5)).encode("utf-8", "replace")
    if kind == 4:
        cells = [
            rng.choice(["=1+1", "=HYPERLINK(1)", "@SUM(1)", "+1", "-1", "1e9", "1e999", "3.5", "", '"2', '"a""b"', "NaN"])
            for _ in range(3)
        ]
        return (",".join(cells) + "\n").encode() * rng.randrange(1, 4)
    if kind == 5:
        return "\n".join(",".join("1" * rng.randrange(0, 3) for _ in range(rng.randrange(1, 400))) for _ in range(3)).encode()
    header = ",".join(re.sub(r"[\s,;\"]", " ", value(rng))[:80] for _ in range(3))
    rows = "\n".join(",".join(str(rng.randrange(0, 12)) for _ in range(3)) for _ in range(rng.randrange(1, 30)))
    if kind == 6:
        return f"{header}\n{rows}\n{header}\n{rows}".encode("utf-8", "replace")
    if kind == 7:
        return f"{header}\n{rows}".encode(rng.choice(["utf-16", "utf-8", "latin-1"]), "replace")
    cells = [value(rng)[:60].replace("\n", " ") if rng.random() < 0.06 else str(rng.randrange(12)) for _ in range(12)]
    return "\n".join(",".join(cells[row : row + 3]) for row in range(0, 12, 3)).encode("utf-8", "replace")


def points_file(rng: random.Random) -> bytes:
    """Returns the content of a file of points that is broken or hardly valid."""
    if rng.random() < 0.3:
        return counts_file(rng)
    huge = rng.choice([1.0, 30.0, 1e-6, 1e-300, 1e8, 1e9, 1e200, 1e308, -1e9])
    columns = rng.choice([2, 2, 3, 3, 1, 4])
    separator = rng.choice([",", ";", "\t", " "])

    def cell() -> str:
        return value(rng)[:30].replace("\n", " ") if rng.random() < 0.005 else repr(huge * rng.gauss(0, 1))

    same = rng.random() < 0.1
    rows = [[cell() for _ in range(min(columns, 2))] + ["1", "2"][: max(columns - 2, 0)] for _ in range(rng.randrange(0, 40))]
    return "\n".join(separator.join(rows[0] if same else row) for row in rows).encode("utf-8", "replace")


_ESCAPED = re.compile(r"\\[\\`*_{}\[\]()<>#+\-.!|$:~^&=@\"'/%;,]")
_ACTIVE = [
    rf"<[^>\s][^>]*{MARK}",
    rf"<(script|img|b|p|i)\b[^>]*>\s*{MARK}",
    rf"!?\[[^\]]*{MARK}[^\]]*\]\(",
    rf"\]\([^)]*{MARK}",
    rf"(?<!\w)(https?|javascript|ftp)://\S*{MARK}",
    rf"(?<!\w)www\.{MARK}",
    rf"\w@{MARK}\.",
    rf"<{MARK}[@>]",
    rf"\$[^$]*{MARK}[^$]*\$",
    rf":\w+\[{MARK}",
    rf":material/{MARK}",
    rf"`[^`]*{MARK}[^`]*`",
    rf"\*\*{MARK}|(?<!\w)_{MARK}_|~~{MARK}",
    rf"(^|\n)\s*(#+|[-*+|>])\s*{MARK}",
    rf"&\w+;{MARK}",
]


def active(words: str) -> list[str]:
    """Returns the parts of a Markdown text in which Streamlit would show hostile words as markup."""
    still = _ESCAPED.sub("", words)
    return [match[0] for pattern in _ACTIVE for match in [re.search(pattern, still, re.IGNORECASE)] if match]


def written(spec: str) -> str:
    """Returns a figure's JSON without arrays and pictures: their base64 has any three letters once in 262,144 places."""
    return re.sub(r'("bdata":"|;base64,)[^"]*"', '"', spec)


def stage_words(message: Mapping[str, Any]) -> str:
    """Returns the words of a stage's last message, without the page's address, which is not shown."""
    shown = {**message, "bar": {**(message["bar"] or {}), "address": None}}
    return written(json.dumps(shown, separators=(",", ":")))
