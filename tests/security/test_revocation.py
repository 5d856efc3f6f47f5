"""What is taken away is away in every process within a second, also for a client in the middle of its work.

Must-show 7 of the drive; law 9; reference bar S-14. Two server processes on one data directory serve clients without
a pause, while a third process (this one) revokes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from davserver.accounts import PEPPER_SECRET, change_account, create_app_password, revoke_app_password
from davserver.app import forest_of
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.founding import default_key
from davserver.house import House
from davserver.settings import load
from davserver.tree.forest import SharePlaces
from tests.davclient import DavClient
from tests.running import PASSWORD, RunningServer, start

pytestmark = pytest.mark.alone

BEFORE, AFTER = 0.6, 1.6
LIMIT = 1.0
MANDATE = """
[[committee]]
id = "ba05"
name = "BA 5 Au-Haidhausen"
default_class = "public"
has_meetings = false

  [[committee.mandate]]
  user = "otto"
  role = "member"
  start = 2020-05-01
  end = {end}
"""


@pytest.fixture
def pair(own_data: Path) -> Iterator[list[RunningServer]]:
    """Two servers of one process each on the same data directory."""
    with start(own_data, workers=1) as one, start(own_data, workers=1) as other:
        yield [one, other]
        assert one.stop() == other.stop() == 0


@pytest.fixture
def house(own_data: Path) -> Iterator[House]:
    opened = House.open(own_data, default_key(own_data), load(own_data, {}))
    yield opened
    opened.close()


@dataclass
class Busy:
    """A client that asks without a pause; when each request began, and how it ended."""

    act: Callable[[], int]
    seen: list[tuple[float, int]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self.seen.append((began, self.act()))

    def stop(self) -> None:
        self._stop.set()

    def judge(self, begun_at: float, ended_at: float) -> float:
        """Seconds from the revocation to the first refusal; fails if anything succeeds that began later.

        `begun_at`: before that nothing had been done to revoke it.
        """
        early = [status for began, status in self.seen if began < begun_at - LIMIT / 4]
        assert early, "nothing was asked before the end"
        assert all(200 <= status < 300 for status in early), set(early)
        late = [(began - ended_at, status) for began, status in self.seen if began > ended_at]
        refused = [after for after, status in late if 400 <= status < 500]
        assert refused, "never refused"
        assert refused[0] <= LIMIT, f"refused only after {refused[0]:.2f} s"
        assert all(status in (401, 403, 404, 409) for after, status in late if after >= refused[0]), set(late)
        return refused[0]


def watch(pair: list[RunningServer], user: str, password: str, end: Callable[[], float]) -> list[float]:
    """Let clients read and write at both servers while `end` takes effect at the instant that it returns."""
    with ExitStack() as stack:
        busy: list[Busy] = []
        for number, server in enumerate(pair):
            for kind in ("get", "put", "propfind"):
                client = stack.enter_context(DavClient(server.url, user, password, "/dav/ba05/Arbeitsordner"))
                assert client.put(f"/{kind}-{number}", b"x").status == 201
                busy.append(Busy(acting(client, kind, f"/{kind}-{number}")))
        threads = [threading.Thread(target=one.run) for one in busy]
        for thread in threads:
            thread.start()
        try:
            time.sleep(BEFORE)
            begun_at = time.monotonic()
            ended_at = end()
            time.sleep(max(ended_at - time.monotonic(), 0) + AFTER)
        finally:
            for one in busy:
                one.stop()
            for thread in threads:
                thread.join()
        return [one.judge(begun_at, ended_at) for one in busy]


def acting(client: DavClient, kind: str, path: str) -> Callable[[], int]:
    if kind == "put":
        return lambda: client.put(path, b"y").status
    if kind == "propfind":
        return lambda: client.propfind(path).status
    return lambda: client.get(path).status


def test_a_revoked_app_password_fails_everywhere_at_once(pair: list[RunningServer], house: House) -> None:
    """401 in both processes within a second of the commit, also for a credential that was remembered."""
    with house.database.transaction() as connection:
        made = create_app_password(connection, house.keys.secret(PEPPER_SECRET), "clara", "Gerät", house.clock())

    def revoke() -> float:
        with house.database.transaction() as connection:
            revoke_app_password(connection, made.id, house.clock())
        return time.monotonic()

    print(watch(pair, "clara", made.shown, revoke))
    with pair[0].client("clara", "/dav/ba05") as client:
        assert client.propfind("/").status == 207, "the account itself goes on"


def test_a_disabled_account_fails_everywhere_at_once(pair: list[RunningServer], house: House) -> None:
    """`user disable` ends every credential of the account, an app password included."""
    with house.database.transaction() as connection:
        made = create_app_password(connection, house.keys.secret(PEPPER_SECRET), "otto", "Gerät", house.clock())

    def disable() -> float:
        with house.database.transaction() as connection:
            change_account(connection, "otto", active=False)
        return time.monotonic()

    print(watch(pair, "otto", made.shown, disable))
    with pair[1].client("otto", "/dav/ba05") as client:
        assert client.propfind("/").status == 401


@pytest.mark.parametrize("when", ["at once", "by the clock"])
def test_an_ended_mandate_fails_everywhere_at_once(pair: list[RunningServer], house: House, when: str) -> None:
    """`apply` of an end in the past counts from its commit; an end that comes counts from its instant."""

    def declared(end: str) -> None:
        assert declare(house, parse_declaration(MANDATE.format(end=end)), "test")

    def past() -> float:
        declared("2021-01-01")
        return time.monotonic()

    def coming() -> float:
        at = int(time.time()) + 3
        declared(time.strftime('"%Y-%m-%dT%H:%M:%S+00:00"', time.gmtime(at)))
        return time.monotonic() + at - time.time()

    print(watch(pair, "otto", PASSWORD, past if when == "at once" else coming))


def test_a_slow_reader_does_not_bring_ended_rights_back(house: House) -> None:
    """Rules that a thread loads in a view from before a change are not what other threads decide by afterwards."""
    rules = forest_of(house).rules
    places = SharePlaces("ba05", house.share("ba05"))
    viewing, changed, looked = threading.Event(), threading.Event(), threading.Event()

    def look_slowly() -> None:
        with house.database.read() as connection:
            connection.execute(text("SELECT count(*) FROM mandate")).scalar_one()  # the view begins here
            viewing.set()
            changed.wait(10)
            rules.of(places)
        looked.set()

    thread = threading.Thread(target=look_slowly)
    thread.start()
    assert viewing.wait(10)
    assert declare(house, parse_declaration(MANDATE.format(end="2021-01-01")), "test")
    rules.of(places)  # settles the collections, which is a commit of its own
    after = rules.of(places)
    changed.set()
    assert looked.wait(10)
    thread.join()
    assert rules.of(places) == after
