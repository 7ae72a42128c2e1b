"""Tables of counts and archives of labelled points: what is read, and what each refusal names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hypergeo.datasets import labelled
from hypergeo.datasets.blobs import gaussian_blobs
from hypergeo.datasets.counts_csv import read_counts


@pytest.mark.parametrize("mark", [",", ";", "\t", " ", "   "])
@pytest.mark.parametrize("named", [True, False])
def test_tables_with_any_separator_with_names_or_without(mark: str, named: bool) -> None:
    lines = [mark.join(("red", "blue", "green"))] * named + ["# a remark", "", mark.join("312"), mark.join(("0", "4.0", "1e1"))]
    table = read_counts("\ufeff" + "\n".join(lines) + "\n\n")
    assert table.names == (("red", "blue", "green") if named else ("group 1", "group 2", "group 3"))
    assert table.counts.tolist() == [[3.0, 1.0, 2.0], [0.0, 4.0, 10.0]]


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("", {}, "is empty"),
        ("# only\n\n", {}, "is empty"),
        ("red,blue\n", {}, "no counts below"),
        ("1,2\n3,4\n5,6", {"most_rows": 2}, "at most 2 rows; it has 3"),
        ("a,b\n1,2\n3,4\n5,6", {"most_rows": 2}, "at most 2 rows; it has 3"),
        ("1,2\n" * 7, {"most_rows": 2}, "The table of counts may have at most 2 rows; it has 7"),
        ("a,b\n" + "1,2\n" * 7, {"most_rows": 2}, "The table of counts may have at most 2 rows; it has 7"),
        ("1,2", {"groups": 3}, "must have 3 columns, one for each group; it has 2"),
        ("1,2\n# x\n3,4,5", {}, "Line 3 has 3 columns where the first has 2: '3,4,5'"),
        ("1,2\n3,four", {}, "Line 2 has 'four' where"),
        ("1,nan\n3,nan", {"columns": ["1", "2"]}, "There is no column '2'"),
        ("1,nan", {}, "Line 1 has 'nan' where"),
        ("1,2\n3,inf", {}, "Line 2 has 'inf' where"),
        ("1,2\n3,1_0", {}, "Line 2 has '1_0' where"),
        ("1,2\n3,４", {}, "Line 2 has '４' where"),
        ("1,2\n3," + "x" * 41, {}, "Line 2 has '" + "x" * 37 + r"\.\.\.' where"),
        ("1,2\n3," + "x" * 40, {}, "Line 2 has '" + "x" * 40 + "' where"),
        ('1,2\n"3,4', {}, "Line 2 cannot be read"),
    ],
)
def test_tables_that_cannot_be_read_are_refused_by_line(text: str, more: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_counts(text, **more)


def test_limits_that_just_hold_are_no_refusal() -> None:
    assert read_counts("a,b\n1,2\n3,4", most_rows=2, groups=2).counts.shape == (2, 2)


def archive(folder: Path, **arrays: np.ndarray) -> Path:
    file = folder / "points.npz"
    np.savez(file, **arrays)
    return file


def test_archives_of_points_with_classes_or_without(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    read = labelled.labelled_archive(archive(tmp_path, x=x, y=np.array([7, 5, 7, 9])))
    assert read.classes is not None
    assert (read.classes.tolist(), read.sizes.tolist()) == ([1, 0, 1, 2], [1, 2, 1])
    assert (read.arrays == x).all()
    assert read.points.shape == (4, 6)
    flat = labelled.labelled_archive(archive(tmp_path, x_train=np.ones((3, 2))))
    assert (flat.classes, flat.sizes, flat.shape) == (None, None, (2,))
    with pytest.raises(ValueError, match="classes are known"):
        flat.sized([1, 2], seed=0)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"z": np.ones((2, 2))}, "must hold an array x of points; it has z"),
        ({"x": np.ones(3)}, r"one row per point; it has shape \(3,\)"),
        ({"x": np.array([["a", "b"]])}, "array of numbers"),
        ({"x": np.ones((0, 2))}, r"shape \(0, 2\)"),
        ({"x": np.array([[0.0, 1.0], [np.nan, 0.0]])}, "must be finite; row 1 is not"),
        ({"x": np.ones((3, 2)), "y": np.array([0, 1])}, r"one class for each of 3 points; it has shape \(2,\)"),
        ({"x": np.ones((2, 2)), "y": np.array([0.0, np.inf])}, "classes must be finite"),
    ],
)
def test_archives_that_lack_something_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        labelled.labelled_archive(archive(tmp_path, **arrays))


def test_files_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.npz"
    file.write_text("nothing of the kind")
    with pytest.raises(ValueError, match="is not an archive"):
        labelled.labelled_archive(file)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives_are_named(tmp_path: Path, save: Callable[..., None]) -> None:
    file = tmp_path / "points.npz"
    save(file, x=np.random.default_rng(0).integers(0, 9, (400, 2)))
    content = bytearray(file.read_bytes())
    content[200:300] = bytes(100)
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"points\.npz is damaged: "):
        labelled.labelled_archive(file)


@pytest.mark.parametrize("sizes", [[], [1] * 11, [3.5, 2], [5, -1], [[2, 3]]])
def test_numbers_of_digits_that_there_cannot_be_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"sizes must be one to ten whole numbers, zero or more; got {sizes!r}.")):
        labelled.chosen_digits(sizes)
    assert labelled.chosen_digits([2, 0, 10_000]).sizes.tolist() == [2, 0, 177]


def test_some_points_are_a_random_choice_without_repetition() -> None:
    points = labelled.LabelledArrays(np.arange(20).reshape(10, 2), np.arange(10) % 2)
    few = points.some(4, seed=0)
    assert few.points.shape == (4, 2)
    assert len({tuple(row) for row in few.points.tolist()}) == 4
    assert few.classes is not None
    assert all(row[0] // 2 % 2 == label for row, label in zip(few.points.tolist(), few.classes.tolist(), strict=True))
    assert points.some(10, seed=0).points.tolist() == points.points.tolist()
    assert points.some(4, seed=1).points.tolist() != few.points.tolist()


@pytest.mark.parametrize(
    ("sizes", "words"), [([5, 1], "too few"), ([3], "must be 2 whole"), ([0, 3], "at least one"), ([1.5, 2], "whole numbers")]
)
def test_sizes_that_classes_cannot_have_are_refused(sizes: list[float], words: str) -> None:
    points = labelled.LabelledArrays(np.zeros((7, 2)), np.array([0, 0, 0, 1, 1, 1, 1]))
    with pytest.raises(ValueError, match=words):
        points.sized(sizes, seed=0)  # type: ignore[arg-type]
    assert sorted(points.sized([4, 2], seed=0).sizes.tolist()) == [2, 4]


@pytest.mark.parametrize(("groups", "largest", "smallest"), [(0, 5, 1), (3, 1, 5), (3, 5, 0)])
def test_sizes_the_wrong_way_round_are_refused(groups: int, largest: int, smallest: int) -> None:
    with pytest.raises(ValueError, match=f"got {largest} and {smallest}"):
        labelled.geometric_sizes(groups, largest, smallest)
    assert labelled.geometric_sizes(1, 9, 9) == [9]


@pytest.mark.parametrize("sizes", [[], [0, 0], [-1, 2], [[1, 2]], [1.5]])
def test_blobs_need_points(sizes: list[float]) -> None:
    with pytest.raises(ValueError, match="whole numbers, zero or more, and not all zero"):
        gaussian_blobs(sizes, separation=4.0)  # type: ignore[arg-type]
