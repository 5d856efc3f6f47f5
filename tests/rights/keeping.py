"""A stage whose people ask the door itself: for what has no verb of WebDAV."""

from __future__ import annotations

from typing import Any

from acl import store
from acl.entries import Entry
from acl.labels import Label
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.app import forest_of
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen, Terms
from shareproviders.paths import SharePath
from tests.rights.playing import Stage

ON = Terms()
WORK = "/ba05/Arbeitsordner"


def at(raw: str) -> SharePath:
    return SharePath.parse(raw)


class Doors:
    """Verbs by the name of who asks; each request opens the door anew, as a server does."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.house = stage, stage.house
        self._forest = forest_of(stage.house)

    def __call__(self, name: str, channel: Channel = Channel.DAV) -> GuardedTree:
        return GuardedTree(self._forest, Principal(PrincipalKind.USER, name), channel)

    def put(self, name: str, raw: str, body: bytes = b"x") -> int:
        """The id of the document."""
        tree = self(name)
        return tree.put(at(raw), tree.stage(at(raw), [body]), ON)[0].node.id

    def make(self, name: str, raw: str) -> int:
        return self(name).make_collection(at(raw), ON).node.id

    def delete(self, name: str, raw: str) -> None:
        self(name).delete(at(raw), ON)

    def read(self, name: str, raw: str) -> bytes:
        tree = self(name)
        return b"".join(tree.read(tree.stat(at(raw))))

    def stat(self, name: str, raw: str) -> Seen:
        return self(name).stat(at(raw))

    def names(self, name: str, raw: str) -> list[str]:
        tree = self(name)
        return [seen.display_name for seen in tree.children(tree.stat(at(raw)))]

    def trash(self, name: str, raw: str = "/") -> list[str]:
        """Names of what he sees in the trash, newest first."""
        return [thrown.node.name for thrown in self(name).trashed(at(raw))]

    def label(self, share: str, node: int, **parts: Any) -> None:
        """The node's own label, whole."""
        with self.house.database.transaction() as connection:
            store.set_label(connection, share, node, Label(**parts))

    def entry(self, share: str, node: int, principal: str, rights: Rights) -> None:
        with self.house.database.transaction() as connection:
            store.add_entry(connection, share, Entry(node, principal, rights))
