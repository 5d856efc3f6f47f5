"""Collection synchronization (RFC 6578): the report, its tokens, and that they tell a reader of his own view only."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acl import store
from acl.entries import Entry
from acl.labels import Classification, Label
from acl.mandates import Mandate
from acl.principals import Ceiling
from acl.privileges import Rights
from shareproviders.paths import SharePath
from tests.dav.inside import Clock, InsideClient, Worker
from tests.davclient import DAV, DavClient
from tests.mirror import Mirror, listing, report, sync_body, token_of
from tests.running import RunningServer, copied, start

VALID = DAV + "valid-sync-token"
HOUR = 3_600_000_000
PROPPATCH = "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>"


@pytest.fixture(scope="module")
def worker(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(copied(installed, tmp_path_factory.mktemp("sync")), Clock())
    yield made
    made.close()


@pytest.fixture
def clerk(worker: Worker) -> InsideClient:
    """In a fresh folder with a document and a folder with another."""
    client = worker.client("clara", f"/dav/ba05/s-{uuid.uuid4().hex[:10]}")
    for path in ("", "/d"):
        assert client.mkcol(path).status == 201
    for path in ("/a", "/d/x"):
        assert client.put(path, b"1").status == 201
    return client


@pytest.fixture
def member(worker: Worker, clerk: InsideClient) -> InsideClient:
    return worker.client("otto", clerk.base)


def token(client: DavClient, path: str = "") -> str | None:
    return client.properties(path, "sync-token").text("sync-token")


def told(client: DavClient, since: str | None, **wish: object) -> dict[str, int | None]:
    """Paths beneath the client's base that one report names, with the status of what is gone."""
    answer = report(client, "", sync_body(since or "", **wish))  # type: ignore[arg-type]
    return {href.removeprefix(client.base): member.status for href, member in answer.members().items()}


def label(worker: Worker, client: DavClient, path: str, label: Label) -> None:
    node = worker.house.share("ba05").stat(SharePath.parse((client.base + path).removeprefix("/dav/ba05")))
    with worker.house.database.transaction() as connection:
        store.set_label(connection, "ba05", node.id, label)


OFFICE = Label(Classification.OFFICE)


# -- the report (§3) --------------------------------------------------------------------------------------------------


def test_a_first_report_tells_everything_and_the_next_only_what_changed(clerk: InsideClient) -> None:
    """§3.4, §3.5: an empty token asks for all; each further one for what is new, changed and gone."""
    answer = report(clerk, "", sync_body())
    assert set(answer.members()) == {clerk.base + path for path in ("/a", "/d", "/d/x")}
    assert answer.members()[clerk.base + "/a"].text("getcontentlength") == "1"
    since = token_of(answer)
    assert since == token(clerk)
    assert told(clerk, since) == {}
    clerk.put("/a", b"22")
    clerk.put("/b", b"3")
    clerk.delete("/d/x")
    assert told(clerk, since) == {"/a": None, "/b": None, "/d": None, "/d/x": 404}
    assert told(clerk, token(clerk)) == {}


def test_level_1_tells_members_only(clerk: InsideClient) -> None:
    """§3.3, §6.3."""
    assert told(clerk, "", level="1") == {"/a": None, "/d": None}
    since = token(clerk)
    clerk.put("/d/y", b"1")
    clerk.mkcol("/e")
    assert told(clerk, since, level="1") == {"/d": None, "/e": None}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c.move("/a", "/b"), {"/a": 404, "/b": None}),
        (lambda c: c.move("/a", "/d/a"), {"/a": 404, "/d": None, "/d/a": None}),
        (lambda c: c.move("/d", "/e"), {"/d": 404, "/e": None, "/e/x": None}),
        (lambda c: [c.move("/d/x", "/d/y"), c.move("/d", "/e")], {"/d": 404, "/e": None, "/e/y": None}),
        (lambda c: c.copy("/d", "/e"), {"/e": None, "/e/x": None}),
        (lambda c: c.copy("/a", "/d/x"), {"/d": None, "/d/x": None}),
        (lambda c: c.move("/a", "/d/x"), {"/a": 404, "/d": None, "/d/x": None}),
        (lambda c: c.proppatch("/a", PROPPATCH), {"/a": None}),
        (lambda c: c.proppatch("/d", PROPPATCH), {"/d": None}),
        (lambda c: c.lock("/new"), {"/new": None}),
        (lambda c: c.delete("/d"), {"/d": 404}),
        (lambda c: [c.put("/b", b"1"), c.delete("/b")], {}),
        (lambda c: [c.move("/a", "/b"), c.move("/b", "/a")], {"/a": None}),
        (lambda c: [c.delete("/a"), c.put("/a", b"2")], {"/a": None}),
        (lambda c: [c.move("/d", "/e"), c.delete("/e/x"), c.move("/e", "/d")], {"/d": None, "/d/x": 404}),
    ],
    ids=str,
)
def test_each_verb_shows(
    clerk: InsideClient, change: Callable[[DavClient], object], expected: dict[str, int | None]
) -> None:
    """§3.5: each node once, as it is now; what left, by the path that the client knew."""
    since = token(clerk)
    change(clerk)
    assert told(clerk, since) == expected


def test_a_safe_save_changes_one_document(clerk: InsideClient) -> None:
    """protocol.md §2: Word's renames leave the same document, and so one change."""
    since = token(clerk)
    clerk.put("/~WRD1.tmp", b"new")
    clerk.move("/a", "/~WRL1.tmp")
    clerk.move("/~WRD1.tmp", "/a")
    clerk.delete("/~WRL1.tmp")
    assert told(clerk, since) == {"/a": None}


def test_a_folder_in_another_folders_place_begins_afresh(clerk: InsideClient) -> None:
    """One path cannot be told twice (RFC 4918 §14.24), as gone with all that was in it and as new."""
    since = token(clerk)
    clerk.delete("/d")
    clerk.mkcol("/d")
    answer = report(clerk, "", sync_body(since or ""))
    assert (answer.status, answer.condition()) == (403, VALID)
    assert told(clerk, since, level="1") == {"/d": None}


def test_an_answer_can_be_limited(clerk: InsideClient) -> None:
    """§3.6: the collection itself comes with 507, and the token goes on where the answer ended."""
    for number in range(7):
        clerk.put(f"/d/{number}", b"1")
    whole, since, found = set(listing(clerk)), "", set[str]()
    for _ in range(9):
        answer = report(clerk, "", sync_body(since, limit=2))
        rows = answer.members()
        since = token_of(answer)
        found |= {href.removeprefix(clerk.base) for href in rows if href != clerk.base}
        assert len(rows) <= 3
        if clerk.base not in rows:
            break
        assert rows[clerk.base].status == 507
        assert b"<D:error><D:number-of-matches-within-limits/></D:error>" in answer.body
    assert found == whole
    assert since == token(clerk)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_changes_between_two_pages_are_not_lost(clerk: InsideClient, limit: int) -> None:
    mirror = Mirror(clerk, limit=limit)
    mirror._apply(report(clerk, "", sync_body("", limit=limit)))
    mirror.token = token_of(report(clerk, "", sync_body("", limit=limit)))
    clerk.move("/d", "/moved")
    clerk.delete("/a")
    clerk.put("/later", b"1")
    assert mirror.sync() == listing(clerk)


@pytest.mark.parametrize(
    "body",
    [
        "<D:sync-level>1</D:sync-level><D:prop/>",
        "<D:sync-token/><D:prop/>",
        "<D:sync-token/><D:sync-level>2</D:sync-level><D:prop/>",
        "<D:sync-token/><D:sync-level>1</D:sync-level>",
        "<D:sync-token/><D:sync-level>1</D:sync-level><D:limit><D:nresults>0</D:nresults></D:limit><D:prop/>",
        "<D:sync-token/><D:sync-level>1</D:sync-level><D:limit/><D:prop/>",
    ],
)
def test_a_body_that_is_none_is_refused(clerk: InsideClient, body: str) -> None:
    """§6.1."""
    assert report(clerk, "", f'<D:sync-collection xmlns:D="DAV:">{body}</D:sync-collection>').status == 400


def test_depth_is_0(clerk: InsideClient) -> None:
    """§3.2: the level says how deep; a Depth header other than 0 is a bad request, an absent one is 0."""
    assert clerk.request("REPORT", "", sync_body()).status == 207
    assert report(clerk, "", sync_body(), Depth="1").status == 400


def test_minimal_answers_leave_out_what_is_not_there(clerk: InsideClient) -> None:
    """RFC 8144 §2.1."""
    body = sync_body(names=("getcontentlength", "nothing"))
    answer = report(clerk, "", body, Prefer="return=minimal")
    assert answer.headers["Preference-Applied"] == "return=minimal"
    assert b"404 Not Found" not in answer.body
    assert b"404 Not Found" in report(clerk, "", body).body


def test_it_is_told_where_it_can_be_asked(clerk: InsideClient, worker: Worker) -> None:
    """§3.2, §4: a collection of a share that keeps a journal has the report and the property; nothing else has."""

    def told_at(path: str) -> tuple[bool, bool]:
        member = clerk.under("").properties(path, "supported-report-set", "sync-token")
        found = member.found[DAV + "supported-report-set"]
        return any(True for _ in found.iter(DAV + "sync-collection")), member.text("sync-token") is not None

    assert told_at(clerk.base) == told_at("/dav/ba05") == (True, True)
    assert told_at(clerk.base + "/a") == told_at("/dav") == told_at("/dav/archiv") == (False, False)
    answer = report(clerk, "/a", sync_body())
    assert (answer.status, answer.condition()) == (403, DAV + "supported-report")
    assert b"sync-token" not in clerk.propfind("").body
    clerk.worker.ceilings["clara"] = Ceiling("app-password", scopes=(("ba05", node_of(worker, clerk, "/d")),))
    try:
        assert told_at(clerk.base + "/d") == (True, True)
        assert told_at(clerk.base) == (False, False)
    finally:
        clerk.worker.ceilings.clear()


def node_of(worker: Worker, client: DavClient, path: str) -> int:
    return worker.house.share("ba05").stat(SharePath.parse((client.base + path).removeprefix("/dav/ba05"))).id


# -- tokens (§4, §5) --------------------------------------------------------------------------------------------------


def test_a_token_that_is_not_of_here_is_not_valid(clerk: InsideClient, member: InsideClient) -> None:
    """§3.2: malformed, altered, of another collection and of another reader; all alike."""
    own = token(clerk) or ""
    cut, altered = own[:-4], own[:30] + ("A" if own[30] != "A" else "B") + own[31:]
    foreign = [token(clerk, "/d"), token(member), "urn:x", "nonsense", "urn:x-gremium-sync:", cut, altered, "x" * 9999]
    refused = [report(clerk, "", sync_body(one or "")) for one in foreign]
    assert {(answer.status, answer.condition()) for answer in refused} == {(403, VALID)}
    assert len({answer.body for answer in refused}) == 1


def test_a_token_is_a_condition(clerk: InsideClient) -> None:
    """§5: If with the sync-token of a collection holds as long as nothing in it has changed."""
    now = token(clerk)
    condition = f"<{clerk.target('')}> (<{now}>)"
    assert clerk.put("/d/y", b"1", If=condition).status == 201
    assert clerk.put("/d/z", b"1", If=condition).status == 412
    assert clerk.put("/d/z", b"1", If=f"<{clerk.target('')}> (Not <{now}>)").status == 201


# -- per reader (rights.md §3, §4) ------------------------------------------------------------------------------------


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
    label(worker, clerk, "", Label(Classification.PUBLIC, release_at=worker.house.clock() - HOUR))
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


# -- processes --------------------------------------------------------------------------------------------------------


def test_tokens_hold_in_every_worker_and_after_a_restart(own_data: Path) -> None:
    """Law 9: what a token says lies in it and in the database."""
    with start(own_data, workers=2) as server:
        mirrors = followed(server)
        assert server.stop() == 0
    with start(own_data, workers=2) as server:
        for mirror in mirrors:
            mirror.client = server.client(*user_of(mirror.client))
        with server.client("clara", mirrors[0].client.base) as clerk:
            clerk.delete("/1")
            clerk.move("/d", "/e")
            for mirror in mirrors:
                assert mirror.sync() == listing(mirror.client)
                assert mirror.afresh == 0
                mirror.client.close()


def followed(server: RunningServer) -> list[Mirror]:
    base = "/dav/ba05/Arbeitsordner/followed"
    mirrors = []
    with server.client("clara", base) as clerk:
        clerk.mkcol("")
        mirrors = [Mirror(server.client(user, base)) for user in ("clara", "otto")]
        for number in range(6):
            clerk.put(f"/{number}", b"1")
            clerk.mkcol("/d")
            for mirror in mirrors:
                mirror.client.close()  # a new connection, so that either worker may get it
                assert mirror.sync() == listing(mirror.client)
    for mirror in mirrors:
        mirror.client.close()
    return mirrors


def user_of(client: DavClient) -> tuple[str, str]:
    return base64.b64decode(client.authorization.split()[1]).decode().partition(":")[0], client.base
