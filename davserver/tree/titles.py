"""What is called how in each drive, kept in memory by folder, so that a search need not open every name again.

Holds for all readers alike and decides nothing: whoever compares titles asks first what his reader may discover. Where
a drive tracks its changes, a folder is listed again only if its own newest change has moved (`Node.change`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from davserver.tree.names import bare_name, is_programs
from shareproviders.contract import Node, ShareProvider, TracksChanges
from shareproviders.paths import ROOT

KEPT = 1_000_000
"""Titles in memory, of all drives together; with more than these all are read anew."""
_SIGNS = re.compile(r"[^\w.]|_")


class Titled(NamedTuple):
    """One folder; its members that people make, in step."""

    lineage: tuple[int, ...]
    change: int
    ids: tuple[int, ...]
    titles: tuple[str, ...]
    """As `comparable` makes them."""
    folders: dict[int, int]
    """Those of the members that are folders, with their newest change."""


class Titles:
    """Of all drives of one process. Threads may share it: at worst two of them list the same folder."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Titled] = {}
        self._count = 0

    def root(self, share: str, provider: ShareProvider) -> Titled:
        """The drive itself."""
        node = provider.stat(ROOT)
        kept = self._kept.get((share, node.id))
        if kept is not None and isinstance(provider, TracksChanges) and kept.change == node.change:
            return kept
        return self._listed(share, provider, node)

    def within(self, share: str, provider: ShareProvider, above: Titled, folder: int) -> Titled:
        """One of its folders. Raises NotFound where it has gone meanwhile."""
        kept = self._kept.get((share, folder))
        if kept is not None and kept.change == above.folders[folder] and kept.lineage[:-1] == above.lineage:
            return kept
        return self._listed(share, provider, provider.locate(folder)[1])

    def _listed(self, share: str, provider: ShareProvider, folder: Node) -> Titled:
        members = [node for node in provider.children(folder) if not is_programs(bare_name(node.name))]
        titled = Titled(
            folder.lineage,
            folder.change,
            tuple([node.id for node in members]),
            tuple([comparable(bare_name(node.name)) for node in members]),
            {node.id: node.change for node in members if node.is_collection},
        )
        if isinstance(provider, TracksChanges):
            self._keep(share, folder.id, titled)
        return titled

    def _keep(self, share: str, folder: int, titled: Titled) -> None:
        before = self._kept.get((share, folder))
        if before is not None:
            self._count -= len(before.ids)
            for gone in before.folders.keys() - titled.folders.keys():
                self._forget(share, gone)
        if self._count > KEPT:
            self._kept, self._count = {}, 0
        self._kept[share, folder] = titled
        self._count += len(titled.ids)

    def _forget(self, share: str, folder: int) -> None:
        """It and all beneath, which may stand elsewhere now and is found anew there."""
        gone = self._kept.pop((share, folder), None)
        if gone is not None:
            self._count -= len(gone.ids)
            for below in gone.folders:
                self._forget(share, below)


def comparable(text: str) -> str:
    """Small letters, and blanks for the signs that people and file names write in different ways."""
    return " ".join(_SIGNS.sub(" ", text.casefold()).split())
