"""Handles: parts of a figure that are dragged or pressed change controls, by pointer and by keyboard, and commit on release."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator

from .conftest import NARROW, WIDE, Visit

MARK = "() => document.querySelector('.hg-plot .scatterlayer .trace:last-child path.point').getBoundingClientRect().toJSON()"


def middle(box: dict[str, float]) -> tuple[float, float]:
    """Returns the centre of a box, in pixels."""
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def handle(opened: Visit, name: str) -> Locator:
    """Returns the handle with a name."""
    return opened.page.locator(f'.hg-handles [data-name="{name}"]')


def drag(opened: Visit, grip: Locator, across: float, down: float, while_held: Callable[[], None] = lambda: None) -> None:
    """Moves a handle by some pixels and releases it.

    Args:
        opened: the visit.
        grip: the handle.
        across: distance to the right, in pixels.
        down: distance downwards, in pixels.
        while_held: function that is called before the release.
    """
    grip.evaluate("element => element.scrollIntoView({block: 'center'})")
    x, y = middle(grip.bounding_box())
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x + across / 2, y + down / 2)
    opened.page.mouse.move(x + across, y + down)
    while_held()
    opened.page.mouse.up()
    opened.settle()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_target_is_dragged(visit, size):
    opened = visit("/gradients?grad_step=3", size=size)
    grip = handle(opened, "target")
    before = opened.address()

    def held() -> None:
        opened.wait_for(lambda: "7.00, 4.00, 1.00" not in grip.get_attribute("aria-label"), "the figure to follow the hand")
        assert opened.address() == before, "the address changes before the hand lets go"

    for mark, own in zip(middle(opened.page.evaluate(MARK)), middle(grip.bounding_box()), strict=True):
        assert mark == pytest.approx(own, abs=2), "the handle is not on its mark"
    drag(opened, grip, 40, -60, held)
    label = grip.get_attribute("aria-label")
    assert "7.00, 4.00, 1.00" not in label
    assert "grad_t1" in opened.address()
    assert "grad_step" not in opened.address(), "another loss starts the descent anew"
    for mark, own in zip(middle(opened.page.evaluate(MARK)), middle(grip.bounding_box()), strict=True):
        assert mark == pytest.approx(own, abs=2), "the mark does not follow"
    grip.focus()
    opened.page.keyboard.press("ArrowLeft")
    opened.wait_for(lambda: grip.get_attribute("aria-label") != label, "the arrow key")
    opened.settle()


def test_an_entry_of_the_heat_map_raises_its_weight(visit):
    opened = visit("/urn")
    area = handle(opened, "w3")
    area.evaluate("element => element.scrollIntoView({block: 'center'})")
    x, y = middle(area.bounding_box())
    opened.page.mouse.click(x, y)
    opened.wait_for(lambda: "urn_w3=5" in opened.address(), "the weight")
    opened.settle()
    area.focus()
    opened.page.keyboard.press("ArrowDown")
    opened.wait_for(lambda: "urn_w3" not in opened.address(), "the weight as it was")
    opened.page.keyboard.press("Enter")
    opened.wait_for(lambda: "urn_w3=5" in opened.address(), "the weight once more")
    opened.settle()
    assert opened.slider("Weight w₃").get_attribute("aria-valuetext") == "5"


def test_the_outline_of_a_cluster_is_dragged(visit):
    opened = visit("/cluster_sizes")
    grip = handle(opened, "size0")
    label = grip.get_attribute("aria-label")
    assert "213 points" in label
    drag(opened, grip, 0, 40)
    assert "213 points" not in handle(opened, "size0").get_attribute("aria-label")
    assert "clu_sizes=" in opened.address()
    small = handle(opened, "size3")
    small.focus()
    opened.page.keyboard.press("Shift+ArrowUp")
    opened.settle()
    sizes = [int(size) for size in opened.address().split("clu_sizes=")[1].split("&")[0].split("-")]
    assert sum(sizes) == 400
    assert sizes[3] > 27
