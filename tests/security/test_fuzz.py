"""Whatever is asked, out of the whole grammar: an answer, and never that the server failed (security.md S-03).

20,000 requests (5,000 without SOAK=1) over more than 14 methods and all fields that anything reads. No 5xx but those
that a rule of WebDAV gives, nothing hangs; afterwards memory, descriptors and threads are what they were, and the drive
works.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from acl.privileges import Rights
from davserver.house import House
from davserver.tree.sharing import LinkWish
from shareproviders.paths import SharePath
from tests.clients.test_litmus import all_of_litmus
from tests.dav.doors import door, opened
from tests.davclient import DavClient
from tests.process import held
from tests.running import RunningServer, copied, start
from tests.security.credentials import basic
from tests.security.grammar import METHODS, request
from tests.serving.raw import Line, eventually
from tests.soaking import SOAK

REQUESTS = 20_000 if SOAK else 5_000
WARM_UP = 1_000
SEED = int(os.environ.get("FUZZ_SEED", "3"))
BY_RULE = {501, 502, 507}
"""A method that nobody knows (RFC 9110 §15.6.2), a Destination elsewhere (RFC 4918 §9.8.5), no room (§11.5)."""
HANGS_AFTER = 30.0
"""Seconds; on an idle machine no answer takes half of one."""
GROWTH = 50 * 1024 * 1024
WRITING = Rights.READ | Rights.BIND | Rights.WRITE_CONTENT


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("fuzz")), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


def places(served: RunningServer, house: House) -> list[str]:
    """A folder on each provider, and every other way to the first of them."""
    for drive in ("ba05", "archiv"):
        with served.client("clara", f"/dav/{drive}") as clerk:
            assert clerk.mkcol("/Wirrwarr").status == 201
    secret = house.links.new_secret()
    path = SharePath(("ba05", "Wirrwarr"))
    door(house, "clara").make_link(path, LinkWish(secret.digest, rights=WRITING))
    drives = ["/dav/ba05/Wirrwarr", "/dav/archiv/Wirrwarr"]
    return [
        *(drives * 4),
        f"/dav-link/{secret.token}",
        "/remote.php/dav/files/clara/ba05/Wirrwarr",
        "/remote.php/webdav/ba05/Wirrwarr",
        *("/remote.php/dav/uploads/clara/eins", "/remote.php/dav/trashbin/clara/trash", "/dav/.principals"),
        *("/dav", "/dav/geteilt", "/dav-open/x", "/", "/ordner/ba05/1", "/s/x", "/ocs/v2.php/cloud/user"),
    ]


def play(served: RunningServer, bases: list[str], count: int, seed: int) -> Counter[int]:
    """So many requests from two clients at once; how often each status came. Fails at an answer of a failing server."""
    statuses: Counter[int] = Counter()
    failed: list[object] = []
    credentials = [basic(user, served.password(user))["Authorization"] for user in ("clara", "clara", "otto", "sam")]

    def ask(number: int) -> None:
        drawn = random.Random(f"{seed} {number}")
        with Line(served.port, HANGS_AFTER) as line:
            for _ in range(count // 2):
                sent = request(drawn, bases, credentials)
                try:
                    answer = line.ask(sent, head_only=sent.startswith(b"HEAD "))
                except (OSError, EOFError) as error:
                    failed.append((sent, error))
                    return
                statuses[answer.status] += 1
                if answer.status >= 500 and answer.status not in BY_RULE:
                    failed.append((sent, answer))
                assert b"Traceback" not in answer.body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return statuses


def test_so_many_requests_and_it_stands(served: RunningServer, house: House, tmp_path: Path) -> None:
    """Nothing fails, nothing is left open, and litmus passes whole afterwards."""
    bases = places(served, house)
    play(served, bases, WARM_UP, SEED + 1)
    before = held(served)
    statuses = play(served, bases, REQUESTS, SEED)
    assert sum(statuses.values()) == REQUESTS
    assert len(METHODS) >= 14
    assert {200, 201, 204, 207, 400, 401, 403, 404, 405, 409, 412, 415, 423} <= set(statuses), (
        "the grammar is too narrow"
    )
    assert eventually(lambda: held(served).descriptors <= before.descriptors + 2)
    assert eventually(lambda: held(served).threads <= before.threads + 2)
    assert held(served).memory - before.memory < GROWTH
    assert served.process.poll() is None
    with served.client("clara", "/dav/ba05/Arbeitsordner") as clerk:
        round_trip(clerk)
    for drive in ("ba05", "archiv"):
        all_of_litmus(served, drive, tmp_path)


def round_trip(clerk: DavClient) -> None:
    """As if nothing had been."""
    assert clerk.put("/danach.txt", b"after").status == 201
    token = clerk.lock("/danach.txt").lock_token
    assert clerk.put("/danach.txt", b"locked", If=f"(<{token}>)").status == 204
    assert clerk.unlock("/danach.txt", token).status == 204
    assert clerk.get("/danach.txt").body == b"locked"
    assert "danach.txt" in clerk.names("/")
    assert clerk.delete("/danach.txt").status == 204
