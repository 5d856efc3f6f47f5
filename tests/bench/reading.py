"""`make bench ARGS="--reading"`: how long a member waits for a page of a PDF of 100 pages, over HTTP.

Cold: nobody has looked at this document yet. Warm: somebody has. Both are the document's page and its picture together,
with the reader's name on it, as for a paper that may be looked at only. The goals are portal.md's.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from tests.portal.portalclient import PortalClient
from tests.rendering import documents
from tests.running import RunningServer, command, install, start

PAGES, DOCUMENTS = 100, 7
WARM, COLD = 500, 2000
"""Milliseconds that the design allows."""


class Cost(NamedTuple):
    """One kind of look."""

    what: str
    milliseconds: float
    most: float
    """The longest."""
    goal: float


def look(reader: PortalClient, address: str, page: int = 1) -> float:
    """Milliseconds until the page and its picture are there."""
    started = time.perf_counter()
    for path in (f"{address}?seite={page}", f"{address}/seite/{page}"):
        answer = reader.get(path)
        assert answer.status == 200, (path, answer.status)
    return (time.perf_counter() - started) * 1000


def measured(server: RunningServer) -> list[Cost]:
    with server.client("clara", "/dav/ba05/gelesen") as clerk:
        clerk.mkcol("")
        for number in range(DOCUMENTS):
            assert clerk.put(f"/{number}.pdf", documents.pdf(PAGES, f"Vorlage {number}, Seite {{}}")).status == 201
    command("label", "ba05/gelesen", "--class", "non_public", data=server.data)
    reader = PortalClient(server.url)
    reader.sign_in("otto")
    addresses = [str(each) for each in reader.open("/pfad/ba05/gelesen").tree.xpath("//a[@class='name']/@href")]
    assert len(addresses) == DOCUMENTS
    found = {
        "first page, cold": ([look(reader, address) for address in addresses], COLD),
        "first page, warm": ([look(reader, address) for address in addresses], WARM),
        "page 50, cold": ([look(reader, address, 50) for address in addresses], COLD),
        "page 51, drawn ahead": ([look(reader, address, 51) for address in addresses], WARM),
    }
    return [Cost(what, statistics.median(times), max(times), goal) for what, (times, goal) in found.items()]


def run(work: Path) -> list[Cost]:
    """On an installation of its own."""
    work.mkdir()
    with start(install(work)) as server:
        return measured(server)


def table(costs: list[Cost]) -> str:
    lines = [f"{'a PDF of 100 pages':30} {'ms':>8} {'longest':>8} {'goal':>8}"]
    lines += [f"{cost.what:30} {cost.milliseconds:8.0f} {cost.most:8.0f} {cost.goal:8.0f}" for cost in costs]
    return "\n".join(lines)
