"""How processes share out the tests: one is at a browser and the others at everything else, as long as there is both."""

from __future__ import annotations

import re

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

__all__ = ["PageScheduling"]

_BROWSER = "tests/browser/"
_OF_A_PAGE = re.compile(rf"{_BROWSER}.*\[(/[a-z_]*)[-\]]")


class PageScheduling(LoadFileScheduling):
    """Files go to processes whole; tests that take a page as their parameter go with all others of that page.

    A browser and the app that it visits keep two cores busy: two browsers at a time would get in each other's way.
    """

    def _split_scope(self, nodeid: str) -> str:
        result = _OF_A_PAGE.match(nodeid)
        return super()._split_scope(nodeid) if result is None else f"{_BROWSER}{result[1]}"

    def _assign_work_unit(self, node: WorkerController) -> None:
        elsewhere = [unit for other, units in self.assigned_work.items() if other is not node for unit in units.items()]
        browsing = any(scope.startswith(_BROWSER) and not all(done.values()) for scope, done in elsewhere)
        wanted = next((scope for scope in self.workqueue if scope.startswith(_BROWSER) is not browsing), None)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
        super()._assign_work_unit(node)
