"""SQL on the hot path: Core statements, compiled once for the dialect at hand, then run by the driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, methodcaller
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql import ClauseElement

from shareproviders.contract import Unavailable

Row = tuple[Any, ...]
_Take = Callable[[Any], Any]


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
        rows: list[Row] = self._done(connection, values, _all_rows)
        return rows

    def row(self, connection: Connection, values: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        row: Row | None = self._done(connection, values, _first_row)
        return row

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute a change; number of rows it touched."""
        touched: int = self._done(connection, values, _touched)
        return touched

    def run_many(self, connection: Connection, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Execute a change once per row, in one call of the driver; `names` says what the values in a row are."""
        if not rows:
            return
        if not self._text:
            self._compile(connection)
        if self._order != tuple(names) or self._fixed:
            rows = [self._parameters(dict(zip(names, row, strict=True))) for row in rows]
        self._execute(connection, rows, _touched, many=True)

    def _done(self, connection: Connection, values: Mapping[str, Any], take: _Take) -> Any:
        if not self._text:
            self._compile(connection)
        return self._execute(connection, self._parameters(values), take)

    def _execute(self, connection: Connection, parameters: Any, take: _Take, *, many: bool = False) -> Any:
        cursor = connection.connection.cursor()
        try:
            (cursor.executemany if many else cursor.execute)(self._text, parameters)
            return take(cursor)
        except connection.dialect.loaded_dbapi.OperationalError as error:
            raise Unavailable("the database cannot work now; try again in a moment") from error
        finally:
            cursor.close()

    def _compile(self, connection: Connection) -> None:
        compiled: Any = self._clause.compile(dialect=connection.dialect)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._order = tuple(compiled.positiontup) if compiled.positional else None
        self._text = str(compiled)

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        if self._fixed:
            values = self._fixed | dict(values)
        return values if self._order is None else tuple([values[name] for name in self._order])


_all_rows, _first_row, _touched = methodcaller("fetchall"), methodcaller("fetchone"), attrgetter("rowcount")
