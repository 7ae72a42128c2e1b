"""Studies of clustering methods: comparisons seed by seed, tables, and the figure of every run."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from scipy import stats

from hypergeo.clustering.benchmark.study import ClusterRun, ClusterStudy
from hypergeo.figures.clusters.study import study_alt, study_figure, study_html
from hypergeo.figures.core.palette import DARK, LIGHT, group_colour
from hypergeo.numerics.seed_statistics import SeedStatistics

METHODS = ("ours", "theirs <b>", "k-means")


def unpacked(values: object) -> np.ndarray:
    """Returns the numbers of a trace, which are packed in a figure's JSON, shape ``(N,)``."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"])).astype(float)
    return np.asarray(values, dtype=float)


@pytest.fixture(scope="module")
def study() -> ClusterStudy:
    """Returns a study of three methods and six seeds, with different rates of wrong labels."""
    random = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], [10, 30, 20])
    runs = []
    for seed in range(6):
        for share, method in zip((0.05, 0.3, 0.1), METHODS, strict=True):
            labels = np.where(random.random(60) < share, random.integers(3, size=60), (classes + seed) % 3)
            sizes = np.bincount(labels, minlength=3) + np.array([0.5, -0.5, 0.0])
            runs.append(ClusterRun.scored(method, seed, labels, sizes, classes, 0.1 * (seed + 1)))
    return ClusterStudy(runs, {"file": "<here>", "seeds": 6})


def test_sizes_stand_beside_the_classes_that_they_are_matched_with(study):
    for run in study.runs:
        assert run.true_sizes == (30, 20, 10)
        assert sum(run.sizes) == pytest.approx(60)
        error = sum(abs(size - true) for size, true in zip(run.sizes, run.true_sizes, strict=True)) / 120
        assert run.scores["size_error"] == pytest.approx(error)


def test_clusters_without_a_class_come_last():
    labels = np.array([0, 0, 0, 1, 2, 2])
    run = ClusterRun.scored("mine", 0, labels, np.bincount(labels), np.array([1, 1, 1, 1, 0, 0]))
    assert run.sizes == (3.0, 2.0, 1.0)
    assert run.true_sizes == (4, 2)


def test_comparisons_are_paired_t_tests(study):
    for rival in METHODS[1:]:
        for score, sign in (("adjusted_rand_index", 1), ("size_error", -1)):
            comparison = study.compared("ours", rival, score)
            tested = stats.ttest_rel(study.values("ours", score), study.values(rival, score))
            assert comparison.difference / comparison.standard_error == pytest.approx(sign * tested.statistic)
            assert comparison.verdict(True) == (
                "tie" if abs(tested.statistic) <= 2 else "win" if sign * tested.statistic > 0 else "loss"
            )
            back = study.compared(rival, "ours", score)
            assert back.difference == pytest.approx(-comparison.difference)
    assert study.compared("ours", "theirs <b>", "adjusted_rand_index").verdict(True) == "win"
    assert study.compared("theirs <b>", "ours", "adjusted_rand_index").verdict(True) == "loss"
    assert len(study.comparisons("ours")) == 4


def test_one_seed_says_nothing_about_chance(study):
    one = ClusterStudy(study.runs[:3])
    assert one.comparisons("ours") == {}
    assert one.statistics("ours", "accuracy").deviation is None
    with pytest.raises(ValueError, match="at least two seeds"):
        one.compared("ours", "k-means", "accuracy")


def test_tables_are_the_numbers(study):
    head, rows = study.table()
    assert head == ["method", "size error, %", "ARI", "NMI", "accuracy, %", "CPU s", "mean sizes"]
    values = np.array(study.values("ours", "size_error"))
    assert rows[0][:2] == ["ours", f"{100 * values.mean():.2f} ± {100 * values.std(ddof=1):.2f}"]
    seconds = np.array(study.values("ours", "seconds"))
    assert rows[0][-2] == f"{seconds.mean():.2f} ± {seconds.std(ddof=1):.2f}"
    assert [float(size) for size in rows[1][-1].split()] == np.rint(study.sizes(METHODS[1])).tolist()
    head, rows = study.comparison_table(study.comparisons("ours"))
    assert head == ["rival", "size error, %", "", "ARI", ""]
    assert [row[0] for row in rows] == list(METHODS[1:])
    comparison = study.compared("ours", "k-means", "adjusted_rand_index")
    assert rows[1][3:] == [f"{comparison.difference:+.3f} ± {comparison.standard_error:.3f}", comparison.verdict(True)]


def test_spread_is_over_seeds():
    assert SeedStatistics.of([2.0]) == SeedStatistics(2.0, None)
    assert SeedStatistics.of([1.0, 2.0, 6.0]) == SeedStatistics(3.0, pytest.approx(7**0.5))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_figure_shows_every_run(study, palette):
    figure = study_figure(study, palette)
    dots, means = figure.data[0], figure.data[1]
    rows = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    assert list(rows) == list(METHODS)[::-1]
    for method in METHODS:
        at = unpacked(dots.y) == rows[method]
        assert sorted(unpacked(dots.x)[at]) == pytest.approx(sorted(100 * np.array(study.values(method, "size_error"))))
        place = list(means.text).index(method)
        assert means.x[place] == pytest.approx(100 * study.statistics(method, "size_error").mean)
        error = 200 * study.statistics(method, "size_error").deviation / 6**0.5
        assert means.error_x.array[place] == pytest.approx(error)
    sizes = [trace for trace in figure.data if trace.mode == "markers" and trace.xaxis == "x3"]
    assert [unpacked(trace.x).tolist() for trace in sizes] == [study.sizes(method).tolist() for method in METHODS]
    assert list(sizes[0].marker.color) == [group_colour(k) for k in range(3)]
    (lines,) = (trace for trace in figure.data if trace.mode == "lines")
    assert sorted({x for x in lines.x if x is not None and not np.isnan(x)}) == [10, 20, 30]


def test_a_figure_of_sizes_alone():
    bare = ClusterStudy([ClusterRun("mine", 0, {}, 0.1, (3.0, 2.0)), ClusterRun("yours", 0, {}, 0.1, (4.0, 1.0))])
    figure = study_figure(bare)
    assert [unpacked(trace.x).tolist() for trace in figure.data] == [[3.0, 2.0], [4.0, 1.0]]
    assert "mine: 3, 2; yours: 4, 1" in study_alt(bare)
    assert "size error" not in study_html(bare)


def test_the_page_takes_names_as_words(study):
    page = study_html(study)
    assert "theirs <b>" not in page.replace("\\u003cb>", "")
    assert "theirs &lt;b&gt;" in page
    assert "&lt;here&gt;" in page
    assert "improvement over other methods" in page
