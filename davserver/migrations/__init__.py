"""The one Alembic history of the database, for the tables of all three packages."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from acl.schema import metadata as acl_tables
from davserver.database import Database
from davserver.schema import metadata as own_tables
from shareproviders.filesystem.schema import metadata as filesystem_tables
from shareproviders.vault.schema import metadata as vault_tables

PLACE = Path(__file__).parent
ALL_TABLES: tuple[MetaData, ...] = (own_tables, acl_tables, vault_tables, filesystem_tables)


class WrongSchema(Exception):  # noqa: N818
    """The database has another schema than this program; the text says what to do."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(PLACE))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The revision that this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package ships at least one revision"
    return head


def upgrade(database: Database) -> None:
    """Bring the database to the newest revision, in one transaction."""
    with database.transaction() as connection:
        command.upgrade(_config(connection), "head")


def pending(database: Database) -> tuple[str, tuple[str, ...]]:
    """The revision of the database, and those that lead from there to the newest.

    Raises WrongSchema for a foreign database, and for one that a newer program made.
    """
    with database.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        raise WrongSchema(f"{database.path} is not a database of this program")
    scripts = ScriptDirectory.from_config(_config())
    if current not in {script.revision for script in scripts.walk_revisions()}:
        raise WrongSchema(f"the database has schema {current}, made by a newer program; install that version")
    ahead = [script.revision for script in scripts.iterate_revisions("head", current)]
    return current, tuple(reversed(ahead))


def check(database: Database) -> None:
    """Raises WrongSchema for an older, newer or foreign database."""
    current, revisions = pending(database)
    if revisions:
        raise WrongSchema(f"the database has schema {current}, this program needs {newest()}; run: davserver upgrade")
