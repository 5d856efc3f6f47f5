"""Who would gain and lose which rights if a declaration were applied: applied, looked at, undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.engine import View
from acl.principals import ANONYMOUS, Channel, Principal, PrincipalKind
from acl.privileges import Rights
from acl.rules import ShareRules
from davserver.declarations import Declaration
from davserver.declaring import declare
from davserver.house import House
from davserver.schema import account
from davserver.tree.forest import SharePlaces
from shareproviders.contract import Node, ShareProvider
from shareproviders.paths import ROOT, SharePath


class Shift(NamedTuple):
    """What changes for one person at one node."""

    user: str
    path: str
    gains: Rights
    loses: Rights
    node: Node
    """Which one, as it is before the change."""


class _Undone(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """Ends a transaction without a trace."""


def simulate(house: House, declaration: Declaration, by: str) -> tuple[list[str], list[Shift]]:
    """(what would change, for whom it would matter). Raises as `declare`."""
    now = house.clock()
    with house.database.read() as connection:
        before = {share: _rules(house, connection, share) for share in house.shares}
    after: dict[str, ShareRules] = {}
    users: list[Principal] = []

    def look(connection: Connection) -> None:
        after.update({share: _rules(house, connection, share) for share in before})
        users.extend(_users(connection))

    changes = declare(house, declaration, by, dry_run=True, look=look)
    shifts = [
        shift
        for share, rules in before.items()
        for shift in _shifts(house, house.share(share), (rules, after[share]), [(user, user) for user in users], now)
    ]
    return changes, sorted(shifts, key=lambda shift: (shift.user, shift.path))


def foresee(house: House, share: str, act: Callable[[Connection], object], at: int | None = None) -> list[Shift]:
    """For whom it would matter in one drive if `act` were done now; it is done, looked at and undone.

    Those without an account stand there as one, without a name.
    `at`: looked at as of a later instant, at which what is done begins or ends. Raises what `act` raises.
    """
    with house.database.read() as connection:
        before, known = _rules(house, connection, share), _users(connection)
    after, users = _done_and_undone(house, share, act)
    now = max(house.clock(), at or 0)  # what the act does from now on holds at this instant
    people = [(user, user) for user in users]
    people += [(user, ANONYMOUS) for user in known if user not in users]  # his account is ended
    people.append((ANONYMOUS, ANONYMOUS))
    shifts = _shifts(house, house.share(share), (before, after), people, now)
    return sorted(shifts, key=lambda shift: (shift.user, shift.path))


def _done_and_undone(
    house: House, share: str, act: Callable[[Connection], object]
) -> tuple[ShareRules, list[Principal]]:
    found: list[tuple[ShareRules, list[Principal]]] = []
    with suppress(_Undone), house.database.transaction() as connection:
        act(connection)
        found.append((_rules(house, connection, share), _users(connection)))
        raise _Undone
    return found[0]


def _users(connection: Connection) -> list[Principal]:
    rows = connection.execute(select(account).where(account.c.active).order_by(account.c.user))
    return [Principal(PrincipalKind.USER, row.user, admin=row.admin) for row in rows]


def _rules(house: House, connection: Connection, share: str) -> ShareRules:
    return store.load_rules(connection, share, SharePlaces(share, house.share(share)).lineages)


def _shifts(
    house: House,
    provider: ShareProvider,
    rules: tuple[ShareRules, ShareRules],
    people: list[tuple[Principal, Principal]],
    now: int,
) -> Iterator[Shift]:
    """Nodes whose rights hang together before and after are asked once for each person, as who he was and will be."""
    old, new = rules
    kinds: dict[tuple[int, int, int], list[tuple[SharePath, Node]]] = {}
    with house.database.read():
        for path, node in _tree(provider, ROOT):
            marked = node.id if node.id in old.marks or node.id in new.marks else 0
            kind = (old.region_of(node.lineage), new.region_of(node.lineage), marked)
            kinds.setdefault(kind, []).append((path, node))
    for user, later in people:
        was, will = View(old, house.engine, user, Channel.DAV), View(new, house.engine, later, Channel.DAV)
        for alike in kinds.values():
            lineage = alike[0][1].lineage
            had, has = was.granted(lineage, now).rights, will.granted(lineage, now).rights
            if had != has:
                for path, node in alike:
                    yield Shift(user.id, f"{old.share}{path}".rstrip("/"), has & ~had, had & ~has, node)


def _tree(provider: ShareProvider, path: SharePath) -> Iterator[tuple[SharePath, Node]]:
    """A drive, parents first."""
    waiting = [(path, provider.stat(path))]
    while waiting:
        path, node = waiting.pop()
        yield path, node
        if node.is_collection:
            waiting += [(SharePath((*path.segments, child.name)), child) for child in provider.children(node)]
