"""Links at the running server: what one opens, and what it never shows (security.md B3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl.privileges import Rights
from davserver.house import House
from davserver.tree.sharing import LinkWish
from tests.dav.doors import Linking, door, fresh, linking, opened, tree_path
from tests.davclient import LOCKINFO, DavClient, prop_body
from tests.running import RunningServer, copied, start

CANARY = b"canary-7f3a"
WORD = "Geheim-Wort-77"
MINUTE = 60_000_000
WRITING = Rights.READ | Rights.BIND | Rights.WRITE_CONTENT


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("links")), workers=2) as running:
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
def link(served: RunningServer, house: House, folder: DavClient) -> Iterator[Linking]:
    with linking(served, house, folder) as link:
        yield link


# -- what it opens --------------------------------------------------------------------------------------------------


def test_a_folder_is_a_tree_of_its_own(folder: DavClient, link: Linking) -> None:
    """Hrefs, listings and bytes as in the drive, under the link's own prefix."""
    folder.mkcol("/F")
    folder.mkcol("/F/ü b")
    tag = folder.put("/F/ü b/a.txt", b"read me").etag
    visitor = link("/F").client()
    assert visitor.names("/") == ["ü b"]
    assert visitor.names("/ü b/") == ["a.txt"]
    got = visitor.get("/ü b/a.txt")
    assert (got.status, got.body, got.etag) == (200, b"read me", tag)
    assert set(visitor.propfind("/ü b", "1").members()) == {visitor.base + "/ü b", visitor.base + "/ü b/a.txt"}


def test_a_document_is_the_only_member_of_its_link(folder: DavClient, link: Linking) -> None:
    """No sibling ever, however alike its name; and nothing of the folder around it (security.md B3)."""
    alike = ("plan", "plan.pdf2", "plan.pd", "Plan.pdf", "plan.pdf ", "plan (2).pdf")
    siblings = (*alike, ".~lock.plan.pdf#", "~$plan.pdf")
    for name in ("plan.pdf", *siblings):
        folder.put(f"/{name}", CANARY if name != "plan.pdf" else b"open")
    folder.proppatch("", "<D:set><D:prop><secret xmlns='urn:x'>canary-7f3a</secret></D:prop></D:set>")
    visitor = link("/plan.pdf").client()
    assert visitor.names("/") == ["plan.pdf"]
    assert visitor.get("/plan.pdf").body == b"open"
    for name in siblings:
        assert visitor.get(f"/{name}").status == 404
        assert visitor.propfind(f"/{name}").status == 404
        assert visitor.put(f"/{name}", b"x").status == 403
        assert visitor.lock(f"/{name}").status == 403
        assert visitor.move("/plan.pdf", f"/{name}").status == 403
        assert visitor.copy(f"/{name}", "/copy").status == 404
    about = visitor.propfind("/", "0")
    assert CANARY not in about.body
    assert folder.base.rpartition("/")[2].encode() not in about.body
    folder.put("/another", b"x")
    assert visitor.propfind("/", "0").body == about.body


def test_reading_is_all_that_a_link_gives_unless_it_says_more(folder: DavClient, link: Linking) -> None:
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    visitor = link("/F").client()
    assert visitor.put("/a.txt", b"2").status == 403
    assert visitor.put("/b.txt", b"2").status == 403
    assert visitor.mkcol("/sub").status == 403
    assert visitor.delete("/a.txt").status == 403
    assert visitor.move("/a.txt", "/b.txt").status == 403
    assert visitor.lock("/a.txt").status == 403
    assert visitor.delete("/").status == 403
    assert visitor.mkcol("/").status == 405
    assert folder.get("/F/a.txt").body == b"1"


def test_a_link_for_writing_writes_inside_only(folder: DavClient, link: Linking) -> None:
    """Its Destination and If lists end at its own root; it removes nothing, and not itself."""
    folder.mkcol("/F")
    folder.mkcol("/F2")
    folder.put("/F2/c.txt", CANARY)
    visitor = link("/F", rights=WRITING).client()
    assert visitor.put("/a.txt", b"1").status == 201
    assert visitor.put("/a.txt", b"2").status == 204
    assert visitor.mkcol("/sub").status == 201
    assert visitor.copy("/a.txt", "/sub/b.txt").status == 201
    assert folder.get("/F/sub/b.txt").body == b"2"
    away = {"Destination": folder.url("/F2/a.txt")}
    assert visitor.request("COPY", "/a.txt", headers=away).status == 502
    from_away = {"If": f'<{folder.target("/F2/c.txt")}> (["x"])'}
    assert visitor.request("PUT", "/a.txt", b"3", from_away).status == 412
    assert visitor.delete("/a.txt").status == 403
    assert folder.names("/F2") == ["c.txt"]


@pytest.mark.parametrize("method", ["GET", "PROPFIND", "PUT", "COPY", "LOCK"])
def test_no_spelling_leads_out(folder: DavClient, link: Linking, method: str) -> None:
    """Mutated paths under `/a` never bring out a byte of `/a2`, nor of what lies beside both (security.md B3)."""
    for name in ("/a", "/a2"):
        folder.mkcol(name)
    folder.put("/a/in.txt", b"inside")
    folder.put("/a2/out.txt", CANARY)
    folder.put("/out.txt", CANARY)
    visitor = link("/a", rights=WRITING).client()
    ups = (
        "..",
        "%2e%2e",
        "%252e%252e",
        ".%2e",
        "%c0%ae%c0%ae",
        "..;",
        "..%00",
        "..%5c",
        "%2e%2e%2f",
        "%ef%bc%8e%ef%bc%8e",
        "...%20",
    )
    steps = ("/", "%2f", "\\", "%5c", "//", "/./")
    tails = ("a2/out.txt", "out.txt", "a2%2fout.txt", "a2", "")
    for up in ups:
        for step in steps:
            for tail in tails:
                raw = f"{visitor.base}/{up}{step}{tail}"
                body = {"PUT": b"x", "LOCK": LOCKINFO.format(scope="exclusive", owner="x").encode()}.get(method)
                headers = {"Depth": "0", "Destination": f"http://{visitor.host}:{visitor.port}{visitor.base}/got.txt"}
                answer = visitor.request(method, "", body, headers, raw_target=raw)
                assert answer.status < 500
                assert CANARY not in answer.body
                assert b"out.txt</D:href>" not in answer.body or method == "LOCK"
    assert set(folder.names("/")) == {"a", "a2", "out.txt"}
    assert folder.get("/a2/out.txt").body == folder.get("/out.txt").body == CANARY
    for name in visitor.names("/"):
        assert CANARY not in visitor.get(f"/{name}").body


def test_a_lock_from_inside_names_nobody_and_no_place(folder: DavClient, link: Linking) -> None:
    """Who works on it and where the lock begins are the committee's; that it is locked is told."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    visitor = link("/F", rights=WRITING).client()
    lock = LOCKINFO.format(scope="exclusive", owner="Clara Clerk")
    assert folder.request("LOCK", "", lock, {"Depth": "infinity"}).status == 200
    seen = visitor.propfind("/a.txt", "0")
    assert b"activelock" in seen.body
    refused = visitor.put("/a.txt", b"2")
    assert refused.status == 423
    for answer in (seen, refused):
        assert b"Clara" not in answer.body
        assert b"Arbeitsordner" not in answer.body
        assert b"opaquelocktoken" not in answer.body
        assert b"urn:uuid" not in answer.body


def test_a_link_knows_nobody(folder: DavClient, link: Linking) -> None:
    """RFC 3744 over a link: no lists, no people, no way to change rights."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    visitor = link("/F", rights=WRITING).client()
    for path in ("/", "/a.txt"):
        about = visitor.propfind(path, "0", prop_body("acl", "owner", "group", "current-user-principal"))
        assert about.status == 207
        assert b"clara" not in about.body
        assert b"<D:ace>" not in about.body
        everybody = '<D:acl xmlns:D="DAV:"/>'
        assert visitor.request("ACL", path, everybody).status == 403
        search = '<D:principal-search-property-set xmlns:D="DAV:"/>'
        assert b"clara" not in visitor.request("REPORT", path, search, {"Depth": "0"}).body
    match = '<D:principal-match xmlns:D="DAV:"><D:self/></D:principal-match>'
    assert b"clara" not in visitor.request("REPORT", "/", match, {"Depth": "0"}).body
    assert visitor.propfind("/.principals/", "1").status == 404


def test_how_full_the_drive_is_concerns_its_people(folder: DavClient, link: Linking) -> None:
    folder.mkcol("/F")
    visitor = link("/F").client()
    assert set(visitor.properties("/", "quota-used-bytes", "quota-available-bytes").missing.values()) == {404}


def test_every_drive_gives_links(served: RunningServer, house: House) -> None:
    """Also one that lies in a directory."""
    with fresh(served, drive="archiv") as folder:
        folder.put("/a.txt", b"1")
        secret = house.links.new_secret()
        door(house, "clara").make_link(tree_path(folder, "/a.txt"), LinkWish(secret.digest))
        with DavClient(served.url, base=f"/dav-link/{secret.token}") as visitor:
            assert visitor.names("/") == ["a.txt"]
            assert visitor.get("/a.txt").body == b"1"
