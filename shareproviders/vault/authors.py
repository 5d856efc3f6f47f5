"""By whom versions were written and things deleted: told, and renamed when a person's data end."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select, update

from shareproviders.contract import Authored, Ground
from shareproviders.vault.catalog import Catalog
from shareproviders.vault.schema import trash, version


class Authors:
    """Of one space. Who wrote a version is no part of its MAC, so another word for him leaves it as it is."""

    def __init__(self, ground: Ground, catalog: Catalog) -> None:
        self._ground, self._catalog = ground, catalog

    def of(self, by: str) -> Iterator[Authored]:
        """What is his, versions first."""
        with self._ground.begin_read() as connection:
            number = self._catalog.space(connection).number
            written = select(version.c.node, version.c.at, version.c.size).where(version.c.space == number)
            deleted = select(trash.c.node, trash.c.at).where(trash.c.space == number)
            found = [
                *(Authored(*row, False) for row in connection.execute(written.where(version.c.by == by))),
                *(Authored(*row, 0, True) for row in connection.execute(deleted.where(trash.c.by == by))),
            ]
        yield from sorted(found, key=lambda one: (one.is_deletion, one.at))

    def rename(self, by: str, anew: str) -> int:
        """How often he stood there."""
        with self._ground.begin_transaction() as connection:
            number = self._catalog.space(connection).number
            return sum(
                connection.execute(
                    update(table).where(table.c.space == number, table.c.by == by).values(by=anew)
                ).rowcount
                for table in (version, trash)
            )
