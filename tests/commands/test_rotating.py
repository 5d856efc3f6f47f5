"""rotate-keys --committee: all of a committee is sealed under a new key, and nothing under the former one (S-32)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, select

from acl.schema import metadata as acl_tables
from davserver import rotating
from davserver.database import DATABASE_NAME
from davserver.filelocks import IN_USE, held
from davserver.house import House
from davserver.schema import metadata as own_tables
from davserver.schema import space_key
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from shareproviders.vault.schema import metadata as vault_tables
from tests.commands.conftest import Run
from tests.commands.test_backing import WORK, digest, opened
from tests.commands.test_keeping import delete, put, tree_of

UNKEYED = {
    *("space_key.space_id", "space_key.wrapped", "link.token_hash", "agenda_item.matter_mark", "label.matter_mark"),
    *("letter.digest", "opening.digest", "opening.proof", "blob.id", "version.blob", "recusal.matter_mark"),
    *("small.blob", "small.message"),
}
"""Columns of bytes that do not hang on a committee's key: ids, what the pepper of the house makes, and contents, since
each has a key of its own."""


@pytest.fixture
def filled(peopled: Run, tmp_path: Path) -> Run:
    """One of each that is sealed: names, versions, trash, a move, properties, lock, comment, link, hold, agenda."""
    with opened(tmp_path / "drive", tmp_path / "safe" / "root.key") as house:
        put(house, "otto", "ba05/Arbeitsordner/alt.odt", b"first")
        put(house, "otto", "ba05/Arbeitsordner/alt.odt", b"second" * 9000)
        put(house, "otto", "ba05/Arbeitsordner/weg.odt", b"gone")
        delete(house, "otto", "ba05/Arbeitsordner/weg.odt")
        tree = tree_of(house, "otto")
        tree.set_properties(WORK / "alt.odt", {"{urn:x}a": '<x:a xmlns:x="urn:x">Wert</x:a>'}, Terms())
        tree.add_comment(WORK / "alt.odt", "Eine Anmerkung.")
        tree.lock(WORK / "alt.odt", Terms(), exclusive=True, deep=False, owner="<D:owner>o</D:owner>", seconds=3600)
    assert peopled("link", "create", "ba05/Arbeitsordner", "--label", "Presse").code == 0
    assert peopled("hold", "add", "ba05/00 Eingang", "--reason", "Klage").code == 0
    assert peopled("item", "renumber", "ba05", "2026-12-07", "4.2.1=4.2.2").code == 0
    return peopled


def sealed(house: House, committee: str) -> dict[str, set[bytes]]:
    """All bytes of the committee's rows that hang on its key, by column."""
    found: dict[str, set[bytes]] = {}
    with house.database.read() as connection:
        for table in (t for tables in (acl_tables, own_tables, vault_tables) for t in tables.sorted_tables):
            for column in table.columns:
                name = f"{table.name}.{column.name}"
                if isinstance(column.type, LargeBinary) and name not in UNKEYED and "audit" not in name:
                    wanted = select(column).where(column.is_not(None))
                    if "share" in table.c:
                        wanted = wanted.where(table.c.share == committee)
                    found[name] = {bytes(value) for value in connection.execute(wanted).scalars()}
    return found


def test_all_of_a_committee_is_sealed_anew_and_means_the_same(filled: Run, tmp_path: Path) -> None:
    """Names, contents, properties, rights, labels, titles are equal; no sealed byte is what it was, in no file."""
    drive, key = tmp_path / "drive", tmp_path / "safe" / "root.key"
    with opened(drive, key) as house:
        before, seals = digest(house, without=KEYED), sealed(house, "ba05")
        told = [filled(*words, "--json").out for words in LISTS]
        with house.database.read() as connection:
            former = connection.execute(select(space_key.c.wrapped).where(space_key.c.share == "ba05")).scalar_one()
    said = filled("rotate-keys", "--committee", "ba05")
    assert (said.code, said.err) == (0, "")
    with opened(drive, key) as house:
        assert digest(house, without=KEYED) == before
        after = sealed(house, "ba05")
        for column, values in seals.items():
            assert len(after[column]) == len(values) or column == "departure.name", column
            kept = values & after[column] - {b""}
            roots = {value for value in kept if column == "node.name_ct" and len(value) == 8}
            assert kept == roots or column.startswith("setting."), column
    assert [filled(*words, "--json").out for words in LISTS] == told
    assert filled("check").code == 0
    assert bytes(former) not in b"".join(path.read_bytes() for path in drive.glob(f"{DATABASE_NAME}*"))
    assert sum(bool(values) for values in seals.values()) >= 12, "the test seals little"


LISTS = (("link", "list"), ("hold", "list"), ("item", "list", "ba05", "2026-12-07"), ("meeting", "list", "ba05"))
KEYED = {"meeting", "agenda_item", "link", "hold"}
"""Tables of rights with something sealed; `LISTS` shows what it means."""


def test_what_fails_half_way_changes_nothing(filled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction: after an error everything is under the former key."""
    drive, key = tmp_path / "drive", tmp_path / "safe" / "root.key"
    with opened(drive, key) as house:
        before = digest(house)

    def failing(*_: object) -> None:
        raise OSError("the plug was pulled")

    monkeypatch.setattr(rotating, "_reseal", failing)
    assert filled("rotate-keys", "--committee", "ba05").code == 1
    monkeypatch.undo()
    with opened(drive, key) as house:
        assert digest(house) == before


def test_nobody_else_may_have_the_house_open(filled: Run, tmp_path: Path) -> None:
    """A worker with the former key would write what nobody can read; and none starts in the middle of it."""
    with opened(tmp_path / "drive", tmp_path / "safe" / "root.key"):
        said = filled("rotate-keys", "--committee", "ba05")
    assert (said.code, "stop it" in said.err) == (1, True)
    with held(tmp_path / "drive" / IN_USE, "", alone=True):
        assert filled("user", "list").code == 1
    assert filled("rotate-keys", "--committee", "ba06").code == 1


PLAIN = """
[[committee]]
id = "archiv"
name = "Archiv"
provider = "filesystem"
options = {{ path = "{path}" }}

  [[committee.mandate]]
  user = "otto"
  role = "clerk"
  start = 2026-05-01
"""


def test_a_plain_directory_keeps_ids_and_properties_under_a_new_key(peopled: Run, tmp_path: Path) -> None:
    """Its files are not sealed; its index is. Deleted as a committee, the files stay, and the command says so."""
    drive, key, path = tmp_path / "drive", tmp_path / "safe" / "root.key", tmp_path / "shelf"
    path.mkdir()
    (tmp_path / "plain.toml").write_text(PLAIN.format(path=path))
    assert peopled("apply", tmp_path / "plain.toml").code == 0
    with opened(drive, key) as house:
        put(house, "otto", "archiv/Arbeitsordner/alt.odt", b"first")
        place = SharePath.parse("archiv/Arbeitsordner/alt.odt")
        tree_of(house, "otto").set_properties(place, {"{urn:x}a": '<x:a xmlns:x="urn:x">Wert</x:a>'}, Terms())
        before = digest(house, share="archiv")
    assert peopled("rotate-keys", "--committee", "archiv").code == 0
    with opened(drive, key) as house:
        assert digest(house, share="archiv") == before
    assert peopled("check").code == 0
    said = peopled("committee", "delete", "archiv", "--confirm", "archiv")
    assert (said.code, "are still there" in said.err) == (0, True)
    assert (path / "Arbeitsordner" / "alt.odt").read_bytes() == b"first"
    assert peopled("check").code == 0
