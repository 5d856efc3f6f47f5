"""Collection synchronization per reader: token and report tell of nothing but his own view (rights.md §4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from acl import store
from acl.entries import Entry
from acl.labels import Classification, Label
from acl.mandates import Mandate
from acl.privileges import Rights
from shareproviders.paths import SharePath
from tests.dav.inside import Clock, InsideClient, Worker
from tests.dav.syncing import OFFICE, PROPPATCH, VALID, label, node_of, token, told
from tests.davclient import DavClient
from tests.mirror import Mirror, listing, report, sync_body

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.put("/hidden", b"other"),
        lambda c: c.put("/secret/new", b"new"),
        lambda c: c.move("/hidden", "/renamed"),
        lambda c: c.move("/hidden", "/secret/hidden"),
        lambda c: c.move("/secret", "/other"),
        lambda c: c.delete("/hidden"),
        lambda c: [c.delete("/hidden"), c.delete("/secret")],
        lambda c: c.proppatch("/hidden", PROPPATCH),
        lambda c: c.copy("/hidden", "/twin"),
        lambda c: c.copy("/secret", "/twins"),
    ],
    ids=range(10),
)
def test_hidden_changes_leave_the_token_as_it_is(
    worker: Worker, clerk: InsideClient, member: InsideClient, change: Callable[[DavClient], object]
) -> None:
    """§4: byte for byte; and a later answer names nothing of them."""
    clerk.put("/hidden", b"1")
    clerk.mkcol("/secret")
    clerk.put("/secret/inside", b"1")
    label(worker, clerk, "/hidden", OFFICE)
    label(worker, clerk, "/secret", OFFICE)
    before, tag = token(member), member.properties("", "getetag").text("getetag")
    change(clerk)
    assert token(member) == before
    assert member.properties("", "getetag").text("getetag") == tag
    clerk.put("/a", b"22")
    assert told(member, before) == {"/a": None}


def test_a_draft_that_arrives_changes_no_token(worker: Worker, clerk: InsideClient, member: InsideClient) -> None:
    """Where papers are out already, a newcomer waits (decision 11); only its makers see that it came."""
    label(worker, clerk, "", Label(Classification.RESTRICTED, release_at=worker.house.clock() - HOUR))
    before, clerks = token(member), token(clerk)
    clerk.put("/draft", b"1")
    assert "/draft" not in listing(member)
    assert token(member) == before
    assert told(clerk, clerks) == {"/draft": None}


@pytest.mark.parametrize("path", ["/a", "/d", "/d/x"])
def test_a_raised_class_voids_the_token(worker: Worker, clerk: InsideClient, member: InsideClient, path: str) -> None:
    """rights.md §4: the client lists afresh, and no 404 names what is hidden from him now."""
    mirror = Mirror(member)
    mirror.sync()
    label(worker, clerk, path, OFFICE)
    answer = report(member, "", sync_body(mirror.token))
    assert (answer.status, answer.condition()) == (403, VALID)
    assert mirror.sync() == listing(member)
    assert path not in mirror.copy
    assert all(path.encode() + b"<" not in answer.body for answer in mirror.answers)
    label(worker, clerk, path, Label(Classification.PUBLIC))
    assert mirror.sync() == listing(member)
    assert mirror.afresh == 2


def test_a_label_that_changes_nothing_for_the_reader_leaves_the_token_valid(
    worker: Worker, clerk: InsideClient, member: InsideClient
) -> None:
    before = token(member)
    label(worker, clerk, "/d", Label(Classification.RESTRICTED))
    assert told(member, before) == {}


def test_what_was_hidden_and_goes_is_never_named(worker: Worker, clerk: InsideClient, member: InsideClient) -> None:
    """Hidden first, then gone: the order of acts must not turn a hidden name into a 404."""
    since = token(member)
    label(worker, clerk, "/a", OFFICE)
    clerk.delete("/a")
    answer = report(member, "", sync_body(since or ""))
    assert answer.status == 403 or clerk.base + "/a" not in answer.members()
    fresh = report(member, "", sync_body())
    assert set(fresh.members()) == {clerk.base + "/d", clerk.base + "/d/x"}


def test_a_hidden_paper_moved_onto_a_visible_one_is_not_named(
    worker: Worker, clerk: InsideClient, member: InsideClient
) -> None:
    clerk.put("/hidden", b"2")
    label(worker, clerk, "/hidden", OFFICE)
    since = token(member)
    clerk.move("/hidden", "/a")
    answer = report(member, "", sync_body(since or ""))
    assert b"hidden" not in answer.body
    mirror = Mirror(member)
    mirror.token = since or ""
    assert "/a" not in mirror.sync() == listing(member)


def test_who_sees_one_paper_in_a_hidden_folder_follows_it(worker: Worker, clerk: InsideClient) -> None:
    """A folder that is seen for the sake of one member comes with it, is renamed with it, and goes with it."""
    with worker.house.database.transaction() as connection:
        store.add_entry(connection, "ba05", Entry(node_of(worker, clerk, "/d/x"), "user:sam", Rights.READ))
    sam = Mirror(worker.client("sam", clerk.base))
    first = sam.sync()
    assert first == listing(sam.client)
    for step in (
        lambda: clerk.put("/d/x", b"333"),
        lambda: clerk.move("/d", "/e"),
        lambda: clerk.put("/e/other", b"1"),
        lambda: clerk.move("/e/x", "/d2"),
    ):
        assert step().status < 300
        assert sam.sync() == listing(sam.client)
    assert all(b"other" not in answer.body for answer in sam.answers)


@pytest.mark.parametrize("event", ["mandate ends", "deputy for an evening", "release", "withdrawn by a denial"])
def test_what_changes_rights_voids_the_token_of_whom_it_concerns(
    worker: Worker, clerk: InsideClient, member: InsideClient, event: str
) -> None:
    """rights.md §3: by hand, by office and by the clock alone; the clerk's token holds all the while."""
    clock, now = worker.house.clock, worker.house.clock()
    assert isinstance(clock, Clock)
    reader = worker.client("sam", clerk.base) if event.startswith("deputy") else member
    with worker.house.database.transaction() as connection:
        if event.startswith("deputy"):
            entry = Entry(node_of(worker, clerk, "/d"), "user:sam", Rights.READ)
            label_of_a = node_of(worker, clerk, "/a")
            store.add_entry(connection, "ba05", entry)
            store.set_label(connection, "ba05", label_of_a, Label(Classification.RESTRICTED))
            store.declare_mandate(connection, Mandate("ba05", "sam", "member", now + HOUR, now + 2 * HOUR))
        elif event == "mandate ends":
            store.add_entry(connection, "ba05", Entry(node_of(worker, clerk, "/d"), "user:otto", Rights.READ))
        elif event == "release":
            store.set_label(connection, "ba05", node_of(worker, clerk, "/a"), Label(None, now + HOUR))
    mirror, clerks = Mirror(reader), Mirror(clerk)
    mirror.sync()
    clerks.sync()
    if event == "mandate ends":
        with worker.house.database.transaction() as connection:
            store.end_mandate(connection, "ba05", "otto", "member", worker.house.clock())
    elif event.startswith("withdrawn"):
        with worker.house.database.transaction() as connection:
            denied = Entry(node_of(worker, clerk, "/d"), "user:otto", Rights.ALL, deny=True)
            store.add_entry(connection, "ba05", denied)
    else:
        clock.ahead += HOUR + 1
    try:
        afresh = mirror.afresh
        assert mirror.sync() == listing(reader)
        assert mirror.afresh == afresh + 1
        clerks.sync()
        assert clerks.afresh == 0
        if event.startswith("deputy"):
            clock.ahead += HOUR
            assert mirror.sync() == listing(reader)
            assert mirror.afresh == afresh + 2
    finally:
        with worker.house.database.transaction() as connection:
            if event == "mandate ends":
                store.declare_mandate(connection, Mandate("ba05", "otto", "member", worker.house.clock()))


def test_pointers_are_told_by_their_own_names(worker: Worker, clerk: InsideClient, member: InsideClient) -> None:
    """What may be viewed but not copied comes as its pointer, whose name gives way to a real one and takes it back."""
    label(worker, clerk, "", Label(Classification.NON_PUBLIC, release_at=0))
    mirror = Mirror(member)
    mirror.sync()
    for step in (
        lambda: clerk.put("/Bericht.odt", b"1"),
        lambda: clerk.put("/Bericht.pdf", b"2"),
        lambda: clerk.delete("/Bericht.pdf"),
        lambda: clerk.put("/Bericht.odt", b"3"),
        lambda: clerk.move("/Bericht.odt", "/Antrag.odt"),
        lambda: clerk.delete("/Antrag.odt"),
    ):
        assert step().status < 300
        assert mirror.sync() == listing(member)
    assert mirror.afresh == 0
    assert all(b".odt" not in answer.body for answer in mirror.answers)


def test_program_files_are_told_as_a_listing_shows_them(clerk: InsideClient, member: InsideClient) -> None:
    """protocol.md §2: an owner file beside its document, a temp file to its maker only."""
    mine, his = Mirror(clerk), Mirror(member)
    for step in (
        lambda: clerk.put("/.~lock.a#", b"clara"),
        lambda: clerk.put("/~WRD2.tmp", b"1"),
        lambda: clerk.put("/.~lock.b.odt#", b"clara"),
        lambda: clerk.put("/b.odt", b"1"),
        lambda: clerk.move("/b.odt", "/c.odt"),
        lambda: clerk.delete("/a"),
        lambda: clerk.delete("/.~lock.a#"),
        lambda: clerk.delete("/~WRD2.tmp"),
    ):
        assert step().status < 300
        for mirror in (mine, his):
            assert mirror.sync() == listing(mirror.client)
        assert all(b"WRD2" not in answer.body for answer in his.answers)
    assert (mine.afresh, his.afresh) == (0, 0)


def test_what_is_shared_with_me_can_be_kept_in_step(worker: Worker, clerk: InsideClient) -> None:
    """Under `geteilt` the same tokens hold for the same folder, by the paths that it has there."""
    door = worker._door(worker._principal({"HTTP_AUTHORIZATION": clerk.authorization}))
    door.share_inside(SharePath.parse((clerk.base + "/d").removeprefix("/dav")), "user:sam", Rights.READ)
    sam = worker.client("sam")
    (name,) = [one for one in sam.names("/dav/geteilt/ba05") if one.startswith("d")][-1:]
    mirror = Mirror(worker.client("sam", f"/dav/geteilt/ba05/{name}"))
    assert set(mirror.sync()) == {"/x"}
    clerk.move("/d/x", "/d/y")
    assert set(mirror.sync()) == {"/y"}
