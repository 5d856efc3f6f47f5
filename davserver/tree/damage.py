"""Damage that the door meets: told in the log once a day for each version, whoever meets it (security.md S-29)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from davserver.tree.forest import Forest
from shareproviders.contract import Damaged, Node
from shareproviders.paths import SharePath


class MetDamage(Damaged):
    """Damage of a known document, which the log has already."""


def opened(forest: Forest, share: str, node: Node, read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """What `read` gives, checked at the call as far as it is; raises MetDamage there and while streaming."""
    try:
        pieces = read()
    except Damaged as damage:
        raise _met(forest, share, node, damage) from damage
    return _checked(forest, share, node, pieces)


def _checked(forest: Forest, share: str, node: Node, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except Damaged as damage:
        raise _met(forest, share, node, damage) from damage


def _met(forest: Forest, share: str, node: Node, damage: Damaged) -> MetDamage:
    forest.reads.damaged(share, node.id, f"{node.entity_tag}: {damage}")
    return MetDamage(f"{damage} ({share}, node {node.id})")


def note_damage(forest: Forest, path: SharePath, damage: Damaged) -> None:
    """For the front end that answers with it: what was met in names or rows, not in the bytes of a document."""
    if not isinstance(damage, MetDamage):
        share = path.segments[0] if path.segments else ""
        forest.reads.damaged(share if share in forest.shares() else "", 0, str(damage))
