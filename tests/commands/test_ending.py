"""Crypto-shredding: what is purged, and a committee that is deleted, leaves no key in any file (S-33)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from davserver.house import House, now
from davserver.schema import metadata as own_tables
from davserver.schema import space_key
from shareproviders.vault.schema import blob
from tests.commands.conftest import Run
from tests.commands.test_keeping import delete, put
from tests.sealed import LONG, is_anywhere, sealed

PAPER = "ba05/Arbeitsordner/Vorlage.odt"

SECOND = """
[[committee]]
id = "ua-bau"
name = "Unterausschuss Bau"

  [[committee.mandate]]
  user = "anna"
  role = "clerk"
  start = 2026-05-01

  [[committee.mandate]]
  user = "otto"
  role = "member"
  start = 2026-05-01
"""


def files_of(directory: Path) -> bytes:
    """The database and its log, byte for byte."""
    return b"".join(path.read_bytes() for path in sorted(directory.glob("gremium.db*")))


def wrapped(house: House) -> dict[bytes, bytes]:
    """Wrapped keys of all blobs of the drives, by blob."""
    with house.database.read() as connection:
        return {bytes(row.id): bytes(row.wrapped) for row in connection.execute(select(blob))}


def added(run: Run, tmp_path: Path) -> None:
    (tmp_path / "second.toml").write_text(SECOND)
    assert run("apply", tmp_path / "second.toml").code == 0


@pytest.mark.parametrize("times", [1000, LONG], ids=["in a row", "in a file"])
def test_a_purged_document_leaves_no_key(peopled: Run, house: House, tmp_path: Path, times: int) -> None:
    """The only copy of its key is gone at once, and its row. A file is left for `gc` a day later; nothing opens it."""
    put(house, "otto", PAPER, b"bleibt" * times)
    put(house, "otto", "ba05/Arbeitsordner/weg.odt", b"geheim" * times)
    keys = wrapped(house)
    messages = {one.blob: one.read() for one in sealed(tmp_path / "drive").values()}
    assert not any(b"geheim" in message for message in messages.values())
    assert all(key in files_of(tmp_path / "drive") for key in keys.values())
    delete(house, "otto", "ba05/Arbeitsordner/weg.odt")
    number = str(peopled("trash", "list", "--json").json[0]["id"])
    assert peopled("trash", "purge", "ba05", number).code == 0
    (stays,) = wrapped(house)
    (gone,) = keys.keys() - {stays}
    raw = files_of(tmp_path / "drive")
    assert keys[stays] in raw
    assert keys[gone] not in raw
    assert [is_anywhere(messages[one], raw) for one in (stays, gone)] == [times == 1000, False]
    left = list((tmp_path / "drive").rglob(gone.hex()))
    assert len(left) == int(times == LONG)
    assert house.share("ba05").collect(now() + 1) >= len(left)  # type: ignore[attr-defined]
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("times", [1000, LONG], ids=["in rows", "in files"])
def test_a_deleted_committee_leaves_nothing_that_opens(peopled: Run, house: House, tmp_path: Path, times: int) -> None:
    """No row, no key, no file of it; the other committee is whole, and the log still tells of both."""
    added(peopled, tmp_path)
    put(house, "otto", PAPER, b"gleich" * times)
    put(house, "otto", "ua-bau/Arbeitsordner/Vorlage.odt", b"gleich" * times)
    assert peopled("link", "create", "ba05/Arbeitsordner").code == 0
    with house.database.read() as connection:
        spaces = {row.share: row for row in connection.execute(select(space_key))}
        blobs = connection.execute(select(blob).order_by(blob.c.space)).all()
    messages = [sealed(tmp_path / "drive")[row.id].read() for row in blobs]
    assert len({row.dedupe for row in blobs}) == 2, "equal texts of two committees are unrelated"
    assert peopled("committee", "delete", "ba05", "--confirm", "ba05").code == 0
    raw = files_of(tmp_path / "drive")
    space = spaces["ba05"]
    keys = [row.wrapped for row in blobs]
    assert [key in raw for key in (keys[0], space.wrapped, space.space_id, keys[1])] == [False, False, False, True]
    assert [is_anywhere(message, raw) for message in messages] == [False, times == 1000]
    assert sorted(path.name for path in (tmp_path / "drive" / "vault").iterdir()) == sorted(
        row.space_id.hex() for share, row in spaces.items() if share != "ba05"
    )
    with house.database.read() as connection:
        for table in own_tables.sorted_tables:
            if "share" in table.c and table.name != "audit":
                assert not connection.execute(select(table).where(table.c.share == "ba05")).all(), table.name
    assert peopled("check").code == 0
    assert peopled("explain", "otto", "ba05/Arbeitsordner").code == 1
    assert list(house.shares) == ["ua-bau"]
    assert peopled("audit", "show", "--share", "ba05", "--limit", "1", "--json").json[0]["what"] == "committee-delete"


def test_an_id_is_never_given_again(peopled: Run, templates: Path, tmp_path: Path) -> None:
    """What still names it anywhere, a line of the log or an entry, must never mean another committee."""
    added(peopled, tmp_path)
    assert peopled("committee", "delete", "ua-bau", "--confirm", "ua-bau").code == 0
    said = peopled("apply", tmp_path / "second.toml")
    assert (said.code, "never given again" in said.err) == (1, True)
    assert peopled("apply", templates / "committees.toml").code == 0


def test_deleting_a_committee_wants_to_be_sure(peopled: Run, house: House) -> None:
    """The id twice, a committee that is there, and no legal hold."""
    assert peopled("committee", "delete", "ba05").code == 2
    assert peopled("committee", "delete", "ba05", "--confirm", "ba06").code == 1
    assert peopled("committee", "delete", "ba06", "--confirm", "ba06").code == 1
    assert peopled("hold", "add", "ba05/Arbeitsordner", "--reason", "Klage").code == 0
    said = peopled("committee", "delete", "ba05", "--confirm", "ba05")
    assert (said.code, "legal holds" in said.err) == (1, True)
    assert list(house.shares) == ["ba05"]


def test_gc_finishes_what_a_kill_left_of_a_deleted_committee(peopled: Run, house: House, tmp_path: Path) -> None:
    """The folder has no key any more; that of a committee that is there stays."""
    lost = tmp_path / "drive" / "vault" / ("ab" * 16)
    (lost / "blobs" / "aa").mkdir(parents=True)
    assert peopled("gc").code == 0
    assert not lost.exists()
    assert (tmp_path / "drive" / "vault" / house.keys.space("ba05").space_id.hex()).is_dir()
