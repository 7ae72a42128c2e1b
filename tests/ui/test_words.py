"""Texts of the pages: presets name values that controls have, the glossary has every term, percentages look alike."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypergeo.figures.core.words import thin
from hypergeo.ui.catalogue import PAGES
from hypergeo.ui.glossary import GLOSSARY
from hypergeo.ui.state.page_state import PageState
from tests.support.app import pages

ROOT = Path(__file__).parents[2]
LESSONS = {
    "urn": "hypergeo.ui.urn.lesson",
    "convergence": "hypergeo.ui.convergence.lesson",
    "gradients": "hypergeo.ui.gradients.lesson",
    "quality": "hypergeo.ui.quality.lesson",
    "cluster_sizes": "hypergeo.ui.clusters.lesson",
    "shared_factors": "hypergeo.ui.shared_factors.lesson",
}
# Terms, as in the texts, that a reader with knowledge of softmax and gradient descent may have to look up.
TERMS = """
AdaVAE | Adam | adjusted Rand index | backpropag | baseline | bias | Bonferroni | capacity | collapse | confidence interval
| control variate | conditional | coupling | covariance | entropic | exponential family | G-test | gradient estimator
| gradient norm | Gumbel-softmax | Gumbel noise | Holm | k-means | KL term | KL divergence | Kolmogorov | latent | learning rate
| marginal | maximum[ -]likelihood | merged conditionals | mixture weights | mode | nats | optimal transport | p-value
| pathwise | posterior | principal components | prior | relaxed | root mean squared error | sampling error | score function
| significant | standard deviation | standard error | straight-through | temperature | total variation | traversal | variance
| variational autoencoder | Wallenius | warm-up | Wasserstein | weight | β
"""
WORDS = [word.strip() for word in TERMS.replace("\n", " ").split("|") if word.strip()]
NO_TERMS = {
    "AT",
    "CSV",
    "HTML",
    "JSON",
    "PNG",
    "URL",
    "UTF",
    "MB",
    "OK",
    "ID",
    "POSITION",
    "SD",
    "PDF",
    "ZIP",
    "FFFFFF",
    "ICLR",
    "ICML",
    "JMLR",
    "MLP",
}
"""Capitals that are no terms: formats, journals, names in code."""


def shown_texts() -> Iterator[tuple[str, str]]:
    """Yields the string literals that pages can show, with their files; docstrings are left out."""
    files = [*(ROOT / "pages").glob("*.py"), *(ROOT / "hypergeo/ui").rglob("*.py"), *(ROOT / "hypergeo/figures").rglob("*.py")]
    for path in files:
        if path.parent.name == "glossary" or path.name in ("server.py", "limits.py", "assets.py", "snippet.py", "scheduler.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        named = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documented | named:
                continue
            if " " in node.value:
                yield str(path.relative_to(ROOT)), node.value


def explained() -> str:
    """Returns the names of the glossary's terms and their meanings, as one text."""
    return "\n".join(f"{term.name}. {term.meaning}" for terms in GLOSSARY.values() for term in terms)


def missing_terms(texts: list[str], glossary: str) -> set[str]:
    """Returns the terms and abbreviations that texts use and a glossary lacks."""
    used = "\n".join(texts)
    wanted = {word for word in WORDS if re.search(rf"\b{word}", used, re.IGNORECASE)}
    wanted |= set(re.findall(r"\b[A-Z]{2,}\b", re.sub(r"\$[^$]*\$", "", used))) - NO_TERMS
    return {word for word in wanted if not re.search(rf"\b{word}", glossary, re.IGNORECASE)}


def test_the_glossary_has_every_term_that_a_page_uses():
    texts = [text for _, text in shown_texts()]
    assert sum(bool(re.search(rf"\b{word}", "\n".join(texts), re.IGNORECASE)) for word in WORDS) > 45, "texts are not found"
    assert missing_terms(texts, explained()) == set()
    assert {"Holm", "XYZ"} <= missing_terms([*texts, "Holm's XYZ"], explained().replace("Holm", ""))


def test_every_term_has_a_definition_and_a_page_that_exists():
    paths = {entry.path for entry in PAGES}
    for terms in GLOSSARY.values():
        for term in terms:
            assert len(term.meaning) > 20
            assert term.meaning.endswith("."), term.name
            assert not term.page or term.page in paths


@pytest.mark.parametrize("name", LESSONS)
def test_presets_and_stops_name_values_that_controls_have(name, monkeypatch):
    """A value that no control has would be silently replaced by another one."""
    kept: list[PageState] = []
    start = PageState.start
    monkeypatch.setattr(PageState, "start", lambda state, stops=(): (kept.append(state), start(state, stops))[1])
    assert not pages.page(name).exception
    (state,) = {id(state): state for state in kept}.values()
    lesson = importlib.import_module(LESSONS[name])
    stops = getattr(lesson, "TOUR", [])
    assert lesson.PRESETS
    for named in [*lesson.PRESETS, *stops]:
        assert foreign(state, named.values) == {}, getattr(named, "label", getattr(named, "title", ""))
    assert foreign(state, {next(iter(state.controls)): "no such value"})


def foreign(state: PageState, values: dict[str, object]) -> dict[str, object]:
    """Returns the values that the page's controls do not have."""
    wrong = {}
    for name, value in values.items():
        control = state.controls.get(name)
        try:
            if control is None or control.read(control.write(value)) != value:
                wrong[name] = value
        except (ValueError, TypeError):
            wrong[name] = value
    return wrong


def test_percentages_have_one_look():
    for where, text in shown_texts():
        assert not re.search(r"\d%(?![0-9a-zA-Z])", text), f"{where}: {text}"
    assert thin("46 %, %{y:.1f} %") == "46\u202f%, %{y:.1f}\u202f%"
