"""How processes share out the tests: one is at the browser and the others at everything else, as long as there is both."""

from __future__ import annotations

import re

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

__all__ = ["PageScheduling"]

_BROWSER = "tests/browser/"
_OF_A_PAGE = re.compile(rf"{_BROWSER}.*\[(/[a-z_]*)[-\]]")


class PageScheduling(LoadFileScheduling):
    """Files go to processes whole; tests that take a page as their parameter go with all others of that page.

    A browser and the app that it visits keep two cores busy and are slow to start: one process has them for all pages.
    The others take what is left for the browser only at the end.
    """

    _browsing: WorkerController | None = None

    def _split_scope(self, nodeid: str) -> str:
        result = _OF_A_PAGE.match(nodeid)
        return super()._split_scope(nodeid) if result is None else f"{_BROWSER}{result[1]}"

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self._browsing not in self.nodes:
            self._browsing = node
        wanted = next((scope for scope in self.workqueue if scope.startswith(_BROWSER) is (node is self._browsing)), None)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
        super()._assign_work_unit(node)
