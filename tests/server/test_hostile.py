"""Hostile input: pages correct it or report the error, and never show it as markup.

``HYPERGEO_FUZZ`` is the number of cases, 500 by default; 5000 for the long mode.
A failing case reports its number, so that it can be repeated alone.
"""

from __future__ import annotations

import base64
import os
import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from hypergeo.ui.catalogue import PAGES
from hypergeo.ui.clusters.own_points import read_points
from hypergeo.ui.clusters.settings import read_edits
from hypergeo.ui.counts.reading import UnreadableError, read
from hypergeo.ui.limits import CLUSTERS, COUNTS, SHOWN_OF_A_VALUE
from hypergeo.ui.state.markdown import plain, quoted
from hypergeo.ui.state.page_state import PageState
from tests.support.app.hostile import (
    MARK,
    MARKUP,
    NAMES,
    active,
    address,
    counts_file,
    file_name,
    points_file,
    stage_words,
    value,
    written,
)
from tests.support.app.pages import components, knobs, page_file, sentence, stage, visit

CASES = int(os.environ.get("HYPERGEO_FUZZ", "500"))
PEAK = 1000.0  # MB more than before
SHOWN = [Path(entry.path).stem for entry in PAGES]
SHARES = {"controls": 0.46, "counts": 0.2, "points": 0.16, "addresses": 0.06, "files": 0.02, "widgets": 0.1}


def numbers(kind: str) -> range:
    """Returns the numbers of the cases of a kind; all kinds together have ``CASES``."""
    return range(round(CASES * SHARES[kind]))


def chance(kind: str, number: int) -> random.Random:
    return random.Random(f"{kind} {number}")


def test_there_are_as_many_cases_as_were_asked_for():
    assert abs(sum(len(numbers(kind)) for kind in SHARES) - CASES) <= len(SHARES)


@cache
def states() -> dict[str, PageState]:
    """Returns the state of each page with its table of controls, by prefix of the URL parameters."""
    made: dict[str, PageState] = {}
    init = PageState.__init__

    def note(self: PageState, prefix: str, controls: Any, derive: Any = None) -> None:
        init(self, prefix, controls, derive)
        made[prefix] = self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PageState, "__init__", note)
        app = visit().run()
        for page in SHOWN:
            app.switch_page(page_file(page)).run()
            assert not app.exception
    return made


def words_of(app: AppTest) -> Iterator[str]:
    """Yields each text that a page shows as Markdown."""
    for kind in ("markdown", "caption", "warning", "error", "info", "success", "title", "subheader"):
        yield from (str(element.value) for element in getattr(app, kind))
    if "stage" in components(app):
        yield sentence(app)
    for kind in ("button", "slider", "select_slider", "number_input", "selectbox", "text_area", "toggle", "file_uploader"):
        for widget in getattr(app, kind):
            yield from (widget.label, getattr(widget, "help", "") or "")


def look(app: AppTest, case: object) -> None:
    """Asserts that the page has no error and shows no hostile text as markup."""
    assert not app.exception, (case, [(element.message, element.stack_trace) for element in app.exception])
    for words in words_of(app):
        assert not active(words), (case, words)
        assert "Traceback" not in words, (case, words)
        assert len(words) < 20_000, (case, words[:200])
    for chart in app.get("plotly_chart"):
        assert MARK not in written(chart.proto.spec), case
        assert MARK not in chart.proto.alt, case
    if "stage" in components(app):
        assert MARK not in stage_words(stage(app)), case


def peak(*, reset: bool = False) -> float:
    """Returns the peak memory of this process since the last reset, in MB."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module", autouse=True)
def _memory() -> Iterator[None]:
    if not Path("/proc/self/clear_refs").exists():
        yield
        return
    peak(reset=True)
    before = peak()  # other tests of the same process have left their modules and caches in it
    yield
    assert peak() - before < PEAK


@pytest.mark.parametrize("words", [*MARKUP, f"x{MARK}", "<b>"])
def test_the_check_of_markup_finds_it(words):
    """Raw markup is found, plain words are not; escaped markup is not found, and a reader sees the text as written."""
    assert bool(active(words)) is (words not in (f"x{MARK}", "<b>", f"\\[{MARK}\\](x)"))
    for made in (plain(words), quoted(words, 200)):
        assert not active(made)
        seen = made.replace("\u2060", "").replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
        assert seen == words.replace("\n", " ")


def test_the_check_of_figures_reads_words_and_no_numbers():
    numbers = base64.b64decode(f"{MARK}A" * 6)
    figure = go.Figure(go.Scatter(x=np.frombuffer(numbers, dtype=np.uint8), y=[1, 2]))
    figure.add_layout_image(source=f"data:image/png;base64,/{MARK}=")
    assert figure.to_json().count(MARK) > 2
    assert MARK not in written(figure.to_json())
    assert MARK in written(figure.update_layout(title=f"<i>{MARK}</i>").to_json())


def test_controls_take_anything_and_give_what_they_allow():
    tables = states()
    assert len(tables) >= len(SHOWN) - 1
    every = [(state, name) for state in tables.values() for name in state.controls]
    for number in numbers("controls"):
        rng = chance("controls", number)
        state, name = rng.choice(every)
        control, text = state.controls[name], value(rng)
        start = time.process_time()
        taken = control.read(text)
        mended = control.write(taken)
        assert control.read(mended) == taken, (number, name, text[:80])
        assert state.corrections({state.key(name): mended}) == {}, (number, name, text[:80])
        assert not active(quoted(text, SHOWN_OF_A_VALUE)), (number, text[:80])
        assert time.process_time() - start < 0.5, (number, name, text[:80])


def test_edits_in_an_address_are_bounded():
    for text in ("1~tau~1_" * 100_000, "9" * 100_000, "~" * 100_000, "0~weights~" + "1!" * 100_000):
        assert len(read_edits(text)) <= CLUSTERS.edits


def refused(reader: Callable[[bytes], Any], data: bytes, kind: type[ValueError], case: object) -> Any:
    """Reads a file, or asserts that it is refused quickly, with a message without markup.

    Args:
        reader: function that reads the file.
        data: content of the file.
        kind: exception for a refusal.
        case: case of the test, for the message of a failure.

    Returns:
        The result of the reader, or ``None`` after a refusal.
    """
    start = time.process_time()
    content, words = None, ""
    try:
        content = reader(data)
    except kind as error:
        words = str(error)
    assert not active(words), (case, words)
    assert content is not None or 10 < len(words) < 1000, (case, words)
    assert time.process_time() - start < 5, case
    return content


def test_files_of_counts_are_read_or_refused():
    taken = 0
    for number in numbers("counts"):
        table = refused(read, counts_file(chance("counts", number)), UnreadableError, number)
        if table is not None:
            taken += 1
            assert table.counts.ndim == 2
            assert 1 <= len(table.counts) <= COUNTS.rows
            assert (table.counts >= 0).all()
            assert not active(" ".join(table.notes))
    assert taken > len(numbers("counts")) / 20, "files that nobody can read try little"


def test_files_of_points_are_read_or_refused():
    taken = 0
    for number in numbers("points"):
        points = refused(read_points, points_file(chance("points", number)), ValueError, number)
        if points is not None:
            taken += 1
            assert CLUSTERS.rows[0] <= len(points.points) <= CLUSTERS.rows[1]
            assert np.isfinite(points.points).all()
    assert taken > len(numbers("points")) / 20


def test_addresses_open_a_page():
    """Several bad parameters at once, on every page in turn."""
    for number in numbers("addresses"):
        rng = chance("addresses", number)
        page = SHOWN[number % len(SHOWN)]
        names = [*states()] and [state.key(name) for state in states().values() for name in state.controls] + [*NAMES]
        own = [name for name in names if name.split("_")[0] == PREFIXES.get(page)] or names
        parameters = address(rng, own if rng.random() < 0.8 else names)
        app = visit().switch_page(page_file(page))
        for name, text in parameters.items():
            app.query_params[name] = [text, "1"] if rng.random() < 0.1 else text
        app.run()
        look(app, (number, page, {name: text[:60] for name, text in parameters.items()}))


PREFIXES = {
    "home": "home",
    "convergence": "conv",
    "urn": "urn",
    "one_sample": "one",
    "gradients": "grad",
    "partitions": "part",
    "quality": "qual",
    "cluster_sizes": "clu",
    "shared_factors": "fac",
}
UPLOADS = {"quality": {"qual_check": "your counts"}, "cluster_sizes": {"clu_source": "your own"}}


def test_files_are_taken_by_the_pages():
    for number in numbers("files"):
        rng = chance("files", number)
        page = sorted(UPLOADS)[number % len(UPLOADS)]
        app = visit().switch_page(page_file(page))
        app.query_params.update(UPLOADS[page])
        app.run()
        name, content = file_name(rng), (counts_file if page == "quality" else points_file)(rng)
        app.file_uploader[0].upload(name, content or b"1")
        app.run()
        look(app, (number, page, name, content[:80]))
        if page == "quality":
            app.text_area[0].set_value(value(rng)).run()
            look(app, (number, "pasted"))


def test_widgets_are_moved_in_any_order():
    """Random moves of all controls: each case is one move, on a visit of ten."""
    app, page = visit(), ""
    for number in numbers("widgets"):
        rng = chance("widgets", number)
        if number % 10 == 0:
            page = SHOWN[number // 10 % len(SHOWN)]
            app = visit().switch_page(page_file(page)).run()
        moved = move(app, page, rng)
        app.run()
        look(app, (number, page, moved))


def move(app: AppTest, page: str, rng: random.Random) -> str:
    """Moves a random widget or live control to a random value that it offers.

    Args:
        app: the page.
        page: name of the page.
        rng: generator of all choices.

    Returns:
        Name of the widget, for the message of a failure.
    """
    live = list(knobs(app).items()) if "controls" in components(app) else []
    widgets = [*app.slider, *app.select_slider, *app.number_input, *app.selectbox, *app.toggle, *app.button_group]
    buttons = [button for button in app.button if "preset" not in str(button.key) and not button.proto.disabled]
    widget = rng.choice([*widgets, *live, *rng.sample(buttons, min(3, len(buttons)))])
    if isinstance(widget, tuple):
        name, knob = widget
        low, high = knob.get("low", 0), knob.get("high", 0)
        offered = knob.get("options") or ([low, high, rng.randint(low, high)] if high else ["true", "false"])
        app.query_params[f"{PREFIXES[page]}_{name}"] = str(rng.choice(offered))
        return f"live control {name}"
    kind = type(widget).__name__
    if kind == "Button":
        widget.click()
    elif kind == "Toggle":
        widget.set_value(not widget.value)
    elif kind in ("Slider", "NumberInput"):
        widget.set_value(rng.choice([widget.min, widget.max, rng.randint(int(widget.min), int(widget.max))]))
    elif kind == "ButtonGroup":
        widget.set_value(type(widget.value)(rng.choice([option.content for option in widget.proto.options])))
    else:
        offered = rng.choice(list(widget.options))
        widget.set_value(type(widget.value)(offered.replace(",", "")) if not isinstance(widget.value, str) else offered)
    return f"{kind} {widget.key}"
