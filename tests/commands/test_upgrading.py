"""upgrade, and the gate of `serve`: no start on what this program cannot stand on (S-45)."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from davserver import migrations
from davserver.filelocks import IN_USE, held
from tests.commands.conftest import Run

REVISION = """
from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("account", sa.Column("shoe_size", sa.Integer()))
    {more}
"""


def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    """As if this program shipped one revision more."""
    place = tmp_path / "migrations"
    shutil.copytree(migrations.PLACE, place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "versions" / "0002_shoes.py").write_text(REVISION.format(more=more))
    monkeypatch.setattr(migrations, "PLACE", place)


def columns(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(account)")]


def test_an_older_database_is_copied_and_migrated(
    peopled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`serve` names the command, --dry-run changes nothing, after it all is there and everything runs."""
    newer_program(tmp_path, monkeypatch)
    database = tmp_path / "drive" / "gremium.db"
    said = peopled("serve")
    assert (said.code, "run: davserver upgrade" in said.err) == (1, True)
    told = peopled("upgrade", "--dry-run", "--json").json
    assert (told["before"], told["after"], told["revisions"], told["copy"]) == ("0001", "0002", ["0002"], None)
    assert "shoe_size" not in columns(database)
    done = peopled("upgrade", "--json").json
    assert "shoe_size" in columns(database)
    assert "shoe_size" not in columns(Path(done["copy"]))
    assert peopled("user", "list").code == 0
    assert peopled("check").code == 0
    assert peopled("audit", "show", "--limit", "1", "--json").json[0]["what"] == "upgrade"
    assert peopled("upgrade", "--json").json["revisions"] == []


def test_the_way_back_is_the_copy(peopled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older program refuses the newer schema; with the copy in its place all is as before the upgrade."""
    before = peopled("user", "list", "--json").json
    with monkeypatch.context() as newer:
        newer_program(tmp_path, newer)
        copy = Path(peopled("upgrade", "--json").json["copy"])
    refused = peopled("user", "list")
    assert (refused.code, "newer program" in refused.err) == (1, True)
    for name in ("gremium.db-wal", "gremium.db-shm"):  # as operations.md says
        (tmp_path / "drive" / name).unlink(missing_ok=True)
    copy.rename(tmp_path / "drive" / "gremium.db")
    assert "shoe_size" not in columns(tmp_path / "drive" / "gremium.db")
    assert peopled("user", "list", "--json").json == before
    assert peopled("check").code == 0
    assert peopled("audit", "verify").code == 0


def test_a_migration_that_fails_leaves_the_old_schema(
    peopled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: the column that was added before the error is not there, and the older program goes on."""
    newer_program(tmp_path, monkeypatch, more='op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(OperationalError):
        peopled("upgrade")
    monkeypatch.undo()
    where = ("--data", tmp_path / "drive", "--key", tmp_path / "safe" / "root.key")
    assert "shoe_size" not in columns(tmp_path / "drive" / "gremium.db")
    assert peopled("user", "list", *where).code == 0


def test_no_upgrade_while_a_server_runs(peopled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of the older program would write rows of the old schema; and none starts in the middle of it."""
    newer_program(tmp_path, monkeypatch)
    monkeypatch.setattr("davserver.app.START_PATIENCE", 0.1)  # else it waits for a minute and a half
    with held(tmp_path / "drive" / IN_USE, "", alone=False):  # as each worker holds it
        said = peopled("upgrade")
    assert (said.code, "stop it" in said.err) == (1, True)
    with held(tmp_path / "drive" / IN_USE, "", alone=True):
        said = peopled("serve")
    assert (said.code, "being upgraded" in said.err) == (1, True)


def test_the_server_does_not_start_on_what_it_cannot_stand_on(peopled: Run, tmp_path: Path) -> None:
    """A newer or foreign database, a readable or missing key: exit 1 and the reason in one line."""
    database, key = tmp_path / "drive" / "gremium.db", tmp_path / "safe" / "root.key"

    def refused() -> str:
        said = peopled("serve", "--port", "0")
        (*_, line) = said.err.splitlines()
        assert said.code == 1, said
        return line

    key.chmod(0o644)
    assert "readable by others" in refused()
    key.chmod(0o400)
    key.rename(tmp_path / "hidden")
    assert "is missing" in refused()
    (tmp_path / "hidden").rename(key)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert "made by a newer program" in refused()
    assert peopled("upgrade").code == 1
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TABLE alembic_version")
        connection.commit()
    assert "not a database of this program" in refused()
