"""SIGKILL at every system call of a verb: afterwards the state is the old or the new one, and answered means new.

Must-show 4 of the drive; reference bar S-36. Each cycle is a real server process under strace, a real client and a
full start with recovery after the death. Every call that changes something is tried, pages of the database's log at
positions from the first to the last: a death at a call that only looks (`openat`, `close`, `fcntl` …) leaves on the
disk what one at the next of those leaves. `SOAK=1` tries every call of every kind.
"""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from davserver.founding import default_key
from davserver.house import House
from davserver.settings import load
from shareproviders.contract import Upkeep
from tests.davclient import DavClient
from tests.faults.quick_starts import ForkedServer, QuickStarts
from tests.faults.tracing import spread, struck, traced
from tests.foreign import need
from tests.running import command, copied
from tests.soaking import SOAK

CHANGING = (
    *("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "utimensat", "sendto"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"),
)
"""Calls that change what is on the disk, or tell the client: each of them is always a point of death."""
PAGES = "pwrite64"
LOOKING = ("openat", "close", "flock", "fcntl", "newfstatat", "pread64", "read", "getdents64")
CHECKED_EVERY = 1 if SOAK else 5
"""Deaths between two whole checks of the house; what one of them finds, no later death mends."""
RESTART_SECONDS = 5.0

OLD, NEW = os.urandom(20_000), os.urandom(40_000)
Folder = dict[str, bytes | None]
"""Content of each document, None for each folder, by path."""


@dataclass(frozen=True)
class Verb:
    """What stands in the case's folder before, the one request, and what stands there after it."""

    name: str
    before: Folder
    act: Callable[[DavClient], int]
    after: Folder


TREE: Folder = {"/f": None, "/f/a": OLD, "/f/g": None, "/f/g/b": NEW, "/f/g/leer": None}


def under(folder: str) -> Folder:
    return {folder + path[2:]: content for path, content in TREE.items()}


VERBS = (
    Verb("put-new", {}, lambda c: c.put("/neu.odt", NEW).status, {"/neu.odt": NEW}),
    Verb("put-over", {"/alt.odt": OLD}, lambda c: c.put("/alt.odt", NEW).status, {"/alt.odt": NEW}),
    Verb("move-document", {"/a": OLD, "/z": None}, lambda c: c.move("/a", "/z/b").status, {"/z": None, "/z/b": OLD}),
    Verb("move-onto", {"/a": NEW, "/b": OLD}, lambda c: c.move("/a", "/b").status, {"/b": NEW}),
    Verb("move-folder", TREE, lambda c: c.move("/f", "/h").status, under("/h")),
    Verb("copy-folder", TREE, lambda c: c.copy("/f", "/h").status, {**TREE, **under("/h")}),
    Verb("delete-folder", TREE, lambda c: c.delete("/f").status, {}),
)


@pytest.fixture(scope="module")
def starts(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickStarts]:
    """Servers on one data directory, which lives through all deaths of this module."""
    with QuickStarts(copied(installed, tmp_path_factory.mktemp("killed") / "own")) as running:
        yield running
    command("check", data=running.data)
    command("audit", "verify", data=running.data)


@dataclass
class Cases:
    """Deaths of one verb in one drive, one after the other: each server looks at what the death before it left."""

    strace: str
    starts: QuickStarts
    drive: str
    verb: Verb
    trace: Path
    deaths: int = 0
    news: int = 0
    number: int = 0
    look: Callable[[DavClient], None] | None = None

    @contextmanager
    def life(self) -> Iterator[tuple[ForkedServer, DavClient]]:
        """A server from its start, in which it looks after the last death, to its own; the case's folder is ready."""
        began = time.monotonic()
        server = self.starts.start()
        assert time.monotonic() - began < RESTART_SECONDS, "recovery takes too long"
        try:
            with server.client("clara") as client:
                if self.look is not None:
                    self.look(client)
                with self.prepared(client) as inside:
                    yield server, inside
        finally:
            server.die()

    def prepared(self, client: DavClient) -> DavClient:
        """The client in a fresh folder that holds what stands before the verb; its connection is warm."""
        self.number += 1
        inside = client.under(f"/dav/{self.drive}/Arbeitsordner/{self.verb.name}-{self.number}")
        assert inside.mkcol("").status == 201
        for path, content in self.verb.before.items():
            made = inside.mkcol(path) if content is None else inside.put(path, content)
            assert made.status == 201, path
        return inside

    def counted(self) -> dict[str, int]:
        """How often the verb makes each call when nothing happens to it."""
        with self.life() as (server, client):
            assert found_in(client) == self.verb.before
            with traced(self.strace, server.pid, self.trace, f"--trace={','.join(CHANGING + LOOKING)}") as trace:
                assert 200 <= self.verb.act(client) < 300
            assert found_in(client) == self.verb.after
        return dict(trace.counts())

    def strike(self, call: str, number: int) -> None:
        """One life that ends at this call."""
        status = 0
        with self.life() as (server, client):
            with struck(self.strace, server.pid, self.trace, call, number) as trace:
                with suppress(OSError, http.client.HTTPException):
                    status = self.verb.act(client)
                client.close()
            base = client.base
        self.deaths += trace.killed
        if self.number % CHECKED_EVERY == 0:
            assert findings(self.starts.data) == [], f"{call} {number}: before any repair"
        self.look = partial(self.look_after, base, 200 <= status < 300, f"{call} {number}")

    def look_after(self, base: str, answered: bool, where: str, client: DavClient) -> None:
        """Old or new, never other; answered means new; nothing temporary stays."""
        with client.under(base) as inside:
            found = found_in(inside)
            assert leftovers(self.starts.data) == [], where
            assert inside.delete("").status == 204, f"{where}: the folder cannot be used any more"
        assert found in (self.verb.before, self.verb.after), (where, differences(found, self.verb))
        assert found == self.verb.after or not answered, f"{where}: answered, and lost"
        self.news += found == self.verb.after


def found_in(client: DavClient, folder: str = "") -> Folder:
    """Everything below a folder, read whole."""
    found: Folder = {}
    asked = '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'
    members = client.propfind(folder or "/", "1", asked).members()
    own = (client.base + folder).rstrip("/")
    for href, member in sorted(members.items()):
        path = href[len(client.base) :]
        if href == own:
            continue
        if member.is_collection:
            found[path] = None
            found.update(found_in(client, path))
        else:
            answer = client.get(path)
            assert answer.status == 200, (path, answer.status)
            found[path] = answer.body
    return found


def differences(found: Folder, verb: Verb) -> dict[str, list[str]]:
    return {"found": sorted(found), "before": sorted(verb.before), "after": sorted(verb.after)}


def leftovers(data: Path) -> list[str]:
    """Bodies and steps that recovery should have tidied away."""
    staged = [*data.glob("vault/*/staging/*"), *data.glob("archive/.gremium-staging/**/*")]
    return [str(path) for path in staged if path.is_file()]


def findings(data: Path) -> list[str]:
    """What `davserver check` would print."""
    house = House.open(data, default_key(data), load(data, {}))
    try:
        return [
            f"{share} {finding.node_id} {finding.problem}"
            for share, provider in house.shares.items()
            if isinstance(provider, Upkeep)
            for finding in provider.check()
        ]
    finally:
        house.close()


def points(counted: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Where to strike: (call, which one)."""
    for call in CHANGING + LOOKING if SOAK else CHANGING:
        count = counted.get(call, 0)
        every = range(1, count + 1)
        yield from ((call, number) for number in (every if SOAK or call != PAGES else spread(count)))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_killed_at_any_call_a_verb_happened_or_did_not(
    verb: Verb, drive: str, starts: QuickStarts, tmp_path: Path
) -> None:
    """Law 8, must-show 4: old or new, never other; acknowledged means new; `check` finds nothing, no draft stays."""
    cases = Cases(need("strace"), starts, drive, verb, tmp_path / "trace")
    counted = cases.counted()
    tried = list(points(counted))
    for call, number in tried:
        cases.strike(call, number)
    with cases.life():
        assert findings(starts.data) == []
    print(f"{verb.name} {drive}: {len(tried)} points, {cases.deaths} deaths, {cases.news} new; {counted}")
    assert cases.deaths >= 0.75 * len(tried), "strace did not strike where the verb was counted"
    assert 0 < cases.news < len(tried), "both outcomes occur"
