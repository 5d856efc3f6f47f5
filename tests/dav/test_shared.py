"""What others share with me: the virtual drive `/dav/geteilt/`, and that it is nothing but another way to the place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acl import store
from acl.entries import Entry
from acl.mandates import Mandate
from acl.privileges import Rights
from davserver.house import House
from davserver.tree.seen import AccessDenied, DoesNotFit
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from tests.dav.doors import door, fresh, opened, tree_path
from tests.davclient import DavClient, prop_body
from tests.running import RunningServer, copied, start

WRITING = Rights.READ | Rights.WRITE
MINUTE = 60_000_000
Sharing = Callable[..., int]


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this module's own, whose shares nobody else makes."""
    with start(copied(installed, tmp_path_factory.mktemp("shared")), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


@pytest.fixture
def folder(served: RunningServer) -> Iterator[DavClient]:
    with fresh(served) as client:
        yield client


@pytest.fixture
def share(house: House, folder: DavClient) -> Iterator[Sharing]:
    """share(path, principal, rights): clara shares what lies in the folder; all of it ends with the test."""
    made: list[int] = []

    def give(path: str, principal: str = "user:sam", rights: Rights = Rights.READ, **window: int) -> int:
        made.append(door(house, "clara").share_inside(tree_path(folder, path), principal, rights, **window))
        return made[-1]

    yield give
    for number in made:
        with house.database.transaction() as connection:
            store.remove_entry(connection, "ba05", number)


@pytest.fixture
def sam(served: RunningServer) -> Iterator[DavClient]:
    """Somebody without any mandate."""
    with served.client("sam", "/dav") as client:
        yield client


def test_what_is_shared_with_me_is_a_drive_of_its_own(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """`geteilt/<committee id>/<name>/…`, with the same bytes, tags and rights as the place itself."""
    folder.mkcol("/Entwürfe")
    folder.mkcol("/Entwürfe/sub")
    tag = folder.put("/Entwürfe/sub/a.txt", b"shared").etag
    assert sam.names("/") == []
    share("/Entwürfe")
    assert sam.names("/") == ["geteilt"]
    assert sam.names("/geteilt/") == ["ba05"]
    assert sam.names("/geteilt/ba05/") == ["Entwürfe"]
    assert sam.names("/geteilt/ba05/Entwürfe/") == ["sub"]
    got = sam.get("/geteilt/ba05/Entwürfe/sub/a.txt")
    assert (got.status, got.body, got.etag) == (200, b"shared", tag)
    assert sam.properties("/geteilt/ba05/", "displayname").text("displayname") == "BA 5 Au-Haidhausen"


def test_the_direct_path_of_what_is_shared_works(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """A committee without a mandate of mine is not listed because of a share, but an address sent to me opens."""
    folder.put("/a.txt", b"direct")
    folder.put("/b.txt", b"not shared")
    share("/a.txt")
    here = sam.under(folder.base)
    assert here.get("/a.txt").body == b"direct"
    assert here.get("/b.txt").status == 404
    here.close()
    assert "ba05" not in sam.names("/")


def test_reading_is_not_writing(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """Shared for reading: every verb that changes is refused, and nothing changed."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    share("/F")
    base = "/geteilt/ba05/F"
    assert sam.put(f"{base}/a.txt", b"2").status == 403
    assert sam.put(f"{base}/new.txt", b"2").status == 403
    assert sam.mkcol(f"{base}/sub").status == 403
    assert sam.delete(f"{base}/a.txt").status == 403
    assert sam.move(f"{base}/a.txt", f"{base}/b.txt").status == 403
    assert sam.copy(f"{base}/a.txt", f"{base}/b.txt").status == 403
    assert sam.lock(f"{base}/a.txt").status == 403
    assert folder.names("/F") == ["a.txt"]
    assert folder.get("/F/a.txt").body == b"1"


def test_two_ways_lead_to_one_document(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """Shared for writing: one node, so a lock taken here holds there, and tags are equal."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    share("/F", rights=WRITING)
    base = "/geteilt/ba05/F"
    assert sam.put(f"{base}/new.txt", b"by sam").status == 201
    assert folder.get("/F/new.txt").body == b"by sam"
    token = sam.lock(f"{base}/a.txt").lock_token
    assert folder.put("/F/a.txt", b"2").status == 423
    done = sam.put(f"{base}/a.txt", b"3", If=f"(<{token}>)")
    assert done.status == 204
    assert folder.head("/F/a.txt").etag == done.etag
    assert sam.unlock(f"{base}/a.txt", token).status == 204
    assert sam.move(f"{base}/a.txt", f"{base}/b.txt").status == 201
    assert folder.names("/F") == ["b.txt", "new.txt"]


def test_one_document_can_be_shared_for_writing(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    folder.put("/a.txt", b"1")
    share("/a.txt", rights=Rights.READ | Rights.WRITE_CONTENT)
    assert sam.put("/geteilt/ba05/a.txt", b"2").status == 204
    assert folder.get("/a.txt").body == b"2"
    assert sam.delete("/geteilt/ba05/a.txt").status == 403


def test_nobody_overwrites_a_document_with_itself(folder: DavClient, share: Sharing, served: RunningServer) -> None:
    """The two names of one document are one place to COPY and MOVE (RFC 4918 §9.8.5)."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"precious")
    share("/F", principal="role:member", rights=WRITING)
    direct = folder.base.removeprefix("/dav") + "/F"
    with served.client("otto", "/dav") as otto:
        for verb in (otto.move, otto.copy):
            assert verb("/geteilt/ba05/F/a.txt", f"{direct}/a.txt").status == 403
            assert verb(f"{direct}/a.txt", "/geteilt/ba05/F/a.txt").status == 403
            assert verb(direct, "/geteilt/ba05/F/inside").status == 403
    assert folder.get("/F/a.txt").body == b"precious"


def test_the_list_itself_is_fixed(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """What is shared is listed; nobody adds to the list or takes from it by a verb."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    share("/F", rights=WRITING)
    for path in ("/geteilt/", "/geteilt/ba05/", "/geteilt/ba05/F/"):
        assert sam.delete(path).status == 403
        assert sam.move(path, "/geteilt/ba05/F/x").status == 403
        assert sam.mkcol(path).status == 405
        assert sam.proppatch(path, "<D:set><D:prop><x/></D:prop></D:set>").status in (207, 403)
    assert sam.put("/geteilt/ba05/new.txt", b"x").status == 403
    assert sam.put("/geteilt/new.txt", b"x").status == 403
    assert sam.copy("/geteilt/ba05/F/a.txt", "/geteilt/ba05/a.txt").status == 403
    assert sam.copy("/geteilt/ba05/F/a.txt", "/geteilt/ba05/none/a.txt").status == 409
    assert sam.lock("/geteilt/ba05/").status == 403
    assert sam.request("ACL", "/geteilt/ba05/", '<D:acl xmlns:D="DAV:"/>').status == 403
    assert sam.propfind("/geteilt/ba05/", "0", prop_body("acl", "owner", "quota-used-bytes")).status == 207
    assert sam.get("/geteilt/archiv/").status == 404
    assert sam.get("/geteilt/ba05/none").status == 404
    assert folder.names("/") == ["F"]


def test_equal_names_are_told_apart(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """Two things called alike both carry their number, so that neither name ever leads to the other."""
    for sub in ("/x", "/y"):
        folder.mkcol(sub)
        folder.put(f"{sub}/plan.pdf", sub.encode())
        share(f"{sub}/plan.pdf")
    names = sam.names("/geteilt/ba05/")
    assert len(set(names)) == 2
    assert all(name.startswith("plan (") and name.endswith(").pdf") for name in names)
    assert {sam.get(f"/geteilt/ba05/{name}").body for name in names} == {b"/x", b"/y"}
    assert sam.get("/geteilt/ba05/plan.pdf").status == 404


def test_a_share_follows_the_thing_and_not_its_name(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """Renamed: shown under the new name. Deleted and made anew under the old name: not shared (B4)."""
    folder.put("/a.txt", b"1")
    share("/a.txt")
    folder.move("/a.txt", "/b.txt")
    assert sam.names("/geteilt/ba05/") == ["b.txt"]
    folder.delete("/b.txt")
    folder.put("/b.txt", b"other")
    assert sam.names("/") == []
    assert sam.get("/geteilt/ba05/b.txt").status == 404


def test_a_share_has_a_window(folder: DavClient, share: Sharing, sam: DavClient) -> None:
    """Before its start and from its end on there is nothing."""
    now = time.time_ns() // 1000
    folder.put("/past.txt", b"1")
    folder.put("/future.txt", b"1")
    folder.put("/now.txt", b"1")
    share("/past.txt", end=now - MINUTE, start=now - 2 * MINUTE)
    share("/future.txt", start=now + 60 * MINUTE)
    share("/now.txt", start=now - MINUTE, end=now + 60 * MINUTE)
    assert sam.names("/geteilt/ba05/") == ["now.txt"]


def test_a_share_ends_when_it_is_taken_back(folder: DavClient, share: Sharing, sam: DavClient, house: House) -> None:
    """At once, in every worker; only its maker, or who might share there, ends it."""
    folder.put("/a.txt", b"1")
    number = share("/a.txt")
    with pytest.raises((NotFound, AccessDenied)):
        door(house, "sam").end_share("ba05", number)
    assert sam.get("/geteilt/ba05/a.txt").status == 200
    door(house, "clara").end_share("ba05", number)
    for _ in range(8):
        with sam.under("/dav") as again:
            assert again.get("/geteilt/ba05/a.txt").status == 404
    with pytest.raises(NotFound):
        door(house, "clara").end_share("ba05", number)


def test_shares_to_an_office_or_committee(folder: DavClient, share: Sharing, served: RunningServer) -> None:
    """They appear to whoever holds the office now; a drive with an own mandate stays listed."""
    folder.put("/members.txt", b"1")
    folder.put("/archive.txt", b"1")
    share("/members.txt", "role:member")
    share("/archive.txt", "committee:archiv")
    with served.client("otto", "/dav") as otto, served.client("edda", "/dav") as edda:
        assert otto.names("/") == ["archiv", "ba05", "geteilt"]
        assert otto.names("/geteilt/ba05/") == ["archive.txt", "members.txt"]
        assert "geteilt" not in edda.names("/")


def test_what_the_office_sets_is_no_share(folder: DavClient, sam: DavClient, house: House) -> None:
    """An entry without a maker shows its committee among the drives, as before, and nothing under `geteilt`."""
    folder.put("/a.txt", b"1")
    node = door(house, "clara").stat(tree_path(folder, "/a.txt")).node.id
    with house.database.transaction() as connection:
        number, _ = store.add_entry(connection, "ba05", Entry(node, "user:sam", Rights.READ))
    assert sam.names("/") == ["ba05"]
    with house.database.transaction() as connection:
        store.remove_entry(connection, "ba05", number)


def test_nobody_shares_more_than_he_may_himself(folder: DavClient, house: House) -> None:
    """`share` is needed, and every right that is given; what a program made and whole drives are not shared."""
    folder.put("/a.txt", b"1")
    path = tree_path(folder, "/a.txt")
    with pytest.raises(AccessDenied):
        door(house, "otto").share_inside(path, "user:sam", Rights.READ)
    with pytest.raises(NotFound):
        door(house, "sam").share_inside(path, "user:sam", Rights.READ)
    clerk = door(house, "clara")
    with pytest.raises(ValueError, match="further"):
        clerk.share_inside(path, "user:sam", Rights.READ | Rights.SHARE)
    with pytest.raises(ValueError, match="share with"):
        clerk.share_inside(path, "all", Rights.READ)
    with pytest.raises(DoesNotFit):
        clerk.share_inside(SharePath(("ba05",)), "user:sam", Rights.READ)


def test_sharing_is_logged(folder: DavClient, share: Sharing, house: House) -> None:
    """One line with who, what and where; the chain holds."""
    folder.put("/a.txt", b"1")
    number = share("/a.txt")
    (line,) = [each for each in house.audit.show(who="user:clara", limit=5) if each["what"] == "share"]
    assert (line["share"], line["detail"], line["result"]) == ("ba05", f"entry {number}", "ok")
    door(house, "clara").end_share("ba05", number)
    assert next(house.audit.show(limit=1))["what"] == "unshare"
    assert house.audit.verify()[1] is None


def test_a_share_is_no_more_than_its_maker(folder: DavClient, house: House, sam: DavClient) -> None:
    """Its maker leaves: what he shared is gone; nobody has to think of it."""
    folder.put("/a.txt", b"1")
    node = door(house, "clara").stat(tree_path(folder, "/a.txt")).node.id
    with house.database.transaction() as connection:
        store.add_entry(connection, "ba05", Entry(node, "user:sam", WRITING, maker="user:otto"))
        store.add_entry(connection, "ba05", Entry(node, "user:sam", Rights.READ, maker="user:edda"))
    assert sam.get("/geteilt/ba05/a.txt").status == 200
    with house.database.transaction() as connection:
        store.end_mandate(connection, "ba05", "otto", "member", house.clock())
    try:
        assert sam.get("/geteilt/ba05/a.txt").status == 404
        assert sam.names("/") == []
    finally:
        with house.database.transaction() as connection:
            store.declare_mandate(connection, Mandate("ba05", "otto", "member", house.clock()))
