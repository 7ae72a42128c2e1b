"""The page on cluster sizes: its runs, edits, data, figures and sentences."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as plotly
import pytest
from PIL import Image

from hypergeo.clustering import Schedule, SizedClusters
from hypergeo.clustering.scores import score_clusters
from hypergeo.figures import DARK, LIGHT
from hypergeo.figures.clusters.digits import image_sheet
from hypergeo.ui.clusters import run as cluster_run
from hypergeo.ui.clusters.data import SHARES, ClusterData, clouds, cluster_sizes, digits
from hypergeo.ui.clusters.edits import BY_HAND, EditList, edits_after, edits_as_text
from hypergeo.ui.clusters.own_points import read_points
from hypergeo.ui.clusters.run import PRIORS, ClusterRun
from hypergeo.ui.clusters.settings import LIVE, STEPS, Edit, PriorSettings, read_edits, write_edits
from hypergeo.ui.clusters.text import NAMES
from hypergeo.ui.clusters.view import ClusterView
from hypergeo.ui.runtime.result_store import ResultStore
from tests.support.app import pages
from tests.support.app.pages import alt, figure, go, link, sentence, told, values

DATA = clouds(cluster_sizes("steep", 3, 90), 4.0, 1)
DEFAULTS = {name: control.default for name, control in {**LIVE, **BY_HAND}.items()}
DEFAULTS |= {
    "source": "clouds",
    "clusters": 4,
    "number": 400,
    "shares": "steep",
    "sizes": "",
    "apart": 4.0,
    "seed": 0,
    "edits": "",
    "step": 0,
}


def moved(before: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Returns the values of the controls after some have moved."""
    return {**before, **edits_after(before, changes), **changes}


def test_a_run_does_what_the_model_does():
    run = ClusterRun(DATA, 3, 5)
    edits = [Edit(4, "tau", 0.2), Edit(6, "weights", (1.0, 2.0, 5.0)), Edit(8, "room", 60)]
    snapshot = run.at("hypergeometric", 12, PriorSettings(), edits)
    model = SizedClusters(DATA.points, 3, seed=5, equal_start=True, schedule=Schedule(steps=STEPS, hold=0.8, drawn=1.0))
    model.step(4)
    model.prior.temperature = 0.2
    model.step(2)
    model.log_weights = np.log([1.0, 2.0, 5.0])
    model.step(2)
    model.prior.capacities = 54
    model.step(4)
    expected = model.evaluate()
    np.testing.assert_array_equal(snapshot.sizes, expected.sizes[0].numpy())
    np.testing.assert_array_equal(snapshot.labels, expected.labels[0].numpy())
    assert snapshot.scores is not None
    assert snapshot.scores.size_error == score_clusters(DATA.classes, snapshot.labels, snapshot.sizes).size_error
    assert snapshot.drawn.shape == (12, 3)
    assert snapshot.log_weights.shape == (13, 3)
    assert snapshot.sizes.max() <= 54 + 1e-9


def test_what_is_shown_does_not_depend_on_the_way_there():
    straight = ClusterRun(DATA, 3, 2).at("hypergeometric", 60, PriorSettings(), [Edit(30, "tau", 0.5)])
    wandering = ClusterRun(DATA, 3, 2)
    for step, edits in [
        (20, []),
        (55, []),
        (40, [Edit(35, "kind", "straight-through")]),
        (3, []),
        (60, [Edit(30, "tau", 0.5)]),
    ]:
        snapshot = wandering.at("hypergeometric", step, PriorSettings(), edits)
        assert wandering.at("hypergeometric", step, PriorSettings(), edits) is snapshot, "it is computed once"
    for name in ("sizes", "drawn", "log_weights", "losses", "means"):
        np.testing.assert_array_equal(getattr(snapshot, name), getattr(straight, name))


def test_weights_set_by_hand_are_forgotten_with_the_edit():
    run = ClusterRun(DATA, 3, 2)
    before = run.at("hypergeometric", 30, PriorSettings()).sizes
    by_hand = run.at("hypergeometric", 30, PriorSettings(), [Edit(30, "weights", (1.0, 5.0, 20.0))]).sizes
    assert abs(by_hand - before).max() > 1
    np.testing.assert_array_equal(run.at("hypergeometric", 30, PriorSettings()).sizes, before)


@pytest.mark.parametrize("prior", PRIORS)
def test_a_session_goes_on_from_where_another_has_been(monkeypatch, prior):
    monkeypatch.setattr(cluster_run, "_SHARED_STATES", ResultStore(10))
    edits = [Edit(70, "tau", 0.5), Edit(100, "weights", (1.0, 2.0, 5.0))]
    first = ClusterRun(DATA, 3, 9).at(prior, 130, PriorSettings(), edits)
    steps = []
    genuine = SizedClusters.step
    monkeypatch.setattr(SizedClusters, "step", lambda model: (steps.append(1), genuine(model))[1])
    second = ClusterRun(DATA, 3, 9)
    snapshot = second.at(prior, 130, PriorSettings(), edits)
    assert len(steps) == 30, "the first hundred steps were made before"
    for name in ("sizes", "drawn", "log_weights", "losses", "means", "labels", "pull"):
        np.testing.assert_array_equal(getattr(snapshot, name), getattr(first, name))
    back = second.at(prior, 40, PriorSettings(), edits)
    np.testing.assert_array_equal(back.drawn, first.drawn[:40])
    steps.clear()
    ClusterRun(DATA, 3, 10).at(prior, 101, PriorSettings(), edits)
    assert len(steps) == 101, "another seed is another run"


def test_two_runs_of_a_page_at_once_do_not_get_into_each_others_way():
    expected = {step: ClusterRun(DATA, 3, 2).at("hypergeometric", step, PriorSettings()).sizes for step in (10, 30)}
    run = ClusterRun(DATA, 3, 2)
    with ThreadPoolExecutor(4) as pool:
        wanted = [10, 30, 30, 10, 30, 10, 10, 30]
        results = list(pool.map(lambda step: run.at("hypergeometric", step, PriorSettings()).sizes, wanted))
    for step, sizes in zip(wanted, results, strict=True):
        np.testing.assert_array_equal(sizes, expected[step])


def test_edits_survive_the_address():
    edits = [Edit(0, "tau", 1.0), Edit(40, "kind", "straight-through"), Edit(41, "weights", (0.5, 2.0)), Edit(50, "room", 40)]
    assert read_edits(write_edits(edits)) == edits
    assert EditList().read(write_edits(edits)) == write_edits(edits)
    for junk in ("", "x", "1~tau~7", "1~weights~nan!1", "9999999~tau~1", "1~tau", "1~room~5", "1~weights~1e9!1", "ü~é~\0"):
        assert read_edits(junk) == []
    assert len(read_edits("_".join(["1~tau~1"] * 5000))) <= 60
    assert "τ = 0.1 at step 40" in edits_as_text([Edit(0, "tau", 1.0), Edit(40, "tau", 0.1)])


def test_a_control_that_moves_during_a_run_is_an_edit_at_the_step_on_show():
    start = moved(DEFAULTS, tau=0.5)
    assert start["edits"] == "", "before the first step it is a setting"
    later = moved({**start, "step": 40}, tau=0.1)
    assert read_edits(later["edits"]) == [Edit(0, "tau", 0.5), Edit(40, "tau", 0.1)]
    assert moved(later, step=80)["edits"] == later["edits"], "playing on changes no setting"
    dragged = moved(later, tau=0.2)
    assert read_edits(dragged["edits"]) == [Edit(0, "tau", 0.5), Edit(40, "tau", 0.2)], "a drag at one step is one edit"
    weights = moved({**dragged, "step": 60}, w2=5.0)
    assert read_edits(weights["edits"])[-1] == Edit(60, "weights", (1.0, 5.0, 1.0, 1.0))
    back = moved({**weights, "step": 20}, room=50)
    assert read_edits(back["edits"]) == [Edit(0, "room", 100), Edit(0, "tau", 0.5), Edit(20, "room", 50)]
    assert moved(weights, edits="", w2=1.0)["edits"] == "", "they can be undone"


@pytest.mark.parametrize(("name", "value"), [("clusters", 3), ("source", "digits"), ("seed", 1), ("apart", 2.0)])
def test_other_points_start_anew(name, value):
    during = moved({**DEFAULTS, "step": 40}, w2=5.0)
    after = moved(during, **{name: value})
    assert (after["step"], after["edits"], after["w2"]) == (0, "", 1.0)
    assert moved(during, **{name: value}, step=400)["step"] == 400, "what a preset sets stays"


@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("clusters", [2, 5, 8])
def test_sizes_add_up(shares, clusters):
    sizes = cluster_sizes(shares, clusters, 100)
    assert sum(sizes) == 100
    assert min(sizes) >= 0
    assert len(sizes) == clusters


def test_digits_are_real_ones():
    data = digits([30, 30, 30], 0)
    assert data.points.shape == (90, 2)
    assert data.sizes is not None
    assert data.sizes.tolist() == [30, 30, 30]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "not text"),
        (b"x,y\n1,2\n3,z\n", "Line 3 has 'z' where a number should be"),
        (b"1,2\n3,4,5\n", "Line 2 has 3 columns where the first has 2"),
        (b"1\n2\n", "two columns of numbers, and this table has column 1"),
        (b"1,2\n" * 3, "There are 3 points"),
        (b"1,2\n" * 20, "All points are the same"),
        (b"1e-300,2\n3e-300,2\n" * 10, "All points are the same, or too close"),
        (b"1e8,2\n100000000.01,2\n" * 10, "too close to each other to be drawn"),
        (b"1,2\n2,inf\n" * 20, "finite"),
        (b"1,2\n" * 2000, "at most 1,500 rows"),
        (b"", "is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(content, message):
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_points(content)
    assert message in str(caught.value).replace("\\", "")


def test_a_file_may_hold_classes():
    data = read_points(b"x;y;class\n" + b"0;0;7\n1;1;9\n" * 6)
    assert data.classes is not None
    assert data.classes.tolist() == [0, 1] * 6


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("narrow", [False, True])
def test_figures_are_valid_and_words_match_them(palette, narrow):
    run, kinds = ClusterRun(DATA, 3, 0), dict[int, list[str]]()
    for step in (0, 1, 10):
        for priors in ((), PRIORS[1:]):
            others = {prior: run.at(prior, step, PriorSettings()) for prior in priors}
            view = ClusterView(DATA, run.at("hypergeometric", step, PriorSettings()), others, step, PriorSettings())
            drawn = view.figure(palette, narrow=narrow)
            plotly.Figure(drawn.to_dict())
            assert "NaN" not in drawn.to_json()
            bars = [trace for trace in drawn.data if trace.type == "bar"]
            assert len(bars) == 1 + len(others)
            kinds.setdefault(len(others), [trace.type for trace in drawn.data])
            assert [trace.type for trace in drawn.data] == kinds[len(others)], "every step has the same traces"
            drawn_on = {trace.xaxis for trace in drawn.data}
            assert {note.xref.removesuffix(" domain") for note in drawn.layout.annotations} <= drawn_on
            arrows = [note for note in drawn.layout.annotations if note.showarrow]
            assert all(note.y >= 0 for note in arrows)
            assert "equal sizes" in view.verdict() or not others
    unknown = ClusterView(
        ClusterData("own", DATA.points, None),
        ClusterRun(ClusterData("own", DATA.points, None), 3, 0).at("hypergeometric", 5, PriorSettings()),
        {},
        5,
        PriorSettings(),
    )
    unknown.figure(palette, narrow=narrow)
    assert "true sizes are unknown" in unknown.sentences()[0]
    assert unknown.export().decode().count("\n") == 91


def test_the_page_shows_a_run_and_its_snippet_gives_the_same_numbers():
    app = pages.page(
        "cluster_sizes",
        clu_clusters="3",
        clu_number="100",
        clu_step="14",
        clu_edits="0~tau~1_6~tau~0.5_9~weights~1!2!0.5",
        clu_tau="0.5",
        clu_python="true",
        clu_table="true",
    )
    assert not app.exception
    assert not app.warning
    assert "τ = 0.5 at step 6; weights = 1, 2, 0.5 at step 9" in "".join(block.value for block in app.caption)
    code = next(block.value for block in app.code if "SizedClusters" in block.value)
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "snippet", "exec"), names)
    shown = app.dataframe[0].value["expected size"].tolist()
    line = next(line for line in output.getvalue().splitlines() if line.startswith("hypergeometric sizes:"))
    assert json.loads(line.split(": ")[1]) == pytest.approx(shown, abs=0.0051)
    assert ", ".join(f"{size:.0f}" for size in shown) in alt(app)
    assert sentence(app).startswith("**Step 14.**")


def test_links_open_edits_are_undone_and_a_preset_starts_anew_in_one_commit():
    old = {"clu_view": "ours", "clu_source": "clouds", "clu_w8": "1", "clu_room": "60", "clu_speed": "fast"}
    old["clu_edits"] = "0~tau~1_5~tau~0.1"
    app = pages.page("cluster_sizes", clu_number="100", clu_step="5", clu_tau="0.1", **old)
    assert not app.warning, "an address of the page as it was still opens"
    shown = figure(app)
    assert values(app)["tau"] == "0.1"
    assert link(app)["clu_edits"] == "0~tau~1_5~tau~0.1"
    app.button(key="_clu_forget").click().run()
    assert "clu_edits" not in app.query_params
    assert figure(app)["data"] != shown["data"]
    go(app, clu_number="100", clu_step="5", clu_edits="5~weights~1!2", clu_clusters="3")
    assert not app.exception, "weights of another number of clusters are left out"
    app.button(key="_clu_preset_0").click().run()
    assert not app.exception
    assert app.query_params["clu_shares"] in (["one tiny"], "one tiny")
    assert "clu_edits" not in app.query_params
    assert "clu_step" not in app.query_params, "other points start anew"
    assert sentence(app).startswith("All sizes start equal")


def test_side_by_side_names_three_priors():
    app = pages.page("cluster_sizes", clu_view="side by side", clu_number="100", clu_step="6")
    assert not app.exception
    titles = [note["text"] for note in figure(app)["layout"]["annotations"]]
    assert [sum(f"<b>{name}</b>" in title for title in titles) for name in NAMES.values()] == [1, 1, 1]


PENGUINS = "\n".join(
    ["id;bill (mm);depth (mm);mass (g);species"]
    + [
        f"{row};{40 + x:.2f};{17 - y:.2f};{4000 + 300 * y:.1f};{('Adelie', 'Gentoo', '<b>Papua</b>')[kind]}".replace(".", ",")
        for row, ((x, y), kind) in enumerate(zip(DATA.points, DATA.classes, strict=True), 1)
    ]
).encode("cp1252")


def uploaded(content: bytes, **address: str) -> Any:
    app = pages.page("cluster_sizes", clu_source="your own", clu_clusters="3", clu_table="true", **address)
    app.file_uploader[0].set_value(("penguins.csv", content, "text/csv")).run()
    assert not app.exception
    return app


def captions(app: Any) -> str:
    return " ".join(block.value for block in app.caption).replace("\\", "")


def test_a_file_of_a_readers_own_is_read_shown_and_its_columns_chosen():
    app = uploaded(PENGUINS, clu_step="3", clu_python="true")
    assert not app.warning
    assert "Read as semicolon-separated with decimal commas" in captions(app)
    assert "The column id holds numbers or names of the rows, and is left out." in captions(app)
    assert "The figure shows the first two principal components of bill (mm), depth (mm), mass (g)." in captions(app)
    assert "Each column is standardised" in captions(app), "the mass is a hundred times as spread as the others"
    words = json.dumps(figure(app)["layout"]["annotations"])
    assert "principal component 1 (" in words
    assert "class" in app.dataframe[0].value
    assert set(app.dataframe[0].value["class"]) <= {"Adelie", "Gentoo", "<b>Papua</b>"}
    preview = app.table[0].value
    assert preview.shape == (5, 4)
    app.segmented_control[[each.label for each in app.segmented_control].index("Axes")].set_value("two columns").run()
    assert not app.exception
    words = json.dumps(figure(app)["layout"]["annotations"], ensure_ascii=False)
    assert "bill (mm) →" in words
    assert "depth (mm) →" in words
    assert "standardised" not in captions(app), "the scales of these two are alike"
    choose = {each.label: each for each in app.selectbox}
    choose["Column of y"].set_value(3).run()
    assert "mass (g) →" in json.dumps(figure(app)["layout"]["annotations"], ensure_ascii=False)
    assert "Each column is standardised" in captions(app)
    {each.label: each for each in app.selectbox}["Column of the true class"].set_value(-1).run()
    assert "true sizes are unknown" in told(app)
    code = next(block.value for block in app.code if "SizedClusters" in block.value)
    assert "table_points(table, [1, 3], None, standardise=True)" in code


def test_a_snippet_reads_the_file_as_the_page_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_bytes(PENGUINS)
    app = uploaded(PENGUINS, clu_step="4", clu_python="true")
    code = next(block.value for block in app.code if "SizedClusters" in block.value)
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "snippet", "exec"), names)
    line = next(line for line in output.getvalue().splitlines() if line.startswith("hypergeometric sizes:"))
    assert json.loads(line.split(": ")[1]) == pytest.approx(app.dataframe[0].value["expected size"].tolist(), abs=0.0051)


def test_a_file_that_is_refused_leaves_clouds_and_a_sentence():
    app = uploaded(b"PK\x03\x04 xl/workbook.xml")
    assert "Excel workbook" in app.warning[0].value
    assert "The page shows clouds" in app.warning[0].value
    app = uploaded(b"a,b\n" + b'"1,234","2,500"\n"2,345","3,500"\n' * 5)
    assert "could be 1234 or 1.234" in app.warning[0].value.replace("\\", "")
    app.segmented_control[[each.label for each in app.segmented_control].index("Decimal mark")].set_value("point").run()
    assert not app.exception
    assert not app.warning


def test_digits_are_shown_as_images_and_clustered_in_all_dimensions():
    app = pages.page("cluster_sizes", clu_source="digits", clu_number="100", clu_step="5", clu_pixels="true", clu_shares="even")
    assert not app.exception
    shown = figure(app)
    assert len(shown["layout"]["images"]) > 4, "a mean image for each cluster of either model"
    assert all(image["source"].startswith("data:image/png;base64,") for image in shown["layout"]["images"])
    assert "all 64 pixels" in sentence(app)
    sheet = image_sheet(digits(cluster_sizes("even", 4, 100), 0).images)
    assert shown["layout"]["meta"]["sheet"] == sheet
    data = digits(cluster_sizes("even", 4, 100), 0)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet["address"].partition(",")[2]))))
    for number in (0, 37, 99):
        row, column = divmod(number, sheet["across"])
        np.testing.assert_array_equal(picture[8 * row : 8 * row + 8, 8 * column : 8 * column + 8, 0], data.images[number])
    expected = SizedClusters(
        data.in_pixels().points, 4, seed=0, equal_start=True, schedule=Schedule(steps=STEPS, hold=0.8, drawn=1.0)
    )
    expected.step(5)
    error = score_clusters(data.classes, expected.evaluate().labels[0].numpy(), expected.evaluate().sizes[0].numpy()).size_error
    assert f"all 64 pixels: size error **{100 * error:.1f}\N{NARROW NO-BREAK SPACE}%**" in sentence(app)


def test_sizes_are_judged_cluster_by_cluster_and_doubtful_outlines_are_faint():
    """A planted size of 42 where 53 is true is no right size, however small the total error."""
    run = ClusterRun(DATA, 3, 2)
    snapshot = run.at("hypergeometric", 30, PriorSettings())
    true = DATA.sizes[snapshot.scores.matched]

    def view(sizes: np.ndarray, labels: np.ndarray, pull: np.ndarray) -> ClusterView:
        return ClusterView(DATA, replace(snapshot, sizes=sizes, labels=labels, pull=pull), {}, 30, PriorSettings())

    labels = np.argmax(snapshot.scores.matched[None] == DATA.classes[:, None], 1)
    right = view(true + np.array([2.0, -2.0, 0.0]), labels, np.zeros(3)).sentences()
    assert "All 3 sizes are right" in right[0]
    assert len(right) == 3
    shift = max(0.2 * true[0], 4.0)
    wrong = true + np.array([shift, -shift, 0.0])
    sentences = view(wrong, labels, np.array([1.0, 1.0, 0.0])).sentences()
    assert re.search(r"\*\*[12] of 3 sizes are right\*\*", sentences[0])
    assert "arrow of cluster 1 points" in sentences[1], "to more points, where there are too many"
    doubtful = view(true.astype(float), np.zeros(len(labels), dtype=int), np.zeros(3))
    assert "faint" in " ".join(doubtful.sentences())
    traces = doubtful.figure(LIGHT).to_plotly_json()["data"]
    assert any(trace.get("opacity") == 0.3 for trace in traces)
