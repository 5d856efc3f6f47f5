"""SQL on the hot path: Core statements, compiled once for the dialect at hand, then run by the driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql import ClauseElement

from shareproviders.contract import Unavailable

Row = tuple[Any, ...]


class Statement:
    """One statement whose parameters are named `bindparam`s; results are plain tuples in column order.

    Every call raises Unavailable if the database cannot work now; the caller's transaction is then rolled back.
    """

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._text = ""
        self._order: tuple[str, ...] | None = None
        self._fixed: dict[str, Any] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Row]:
        """All rows of a query."""
        with self._cursor(connection) as cursor:
            cursor.execute(self._text, self._parameters(values))
            return list(cursor.fetchall())

    def row(self, connection: Connection, values: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        with self._cursor(connection) as cursor:
            cursor.execute(self._text, self._parameters(values))
            row: Row | None = cursor.fetchone()
            return row

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute a change; number of rows it touched."""
        with self._cursor(connection) as cursor:
            cursor.execute(self._text, self._parameters(values))
            return int(cursor.rowcount)

    def run_many(self, connection: Connection, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Execute a change once per row, in one call of the driver; `names` says what the values in a row are."""
        if not rows:
            return
        with self._cursor(connection) as cursor:
            if self._order == tuple(names) and not self._fixed:
                cursor.executemany(self._text, rows)
            else:
                cursor.executemany(self._text, [self._parameters(dict(zip(names, row, strict=True))) for row in rows])

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[Any]:
        if not self._text:
            compiled: Any = self._clause.compile(dialect=connection.dialect)
            self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
            self._order = tuple(compiled.positiontup) if compiled.positional else None
            self._text = str(compiled)
        cursor = connection.connection.cursor()
        try:
            yield cursor
        except connection.dialect.loaded_dbapi.OperationalError as error:
            raise Unavailable("the database cannot work now; try again in a moment") from error
        finally:
            cursor.close()

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        if self._fixed:
            values = self._fixed | dict(values)
        return values if self._order is None else tuple([values[name] for name in self._order])
