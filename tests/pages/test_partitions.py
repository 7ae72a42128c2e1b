"""The page on partitions as Streamlit runs it."""

from __future__ import annotations

import contextlib
import io
import re
from functools import partial
from typing import Any

import pytest
import torch

from hypergeo import FisherHypergeometric, RandomPartition
from hypergeo.ui.convergence.arrays import TEMPERATURES
from tests.support.app import pages
from tests.support.app.pages import alt, figure, link, sentence, stage, told, values

page = partial(pages.page, "partitions")
GRADIENTS = {"part_view": "gradients", "part_groups": "3", "part_tau": "0.1", "part_size_tau": "0.56"}


def test_the_page_shows_one_sample_with_its_sums():
    app = page()
    assert not app.exception
    assert not app.warning
    assert not app.error
    assert alt(app).startswith("Assignment matrix of one relaxed partition of 24 elements into 4 groups at temperature 1")
    assert told(app).count("\n- ") == 2
    assert stage(app)["bar"]["length"] == len(TEMPERATURES) - 1
    assert [button.label for button in app.get("download_button")] == ["Data (CSV)", "Figure (HTML, opens offline)", "Python"]
    sums = figure(app)["data"][3]["text"]
    assert sums[:24] == ["1"] * 24, "every row sums to one"
    sizes = [int(text) for text in sums[28:]]
    assert sum(sizes) == 24
    assert sums[24:28] == [f"<b>{size}</b>" for size in sizes], "columns sum to the sampled sizes"


def test_cooling_keeps_the_column_sums_and_makes_rows_one_hot():
    sums, moved = set(), []
    for tau in ("10", "1", "0.1", "0.01"):
        app = page(part_tau=tau)
        sums.add(tuple(figure(app)["data"][3]["text"][24:]))
        match = re.search(r"\*\*([\d.e-]+) of 24 elements\*\*", sentence(app))
        assert match is not None
        moved.append(float(match[1]))
    assert len(sums) == 1
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 10
    assert moved[-1] < 0.5


@pytest.mark.parametrize("number", range(7))
def test_try_this(number):
    app = page()
    before = link(app)
    button = app.button(key=f"_part_preset_{number}")
    button.click().run()
    assert not app.exception
    assert not app.warning
    assert link(app) != before, f"{button.label} changes nothing"
    assert stage(app)["note"] == button.help
    pages.check_link("partitions", app)


def test_there_are_no_more_presets_than_are_tried():
    assert len([button for button in page().button if str(button.key).startswith("_part_preset_")]) == 7


def test_every_control_changes_the_picture():
    app = page(part_affinity="random")
    changes = {
        "w1": "4",
        "order": "reversed",
        "tau": "0.1",
        "size_tau": "1",
        "seed": "3",
        "strength": "3",
        "element": "5",
        "group": "2",
        "n": "12",
        "groups": "3",
        "given": "fixed",
        "n1": "5",
        "kind": "straight-through",
        "affinity": "none",
    }
    for name, value in changes.items():
        before = figure(app)["data"]
        app.query_params[f"part_{name}"] = value
        app.run()
        assert not app.exception
        assert not app.warning
        assert values(app)[name] == value
        assert figure(app)["data"] != before, f"{name} changes nothing in the picture"
    app = page(**GRADIENTS)
    for name, value in {"loss": "separated", "estimator": "score function", "number": "400", "few": "4"}.items():
        before = figure(app)["data"]
        app.query_params[f"part_{name}"] = value
        app.run()
        assert not app.exception
        assert figure(app)["data"] != before, f"{name} changes nothing in the picture"


@pytest.mark.parametrize(
    "address",
    [
        {"part_n": "4", "part_given": "fixed", "part_n1": "40"},
        {"part_n": "40", "part_strength": "6", "part_affinity": "random", "part_tau": "0.01", "part_size_tau": "10"},
        {"part_groups": "2", "part_w1": "0.01", "part_w2": "100", "part_order": "large groups first"},
        {"part_edits": "1~1~99_24~4~-8_77~1~2_nonsense", "part_element": "40", "part_group": "4", "part_groups": "2"},
        {**GRADIENTS, "part_given": "fixed", "part_loss": "uneven sizes"},
        {**GRADIENTS, "part_groups": "4", "part_few": "8", "part_number": "100"},
        {**GRADIENTS, "part_few": "2", "part_estimator": "plan", "part_strength": "6"},
    ],
)
def test_extremes_are_shown_like_anything_else(address):
    app = page(**address, part_table="true")
    assert not app.exception
    assert not app.error
    assert len(app.dataframe) == 1


def test_an_estimate_is_held_against_the_exact_gradient():
    """The exact gradient on the page is that of a sum over all 729 assignments, checked by finite differences here."""
    app = page(**GRADIENTS, part_table="true", part_number="4000")
    (table,) = app.dataframe
    exact = torch.tensor(table.value["exact"].tolist(), dtype=torch.float64)
    assert len(exact) == 21
    assert exact[:18].view(6, 3).sum(-1).abs().max() < 1e-12
    errors = (torch.tensor(table.value["estimate"].tolist()) - exact).abs()
    noise = torch.tensor(table.value["standard error"].tolist())
    assert (errors < 4.9 * noise + 0.02).all(), "twenty parts: false alarm below 1e-3 for any of them, with a bias of 0.02"
    home = torch.nn.functional.one_hot(torch.arange(6) // 2, 3).double()
    y = torch.nn.functional.one_hot(torch.cartesian_prod(*[torch.arange(3)] * 6), 3).double()

    def expected(logit: float) -> float:
        logits = 2 * home
        logits[0, 0] = logit
        urn = FisherHypergeometric(6, [6, 6, 6], [1.0, 1.0, 2.0])
        chances = RandomPartition(urn, logits, validate_args=False).log_prob(y).exp()
        return float((chances * (6 - (y * home).sum((-1, -2)))).sum())

    assert exact[0].item() == pytest.approx((expected(2 + 1e-4) - expected(2 - 1e-4)) / 2e-4, abs=1e-7)


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"part_tau": "0.13", "part_seed": "5", "part_edits": "3~2~4", "part_order": "small groups first"},
        {"part_given": "fixed", "part_groups": "3", "part_kind": "straight-through"},
    ],
)
def test_the_snippet_gives_the_sample_on_the_page(address):
    app = page(**address, part_table="true", part_python="true", part_formulas="true")
    assert any("Wallenius" in block.value and "mathrm{softmax}" in block.value for block in app.markdown)
    printed, names = _run(app)
    (table,) = app.dataframe
    groups = names["groups"]
    columns = [f"sample, group {group + 1}" for group in range(groups)]
    assert table.value[columns].to_numpy() == pytest.approx(names["sample"].numpy(), abs=1e-12)
    columns = [f"plan, group {group + 1}" for group in range(groups)]
    assert table.value[columns].to_numpy() == pytest.approx(names["exact"].plan.numpy(), abs=1e-12)
    assert f"group of each element: {table.value['exact group'].tolist()}" in printed
    for order in ("this order", "reverse order"):
        assert f"{names['log_prob'][order]:.2f}".replace("-", "−") in told(app)
    if "part_kind" not in address:
        assert f"**{names['moved']:.2g} of 24 elements**" in sentence(app)


@pytest.mark.parametrize(
    "address",
    [{}, {"part_estimator": "plan", "part_given": "fixed"}, {"part_estimator": "score function", "part_loss": "misplaced²"}],
)
def test_the_snippet_gives_the_gradients_on_the_page(address):
    app = page(**GRADIENTS, **address, part_few="4", part_number="400", part_table="true", part_python="true")
    _, names = _run(app)
    (table,) = app.dataframe
    for column, grads in (("exact", names["exact"]), ("estimate", names["mean"]), ("standard error", names["error"])):
        shown = table.value[column].tolist()
        flat = torch.cat([grad.flatten() for grad in grads])[: len(shown)]
        assert shown == pytest.approx(flat.tolist(), abs=1e-12)
    assert f"is **{names['expected'].item():.3f}**, a sum over all 81" in told(app)


def _run(app: Any) -> tuple[str, dict[str, Any]]:
    code = next(block.value for block in app.code if block.value.startswith("import torch"))
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "snippet", "exec"), names)
    return output.getvalue(), names
