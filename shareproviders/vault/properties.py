"""Dead properties (RFC 4918 §4.3): sealed names and values by node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from shareproviders.contract import Ground, QuotaExceeded
from shareproviders.statements import Row, Statement
from shareproviders.vault.catalog import Catalog
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.schema import dead_property
from shareproviders.vault.turn import Turn

MAX_BYTES = 1024 * 1024
"""Of all properties of one node together."""
PAGE_NODES = 5000


class Properties:
    """The dead properties of one space."""

    def __init__(self, ground: Ground, secrets: Secrets, catalog: Catalog) -> None:
        self._ground = ground
        self._secrets = secrets
        self._catalog = catalog
        own = dead_property.c.space == bindparam("space")
        of_node = dead_property.c.node == bindparam("of")
        self._remove = Statement(
            delete(dead_property).where(own, of_node, dead_property.c.name_ct == bindparam("name"))
        )
        self._clear = Statement(delete(dead_property).where(own, of_node))
        self._insert = Statement(insert(dead_property))

    def of(self, nodes: Iterable[int]) -> dict[int, dict[str, str]]:
        """By node id; one query for up to 5,000 nodes."""
        ids = list(nodes)
        found: dict[int, dict[str, str]] = {}
        with self._ground.begin_read() as connection:
            for start in range(0, len(ids), PAGE_NODES):
                self._collect(connection, ids[start : start + PAGE_NODES], found)
        return found

    def _collect(self, connection: Connection, ids: list[int], found: dict[int, dict[str, str]]) -> None:
        rows = connection.execute(
            select(dead_property.c.node, dead_property.c.name_ct, dead_property.c.value_ct).where(
                dead_property.c.space == self._catalog.space(connection).number, dead_property.c.node.in_(ids)
            )
        )
        for node_id, sealed_name, sealed_value in rows:
            name, value = self._secrets.open_property(sealed_name, sealed_value, node_id)
            found.setdefault(node_id, {})[name] = value

    def change(self, turn: Turn, node_id: int, changes: Mapping[str, str | None]) -> None:
        """Set or (None) remove, all together. Raises QuotaExceeded over 1 MiB; then nothing is written."""
        kept = self.of([node_id]).get(node_id, {}) | {
            name: value for name, value in changes.items() if value is not None
        }
        if sum(len(name.encode()) + len(value.encode()) for name, value in kept.items()) > MAX_BYTES:
            raise QuotaExceeded("the properties of one document can have 1 MiB at most")
        sealed = [(turn.space, node_id, self._secrets.seal_property_name(name, node_id)) for name in changes]
        turn.run_many(self._remove, ("space", "of", "name"), sealed)
        self._add(turn, node_id, {name: value for name, value in changes.items() if value is not None})

    def copy(self, turn: Turn, rows: Iterable[Row], ids: Mapping[int, int]) -> None:
        """Seal rows (node, name, value) anew for other nodes (source id → target id) that have none."""
        for source, sealed_name, sealed_value in rows:
            if source in ids:
                name, value = self._secrets.open_property(sealed_name, sealed_value, source)
                self._add(turn, ids[source], {name: value})

    def replace(self, turn: Turn, source: int, target: int) -> None:
        """Give `target` the properties of `source` in place of its own."""
        self.clear(turn, target)
        self._add(turn, target, self.of([source]).get(source, {}))

    def clear(self, turn: Turn, node_id: int) -> None:
        turn.run(self._clear, of=node_id)

    def _add(self, turn: Turn, node_id: int, properties: Mapping[str, str]) -> None:
        rows = []
        for name, value in properties.items():
            sealed_name, sealed_value = self._secrets.seal_property(name, value, node_id)
            rows.append((node_id, sealed_name, turn.space, sealed_value))
        turn.run_many(self._insert, ("node", "name_ct", "space", "value_ct"), rows)
