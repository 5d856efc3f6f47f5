"""Temp files, owner files and files that exist once per person (protocol.md §2): who sees them, and what they spare."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.davclient import DavClient
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]
TEMP_NAMES = ["~WRD0001.tmp", "~WRL1234.tmp", "lu12ab.tmp", "1A2B3C4D.tmp", "a.odt.sb-1a2b3c4d-Xy12", "a.odt-{}"]
UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize("name", [name.format(UUID) for name in TEMP_NAMES] + [".DS_Store", "Thumbs.db", "desktop.ini"])
def test_a_programs_file_is_seen_by_its_maker_alone(folder: DavClient, people: People, name: str) -> None:
    otto = people("otto", folder.base)
    assert folder.put(f"/{name}", b"clara's").status == 201
    assert otto.get(f"/{name}").status == 404
    assert otto.names("/") == []
    assert otto.put(f"/{name}", b"otto's").status == 201
    assert (folder.get(f"/{name}").body, otto.get(f"/{name}").body) == (b"clara's", b"otto's")
    assert folder.names("/") == otto.names("/") == [name]


@pytest.mark.parametrize("pattern", [".~lock.{}#", "~${}", "._{}"])
def test_an_owner_file_is_seen_by_whoever_may_discover_its_document(
    folder: DavClient, people: People, pattern: str
) -> None:
    otto = people("otto", folder.base)
    folder.put("/Bericht.odt", b"1")
    owner_file = "/" + pattern.format("Bericht.odt")
    assert folder.put(owner_file, b"Clara").status == 201
    assert otto.get(owner_file).body == b"Clara"
    assert set(otto.names("/")) == {"Bericht.odt", owner_file[1:]}


def test_office_cuts_the_first_two_characters_of_long_names(folder: DavClient, people: People) -> None:
    folder.put("/Bericht.docx", b"1")
    folder.put("/~$richt.docx", b"Clara")
    assert people("otto", folder.base).get("/~$richt.docx").body == b"Clara"


def test_an_owner_file_without_a_document_is_seen_by_its_maker_alone(folder: DavClient, people: People) -> None:
    otto = people("otto", folder.base)
    assert folder.put("/.~lock.none.odt#", b"Clara").status == 201
    assert folder.names("/") == [".~lock.none.odt#"]
    assert otto.names("/") == []
    assert otto.get("/.~lock.none.odt#").status == 404


@pytest.mark.parametrize("pattern", [".~lock.{}#", "~${}", "._{}"])
def test_an_owner_file_outlives_its_document_for_its_maker(folder: DavClient, people: People, pattern: str) -> None:
    """Finder moves the document first and its `._` file after it."""
    otto = people("otto", folder.base)
    folder.put("/a.odt", b"1")
    old, new = "/" + pattern.format("a.odt"), "/" + pattern.format("b.odt")
    folder.put(old, b"mine")
    assert folder.move("/a.odt", "/b.odt").status == 201
    assert otto.get(old).status == 404
    assert folder.move(old, new).status == 201
    assert otto.get(new).body == b"mine"
    assert folder.delete("/b.odt").status == 204
    assert (folder.get(new).status, otto.get(new).status) == (200, 404)
    assert folder.delete(new).status == 204
    assert folder.names("/") == []


def test_an_owner_file_of_a_hidden_document_tells_nobody(server: RunningServer, people: People) -> None:
    clerk, otto = people("clara", "/dav/ba05"), people("otto", "/dav/ba05")
    clerk.mkcol("/owner-files")
    clerk.put("/owner-files/geheim.odt", b"1")
    clerk.put("/owner-files/.~lock.geheim.odt#", b"Clara")
    clerk.put("/owner-files/offen.odt", b"1")
    command("label", "ba05/owner-files/geheim.odt", "--class", "office", data=server.data)
    assert set(clerk.names("/owner-files")) == {"geheim.odt", ".~lock.geheim.odt#", "offen.odt"}
    assert otto.names("/owner-files") == ["offen.odt"]
    assert otto.get("/owner-files/.~lock.geheim.odt#").status == 404
    assert otto.propfind("/owner-files/.~lock.geheim.odt#").status == 404


def test_hidden_files_of_others_do_not_hinder_deleting_or_moving_the_folder(folder: DavClient, people: People) -> None:
    otto = people("otto", folder.base)
    folder.mkcol("/c")
    otto.put("/c/.DS_Store", b"1")
    otto.put("/c/~WRD0001.tmp", b"1")
    assert folder.move("/c", "/d").status == 201
    assert otto.get("/d/.DS_Store").body == b"1"
    assert folder.delete("/d").status == 204


def test_nobody_can_name_the_stored_form(folder: DavClient) -> None:
    """The stored name of somebody's own file is no name for anybody."""
    assert folder.put("/.DS_Store.~0123456789ab", b"1").status == 400
    assert folder.get("/.DS_Store.~0123456789ab").status == 400


def test_an_owner_file_stays_with_its_maker_when_the_document_goes(folder: DavClient, people: People) -> None:
    """Finder renames a document first and its `._` file after it; for everybody else that file is gone between."""
    otto = people("otto", folder.base)
    folder.put("/a.txt", b"1")
    folder.put("/._a.txt", b"Clara")
    assert folder.move("/a.txt", "/b.txt").status == 201
    assert otto.get("/._a.txt").status == 404
    assert set(otto.names("/")) == {"b.txt"}
    assert folder.move("/._a.txt", "/._b.txt").status == 201
    assert otto.get("/._b.txt").body == b"Clara"
    assert folder.delete("/b.txt").status == 204
    assert otto.get("/._b.txt").status == 404
    assert folder.delete("/._b.txt").status == 204
    assert folder.names("/") == []


@pytest.mark.parametrize("pattern", [".~lock.{}#", "~${}", "._{}"])
def test_an_owner_file_made_before_its_document_shows_with_it(folder: DavClient, people: People, pattern: str) -> None:
    """Office programs mark a new document as theirs before they save it for the first time."""
    otto = people("otto", folder.base)
    owner_file = pattern.format("neu.odt")
    assert folder.put(f"/{owner_file}", b"Clara").status == 201
    folder.put("/neu.odt", b"1")
    assert folder.get(f"/{owner_file}").body == b"Clara"
    assert otto.get(f"/{owner_file}").body == b"Clara"
    assert set(otto.names("/")) == set(folder.names("/")) == {"neu.odt", owner_file}
    assert folder.delete(f"/{owner_file}").status == 204
    assert otto.names("/") == ["neu.odt"]


def test_an_owner_file_is_no_document_for_another(folder: DavClient, people: People) -> None:
    """`~$brief.docx` alone does not make itself visible by its own tail; `._.DS_Store` is as private as .DS_Store."""
    otto = people("otto", folder.base)
    folder.put("/~$brief.docx", b"Clara")
    assert folder.get("/~$brief.docx").body == b"Clara"
    assert otto.get("/~$brief.docx").status == 404
    for client in (folder, otto):
        client.put("/.DS_Store", b"1")
        client.put("/._.DS_Store", client.authorization.encode())
    for client in (folder, otto):
        assert client.get("/._.DS_Store").body == client.authorization.encode()
        assert "._.DS_Store" in client.names("/")


def test_programs_files_go_along_into_another_drive(people: People) -> None:
    """A folder with files of programs moves across drives as a whole."""
    clerk = people("clara", "/dav")
    clerk.mkcol("/ba05/Arbeitsordner/wandert")
    for name in ("a.txt", "._a.txt", "Thumbs.db"):
        clerk.put(f"/ba05/Arbeitsordner/wandert/{name}", name)
    assert clerk.move("/ba05/Arbeitsordner/wandert", "/archiv/Arbeitsordner/wandert").status == 201
    assert set(clerk.names("/archiv/Arbeitsordner/wandert")) == {"a.txt", "._a.txt", "Thumbs.db"}
    assert clerk.get("/archiv/Arbeitsordner/wandert/._a.txt").body == b"._a.txt"


def test_an_owner_file_with_a_name_too_long_for_the_disk_is_refused(people: People) -> None:
    """A disk takes 255 bytes with the maker's mark; more is the name's fault, not the server's."""
    clerk = people("clara", "/dav/archiv/Arbeitsordner")
    assert clerk.put("/._" + "x" * 253, b"1").status == 400
