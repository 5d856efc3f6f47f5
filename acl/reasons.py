"""Reason codes of a decision: stable strings that say why, or what would have to change (rights.md §2).

Why something is allowed, every grant that gives it:

- `mandate:ROLE@SHARE`, `role:ROLE` (citizen, admin, former_member): the table's row of an office
- `acting:chair@SHARE`: a vice-chair where every chair in office is recused
- `entry:ID`, `link:ID`: an entry by hand, an inside share; the link itself
- `policy:NAME`; `container`: only the way to something beneath

What takes it, whoever gave it:

- `undertaking`, `anonymous`: not pledged to secrecy; not logged in
- `ceiling:class`, `ceiling:dav` (portal, link, export), `ceiling:app-password` (or another credential),
  `ceiling:link-class`, `ceiling:title` (on a drive the name would tell a secret title)
- `recusal:item`, `recusal:matter`, `phase:closed`, `inbox`, `deny:ID`, `link:ended`, `link:unknown`, `policy:NAME`
- `hold`: a legal hold at the place or above it

Why nobody gives it:

- `mandate:none@SHARE`, `mandate:ended@SHARE`, `mandate:future@SHARE`, `link`, `anonymous`: no office here
- `phase:PHASE`: the office has it in another phase; `class:CLASS`: in another class; `office:ROLE`: never
- `cut:ID`: an entry that cuts ended what was given further up; `maker:ID`: the maker of the share may not himself
- `error`: it could not be decided, and that means no

`acl.sentences` says each of them to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from acl.labels import Classification, Phase
from acl.mandates import CommitteeKind
from acl.privileges import with_ground
from acl.roles import RoleTable
from acl.rules import ShareRules
from acl.standing import Standing
from acl.weighing import DISCOVER, OWN_SET, VIEW, Part, Weighed


def reasons_for(weighed: Weighed, wanted: int) -> tuple[str, ...]:
    """All grants that give it: it falls when every one of them does."""
    wanted = _own_set_follows_discover(wanted)
    whole = [code for code, bits in weighed.grants if bits & wanted == wanted]
    return _once(whole or (code for code, bits in weighed.grants if bits & wanted))


def reasons_against(
    table: RoleTable, rules: ShareRules, standing: Standing, weighed: Weighed, wanted: int
) -> tuple[str, ...]:
    """Everything that stands in the way: what takes it first, then why nobody gives it."""
    wanted = with_ground(_own_set_follows_discover(wanted))
    codes = _touching(weighed.cuts, wanted)
    given = 0
    for _, bits in weighed.grants:
        given |= bits
    if ungiven := wanted & ~given:
        codes += _touching(weighed.lost, ungiven)
        codes += _why_not_given(table, rules, standing, weighed, ungiven)
    if weighed.secret and wanted & DISCOVER and given & VIEW != VIEW:
        codes.append("ceiling:title")
    return _once(codes) or ("ceiling:title",)


def _why_not_given(
    table: RoleTable, rules: ShareRules, standing: Standing, weighed: Weighed, ungiven: int
) -> Iterator[str]:
    """By office: another phase would give it, or another class, or this office never does."""
    if standing.lacking:
        yield standing.lacking
    in_faction = rules.committee.kind is CommitteeKind.FACTION
    if weighed.classification is Classification.FACTION and not in_faction:
        yield "class:faction"
        return
    for role, reason in standing.offices:
        cells = table.roles[role].cells
        others = [bits for (classification, _), bits in cells.items() if in_faction or classification != _FACTION]
        if reason == "role:citizen" and not standing.lacking:
            continue  # who holds an office is not told what the public lacks
        if any(ungiven & ~cells[weighed.classification, phase] == 0 for phase in Phase):
            yield f"phase:{weighed.phase}"
        elif any(ungiven & ~bits == 0 for bits in others):
            yield f"class:{weighed.classification.word}"
        elif not standing.lacking:
            yield f"office:{role}"


_FACTION = Classification.FACTION


def _own_set_follows_discover(wanted: int) -> int:
    return wanted & ~OWN_SET | DISCOVER if wanted & OWN_SET else wanted


def _touching(parts: Iterable[Part], wanted: int) -> list[str]:
    return [code for code, bits in parts if bits & wanted]


def _once(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))
