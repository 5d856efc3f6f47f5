"""Who a principal is in a share at an instant: the offices that follow from mandates, and what entries call him."""

from __future__ import annotations

from typing import NamedTuple

from acl.labels import next_edge
from acl.mandates import absence
from acl.principals import Principal, PrincipalKind
from acl.roles import RoleTable
from acl.rules import ShareRules


class Office(NamedTuple):
    role: str
    reason: str


class Standing(NamedTuple):
    """Who the principal is in this share at an instant: what all regions share."""

    offices: tuple[Office, ...]
    subjects: frozenset[str]
    """The words by which entries may speak of him."""
    undertaken: bool
    lacking: str
    """Why he holds no office of the committee; empty if he does."""
    until: int | None


def standing_at(table: RoleTable, rules: ShareRules, principal: Principal, at: int) -> Standing:
    """Offices follow from mandates that run at this instant; everybody is a citizen, a link is nobody."""
    if principal.kind is PrincipalKind.LINK:
        return Standing((), frozenset(), True, "link", None)  # it rests on its maker, who is asked for his undertaking
    citizen = Office("citizen", "role:citizen")
    if principal.kind is PrincipalKind.ANONYMOUS:
        return Standing((citizen,), frozenset({"all"}), False, "anonymous", None)
    held = rules.mandates.get(principal.id, ())
    subjects = {"all", "authenticated", f"user:{principal.id}"}
    offices: list[Office] = []
    for mandate in held:
        if not mandate.holds_at(at):
            continue
        role = table.roles[mandate.role]
        if role.inside:
            subjects.add(f"committee:{mandate.share}")
        if mandate.share == rules.share:
            subjects.update(f"role:{name}" for name in (role.name, *role.acts_as))
            offices.append(Office(role.name, f"mandate:{role.name}@{mandate.share}"))
    lacking = "" if offices else absence(held, rules.share, at)
    if lacking:
        left = {table.roles[m.role].after for m in held if m.share == rules.share and m.end is not None and m.end <= at}
        offices += (Office(role, f"role:{role}") for role in sorted(role for role in left if role is not None))
    offices.append(citizen)
    if principal.admin:
        offices.append(Office("admin", "role:admin"))
    pledged = rules.undertakings.get(principal.id)
    edges = [edge for mandate in held for edge in (mandate.start, mandate.end)]
    return Standing(
        tuple(dict.fromkeys(offices)),
        frozenset(subjects),
        pledged is not None and pledged <= at,
        lacking,
        next_edge(at, (*edges, pledged)),
    )
