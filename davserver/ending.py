"""The end of a committee: its space key and all its rows in one transaction, its files after it (crypto-shredding).

Without the space key nothing of it can be opened, wherever a copy of a file is. Its id is never given again.
"""

from __future__ import annotations

import json
from shutil import rmtree

from sqlalchemy import Connection, delete, insert, select

from acl import schema as acl_schema
from acl import store
from davserver import schema as own_schema
from davserver.copylock import is_copied
from davserver.house import ENDED, House, ended_shares
from davserver.schema import setting, share, space_key
from shareproviders.contract import Ends, Restorable, Unavailable
from shareproviders.vault.share import FOLDER

KEPT = ("audit", "epoch", "space_key")
"""The log stays whole; the epoch tells workers that the rules have ended; the key goes by itself, last."""
GONE = "gone-"


class StillNeeded(Exception):  # noqa: N818
    """The committee cannot be deleted; the text says why."""


def end_committee(house: House, committee: str, by: str) -> bool:
    """Destroy it; False if its files are kept elsewhere and stay. Raises NotFound, StillNeeded, Unavailable."""
    with house.database.transaction() as connection:
        provider = house.share(committee)
        if not isinstance(provider, Ends):
            raise StillNeeded(f"the provider of {committee} does not say how it ends")
        now = house.clock()
        held = [hold for hold in store.holds(connection, committee) if hold.end is None or now < hold.end]
        if held:
            raise StillNeeded(f"{committee} is under {len(held)} legal holds; see: davserver hold list")
        provider.end()
        _delete_rows(connection, committee)
        connection.execute(delete(space_key).where(space_key.c.share == committee))
        ended = [*ended_shares(connection), committee]
        connection.execute(delete(setting).where(setting.c.name == ENDED))
        connection.execute(insert(setting).values(name=ENDED, value=json.dumps(ended).encode()))
        store.touch(connection, store.ALL_SHARES)
        house.audit.note(connection, by, "committee-delete", share=committee)
    house.database.checkpoint()
    sweep_ended(house)
    return isinstance(provider, Restorable)


def _delete_rows(connection: Connection, committee: str) -> None:
    """All that was ever said of its nodes; bindings of other committees' papers to its items, too."""
    items, binding = acl_schema.agenda_item.c, acl_schema.binding
    its_items = select(items.id).where(items.share == committee)
    connection.execute(delete(binding).where(binding.c.agenda_item.in_(its_items)))
    for table in (*acl_schema.metadata.sorted_tables, *own_schema.metadata.sorted_tables):
        if "share" in table.c and table.name not in KEPT:
            connection.execute(delete(table).where(table.c.share == committee))
    connection.execute(delete(share).where(share.c.id == committee))


def sweep_ended(house: House) -> int:
    """Remove the folders of spaces that have no key any more; their number. Restartable at any point.

    None go while a backup copies them. They get another name while the writer mutex is held, so that a committee that
    is just being made keeps its own.
    """
    if is_copied(house.directory):
        return 0
    vault = house.directory / FOLDER
    with house.database.transaction() as connection:
        known = {bytes(one).hex() for one in connection.execute(select(space_key.c.space_id)).scalars()}
        for path in sorted(vault.iterdir()):
            if path.name not in known and not path.name.startswith(GONE):
                path.rename(path.with_name(GONE + path.name))
    gone = list(vault.glob(f"{GONE}*"))
    for path in gone:
        try:
            rmtree(path)
        except FileNotFoundError:
            continue  # another process sweeps too
        except OSError as error:
            raise Unavailable(f"the disk failed to remove {path.name}; run davserver gc again") from error
    return len(gone)
