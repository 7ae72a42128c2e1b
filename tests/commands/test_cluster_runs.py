"""``python -m hypergeo cluster``: tables of any kind, the cost beforehand, the time that is left, and what Ctrl-C keeps."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pytest

from hypergeo.__main__ import main
from hypergeo.clustering.benchmark import registry
from hypergeo.clustering.benchmark.costs import WARM_UP, estimated_seconds, most_points
from hypergeo.clustering.benchmark.networks import NETWORKS
from hypergeo.clustering.benchmark.registry import usual_methods
from hypergeo.clustering.benchmark.task import REDUCED, ClusterTask
from hypergeo.commands.cluster_runs import duration
from hypergeo.commands.inputs import read_points
from hypergeo.datasets.blobs import gaussian_blobs

QUICK = ["--restarts", "2", "--steps", "40"]
BLOBS = gaussian_blobs([40, 20, 10], 6.0, seed=0)
SPECIES = np.array(["Adelie", "Gentoo", "Chinstrap"])[BLOBS.classes]


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        status = main(["cluster", *map(str, arguments)])
    except SystemExit as end:
        status = int(end.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.fixture
def penguins(tmp_path):
    file = tmp_path / "penguins.csv"
    rows = [
        f"{x:.3f};{1000 * y:.1f};{kind};{day}".replace(".", ",")
        for day, ((x, y), kind) in enumerate(zip(BLOBS.points, SPECIES, strict=True))
    ]
    file.write_text("\n".join(["bill (mm);mass (g);species;day", *rows, "NA;1;Adelie;3", ""]), encoding="cp1252")
    return file


def test_columns_of_a_table_are_chosen_and_what_is_inferred_is_said(penguins, tmp_path, capsys):
    file = tmp_path / "out.json"
    chosen = ["--columns", "bill (mm),mass (g)", "--labels", "species", "--standardise", "--methods", "k-means", *QUICK]
    status, out, err = called(capsys, penguins, *chosen, "-o", file)
    assert (status, out) == (0, "")
    assert "Read as semicolon-separated with decimal commas." in err
    assert "1 row with missing values is left out (line 72)." in err
    assert "Each column is standardised" in err
    assert "Classes: Adelie 40, Chinstrap 10, Gentoo 20." in err
    result = json.loads(file.read_text())
    assert result["settings"]["classes"] == {"Adelie": 40, "Chinstrap": 10, "Gentoo": 20}
    assert result["runs"][0]["scores"]["accuracy"] > 0.9
    read = read_points(str(penguins), columns=["2", "1"], labels="species", standardise=True)
    np.testing.assert_allclose(read.points.std(0), 1)
    assert [read.class_names[number] for number in read.classes] == list(SPECIES)
    guessed = read_points(str(penguins))
    assert guessed.points.shape == (70, 3)
    assert guessed.class_names == ("Adelie", "Chinstrap", "Gentoo")
    assert "The classes are those of the column species." in guessed.notes
    assert read_points(str(penguins), labels="none").classes is None
    for more, words in (["--columns", "depth"], "There is no column 'depth'"), (["--labels", "size"], "There is no column"):
        status, _, err = called(capsys, penguins, *more)
        assert (status, words in err) == (2, True)


def test_plain_csv_is_read_without_a_word(tmp_path, capsys):
    file = tmp_path / "plain.csv"
    rows = [f"{x:.4f},{y:.4f},{kind}" for (x, y), kind in zip(BLOBS.points, BLOBS.classes, strict=True)]
    file.write_text("\n".join(["x,y,class", *rows]))
    status, _, err = called(capsys, file, "--methods", "k-means", *QUICK)
    assert (status, err) == (0, "")


def test_a_dry_run_says_the_cost_of_each_method_and_computes_nothing(capsys, monkeypatch):
    monkeypatch.setattr("hypergeo.commands.cluster.find_clusters", lambda *_: pytest.fail("it was to compute nothing"))
    status, out, err = called(capsys, "--digits", "--dry-run", "--seeds", 3)
    assert (status, err) == (0, "")
    names = usual_methods(images=True, limited=False)
    lines = [line.strip() for line in out.splitlines()]
    for name in (*names, WARM_UP, "one seed", "3 seeds"):
        assert sum(line.startswith(f"{name}  ") for line in lines) == 1, name
    assert "1,797 points of 8 x 8, 10 clusters; nothing was computed" in out


def test_costs_decide_how_many_points_fit():
    task = ClusterTask(np.zeros((10_000, 784)), 10, shape=(28, 28))
    names = usual_methods(images=True, limited=False)
    whole = sum(estimated_seconds(names, task).values())
    assert most_points(names, task, whole + 1) == 10_000
    fewer = most_points(names, task, 0.8 * whole)
    assert 2_000 <= fewer < 10_000
    assert sum(estimated_seconds(names, task.first(fewer)).values()) <= 0.8 * whole
    assert most_points(names, task, 0.0) == 2_000
    assert set(estimated_seconds([*registry.METHODS], task)) == {*registry.METHODS, WARM_UP}
    assert WARM_UP not in estimated_seconds(["k-means"], task)


def test_mixtures_see_principal_components_of_large_images():
    generator = np.random.default_rng(0)
    task = ClusterTask(generator.normal(size=(200, 144)), 2, shape=(12, 12))
    points, reduce = task.reduced
    assert points.shape == (200, REDUCED)
    np.testing.assert_allclose(reduce(task.points), points, atol=1e-9)
    centred = task.points - task.points.mean(0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(points[:, :5]), np.abs(left * lengths)[:, :5], rtol=1e-6, atol=1e-8)
    for small in (ClusterTask(generator.normal(size=(200, 64)), 2, shape=(8, 8)), ClusterTask(np.zeros((200, 144)), 2)):
        assert small.reduced[0] is small.points


@pytest.mark.parametrize("explicit", [True, False])
def test_what_is_finished_is_kept_and_the_same_command_goes_on(tmp_path, capsys, monkeypatch, explicit):
    monkeypatch.chdir(tmp_path)
    command = ["--blobs", "30,20", "--methods", "k-means; k-means, same starts; uniform", "--seeds", 2, *QUICK]
    if explicit:
        command += ["-o", "out.json"]
    whole = called(capsys, *command, *(["--runs", "elsewhere"] if explicit else []))
    expected = (tmp_path / "out.json").read_text() if explicit else whole[1]
    calls = itertools.count()
    genuine = registry.find_clusters

    def interrupted(name, task):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return genuine(name, task)

    monkeypatch.setattr("hypergeo.commands.cluster.find_clusters", interrupted)
    status, out, err = called(capsys, *command)
    assert (status, out) == (130, "")
    folder = "out.runs" if explicit else "cluster.runs"
    assert err == f"Stopped: 4 of 6 runs are kept in {folder}. The same command continues from there.\n"
    made = []
    monkeypatch.setattr("hypergeo.commands.cluster.find_clusters", lambda name, task: made.append(name) or genuine(name, task))
    status, out, err = called(capsys, *command)
    assert (status, made) == (0, ["k-means, same starts", "uniform"])
    assert err == f"4 of 6 runs were finished before ({folder}).\n"
    if explicit:
        again = json.loads((tmp_path / "out.json").read_text())
        for run, other in zip(again["runs"], json.loads(expected)["runs"], strict=True):
            assert {**run, "seconds": 0} == {**other, "seconds": 0}
    made.clear()
    called(capsys, *command, "--temperature", 0.5)
    assert len(made) == 6, "other settings are other runs"


def test_it_never_falls_silent(capsys, monkeypatch):
    monkeypatch.setattr("hypergeo.commands.cluster_runs._LINE", 0.05)
    genuine = registry.find_clusters

    def slow(name, task):
        time.sleep(0.3)
        task.progress(0.5)
        time.sleep(0.3)
        return genuine(name, task)

    monkeypatch.setattr("hypergeo.commands.cluster.find_clusters", slow)
    status, _, err = called(capsys, "--blobs", "30,20", "--methods", "k-means", "--progress", *QUICK)
    assert status == 0
    lines = [line for line in err.splitlines() if "seed 0: k-means" in line]
    assert all("left" in line for line in lines)
    assert any("50 % of it" in line for line in lines)
    assert duration(0) == "0 s"


def test_networks_report_their_progress():
    images = np.random.default_rng(0).normal(size=(40, 6, 6))
    for name in ("self-labelling, uniform", "variational, categorical"):
        heard: list[float] = []
        task = ClusterTask(images.reshape(40, 36), 2, shape=(6, 6), network_steps=4, progress=heard.append)
        NETWORKS[name](task)
        assert len(heard) >= 4
        assert heard[-1] == 1.0
