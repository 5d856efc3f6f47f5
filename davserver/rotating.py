"""A new root key for a house that goes on serving, and a new key for one committee while nobody uses the house
(storage-format.md, "Keys"; docs/decisions/0047). The root key:

1. The next key is written beside the present one, durably. 2. One transaction wraps all space keys and secrets under
it. 3. The present key's file is kept under its id, the next one takes its place. Killed between these, the house opens:
the database says which key is in force, both files are there, and the same command goes on where it was. All steps hold
the writer mutex, so two rotations never meet.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from sqlalchemy import Connection, Row, Table, delete, select, update

from acl import schema as acl_schema
from acl import store
from davserver.comments import text_place
from davserver.founding import sync_directory
from davserver.granting import reason_place
from davserver.house import SECRETS, House
from davserver.keys import (
    KeyProblem,
    KeyRing,
    RootKey,
    RootKeys,
    Sealer,
    read_root_key,
    unwrapped,
    wrapped_secret,
    write_root_key,
)
from davserver.linking import label_place
from davserver.openings import opening_place
from davserver.schema import alias, comment, departure, letter, lock, opening, setting, space_key
from davserver.tree.aliases import alias_place
from shareproviders.contract import Rekeys


class Rotated(NamedTuple):
    """What is in force now."""

    key_id: str
    kept: Path
    """Where the former key lies; only older backups need it."""
    was_interrupted: bool
    """True if an earlier rotation was only brought to its end."""


def rotate_root(house: House, by: str) -> Rotated:
    """Give the house a new root key, or finish what was interrupted. Raises KeyProblem, Unavailable, OSError."""
    roots = house.keys.roots
    with house.database.transaction() as connection:
        interrupted = house.keys.root().id != read_root_key(roots.path).id
        if not interrupted:
            _wrap_anew(connection, house.keys, _next_key(roots))
            house.audit.note(connection, by, "rotate-root", detail=house.keys.root().id)
    with house.database.transaction():
        kept = _settle(roots, house.keys.root())
    house.database.checkpoint()  # the former wrapped keys leave the write-ahead log
    return Rotated(house.keys.root().id, kept, interrupted)


def _next_key(roots: RootKeys) -> RootKey:
    """What lies there is left from a rotation that was killed before its commit: nothing is under that key."""
    roots.next_path.unlink(missing_ok=True)
    key = write_root_key(roots.next_path)
    sync_directory(roots.path.parent)
    return key


def _wrap_anew(connection: Connection, keys: KeyRing, root: RootKey) -> None:
    for row in connection.execute(select(space_key)).all():
        former = keys.roots.find(row.kek_id, f"share {row.share}")
        secret = unwrapped(former, row.wrapped, f"the space key of share {row.share}")
        anew = {"kek_id": root.id, "wrapped": aes_key_wrap(root.secret, secret)}
        connection.execute(update(space_key).where(space_key.c.share == row.share).values(**anew))
    for name in SECRETS:
        value = wrapped_secret(root, keys.secret(name))
        connection.execute(update(setting).where(setting.c.name == name).values(value=value))


def _settle(roots: RootKeys, root: RootKey) -> Path:
    """The key in force takes its place; where the former one lies now. Idempotent."""
    former = read_root_key(roots.path)
    kept = roots.path.with_name(f"{roots.path.name}.{former.id}")
    if former.id != root.id:
        with suppress(FileExistsError):  # killed after this line: it is the same file
            os.link(roots.path, kept)
        sync_directory(roots.path.parent)
        roots.next_path.replace(roots.path)
        sync_directory(roots.path.parent)
    return kept


# -- one committee ------------------------------------------------------------------------------------------------


def rotate_committee(house: House, committee: str, by: str) -> None:
    """Write all that hangs on the committee's key anew, in one transaction; the house must be open alone.

    The house is to be closed after it. Raises NotFound, KeyProblem, Damaged, Unavailable.
    """
    with house.database.transaction() as connection:
        provider, former = house.share(committee), house.keys.sealer(committee)
        if not isinstance(provider, Rekeys):
            raise KeyProblem(f"the provider of {committee} cannot change its key")
        keys = house.keys.renew(connection, committee)
        provider.rekey(keys)
        sealer = Sealer(keys)
        store.reseal_meetings(connection, committee, former, sealer)
        for sealed in SEALED:
            _reseal(connection, committee, sealed, former, sealer)
        connection.execute(
            delete(departure).where(departure.c.share == committee)
        )  # of the last seconds; no parent in it
        house.audit.note(connection, by, "rotate-committee", share=committee)
    house.database.checkpoint()


class Sealed(NamedTuple):
    """A column that a committee's sealer has sealed, and where each text stands."""

    table: Table
    column: str
    place: Callable[[Row[Any]], str]


SEALED = (
    Sealed(lock, "owner", lambda row: str(row.token)),
    Sealed(opening, "name", lambda row: opening_place(row.digest)),
    Sealed(alias, "name", lambda row: alias_place(row.parent)),
    Sealed(comment, "text", lambda row: text_place(row.node, "comment", row.author, row.at)),
    Sealed(letter, "text", lambda row: text_place(row.node, "letter", bytes(row.digest).hex(), row.at)),
    Sealed(letter, "answer", lambda row: text_place(row.node, "answer", bytes(row.digest).hex(), row.at)),
    Sealed(acl_schema.hold, "reason", lambda row: reason_place(row.at)),
    Sealed(acl_schema.link, "label", lambda row: label_place(row.token_hash)),
)


def _reseal(connection: Connection, committee: str, sealed: Sealed, former: Sealer, anew: Sealer) -> None:
    table, column = sealed.table, sealed.table.c[sealed.column]
    for row in connection.execute(select(table).where(table.c.share == committee, column.is_not(None))).all():
        key = [one == row._mapping[one] for one in table.primary_key.columns]
        text = former.open(row._mapping[column], sealed.place(row))
        connection.execute(update(table).where(*key).values({column: anew.seal(text, sealed.place(row))}))
