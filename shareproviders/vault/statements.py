"""SQL on the hot path: Core statements, compiled once for the dialect at hand, then run by the driver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql import ClauseElement

from shareproviders.contract import Unavailable

Row = tuple[Any, ...]


class Statement:
    """One statement whose parameters are named `bindparam`s; results are plain tuples in column order."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._text = ""
        self._order: tuple[str, ...] | None = None
        self._fixed: dict[str, Any] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Row]:
        """All rows of a query; raises Unavailable if the database cannot answer."""
        self._compile(connection)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text, self._parameters(values))
            return list(cursor.fetchall())
        except connection.dialect.loaded_dbapi.OperationalError as error:
            raise Unavailable("the database cannot answer now; try again in a moment") from error
        finally:
            cursor.close()

    def row(self, connection: Connection, values: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        rows = self.rows(connection, values)
        return rows[0] if rows else None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute a change; number of rows it touched."""
        self._compile(connection)
        return connection.exec_driver_sql(self._text, self._parameters(values)).rowcount

    def run_many(self, connection: Connection, values: Iterable[Mapping[str, Any]]) -> None:
        """Execute a change once per set of values, in one call of the driver."""
        self._compile(connection)
        parameters = [self._parameters(one) for one in values]
        if parameters:
            connection.exec_driver_sql(self._text, parameters)

    def _compile(self, connection: Connection) -> None:
        if not self._text:
            compiled = self._clause.compile(dialect=connection.dialect)
            self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
            self._order = tuple(compiled.positiontup) if compiled.positional else None  # type: ignore[attr-defined]
            self._text = str(compiled)

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        if self._fixed:
            values = self._fixed | dict(values)
        return values if self._order is None else tuple([values[name] for name in self._order])
