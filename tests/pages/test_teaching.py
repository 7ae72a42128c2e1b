"""The notes for teachers link to every stop; tours/checks.py follows the links. Code runs as doctests."""

from __future__ import annotations

import re

from hypergeo.ui.page.course import chapters

from .tours.checks import TEACHING, TEACHING_LINES


def test_every_link_is_one_of_a_stop_and_every_stop_has_one():
    links = re.findall(r"\]\((/[^)]*)\)", TEACHING)
    assert links == [link for line in TEACHING_LINES for link in line.group("link", "hidden", "shown") if link]
    stops = [(chapter, number) for chapter in chapters() for number in range(chapter.first, chapter.last + 1)]
    titles = [chapter.stops[number - 1].title for chapter, number in stops]
    assert [line["title"] for line in TEACHING_LINES] == titles
    headings = re.findall(r"^## \d+\. (.*)$", TEACHING, re.MULTILINE)
    assert headings == [chapter.title for chapter in chapters()]
    for (chapter, number), line in zip(stops, TEACHING_LINES, strict=True):
        assert (line["answer"] is not None) == (chapter.stops[number - 1].prediction is not None), line["title"]
