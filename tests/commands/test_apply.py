"""apply: idempotent, prints what changes, all or nothing; what the file does not name stays (contract.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from acl import store
from acl.labels import NEVER, ON_CREATION
from davserver.house import House
from shareproviders.paths import SharePath
from tests.commands.conftest import COMMITTEES, Run


def apply(run: Run, tmp_path: Path, text: str, *options: str) -> list[str]:
    (tmp_path / "changed.toml").write_text(text)
    said = run("apply", tmp_path / "changed.toml", "--json", *options)
    assert said.code == 0, said.err
    changes: list[str] = said.json["changes"]
    return changes


def test_a_dry_run_tells_and_changes_nothing(founded: Run, tmp_path: Path) -> None:
    """--dry-run on an empty house, then the same for real, then nothing to do."""
    planned = apply(founded, tmp_path, COMMITTEES, "--dry-run")
    assert "committee ba05: drive made, provider vault" in planned
    assert "person otto: account made, without password" in planned
    assert founded("user", "list").code == 1
    done = apply(founded, tmp_path, COMMITTEES)
    assert [line for line in done if "folder" not in line] == [line for line in planned if "folder" not in line]
    assert apply(founded, tmp_path, COMMITTEES) == []


def test_the_drive_gets_its_two_folders(house: House) -> None:
    """rights.md §2: Arbeitsordner with the members' entry, released on creation; 00 Eingang, never released."""
    with house.database.read() as connection:
        work = house.share("ba05").stat(SharePath(("Arbeitsordner",)))
        inbox = house.share("ba05").stat(SharePath(("00 Eingang",)))
        labels = store.labels(connection, "ba05")
        assert [entry.principal for entry in store.list_entries(connection, "ba05", work.id)] == ["role:member"]
    assert labels[work.id].release_at == ON_CREATION
    assert labels[inbox.id].release_at == NEVER


def test_a_removed_folder_is_not_made_again(peopled: Run, house: House, tmp_path: Path) -> None:
    """They belong to the founding of a drive, not to every apply."""
    with house.database.transaction():
        provider = house.share("ba05")
        from shareproviders.contract import Writing

        provider.delete(SharePath(("00 Eingang",)), Writing("user:anna", house.clock()))
    assert apply(peopled, tmp_path, COMMITTEES) == []


def test_a_mandate_ends_only_by_end(peopled: Run, house: House, tmp_path: Path) -> None:
    """Left out of the file it stays; with `end` it ends; an end that is known is not lost."""
    start, _, rest = COMMITTEES.partition('  [[committee.mandate]]\n  user = "otto"')
    without = start + rest.partition("start = 2026-05-01\n")[2]
    assert apply(peopled, tmp_path, without) == []
    ended = COMMITTEES.replace('role = "member"\n', 'role = "member"\n  end = 2027-01-01\n')
    (change,) = apply(peopled, tmp_path, ended)
    assert change == "committee ba05: otto is member from 2026-05-01 00:00 until 2027-01-01 00:00"
    assert apply(peopled, tmp_path, COMMITTEES) == []
    with house.database.read() as connection:
        (mandate,) = store.mandates_of(connection, "otto")
    assert mandate.end is not None


def test_changes_are_told_one_by_one(peopled: Run, tmp_path: Path) -> None:
    """Name, quota, meeting state; no title in what is told (titles may be secret)."""
    changed = (
        COMMITTEES.replace("Otto Maier", "Otto Meier")
        .replace("1 GiB", "2 GiB")
        .replace("BA 5 Au-Haidhausen", "BA 5")
        .replace("end = 2026-12-07T22:00:00", 'end = 2026-12-07T22:00:00\n  state = "agenda_released"')
    )
    assert apply(peopled, tmp_path, changed) == [
        "person otto: name or address changed",
        "committee ba05: quota or options changed",
        "committee ba05: facts changed",
        "committee ba05: meeting 2026-12-07 is agenda_released",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('user = "otto"\n  role', 'user = "nobody"\n  role', "there is no account nobody"),
        ('quota = "1 GiB"', 'provider = "s3"', "unknown shareproviders 's3'; installed are:"),
        ('quota = "1 GiB"', "options = { colour = 1 }", "colour"),
    ],
)
def test_all_or_nothing(founded: Run, tmp_path: Path, old: str, new: str, told: str) -> None:
    """What cannot be done undoes all that was begun."""
    (tmp_path / "bad.toml").write_text(COMMITTEES.replace(old, new))
    said = founded("apply", tmp_path / "bad.toml")
    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1
    assert founded("user", "list").code == 1


def test_the_provider_of_a_drive_cannot_change(peopled: Run, tmp_path: Path) -> None:
    """Its bytes lie where they lie."""
    (tmp_path / "bad.toml").write_text(COMMITTEES.replace('quota = "1 GiB"', 'provider = "filesystem"'))
    said = peopled("apply", tmp_path / "bad.toml")
    assert said.code == 1
    assert "cannot be changed" in said.err


def test_titles_are_nowhere_readable(peopled: Run, house: House, tmp_path: Path) -> None:
    """Titles of meetings and items and matters are sealed: no canary in database, log or answers."""
    house.database.checkpoint()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "drive").rglob("*") if path.is_file())
    told = peopled("audit", "show", "--json").out.encode()
    for canary in ("Kanarientitel", "Kanarienanhörung", "V 15898"):
        assert canary.encode() not in raw
        assert canary.encode() not in told
    with house.database.read() as connection:
        (meeting,) = store.meetings(connection, house.keys.sealer("ba05"), "ba05")
    assert meeting.title == "Kanarientitel Dezember"


def test_apply_is_noted_with_its_author(peopled: Run) -> None:
    """Who gave whom a mandate stands in the chained log."""
    rows = peopled("audit", "show", "--share", "ba05", "--json").json
    assert any(row["what"] == "apply" and "anna is clerk" in row["detail"] for row in rows)
    assert all(row["who"].startswith("command:") for row in rows)
    assert peopled("audit", "verify").code == 0


def test_a_running_server_sees_a_new_drive(house: House, peopled: Run, tmp_path: Path) -> None:
    """Shares follow the database without being told."""
    assert list(house.shares) == ["ba05"]
    apply(peopled, tmp_path, '[[committee]]\nid = "ba06"\nname = "BA 6"\n')
    assert list(house.shares) == ["ba05", "ba06"]
