"""A remembered listing is one that would be written exactly so again: any commit, time edge or other asker ends it."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from acl.principals import Channel, Principal, PrincipalKind
from davserver.tree.locking import GuardedTree
from davserver.tree.remembered import Kept, Remembered, Standing
from davserver.tree.seen import Terms
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from tests.dav.inside import Worker
from tests.davclient import DavClient
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]


def test_the_same_listing_twice_is_the_same(folder: DavClient) -> None:
    folder.put("/a", b"1")
    assert folder.propfind("", "1").body == folder.propfind("", "1").body


def test_every_change_shows_at_once_whoever_makes_it(folder: DavClient, people: People) -> None:
    otto = people("otto", folder.base)
    for number in range(10):
        assert otto.names("") == folder.names("")
        assert otto.put(f"/{number}", b"x").status == 201
        assert str(number) in folder.names("")
        assert folder.proppatch(f"/{number}", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>").status == 207
        assert b"urn:x" in otto.propfind(f"/{number}").body


def test_a_lock_and_its_end_show_at_once(folder: DavClient) -> None:
    folder.put("/a", b"1")
    assert b"activelock" not in folder.propfind("", "1").body
    token = folder.lock("/a").lock_token
    assert b"activelock" in folder.propfind("", "1").body
    folder.unlock("/a", token)
    assert b"activelock" not in folder.propfind("", "1").body


def test_two_askers_never_share_an_answer(vault_folder: DavClient, people: People, server: RunningServer) -> None:
    vault_folder.put("/hidden", b"1")
    path = vault_folder.base.removeprefix("/dav/") + "/hidden"
    command("label", path, "--class", "office", data=server.data)
    otto = people("otto", vault_folder.base)
    for _ in range(3):
        assert (vault_folder.names(""), otto.names("")) == (["hidden"], [])


def test_a_time_edge_ends_it(people: People, server: RunningServer) -> None:
    """rights.md: everything is evaluated at request time; the release comes to the second without any commit."""
    clerk = people("clara", f"/dav/ba05/edge-{time.time_ns()}")
    clerk.mkcol("")
    clerk.put("/later", b"1")
    path, otto = clerk.base.removeprefix("/dav/") + "/later", people("otto", clerk.base)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 8))
    command("label", path, "--class", "restricted", "--release", moment, data=server.data)
    assert otto.names("") == []
    deadline = time.monotonic() + 15
    while otto.names("") == [] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert otto.names("") == ["later"]


def test_conditions_are_evaluated_all_the_same(folder: DavClient) -> None:
    folder.put("/a", b"1")
    assert folder.propfind("/a").status == 207
    assert folder.propfind("/a", If='(["wrong"])').status == 412


def test_a_change_is_decided_on_what_is_there_then(worker: Worker) -> None:
    """Law 2: what a request met before its transaction counts only until anybody changes anything."""
    clerk = worker.client("clara", f"/dav/ba05/m-{time.time_ns()}")
    for name in ("", "/a", "/b"):
        assert clerk.mkcol(name).status == 201
    here = SharePath.parse(clerk.base.removeprefix("/dav/").split("/"))
    tree = GuardedTree(worker.forest, Principal(PrincipalKind.USER, "clara"), Channel.DAV)
    tree.stat(here / "a")  # cuts the folders along the rules, the first time
    met = tree.stat(here / "a")
    with worker.house.database.transaction():
        assert tree.stat(here / "a") is met, "nothing has changed: it is not asked for again"
    assert clerk.move("/b", "/c").status == 201
    with worker.house.database.transaction():
        assert tree.stat(here / "a") is not met, "somebody has committed something"
    tree.stat(here / "a")
    with worker.house.database.transaction():
        tree.delete(here / "a", Terms())
        with pytest.raises(NotFound):
            tree.stat(here / "a")


def test_a_commit_empties_it() -> None:
    """Under many writers it holds what was asked since the newest commit, and no more (security.md S-53)."""
    remembered = Remembered()
    for number in range(100):
        remembered.keep(number, Kept(b"x", Standing(1, 0, None)))
    assert remembered.find(99, 1, 1) is not None
    remembered.keep("new", Kept(b"y", Standing(2, 0, None)))
    assert list(remembered._kept) == ["new"]
    assert remembered.find("new", 2, 1) is not None


def test_what_clients_write_at_length_fills_no_memory(worker: Worker) -> None:
    """Each a PROPFIND of its own, padded to 60 KiB: its answer is remembered, its words are not."""
    clerk = worker.client("clara", f"/dav/ba05/r-{time.time_ns()}")
    assert clerk.mkcol("").status == 201
    asking = "<D:propfind xmlns:D='DAV:'><!--{}--><D:prop><D:displayname/></D:prop></D:propfind>"
    assert clerk.propfind("", "0", asking.format("x")).status == 207
    tracemalloc.start()
    try:
        for number in range(200):
            assert clerk.propfind("", "0", asking.format(f"{number:>61440}")).status == 207
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4 * 1024**2, "as keys, the words alone would be 12 MiB"
