"""Plain English and complete docstrings: words, identifiers, arguments and shapes."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CHECKED = ["app.py", "hypergeo", "pages", "tests", "README.md"]
"""Modules and README files whose words and identifiers are checked; those under ``hypergeo/`` also for complete docstrings."""

FORBIDDEN_IDENTIFIERS = {"given", "found", "said", "told", "of", "apart"}

WORDS = {
    r"\blaws?\b": "distribution",
    r"\b(?:a|an|each|one|every|this|the|these|those|its|their|of|per|many|more|few|all|no|two|soft|hard|relaxed|exact|"
    r"single|\d+) draws?\b(?! without)": "sample",
    r"\bdrawn sizes\b": "sampled sizes",
    r"\bmerged rule\b": "merged conditionals",
    r"\btold apart\b|\bbe told from\b|\btells? apart\b": "significantly different from",
    r"\bis off by\b|\boff by\b|\bfar off\b|\baway from (?:the|its) (?:truth|exact)": "error, difference, bias",
    r"\bspreads?\b": "standard deviation, variance",
    r"\brooms?\b": "capacity",
    r"\bc(?:a|o)mes? to rest\b|\bat a word\b|\bin words\b": "after the last step, on request, as text",
    r"\blength of (?:the|a) gradient\b|\bgradient's length\b": "gradient norm",
    r"\b(?:the|its|their|learned|mixing|equal) shares\b": "mixing weights",
    r"\bequal sizes (?:prior|method)\b": "uniform prior",
    r"\bnats an? (?:point|pair|row|step)\b": "nats per point",
    r"\bby chance alone\b|\bas many exact samples\b": "sampling noise",
    r"\btake it with you\b": "Share and download",
    r"\bwho(?:ever|se)?\b(?<!whose)|\bwhoever\b": "a technical noun",
}
"""Left column of the word table of ``language.md`` as patterns, with the words to write instead."""

ANY_WORD = re.compile("|".join(WORDS), re.IGNORECASE)

ALLOWED = {
    r"law of (?:large numbers|total \w+)",
}
"""Places where a word of the left column is right."""

CODE = re.compile(r"``[\s\S]*?``|:\w+:`[^`]*`|^\s*(?:>>>|\.\.\.) .*$|^\s+\w+:(?= )", re.MULTILINE)
"""Code in a docstring, with the names that head its entries."""

MARKDOWN_CODE = re.compile(r"```[\s\S]*?```|<!--.*?-->|`[^`]*`|^ {4}.*$|^\|.*$", re.MULTILINE)
"""Code, comments and tables in a Markdown file."""

TENSOR = re.compile(r"\b(?:Tensor|ndarray|NDArray)\b")
SHAPE = re.compile(r"\bshapes?\b|``\([^`]*\)``|\bscalar\b|\b0-d\b|^ignored\b", re.IGNORECASE)


def files(suffix: str) -> list[Path]:
    """Returns the checked files with a suffix."""
    paths = [ROOT / name for name in CHECKED]
    return sorted(
        file for path in paths for file in (path.rglob(f"*{suffix}") if path.is_dir() else [path]) if file.suffix == suffix
    )


def prose(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yields the docstrings and comments of a module with their line numbers; comments only if a word to avoid follows a #."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, CODE.sub("", node.value.value)
    if any(forbidden_words(match) for match in re.findall("#.*", text)):  # perhaps within a string: tokenising is slow
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def forbidden_words(text: str) -> list[str]:
    """Returns the words of the left column in a text, each with the word to write instead."""
    flat = re.sub(r"\s+", " ", text)
    for allowed in ALLOWED:
        flat = re.sub(allowed, "", flat, flags=re.IGNORECASE)
    if not ANY_WORD.search(flat):
        return []
    return [
        f"{match.group(0)!r}: write {better}"
        for pattern, better in WORDS.items()
        for match in re.finditer(pattern, flat, re.IGNORECASE)
    ]


def forbidden_identifiers(tree: ast.AST) -> list[str]:
    """Returns the variables and parameters of a module whose names say nothing."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.id))
        elif isinstance(node, ast.arg):
            names.append((node.lineno, node.arg))
    return [f"line {line}: {name}" for line, name in names if name.strip("_") in FORBIDDEN_IDENTIFIERS]


def sections(docstring: str) -> dict[str, str]:
    """Returns the sections of a Google-style docstring by name; the summary and the description as ``""``."""
    parts = re.split(r"^(Args|Returns|Yields|Raises|Attributes|Examples?|References?|Note):\s*$", docstring, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> dict[str, str]:
    """Returns the entries ``name: text`` of a section, continuation lines included."""
    result: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if match := re.match(r" {4}(\*{0,2}\w+(?:, \w+)*)(?: \([^)]*\))?: (.*)$", line):
            name = match.group(1).lstrip("*")
            for each in name.split(", "):
                result[each] = match.group(2)
        elif name and line.strip():
            for each in name.split(", "):
                result[each] += " " + line.strip()
    return result


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, str | None]]:
    """Yields the public functions and methods of a module: qualified name, node and, for ``__init__``, the class docstring."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, None
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    yield f"{node.name}.__init__", method, ast.get_docstring(node) or ""
                elif isinstance(method, ast.FunctionDef) and (not method.name.startswith("_") or method.name == "__call__"):
                    yield f"{node.name}.{method.name}", method, None


def gaps(name: str, node: ast.FunctionDef, class_docstring: str | None) -> list[str]:
    """Returns what the docstring of a public function lacks: arguments, shapes, result, exceptions."""
    decorators = {ast.unparse(getattr(each, "func", each)).rpartition(".")[2] for each in node.decorator_list}
    if decorators & {"overload", "override", "setter"}:
        return []
    docstring = class_docstring if class_docstring is not None else ast.get_docstring(node) or ""
    parts = sections(docstring)
    documented = entries(parts.get("Args", ""))
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    arguments += [each for each in (node.args.vararg, node.args.kwarg) if each is not None]
    missing = []
    for argument in arguments:
        annotation = "" if argument.annotation is None else ast.unparse(argument.annotation)
        if argument.arg in {"self", "cls"} or argument.arg.startswith("_"):
            continue
        if argument.arg not in documented:
            missing.append(f"{name}: argument {argument.arg} is not documented")
        elif TENSOR.search(annotation) and "Callable" not in annotation and not SHAPE.search(documented[argument.arg]):
            missing.append(f"{name}: argument {argument.arg} has no shape")
    annotation = "" if node.returns is None else ast.unparse(node.returns)
    result = parts.get("Returns", parts.get("Yields", ""))
    is_property = bool(decorators & {"property", "lazy_property", "cached_property", "dependent_property"})
    returns = [each for each in ast.walk(node) if isinstance(each, ast.Return | ast.Yield) and each.value is not None]
    if not returns and "NotImplementedError" in parts.get("Raises", ""):
        return missing
    if class_docstring is None and TENSOR.search(annotation) and "Callable" not in annotation:
        if not SHAPE.search(parts[""] if is_property and not result else result):
            missing.append(f"{name}: the result has no shape")
    elif class_docstring is None and annotation not in {"", "None", "NoReturn", "Self"} and not is_property and not result:
        missing.append(f"{name}: the result is not documented")
    return missing


@pytest.fixture(scope="module")
def problems() -> dict[str, dict[str, list[str]]]:
    """Returns the forbidden words, the forbidden identifiers and the gaps of docstrings, each by file: each is parsed once."""
    words = {path: forbidden_words(MARKDOWN_CODE.sub("", path.read_text(encoding="utf-8"))) for path in files(".md")}
    identifiers, missing = {}, {}
    for path in files(".py"):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        words[path] = [f"line {line}: {word}" for line, part in prose(text, tree) for word in forbidden_words(part)]
        identifiers[path] = forbidden_identifiers(tree)
        if ROOT / "hypergeo" in path.parents:
            missing[path] = [gap for function in public_functions(tree) for gap in gaps(*function)]
    results = {"words": words, "identifiers": identifiers, "gaps": missing}
    assert all(len(by_file) > 150 for by_file in results.values())
    return {
        kind: {path.relative_to(ROOT).as_posix(): lines for path, lines in by_file.items() if lines}
        for kind, by_file in results.items()
    }


def test_prose_has_no_word_of_the_left_column(problems):
    assert problems["words"] == {}


def test_identifiers_are_nouns(problems):
    assert problems["identifiers"] == {}


def test_public_functions_document_arguments_and_shapes(problems):
    assert problems["gaps"] == {}


def test_comments_are_prose_and_strings_are_not():
    for comment, line in (("x = '# a law'", None), ("x = 1  # a law", 1), ("x = 1\n# a law", 2), ('"""A law."""', 1)):
        assert [number for number, text in prose(comment, ast.parse(comment)) if forbidden_words(text)] == (
            [line] if line else []
        )


def test_gaps_are_seen():
    source = '''
def scale(values: Tensor, factor: float) -> Tensor:
    """Scales values.

    Args:
        values: numbers to scale.
    """
    found = values * factor
    return found
'''
    tree = ast.parse(source)
    (function,) = public_functions(tree)
    assert gaps(*function) == [
        "scale: argument values has no shape",
        "scale: argument factor is not documented",
        "scale: the result has no shape",
    ]
    assert forbidden_identifiers(tree) == ["line 8: found"]
    assert forbidden_words("The spread\nof a draw of Fisher's law") == [
        "'law': write distribution",
        "'a draw': write sample",
        "'spread': write standard deviation, variance",
    ]
    assert forbidden_words("law of total variance; elements drawn from the urn") == []
