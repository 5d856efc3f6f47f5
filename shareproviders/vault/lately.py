"""Members of collections as they were built last: a row that has not changed makes the same Node again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType

from shareproviders.contract import Node
from shareproviders.statements import Row

MEMBERS_KEPT = 4096
"""Of one space, in each process; about 2 MiB."""

Built = Mapping[int, tuple[Row, Node]]
"""By the node's id: the row and what it makes under the collection's lineage."""
_NOTHING: Built = MappingProxyType({})


class Lately:
    """Pages by the lineage of their collection; the oldest make room. Safe for many threads."""

    def __init__(self) -> None:
        self._pages: dict[tuple[int, ...], Built] = {}
        self._members = 0
        self._lock = threading.Lock()

    def page(self, lineage: tuple[int, ...]) -> Built:
        """What may be taken again wherever the row is equal."""
        return self._pages.get(lineage, _NOTHING)

    def keep(self, lineage: tuple[int, ...], page: Built) -> None:
        """In place of what was kept of this collection."""
        with self._lock:
            self._members += len(page) - len(self._pages.pop(lineage, ()))
            self._pages[lineage] = page
            while self._members > MEMBERS_KEPT:
                oldest = next(iter(self._pages))
                self._members -= len(self._pages.pop(oldest))
