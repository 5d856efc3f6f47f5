"""backup, restore, key: equal at the instant, refused when wrong, and nothing revoked comes back (S-44)."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from acl.schema import metadata as acl_tables
from davserver import backups
from davserver.backups import MANIFEST
from davserver.copylock import copying
from davserver.database import DATABASE_NAME
from davserver.ending import end_committee
from davserver.house import House
from davserver.settings import Settings
from davserver.tree.seen import Terms, UnknownSyncToken
from shareproviders.contract import KeepsProperties, NotFound
from shareproviders.paths import SharePath
from tests.commands.conftest import Run, Said
from tests.commands.test_keeping import delete, put, tree_of
from tests.sealed import LONG

WORK = SharePath.parse("ba05/Arbeitsordner")
KEPT = b"kept " * 30_000
SINCE = {"link", "epoch"}
"""Tables of rights that a restore changes on purpose."""


def digest(house: House, *, share: str = "ba05", without: Collection[str] = ()) -> dict[str, object]:
    """What people can see: by path id, tag, bytes and properties; and every row of rights."""
    provider, seen = house.share(share), dict[str, object]()
    assert isinstance(provider, KeepsProperties)
    waiting = [(SharePath(()), provider.stat(SharePath(())))]
    while waiting:
        path, node = waiting.pop()
        body = None if node.is_collection else b"".join(provider.read(node))
        seen[str(path)] = (node.id, node.entity_tag, node.modified, body, provider.properties([node]).get(node.id))
        if node.is_collection:
            waiting += [(path / member.name, member) for member in provider.children(node)]
    with house.database.read() as connection:
        for table in acl_tables.sorted_tables:
            if table.name not in without:
                seen[f"table {table.name}"] = sorted(map(repr, connection.execute(select(table)).all()))
    return seen


@contextmanager
def opened(directory: Path, key: Path) -> Iterator[House]:
    house = House.open(directory, key, Settings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1))
    try:
        yield house
    finally:
        house.close()


@pytest.fixture
def filled(peopled: Run, house: House) -> Run:
    """Documents with an earlier version, a property, something in the trash; small ones in rows, others in files."""
    put(house, "otto", "ba05/Arbeitsordner/alt.odt", b"first")
    put(house, "otto", "ba05/Arbeitsordner/alt.odt", KEPT)
    put(house, "otto", "ba05/Arbeitsordner/kurz.odt", KEPT[:100])
    put(house, "otto", "ba05/Arbeitsordner/weg.odt", b"gone" * LONG)
    delete(house, "otto", "ba05/Arbeitsordner/weg.odt")
    tree = tree_of(house, "otto")
    tree.set_properties(WORK / "alt.odt", {"{urn:x}a": '<x:a xmlns:x="urn:x">Wert</x:a>'}, Terms())
    return peopled


def restored(run: Run, tmp_path: Path, name: str = "back") -> Said:
    return run("restore", tmp_path / "backup", "--data", tmp_path / name)


def test_what_comes_back_is_what_was_there(filled: Run, house: House, tmp_path: Path) -> None:
    """Names, ids, tags, bytes, properties, rights and trash are equal; `check` agrees; the key is not in it."""
    said = filled("backup", tmp_path / "backup", "--json")
    assert said.code == 0, said.err
    assert said.json["blobs"] == 2
    before = digest(house, without=SINCE)
    put(house, "otto", "ba05/Arbeitsordner/später.odt", b"later")
    put(house, "otto", "ba05/Arbeitsordner/kurz.odt", b"replaced")
    delete(house, "otto", "ba05/Arbeitsordner/alt.odt")
    done = restored(filled, tmp_path)
    assert done.code == 0, done.err
    assert "is missing, also changes of rights" in done.err
    with opened(tmp_path / "back", tmp_path / "safe" / "root.key") as anew:
        assert digest(anew, without=SINCE) == before
        assert [thrown.node.name for thrown in tree_of(anew, "otto").trashed()] == ["weg.odt"]
        tree = tree_of(anew, "otto")
        seen = tree.stat(WORK / "alt.odt")
        assert [b"".join(tree.read_version(seen, one.id)) for one in tree.versions(seen)] == [KEPT, b"first"]
    assert filled("check", "--data", tmp_path / "back").code == 0
    assert filled("audit", "show", "--limit", "1", "--json", "--data", tmp_path / "back").json[0]["what"] == "restore"
    secret = (tmp_path / "safe" / "root.key").read_text().strip()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file())
    for form in (secret.encode(), bytes.fromhex(secret), b"alt.odt", KEPT[:100]):
        assert form not in raw


def test_ids_of_the_lost_time_are_not_given_out_again(filled: Run, house: House, tmp_path: Path) -> None:
    """A client that saw a tag or id after the backup must not meet it on something else."""
    assert filled("backup", tmp_path / "backup").code == 0
    put(house, "otto", "ba05/Arbeitsordner/verloren.odt", b"lost")
    lost = house.share("ba05").stat(SharePath(("Arbeitsordner", "verloren.odt")))
    folder = tree_of(house, "otto").stat(WORK).tag
    assert restored(filled, tmp_path).code == 0
    with opened(tmp_path / "back", tmp_path / "safe" / "root.key") as anew:
        put(anew, "otto", "ba05/Arbeitsordner/neu.odt", b"new")
        made = anew.share("ba05").stat(SharePath(("Arbeitsordner", "neu.odt")))
        assert made.id > lost.id + 1_000_000
        assert made.entity_tag != lost.entity_tag
        assert tree_of(anew, "otto").stat(WORK).tag != folder


def test_sync_tokens_from_before_are_refused_after_it(filled: Run, house: House, tmp_path: Path) -> None:
    """RFC 6578 §3.2: a client that gets valid-sync-token lists afresh; equal tags then cost it no conflict copies."""
    tree = tree_of(house, "otto")
    assert filled("backup", tmp_path / "backup").code == 0
    early = tree.changes(tree.stat(WORK), "", deep=True)
    put(house, "otto", "ba05/Arbeitsordner/verloren.odt", b"lost")
    late = tree.changes(tree.stat(WORK), early.token, deep=True)
    assert restored(filled, tmp_path).code == 0
    with opened(tmp_path / "back", tmp_path / "safe" / "root.key") as anew:
        again = tree_of(anew, "otto")
        for token in (early.token, late.token):
            with pytest.raises(UnknownSyncToken):
                again.changes(again.stat(WORK), token, deep=True)
        fresh = again.changes(again.stat(WORK), "", deep=True)
        assert {seen.node.name: seen.node.entity_tag for seen in fresh.changed} == {
            seen.node.name: seen.node.entity_tag for seen in early.changed
        }
        assert again.changes(again.stat(WORK), fresh.token, deep=True).changed == []


def test_a_link_revoked_after_the_backup_stays_dead_after_restore(filled: Run, house: House, tmp_path: Path) -> None:
    """All links sleep; one opens again only if somebody wakes just that one, and one that was dead before never."""
    tokens = {}
    for label in ("dead before", "revoked since", "still good"):
        made = filled("link", "create", "ba05/Arbeitsordner", "--label", label, "--json").json
        tokens[label] = (made["id"], made["token"])
    assert filled("link", "revoke", str(tokens["dead before"][0])).code == 0
    assert filled("backup", tmp_path / "backup").code == 0
    assert filled("link", "revoke", str(tokens["revoked since"][0])).code == 0
    assert restored(filled, tmp_path).code == 0
    there = ("--data", tmp_path / "back")

    def opening() -> set[str]:
        found = set()
        with opened(tmp_path / "back", tmp_path / "safe" / "root.key") as anew:
            for label, (_, token) in tokens.items():
                try:
                    anew.links.link(token, None, "127.0.0.1")
                    found.add(label)
                except NotFound:
                    continue
        return found

    assert opening() == set()
    assert filled("link", "list", *there).out.count("asleep") == 2
    assert filled("link", "wake", str(tokens["dead before"][0]), *there).code == 1
    assert filled("link", "wake", *there).code == 2
    assert filled("link", "wake", str(tokens["still good"][0]), *there).code == 0
    assert opening() == {"still good"}
    assert restored(filled, tmp_path, "again").code == 0
    (line, *_) = filled("audit", "show", "--rights", "--json", *there).json
    assert (line["what"], line["detail"]) == ("link-wake", f"link {tokens['still good'][0]}")


def test_app_passwords_sleep_and_sessions_and_letters_end(filled: Run, house: House, tmp_path: Path) -> None:
    """A lost device that was let go after the backup does not come back by a restore."""
    made = filled("app-password", "create", "otto", "--label", "Notebook", "--json").json
    filled("user", "passwd", "otto", "--password-stdin", stdin="Korrekt-Pferd-Batterie-1\n")
    session = house.sessions.begin("otto", "Firefox", "127.0.0.1")
    assert house.sessions.find(session) is not None
    assert filled("backup", tmp_path / "backup").code == 0
    assert restored(filled, tmp_path).code == 0
    there = ("--data", tmp_path / "back")
    assert "asleep" in filled("app-password", "list", *there).out
    with opened(tmp_path / "back", tmp_path / "safe" / "root.key") as anew:
        assert anew.sessions.find(session) is None
    assert filled("app-password", "wake", "--all", "--json", *there).json == {"woken": [made["id"]]}
    assert "asleep" not in filled("app-password", "list", *there).out


def test_restore_refuses_what_it_cannot_do_right(filled: Run, tmp_path: Path) -> None:
    """A place in use, another key, no key, no backup: one line, exit 1, and nothing is made."""
    assert filled("backup", tmp_path / "backup").code == 0
    in_use = filled("restore", tmp_path / "backup")
    assert (in_use.code, "is not empty" in in_use.err) == (1, True)
    filled("init", "--data", tmp_path / "other", "--key", tmp_path / "safe" / "second.key")
    wrong = filled(
        "restore", tmp_path / "backup", "--data", tmp_path / "back", "--key", tmp_path / "safe" / "second.key"
    )
    assert (wrong.code, "is locked under root key" in wrong.err) == (1, True)
    missing = filled("restore", tmp_path / "backup", "--data", tmp_path / "back", "--key", tmp_path / "safe" / "no.key")
    assert (missing.code, "is missing" in missing.err) == (1, True)
    empty = filled("restore", tmp_path / "safe", "--data", tmp_path / "back")
    assert (empty.code, "holds no complete backup" in empty.err) == (1, True)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("damage", ["database", "manifest", "blob", "missing"])
def test_a_damaged_backup_is_refused(filled: Run, tmp_path: Path, damage: str) -> None:
    """Exit 3, and no directory that somebody could take for a whole one."""
    assert filled("backup", tmp_path / "backup").code == 0
    blobs = sorted(path for path in (tmp_path / "backup" / "vault").rglob("*") if path.is_file())
    target = {
        "database": tmp_path / "backup" / DATABASE_NAME,
        "manifest": tmp_path / "backup" / MANIFEST,
        "blob": max(blobs, key=lambda path: path.stat().st_size),
        "missing": blobs[0],
    }[damage]
    if damage == "missing":
        target.unlink()
    elif damage == "manifest":
        target.write_text(target.read_text().replace('"bytes": ', '"bytes": 1'))
    else:
        whole = bytearray(target.read_bytes())
        whole[len(whole) // 2] ^= 1
        target.write_bytes(whole)
    said = restored(filled, tmp_path)
    assert said.code == 3, said
    assert list((tmp_path / "back").iterdir()) == []


def test_secrets_beside_the_data_are_sealed(filled: Run, tmp_path: Path) -> None:
    """Files that settings name, and whatever else lies there: in clear nowhere in it, as they were after `restore`."""
    secrets = {"mail.password": b"Geheim-1234567", "tls.key": b"-----BEGIN PRIVATE KEY-----", "leer": b""}
    for name, content in secrets.items():
        (tmp_path / "drive" / name).write_bytes(content)
    (tmp_path / "drive" / "davserver.toml").write_text('mail_password = "mail.password"\n')
    assert filled("backup", tmp_path / "backup").code == 0
    raw = {path.name: path.read_bytes() for path in (tmp_path / "backup").iterdir() if path.is_file()}
    assert not any(content in whole for content in secrets.values() if content for whole in raw.values())
    assert set(raw) >= {"davserver.toml", "roles.toml", "mail.password.sealed", "tls.key.sealed", "leer.sealed"}
    assert restored(filled, tmp_path).code == 0
    back = {name: tmp_path / "back" / name for name in secrets}
    assert {name: path.read_bytes() for name, path in back.items()} == secrets
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in back.values())
    assert not list((tmp_path / "back").glob("*.sealed"))


def test_a_backup_writes_nowhere_else(filled: Run, tmp_path: Path) -> None:
    """Names in its manifest are nobody's word before its seal was looked at, and that needs the files."""
    assert filled("backup", tmp_path / "backup").code == 0
    manifest = tmp_path / "backup" / MANIFEST
    (tmp_path / "planted").write_text("x")
    facts = json.loads(manifest.read_text())
    facts["sums"]["../planted"] = hashlib.sha256(b"x").hexdigest()
    manifest.write_text(json.dumps(facts))
    (tmp_path / "deep").mkdir()
    said = restored(filled, tmp_path, "deep/back")
    assert (said.code, "lie elsewhere" in said.err) == (1, True)
    assert list((tmp_path / "deep").iterdir()) == []


def test_an_unfinished_restore_is_no_house(filled: Run, tmp_path: Path) -> None:
    """Killed half way it leaves a directory that every command refuses."""
    assert filled("backup", tmp_path / "backup").code == 0
    assert restored(filled, tmp_path).code == 0
    (tmp_path / "back" / "unfinished-restore").touch()
    said = filled("user", "list", "--data", tmp_path / "back")
    assert (said.code, "unfinished restore" in said.err) == (1, True)


def test_backup_needs_a_place_of_its_own(filled: Run, house: House, tmp_path: Path) -> None:
    """Neither over another one, nor into the data, nor two at once."""
    assert filled("backup", tmp_path / "backup").code == 0
    assert filled("backup", tmp_path / "backup").code == 1
    assert filled("backup", tmp_path / "drive" / "inside").code == 1
    with copying(house.directory):
        said = filled("backup", tmp_path / "second")
    assert (said.code, "another backup is running" in said.err) == (1, True)


def test_what_is_purged_while_a_backup_copies_is_still_in_it(
    filled: Run, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of the instant name it, so its file stays until it is copied; its key is gone from the drive at once."""
    copy, purged = backups.copy_file, list[Path]()

    def purging_first(source: Path, target: Path) -> int:
        if not purged:
            purged.append(source)
            tree_of(house, "otto").empty_trash()
        return copy(source, target)

    monkeypatch.setattr(backups, "copy_file", purging_first)
    said = filled("backup", tmp_path / "backup", "--json")
    assert (said.code, said.json["blobs"], len(purged)) == (0, 2, 1)
    monkeypatch.undo()
    monkeypatch.setenv("DAVSERVER_KEY", str(tmp_path / "safe" / "root.key"))
    assert filled("trash", "list", "--data", tmp_path / "drive").code == 1
    assert restored(filled, tmp_path).code == 0
    assert len(filled("trash", "list", "--json", "--data", tmp_path / "back").json) == 1


def test_a_committee_that_is_deleted_while_a_backup_copies_is_still_in_it(
    filled: Run, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files stay until they are copied; `gc` takes them away afterwards."""
    copy, space = backups.copy_file, house.keys.space("ba05").space_id.hex()

    def deleting_first(source: Path, target: Path) -> int:
        if "ba05" in house.shares:
            end_committee(house, "ba05", "tests")
        return copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(backups, "copy_file", deleting_first)
        assert filled("backup", tmp_path / "backup").code == 0
    assert (tmp_path / "drive" / "vault" / space).is_dir()
    assert filled("gc").code == 0
    assert not (tmp_path / "drive" / "vault" / space).exists()
    assert restored(filled, tmp_path).code == 0
    assert filled("trash", "list", "--data", tmp_path / "back").code == 0


def test_a_backup_that_fails_leaves_its_place_empty(
    filled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: one line, exit 1, and the same call works once there is room."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(backups, "copy_file", full)
        said = filled("backup", tmp_path / "backup")
    assert (said.code, "No space left" in said.err) == (1, True)
    assert list((tmp_path / "backup").iterdir()) == []
    assert filled("backup", tmp_path / "backup").code == 0


def test_the_recovery_sheet_is_the_key(filled: Run, tmp_path: Path) -> None:
    """Typed back once, `backup` stops warning; the lines of the sheet alone open the house."""
    assert "recovery sheet" in filled("backup", tmp_path / "one").err
    sheet = filled("key", "show", "--json").json
    assert filled("key", "show").out.count(sheet["lines"][0]) == 1
    wrong = [*sheet["lines"][:2], sheet["lines"][2].replace(sheet["lines"][2][0], "x", 1), sheet["lines"][3]]
    said = filled("key", "confirm", stdin="\n".join(wrong))
    assert (said.code, "line 3" in said.err) == (1, True)
    assert "recovery sheet" in filled("backup", tmp_path / "two").err
    assert filled("key", "confirm", stdin="\n".join(sheet["lines"]).upper()).code == 0
    assert "recovery sheet" not in filled("backup", tmp_path / "three").err
    typed = tmp_path / "safe" / "typed.key"
    typed.write_text("\n".join(sheet["lines"]) + "\n")
    typed.chmod(0o400)
    assert filled("user", "list", "--key", typed).code == 0
