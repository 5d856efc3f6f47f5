"""Who would see what if something were given further: given, looked at by the engine, undone.

Stands on a tree, so it refuses what the verbs of giving refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.engine import View
from acl.labels import Classification
from acl.mandates import CommitteeKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from acl.rules import ShareRules
from davserver.schema import account
from davserver.tree.finding import Finding
from davserver.tree.linked import LinkTree
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen
from davserver.tree.sharing import LinkWish
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

COUNTED = 2000
"""So many documents of a folder are counted at most."""


class Gains(NamedTuple):
    """What an inside share would change."""

    people: tuple[tuple[str, Rights], ...]
    """Name and what is new to him, of those whom the asker may know of; by name."""
    others: int
    """How many more would gain something."""


class Opens(NamedTuple):
    """What a link would open."""

    documents: int
    """How many whoever has the link may look at."""
    closed: int
    """How many more the asker sees there, which stay closed to the link."""
    complete: bool
    """False if there are too many to count."""


class Undone(Exception):  # noqa: N818 (ends a transaction that was only to be looked at)
    """Takes back what was tried."""


@contextmanager
def _trying(tree: GuardedTree) -> Iterator[Connection]:
    """A transaction whose changes nobody ever sees. Raises Unavailable."""
    try:
        with tree.forest.database.transaction() as connection:
            yield connection
            raise Undone  # noqa: TRY301 (this is how a transaction is rolled back)
    except Undone:
        return


def foresee_share(
    tree: GuardedTree, path: SharePath, principal: str, rights: Rights, *, start: int | None, end: int | None
) -> Gains:
    """Who gains what there, from the instant on at which it begins. Raises as `share_inside`."""
    at = tree.clock() if start is None else max(start, tree.clock())
    with _trying(tree) as connection:
        seen = tree.stat(path)
        places = tree._share(seen.share)
        before = tree.forest.rules.of(places)
        tree.share_inside(path, principal, rights, start, end)
        after = tree.forest.rules.of(places)
        rows = connection.execute(select(account.c.user, account.c.admin).where(account.c.active)).all()
    gained: dict[str, Rights] = {}
    for row in rows:  # rules are facts of their own, so nobody has to wait while everybody is asked for
        user = Principal(PrincipalKind.USER, row.user, admin=row.admin)
        new = _granted(tree, after, user, seen, at) & ~_granted(tree, before, user, seen, at)
        if new:
            gained[row.user] = new
    known = tree.acquaintances.people
    people = sorted((known[user], new) for user, new in gained.items() if user in known)
    return Gains(tuple(people), len(gained) - len(people))


def _granted(tree: GuardedTree, rules: ShareRules, user: Principal, seen: Seen, at: int) -> Rights:
    return View(rules, tree.forest.engine, user, Channel.PORTAL).granted(seen.node.lineage, at).rights


def foresee_link(tree: GuardedTree, path: SharePath, wish: LinkWish) -> Opens:
    """What a link would open, counted down to the last folder. Raises as `make_link`."""
    opened, whole = 0, 0
    with _trying(tree):
        seen = tree.stat(path)
        whole = _count(tree, seen)
        try:
            door = LinkTree(tree.forest, tree.make_link(path, wish))
            opened = _count(door, door.stat(door.base))
        except NotFound:
            opened = 0
    return Opens(opened, max(0, whole - opened), whole <= COUNTED)


def link_classes(tree: GuardedTree, seen: Seen) -> list[Classification]:
    """Classes above the one that holds there now, up to which a link to it can stay open."""
    now = tree._view(tree._share(seen.share)).rules.bound_at(seen.node.lineage).classification
    ceilings = tree.forest.engine.roles.class_ceiling
    return [each for each in Classification if each > now and ceilings[each] & Rights.LINK]


def _count(tree: GuardedTree, seen: Seen) -> int:
    """Documents that may be looked at there and beneath."""
    waiting, count, finding = [seen], 0, Finding(tree)
    while waiting and count <= COUNTED:
        here = waiting.pop()
        if here.node.is_collection:
            waiting += finding.members(here)
        elif Rights.VIEW in here.rights:
            count += 1
    return count


def receivers(tree: GuardedTree, share: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """(committees, offices of this committee, people) with whom the asker may share: word of an entry → name.

    Committees are public bodies, so each is named, except the groups in them, which are named to their own people.
    """
    known, committees = tree.acquaintances, {}
    with tree.forest.database.read() as connection:
        for each in store.committees(connection):
            if each.kind is not CommitteeKind.FACTION or each.share in known.committees:
                committees[f"committee:{each.share}"] = each.name
    offices = {f"role:{role}": known.titles[role] for place, role in known.holders if place == share}
    people = {f"user:{user}": name for user, name in known.people.items() if user != tree.principal.id}
    return tuple(
        dict(sorted(each.items(), key=lambda one: one[1].casefold())) for each in (committees, offices, people)
    )  # type: ignore[return-value]
