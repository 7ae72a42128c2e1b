"""A tab of a real browser outlives its replica of the app: the page reappears unchanged and answers."""

from __future__ import annotations

import time

from tests.support.app.reader import Reader
from tests.support.app.replicas import COOKIE, front, require_nginx
from tests.support.app.server import FLAGS
from tests.support.waiting import wait_until

from .conftest import Visit

PAGE = "/convergence?conv_seed=23&conv_conditionals=merged"
# All numbers of all figures, as the browser has them.
NUMBERS = """() => JSON.stringify([...document.querySelectorAll('.js-plotly-plot')].map(
  plot => [plot.data, plot.layout.sliders?.map(slider => slider.active)]))"""
CONNECTED = "() => document.querySelector('[data-testid=stApp]')?.dataset.testConnectionState === 'CONNECTED'"


def test_a_tab_outlives_its_replica(chromium, playwright, tmp_path):
    require_nginx()
    with front(tmp_path) as site:
        # Where a context alone is to ignore that nobody vouches for the certificate, each request is made again for each
        # connection, and on a busy machine one of a page's hundred is given up.
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, "--ignore-certificate-errors"])
        context = browser.new_context(reduced_motion="no-preference")
        readers = [Reader(site, "urn", f"urn_seed={seed}") for seed in (1, 2)]
        try:
            opened = Visit.start(context.new_page(), site.address + PAGE)
            assert opened.wrongs == []
            for reader in readers:
                reader.start()
            wait_until(lambda: all(reader.runs >= 2 or reader.wrongs for reader in readers), "other readers")

            def home() -> int:
                return next(int(cookie["value"]) for cookie in context.cookies() if cookie["name"] == COOKIE)

            before, words, address, numbers = home(), opened.text(), opened.address(), opened.page.evaluate(NUMBERS)
            assert "conv_seed=23" in address
            site.kill(before)
            killed = time.monotonic()
            opened.wait_for(lambda: home() != before and opened.page.evaluate(CONNECTED), "another replica", 30)
            opened.settle()
            assert time.monotonic() - killed < 10
            assert (opened.text(), opened.address(), opened.page.evaluate(NUMBERS)) == (words, address, numbers)
            answers = opened.answers
            opened.page.get_by_role("spinbutton", name="Seed").fill("24")
            opened.page.keyboard.press("Enter")
            opened.wait_for(lambda: opened.answers > answers and "conv_seed=24" in opened.address(), "an answer")
            opened.settle()
            assert opened.page.evaluate(NUMBERS) != numbers
        finally:
            for reader in readers:
                reader.stopped.set()
            browser.close()
        for reader in readers:
            reader.join(60)
        assert [reader.wrongs for reader in readers] == [[], []]
