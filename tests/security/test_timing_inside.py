"""Law 3 inside one's own drive: a hidden draft takes as long as a name that nothing has (S-15).

Over HTTP as a reader meets it, by the rank test; and once more without sockets by the time that the processor spends,
where no noise of the machine covers a difference of a few microseconds. There the rank test tells one processor from
another: what counts is that the medians are no more than two microseconds apart, of 180.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.davclient import DavClient
from tests.rights.calling import call
from tests.rights.playing import Stage
from tests.rights.test_isolation import PAIRS, rank_test
from tests.running import RunningServer, command

HIDDEN, ABSENT = "/Entwurf-1.odt", "/Entwurf-2.odt"
ROUNDS = 3
METHODS = ("GET", "PROPFIND", "DELETE")
"""Not PUT, whose 403 for a hidden name may hint (rights.md §3)."""


@pytest.fixture(scope="module")
def reader(server: RunningServer) -> Iterator[DavClient]:
    """A member in a folder of his own drive, in which one document is a restricted draft."""
    folder = "/dav/ba05/Zeitprobe"
    with server.client("clara", folder) as clerk, server.client("otto", folder) as member:
        assert clerk.mkcol("").status == 201
        assert clerk.put(HIDDEN, b"x").status == 201
        path = folder.removeprefix("/dav/") + HIDDEN
        command("label", path, "--class", "restricted", "--release", "never", data=server.data)
        assert clerk.get(HIDDEN).status == 200
        assert member.names("") == []
        yield member


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A house in this process; the drive's root holds a restricted draft."""
    made = Stage(tmp_path_factory.mktemp("inside"))
    draft = {"method": "PUT", "path": ("ba05", HIDDEN[1:])}
    assert not made.play(("ask", "clara", "full", draft)).problem
    yield made
    made.close()


def measured(ask: Callable[[str], int], clock: Callable[[], float]) -> tuple[float, list[float]]:
    """(p of the rank test, medians in µs of hidden and absent) over interleaved pairs; `ask` gives a path's status."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(PAIRS * 2):
        path, begun = (HIDDEN, ABSENT)[number % 2], clock()
        status = ask(path)
        times[number % 2].append(clock() - begun)
        assert status == 404
    return rank_test(*times), [round(sorted(each)[PAIRS // 2] * 1e6, 1) for each in times]


def assert_alike(what: str, ask: Callable[[str], int], clock: Callable[[], float], apart: float = 0.0) -> None:
    """p > 0.01, or medians at most `apart` µs apart, in one of three rounds; otherwise it would hardly be chance."""
    found = []
    for _ in range(ROUNDS):
        found.append(measured(ask, clock))
        p, (hidden, absent) = found[-1]
        if p > 0.01 or abs(hidden - absent) <= apart:
            print(what, found)
            return
    pytest.fail(f"{what}: hidden and absent differ: (p, medians in µs) {found}")


@pytest.mark.parametrize("method", METHODS)
def test_a_hidden_draft_takes_as_long_as_an_absent_name(reader: DavClient, method: str) -> None:
    """500 interleaved pairs on one connection (Mann–Whitney)."""
    headers = {"Depth": "0"} if method == "PROPFIND" else {}
    assert_alike(method, lambda path: reader.request(method, path, headers=headers).status, time.perf_counter)


@pytest.mark.parametrize("method", METHODS)
def test_and_the_processor_is_as_busy_with_it(stage: Stage, method: str) -> None:
    """The same in this process, in seconds of the thread's processor time."""
    login = stage.logins["otto", "full"]
    headers = {"authorization": login, "depth": "0"} if method == "PROPFIND" else {"authorization": login}
    assert_alike(
        method, lambda path: call(stage.app, method, f"/dav/ba05{path}", **headers).status, time.thread_time, apart=2.0
    )
