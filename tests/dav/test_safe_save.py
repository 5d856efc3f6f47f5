"""Safe-save renames keep the identity of a document: id, entries, dead properties, versions (protocol.md §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from davserver.house import House
from davserver.settings import load
from shareproviders.paths import SharePath
from tests.davclient import DavClient
from tests.running import RunningServer

People = Callable[[str, str], DavClient]


class Ledger:
    """Looks at a drive from behind the server: ids and versions, which plain WebDAV does not show."""

    def __init__(self, server: RunningServer) -> None:
        self.house = House.open(server.data, server.data.with_name("data.key"), load(server.data, {}))

    def identity(self, client: DavClient, path: str) -> int:
        _, _, drive, *segments = (client.base + path).split("/")
        return self.house.share(drive).stat(SharePath.parse(segments)).id

    def versions(self, client: DavClient, path: str) -> list[int]:
        """Sizes of the kept versions, newest first."""
        _, _, drive, *segments = (client.base + path).split("/")
        provider = self.house.share(drive)
        node = provider.stat(SharePath.parse(segments))
        return [version.size for version in provider.versions(node)]  # type: ignore[attr-defined]


@pytest.fixture
def ledger(server: RunningServer) -> Iterator[Ledger]:
    found = Ledger(server)
    yield found
    found.house.close()


def test_saving_by_move_over_the_document(folder: DavClient, ledger: Ledger) -> None:
    """LibreOffice on a mount, Cyberduck: PUT of a temp file, MOVE onto the document."""
    folder.put("/a.odt", b"1")
    before = ledger.identity(folder, "/a.odt")
    folder.put("/lu12ab.tmp", b"22")
    assert folder.move("/lu12ab.tmp", "/a.odt").status == 204
    assert ledger.identity(folder, "/a.odt") == before
    assert folder.get("/a.odt").body == b"22"
    assert folder.names("/") == ["a.odt"]


def test_words_rename_dance(folder: DavClient, ledger: Ledger) -> None:
    """doc → ~WRL.tmp, ~WRD.tmp → doc, DELETE ~WRL.tmp."""
    folder.put("/a.docx", b"1")
    before = ledger.identity(folder, "/a.docx")
    folder.put("/~WRD0001.tmp", b"22")
    assert folder.move("/a.docx", "/~WRL0001.tmp").status == 201
    assert folder.move("/~WRD0001.tmp", "/a.docx").status == 201
    assert folder.get("/~WRL0001.tmp").body == b"1"
    assert folder.delete("/~WRL0001.tmp").status == 204
    assert ledger.identity(folder, "/a.docx") == before
    assert folder.get("/a.docx").body == b"22"
    assert folder.names("/") == ["a.docx"]


def test_word_deletes_its_backup_first(folder: DavClient, ledger: Ledger) -> None:
    folder.put("/a.docx", b"1")
    before = ledger.identity(folder, "/a.docx")
    folder.put("/~WRD0001.tmp", b"22")
    folder.move("/a.docx", "/~WRL0001.tmp")
    folder.delete("/~WRL0001.tmp")
    assert folder.move("/~WRD0001.tmp", "/a.docx").status == 201
    assert folder.get("/a.docx").body == b"22"
    if folder.base.startswith("/dav/ba05/"):  # only the vault keeps a trash to bring the document back from
        assert ledger.identity(folder, "/a.docx") == before


def test_delete_after_a_temp_upload(vault_folder: DavClient, ledger: Ledger) -> None:
    vault_folder.put("/a.docx", b"1")
    before = ledger.identity(vault_folder, "/a.docx")
    vault_folder.put("/~WRD0001.tmp", b"22")
    assert vault_folder.delete("/a.docx").status == 204
    assert vault_folder.move("/~WRD0001.tmp", "/a.docx").status == 201
    assert ledger.identity(vault_folder, "/a.docx") == before
    assert ledger.versions(vault_folder, "/a.docx") == [2, 1]


def test_a_new_document_after_a_delete_is_a_new_document(vault_folder: DavClient, ledger: Ledger) -> None:
    """Without a temp file, deleting and creating anew is what it says (clients.md §11: new id after delete)."""
    vault_folder.put("/a.docx", b"1")
    before = ledger.identity(vault_folder, "/a.docx")
    vault_folder.delete("/a.docx")
    vault_folder.put("/a.docx", b"22")
    assert ledger.identity(vault_folder, "/a.docx") != before


def test_another_person_does_not_continue_it(folder: DavClient, people: People, ledger: Ledger) -> None:
    folder.put("/a.docx", b"1")
    before = ledger.identity(folder, "/a.docx")
    folder.move("/a.docx", "/~WRL0001.tmp")
    assert people("otto", folder.base).put("/a.docx", b"otto's").status == 201
    assert ledger.identity(folder, "/a.docx") != before


def test_a_plain_rename_follows_the_document(folder: DavClient, ledger: Ledger) -> None:
    folder.put("/a.docx", b"1")
    before = ledger.identity(folder, "/a.docx")
    assert folder.move("/a.docx", "/b.docx").status == 201
    assert folder.put("/a.docx", b"new").status == 201
    assert ledger.identity(folder, "/b.docx") == before
    assert ledger.identity(folder, "/a.docx") != before


def test_safe_saves_make_one_version_each_and_the_empty_first_put_none(vault_folder: DavClient, ledger: Ledger) -> None:
    """clients.md §3: a version is made once, not for the 0-byte PUT; temp files keep none."""
    vault_folder.put("/a.docx")
    vault_folder.put("/a.docx", b"1")
    for size in (2, 3):
        vault_folder.put("/~WRD0001.tmp")
        vault_folder.put("/~WRD0001.tmp", b"x" * size)
        vault_folder.move("/a.docx", "/~WRL0001.tmp")
        vault_folder.move("/~WRD0001.tmp", "/a.docx")
        vault_folder.delete("/~WRL0001.tmp")
    assert ledger.versions(vault_folder, "/a.docx") == [3, 2, 1]


def test_identity_survives_under_two_processes(vault_folder: DavClient, people: People) -> None:
    """The memory of departed names lies in the database: each step may meet another worker."""
    vault_folder.put("/a.docx", b"1")
    vault_folder.proppatch("/a.docx", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>")
    for number in range(10):
        steps = [people("clara", vault_folder.base) for _ in range(4)]
        steps[0].put("/~WRD0001.tmp", b"x" * (number + 2))
        steps[1].move("/a.docx", "/~WRL0001.tmp")
        assert steps[2].move("/~WRD0001.tmp", "/a.docx").status == 201
        steps[3].delete("/~WRL0001.tmp")
    assert vault_folder.get("/a.docx").body == b"x" * 11
