"""Collection synchronization (RFC 6578): the report, its tokens, and that they tell a reader of his own view only."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from acl.principals import Ceiling
from davserver.accounts import create_app_password
from tests.dav.inside import InsideClient, Worker
from tests.dav.syncing import PROPPATCH, VALID, node_of, token, told
from tests.davclient import DAV, DavClient
from tests.mirror import Mirror, listing, report, sync_body, token_of
from tests.running import RunningServer, start

HOUR = 3_600_000_000


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
    ids=(
        "rename",
        "move into a folder",
        "rename a folder",
        "rename inside, then the folder",
        "copy a folder",
        "copy onto",
        "move onto",
        "properties",
        "properties of a folder",
        "lock a free name",
        "delete a folder",
        "come and gone",
        "there and back",
        "deleted and made anew",
        "lost on the way",
    ),
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
    scopes = (("ba05", node_of(worker, clerk, "/d")),)
    with worker.house.database.transaction() as connection:
        create_app_password(connection, b"x" * 32, "clara", "narrow", worker.house.clock(), scopes=scopes)
    clerk.worker.ceilings["clara"] = Ceiling("app-password", scopes=scopes)
    try:
        assert told_at(clerk.base + "/d") == (True, True)
        assert told_at(clerk.base) == (False, False)
    finally:
        clerk.worker.ceilings.clear()


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
