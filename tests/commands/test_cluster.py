"""``python -m hypergeo cluster``: what it reads, what it writes, and what it says where something is wrong."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from hypergeo.__main__ import main
from hypergeo.clustering import Schedule, fit_clusters
from hypergeo.clustering.benchmark.registry import usual_methods
from hypergeo.clustering.scores import score_clusters
from hypergeo.clustering.self_labelling.model import fit_self_labelling
from hypergeo.clustering.self_labelling.settings import LabellingSettings
from hypergeo.commands.inputs import read_points
from hypergeo.datasets.blobs import gaussian_blobs
from hypergeo.datasets.labelled import labelled_digits

QUICK = ["--restarts", "2", "--steps", "40"]
BLOBS = gaussian_blobs([40, 20, 10], 6.0, seed=0)


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        status = main(["cluster", *map(str, arguments)])
    except SystemExit as end:
        status = int(end.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.fixture
def archive(tmp_path):
    file = tmp_path / "points.npz"
    np.savez(file, x=BLOBS.points, y=np.array(["a", "b", "c"])[BLOBS.classes])
    return file


def test_every_method_is_scored_on_every_seed(tmp_path, capsys):
    file = tmp_path / "out.json"
    status, out, err = called(
        capsys, "--blobs", "40,20,10", "--separation", 6, "--capacities", 40, "--seeds", 2, *QUICK, "-o", file
    )
    assert (status, out, err) == (0, "", "")
    result = json.loads(file.read_text())
    methods = usual_methods(images=False, limited=True)
    assert [row["method"] for row in result["summary"]] == methods
    assert len(result["runs"]) == 2 * len(methods)
    for summary in result["summary"]:
        runs = [row for row in result["runs"] if row["method"] == summary["method"]]
        assert [row["seed"] for row in runs] == [0, 1]
        errors = [row["scores"]["size_error"] for row in runs]
        assert summary["size_error"]["mean"] == pytest.approx(np.mean(errors))
        assert summary["size_error"]["sd"] == pytest.approx(np.std(errors, ddof=1))
        wrong = (40 - 70 / 3) / 70 if summary["method"] == "uniform" else 0.0
        assert summary["size_error"]["mean"] == pytest.approx(wrong, abs=0.04)
        assert all(sum(row["sizes"]) == pytest.approx(70) for row in runs)
    limited = [row["sizes"] for row in result["runs"] if row["method"] == "hypergeometric, capacities known"]
    assert max(map(max, limited)) <= 40
    assert result["settings"]["capacities"] == [40]
    assert all(row["true_sizes"] == [40, 20, 10] for row in result["runs"])
    ours = [row["scores"]["adjusted_rand_index"] for row in result["runs"] if row["method"] == methods[0]]
    uniform = [row["scores"]["adjusted_rand_index"] for row in result["runs"] if row["method"] == "uniform"]
    (versus,) = (row for row in result["comparisons"] if (row["rival"], row["score"]) == ("uniform", "adjusted_rand_index"))
    assert versus["better"] == pytest.approx(np.mean(ours) - np.mean(uniform))
    assert versus["standard_error"] == pytest.approx(np.std(np.subtract(ours, uniform), ddof=1) / np.sqrt(2))
    assert versus["verdict"] == "win"


def test_numbers_are_those_of_the_library(archive, capsys):
    status, out, _ = called(capsys, archive, "--methods", "categorical", "--seed", 3, *QUICK, "--format", "csv")
    assert status == 0
    (row,) = csv.DictReader(io.StringIO(out))
    fit = fit_clusters(BLOBS.points, 3, prior="categorical", restarts=2, seed=3, schedule=Schedule(steps=40))
    scores = score_clusters(BLOBS.classes, fit.labels.numpy(), fit.sizes.numpy())
    assert [float(size) for size in row["sizes"].split()] == pytest.approx(fit.sizes.tolist(), rel=1e-5)
    assert float(row["adjusted_rand_index"]) == pytest.approx(scores.adjusted_rand_index)
    assert float(row["size_error"]) == pytest.approx(scores.size_error)


def test_tables_with_and_without_classes(tmp_path, capsys):
    file = tmp_path / "points.csv"
    lines = [f"{x:.4f},{kind},{y:.4f}" for (x, y), kind in zip(BLOBS.points, BLOBS.classes, strict=True)]
    file.write_text("\n".join(["width,Class,height", *lines]))
    status, out, _ = called(capsys, file, "--methods", "k-means; uniform", *QUICK)
    assert status == 0
    assert "size error, %" in out
    assert "k-means" in out
    file.write_text("\n".join(line.replace(",", " ") for line in lines))
    status, out, _ = called(capsys, file, "-k", 2, "--methods", "k-means", *QUICK)
    assert status == 0
    assert "size error" not in out
    assert "1 seed\n" in out


def test_large_files_are_sampled_and_that_is_said(archive, capsys):
    status, out, err = called(
        capsys, archive, "--max-points", 30, "--seeds", 2, "--methods", "k-means", "--format", "json", *QUICK
    )
    assert status == 0
    assert err == "70 points; each seed uses 30 of them at random (--max-points).\n"
    assert [sum(row["sizes"]) for row in json.loads(out)["runs"]] == [30, 30]


def test_images_become_rows(tmp_path):
    file = tmp_path / "images.npz"
    np.savez(file, x=np.arange(24, dtype=np.uint8).reshape(2, 3, 4), y=np.array([7, 5]))
    read = read_points(str(file))
    assert read.points.shape == (2, 12)
    assert read.arrays.shape == (2, 3, 4)
    assert read.some(2, 0).points.dtype == np.float64
    assert read.classes.tolist() == [1, 0]


def test_mnists_own_names_will_do(tmp_path):
    file = tmp_path / "mnist.npz"
    np.savez(file, x_train=np.arange(12).reshape(3, 2, 2), y_train=np.array([1, 0, 1]), x_test=np.zeros(1), y_test=np.zeros(1))
    read = read_points(str(file)).some(2, seed=4)
    assert read.arrays.shape == (2, 2, 2)
    for image, kind in zip(read.arrays, read.classes, strict=True):
        assert kind == (image[0, 0] != 4)


def test_digits_by_networks(tmp_path, capsys):
    file = tmp_path / "digits.json"
    names = "self-labelling, uniform; variational, categorical; k-means, features of the warm-up"
    wrapped = names.replace("; v", ";\n  v").replace("of the", "of\n  the")
    arguments = [
        "--digits",
        "--imbalance",
        "40,10",
        "--network-steps",
        5,
        "--seed",
        4,
        "--methods",
        wrapped,
        "-o",
        file,
        *QUICK,
    ]
    status, out, err = called(capsys, *arguments)
    assert (status, out, err) == (0, "", "")
    result = json.loads(file.read_text())
    assert [row["method"] for row in result["runs"]] == names.split("; ")
    for row in result["runs"]:
        assert row["true_sizes"] == [40, 34, 29, 25, 22, 19, 16, 14, 12, 10]
        assert sum(row["sizes"]) == pytest.approx(221, rel=1e-4)
    assert result["runs"][0]["sizes"] == pytest.approx([22.1] * 10)
    # What the network sees are these very digits, in their own shape.
    digits = labelled_digits().sized([40, 34, 29, 25, 22, 19, 16, 14, 12, 10], seed=4)
    fit = fit_self_labelling(digits.arrays, 10, prior="uniform", seed=4, settings=LabellingSettings(warm_up=5, steps=5))
    scores = score_clusters(digits.classes, fit.labels.numpy(), fit.sizes.numpy())
    assert result["runs"][0]["scores"]["adjusted_rand_index"] == pytest.approx(scores.adjusted_rand_index)


def test_pages_hold_every_run_and_ask_nobody_for_anything(archive, tmp_path, capsys):
    file = tmp_path / "out.html"
    status, _, _ = called(capsys, archive, "--methods", "k-means; uniform", "--seeds", 2, *QUICK, "-o", file)
    assert status == 0
    page = file.read_text()
    (data,) = re.findall(r'<script type="application/json" id="study">(.*?)</script>', page)
    runs = json.loads(data)
    assert [(run["method"], run["seed"]) for run in runs] == [(m, s) for s in (0, 1) for m in ("k-means", "uniform")]
    errors = [run["scores"]["size_error"] for run in runs if run["method"] == "k-means"]
    assert f"<td>{100 * np.mean(errors):.2f} ± {100 * np.std(errors, ddof=1):.2f}</td>" in page
    assert not re.search(r'<(script|link|img)[^>]*(src|href)="', page)
    assert page.count('role="img"') == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give either a file of points, --blobs or --digits"),
        (["x.npz"], "No such file or directory: x.npz"),
        (["x.npz", "--blobs", "3,4"], "Give either a file"),
        (["--blobs", "0,0"], "sizes must be whole numbers, zero or more, and not all zero"),
        (["--blobs", "5,5", "--separation", "-1"], "must be a positive number; got '-1'"),
        (["--blobs", "5,5", "--methods", "magic"], "got magic"),
        (["--blobs", "5,5", "--methods", "hypergeometric, capacities known"], "needs --capacities"),
        (["--blobs", "5,5", "--capacities", "4"], "room for all 10 points"),
        (["--blobs", "5,5", "-k", "11"], "between 1 and the number of points, 10; got 11"),
        (["--blobs", "5,5", "-o", "out.svg"], "must end in .json or .csv or .html or .txt"),
        (["--digits", "--blobs", "5,5"], "Give either a file"),
        (["--blobs", "5,5", "--imbalance", "5,2"], "--blobs has sizes of its own"),
        (["--digits", "--imbalance", "20"], "must be two numbers"),
        (["--digits", "--imbalance", "20,30"], "must fall from the largest"),
        (["--digits", "--imbalance", "200,10"], "too few"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = called(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"z": np.zeros(3)}, "must hold an array x of points; it has z"),
        ({"x": np.zeros(3)}, r"one row per point; it has shape \(3,\)"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, r"one class for each of 3 points; it has shape \(2,\)"),
        ({"x": np.array([[0.0], [np.inf]])}, "x must be finite; row 1 is not"),
        ({"x": np.zeros((2, 1)), "y": np.array([0.0, np.nan])}, "classes must be finite"),
        ({"x": np.array([["a"]])}, "an array of numbers"),
    ],
)
def test_archives_that_will_not_do_are_named(arrays, words, tmp_path):
    file = tmp_path / "a.npz"
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match=words):
        read_points(str(file))


def test_files_that_are_no_archives(tmp_path):
    file = tmp_path / "a.npz"
    file.write_text("1,2\n")
    with pytest.raises(ValueError, match="not an archive of NumPy arrays"):
        read_points(str(file))
    table = tmp_path / "a.csv"
    table.write_text("y\n1\n2\n")
    with pytest.raises(ValueError, match="at least one other"):
        read_points(str(table))


def test_it_runs_as_a_process():
    text = "\n".join(f"{x} {y}" for x, y in BLOBS.points)
    words = [sys.executable, "-m", "hypergeo", "cluster", "-", "-k", "3", "--methods", "categorical", "--progress", *QUICK]
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "seed 0: categorical" in done.stderr
    assert sorted(done.stdout.split()[-3:]) == ["10", "20", "40"]
