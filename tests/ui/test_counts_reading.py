"""Counts in files of readers: read, or refused with a message."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest

from hypergeo.ui.counts.reading import LARGEST_SIZE, MOST_BYTES, MOST_ROWS, UnreadableError, plain, read

ROWS = ((3, 2, 1), (0, 5, 1), (2, 2, 2))


@pytest.mark.parametrize(
    "data",
    [
        "3,2,1\n0,5,1\n2,2,2",
        "3;2;1\r\n0;5;1\r\n2;2;2\r\n",
        "3\t2\t1\n0\t5\t1\n2\t2\t2\n\n",
        "  3 2 1\n0   5 1\n2 2 2",
        "red,green,blue\n3,2,1\n0,5,1\n2,2,2",
        '"red one";"green";"blue"\n"3";"2";"1"\n0;5;1\n2;2;2',
        "# drawn in May\n3,2,1\n\n0,5,1\n,,\n2,2,2",
        "3.0, 2.0, 1e0\n0, 5, 1\n2, 2, 2",
        ",0,1,2\n0,3,2,1\n1,0,5,1\n2,2,2,2",
        "row,a,b,c\n1,3,2,1\n2,0,5,1\n3,2,2,2",
        "3,2,1\n0,5,1\n2,2,2".encode("utf-16"),
        b"\xef\xbb\xbfa,b,c\n3,2,1\n0,5,1\n2,2,2",
        "rot,grün,blau\n3,2,1\n0,5,1\n2,2,2".encode("latin-1"),
    ],
)
def test_reads_what_spreadsheets_and_programs_write(data):
    assert read(data).counts.tolist() == [list(row) for row in ROWS]


@pytest.mark.parametrize(
    "line", ["sizes: 9, 8, 7", "# sizes = 9 8 7", "Group sizes; 9; 8; 7", '"sizes",9,8,7', "size\t9\t8\t7"]
)
def test_takes_the_sizes_from_a_line_anywhere(line):
    for text in (f"{line}\n3,2,1", f"3,2,1\n{line}"):
        counts = read(text)
        assert counts.sizes == (9, 8, 7)
        assert counts.counts.tolist() == [[3, 2, 1]]


def test_a_first_column_that_counts_rows_is_kept_where_the_sizes_say_so():
    assert read("sizes: 9 9 9\n0 3 4\n1 2 4\n2 3 2").counts.shape == (3, 3)
    assert read("0 3 4\n1 2 4\n2 3 2").counts.shape == (3, 2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04" + bytes(90), "an Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "a compressed file"),
        (bytes(range(256)), "binary file"),
        (b"1,2\n3,\x004", "binary file"),
        ("", "empty"),
        ("# nothing\n\n", "empty"),
        ("a,b,c", "no counts below"),
        ("3\n4\n5", "one number only"),
        ("1,2,3,4,5,6,7", "up to 6 groups"),
        ("3,2\n4", "Line 2 has 1 columns where the first has 2"),
        ("3,2\n\n4,x", "Line 3 has 'x' where a count should be"),
        ("a,b\n3,2\n4,−1", "where a count should be"),
        ("a,b\n3,2\n4,-1", "Line 3, column 2 has −1. Counts are not negative"),
        ("3,2\n4.5,1", "Line 2, column 1 has 4.5. Counts are integers"),
        ("3,1e30", "no count that this page can show"),
        ("3,inf", "where a count should be"),
        ("3,nan", "where a count should be"),
        ("sizes: 9, 8\n3,2,1", "The line of sizes has 2 numbers, and the rows have 3"),
        ("sizes: 9, -8\n3,2", "sizes are whole numbers from 0"),
        (f"sizes: {LARGEST_SIZE + 1}, 8\n3,2", "sizes are whole numbers from 0"),
        ("1,2\n" * (MOST_ROWS + 1), f"at most {MOST_ROWS:,} rows"),
        (b"1,2\n" * (MOST_BYTES // 4 + 1), "takes up to 5 MB"),
        ('3,2\n"4,1', "Line 2"),
    ],
)
def test_says_what_is_wrong(data, words):
    with pytest.raises(UnreadableError) as caught:
        read(data)
    assert words in str(caught.value).replace("\\", "")


@pytest.mark.parametrize(("data", "line"), [("3,2\n4,", 2), ("a;b\n3;2\n;7\n", 3), ("3,2\n4,nan", 2), ("x y\n3 2\nNA 1", 3)])
def test_rows_with_missing_counts_are_left_out_and_that_is_said(data, line):
    table = read(data)
    assert table.counts.tolist() == [[3, 2]]
    assert f"1 row with missing values is left out (line {line})." in " ".join(table.notes).replace("\\", "")


def test_the_groups_have_the_names_of_their_columns_and_the_reader_chooses_them():
    table = read("site;red;blue;green\nnorth;3;2;1\nsouth;0;5;1\n")
    assert (table.names, table.columns) == (("red", "blue", "green"), ("site", "red", "blue", "green"))
    assert read("site;red;blue;green\nnorth;3;2;1\nsouth;0;5;1\n", ["green", "red"]).counts.tolist() == [[1, 3], [1, 0]]
    assert read("3 2\n1 4").names is None


def test_what_a_reader_wrote_is_shown_as_text():
    with pytest.raises(UnreadableError) as caught:
        read("1,2\n3,<img src=x>![a](http://b) :red[c] $x$ `d`")
    for mark in "<>[]$`!:":
        assert not re.search(rf"(?<!\\){re.escape(mark)}", str(caught.value)), mark
    assert plain("a\nb\x00") == "a b "
    for address in ("http://a.b", "www.a.b", "x@a.b"):
        assert address not in plain(address).replace("\\", ""), "a link of it would be made"


def test_any_bytes_are_read_or_refused_in_words():
    generator = np.random.default_rng(0)
    for _ in range(300):
        size = int(generator.integers(0, 60))
        data = bytes(generator.choice(np.frombuffer(b"0123456789,;\t \n\"'.-exa#:\xff\x00sizes", dtype=np.uint8), size))
        with contextlib.suppress(UnreadableError):
            table = read(data)
            assert table.counts.ndim == 2
            assert table.counts.min() >= 0
