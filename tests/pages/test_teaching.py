"""The notes for teachers: every link opens the stop that it names, every answer is the computed one; code runs as doctests."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from hypergeo import ui
from hypergeo.ui.page.course import chapters
from tests.support.app.pages import go, page, prediction, stage
from tests.support.app.quality import done

TEXT = (Path(ui.__file__).parent / "TEACHING.md").read_text(encoding="utf-8")
LINE = re.compile(
    r"^- \[(?P<title>[^]]+)\]\((?P<link>/[^)]+)\)"
    r"(?:: question \(\[for the class\]\((?P<hidden>[^)]+)\), \[answer\]\((?P<shown>[^)]+)\)\): \*\*(?P<answer>[^*]+)\*\*)?$",
    re.MULTILINE,
)
LINES = list(LINE.finditer(TEXT))


def target(link: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(link)
    return parts.path.removeprefix("/"), dict(parse_qsl(parts.query))


def opened(app: AppTest, link: str) -> AppTest:
    name, address = target(link)
    app = done(page(name, **address)) if name == "quality" else go(app, **address)
    assert not app.exception, f"{link}: {app.exception[0].message}"
    assert not app.warning, f"{link}: {app.warning[0].value}"
    return app


def test_every_link_is_one_of_a_stop_and_every_stop_has_one():
    links = re.findall(r"\]\((/[^)]*)\)", TEXT)
    assert links == [link for line in LINES for link in line.group("link", "hidden", "shown") if link]
    stops = [(chapter, number) for chapter in chapters() for number in range(chapter.first, chapter.last + 1)]
    titles = [chapter.stops[number - 1].title for chapter, number in stops]
    assert [line["title"] for line in LINES] == titles
    headings = re.findall(r"^## \d+\. (.*)$", TEXT, re.MULTILINE)
    assert headings == [chapter.title for chapter in chapters()]
    for (chapter, number), line in zip(stops, LINES, strict=True):
        assert (line["answer"] is not None) == (chapter.stops[number - 1].prediction is not None), line["title"]


@pytest.mark.parametrize("name", list(dict.fromkeys(target(line["link"])[0] for line in LINES)))
def test_the_links_of_a_page_show_their_stops_and_answers(name):
    app = page(name)
    for line in [line for line in LINES if target(line["link"])[0] == name]:
        app = opened(app, line["link"])
        words = app.markdown[0].value
        assert f" of {len(next(each for each in chapters() if name in each.page.path).stops)}. {line['title']}." in words
        shown = [each for each in app.get("bidi_component") if each.proto.component_name == "hypergeo_stage"]
        assert shown, "stage mode has a stage"
        assert stage(app)["staged"]
        if line["answer"] is None:
            continue
        app = opened(app, line["hidden"])
        assert prediction(app)["locked"]
        assert "truth" not in prediction(app)
        app = opened(app, line["shown"])
        assert f"**{line['answer']}**" in prediction(app)["sentence"]
