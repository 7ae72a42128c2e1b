"""The course: from Home, *Start here* leads to the first chapter. *Next* leads to the others: tours/checks.py."""

from __future__ import annotations

from pathlib import Path

from hypergeo.ui.catalogue import PAGES
from hypergeo.ui.page.course import chapters, link_query
from tests.support.app.pages import page, stage

from .tours import test_cluster_sizes, test_gradients, test_quality, test_samples, test_shared_factors, test_urn
from .tours.checks import TourChecks, address

ORDER = [
    *("Urn", "Counts have no gradient", "One sample, step by step", "Convergence", "Gradients", "Which estimator?"),
    *("Partitions", "Cluster sizes", "Shared factors", "Quality"),
]


def test_the_chapters_are_the_tours_of_the_pages_in_order():
    titles = [chapter.title for chapter in chapters()]
    assert titles == [title for title in ORDER if title in titles]
    assert len(titles) >= len(ORDER) - 1, "all pages of the course but one sample have been there for long"
    for before, chapter in zip(chapters(), chapters()[1:], strict=False):
        same = before.stops is chapter.stops
        assert chapter.first == (before.last + 1 if same else 1)
        assert same or before.last == len(before.stops)
    assert chapters()[-1].last == len(chapters()[-1].stops)


def test_every_page_has_its_tour_checked():
    files = (test_cluster_sizes, test_gradients, test_quality, test_samples, test_shared_factors, test_urn)
    checked = [
        each.name
        for file in files
        for each in vars(file).values()
        if isinstance(each, type) and each is not TourChecks and issubclass(each, TourChecks)
    ]
    assert sorted(checked) == sorted({Path(entry.path).stem for entry in PAGES} - {"glossary"})


def test_start_here_opens_the_first_stop():
    app = page("home")
    app.button(key="_course_start").click().run()
    assert address(app) == link_query(chapters()[0], 1)


def test_a_page_by_itself_is_no_part_of_the_course():
    alone = page("urn", urn_tour="2")
    assert not [each for each in alone.get("html") if "<progress" in each.proto.body]
    last = page("urn", urn_tour=str(len(chapters()[0].stops)))
    assert not [button for button in last.button if str(button.key).endswith("_tour_Next")]
    assert stage(last)["tour"]["number"] == len(chapters()[0].stops)
