"""What a drive hands out of papers that may be viewed but not copied, inboxes, and folders that were renumbered."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.davclient import DavClient
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]


@pytest.fixture
def papers(server: RunningServer, people: People) -> DavClient:
    """The clerk in a fresh folder of the vault with an open and a non-public paper."""
    base = f"/dav/ba05/d-{uuid.uuid4().hex[:10]}"
    clerk = people("clara", base)
    clerk.mkcol("")
    clerk.put("/Grundstück.odt", b"the original bytes")
    clerk.put("/offen.odt", b"open")
    command("label", f"{base.removeprefix('/dav/')}/Grundstück.odt", "--class", "non_public", data=server.data)
    return clerk


def test_a_member_gets_a_pointer_instead_of_a_non_public_paper(papers: DavClient, people: People) -> None:
    """rights.md §1: a one-page PDF that leads to the portal, read-only, with a tag of its own."""
    member = people("otto", papers.base)
    assert member.names("/") == ["Grundstück.pdf", "offen.odt"]
    answer = member.get("/Grundst%C3%BCck.pdf")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.body.startswith(b"%PDF-")
    assert b"the original bytes" not in answer.body
    assert answer.etag == member.properties("/Grundst%C3%BCck.pdf", "getetag").text("getetag")
    assert answer.etag != papers.head("/Grundst%C3%BCck.odt").etag
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert member.get("/Grundst%C3%BCck.pdf", Range="bytes=0-4").body == b"%PDF-"
    assert member.get("/Grundst%C3%BCck.pdf", If_None_Match=str(answer.etag)).status == 304


def test_the_paper_itself_is_not_there_for_him(papers: DavClient, people: People) -> None:
    member = people("otto", papers.base)
    absent = member.get("/none.odt")
    for answer in (member.get("/Grundst%C3%BCck.odt"), member.propfind("/Grundst%C3%BCck.odt")):
        assert (answer.status, answer.body) == (404, absent.body)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.put("/Grundst%C3%BCck.pdf", b"x"),
        lambda c: c.delete("/Grundst%C3%BCck.pdf"),
        lambda c: c.lock("/Grundst%C3%BCck.pdf"),
        lambda c: c.proppatch("/Grundst%C3%BCck.pdf", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>"),
        lambda c: c.copy("/Grundst%C3%BCck.pdf", "/copy.pdf"),
        lambda c: c.move("/Grundst%C3%BCck.pdf", "/moved.pdf"),
    ],
    ids=["put", "delete", "lock", "proppatch", "copy", "move"],
)
def test_a_pointer_cannot_be_changed(papers: DavClient, people: People, change: Callable[[DavClient], object]) -> None:
    answer = change(people("otto", papers.base))
    assert answer.status in (403, 404)  # type: ignore[attr-defined]
    assert papers.get("/Grundst%C3%BCck.odt").body == b"the original bytes"


def test_a_pointer_never_takes_a_real_members_name(papers: DavClient, people: People) -> None:
    papers.put("/Grundst%C3%BCck.pdf", b"a real public paper")
    member = people("otto", papers.base)
    assert member.names("/") == ["Grundstück (Verweis).pdf", "Grundstück.pdf", "offen.odt"]
    assert member.get("/Grundst%C3%BCck.pdf").body == b"a real public paper"
    assert member.get("/Grundst%C3%BCck%20(Verweis).pdf").body.startswith(b"%PDF-")


def test_the_pointer_of_a_pdf_has_a_name_of_its_own(papers: DavClient, people: People, server: RunningServer) -> None:
    """rights.md §1: the paper's own name is a real member's name, and PUT there must not look like replacing it."""
    for name in ("/Etat.odt", "/Etat.pdf"):
        papers.put(name, b"the original bytes")
        command("label", papers.base.removeprefix("/dav/") + name, "--class", "non_public", data=server.data)
    member = people("otto", papers.base)
    assert member.names("/") == ["Etat (Verweis 2).pdf", "Etat (Verweis).pdf", "Grundstück.pdf", "offen.odt"]
    tag = member.head("/Etat%20(Verweis).pdf").etag
    assert member.get("/Etat.pdf").status == 404
    papers.delete("/Etat.odt")
    assert member.names("/") == ["Etat (Verweis).pdf", "Grundstück.pdf", "offen.odt"]
    assert member.head("/Etat%20(Verweis).pdf").etag == tag, "it stands for the same paper as before"


def test_nobody_writes_over_a_pointer_where_he_may_write(
    papers: DavClient, people: People, server: RunningServer
) -> None:
    """It is read-only, also in a folder that its reader may add to and take from."""
    place = papers.base.removeprefix("/dav/")
    papers.put("/Etat.pdf", b"the original bytes")
    command("label", f"{place}/Etat.pdf", "--class", "non_public", data=server.data)
    command("entry", "add", place, "user:otto", "bind", "unbind", "write-content", data=server.data)
    member = people("otto", papers.base)
    assert member.put("/meins.odt", b"1").status == 201
    for pointer in ("/Etat%20(Verweis).pdf", "/Grundst%C3%BCck.pdf"):
        for change in (
            member.put(pointer, b"x"),
            member.delete(pointer),
            member.lock(pointer),
            member.move("/meins.odt", pointer),
            member.copy("/meins.odt", pointer),
        ):
            assert change.status == 403
        assert member.mkcol(pointer).status in (403, 405)
        assert member.get(pointer).body.startswith(b"%PDF-")
    assert member.put("/Etat.pdf", b"x").status == 403
    assert papers.get("/Etat.pdf").body == b"the original bytes"
    assert papers.names("/") == ["Etat.pdf", "Grundstück.odt", "meins.odt", "offen.odt"]


def test_what_closes_becomes_a_pointer(papers: DavClient, people: People, server: RunningServer) -> None:
    """Public and restricted papers are delivered as they are to who may read them, and pointed at where they may only
    be viewed (docs/decisions/0020).
    """
    member = people("otto", papers.base)
    assert member.get("/offen.odt").body == b"open"
    place = papers.base.removeprefix("/dav/")
    command("label", f"{place}/offen.odt", "--class", "restricted", "--close", "2026-01-01", data=server.data)
    assert member.get("/offen.odt").status == 404
    assert member.names("/") == ["Grundstück.pdf", "offen.pdf"]
    assert member.get("/offen.pdf").body.startswith(b"%PDF-")


def test_a_copied_folder_leaves_out_what_may_not_be_copied(papers: DavClient, people: People) -> None:
    member = people("otto", "/dav/ba05")
    target = f"/Arbeitsordner/{uuid.uuid4().hex}"
    assert member.copy(papers.base.removeprefix("/dav/ba05"), target).status == 201
    assert member.names(target) == ["offen.odt"]
    with papers.under("/dav/ba05") as clerk:
        assert clerk.names(target) == ["offen.odt"]


def test_in_the_inbox_everybody_sees_his_own(people: People) -> None:
    """rights.md §2, `00 Eingang`: members add, see and replace only their own; the clerk reads all."""
    name = f"{uuid.uuid4().hex}.odt"
    otto, clerk = people("otto", "/dav/ba05/00%20Eingang"), people("clara", "/dav/ba05/00%20Eingang")
    assert otto.put(f"/{name}", b"1").status == 201
    assert otto.put(f"/{name}", b"22").status == 204
    assert otto.get(f"/{name}").body == b"22"
    assert name in otto.names("/")
    assert clerk.get(f"/{name}").body == b"22"
    assert clerk.put(f"/clerk-{name}", b"c").status == 201
    assert f"clerk-{name}" not in otto.names("/")
    assert otto.get(f"/clerk-{name}").status == 404
    assert otto.put(f"/clerk-{name}", b"x").status == 403
    assert otto.delete(f"/{name}").status == 403  # taking something out of the inbox is the office's


def test_what_comes_into_the_inbox_from_another_drive_is_its_bringers(people: People) -> None:
    name = f"{uuid.uuid4().hex}.odt"
    otto = people("otto", "/dav")
    assert otto.put(f"/archiv/Arbeitsordner/{name}", b"1").status == 201
    assert otto.copy(f"/archiv/Arbeitsordner/{name}", f"/ba05/00%20Eingang/{name}").status == 201
    assert otto.get(f"/ba05/00%20Eingang/{name}").body == b"1"
