"""Trash and versions as Nextcloud shows them: found, read, brought back, and only what the asker may see."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.davclient import Member, prop_body
from tests.nextcloud.conftest import NC, OC, Sync
from tests.running import RunningServer, command

Syncs = Callable[[str], Sync]
TOLD = [f"{NC}trashbin-filename", f"{NC}trashbin-original-location", f"{NC}trashbin-deletion-time", f"{OC}fileid"]


def trash(sync: Sync, below: str = "") -> dict[str, Member]:
    """By the name that it had: href and properties of what lies in a user's trash."""
    path = f"/remote.php/dav/trashbin/{sync.user}/trash{below}"
    members = sync.client.propfind(path, "1", prop_body("resourcetype", "getcontentlength", *TOLD)).members()
    return {member.text(TOLD[0]) or "": member for href, member in members.items() if href != path}


def restore(sync: Sync, href: str, to: str) -> int:
    return sync.client.request("MOVE", "", raw_target=quote(href), headers={"Destination": to}).status


@pytest.fixture
def otto(sync: Syncs) -> Sync:
    return sync("otto")


def test_what_was_deleted_comes_back(otto: Sync, place: str) -> None:
    """With its name, where it lay and when it went; MOVE to `restore` brings it back as the document that it was."""
    otto.put(f"{place}/Bericht ä.txt", b"Inhalt")
    number = otto.text(f"{place}/Bericht ä.txt", f"{OC}fileid")
    otto.client.delete(otto.at(f"{place}/Bericht ä.txt"))
    member = trash(otto)["Bericht ä.txt"]
    assert member.text(TOLD[1]) == f"{place}/Bericht ä.txt".lstrip("/")
    assert int(member.text(TOLD[2]) or 0) > 1_700_000_000
    assert member.text(f"{OC}fileid") == number
    assert member.text("getcontentlength") == "6"
    assert otto.client.request("GET", "", raw_target=quote(member.href)).body == b"Inhalt"
    assert restore(otto, member.href, "/remote.php/dav/trashbin/otto/elsewhere/x") == 403
    assert restore(otto, member.href, "/remote.php/dav/trashbin/otto/restore/x") == 201
    assert otto.client.get(otto.at(f"{place}/Bericht ä.txt")).body == b"Inhalt"
    assert otto.text(f"{place}/Bericht ä.txt", f"{OC}fileid") == number
    assert restore(otto, member.href, "/remote.php/dav/trashbin/otto/restore/x") == 404


def test_a_folder_in_the_trash_can_be_looked_into(otto: Sync, place: str) -> None:
    """Its members are read, but come back or go for good with the whole."""
    name = f"Ordner {place.rpartition('/')[2]}"
    otto.client.mkcol(otto.at(f"{place}/{name}"))
    otto.put(f"{place}/{name}/a.txt", b"a")
    otto.client.delete(otto.at(f"{place}/{name}"))
    folder = trash(otto)[name]
    below = folder.href.removeprefix("/remote.php/dav/trashbin/otto/trash").rstrip("/")
    inside = trash(otto, below)["a.txt"]
    assert otto.client.request("GET", "", raw_target=quote(inside.href)).body == b"a"
    assert otto.client.request("DELETE", "", raw_target=quote(inside.href)).status == 405
    assert otto.client.request("DELETE", "", raw_target=quote(folder.href)).status == 204
    assert name not in trash(otto)


def test_the_trash_shows_what_the_asker_may_see(server: RunningServer, sync: Syncs, otto: Sync, place: str) -> None:
    """Another's deletions, raised classes, other people's trees: as absent as nothing (rights.md §3)."""
    clara = sync("clara")
    for name in ("von clara.txt", "geheim.txt"):
        clara.put(f"{place}/{name}", b"x")
    command(
        "label", f"ba05{place.removeprefix('/ba05')}/geheim.txt", "--class", "office", "--as", "clara", data=server.data
    )
    clara.client.delete(clara.at(f"{place}/von clara.txt"))
    with server.client("clara", f"/dav{place}") as clerk:
        clerk.delete("/geheim.txt")
    assert "von clara.txt" in trash(otto), "he might have removed it himself"
    assert "geheim.txt" not in {*trash(otto), *trash(clara)}
    assert otto.client.propfind("/remote.php/dav/trashbin/clara/trash", "1").status == 404
    assert otto.client.propfind("/remote.php/dav/trashbin/otto/trash/x.d12345", "0").status == 404
    assert otto.client.propfind("/remote.php/dav/trashbin/otto/trash/x", "0").status == 404


def versions(sync: Sync, number: str | None) -> list[Member]:
    path = f"/remote.php/dav/versions/{sync.user}/versions/{number}"
    names = ("resourcetype", "getcontentlength", "getetag", f"{NC}version-author")
    members = sync.client.propfind(path, "1", prop_body(*names)).members()
    return [member for href, member in members.items() if href != path]


def test_earlier_versions_are_listed_read_and_brought_back(sync: Syncs, otto: Sync, place: str) -> None:
    """Newest first, without the current one, each with its author; MOVE to `restore/target` makes it the newest."""
    for person, content in ((sync("clara"), b"eins"), (otto, b"zwei!"), (otto, b"drei")):
        person.put(f"{place}/a.txt", content)
    number = otto.text(f"{place}/a.txt", f"{OC}fileid")
    second, first = versions(otto, number)
    assert [(each.text("getcontentlength"), each.text(f"{NC}version-author")) for each in (second, first)] == [
        ("5", "otto"),
        ("4", "clara"),
    ]
    assert otto.client.get(first.href).body == b"eins"
    move = {"Destination": "/remote.php/dav/versions/otto/restore/target"}
    assert otto.client.request("MOVE", first.href, headers=move).status == 201
    assert otto.client.get(otto.at(f"{place}/a.txt")).body == b"eins"
    assert len(versions(otto, number)) == 3


def test_versions_are_those_of_what_the_asker_may_read(
    server: RunningServer, sync: Syncs, otto: Sync, place: str
) -> None:
    """An id of nothing, of a hidden paper, or in another's tree: 404."""
    clara = sync("clara")
    clara.put(f"{place}/geheim.txt", b"eins")
    clara.put(f"{place}/geheim.txt", b"zwei")
    number = clara.text(f"{place}/geheim.txt", f"{OC}fileid")
    assert len(versions(otto, number)) == 1
    command(
        "label", f"ba05{place.removeprefix('/ba05')}/geheim.txt", "--class", "office", "--as", "clara", data=server.data
    )
    for path in (f"otto/versions/{number}", "otto/versions/4711", "otto/versions/x", f"clara/versions/{number}"):
        assert otto.client.propfind(f"/remote.php/dav/versions/{path}", "1").status == 404
    assert otto.client.mkcol("/remote.php/dav/versions/otto/versions").status == 405
