"""A drive never holds more than its quota, however many write at once (security.md S-16; RFC 4331)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from davserver.declarations import parse_declaration
from davserver.declaring import declare
from tests.dav.doors import opened
from tests.davclient import DavClient
from tests.running import RunningServer, committee, copied, start

MEGABYTE = 1_000_000
QUOTA = 10 * MEGABYTE
SMALL = "".join(
    committee(share, name, f'provider = "{provider}"\nquota = "{QUOTA} B"\n{more}has_meetings = false', "clara:clerk")
    for share, name, provider, more in (
        ("engv", "Eng im Tresor", "vault", ""),
        ("engd", "Eng auf der Platte", "filesystem", 'options = { path = "narrow" }\n'),
    )
)


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two workers, and a small drive of either kind."""
    data = copied(installed, tmp_path_factory.mktemp("quota"))
    (data / "narrow").mkdir()
    with opened(data) as house:
        declare(house, parse_declaration(SMALL), "tests")
    with start(data, workers=2) as running:
        yield running


def at_once(clients: list[DavClient], put: Callable[[int, DavClient], int]) -> list[int]:
    """The status of what each of them puts, all starting together."""
    barrier, statuses = threading.Barrier(len(clients)), [0] * len(clients)

    def work(number: int, client: DavClient) -> None:
        barrier.wait()
        statuses[number] = put(number, client)

    threads = [threading.Thread(target=work, args=each) for each in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.parametrize("share", ["engv", "engd"], ids=["vault", "filesystem"])
def test_twenty_at_once_never_exceed_the_quota(served: RunningServer, share: str) -> None:
    """20 × 1 MB into 10 MB: ten are taken. The same again, chunked, so that no size is told before: nothing more is."""
    body = bytes(MEGABYTE)
    with ExitStack() as stack:
        clients = [stack.enter_context(served.client("clara", f"/dav/{share}")) for _ in range(20)]
        first = at_once(clients, lambda number, client: client.put(f"/{number}.bin", body).status)
        assert sorted(first) == [201] * 10 + [507] * 10
        assert used(clients[0]) == QUOTA
        again = at_once(clients, lambda number, client: client.put(f"/{number}.bin", iter([body])).status)
        assert {status for status, before in zip(again, first, strict=True) if before == 507} == {507}
        assert set(again) <= {204, 507}
        assert used(clients[0]) == QUOTA


def used(client: DavClient) -> int:
    """Bytes that can be read out of the drive; what it tells of itself must be the same."""
    held = sum(len(client.get(f"/{name}").body) for name in client.names("/") if name.endswith(".bin"))
    assert client.properties("/", "quota-used-bytes").text("quota-used-bytes") == str(held)
    return held
