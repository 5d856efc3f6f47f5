"""LibreOffice on a drive that davfs2 has mounted: it knows nothing of WebDAV, and saves by a temp file moved over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.libreoffice import Office, office
from tests.clients.mounts import davfs, eventually, fresh_collection
from tests.clients.test_libreoffice import owners, text_of
from tests.dav.test_safe_save import Ledger
from tests.davclient import DavClient
from tests.running import RunningServer, command

KINDS = pytest.mark.parametrize("name", ["Brief ü.odt", "Tabelle ü.ods"], ids=["writer", "calc"])


@pytest.fixture(scope="module")
def mounted(server: RunningServer, drive: str) -> Iterator[tuple[Path, DavClient]]:
    """The mount, and the same folder over HTTP."""
    base = fresh_collection(server, drive)
    with davfs(server, base) as path, server.client("clara", base) as clerk:
        yield path, clerk


@pytest.fixture(scope="module")
def suite(server: RunningServer) -> Iterator[Office]:
    with office("clara", server) as found:
        yield found


@pytest.fixture
def ledger(server: RunningServer) -> Iterator[Ledger]:
    found = Ledger(server)
    yield found
    found.house.close()


@KINDS
def test_identity_versions_and_rights_are_kept(
    mounted: tuple[Path, DavClient], suite: Office, ledger: Ledger, server: RunningServer, name: str
) -> None:
    """Each save is new content of the same document: its id, an entry on it and its earlier states stay."""
    directory, clerk = mounted
    url, path = (directory / name).as_uri(), f"/{name}"
    suite.done("new", url=url, text="Anfang.")
    suite.done("close", url=url)
    eventually(lambda: text_in(clerk, path, "Anfang."))
    identity = ledger.identity(clerk, path)
    place = clerk.base.removeprefix("/dav/") + path
    command("entry", "add", place, "user:sam", "read", data=server.data)
    with server.client("sam") as guest:
        assert guest.get(clerk.base + path).status == 200
        kept = versions(ledger, clerk, path)
        suite.done("open", url=url)
        for addition in (" Erster Zusatz.", " Zweiter Zusatz."):
            suite.done("append", url=url, text=addition)
            suite.done("save", url=url)
            eventually(lambda addition=addition: text_in(clerk, path, addition.strip()))  # type: ignore[misc]
            assert ledger.identity(clerk, path) == identity
            assert guest.get(clerk.base + path).body == clerk.get(path).body
        suite.done("close", url=url)
        eventually(lambda: owners(clerk, path) == [])
    if "/ba05/" in clerk.base:
        assert versions(ledger, clerk, path) == kept + 2, "one version a save, none of the temp file's"
    entries = json.loads(command("entry", "list", place, "--json", data=server.data))
    assert [entry["principal"] for entry in entries if entry["principal"] == "user:sam"] == ["user:sam"]
    assert clerk.delete(path).status == 204
    eventually(lambda: clerk.names("") == [])


def text_in(client: DavClient, path: str, text: str) -> bool:
    answer = client.get(path)
    return answer.status == 200 and len(answer.body) > 0 and text in text_of(answer.body)


def versions(ledger: Ledger, client: DavClient, path: str) -> int:
    return len(ledger.versions(client, path)) if "/ba05/" in client.base else 0


@KINDS
def test_owner_file_is_seen_by_those_who_see_the_document(
    mounted: tuple[Path, DavClient], suite: Office, server: RunningServer, name: str
) -> None:
    """While it is open, others find `.~lock.NAME#` with the owner in it; it goes with the close."""
    directory, clerk = mounted
    url, beside = (directory / name).as_uri(), f".~lock.{name}#"
    suite.done("new", url=url, text="offen")
    eventually(lambda: beside in clerk.names(""))
    with server.client("otto", clerk.base) as member:
        eventually(lambda: beside in member.names(""))
    suite.done("close", url=url)
    eventually(lambda: clerk.names("") == [name])
    assert clerk.delete(f"/{name}").status == 204
    eventually(lambda: not (directory / name).exists())
