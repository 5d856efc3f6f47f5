"""The drives under `/remote.php/dav/files/<user>/` and `/remote.php/webdav/`: one tree, and what its reader may do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from davserver.nextcloud.mapping import FileIds
from tests.davclient import DavClient
from tests.mirror import sync_body
from tests.nextcloud.conftest import FILES, NC, OC, Sync
from tests.running import RunningServer, command

Syncs = Callable[[str], Sync]
People = Callable[[str, str], DavClient]


def test_only_one_own_tree(people: People) -> None:
    """Another's name is as absent as one that nobody has."""
    otto = people("otto", "")
    answers = {
        (otto.propfind(f"{FILES}/{name}/", "1").status, otto.get(f"{FILES}/{name}/x").body) for name in ("clara", "xyz")
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    assert people("", "").propfind(f"{FILES}/otto/").status == 401


def test_drives_that_keep_no_journal_are_not_synced(sync: Syncs) -> None:
    """A share without TracksChanges is not in these trees (storage.md §6)."""
    members = sync("clara").listed("/", "resourcetype")
    assert set(members) == {"", "ba05"}
    assert sync("clara").client.propfind(f"{FILES}/clara/archiv/").status == 404


def test_both_mounts_are_the_same(sync: Syncs, place: str) -> None:
    """A Destination may name the tree by path or URL, under either address; a stranger address is refused."""
    clara = sync("clara")
    assert clara.put(f"{place}/a.txt", b"a").status == 201
    old = f"/remote.php/webdav{place}"
    assert clara.client.get(f"{old}/a.txt").etag == clara.client.get(clara.at(f"{place}/a.txt")).etag

    def move(source: str, target: str) -> int:
        return clara.client.request("MOVE", source, headers={"Destination": target}).status

    assert move(clara.at(f"{place}/a.txt"), f"{old}/b.txt") == 201
    assert move(f"{old}/b.txt", clara.client.url(clara.at(f"{place}/c.txt"))) == 201
    assert move(f"{old}/c.txt", f"{FILES}/otto{place}/d.txt") == 502
    assert clara.client.get(f"{old}/c.txt").body == b"a"


def test_slashes_do_not_matter(sync: Syncs, place: str) -> None:
    """Clients ask for folders without a slash; nothing is redirected."""
    clara = sync("clara")
    for path in (place, f"{place}/"):
        assert clara.text(path, f"{OC}permissions")


def test_permissions_follow_rights(sync: Syncs, people: People, place: str) -> None:
    """The clerk does all, a member what the work folder gives him; elsewhere he reads. G is always there."""
    people("clara", "/dav/ba05").put("/lesen.txt", b"nur lesen")
    clara, otto = sync("clara"), sync("otto")
    otto.put(f"{place}/a.txt", b"a")
    assert clara.text("/", f"{OC}permissions") == otto.text("/", f"{OC}permissions") == "G"
    assert otto.text("/ba05/", f"{OC}permissions") == "MG"
    assert clara.text("/ba05/", f"{OC}permissions") == "RMGCK"
    assert otto.text("/ba05/lesen.txt", f"{OC}permissions") == "G"
    assert clara.text("/ba05/lesen.txt", f"{OC}permissions") == "RGDNVW"
    assert otto.text(f"{place}/a.txt", f"{OC}permissions") == "GDNVW"
    assert otto.text(place, f"{OC}permissions") == "GDNVCK"
    assert otto.text("/ba05/Arbeitsordner", f"{OC}permissions") == "GCK", "members may not remove it from the drive"


def test_ids_stay_with_the_document(sync: Syncs, place: str) -> None:
    """Over content and name; a new document has a new one; everybody has the same (reference: clients §11.3)."""
    clara, otto = sync("clara"), sync("otto")
    first = clara.put(f"{place}/a.txt", b"a").headers["OC-FileId"]
    number, long = clara.text(f"{place}/a.txt", f"{OC}fileid"), clara.text(f"{place}/a.txt", f"{OC}id")
    assert long == first
    assert first.startswith(f"{int(number or 0):08d}oc")
    assert int(number or 0) < 2**63
    assert clara.put(f"{place}/a.txt", b"b").headers["OC-FileId"] == first
    moved = clara.client.request(
        "MOVE", clara.at(f"{place}/a.txt"), headers={"Destination": clara.at(f"{place}/b.txt")}
    )
    assert moved.headers["OC-FileId"] == first
    assert otto.text(f"{place}/b.txt", f"{OC}id") == first
    clara.client.delete(clara.at(f"{place}/b.txt"))
    assert clara.put(f"{place}/c.txt", b"b").headers["OC-FileId"] != first


def test_file_ids_can_be_undone() -> None:
    """A keyed permutation per share: no two nodes meet, and the server finds the way back."""
    ids, others = FileIds(b"k" * 32, "abc"), FileIds(b"l" * 32, "abc")
    nodes = [1, 2, 2**36 + 1, 2**53 - 1, 2**62 - 1]
    assert [ids.node("ba05", ids.number("ba05", node)) for node in nodes] == nodes
    assert all(0 <= ids.number("ba05", node) < 2**62 for node in nodes)
    assert len({ids.number(share, node) for share in ("ba05", "ba06") for node in nodes}) == 2 * len(nodes)
    assert ids.number("ba05", 1) != others.number("ba05", 1)


def test_etag_is_one(sync: Syncs, place: str) -> None:
    """Header of PUT and GET, OC-ETag and the property agree, and If-Match means them."""
    clara = sync("clara")
    put = clara.put(f"{place}/a.txt", b"a", X_OC_Mtime="1600000000")
    got = clara.client.get(clara.at(f"{place}/a.txt"))
    assert put.etag == put.headers["OC-ETag"] == got.etag == clara.etag(f"{place}/a.txt")
    assert put.headers["X-OC-MTime"] == "accepted"
    assert clara.put(f"{place}/a.txt", b"b", If_Match=str(put.etag)).status == 204
    assert clara.put(f"{place}/a.txt", b"c", If_Match=str(put.etag)).status == 412
    made = clara.client.mkcol(clara.at(f"{place}/sub"))
    assert made.etag == made.headers["OC-ETag"] == clara.etag(f"{place}/sub")
    assert made.headers["OC-FileId"] == clara.text(f"{place}/sub", f"{OC}id")


def test_folder_tags_reach_the_root_for_everybody(sync: Syncs, place: str) -> None:
    """Whatever happens below shows in each ancestor, in every reader's tree; nothing else moves (§11.1)."""
    clara, otto = sync("clara"), sync("otto")
    clara.client.mkcol(clara.at(f"{place}/sub"))
    clara.client.mkcol(clara.at(f"{place}/anders"))
    ancestors = ("/", "/ba05", "/ba05/Arbeitsordner", place, f"{place}/sub")
    before = [otto.etag(path) for path in ancestors]
    aside = otto.etag(f"{place}/anders")
    clara.put(f"{place}/sub/a.txt", b"a")
    after = [otto.etag(path) for path in ancestors]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert otto.etag(f"{place}/anders") == aside
    assert [otto.etag(path) for path in ancestors] == after, "and they rest again"


def test_a_lock_shows_and_is_told_of_by_the_folders(sync: Syncs, place: str) -> None:
    """DAV locks as type 2 with a readable owner; the folders' tags move, the document's does not (record 24)."""
    clara, otto = sync("clara"), sync("otto")
    clara.put(f"{place}/a.txt", b"a")
    names = [f"{NC}lock", f"{NC}lock-owner", f"{NC}lock-owner-displayname", f"{NC}lock-owner-type", f"{NC}lock-timeout"]
    assert not otto.properties(f"{place}/a.txt", *names).found
    folders, document = [otto.etag(path) for path in ("/", "/ba05", place)], otto.etag(f"{place}/a.txt")
    lock = clara.client.lock(f"/dav{place}/a.txt", owner="LibreOffice - Clara", Timeout="Second-600")
    shown = otto.properties(f"{place}/a.txt", *names)
    assert [shown.text(name) for name in names] == ["1", "clara", "LibreOffice - Clara", "2", "600"]
    assert all(old != otto.etag(path) for old, path in zip(folders, ("/", "/ba05", place), strict=True))
    assert otto.etag(f"{place}/a.txt") == document
    assert otto.put(f"{place}/a.txt", b"b").status == 423
    clara.client.unlock(f"/dav{place}/a.txt", lock.lock_token)
    assert [otto.etag(path) for path in ("/", "/ba05", place)] == folders


def test_a_change_of_rights_moves_the_folders_tags(sync: Syncs, server: RunningServer, place: str) -> None:
    """Clients read permissions again only where a folder's tag has changed; others' tags rest."""
    clara, otto = sync("clara"), sync("otto")
    clara.put(f"{place}/a.txt", b"a")
    before, others = otto.etag("/"), clara.etag("/")
    words = (
        "entry",
        "add",
        f"ba05{place.removeprefix('/ba05')}/a.txt",
        "user:otto",
        "write",
        "--deny",
        "--as",
        "clara",
    )
    command(*words, data=server.data)
    assert otto.text(f"{place}/a.txt", f"{OC}permissions") == "GDNV"
    assert otto.etag("/") != before
    assert clara.text(f"{place}/a.txt", f"{OC}permissions") == "RGDNVW"
    assert others


def test_what_may_be_listed_only_is_not_synced(sync: Syncs, people: People, server: RunningServer, place: str) -> None:
    """A draft, of which members know the name: a copy would stay what it was, and clients would fail to fetch it."""
    otto, clerk, folder = sync("otto"), people("clara", "/dav"), f"/ba05/{place.rpartition('/')[2]}"
    clerk.mkcol(folder)
    clerk.put(f"{folder}/Vorlage.txt", b"erste Fassung")
    tag = otto.etag(folder)
    assert "Vorlage.txt" in otto.listed(folder, "getetag")
    command("label", f"{folder[1:]}/Vorlage.txt", "--release", "never", "--as", "clara", data=server.data)
    assert "Vorlage.txt" in people("otto", "/dav").names(folder)
    assert "Vorlage.txt" not in otto.listed(folder, "getetag")
    assert otto.etag(folder) != tag, "or no client would look"
    for verb in ("PROPFIND", "GET", "HEAD"):
        assert otto.client.request(verb, otto.at(f"{folder}/Vorlage.txt"), headers={"Depth": "0"}).status == 404
    assert otto.put(f"{folder}/Vorlage.txt", b"zweite Fassung").status == 403
    assert clerk.get(f"{folder}/Vorlage.txt").body == b"erste Fassung"
    assert clerk.delete(folder).status == 204


def test_what_programs_make_is_not_synced(sync: Syncs, people: People, place: str) -> None:
    """Owner files, temp files: not shown, and refused instead of taken and lost (protocol.md §2)."""
    clara = sync("clara")
    dav = people("clara", f"/dav{place}")
    for name in (".~lock.Brief.odt#", "~$Brief.docx", ".DS_Store", "lu12ab.tmp"):
        assert dav.put(f"/{name}", b"x").status == 201
        assert clara.client.get(clara.at(f"{place}/{name}")).status == 404
        assert clara.put(f"{place}/{name}", b"x").status == 403
        assert clara.client.request("MKCOL", clara.at(f"{place}/{name}")).status == 403
    dav.put("/Brief.odt", b"x")
    assert set(clara.listed(place, "resourcetype")) == {"", "Brief.odt"}
    told = clara.client.request("REPORT", clara.at(place), body=sync_body()).body  # RFC 6578 tells the same members
    assert b"Brief.odt</" in told
    assert not any(name in told for name in (b".~lock", b"~$Brief", b".DS_Store", b"lu12ab"))
    target = {"Destination": clara.at(f"{place}/~$Brief.docx")}
    assert clara.client.request("MOVE", clara.at(f"{place}/Brief.odt"), headers=target).status == 403


def test_checksums_are_verified_and_told(sync: Syncs, place: str) -> None:
    """OC-Checksum: a wrong one changes nothing (400); a right one comes back in GET and PROPFIND.

    Bytes of their own: a checksum is kept with the bytes, wherever else in the drive they lie.
    """
    clara = sync("clara")
    old, new, newer = (f"{word} {place}".encode() for word in ("alt", "neu", "noch neuer"))
    right, wrong = hashlib.sha1(new, usedforsecurity=False).hexdigest(), "0" * 40
    clara.put(f"{place}/a.txt", old)
    assert clara.put(f"{place}/a.txt", new, OC_Checksum=f"SHA1:{wrong}").status == 400
    assert clara.client.get(clara.at(f"{place}/a.txt")).body == old
    assert clara.properties(f"{place}/a.txt", f"{OC}checksums").missing == {f"{OC}checksums": 404}
    assert (
        clara.put(f"{place}/a.txt", new, OC_Checksum=f"SHA1:{right.upper()}").headers["OC-Checksum"] == f"SHA1:{right}"
    )
    assert clara.client.get(clara.at(f"{place}/a.txt")).headers["OC-Checksum"] == f"SHA1:{right}"
    told = clara.properties(f"{place}/a.txt", f"{OC}checksums").found[f"{OC}checksums"]
    both = f"SHA1:{right} MD5:{hashlib.md5(new, usedforsecurity=False).hexdigest()}"
    assert told.findtext(f"{OC}checksum") == both, "rclone compares by MD5 where it takes us for ownCloud"
    clara.client.copy(clara.at(f"{place}/a.txt"), clara.at(f"{place}/b.txt"))
    assert clara.client.head(clara.at(f"{place}/b.txt")).headers["OC-Checksum"] == f"SHA1:{right}"
    clara.put(f"{place}/a.txt", newer)
    assert clara.client.get(clara.at(f"{place}/a.txt")).headers["OC-Checksum"] is None


def test_a_time_may_come_with_a_checksum(sync: Syncs, place: str) -> None:
    """rclone from 1.63 on sets `DAV:lastmodified` and names the checksum beside it, which stays what was verified."""
    clara, right = sync("clara"), hashlib.sha1(b"a", usedforsecurity=False).hexdigest()
    clara.put(f"{place}/a.txt", b"a", OC_Checksum=f"SHA1:{right}")
    sums = f'<x:checksums xmlns:x="{OC[1:-1]}"><x:checksum>SHA1:{"0" * 40}</x:checksum></x:checksums>'
    update = f"<D:set><D:prop><D:lastmodified>1500000000</D:lastmodified>{sums}</D:prop></D:set>"
    assert clara.client.proppatch(clara.at(f"{place}/a.txt"), update).member().missing == {}
    head = clara.client.head(clara.at(f"{place}/a.txt"))
    assert head.headers["Last-Modified"] == "Fri, 14 Jul 2017 02:40:00 GMT"
    assert head.headers["OC-Checksum"] == f"SHA1:{right}"
    assert f"{OC}checksums" not in clara.client.propfind(f"/dav{place}/a.txt").member().found


@pytest.mark.parametrize(
    ("header", "right", "wrong"),
    [
        ("Content_Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:", "sha-256=:" + "A" * 43 + "=:"),
        ("Digest", "SHA-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "SHA-256=" + "A" * 43 + "="),
    ],
)
def test_digests_are_verified(sync: Syncs, place: str, header: str, right: str, wrong: str) -> None:
    """RFC 9530 §2 and its predecessor RFC 3230: `hello` with its own digest and with another's."""
    clara = sync("clara")
    assert clara.put(f"{place}/a.txt", b"hello", **{header: wrong}).status == 400
    assert clara.client.get(clara.at(f"{place}/a.txt")).status == 404
    assert clara.put(f"{place}/a.txt", b"hello", **{header: right}).status == 201


def test_properties_are_named_only(sync: Syncs, place: str) -> None:
    """allprop does not tell them, and nobody sets them."""
    clara = sync("clara")
    clara.put(f"{place}/a.txt", b"a")
    everything = clara.client.propfind(clara.at(f"{place}/a.txt")).member()
    assert not [name for name in everything.found if "owncloud" in name or "nextcloud" in name]
    update = f'<D:set><D:prop><x:permissions xmlns:x="{OC[1:-1]}">RGDNVW</x:permissions></D:prop></D:set>'
    assert clara.client.proppatch(clara.at(f"{place}/a.txt"), update).member().missing == {f"{OC}permissions": 403}
    assert clara.client.properties(f"/dav{place}/a.txt", f"{OC}id").missing == {f"{OC}id": 404}


def test_size_counts_what_the_reader_may_discover(sync: Syncs, server: RunningServer, place: str) -> None:
    """oc:size of a folder is that of the reader's view: a hidden paper adds nothing."""
    clara, otto = sync("clara"), sync("otto")
    clara.put(f"{place}/a.txt", b"12345")
    clara.put(f"{place}/b.txt", b"1234567")
    assert otto.text(place, f"{OC}size") == "12"
    command("label", f"ba05{place.removeprefix('/ba05')}/b.txt", "--class", "office", "--as", "clara", data=server.data)
    assert otto.text(place, f"{OC}size") == "5"
    assert clara.text(place, f"{OC}size") == "5", "nor does a copy for the clerk hold it: her device was not approved"
    assert set(otto.listed(place, "resourcetype")) == {"", "a.txt"}


def test_secret_papers_lie_on_approved_devices_only(
    server: RunningServer, people: People, sync: Syncs, place: str
) -> None:
    """rights.md §3: without an app password that says otherwise, copies go up to `restricted`."""
    people("clara", f"/dav{place}").put("/geheim.txt", b"geheim")
    command(
        "label", f"ba05{place.removeprefix('/ba05')}/geheim.txt", "--class", "office", "--as", "clara", data=server.data
    )
    assert sync("clara").client.get(f"{FILES}/clara{place}/geheim.txt").status == 404
    told = command(
        "app-password", "create", "clara", "--label", "Dienstgerät", "--max-class", "office", data=server.data
    )
    approved = DavClient(server.url, "clara", told.splitlines()[-1].strip())
    with approved:
        assert approved.get(f"{FILES}/clara{place}/geheim.txt").body == b"geheim"
