"""How a drive hands out a document: itself, a pointer or a reading copy in its place, or nothing (rights.md §1)."""

from __future__ import annotations

from operator import attrgetter

from acl.engine import HIDDEN_ON_DAV, LOG_READ, POINTER, RENDITION, Granted
from acl.privileges import Rights
from davserver.tree.names import Neighbours, bare_name, is_programs
from davserver.tree.seen import Seen
from shareproviders.contract import Node

HIDDEN, ORIGINAL = 0, 1  # the two plain ways of `delivery`


def shown(node: Node, granted: Granted) -> bool:
    """Discoverable, and for a document: its own bytes may be handed out on this channel, or at least its name."""
    return shown_kinds(granted)[not node.is_collection]


def shown_kinds(granted: Granted) -> tuple[bool, bool]:
    """The same of any collection, and of any document."""
    discoverable = bool(granted.rights & Rights.DISCOVER)
    return discoverable, discoverable and granted.obligations.isdisjoint((HIDDEN_ON_DAV, POINTER))


def delivery(granted: Granted) -> int:
    """In one number how a region's documents are handed out; `HIDDEN` where they may not even be discovered."""
    if not granted.rights & Rights.DISCOVER:
        return HIDDEN
    marks = (
        Rights.READ & ~granted.rights == Rights.NONE,
        POINTER in granted.obligations,
        HIDDEN_ON_DAV in granted.obligations,
        RENDITION in granted.obligations,
    )
    plain = marks == (True, False, False, False)
    return ORIGINAL if plain else 2 + sum(1 << place for place, is_so in enumerate(marks) if is_so)


def is_pointed(node: Node, granted: Granted) -> bool:
    """A paper that a pointer stands for here; files of programs need none."""
    return not node.is_collection and POINTER in granted.obligations and not is_programs(bare_name(node.name))


def is_itself(seen: Seen) -> bool:
    """Its own bytes are handed out, and nothing is owed for that but a note that they were read."""
    return seen.instead is None and seen.obligations <= {LOG_READ}


def with_owner_files(members: list[Seen], foreign: list[Seen]) -> list[Seen]:
    """The members and those owner files of others that belong to one of them; of one name, the asker's own."""
    names = Neighbours(seen.display_name for seen in members)
    theirs = {seen.path: seen for seen in reversed(foreign) if names.has(seen.display_name)}
    return sorted((theirs | {seen.path: seen for seen in members}).values(), key=attrgetter("path"))
