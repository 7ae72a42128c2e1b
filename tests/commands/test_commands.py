"""The command line: what it writes where, how it ends, and that no input makes it show a traceback.

A process of its own, which imports torch anew, is for what only a process can show.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo.__main__ import main
from hypergeo.commands import COMMANDS
from hypergeo.commands.terminal import Terminal
from hypergeo.datasets.counts_csv import read_counts
from hypergeo.quality import QualityReport

URN = ["-n", "15", "-m", "3x10", "-w", "1,2,4"]


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Returns status, output and errors of the program, run in this process."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_what_sample_draws_is_what_fit_finds(capsys, monkeypatch):
    status, drawn, err = called(capsys, "sample", "-N", 3000, *URN)
    assert (status, err) == (0, "")
    counts = read_counts(drawn).counts
    assert counts.shape == (3000, 3)
    assert bool((counts.sum(-1) == 15).all())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(drawn.encode())))
    status, result, err = called(capsys, "fit", "-", "-m", "10,10,10", "--format", "json")
    assert (status, err) == (0, "")
    fit = json.loads(result)
    expected = FisherHypergeometric.fit(counts, [10, 10, 10])
    assert [row["weight"] for row in fit["groups"]] == pytest.approx(expected.weights.tolist())
    assert [row["standard_error"] for row in fit["groups"]] == pytest.approx(expected.standard_errors.tolist())
    assert [row["low"] for row in fit["groups"]] == pytest.approx(expected.confidence_interval()[:, 0].tolist())
    for row, truth in zip(fit["groups"], [0.5, 1.0, 2.0], strict=True):  # six standard errors: 1e-8 that one is outside
        assert abs(row["weight"] / truth - 1) < 6 * row["standard_error"] * 1.1


def test_a_quality_report_goes_to_a_file_and_nothing_else_is_said(capsys, tmp_path):
    page = tmp_path / "report.html"
    arguments = ["quality", *URN, "--temperatures", "0.5", "--num-samples", 500, "--num-gradients", 20, "--progress"]
    status, out, err = called(capsys, *arguments, "--output", page)
    assert (status, out) == (0, "")
    assert "gradients: Exact marginal" in err
    assert "\r" not in err
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "straight-through samples with exact conditionals" in text.lower()
    assert "http" not in text.split("<body>")[0]


def test_a_closed_pipe_is_quiet():
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m hypergeo sample -N 2000000 {' '.join(URN)} | head -n 2"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith("group 1,group 2,group 3\n")
    assert done.stderr == ""


def everything(terminal: int) -> str:
    """Returns the text written to the other end of a terminal until it is closed."""
    parts = []
    with contextlib.suppress(OSError):  # Linux says so when the last writer is gone
        while part := os.read(terminal, 4096):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_terminal_sees_a_bar_that_goes_away(capsys):
    """Standard error is a pseudo-terminal, standard output a pipe that must not hear of it."""
    outer, inner = pty.openpty()
    arguments = ["quality", *URN, "--num-samples", 400, "--num-gradients", 30, "--format", "csv"]
    with ThreadPoolExecutor(1) as reader:
        message = reader.submit(everything, outer)
        with os.fdopen(inner, "w") as terminal, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            status, written, _ = called(capsys, *arguments)
    os.close(outer)
    assert status == 0
    assert "█" in message.result()
    assert message.result().rstrip(" ").endswith("\r")
    rows = list(csv.DictReader(io.StringIO(written)))
    assert {row["kind"] for row in rows} == {"samples", "gradients"}


def test_bad_input_ends_a_process_with_status_2_and_one_line():
    words = [sys.executable, "-m", "hypergeo", "fit", "no-such-file.csv", "-m", "10"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "No such file or directory: no-such-file.csv" in done.stderr
    assert done.stderr.count("\n") == 1


BAD = [
    ([], "required: COMMAND"),
    (["nonsense"], "invalid choice: 'nonsense'"),
    (["sample", "-m", "3x10"], "-n/--total-count"),
    (["sample", "-n", "-1", "-m", "3"], "must be a whole number of at least 0; got '-1'"),
    (["sample", "-n", "1e3", "-m", "3"], "must be a whole number"),
    (["sample", "-n", "2", "-m", "3,x"], "such as 10,10,10 or 3x10; got '3,x'"),
    (["sample", "-n", "2", "-m", ""], "must not be empty"),
    (["sample", "-n", "2", "-m", "999999999x1"], "at most 10,000 groups"),
    (["sample", "-n", "2", "-m", "2,2", "-w", "1"], "--weights must list one number for each of the 2 groups; got 1"),
    (["sample", "-n", "2", "-m", "2,2", "-w", "1,-2"], "weights must be finite and nonnegative; got -2.0 at index (1,)"),
    (["sample", "-n", "2", "-m", "2,2", "-w", "1,nan"], "must be numbers"),
    (["sample", "-n", "2", "-m", "2,2", "-w", "1,inf"], "finite"),
    (["sample", "-n", "2", "-m", "2,2", "-w", "0,0"], "weight is above zero"),
    (["sample", "-n", "2", "-m", "2,2", "-w", "1,2", "--log-weights", "0,1"], "not allowed with"),
    (["sample", "-n", "9" * 400, "-m", "2,2"], "must be a whole number"),
    (["sample", "-n", "2", "-m", "2,2", "--temperature", "0.5"], "--temperature goes with --law relaxed"),
    (["sample", "-n", "2", "-m", "2,2", "--law", "relaxed", "--temperature", "0"], "must be positive numbers"),
    (["sample", "-n", "2", "-m", "2,2", "--law", "relaxed", "--temperature", "1,2"], "--temperature must be one number"),
    (["sample", "-n", "2", "-m", "2,2", "-o", "draws.xml"], "--output must end in .json or .csv; got draws.xml"),
    (["sample", "-n", "2", "-m", "2,2", "-o", "/no/such/folder/x.csv"], "a folder that exists"),
    (["sample", "-n", "2", "-m", "2,2", "-o", "x.csv", "--format", "json"], "contradicts"),
    (["sample", "-n", "2", "-m", "2,2", "--seed", "-4"], "between 0 and"),
    (["quality", "-n", "31", "-m", "3x10"], "total_count must be at most sum(group_sizes) = 30; got 31"),
    (["quality", *URN, "--estimators", "wishful"], "must be of score-function"),
    (["quality", *URN, "--temperatures", "1,zero"], "must be numbers"),
    (["quality", *URN, "--target", "1,2"], "--target must list one number for each of the 3 groups; got 2"),
    (["quality", *URN, "--objective", "step", "--target", "1,2,3"], "not with step"),
    (["quality", *URN, "--level", "1"], "must be between 0 and 1; got '1'"),
    (["quality", *URN, "--num-gradients", "1"], "between 2 and 10,000,000"),
    (
        ["quality", *URN, "--num-evaluations", "1", "--estimators", "score-function", "--samplers", "none"],
        "num_samples must be at",
    ),
    (["quality", *URN, "--tau", "1"], "unrecognized arguments: --tau"),
    (["bench", *URN, "--seconds", "0"], "must be a positive number; got '0'"),
    (["fit", "-m", "10", "--level", "2"], "between 0 and 1"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "")
def test_bad_input_is_named_in_one_line(capsys, arguments, words):
    status, out, err = called(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("a,b\n", "no counts below it"),
        ("1,2\n3\n", "Line 2 has 1 columns where the first has 2: '3'"),
        ("1,2\n3,four\n", "Line 2 has 'four' where a count should be"),
        ("1,nan\n", "'nan' where a count should be"),
        ("1,2,3\n", "must have 2 columns, one for each group; it has 3"),
        ("1,2\n3,1.5\n", "whole numbers between 0 and group_sizes; got 1.5"),
        ("1,200\n", "got 200.0 with size 10.0"),
        ("1,٣\n", "where a count should be"),
        ('1,"2\n', "Line 1 cannot be read"),
        ("\x00\x01,\x02\n", ""),
    ],
)
def test_counts_that_cannot_be_read_are_named(capsys, tmp_path, text, words):
    file = tmp_path / "counts.csv"
    file.write_text(text)
    status, out, err = called(capsys, "fit", file, "-m", "10,10")
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_counts_that_are_no_text_are_named(capsys, tmp_path):
    file = tmp_path / "counts.csv"
    for content in (b"\xff\xfe1\x00,\x002", b"PK\x03\x04 xl/workbook.xml", b"\x00\x01\x02"):
        file.write_bytes(content)
        status, _, err = called(capsys, "fit", file, "-m", "10,10")
        assert status == 2
        assert "not text" in err


def test_counts_come_as_spreadsheets_write_them(capsys, tmp_path):
    file = tmp_path / "counts.csv"
    file.write_bytes("\ufeffred;blue\r\n3;2\r\n\r\n# a remark\r\n1;4\r\n".encode())
    status, out, _ = called(capsys, "fit", file, "-m", "5,5", "--format", "csv")
    assert status == 0
    assert [row["group"] for row in csv.DictReader(io.StringIO(out))] == ["red", "blue"]


def test_weights_at_their_bounds_are_words_not_numbers(capsys, tmp_path):
    file = tmp_path / "counts.csv"
    file.write_text("0,3,2\n0,2,3\n0,4,1\n")
    status, out, _ = called(capsys, "fit", file, "-m", "5,5,5", "--format", "json")
    first = json.loads(out)["groups"][0]
    assert status == 0
    assert (first["weight"], first["log_weight"], first["standard_error"], first["note"]) == (0.0, "-inf", None, "never drawn")
    status, out, _ = called(capsys, "fit", file, "-m", "5,5,5")
    assert "never drawn" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_by_examples(capsys, name):
    status, out, err = called(capsys, name, "--help")
    assert (status, err) == (0, "")
    assert "examples:" in out
    assert f"python -m hypergeo {name} " in out
    status, out, _ = called(capsys, "--help")
    assert all(f"    {command} " in out for command in COMMANDS)


@pytest.mark.parametrize(
    "more", [[], ["--law", "wallenius"], ["--law", "relaxed", "--straight-through", "--conditionals", "merged"]]
)
def test_draws_are_whole_seeded_and_the_same_in_both_formats(capsys, more):
    arguments = ["sample", "-N", "50", *URN, *more, "--seed", "7"]
    _, first, _ = called(capsys, *arguments)
    _, again, _ = called(capsys, *arguments, "--format", "json")
    _, other, _ = called(capsys, *arguments[:-1], "8")
    counts = [list(map(int, line.split(","))) for line in first.splitlines()[1:]]
    assert json.loads(again) == counts
    assert first != other
    assert len(counts) == 50
    assert all(sum(row) == 15 and max(row) <= 10 for row in counts)


def test_soft_draws_keep_every_digit(capsys):
    _, out, _ = called(capsys, "sample", "-N", "20", *URN, "--law", "relaxed", "--temperature", "0.3")
    counts = read_counts(out).counts
    assert bool((counts % 1 != 0).any())
    torch.testing.assert_close(counts.sum(-1), torch.full((20,), 15.0, dtype=torch.float64), rtol=0, atol=1e-12)


def test_draws_in_parts_are_all_there(capsys, monkeypatch):
    monkeypatch.setattr("hypergeo.commands.sample._COUNTS_PER_PART", 30)
    for form in ("csv", "json"):
        _, out, _ = called(capsys, "sample", "-N", "25", *URN, "--format", form)
        assert len(json.loads(out) if form == "json" else out.splitlines()[1:]) == 25


def test_the_report_on_standard_output_is_the_librarys(capsys):
    arguments = ["quality", *URN, "--temperatures", "0.5", "--num-samples", "300", "--num-gradients", "20", "--seed", "3"]
    status, out, _ = called(capsys, *arguments, "--format", "json", "--estimators", "exact-marginal", "--objective", "linear")
    assert status == 0
    report = QualityReport.from_json(out)
    assert report.seed == 3
    assert report.objective == "the count of group 1"
    assert [row.label for row in report.gradients] == ["Exact marginal"]
    assert report.gradients[0].rmse.value == 0
    status, out, _ = called(capsys, *arguments, "--estimators", "none", "--samplers", "straight-through")
    assert status == 0
    assert out.startswith("Nothing wrong was found.")
    assert "Straight-through, exact conditionals" in out


def test_strict_tells_scripts_what_is_not_to_be_trusted(capsys, tmp_path):
    right, wrong = tmp_path / "right.csv", tmp_path / "wrong.csv"
    for file, weights in ((right, "1,2,4"), (wrong, "1,2,5")):
        status, out, _ = called(capsys, "sample", "-N", "5000", *URN[:-1], weights, "-o", file)
        assert (status, out) == (0, "")
    status, out, _ = called(capsys, "quality", *URN, "--counts", right, "--strict")
    assert status == 0
    assert out.startswith("Nothing wrong was found.")
    status, out, _ = called(capsys, "quality", *URN, "--counts", wrong, "--strict")
    assert status == 3
    assert out.startswith("The observed counts do not come from this distribution.")
    status, _, _ = called(capsys, "quality", *URN, "--counts", wrong, "-o", tmp_path / "counts.html")
    assert status == 0
    assert "do not come from this distribution" in (tmp_path / "counts.html").read_text()


def test_bench_times_every_kind_of_call(capsys):
    status, out, _ = called(capsys, "bench", *URN, "--seconds", "0.001", "--num-samples", "20", "--format", "json")
    assert status == 0
    result = json.loads(out)
    names = [row["what"] for row in result["timings"]]
    assert names[0] == "construction"
    for part in (
        "log_prob",
        "exact samples",
        "Wallenius",
        "soft samples, merged",
        "straight-through samples, exact",
        "control-variate",
    ):
        assert any(part in name for name in names), part
    assert all(0 < row["fastest"] <= row["median"] and row["calls"] >= 3 for row in result["timings"])
    status, out, _ = called(capsys, "bench", *URN, "--seconds", "0.001", "--num-samples", "20")
    assert "median" in out


def test_ctrl_c_ends_without_a_traceback(capsys, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Terminal, "progress", interrupt)
    assert called(capsys, "quality", *URN)[0] == 130


def test_what_the_machine_cannot_hold_is_said(capsys, monkeypatch):
    def too_much(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(FisherHypergeometric, "sample", too_much)
    status, _, err = called(capsys, "sample", *URN)
    assert status == 2
    assert "more memory than there is" in err
