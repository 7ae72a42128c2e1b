"""Tables as people have them: every trait that was thought of, alone and in pairs, is read rightly or refused in a sentence."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from hypergeo.datasets.tables.columns import guess_columns, guess_counts, scales_differ, table_counts, table_points
from hypergeo.datasets.tables.numbers import read_number
from hypergeo.datasets.tables.table import read_table

POINTS = np.array([[23.5, 1.25], [-4.75, 2040.5], [0.5, 12.125], [7.0, -3.5], [1234.5, 0.25], [8.25, 9.5]])
WORDS = ("setosa", "virginica", "setosa", "setosa", "virginica", "setosa")


@dataclass(frozen=True)
class File:
    """How a file is written.

    Attributes:
        separator: of the columns.
        decimal: mark of decimals.
        thousands: mark of thousands.
        names: of the columns, or none.
        classes: of each row, or none.
        index: whether the first column numbers the rows.
        quoted: whether every cell is in quotes.
        end: of the lines.
        encoding: of the file.
        missing: mark in a further row, which has no value in the first column.
        above: lines before the table.
        below: lines after it.
        units: a line of units below the names.
        trailing: whether an empty column ends each line.
    """

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    names: tuple[str, ...] | None = ("width", "height")
    classes: tuple[str, ...] | None = WORDS
    index: bool = False
    quoted: bool = False
    end: str = "\n"
    encoding: str = "utf-8"
    missing: str | None = None
    above: str = ""
    below: str = ""
    units: bool = False
    trailing: bool = False

    def cell(self, value: float) -> str:
        """Returns a number in the format of this file."""
        whole, _, rest = f"{value:.3f}".rstrip("0").rstrip(".").partition(".")
        whole = f"{int(whole):,}".replace(",", self.thousands) if abs(value) >= 1000 else whole
        return f"{whole}{self.decimal}{rest}" if rest else whole

    def content(self) -> bytes:
        """Returns the bytes of the file."""
        rows = [[*map(self.cell, point)] for point in POINTS.tolist()]
        if self.missing is not None:
            rows.insert(3, [self.missing, self.cell(5.5)])
        if self.classes is not None:
            classes = list(self.classes)
            if self.missing is not None:
                classes.insert(3, classes[0])
            rows = [[*row, kind] for row, kind in zip(rows, classes, strict=True)]
        if self.index:
            rows = [[str(number), *row] for number, row in enumerate(rows, 1)]
        if self.names is not None:
            units = ["cm", "kg", ""][: 2 + (self.classes is not None)]
            head = [*self.names, *(["species"] if self.classes is not None else [])]
            rows = [[""] * self.index + head, *([[""] * self.index + units] if self.units else []), *rows]
        if self.trailing:
            rows = [[*row, ""] for row in rows]
        written = [[f'"{cell}"' if self.quoted or self.separator in cell else cell for cell in row] for row in rows]
        text = self.above + "".join(self.separator.join(row) + "\n" for row in written) + self.below
        return text.replace("\n", self.end).encode(self.encoding)


TRAITS: dict[str, Callable[[File], File]] = {
    "semicolons": lambda file: replace(file, separator=";"),
    "tabs": lambda file: replace(file, separator="\t"),
    "pipes": lambda file: replace(file, separator="|"),
    "blanks": lambda file: replace(file, separator=" "),
    "decimal commas": lambda file: replace(file, decimal=",", separator=";" if file.separator == "," else file.separator),
    "quoted decimal commas": lambda file: replace(file, decimal=",", separator=",", quoted=True),
    "thousands": lambda file: replace(file, thousands="." if file.decimal == "," else ","),
    "thin thousands": lambda file: replace(file, thousands="\u202f"),
    "Swiss thousands": lambda file: replace(file, thousands="’" if file.encoding == "utf-8" else "'"),
    "no header": lambda file: replace(file, names=None, units=False),
    "index": lambda file: replace(file, index=True),
    "quotes": lambda file: replace(file, quoted=True),
    "Windows line ends": lambda file: replace(file, end="\r\n"),
    "old line ends": lambda file: replace(file, end="\r"),
    "byte-order mark": lambda file: replace(file, encoding="utf-8-sig"),
    "UTF-16": lambda file: replace(file, encoding="utf-16"),
    "UTF-16 without a mark": lambda file: replace(file, encoding="utf-16-le"),
    "Windows-1252": lambda file: replace(file, encoding="cp1252", names=file.names and ("Länge", "Größe")),
    "missing": lambda file: replace(file, missing="NA"),
    "missing dash": lambda file: replace(file, missing="-"),
    "missing blank": lambda file: replace(file, missing=""),
    "numbers as classes": lambda file: replace(file, classes=tuple("0" if kind == "setosa" else "1" for kind in WORDS)),
    "classes with blanks": lambda file: replace(file, classes=tuple(f"Iris {kind}" for kind in WORDS)),
    "comments": lambda file: replace(file, above="# measured in May\n\n" + file.above, below="# the end\n"),
    "units": lambda file: replace(file, units=file.names is not None),
    "units in names": lambda file: replace(file, names=file.names and ("width (cm)", "height [mm]")),
    "empty lines": lambda file: replace(file, below=f"\n{file.separator * 2}\n\n"),
    "empty column": lambda file: replace(file, trailing=file.separator != " "),
    "Excel's line": lambda file: replace(file, above=f"sep={file.separator}\n" if file.separator != " " else ""),
}


def check(file: File, content: bytes) -> None:
    """What is read is what was written; or the refusal is a sentence."""
    try:
        table = read_table(content)
        guess = guess_columns(table)
        result = table_points(table, guess.axes, guess.label)
    except ValueError as error:
        words = str(error)
        assert re.search(r"(Line \d+|column|table|file)", words), words
        assert words.endswith("."), words
        return
    assert result.points.tolist() == POINTS.tolist(), (table.notes, guess)
    if file.classes is None:
        assert result.classes is None
    else:
        assert result.classes is not None, (table.notes, guess)
        assert [result.class_names[number] for number in result.classes] == list(file.classes)
    names = file.names or ("column 1", "column 2")
    assert all(own.startswith(name) for own, name in zip(result.axes, names, strict=True)) or file.index, result.axes
    if file.missing is not None:
        assert "1 row with missing values is left out" in result.notes[0]


def written(file: File) -> bytes | None:
    """Returns the file, or ``None`` if its encoding lacks a letter."""
    try:
        return file.content()
    except UnicodeEncodeError:
        return None


@pytest.mark.parametrize("trait", TRAITS)
def test_every_trait_alone_is_read(trait: str) -> None:
    file = TRAITS[trait](File())
    table = read_table(file.content())
    guess = guess_columns(table)
    result = table_points(table, guess.axes, guess.label)
    assert result.points.tolist() == POINTS.tolist()
    check(file, file.content())


def test_traits_in_pairs_are_read_or_refused_and_nearly_all_are_read() -> None:
    read = refused = 0
    for first, second in itertools.permutations(TRAITS, 2):
        file = TRAITS[second](TRAITS[first](File()))
        content = written(file)
        if content is None:
            continue
        try:
            read_table(content)
            read += 1
        except ValueError:
            refused += 1
        try:
            check(file, content)
        except AssertionError as error:
            raise AssertionError(f"{first} and {second}: {content[:200]!r}") from error
    assert read > 700
    assert refused < 0.03 * read, "a reader who refuses is of no use"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"23;2,3\n24;5,1\n", "semicolon-separated with decimal commas"),
        (b"1,5\t2,5\n2,25\t3\n", "tab-separated with decimal commas"),
        (b"1.5 2.5\n2 3\n", "separated by spaces with decimal points"),
        (b"1,5 2,5\n2,5 3,5\n", "separated by spaces with decimal commas"),
        (b"a|b\n1.5|2\n", "separated by pipes with decimal points"),
        (b"a;b\n1.234,5;2\n", "semicolon-separated with decimal commas and thousands separators ('1.234,5' is 1234.5)"),
        (b'a,b\n"1,234.5",2\n', "comma-separated with decimal points and thousands separators ('1,234.5' is 1234.5)"),
        (b"1e3,2E-2\n3.5,4\n", "comma-separated with decimal points"),
    ],
)
def test_the_form_is_said(content: bytes, form: str) -> None:
    assert read_table(content).notes[0] == f"Read as {form}."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'a,b\n"1,234","2,500"\n', "'1,234', which could be 1234 or 1.234"),
        (b"a;b\n1.234;5.678\n", "'1.234', which could be 1234 or 1.234"),
        (b'a,b\n1.5,2\n"2,5",3\n', "Line 2 has '1.5' with a decimal point, line 3 has '2,5' with a decimal comma"),
        (b"x,y\n1,5,2,5\n3,1,4,2\n", "If commas are decimal marks, put semicolons between the columns"),
        (b"x\n1,5\n2,5\n", "If commas are decimal marks"),
        (b"a,b\n12%,3\n13,4\n", "Write all of them with a percent sign, or none"),
        (b"x y species\n1.5 2 Iris setosa\n2.5 3 Iris setosa\n", "Put quotes around words with blanks"),
        (b"PK\x03\x04..xl/workbook.xml", "an Excel workbook (.xlsx), and not text. In Excel or LibreOffice, choose Save As"),
        (b"PK\x03\x04..other", "another ZIP file"),
        (b"\xd0\xcf\x11\xe0\xa1", "Excel workbook of the old kind"),
        (gzip.compress(b"x,y\n1,2\n", mtime=0), "a compressed file (.gz), and not text. Unpack it"),
        (b"%PDF-1.7", "a PDF"),
        (b'{"x": [1, 2]}', "JSON"),
        (b"<!DOCTYPE html><table>", "HTML"),
        (b"1,2\x00,3\n", "binary file"),
        (b"\xff\xfe\x00", "not text"),
        (b"\n\n", "is empty"),
        (b"x,y\n", "no numbers below it"),
        (b"x,y\nNA,\nNA,\n", "no values"),
        (b'x,y\n1,"2\n', "Line 2 cannot be read"),
        (b'1;"2\n3;4\n', "Line 1 cannot be read"),
        (b'1\t"2\n', "Line 1 cannot be read"),
        (b"a,b,,\n1,2,3\n1,2\n", "Line 3 has 2 columns where the first has 4: '1,2'."),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_table(content)


@pytest.mark.parametrize(
    ("content", "axes", "label", "words"),
    [
        (b"x,y\n1,2\n3,abc\n4,5\n", (0, 1), None, "Line 3 has 'abc' where a number should be"),
        (b"x,y\n1,2\n3,inf\n4,5\n", (0, 1), None, "Line 3 has 'inf' where a finite number should be"),
        (b"name,place\na,b\nc,d\n", (), None, "Points need 1 column of numbers; the table has name (words), place (words)"),
        (b"x,y\n1,2\n3,4\n", (0, 1), 1, None),
        (b"x,y,when\n1,2,2024-01-02\n3,4,2024-01-03\n", (0, 2), None, "Line 2 has '2024-01-02' where a number should be"),
        (b"x,y\n1,\n,2\nNA,3\n", (0, 1), None, "Every row has a missing value in one of the columns chosen; choose others."),
        (b"x,name\n1,a\n2,b\n3,c\n", (0,), 1, "The column name has a different value in each row, so it cannot hold classes."),
    ],
)
def test_columns_that_will_not_do_are_named(
    content: bytes, axes: tuple[int, ...], label: int | None, words: str | None
) -> None:
    table = read_table(content)
    if words is None:
        assert table_points(table, axes, label).points.shape == (2, 2)
        return
    with pytest.raises(ValueError, match=re.escape(words)):
        table_points(table, axes, label)


def test_a_first_line_that_counts_columns_is_a_row_and_the_note_names_the_remedy() -> None:
    table = read_table(b"0,1,2\n3,4,5\n6,7,8\n")
    assert [column.values.tolist() for column in table.columns] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert table.notes[1:] == ("The first line is taken for a row of numbers; give the columns names if it is not.",)
    assert not table.named


@pytest.mark.parametrize("content", [b"a,b\n1.234,5.678\n", b"a\tb\n1.234\t5.678\n"])
def test_three_digits_after_a_point_are_decimals_unless_semicolons_are_between_columns(content: bytes) -> None:
    assert [column.values.tolist() for column in read_table(content).columns] == [[1.234], [5.678]]


def test_decimal_marks_that_nothing_decides_are_the_readers_to_say() -> None:
    content = b'a,b\n"1,234","2,500"\n'
    assert read_table(content, decimal="point").columns[0].values.tolist() == [1234.0]
    assert read_table(content, decimal="comma").columns[0].values.tolist() == [1.234]


@pytest.mark.parametrize(
    ("content", "axes", "label"),
    [
        (b"x,y,class\n1,2,1\n3,4,0\n5,6,1\n7,8,0\n", ["x", "y"], "class"),
        (b"x1,x2,y\n1,2,1\n3,4,0\n5,6,1\n7,8,0\n", ["x1", "x2"], "y"),
        (b"x,y\n1,2\n3,4\n", ["x", "y"], None),
        (b"1,2,0\n3,4,1\n5,6,0\n7,8,1\n", ["column 1", "column 2"], "column 3"),
        (b"1,2,0.5\n3,4,1\n5,6,0\n", ["column 1", "column 2", "column 3"], None),
        (b"id,a,b\n7,1,2\n9,3,4\n11,5,6\n", ["a", "b"], None),
        (b"date,a,b\n2024-05-01,1,2\n2024-05-02,3,4\n", ["a", "b"], None),
        (b"ok,a,b\nTRUE,1,2\nFALSE,3,4\nTRUE,5,6\nTRUE,7,8\n", ["a", "b"], "ok"),
        (b"name,a,b\nAda,1,2\nBob,3,4\nEve,5,6\n", ["a", "b"], None),
        (b"a,b,island,species\n1,2,north,x\n3,4,north,y\n5,6,south,x\n7,8,south,y\n", ["a", "b"], "species"),
        (b"a,a\n1,2\n3,4\n", ["a", "a (2)"], None),
        (b'"" "a" "b"\n"1" 5 6\n"2" 7 8\n', ["a", "b"], None),
        (b'"a" "b"\n"1" 5 6\n"2" 7 8\n"3" 7 9\n', ["a", "b"], None),
        (b"# a b\n1.5 2\n3 4\n", ["a", "b"], None),
        (b"species,2019,2020\nu,1.5,2\nv,3,4\nu,5,6\nv,7,8\n", ["2019", "2020"], "species"),
        (b"share,b\n12 %,1\n15 %,2\n", ["share (%)", "b"], None),
        (b"sample,a,b\n1,1.5,2\n2,3,4\n3,5,6\n", ["a", "b"], None),
        (b"t,a,b\n1,1.5,2\n2,3,4\n3,5,6\n", ["t", "a", "b"], None),
        (b"year,kind\n2019,a\n2020,b\n2021,a\n2022,b\n", ["year"], "kind"),
        (b"id,species\n7,u\n9,v\n11,u\n13,v\n", ["id"], "species"),
        (b"0,1,2\n3,4,5\n6,7.5,8\n", ["column 1", "column 2", "column 3"], None),
    ],
)
def test_columns_are_guessed(content: bytes, axes: list[str], label: str | None) -> None:
    table = read_table(content)
    guess = guess_columns(table)
    assert [table.names[place] for place in guess.axes] == axes
    assert (None if guess.label is None else table.names[guess.label]) == label


def test_counts_leave_out_what_is_no_group() -> None:
    table = read_table(b"site,when,red,blue\nnorth,2024-01-01,3,2\nsouth,2024-01-02,4,1\nnorth,2024-01-03,,1\n")
    assert [table.names[place] for place in guess_counts(table)] == ["red", "blue"]
    counts, lines, notes = table_counts(table, guess_counts(table))
    assert counts.tolist() == [[3, 2], [4, 1]]
    assert lines.tolist() == [2, 3]
    assert notes == ("1 row with missing values is left out (line 4).", "Not used: site, when.")


def test_standardised_columns_have_mean_zero_and_deviation_one() -> None:
    table = read_table(b"a,b\n1,1000\n2,3000\n4,2000\n")
    plain = table_points(table, [0, 1])
    assert scales_differ(plain.points)
    result = table_points(table, [0, 1], standardise=True)
    np.testing.assert_allclose(result.points.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(result.points.std(0), 1)
    assert not scales_differ(result.points)
    with pytest.raises(ValueError, match="The column a has one value only"):
        table_points(read_table(b"a,b\n1,1\n1,2\n"), [0, 1], standardise=True)


def test_the_largest_numbers_do_not_overflow() -> None:
    """Neither their sum nor the squares of their differences are finite."""
    cells = np.array([[1.0, 3.0], [-1.0, 5.0], [1.0, -3.0]])
    huge = cells * [1.7e308, 3e307]
    assert not scales_differ(huge)
    assert scales_differ(huge * [1.0, 1e-2])
    table = read_table("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in huge.tolist()))
    expected = (cells - cells.mean(0)) / cells.std(0)
    np.testing.assert_allclose(table_points(table, [0, 1], standardise=True).points, expected, rtol=1e-14)


def test_names_of_columns_that_there_are_not_are_listed() -> None:
    table = read_table(b"Width,height\n1,2\n")
    assert [table.find("width"), table.find("2")] == [0, 1]
    with pytest.raises(ValueError, match="There is no column 'depth'; there are Width, height"):
        table.find("depth")


def test_numbers_agree_with_pythons_in_either_locale() -> None:
    generator = np.random.default_rng(0)
    for value in (generator.normal(size=300) * 10 ** generator.uniform(-3, 6, 300)).round(3).tolist():
        english, german = f"{value:,.3f}", f"{value:,.3f}".translate(str.maketrans(",.", ".,"))
        assert read_number(english).point == value  # type: ignore[union-attr]
        assert read_number(german).comma == value  # type: ignore[union-attr]
    for cell in ("1,23,456", "12,34", "0,123", "1.234.5", "", "e5", "1_0", "٣", "0x1", "1e999"):
        assert (read_number(cell) or (None,))[0] is None, cell
