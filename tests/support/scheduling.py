"""How processes share out the tests: all but one are at a browser, as long as there are tests of both kinds."""

from __future__ import annotations

import re

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

__all__ = ["PageScheduling"]

_BROWSER = "tests/browser/"
_OF_A_PAGE = re.compile(rf"{_BROWSER}.*\[(/[a-z_]*)[-\]]")


class PageScheduling(LoadFileScheduling):
    """Files go to processes whole; tests that take a page as their parameter go with all others of that page.

    Half of the time of a browser's tests is waiting, so that two browsers and a third process keep two cores busy. A third
    browser would slow the others down.
    """

    def _split_scope(self, nodeid: str) -> str:
        result = _OF_A_PAGE.match(nodeid)
        return super()._split_scope(nodeid) if result is None else f"{_BROWSER}{result[1]}"

    def _assign_work_unit(self, node: WorkerController) -> None:
        elsewhere = [units for other, units in self.assigned_work.items() if other is not node]
        browsing = sum(
            any(scope.startswith(_BROWSER) and not all(done.values()) for scope, done in units.items()) for units in elsewhere
        )
        browses = browsing < max(1, len(elsewhere))
        wanted = next((scope for scope in self.workqueue if scope.startswith(_BROWSER) is browses), None)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
        super()._assign_work_unit(node)
