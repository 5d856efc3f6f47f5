"""Who would gain and lose what by an act, told as the asker may know it: names, numbers, and no hidden paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from acl.principals import ANONYMOUS
from acl.privileges import Rights
from davserver.accounts import AccountProblem
from davserver.house import House
from davserver.simulating import Shift, foresee
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Impossible

READING = ((Rights.READ, "read"), (Rights.VIEW, "view"), (Rights.DISCOVER, "discover"))
"""From the strongest on: in what people gain or lose, the first that fits counts."""


class Gain(NamedTuple):
    """What changes alike for some people."""

    people: tuple[str, ...]
    """Names of those whom the asker may know of."""
    others: int
    """How many there are besides them."""
    everybody: bool
    """Also all those who have no account."""
    gains: dict[str, int]
    """`read`, `view`, `discover` → of how many documents."""
    loses: dict[str, int]


def foresee_gains(
    house: House, tree: GuardedTree, share: str, act: Callable[[Connection], object], at: int | None = None
) -> list[Gain]:
    """For whom it would matter in one drive, people alike together; only documents that the asker may discover count.

    The act is carried out and undone; `at`: as of a later instant. Raises Impossible for what makes no sense, and what
    the act raises.
    """
    try:
        shifts = foresee(house, share, act, at)
    except (ValueError, AccountProblem) as error:
        raise Impossible(str(error)) from error
    view, now = tree._view(tree._share(share)), tree.clock()
    known = {shift.node.id: shift.node for shift in shifts if not shift.node.is_collection}
    shown = {number for number, node in known.items() if view.granted(node.lineage, now).rights & Rights.DISCOVER}
    return _together([shift for shift in shifts if shift.node.id in shown], tree.acquaintances.people)


def _together(shifts: Sequence[Shift], names: Mapping[str, str]) -> list[Gain]:
    by_user: dict[str, list[Shift]] = {}
    for shift in shifts:
        by_user.setdefault(shift.user, []).append(shift)
    alike: dict[tuple[tuple[int, int, int], ...], list[str]] = {}
    for user, own in by_user.items():
        key = tuple((shift.node.id, int(shift.gains), int(shift.loses)) for shift in own)
        alike.setdefault(key, []).append(user)
    found = []
    for key, users in alike.items():
        gains, loses = (_counted([each[way] for each in key]) for way in (1, 2))
        known, everybody = tuple(sorted(names[user] for user in users if user in names)), ANONYMOUS.id in users
        if gains or loses:
            found.append(Gain(known, len(users) - len(known) - everybody, everybody, gains, loses))
    return sorted(found, key=lambda gain: (not gain.everybody, -len(gain.people), gain.people))


def _counted(rights: Sequence[int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in rights:
        bits = Rights(each)
        word = next((word for right, word in READING if bits & right & ~_weaker(right)), "")
        if word:
            counts[word] = counts.get(word, 0) + 1
    return counts


def _weaker(right: Rights) -> Rights:
    """What a right holds besides its own tip."""
    return {Rights.READ: Rights.VIEW, Rights.VIEW: Rights.DISCOVER}.get(right, Rights.NONE)
