"""The study of shared factors: what it keeps, how it compares, its figures, and its subcommand."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo.__main__ import main
from hypergeo.datasets import Sprites
from hypergeo.figures.core.palette import DARK, LIGHT
from hypergeo.figures.shared_factors.study import factor_alt, factor_figure
from hypergeo.shared_factors import SharedFactorsSettings
from hypergeo.shared_factors.result_tables import factor_sentences, factor_table, factor_tables
from hypergeo.shared_factors.results import FactorResults
from hypergeo.shared_factors.scores import Collapse, Score
from hypergeo.shared_factors.study import METHODS, StudyRow, factor_study

SMALL = SharedFactorsSettings(steps=8, batch=8, hidden=(16, 12))
FINE = Collapse(False, False, ())
RUN = ("factors", "--steps", "4", "--batch", "8", "--num-pairs", "32", "--seeds", "2", "--image-size", "6", "--shared", "2,0-5")


def called(capsys, *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def scored(error: float, bias: float = 0.0, correlation: float = math.nan, collapse: Collapse = FINE) -> Score:
    return Score(error, bias, correlation, error / 2, correlation, 0.8, 0.7, 0.6, collapse)


def made(errors: dict[str, list[float]]) -> FactorResults:
    """Returns rows with these squared errors, one for each seed, for pairs that share 2, 5 and 0 to 5 factors."""
    rows = [
        StudyRow(name, shared, seed, scored(error * factor, bias=factor - 1, correlation=correlation), scored(4.0))
        for name, values in errors.items()
        for shared, factor, correlation in ((2, 1.0, math.nan), (5, 3.0, math.nan), ((0, 5), 1.5, 0.8))
        for seed, error in enumerate(values)
    ]
    return FactorResults("sprites", 5, {"steps": 10}, rows)


OURS, THEIRS = [0.30, 0.42, 0.35, 0.28, 0.40], [0.9, 1.2, 0.7, 0.8, 1.4]


def test_rows_come_from_models_trained_alone():
    """Models that went on from one warm-up, eight side by side, score as one that was trained by itself."""
    shared: list[int | tuple[int, int]] = [1, 4, (0, 5)]
    names = ["hypergeometric", "AdaVAE", "categorical"]
    together = factor_study(Sprites(image_size=6), shared, methods=names, seeds=(3, 4, 5), settings=SMALL, num_pairs=128)
    assert [(row.method, row.shared, row.seed) for row in together] == [
        (name, each, seed) for name in names for each in shared for seed in (3, 4, 5)
    ]
    for name in ("categorical", "AdaVAE"):
        (alone,) = factor_study(Sprites(image_size=6), [4], methods=[name], seeds=[5], settings=SMALL, num_pairs=128)
        (row,) = [row for row in together if (row.method, row.shared, row.seed) == (name, 4, 5)]
        for measure in ("squared_error", "bias", "mask_accuracy"):
            assert getattr(row.score, measure) == pytest.approx(getattr(alone.score, measure), abs=0.05), (name, measure)


def test_progress_is_told_from_start_to_end():
    text: list[tuple[float, str]] = []
    factor_study(
        Sprites(image_size=6),
        [2],
        methods=["AdaVAE", "categorical"],
        seeds=[0],
        settings=replace(SMALL, steps=60),
        num_pairs=32,
        progress=lambda share, words: text.append((share, words)),
    )
    shares = [share for share, _ in text]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.7 < shares[-1] < 1
    assert list(dict.fromkeys(words for _, words in text)) == ["warm-up", "AdaVAE", "categorical"]


def test_summaries_by_numpy():
    results = made({"hypergeometric": OURS, "AdaVAE": THEIRS})
    ours = results.summary()[0]
    assert list(ours.numbers) == [2, 5]
    assert [spread.mean for spread in ours.numbers.values()] == pytest.approx([2.0, 7.0])
    fixed = np.array([[error, 3 * error] for error in OURS]).mean(1)
    result = ours.fixed["squared_error"]
    assert (result.mean, result.deviation) == pytest.approx((fixed.mean(), fixed.std(ddof=1)))
    varying = ours.varying["squared_error"]
    assert (varying.mean, varying.deviation) == pytest.approx((1.5 * np.mean(OURS), 1.5 * np.std(OURS, ddof=1)))
    assert ours.fixed["correlation"] is None
    assert ours.models == 15


def test_comparisons_by_scipy():
    results = made({"hypergeometric": OURS, "AdaVAE": THEIRS})
    result = results.compare("hypergeometric", "AdaVAE", "squared_error", True)
    expected = stats.ttest_rel(1.5 * np.array(OURS), 1.5 * np.array(THEIRS))
    interval = expected.confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.verdict() == "win"
    assert results.compare("AdaVAE", "hypergeometric", "squared_error", True).verdict() == "loss"
    near = made({"hypergeometric": OURS, "AdaVAE": OURS[::-1]})
    assert near.compare("hypergeometric", "AdaVAE", "squared_error", False).verdict() == "tie"
    one = made({"hypergeometric": OURS[:1], "AdaVAE": THEIRS[:1]})
    assert one.compare("hypergeometric", "AdaVAE", "squared_error", True) is None


def test_a_larger_correlation_is_better():
    results = made({"hypergeometric": OURS, "AdaVAE": THEIRS})
    rows = [
        replace(row, score=replace(row.score, correlation=0.1 + 0.01 * row.seed)) if row.method == "AdaVAE" else row
        for row in results.rows
    ]
    result = replace(results, rows=rows).compare("hypergeometric", "AdaVAE", "correlation", True)
    assert result.verdict(larger_is_better=True) == "win"
    assert result.verdict() == "loss"


def test_collapses_are_counted_where_they_are_wrong():
    everything, nothing, unused = Collapse(True, False, ()), Collapse(False, True, ()), Collapse(False, False, (2,))
    cases = [(5, everything), (3, everything), (0, nothing), ((0, 5), nothing), (2, nothing), (2, unused)]
    rows = [
        StudyRow(name, shared, seed, scored(1.0, collapse=result), scored(4.0))
        for name in ("AdaVAE", "unshared")
        for seed, (shared, result) in enumerate(cases)
    ]
    adavae, unshared = FactorResults("sprites", 5, {}, rows).summary()
    assert (adavae.all_shared, adavae.none_shared, adavae.unused, adavae.models) == (1, 2, 1, 6)
    assert (unshared.all_shared, unshared.none_shared) == (1, 0)
    assert unshared.numbers == {}
    assert unshared.varying["squared_error"] is None
    head, lines = factor_table(FactorResults("sprites", 5, {}, rows))
    assert lines[0][head.index("collapsed")] == "3 of 6 (1 all, 2 none)"
    assert lines[1][head.index("error, fixed s")] == "–"


def test_results_are_kept_and_put_together():
    whole = made({"hypergeometric": OURS, "AdaVAE": THEIRS})
    parts = [replace(whole, rows=[row for row in whole.rows if row.seed == seed]) for seed in range(5)]
    again = FactorResults.merged([FactorResults.from_json(part.to_json()) for part in parts])
    assert again.summary() == whole.summary()
    assert again.seeds == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="occurs twice"):
        FactorResults.merged([whole, whole])
    with pytest.raises(ValueError, match="same settings"):
        FactorResults.merged([whole, replace(whole, settings={"steps": 11})])
    for text in ("{}", "[1]", "no", '{"rows": [{}]}'):
        with pytest.raises(ValueError, match="not results of a study"):
            FactorResults.from_json(text)


def test_what_was_not_measured_has_no_table():
    results = made({"hypergeometric": OURS})
    assert [title for title, _, _ in factor_tables(results)][1:] == ["Pairs whose numbers differ"]
    fixed = replace(results, rows=[row for row in results.rows if row.shared == 2])
    ((_, head, lines),) = factor_tables(fixed)
    assert dict(zip(head, lines[0], strict=True))["s = 2"] == "2.00 ± 0.00"


def test_words_say_who_does_better():
    text = factor_sentences(made({"hypergeometric": OURS, "AdaVAE": THEIRS}))
    assert "hypergeometric against AdaVAE: squared error, fixed numbers -1.30 (better)" in text[0]
    assert text[1] == "Bias of hypergeometric: +0.00 at 2, +2.00 at 5; largest at 5."


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("narrow", [False, True])
def test_figures_hold_what_was_found(palette, narrow):
    results = made({"hypergeometric": OURS, "AdaVAE": THEIRS, "unshared": THEIRS})
    figure = factor_figure(results, palette, narrow=narrow)
    by_name = {trace.name: trace for trace in figure.data if trace.xaxis == "x"}
    assert list(by_name["hypergeometric"].y) == pytest.approx([2.0, 7.0])
    assert list(by_name["true number"].x) == list(by_name["true number"].y) == [0, 5]
    assert "unshared" not in by_name
    errors = {(trace.y[0], trace.marker.symbol): trace.x[0] for trace in figure.data if trace.xaxis == "x2"}
    assert errors["AdaVAE", "circle"] == pytest.approx(2 * np.mean(THEIRS))
    assert errors["AdaVAE", "diamond-open"] == pytest.approx(1.5 * np.mean(THEIRS))
    last = {trace.name: trace for trace in figure.data if trace.xaxis == "x3"}
    assert list(last["unshared"].x) == pytest.approx([0.8, 0.7, 0.6])
    assert {trace.name for trace in figure.data if trace.showlegend is not False} >= {"unshared", "AdaVAE"}
    assert "hypergeometric: 2.00 for 2, 7.00 for 5" in factor_alt(results)


def test_the_subcommand_writes_every_format(capsys, tmp_path):
    file = tmp_path / "found.json"
    status, out, err = called(capsys, *RUN, "--progress", "-o", file)
    assert (status, out) == (0, "")
    assert "0 %  warm-up" in err
    results = FactorResults.from_json(file.read_text())
    assert results.methods == list(METHODS)
    assert results.seeds == [0, 1]
    assert len(results.rows) == 2 * 2 * len(METHODS)
    assert results.settings["batch"] == 8
    status, out, _ = called(capsys, "factors", "--read", file)
    assert status == 0
    for title, head, lines in factor_tables(results):
        printed = out[out.index(title) :].splitlines()[1 : len(lines) + 2]
        assert [row.split() for row in printed] == [" ".join(cells).split() for cells in (head, *lines)]
    status, out, _ = called(capsys, "factors", "--read", file, "--format", "csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert len(table) == len(results.rows)
    assert float(table[0]["squared_error"]) == pytest.approx(results.rows[0].score.squared_error, rel=1e-5)
    assert {row["shared"] for row in table} == {"2", "0-5"}
    page = tmp_path / "found.html"
    assert called(capsys, "factors", "--read", file, "-o", page)[0] == 0
    text = page.read_text()
    assert "<script src=" not in text
    inside = re.search(r'<script type="application/json" id="results">(.*?)</script>', text, re.S)
    assert json.loads(inside[1])["rows"] == json.loads(file.read_text())["rows"]


def test_a_file_of_images_is_studied_like_sprites(capsys, tmp_path):
    file = tmp_path / "squares.npz"
    sprites = Sprites(("x", "hue"), 6)
    grid = torch.cartesian_prod(torch.linspace(0, 1, 4), torch.linspace(0, 1, 3))
    images = (255 * sprites.render(grid)).round().byte().permute(0, 2, 3, 1)
    np.savez(file, images=images.numpy(), labels=grid.numpy())
    words = ("factors", "--images", file, "--steps", 3, "--batch", 8, "--num-pairs", 32, "--seeds", 1, "--methods", "AdaVAE")
    status, out, _ = called(capsys, *words, "--format", "json")
    result = json.loads(out)
    assert status == 0
    assert result["num_factors"] == 2
    assert "squares.npz, 3×6×6" in result["data"]
    assert [row["shared"] for row in result["rows"]] == [0, 1, 2, [0, 2]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--shared", "6"), "--shared must be from 0 to 5, the number of factors; got 6"),
        (("--shared", "5-0"), "must list numbers and ranges, such as 2,0-5; got '5-0'"),
        (("--methods", "luck"), "--methods must be some of hypergeometric; "),
        (("--factors", "x,taste"), "got 'taste'"),
        (("--images", "nowhere.npz"), "nowhere.npz"),
        (("--images", "nowhere.npz", "--factors", "x"), "--factors is for sprites"),
        (("--read", "nowhere.json"), "No such file or directory: nowhere.json"),
        (("--read", "README.md"), "README.md: These are not results of a study"),
    ],
)
def test_wrong_words_are_named_in_one_line(capsys, words, message):
    try:
        status, _, err = called(capsys, "factors", *words)
    except SystemExit as end:
        status, err = end.code, capsys.readouterr().err
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
