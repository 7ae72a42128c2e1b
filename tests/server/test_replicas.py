"""Several replicas of the app: the same numbers on each, and readers of one that dies under load continue on another."""

from __future__ import annotations

import asyncio
import time

import pytest

from hypergeo.__main__ import main
from hypergeo.commands.nginx import nginx_site
from tests.support.app.reader import Reader, shown
from tests.support.app.replicas import COOKIE, check, front, require_nginx
from tests.support.app.tab import Tab, run
from tests.support.waiting import wait_until

READERS = [("convergence", f"conv_seed={seed}") for seed in (11, 12)] + [("urn", f"urn_seed={seed}") for seed in (13, 14)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    require_nginx()
    with front(tmp_path_factory.mktemp("front")) as running:
        yield running


@pytest.mark.slow
def test_a_server_that_has_just_begun_takes_a_crowd(site):
    """The first pages never see a half-imported module: without that precaution one run in three fails."""

    async def opened(page: str, port: int) -> list[str]:
        async with Tab(f"http://127.0.0.1:{port}") as tab:
            await tab.open(page, seconds=90)
            assert tab.elements
            return tab.problems

    async def crowd() -> list[list[str]]:
        pages = ["", "urn", "convergence", "gradients"] * 2
        return await asyncio.gather(*map(opened, pages, site.ports * 4))

    assert run(crowd()) == [[]] * 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("urn", "urn_seed=7&urn_step=300&urn_law=Wallenius"),
        ("convergence", "conv_seed=7&conv_conditionals=merged"),
        ("gradients", "grad_seed=7&grad_step=25"),
        ("cluster_sizes", "clu_seed=7&clu_step=12"),
        ("shared_factors", "fac_seed=7&fac_step=4"),
    ],
)
def test_every_replica_shows_the_same_numbers(site, page, query):
    """Byte by byte, figures included, in two processes that torch gives different numbers of threads."""

    async def seen(port: int, query: str) -> dict[tuple[int, ...], bytes]:
        async with Tab(f"http://127.0.0.1:{port}") as tab:
            await tab.open(page, query)
            assert tab.problems == []
            return shown(tab)

    one, other = site.ports
    pages = [run(seen(one, query)), run(seen(other, query))]
    different = run(seen(one, query.replace("seed=7", "seed=8")))
    assert len(pages[0]) > 20
    assert pages[0] == pages[1]
    assert pages[0] != different


@pytest.mark.slow
def test_a_replica_that_dies_under_load_is_not_missed(site):
    """Half of the readers use it; within ten seconds they see the same page again, on the other replica."""
    readers = [Reader(site, page, query) for page, query in READERS]
    for reader in readers:
        reader.start()
        wait_until(lambda reader=reader: reader.cookies or reader.wrongs, "an answer")
    wait_until(lambda: all(reader.runs >= 2 or reader.wrongs for reader in readers), "every page to be seen twice")
    homes = [reader.replica for reader in readers]
    assert sorted(homes) == [1, 1, 2, 2]
    site.kill(1)
    killed = time.monotonic()
    moved = [reader for reader, home in zip(readers, homes, strict=True) if home == 1]
    stayed = [reader for reader, home in zip(readers, homes, strict=True) if home == 2]
    wait_until(lambda: all(reader.back or reader.wrongs for reader in moved), "the readers to be back")
    before = [reader.runs for reader in readers]
    wait_until(lambda: all(r.runs > b or r.wrongs for r, b in zip(readers, before, strict=True)), "all to go on")
    site.start(1)
    site.wait_for(1)
    newcomer: dict[str, str] = {}

    def invited() -> bool:
        newcomer.clear()
        return site.ask("/", newcomer) == 200 and newcomer[COOKIE] == "1"

    wait_until(invited, "new readers to be sent to the replica that is back", 20)
    for reader in readers:
        reader.stopped.set()
        reader.join(60)
    assert [reader.wrongs for reader in readers] == [[]] * 4
    assert [len(reader.lost) for reader in stayed] == [0, 0]
    assert [len(reader.lost) for reader in moved] == [1, 1]
    assert max(reader.back[0] - killed for reader in moved) < 10
    assert {reader.replica for reader in readers} == {2}


@pytest.mark.parametrize(
    ("replicas", "settings"),
    [
        (["127.0.0.1:8501"], {}),
        (["127.0.0.1:8501", "[::1]:8502"], {"name": "hypergeo.example.org", "listen": "127.0.0.1:18080"}),
        ([f"10.0.0.{place}:8501" for place in range(1, 65)], {"listen": "18080"}),
    ],
)
def test_nginx_accepts_what_is_written(tmp_path, replicas, settings):
    require_nginx()
    (tmp_path / "hypergeo.conf").write_text(nginx_site(replicas, **{"listen": "18080", **settings}))
    assert check(tmp_path) == ""


def test_plain_readers_are_sent_to_the_encrypted_site():
    site = nginx_site(["127.0.0.1:8501"], name="a.example.org", certificate="/c.crt", key="/c.key")
    assert "listen 80;\n    server_name a.example.org;\n    return 301 https://$host$request_uri;" in site
    assert "listen 443 ssl;" in site
    assert "SameSite=Lax; Secure'" in site
    assert "return 301" not in nginx_site(["127.0.0.1:8501"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--replicas", "hypergeo:8501"],
            "replicas must be IP addresses and ports, such as 127.0.0.1:8501; got 'hypergeo:8501'",
        ),
        (["--replicas", "127.0.0.1:99999"], "got '127.0.0.1:99999'"),
        (["--replicas", "127.0.0.1:1,127.0.0.1:1"], "1 to 64 different places"),
        (["--replicas", ","], "got none"),
        (["--name", "a; return 301 http://b"], "name must be without blanks, quotes and semicolons"),
        (["--certificate", "/etc/c.crt"], "certificate and key go together"),
        (["--listen", "https"], "listen must be a port"),
    ],
)
def test_errors_of_the_command_are_for_people(arguments, words, capsys):
    assert main(["nginx", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert shown.err.count("\n") == 1


def test_the_command_writes_the_site(capsys):
    assert main(["nginx", "--replicas", "127.0.0.1:1, 127.0.0.1:2", "--listen", "8080"]) == 0
    assert capsys.readouterr().out == nginx_site(["127.0.0.1:1", "127.0.0.1:2"], listen="8080")
