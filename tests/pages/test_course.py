"""The course: from Home, *Start here* and *Next* lead through every chapter in order, and the address has the current stop."""

from __future__ import annotations

import re
from pathlib import Path

from streamlit.testing.v1 import AppTest

from hypergeo.ui.page.course import chapters, link_query
from tests.support.app.pages import page, stage

ORDER = [
    *("Urn", "Counts have no gradient", "One sample, opened", "Convergence", "Gradients", "Which estimator?"),
    *("Partitions", "Cluster sizes", "Shared factors", "Quality"),
]


def name(chapter) -> str:
    return Path(chapter.page.path).stem


def bar(app: AppTest) -> tuple[str, int, int]:
    """Returns the text of the course's bar, the number of stops done and that of all stops."""
    (text,) = [each.proto.body for each in app.get("html") if "<progress" in each.proto.body]
    return re.findall(r"<span>(.*)</span>", text)[0], *(int(each) for each in re.findall(r'(?:value|max)="(\d+)"', text))


def address(app: AppTest) -> dict[str, str]:
    return {key: value[0] if isinstance(value, list) else value for key, value in dict(app.query_params).items()}


def test_the_chapters_are_the_tours_of_the_pages_in_order():
    titles = [chapter.title for chapter in chapters()]
    assert titles == [title for title in ORDER if title in titles]
    assert len(titles) >= len(ORDER) - 1, "all pages of the course but one sample have been there for long"
    for before, chapter in zip(chapters(), chapters()[1:], strict=False):
        same = before.stops is chapter.stops
        assert chapter.first == (before.last + 1 if same else 1)
        assert same or before.last == len(before.stops)
    assert chapters()[-1].last == len(chapters()[-1].stops)


def test_start_here_opens_the_first_stop():
    app = page("home")
    app.button(key="_course_start").click().run()
    assert address(app) == link_query(chapters()[0], 1)


def test_next_leads_from_each_chapter_to_the_next_one_and_the_bar_grows():
    """Pages are opened at the last stop of each chapter; on the way, tests of the tours press every button."""
    done = 0
    for number, (chapter, after) in enumerate(zip(chapters(), [*chapters()[1:], None], strict=True), 1):
        app = page(name(chapter), **link_query(chapter, chapter.last), answers="hidden")
        assert not app.exception, app.exception[0].message
        done += chapter.last - chapter.first + 1
        words, value, most = bar(app)
        assert words == f"Chapter {number} of {len(chapters())}: {chapter.title}"
        assert value == done
        keys = [button.key for button in app.button if str(button.key).endswith("_tour_Next")]
        if after is None:
            assert (done, keys) == (most, [])
            return
        assert app.button(key=keys[0]).label == "Next chapter"
        app.button(key=keys[0]).click().run()
        assert address(app) == {**link_query(after, after.first), "answers": "hidden"}


def test_a_page_by_itself_is_no_part_of_the_course():
    alone = page("urn", urn_tour="2")
    assert not [each for each in alone.get("html") if "<progress" in each.proto.body]
    last = page("urn", urn_tour=str(len(chapters()[0].stops)))
    assert not [button for button in last.button if str(button.key).endswith("_tour_Next")]
    assert stage(last)["tour"]["number"] == len(chapters()[0].stops)
