"""Whom somebody may know of: himself, those with an office in a committee of his, and its clerks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from acl import store
from acl.principals import Principal, PrincipalKind
from acl.roles import Role
from davserver.schema import person

CLERK = "clerk"


@dataclass(frozen=True, slots=True)
class Acquaintances:
    """People, offices and committees as one principal may know of them; for him there are no others."""

    people: Mapping[str, str]
    """Login name → name for people."""
    committees: Mapping[str, str]
    """Id → name."""
    holders: Mapping[tuple[str, str], tuple[str, ...]]
    """(committee, role) → login names of those known who hold the office now."""
    titles: Mapping[str, str]
    """Role → its name for people."""
    inside: frozenset[str]
    """Roles that make their holders one of the committee."""

    def offices_of(self, user: str) -> list[tuple[str, str]]:
        """(committee, role) of all that somebody holds, as far as known."""
        return [office for office, holders in self.holders.items() if user in holders]


def acquaintances(
    connection: Connection, principal: Principal, at: int, roles: Mapping[str, Role], drives: frozenset[str]
) -> Acquaintances:
    """Those of a user; `drives` are the shares that he may discover. Links and the anonymous know nobody."""
    titles = {name: role.title for name, role in roles.items()}
    inside = frozenset(name for name, role in roles.items() if role.inside)
    if principal.kind is not PrincipalKind.USER:
        return Acquaintances({}, {}, {}, titles, inside)
    belongs: dict[str, bool] = {}
    for mandate in store.mandates_of(connection, principal.id):
        if mandate.holds_at(at):
            belongs[mandate.share] = belongs.get(mandate.share, False) or mandate.role in inside
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for share, as_member in sorted(belongs.items()):
        for mandate in store.mandates_in(connection, share):
            known = as_member or mandate.role == CLERK or mandate.person == principal.id
            if known and mandate.holds_at(at) and mandate.person not in holders[share, mandate.role]:
                holders[share, mandate.role].append(mandate.person)
    users = {principal.id, *(user for users in holders.values() for user in users)}
    named = connection.execute(select(person.c.user, person.c.name).where(person.c.user.in_(users)))
    names = {row.user: row.name for row in named}
    return Acquaintances(
        {user: names.get(user, user) for user in sorted(users)},
        {each.share: each.name for each in store.committees(connection) if each.share in belongs.keys() | drives},
        {office: tuple(users) for office, users in holders.items() if users},
        titles,
        inside,
    )
