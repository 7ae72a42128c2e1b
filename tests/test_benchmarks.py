"""The benchmark command runs and writes all its sections; no test depends on the measured times."""

from __future__ import annotations

import json
import math
import os
import sys

import pytest

from .benchmarks.__main__ import main
from .benchmarks.cases import MERGED, RELAXED, Urn
from .benchmarks.peers.biasedurn import BiasedUrn
from .benchmarks.report import Missing, Verdict
from .benchmarks.sections import SECTIONS
from .benchmarks.studies.merged import total_variation
from .benchmarks.timing import Effort, compare

# Sections that start a browser, workers or replicas, visit page after page or train run in the long mode only: all of them
# have separate tests.
LONG = os.environ.get("HYPERGEO_LONG") == "1"
QUICK = [name for name in SECTIONS if LONG or name not in {"latency", "sweep", "replicas", "limits", "clusters"}]


def timings(cell: object) -> bool:
    return isinstance(cell, dict) and cell.keys() == {"median", "fastest", "slowest", "repeats"}


@pytest.mark.slow
def test_quick_run_fills_every_section(tmp_path, monkeypatch, capsys):
    file = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks", *QUICK, "--quick", "--threads", "1", "--json", str(file)])
    main()
    printed = capsys.readouterr().out
    result = json.loads(file.read_text())
    assert result["machine"]["threads"] == 1
    assert len(result["machine"]["load_average"]) == len(result["load_average_at_end"]) == 3
    assert list(result["sections"]) == QUICK
    for name in ("relaxed", "exact", "log_prob", "grid"):
        for row in result["sections"][name]["rows"]:
            ours = [cell for column, cell in row.items() if column.startswith("hypergeo")]
            assert ours, row
            assert all(timings(cell) and 0 < cell["fastest"] <= cell["median"] <= cell["slowest"] for cell in ours), row
    assert any(timings(row.get("scipy")) for row in result["sections"]["grid"]["rows"])
    assert result["sections"]["relaxed"]["rows"][0]["official, float32"].keys() == {"missing"}
    for row in result["sections"]["large"]["rows"]:
        assert row["peak MB"] >= row["of which imports"] > 0
        assert row["draws with gradients, s"] > 0
    assert [target["passed"] for target in result["targets"]] == [None] * len(result["targets"])
    assert len(result["targets"]) > 2 * len(RELAXED)
    for section in result["sections"].values():
        assert section["title"] in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "SECTION must be one of relaxed, exact"),
        (["--threads", "0"], "--threads must be at least 1; got 0"),
        (["--peer", "no-such-folder"], "--peer must name a checkout of thomassutter/mvhg"),
    ],
)
def test_bad_arguments_are_named(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr().err + str(end.value)
    assert words in printed
    assert "Traceback" not in printed
    assert end.value.code


def test_calls_take_turns_and_the_cheap_one_goes_more_often():
    order = []
    spent = {"slow": 200_000, "fast": 20_000}
    calls = {name: lambda name=name, n=n: order.append((name, sum(range(n)))) for name, n in spent.items()}
    times = compare(calls, Effort(seconds=0.02, repeats=2))
    assert {name: sum(called == name for called, _ in order) - 1 for name in spent} == {n: t.repeats for n, t in times.items()}
    assert times["fast"].repeats > times["slow"].repeats >= 2
    names = [name for name, _ in order]
    assert names.index("slow", 2) < len(names) - 1 - names[::-1].index("fast")


def test_verdict_needs_a_measurement():
    assert Verdict("race", 5.0, 5.0, "s").passed is True
    assert Verdict("race", math.inf, 5.0, "s").passed is False
    assert Verdict("race", Missing("no rival"), 5.0, "s").passed is None
    assert Verdict("race", 1.0, 5.0, "s", judged=False).passed is None


def test_missing_r_is_a_reason():
    assert "not installed" in (BiasedUrn("no-such-command").missing or "")


def test_published_rule_is_exact_only_for_equal_weights():
    equal, unequal, extreme = map(total_variation, MERGED)
    assert max(equal) < 1e-9
    assert unequal == pytest.approx((0.36, 0.16), abs=0.005)
    assert extreme == pytest.approx((0.58, 0.31), abs=0.005)


def test_published_rule_is_exact_for_two_groups():
    assert max(total_variation(Urn((7, 5), 6, (1.0, 9.0)))) < 1e-12
