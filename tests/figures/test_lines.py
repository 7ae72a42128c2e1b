"""Lines and arrows are drawn with few elements, and end where they should."""

from __future__ import annotations

import numpy as np
import pytest

from hypergeo.figures import LIGHT
from hypergeo.figures.clusters.live import sizes_panel
from hypergeo.figures.core.series import Line, lines_panel


def test_a_line_has_one_marker_however_long_it_is():
    """The last point's; plotly makes an element of the page for every marker, also for those of size zero."""
    steps = np.arange(100.0)
    lines = [Line(steps, steps, "#E69F00", "rising"), Line(steps, -steps, "#56B4E9", "falling", symbol="square")]
    lines.append(Line(steps, 0 * steps, "#0D1620", "zero", symbol=""))
    panel = lines_panel(lines, LIGHT, title="", xtitle="", xrange=(0, 99), yrange=(-99, 99), height=200)
    *drawn, last = panel.traces
    assert [trace["mode"] for trace in drawn] == ["lines"] * 3
    assert last["x"].tolist() == [99, 99]
    assert last["y"].tolist() == [99, -99]
    assert (last["text"], last["marker"]["symbol"]) == (["rising", "falling"], ["circle", "square"])
    none = [Line(steps[:0], steps[:0], "#E69F00", "empty")]
    empty = lines_panel(none, LIGHT, title="", xtitle="", xrange=(0, 99), yrange=(0, 1), height=200).traces
    assert [len(trace["x"]) for trace in empty] == [0, 0], "a film needs the same traces before its first step"


def test_pulls_point_from_the_bars_to_where_they_pull():
    sizes = np.array([30.0, 50.0, 20.0])
    for pull in (np.array([0.5, -0.5, -9.0]), np.zeros(3)):
        panel = sizes_panel(sizes, sizes[None], None, pull, LIGHT, title="", number=100)
        path = np.column_stack([panel.traces[-1]["x"], panel.traces[-1]["y"]]).astype(float)
        for place, size in enumerate(sizes):
            tip = path[8 * place + 3]
            assert tip[0] == pytest.approx(place + 1.28)
            assert np.sign(round(tip[1] - size, 4)) == np.sign(pull[place])
            assert tip[1] >= 0
        # Where one outline follows another, and on the way back, the area in between cancels.
        x, y = path.T
        area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
        alone = [path[8 * place : 8 * place + 8].T for place in range(3)]
        parts = [np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2 for x, y in alone]
        assert area == pytest.approx(abs(sum(parts)), abs=1e-3)
