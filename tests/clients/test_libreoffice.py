"""LibreOffice Writer and Calc by UNO: LOCK for 180 s, GET, PUT, UNLOCK; read-only only by the answer to LOCK."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from tests.clients.conftest import LongOpen
from tests.clients.libreoffice import Office, office
from tests.clients.mounts import eventually, fresh_collection
from tests.dav.test_safe_save import Ledger
from tests.davclient import DAV, DavClient
from tests.running import RunningServer


@pytest.fixture(scope="module")
def clara(server: RunningServer) -> Iterator[Office]:
    """The clerk's office."""
    with office("clara", server) as found:
        yield found


@pytest.fixture(scope="module")
def otto(server: RunningServer) -> Iterator[Office]:
    """A member's office; outside of Arbeitsordner he may only read."""
    with office("otto", server) as found:
        yield found


@pytest.fixture
def ledger(server: RunningServer) -> Iterator[Ledger]:
    found = Ledger(server)
    yield found
    found.house.close()


def text_of(odt: bytes) -> str:
    """The XML of a document's content; raises for anything that is no whole ODT."""
    with zipfile.ZipFile(io.BytesIO(odt)) as archive:
        assert archive.testzip() is None
        return archive.read("content.xml").decode()


def owners(client: DavClient, path: str) -> list[str]:
    """Who holds locks, as lockdiscovery tells."""
    discovery = client.properties(path, "lockdiscovery").found[DAV + "lockdiscovery"]
    return ["".join(owner.itertext()) for owner in discovery.iter(DAV + "owner")]


def test_new_document(clara: Office, folder: DavClient, ledger: Ledger) -> None:
    """Save under a new URL: LOCK makes the name, PUT the content; the lock is held while open and gone afterwards."""
    url = folder.url("/neu.odt")
    clara.done("new", url=url, text="Grüß Gott")
    assert "Grüß Gott" in text_of(folder.get("/neu.odt").body)
    assert folder.get("/neu.odt").headers["Content-Type"] == "application/vnd.oasis.opendocument.text"
    assert len(owners(folder, "/neu.odt")) == 1
    clara.done("close", url=url)
    eventually(lambda: owners(folder, "/neu.odt") == [])
    assert folder.names("") == ["neu.odt"], "nothing beside the document stays"


@pytest.mark.own_tls
def test_open_edit_save_twice(clara: Office, folder: DavClient, ledger: Ledger) -> None:
    """Both saves arrive whole, with a new entity tag each; the identity stays; every state is kept as a version."""
    url = folder.url("/Vorlage (1) ü.odt")
    path = "/Vorlage (1) ü.odt"
    clara.done("new", url=url, text="Anfang.")
    clara.done("close", url=url)
    first, identity = folder.head(path).etag, ledger.identity(folder, path)
    kept = len(ledger.versions(folder, path)) if "/ba05/" in folder.base else 0
    opened = clara.done("open", url=url)
    assert (opened["readonly"], opened["text"]) == (False, "Anfang.")
    assert len(owners(folder, path)) == 1
    tags = {first}
    for addition in (" Erster Zusatz.", " Zweiter Zusatz."):
        clara.done("append", url=url, text=addition)
        clara.done("save", url=url)
        assert addition.strip() in text_of(folder.get(path).body)
        tags.add(folder.head(path).etag)
    assert len(tags) == 3
    clara.done("close", url=url)
    eventually(lambda: owners(folder, path) == [])
    assert ledger.identity(folder, path) == identity
    if kept:
        assert len(ledger.versions(folder, path)) == kept + 2
    assert clara.done("open", url=url)["text"] == "Anfang. Erster Zusatz. Zweiter Zusatz."
    clara.done("close", url=url)


@pytest.mark.own_tls
def test_calc_makes_opens_and_saves(clara: Office, folder: DavClient, ledger: Ledger) -> None:
    """The same for a table: a lock while it is open, whole bytes after each save, one identity."""
    url, path = folder.url("/Tabelle ä.ods"), "/Tabelle ä.ods"
    clara.done("new", url=url, text="eins")
    assert folder.get(path).headers["Content-Type"] == "application/vnd.oasis.opendocument.spreadsheet"
    clara.done("close", url=url)
    eventually(lambda: owners(folder, path) == [])
    identity = ledger.identity(folder, path)
    assert clara.done("open", url=url)["text"] == "eins"
    assert len(owners(folder, path)) == 1
    for addition in ("zwei", "drei"):
        clara.done("append", url=url, text=addition)
        clara.done("save", url=url)
        assert addition in text_of(folder.get(path).body)
    clara.done("close", url=url)
    eventually(lambda: owners(folder, path) == [])
    assert ledger.identity(folder, path) == identity
    assert clara.done("open", url=url)["text"] == "einszweidrei"
    clara.done("close", url=url)
    assert folder.names("") == ["Tabelle ä.ods"]


def test_others_are_kept_out_while_open(clara: Office, folder: DavClient, server: RunningServer) -> None:
    """While it is open here, another cannot save, move or delete; afterwards he can."""
    url = folder.url("/doc.odt")
    clara.done("new", url=url, text="x")
    with server.client("otto", folder.base) as member:
        assert member.put("/doc.odt", b"y").status == 423
        assert member.delete("/doc.odt").status == 423
        assert member.move("/doc.odt", "/weg.odt").status == 423
        assert member.get("/doc.odt").status == 200
        clara.done("close", url=url)
        eventually(lambda: owners(folder, "/doc.odt") == [])
        assert member.put("/doc.odt", b"y").status == 204


def test_foreign_lock_is_shown_with_its_owner(clara: Office, folder: DavClient, server: RunningServer) -> None:
    """LOCK is 423: LibreOffice names who is at work, from lockdiscovery, and opens the document read-only."""
    url = folder.url("/doc.odt")
    clara.done("new", url=url, text="Stand von Otto")
    clara.done("close", url=url)
    eventually(lambda: owners(folder, "/doc.odt") == [])
    with server.client("otto", folder.base) as member:
        member.lock("/doc.odt", owner="Otto Maier")
        answer = clara.done("open", url=url)
    assert answer["readonly"] is True
    assert answer["text"] == "Stand von Otto"
    assert [asked.get("UserInfo") for asked in answer["asked"] if "UserInfo" in asked] == ["Otto Maier"]
    clara.done("close", url=url)


def test_reader_opens_read_only_and_cannot_save(clara: Office, otto: Office, server: RunningServer, drive: str) -> None:
    """LOCK is 403: LibreOffice opens read-only, and a save is refused before anything is sent."""
    with server.client("clara", fresh_collection(server, drive, "")) as clerk:
        url = clerk.url("/vorlage.odt")
        clara.done("new", url=url, text="Beschluss")
        clara.done("close", url=url)
        before = clerk.get("/vorlage.odt")
        answer = otto.done("open", url=url)
        assert answer["readonly"] is True
        assert answer["text"] == "Beschluss"
        assert not any("UserInfo" in asked for asked in answer["asked"]), "nobody is named as being at work"
        otto.do("append", url=url, text=" geändert")
        assert "failed" in otto.do("save", url=url)
        otto.done("close", url=url)
        after = clerk.get("/vorlage.odt")
        assert (after.etag, after.body) == (before.etag, before.body)
        assert owners(clerk, "/vorlage.odt") == []


def test_lost_lock_is_noticed(clara: Office, folder: DavClient) -> None:
    """Unlocked behind its back: the next save is refused (412) and destroys nothing."""
    url = folder.url("/doc.odt")
    clara.done("new", url=url, text="alt")
    discovery = folder.properties("/doc.odt", "lockdiscovery").found[DAV + "lockdiscovery"]
    token = discovery.findtext(f"{DAV}activelock/{DAV}locktoken/{DAV}href") or ""
    assert folder.unlock("/doc.odt", token).status == 204
    assert folder.put("/doc.odt", b"von anderswo").status == 204
    clara.done("append", url=url, text=" neu")
    assert "failed" in clara.do("save", url=url)
    assert folder.get("/doc.odt").body == b"von anderswo"
    clara.do("close", url=url)


def test_open_document_keeps_its_lock(long_open: LongOpen) -> None:
    """LibreOffice asks for 180 s and renews 30 s before the end; runs last, as its document was opened first."""
    long_open.wait_for_refresh()
    long_open.save_and_close()
