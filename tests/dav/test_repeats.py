"""Record 78: when an answer is offered to be given again, and what ends that.

The engine asks `holds` at each request (tests/serving/test_repeats.py); here stands what it asks for.
"""

from __future__ import annotations

import base64
import gc
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from types import FunctionType, ModuleType
from typing import Any

import pytest

from acl.principals import Principal, PrincipalKind
from davserver import settings
from davserver.accounts import PEPPER_SECRET, change_account, create_app_password, revoke_app_password
from davserver.app import Worker, forest_of
from davserver.founding import default_key
from davserver.house import House
from davserver.login import REMEMBERED_FOR
from davserver.serving.repeats import REPEAT, Repeat
from davserver.tree.locking import GuardedTree
from davserver.tree.opened import open_once
from shareproviders.paths import SharePath
from tests.dav.inside import Clock
from tests.rights.calling import Answer, call
from tests.running import PASSWORD, QUICK_HASHES, command, copied
from tests.serving.raw import eventually

SECOND = 1_000_000


class Asked:
    """The application of one worker, and the environ of each request that was made to it."""

    def __init__(self, data: Path) -> None:
        self.data, self.clock = data, Clock()
        house = House.open(data, default_key(data), settings.load(data, {**os.environ, **QUICK_HASHES}), self.clock)
        self.house, self.app = house, Worker(house)
        self.environ: dict[str, Any] = {}

    def __call__(self, method: str, path: str, body: bytes = b"", user: str = "clara", **headers: str) -> Answer:
        password = headers.pop("password", PASSWORD)
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return call(self._note, method, path, body, authorization=f"Basic {login}", **headers)

    def _note(self, environ: dict[str, Any], start: Any) -> Any:
        self.environ = environ
        return self.app(environ, start)

    def offered(self, method: str, path: str, **headers: str) -> Repeat | None:
        """What the application says of its second answer: the first may have to settle something."""
        for _ in range(2):
            assert self(method, path, **headers).status < 300
        return self.environ.get(REPEAT)

    def repeat(self, method: str, path: str, **headers: str) -> Repeat:
        """The same where it is offered, and holds."""
        repeat = self.offered(method, path, **headers)
        assert repeat is not None and repeat.holds()
        return repeat


@pytest.fixture(scope="module")
def asked(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    made = Asked(copied(installed, tmp_path_factory.mktemp("repeats")))
    yield made
    made.app.close()


@pytest.fixture
def place(asked: Asked) -> str:
    """A fresh folder with a document."""
    folder = f"/dav/ba05/r-{time.time_ns()}"
    assert asked("MKCOL", folder).status == asked("PUT", f"{folder}/a", b"x" * 20_000).status == 201
    assert asked("PUT", f"{folder}/b", b"short").status == 201
    return folder


@pytest.mark.parametrize(("method", "name"), [("GET", "/b"), ("PROPFIND", "/b"), ("PROPFIND", ""), ("PROPFIND", "/a")])
def test_a_commit_of_anybody_ends_it(asked: Asked, place: str, method: str, name: str) -> None:
    repeat = asked.repeat(method, place + name, depth="1")
    assert asked("PUT", f"{place}/other", b"1").status == 201
    assert not repeat.holds()
    assert asked.repeat(method, place + name, depth="1").era != repeat.era


def test_each_part_of_a_document_is_as_good_as_the_first(asked: Asked, place: str) -> None:
    repeat = asked.repeat("GET", f"{place}/a", range="bytes=0-9")
    assert repeat.part is not None
    for wanted, status, length in (("bytes=5-17000", 206, 16996), ("bytes=-5", 206, 5), ("nonsense", 200, 20_000)):
        again, usual = call_part(repeat, wanted), asked("GET", f"{place}/a", range=wanted)
        assert again == usual and (again.status, len(again.body)) == (status, length)
    assert call_part(repeat, "bytes=20000-").status == 416
    many = call_part(repeat, "bytes=0-1,5-6")
    assert many.headers["Content-Type"].startswith("multipart/byteranges")


def call_part(repeat: Repeat, wanted: str) -> Answer:
    """As the engine calls it: with nothing but the range, the method and a number."""

    def only(environ: dict[str, Any], start: Any) -> Any:
        assert repeat.part is not None
        kept = {name: environ[name] for name in ("REQUEST_METHOD", "HTTP_RANGE")}
        return repeat.part({**kept, "gremium.request_id": "7"}, start)

    return call(only, "GET", "/", range=wanted)


def test_a_whole_document_has_no_other_parts(asked: Asked, place: str) -> None:
    assert asked.repeat("GET", f"{place}/b").part is None


def test_an_account_that_was_closed_ends_it(asked: Asked, place: str) -> None:
    repeat = asked.repeat("PROPFIND", place, user="otto", depth="1")
    with asked.house.database.transaction() as connection:
        change_account(connection, "otto", active=False)
    try:
        assert not repeat.holds()
        assert asked("PROPFIND", place, user="otto", depth="1").status == 401
    finally:
        with asked.house.database.transaction() as connection:
            change_account(connection, "otto", active=True)


def test_a_credential_is_asked_for_anew_after_its_time(asked: Asked, place: str) -> None:
    """As without: what was right ten minutes ago is verified again, whether anybody has committed or not."""
    repeat = asked.repeat("GET", f"{place}/b")
    asked.clock.ahead += REMEMBERED_FOR
    assert not repeat.holds()
    assert asked("GET", f"{place}/b").status == 200


def test_an_app_password_ends_it(asked: Asked, place: str) -> None:
    """Its end by the clock, and by hand; each answer that is given again counts as a use of it."""
    pepper, now = asked.house.keys.secret(PEPPER_SECRET), asked.clock()
    with asked.house.database.transaction() as connection:
        made = create_app_password(connection, pepper, "clara", "phone", now, expires=now + 60 * SECOND)
    repeat = asked.repeat("GET", f"{place}/b", password=made.shown)
    asked.house.flush()
    repeat = asked.repeat("GET", f"{place}/b", password=made.shown)
    asked.clock.ahead += 61 * SECOND
    assert not repeat.holds()
    assert asked("GET", f"{place}/b", password=made.shown).status == 401
    with asked.house.database.transaction() as connection:
        lasting = create_app_password(connection, pepper, "clara", "phone", asked.clock())
    repeat = asked.repeat("GET", f"{place}/b", password=lasting.shown)
    with asked.house.database.transaction() as connection:
        revoke_app_password(connection, lasting.id, asked.clock())
    assert not repeat.holds()


def test_a_clock_that_goes_back_ends_it(asked: Asked, place: str) -> None:
    repeat = asked.repeat("GET", f"{place}/b")
    asked.clock.ahead -= 60 * SECOND
    assert not repeat.holds()
    asked.clock.ahead += 60 * SECOND


def test_an_answer_of_a_later_state_than_the_login_is_not_offered(
    asked: Asked, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two somebody may have closed the account, and nobody would ask for that any more."""
    asked.repeat("GET", f"{place}/b")
    drives = asked.app._dav._drives
    doors = drives._doors

    def late(principal: Principal) -> GuardedTree:
        with ThreadPoolExecutor(1) as another:
            another.submit(commit).result()
        return doors(principal)

    def commit() -> None:
        with asked.house.database.transaction() as connection:
            asked.house.audit.note(connection, "user:otto", "login")

    monkeypatch.setattr(drives, "_doors", late)
    assert asked.offered("GET", f"{place}/b") is None
    monkeypatch.undo()
    asked.repeat("GET", f"{place}/b")


def test_what_was_known_before_a_commit_is_not_kept_for_after_it(
    asked: Asked, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request recalls what stood at its beginning; whoever asks after it must not get that for what stands now."""
    words = b"<D:propfind xmlns:D='DAV:'><D:prop><D:getetag/><D:%s/></D:prop></D:propfind>"
    for _ in range(2):
        asked("PROPFIND", place, words % b"getlastmodified", depth="0")
    drives = asked.app._dav._drives
    doors = drives._doors

    def late(principal: Principal) -> GuardedTree:
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as another:
            assert another.submit(asked, "PUT", f"{place}/late", b"1").result().status == 201
        return doors(principal)

    monkeypatch.setattr(drives, "_doors", late)
    asked("PROPFIND", place, words % b"displayname", depth="0")
    after = [asked("PROPFIND", place, words % name, depth="0").body for name in (b"displayname", b"creationdate")]
    tags = {re.findall(b"<D:getetag>[^<]*", body)[0] for body in after}
    assert len(tags) == 1


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-1"}], ids=["whole", "a part"])
def test_what_is_read_is_noted_each_time(
    asked: Asked, place: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`log_read` (rights.md): whoever keeps the notes decides how often one is written, so each is told."""
    path = SharePath.parse(f"{place}/b".removeprefix("/dav/").split("/"))
    command("label", str(path).lstrip("/"), "--class", "non_public", data=asked.data)
    repeat = asked.repeat("GET", f"{place}/b", **headers)
    noted: list[object] = []
    monkeypatch.setattr(asked.house.reads, "_note", noted.append)
    if repeat.part is None:
        repeat.tell("7", 0.001)
    else:
        assert call_part(repeat, "bytes=0-1").status == 206
    assert len(noted) == 1


def test_what_does_not_follow_from_the_database_is_not_offered(asked: Asked) -> None:
    """A plain folder on disk: its files change without us."""
    folder = f"/dav/archiv/r-{time.time_ns()}"
    assert asked("MKCOL", folder).status == asked("PUT", f"{folder}/b", b"x").status == 201
    assert asked.offered("GET", f"{folder}/b") is None
    assert asked.offered("GET", f"{folder}/b", range="bytes=0-0") is None
    assert asked.offered("PROPFIND", folder, depth="1") is None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"if_none_match": '"other"'}),
        ("GET", {"if": "(Not <urn:uuid:00000000-0000-0000-0000-000000000000>)"}),
        ("PROPFIND", {"if_match": "*", "depth": "0"}),
        ("HEAD", {}),
        ("OPTIONS", {}),
    ],
)
def test_these_are_not_offered(asked: Asked, place: str, method: str, headers: dict[str, str]) -> None:
    assert asked.offered(method, f"{place}/b", **headers) is None


def test_properties_that_change_by_themselves_are_not_offered(asked: Asked, place: str) -> None:
    """Free space, and what is left of a lock."""
    space = b"<D:propfind xmlns:D='DAV:'><D:prop><D:quota-available-bytes/></D:prop></D:propfind>"
    for _ in range(2):
        assert asked("PROPFIND", place, space, depth="0").status == 207
        assert REPEAT not in asked.environ
    kind = b"<D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
    assert asked("LOCK", f"{place}/b", b"<D:lockinfo xmlns:D='DAV:'>" + kind + b"</D:lockinfo>").status == 200
    assert asked.offered("PROPFIND", f"{place}/b", depth="0") is None


def test_a_one_time_address_is_not_offered(asked: Asked, place: str) -> None:
    """Whether it is still open is asked anew each time."""
    path = SharePath.parse(f"{place}/b".removeprefix("/dav/").split("/"))
    opening = open_once(forest_of(asked.house), asked.house.openings, Principal(PrincipalKind.USER, "clara"), path)
    assert asked.offered("GET", opening.path) is None


def test_nothing_that_is_kept_holds_the_password(asked: Asked, place: str) -> None:
    for headers in ({}, {"range": "bytes=0-1"}):
        repeat = asked.repeat("GET", f"{place}/b", **headers)
        reached: set[int] = set()
        waiting: list[Any] = [repeat]
        while waiting:
            one = waiting.pop()
            if id(one) in reached or isinstance(one, (type, ModuleType, Thread)):
                continue
            reached.add(id(one))
            assert one is not asked.environ
            assert not isinstance(one, str) or asked.environ["HTTP_AUTHORIZATION"] not in one
            if isinstance(one, FunctionType):  # but not the globals of its module
                waiting.extend((one.__closure__, one.__defaults__))
            else:
                waiting.extend(gc.get_referents(one))
        assert len(reached) > 100


def test_documents_do_not_stay_in_memory(asked: Asked, place: str) -> None:
    """The worker lets go of answers a second after a commit: what was destroyed is among them."""
    repeats = asked.app.repeats
    repeats.keep(b"words", asked.repeat("GET", f"{place}/b"), "answer", 6)
    assert len(repeats._kept) == 1
    assert asked("PUT", f"{place}/other", b"1").status == 201
    assert eventually(lambda: not repeats._kept)
