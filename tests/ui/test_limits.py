"""Limits of the pages' inputs: all are in one table."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from hypergeo.ui import limits
from tests.benchmarks.app.limits import LARGEST

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "pages").rglob("*.py"), *(ROOT / "hypergeo" / "ui").rglob("*.py")]
LARGEST_LITERAL = 100  # shares in percent, and the first of a handful of things


def called(path: Path, *names: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in names]


def numbers(node: ast.AST) -> list[float]:
    return [leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant) and type(leaf.value) in (int, float)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_take_their_limits_from_the_table(path):
    """Large numbers as bounds or options of controls are in the table, and not in the pages' modules."""
    if path.name == "limits.py":
        return
    for call in called(path, "Whole"):
        assert not [bound for bound in call.args[1:] for number in numbers(bound) if number > LARGEST_LITERAL], ast.unparse(
            call
        )
    for call in called(path, "Choice"):
        if len(call.args) > 1 and isinstance(call.args[1], ast.List | ast.Tuple):
            assert max(numbers(call.args[1]), default=0) <= LARGEST_LITERAL, ast.unparse(call)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.keyword) and node.arg in ("max_upload_size", "max_chars"):
            assert not numbers(node.value), ast.unparse(node.value)


def test_the_server_takes_no_larger_files_than_the_pages():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["maxUploadSize"] == max(limits.COUNTS.megabytes, limits.CLUSTERS.megabytes)


def test_every_choice_grows():
    """The last option is the limit."""
    for part in (limits.CONVERGENCE, limits.GRADIENTS, limits.QUALITY, limits.COUNTS, limits.CLUSTERS, limits.FACTORS):
        for options in part:
            if isinstance(options, tuple) and not hasattr(options, "_fields"):
                assert list(options) == sorted(set(options))


def test_the_table_says_everything():
    """Every number of the limits is in a row of the README's table, except for those that no reader sets."""
    listed = {text.replace(",", "") for _, _, span in limits.rows() for text in span.split(" to ")}
    unseen = {limits.URN.listed, limits.GRADIENTS.listed, limits.COUNTS.sums, limits.COUNTS.elements}
    unseen |= {limits.PARTITIONS.partitions, limits.CLUSTERS.largest, limits.CLUSTERS.nearest}
    for part in (
        limits.URN,
        limits.ONE_SAMPLE,
        limits.CONVERGENCE,
        limits.GRADIENTS,
        limits.PARTITIONS,
        limits.QUALITY,
        limits.COUNTS,
        limits.CLUSTERS,
        limits.FACTORS,
    ):
        for value in part:
            greatest = value if isinstance(value, int | float) else max(value)
            assert greatest in unseen or str(greatest) in listed or greatest == limits.CONVERGENCE.followed, value


def test_the_benchmark_asks_for_the_most_that_pages_accept():
    """Each limit of an urn, of choices and of steps is reached by some request, and none is exceeded."""
    asked: dict[str, list[float]] = {}
    for request in LARGEST:
        for key, value in request.address.items():
            if isinstance(value, int | float):
                asked.setdefault(key, []).append(value)
    for prefix, urn in (
        ("urn", limits.URN.urn),
        ("one", limits.ONE_SAMPLE.urn),
        ("conv", limits.CONVERGENCE.urn),
        ("grad", limits.GRADIENTS.urn),
        ("qual", limits.QUALITY.urn),
    ):
        for name, most in (("groups", urn.groups), ("m1", urn.size), ("n", urn.drawn)):
            assert max(asked[f"{prefix}_{name}"]) == most, (prefix, name)
    for key, most in (
        ("urn_step", limits.URN.draws),
        ("one_sample", limits.ONE_SAMPLE.samples),
        ("conv_number", limits.CONVERGENCE.samples[-1]),
        ("grad_number", limits.GRADIENTS.estimates[-1]),
        ("grad_draws", limits.GRADIENTS.draws[-1]),
        ("grad_step", limits.GRADIENTS.steps),
        ("part_n", limits.PARTITIONS.elements[1]),
        ("part_few", limits.PARTITIONS.listed[1]),
        ("part_number", limits.PARTITIONS.samples[-1]),
        ("qual_rows", limits.COUNTS.examples[-1]),
        ("clu_clusters", limits.CLUSTERS.clusters[1]),
        ("clu_number", limits.CLUSTERS.points[-1]),
        ("clu_step", limits.CLUSTERS.steps),
        ("fac_step", limits.FACTORS.steps),
        ("fac_factors", limits.FACTORS.factors[-1]),
        ("fac_spare", limits.FACTORS.spare),
    ):
        assert max(asked[key]) == most, key
