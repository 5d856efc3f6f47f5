"""SIGKILL in the middle of a backup, a restore or an upgrade: there is all of it, or none that could be taken for all.

security.md §3, bar S-36; as `test_kill_keeping.py`, each death on a copy of the same directory.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from davserver import migrations
from davserver.backups import NoBackup, back_up, read_manifest
from davserver.founding import default_key
from davserver.house import House, NoHouse
from davserver.restoring import restore
from davserver.settings import load
from davserver.upgrading import upgrade
from shareproviders.contract import KeepsTrash, Restorable, Upkeep
from tests.commands.test_upgrading import columns, newer_program
from tests.faults.deaths import Deaths, opened
from tests.faults.test_kill_keeping import fill
from tests.running import copied

BACKING = ("mkdir", "pwrite64", "write", "sync", "fsync", "fdatasync")
RESTORING = ("fsync", "unlink", "fdatasync")
UPGRADING = ("pwrite64", "fsync", "fdatasync", "ftruncate", "unlink")


@pytest.fixture
def filled(installed: Path, tmp_path: Path) -> Path:
    """A directory to copy, with documents in it."""
    data = copied(installed, tmp_path / "template")
    fill(data)
    return data


def target(house: House) -> Path:
    """Where the lives of these tests put what they make."""
    return house.directory.parent / "made"


def test_a_killed_backup_is_none_and_a_finished_one_is_whole(filled: Path, tmp_path: Path) -> None:
    """Without its manifest nobody takes it for a backup; the house is untouched, and the next backup is made."""
    deaths = Deaths(lambda house: back_up(house, target(house), "tests"), filled, tmp_path, BACKING, every=2)
    whole, counts = deaths.whole()
    complete = {is_backup(whole)}
    for data, finished in deaths.after(counts):
        made = is_backup(data)
        complete.add(made)
        assert made or not finished
        house = opened(data)
        try:
            assert looks_whole(house)
            back_up(house, data.parent / "next", "tests")
        finally:
            house.close()
    assert complete == {True, False}


def is_backup(data: Path) -> bool:
    """False if it says that it is none; else a house must come of it."""
    made = data.parent / "made"
    try:
        read_manifest(made)
    except NoBackup:
        return False
    restore(made, data.parent / "host", default_key(data), load(data, {}), "tests")
    assert is_whole(data.parent / "host", default_key(data))
    return True


def test_a_killed_restore_is_no_house_and_a_finished_one_is_whole(filled: Path, tmp_path: Path) -> None:
    """At calls spread over all of it: nobody can take half of a backup for a data directory."""
    source = opened(filled)
    back_up(source, tmp_path / "backup", "tests")
    source.close()

    def putting_back(house: House) -> None:
        restore(tmp_path / "backup", target(house), default_key(house.directory), house.settings, "tests")

    deaths = Deaths(putting_back, filled, tmp_path, RESTORING)
    whole, counts = deaths.whole()
    assert is_whole(whole.parent / "made", default_key(whole))
    left = {is_whole(data.parent / "made", default_key(data)) for data, _ in deaths.after(counts)}
    assert left == {True, False}, "both outcomes occur"


def is_whole(directory: Path, key: Path) -> bool:
    """False if it cannot be opened at all; else nothing may be missing in it."""
    try:
        house = House.open(directory, key, load(directory, {}))
    except NoHouse:
        return False
    try:
        vaults = [one for one in house.stores().values() if isinstance(one, Upkeep) and isinstance(one, Restorable)]
        assert [each for one in vaults for each in one.check()] == []
        (trash,) = [one for one in house.shares.values() if isinstance(one, KeepsTrash)]
        assert len(trash.trashed()) == 3
        assert len(house.restores) == 1
    finally:
        house.close()
    return True


def looks_whole(house: House) -> bool:
    vaults = [one for one in house.stores().values() if isinstance(one, Upkeep) and isinstance(one, Restorable)]
    return [each for one in vaults for each in one.check()] == [] and house.audit.verify()[1] is None


def test_a_killed_upgrade_has_the_one_schema_or_the_other(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: whichever program the database asks for finds all of it; asked again, the upgrade is made."""
    with monkeypatch.context() as patched:
        newer_program(tmp_path, patched)
        newer = migrations.PLACE
    seconds = count(1_700_000_000)

    def upgrading(directory: Path) -> None:
        upgrade(directory, lambda: next(seconds) * 1_000_000, dry_run=False)

    def verb(house: House) -> None:
        house.close()
        migrations.PLACE = newer
        upgrading(house.directory)

    deaths = Deaths(verb, filled, tmp_path, UPGRADING, every=2)
    whole, counts = deaths.whole()
    assert "shoe_size" in columns(whole / "gremium.db")
    schemas = set()
    for data, finished in deaths.after(counts):
        schemas.add(new := "shoe_size" in columns(data / "gremium.db"))
        assert new or not finished
        with monkeypatch.context() as patched:
            if new:
                patched.setattr(migrations, "PLACE", newer)
            house = opened(data)
            assert looks_whole(house)
            house.close()
            patched.setattr(migrations, "PLACE", newer)
            next(seconds)
            upgrading(data)
        assert "shoe_size" in columns(data / "gremium.db")
    assert schemas == {True, False}, "before the commit and after it"
