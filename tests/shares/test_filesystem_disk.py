"""The filesystem share and its disk: what it shows, what nobody reaches through it, what others do behind its back."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import socket
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from shareproviders.contract import (
    Expected,
    NameTaken,
    NotFound,
    Outdated,
    ParentMissing,
    ReadOnlyShare,
    ShareError,
    Unavailable,
)
from shareproviders.filesystem.handles import STAGING
from shareproviders.filesystem.share import FilesystemShare
from shareproviders.paths import ROOT, BadName, SharePath
from tests.shares.filesystem_ground import ANNA, Stand

SECRET = b"outside of the share"


def at(raw: str) -> SharePath:
    return SharePath.parse(raw)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand.make(tmp_path)
    yield stand
    stand.database.close()


# Options


def test_an_unknown_option_is_named_with_the_known(stand: Stand) -> None:
    ground = stand.share._ground
    for options, words in (({"path": "/x", "pth": "/y"}, "pth.*knows: path"), ({}, "path"), ({"path": ""}, "path")):
        with pytest.raises(ValueError, match=words):
            FilesystemShare(dataclasses.replace(ground, options=options))


# What is not there


@pytest.fixture
def surrounded(stand: Stand, tmp_path: Path) -> Stand:
    """Links and special files in the directory, and something worth stealing beside it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(SECRET)
    (stand.disk / "file-link").symlink_to(outside / "secret.txt")
    (stand.disk / "folder-link").symlink_to(outside)
    (stand.disk / "loop").symlink_to("loop")
    os.mkfifo(stand.disk / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(stand.disk, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    stand.put("/plain", b"p")
    return stand


HIDDEN = ["file-link", "folder-link", "loop", "pipe", "socket"]


def test_links_and_special_files_are_invisible(surrounded: Stand) -> None:
    assert surrounded.names() == ["plain"]
    for name in [*HIDDEN, "folder-link/secret.txt", "file-link/x"]:
        with pytest.raises(NotFound):
            surrounded.stat(name)


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_is_written_over_or_through_what_is_hidden(surrounded: Stand, name: str) -> None:
    share, outside = surrounded.share, surrounded.disk.parent / "outside"
    before = sorted(surrounded.disk.iterdir())
    for verb in (
        lambda: surrounded.put(name, b"x"),
        lambda: surrounded.make_collection(name),
        lambda: share.move(at("/plain"), at(name), ANNA),
        lambda: share.copy(at("/plain"), at(name), ANNA, deep=True),
    ):
        with pytest.raises(NameTaken):
            verb()
    with pytest.raises(ParentMissing):
        surrounded.put(f"{name}/new", b"x")
    with pytest.raises(NotFound):
        share.delete(at(name), ANNA)
    assert sorted(surrounded.disk.iterdir()) == before
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]
    assert (outside / "secret.txt").read_bytes() == SECRET


def test_a_folder_swapped_for_a_link_leads_nowhere(stand: Stand, tmp_path: Path) -> None:
    """The race of every path-based server: the folder was real when it was listed."""
    stand.make_collection("/c")
    node = stand.put("/c/secret.txt", b"inside")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(SECRET)
    shutil.rmtree(stand.disk / "c")
    (stand.disk / "c").symlink_to(outside)
    with pytest.raises(NotFound):
        stand.share.read(node)
    with pytest.raises(ShareError):
        stand.put("/c/secret.txt", b"x")
    assert (outside / "secret.txt").read_bytes() == SECRET
    assert stand.names() == []


def test_a_copy_leaves_out_what_is_hidden(surrounded: Stand) -> None:
    surrounded.make_collection("/c")
    (surrounded.disk / "c" / "link").symlink_to(surrounded.disk.parent / "outside" / "secret.txt")
    surrounded.put("/c/a", b"a")
    surrounded.share.copy(at("/c"), at("/d"), ANNA, deep=True)
    assert [path.name for path in (surrounded.disk / "d").iterdir()] == ["a"]


def test_names_that_no_share_holds_are_hidden(stand: Stand) -> None:
    """Not UTF-8, not NFC, controls: nobody could ask for them by their name."""
    disk = os.fsencode(stand.disk)
    for raw in (b"\xff\xfe", unicodedata.normalize("NFD", "ä").encode(), b"a\nb", b"a\x7f"):
        Path(os.fsdecode(disk + b"/" + raw)).write_bytes(b"x")
    stand.put("/ä", b"composed")
    assert stand.names() == ["ä"]
    assert stand.content("/ä") == b"composed"


def test_the_staging_directory_is_no_name_of_the_share(stand: Stand) -> None:
    stand.put("/a", b"a")
    assert stand.names() == ["a"]
    inside = next(path for path in (stand.disk / STAGING).iterdir())
    for raw in (STAGING, f"{STAGING}/{inside.name}", f"{STAGING}/{inside.name}/new"):
        with pytest.raises(NotFound):
            stand.stat(raw)
        with pytest.raises(NotFound):
            stand.share.delete(at(raw), ANNA)
        with pytest.raises((BadName, ParentMissing)):
            stand.put(raw, b"x")
        with pytest.raises((BadName, ParentMissing)):
            stand.share.move(at("/a"), at(raw), ANNA)
    assert stat.S_IMODE((stand.disk / STAGING).stat().st_mode) == 0o700


def test_nothing_is_readable_by_everybody(stand: Stand) -> None:
    stand.make_collection("/c")
    stand.put("/c/a", b"a")
    stand.share.copy(at("/c"), at("/d"), ANNA, deep=True)
    for path in stand.disk.rglob("*"):
        assert path.stat().st_mode & 0o007 == 0, path


def test_an_empty_mount_point_is_not_an_empty_share(stand: Stand) -> None:
    """Else the first listing before the disk is mounted would end all ids, and with them all labels."""
    before = stand.put("/a", b"a")
    elsewhere = stand.disk.with_name("mounted")
    stand.disk.rename(elsewhere)
    for _ in range(2):  # first gone, then empty
        for verb in (lambda: stand.share.stat(ROOT), lambda: stand.put("/b", b"b"), stand.share.recover):
            with pytest.raises(Unavailable):
                verb()
        stand.disk.mkdir(exist_ok=True)
    stand.disk.rmdir()
    elsewhere.rename(stand.disk)
    assert stand.stat("/a") == before


# Behind its back


def test_what_others_put_there_is_found(stand: Stand) -> None:
    (stand.disk / "scan").mkdir()
    (stand.disk / "scan" / "page.pdf").write_bytes(b"12345")
    os.utime(stand.disk / "scan" / "page.pdf", ns=(0, 1_700_000_000_123_456_789))
    node = stand.stat("/scan/page.pdf")
    assert (node.size, node.media_type, node.modified) == (5, "application/pdf", 1_700_000_000_123_456)
    assert stand.stat("/scan/page.pdf") == node
    assert stand.stat("/").size == 5
    assert stand.content("/scan/page.pdf") == b"12345"
    assert stand.share.locate(node.id) == (at("/scan/page.pdf"), node)


def test_prepare_gives_ids_to_what_lies_there(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path)
    for name in ("a", "b"):
        (stand.disk / name).mkdir()
        (stand.disk / name / "f").write_bytes(b"123")
    stand.share.prepare()
    assert stand.share.usage().used == 6
    stand.database.close()


@pytest.mark.parametrize("way", ["rename", "remove and write"])
def test_a_document_replaced_by_others_is_another(stand: Stand, way: str) -> None:
    """It gets a new id, so that no label of the old one hangs on content that nobody labelled (storage-format)."""
    before = stand.put("/a", b"old")
    path = stand.disk / "a"
    if way == "rename":
        (stand.disk / "b").write_bytes(b"new")
        (stand.disk / "b").rename(path)
    else:
        path.unlink()
        path.write_bytes(b"new")  # often with the very same inode number
    after = stand.stat("/a")
    assert after.id != before.id
    assert after.entity_tag != before.entity_tag
    assert stand.content("/a") == b"new"
    with pytest.raises(NotFound):
        stand.share.locate(before.id)


def test_a_folder_replaced_by_others_is_another_with_all_in_it(stand: Stand) -> None:
    folder, inner = stand.make_collection("/c"), stand.put("/c/a", b"a")
    shutil.rmtree(stand.disk / "c")
    (stand.disk / "c").mkdir()
    (stand.disk / "c" / "a").write_bytes(b"a")
    assert stand.stat("/c/a").id not in (folder.id, inner.id)
    assert stand.stat("/c").id != folder.id
    assert stand.stat("/").size == 1


def test_a_document_edited_in_place_keeps_its_id_and_gets_a_new_tag(stand: Stand) -> None:
    """Even with the same size and a modification time that was set back."""
    before = stand.put("/a", b"old")
    times = (stand.disk / "a").stat()
    with (stand.disk / "a").open("r+b") as file:
        file.write(b"new")
    os.utime(stand.disk / "a", ns=(times.st_atime_ns, times.st_mtime_ns))
    after = stand.stat("/a")
    assert after.id == before.id
    assert after.entity_tag != before.entity_tag
    assert after.modified == before.modified
    with pytest.raises(Outdated):
        stand.share.put(at("/a"), stand.share.stage([b"x"]), Expected(entity_tag=before.entity_tag), ANNA)
    assert stand.content("/a") == b"new"


def test_what_others_remove_is_gone_with_its_size(stand: Stand) -> None:
    stand.make_collection("/c")
    inner = stand.put("/c/a", b"123")
    stand.put("/b", b"4")
    shutil.rmtree(stand.disk / "c")
    with pytest.raises(NotFound):
        stand.share.locate(inner.id)
    with pytest.raises(NotFound):
        stand.stat("/c/a")
    assert stand.names() == ["b"]
    assert stand.stat("/").size == 1
    assert list(stand.share.check()) == []


def test_a_document_that_becomes_a_folder(stand: Stand) -> None:
    before = stand.put("/a", b"123")
    (stand.disk / "a").unlink()
    (stand.disk / "a").mkdir()
    after = stand.stat("/a")
    assert after.is_collection
    assert after.id != before.id
    assert stand.stat("/").size == 0


def test_a_hard_link_in_the_directory_is_a_document_of_its_own(stand: Stand) -> None:
    stand.put("/a", b"a")
    (stand.disk / "b").hardlink_to(stand.disk / "a")
    assert stand.stat("/a").id != stand.stat("/b").id
    stand.put("/a", b"new")
    assert (stand.content("/a"), stand.content("/b")) == (b"new", b"a")


def test_nothing_changes_while_nobody_changes_anything(stand: Stand) -> None:
    stand.make_collection("/c")
    stand.put("/c/a", b"a")
    before = stand.tree()
    for _ in range(3):
        assert stand.tree() == before
    other = stand.again()
    assert other.tree() == before
    other.database.close()


# The database


def test_names_and_properties_are_not_readable_in_the_database(stand: Stand) -> None:
    node = stand.put("/Kanarienvogel-Name.txt", b"x")
    stand.share.set_properties(node, {"{urn:kanarienvogel}p": "<p>Kanarienvogel-Wert</p>"}, ANNA)
    stand.database.checkpoint()
    for path in stand.data.iterdir():
        assert b"anarienvogel" not in path.read_bytes()


def test_a_row_given_anothers_name_or_property_is_found(stand: Stand) -> None:
    stand.make_collection("/c")
    victim, donor = stand.put("/c/a", b"a"), stand.put("/b", b"b")
    stand.share.set_properties(donor, {"{x}p": "<p/>"}, ANNA)
    with stand.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE filesystem_node SET name = (SELECT name FROM filesystem_node WHERE id = ?) WHERE id = ?",
            (donor.id, victim.id),
        )
        connection.exec_driver_sql("UPDATE filesystem_property SET node = ? WHERE node = ?", (victim.id, donor.id))
    found = {(finding.node_id, finding.problem) for finding in stand.share.check()}
    assert found == {(victim.id, "its name fails its check"), (victim.id, "a property fails its check")}


@pytest.mark.parametrize("number", range(1, 9))
def test_a_sync_that_fails_makes_the_share_read_only_until_it_is_opened_anew(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """S-39: whichever sync of a PUT fails, once; readers have the old version, nothing is taken, a restart heals."""
    stand.put("/a", b"before")
    calls, real = 0, os.fsync

    def failing(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(errno.EIO, "injected")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        try:
            stand.put("/a", b"lost")
        except Unavailable:
            assert stand.share.read_only
        else:
            assert 4 < calls < number
            assert not stand.share.read_only
            return
    assert stand.content("/a") == b"before"
    before = calls
    for act in (
        lambda: stand.put("/a", b""),
        lambda: stand.make_collection("/c"),
        lambda: stand.share.move(at("/a"), at("/b"), ANNA),
        lambda: stand.share.delete(at("/a"), ANNA),
        lambda: stand.share.set_properties(stand.stat("/a"), {"{x}y": "z"}, ANNA),
    ):
        with pytest.raises(ReadOnlyShare):
            act()
    assert calls == before
    again = stand.again()
    again.share.recover()
    assert again.content("/a") == b"before"
    again.put("/a", b"after")
    assert again.content("/a") == b"after"
    again.database.close()
