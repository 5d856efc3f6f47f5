"""RFC 6578 as a model: whatever happens, a copy kept by sync-collection equals a fresh listing, for every reader.

Three readers with different rights, two workers, and rights that change in between: by hand, by office, by the clock.
No answer ever names what its reader could not discover in any listing, and no token moves where nothing shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from acl import store
from acl.entries import Entry
from acl.labels import NEVER, Classification, Label
from acl.mandates import Mandate
from acl.privileges import Rights
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from tests.dav.inside import Clock, InsideClient, Worker
from tests.davclient import DAV
from tests.mirror import Known, Mirror, listing
from tests.running import copied

DRIVE = "/dav/ba05"
SECOND = 1_000_000
STEPS = 100
READERS = (("clara", None), ("otto", 3), ("sam", None))
"""Users, and how many rows they want at once: a clerk, a member, and one with whom things are shared."""
UNSEEN = ("~", "save", "proppatch")
"""Moves a token though no listing shows it: what programs of others do, and properties that nobody asked for."""
VERBS = ("put", "put", "put", "mkcol", "mkcol", "delete", "move", "move", "move", "copy", "proppatch", "save", "lock")
RIGHTS = ("label", "label", "unlabel", "entry", "unentry", "mandate", "clock")
NAMES = ("a.txt", "b.odt", "b.pdf", "B.docx", "c", "~WRD1.tmp", ".~lock.b.odt#", "~$b.odt", "Ä ö&.txt")
FOLDERS = ("d", "e", "f")
LABELS = (
    Label(Classification.OFFICE),
    Label(Classification.NON_PUBLIC),
    Label(Classification.PUBLIC),
    Label(Classification.PERSONAL),
    Label(release_at=NEVER),
)


class Reader:
    """One who keeps a copy, and all that he was ever shown."""

    def __init__(self, world: World, user: str, *, limit: int | None) -> None:
        self.world = world
        self.client = InsideClient(world.workers[0], user, DRIVE)
        self.mirror = Mirror(self.client, limit=limit)
        self.listing: dict[str, Known] = {}
        self.token = ""
        self.shown: set[str] = set()

    def look(self) -> dict[str, Known]:
        return listing(self.client) if self.client.propfind("").status == 207 else {}

    def follow(self, happened: str, *, by_rights: bool) -> None:
        """Take the next look on either worker, and compare."""
        self.client.worker = self.world.random.choice(self.world.workers)
        before, self.listing = self.listing, self.look()
        self.shown |= self.listing.keys()
        afresh = self.mirror.afresh
        if self.client.propfind("").status == 404:
            self.mirror.token, self.mirror.copy, self.token = "", {}, ""
            return
        copy = self.mirror.sync()
        if by_rights:  # a folder's tag may move with rights though nothing in it looks otherwise
            folders = {path: what for path, what in self.listing.items() if what.is_collection and path in copy}
            copy |= folders
        assert copy == self.listing, happened
        for answer in self.mirror.answers:
            if answer.status == 207:
                named = {unquote(each.text or "") for each in answer.xml().iterfind(f"{DAV}response/{DAV}href")}
                told = {href.removeprefix(DRIVE).rstrip("/") for href in named} - {""}
                assert {path for path in told - self.shown if not is_pointers(path)} == set(), happened
        token = self.client.properties("", "sync-token").text("sync-token") or ""
        if self.listing == before and self.token and not any(each in happened for each in UNSEEN):
            assert token == self.token or by_rights or self.mirror.afresh > afresh, happened
        assert self.mirror.token == token, happened
        if not by_rights and self.mirror.afresh > afresh:
            self.world.needless.append(happened)
        self.token = token


def is_pointers(path: str) -> bool:
    """One of the names that a pointer may have had; made of a name that was shown."""
    return path.endswith(".pdf")


class World:
    def __init__(self, data: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = Clock()
        self.workers = [Worker(data, self.clock) for _ in range(2)]
        self.clerk = InsideClient(self.workers[0], "clara", DRIVE)
        self.needless: list[str] = []
        self.clerk.mkcol("/open")
        self.clerk.put("/open/for-sam", b"1")
        with self.workers[0].house.database.transaction() as connection:
            node = self.node("/open")
            store.add_entry(connection, "ba05", Entry(node, "user:sam", Rights.READ))
        self.readers = [Reader(self, user, limit=limit) for user, limit in READERS]

    def node(self, path: str) -> int:
        return self.workers[0].house.share("ba05").stat(SharePath.parse(path)).id

    def path(self) -> str:
        depth = self.random.choice((0, 1, 1, 2))
        return "/open" * self.random.randint(0, 1) + "".join(f"/{self.random.choice(FOLDERS)}" for _ in range(depth))

    def document(self) -> str:
        return f"{self.path()}/{self.random.choice(NAMES)}"

    def any_path(self) -> str:
        """Mostly something that is there."""
        there = [path for path in listing(self.clerk) if not path.startswith(("/Arbeitsordner", "/00 "))]
        return self.random.choice(there) if there and self.random.random() < 0.9 else self.document()

    def step(self) -> tuple[str, bool]:
        """Do something; what, and whether it may change rights."""
        verb = self.random.choice((*VERBS, *RIGHTS))
        happened: str = getattr(self, f"do_{verb}")()
        return f"{verb} {happened}", verb in RIGHTS

    def do_put(self) -> str:
        path = self.document()
        who = self.random.choice(("clara", "otto"))
        client = InsideClient(self.workers[0], who, DRIVE)
        return f"{path} by {who}: {client.put(path, self.random.randbytes(self.random.randint(0, 9))).status}"

    def do_mkcol(self) -> str:
        path = f"{self.path()}/{self.random.choice(FOLDERS)}"
        return f"{path}: {self.clerk.mkcol(path).status}"

    def do_delete(self) -> str:
        path = self.any_path()
        return f"{path}: {self.clerk.delete(path).status}" if path not in ("/open",) else path

    def do_move(self) -> str:
        source, target = self.any_path(), self.random.choice((self.document, self.any_path))()
        if self.random.random() < 0.3:
            target = f"{self.path()}/{self.random.choice(FOLDERS)}"
        return f"{source} {target}: {self.clerk.move(source, target).status}" if source != "/open" != target else source

    def do_copy(self) -> str:
        source, target = self.any_path(), self.document()
        if self.random.random() < 0.3:
            target = f"{self.path()}/{self.random.choice(FOLDERS)}"
        return f"{source} {target}: {self.clerk.copy(source, target).status}" if target != "/open" else source

    def do_proppatch(self) -> str:
        path = self.any_path()
        value = self.random.randint(0, 9)
        body = f"<D:set><D:prop><x xmlns='urn:x'>{value}</x></D:prop></D:set>"
        return f"{path}: {self.clerk.proppatch(path, body).status}"

    def do_save(self) -> str:
        """As Word does: the document aside, the new one in its place, the old one away (protocol.md §2)."""
        path = self.any_path()
        folder = path.rpartition("/")[0]
        if path == "/open" or self.clerk.put(f"{folder}/~WRD9.tmp", b"new").status != 201:
            return path
        away = self.clerk.move(path, f"{folder}/~WRL9.tmp").status
        into = self.clerk.move(f"{folder}/~WRD9.tmp", path).status
        return f"{path}: {away} {into} {self.clerk.delete(f'{folder}/~WRL9.tmp').status}"

    def do_lock(self) -> str:
        path = self.document()
        answer = self.clerk.lock(path)
        if answer.status in (200, 201):
            self.clerk.unlock(path, answer.lock_token)
        return f"{path}: {answer.status}"

    def do_label(self) -> str:
        path, label = self.any_path(), self.random.choice(LABELS)
        if self.random.random() < 0.2:
            label = Label(Classification.RESTRICTED, release_at=self.clock() + 100 * SECOND)
        return f"{path} {label}: {self.labelled(path, label)}"

    def do_unlabel(self) -> str:
        path = self.any_path()
        return f"{path}: {self.labelled(path, Label(Classification.PUBLIC, release_at=0))}"

    def labelled(self, path: str, label: Label) -> bool:
        try:
            node = self.node(path)
        except NotFound:
            return False
        with self.workers[0].house.database.transaction() as connection:
            return store.set_label(connection, "ba05", node, label)

    def do_entry(self) -> str:
        path, who = self.any_path(), self.random.choice(("user:sam", "user:otto", "role:member"))
        deny = self.random.random() < 0.4
        try:
            entry = Entry(self.node(path), who, Rights.READ, deny, end=self.clock() + 500 * SECOND)
        except NotFound:
            return path
        with self.workers[0].house.database.transaction() as connection:
            store.add_entry(connection, "ba05", entry)
        return f"{entry}"

    def do_unentry(self) -> str:
        with self.workers[0].house.database.transaction() as connection:
            entries = [each for each in store.list_entries(connection, "ba05") if each.end is not None]
            if not entries:
                return "none"
            gone = self.random.choice(entries)
            store.remove_entry(connection, "ba05", gone.id)
        return f"{gone}"

    def do_mandate(self) -> str:
        now = self.clock()
        with self.workers[0].house.database.transaction() as connection:
            if not store.end_mandate(connection, "ba05", "otto", "member", now):
                store.declare_mandate(connection, Mandate("ba05", "otto", "member", now))
                return "begins"
        return "ends"

    def do_clock(self) -> str:
        self.clock.ahead += self.random.choice((10, 60, 200)) * SECOND
        return f"{self.clock.ahead}"

    def close(self) -> None:
        for worker in self.workers:
            worker.close()


@pytest.fixture
def world(installed: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(copied(installed, tmp_path / "model"), request.param)
    yield made
    made.close()


@pytest.mark.parametrize("world", [1, 2, 3], indirect=True)
def test_a_copy_equals_a_fresh_listing_after_every_step(world: World) -> None:
    for reader in world.readers:
        reader.follow("the beginning", by_rights=False)
    for number in range(STEPS):
        happened, by_rights = world.step()
        for reader in world.readers:
            reader.follow(f"{reader.client.authorization} {number}: {happened}", by_rights=by_rights)
    assert len(world.needless) <= STEPS // 20, world.needless  # where a folder took another's place
