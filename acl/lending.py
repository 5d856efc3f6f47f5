"""What makers of inside shares and links may do themselves, on which the rights of others rest."""

from __future__ import annotations

from collections.abc import Iterable

from acl.labels import earlier
from acl.links import Link
from acl.principals import Principal, PrincipalKind
from acl.rules import Region
from acl.standing import standing_at
from acl.weighing import Question, weigh


def makers_here(region: Region, link: Link | None) -> frozenset[str]:
    """Principal keys of those on whose own rights the answer rests."""
    makers = {entry.maker for entry in region.entries if entry.maker}
    return frozenset(makers if link is None else makers | {link.maker})


def lent_here(question: Question, makers: Iterable[str]) -> tuple[dict[str, int], int | None]:
    """Maker → what he may do here himself, and the next edge of that.

    A maker may hold by another's share what he shares on. The rounds begin with nobody lending anything and end
    when nothing more is gained, so that two who share with each other gain nothing from it.
    """
    lent, until = dict.fromkeys(makers, 0), question.standing.until
    while True:
        gained: dict[str, int] = {}
        for key in lent:
            maker = Principal(PrincipalKind.USER, key.removeprefix("user:"))
            standing = standing_at(question.table, question.rules, maker, question.at)
            asked = question._replace(principal=maker, standing=standing, in_scope=True, link=None, lent=lent)
            weighed = weigh(asked)
            gained[key], until = weighed.rights, earlier(until, weighed.until)
        if gained == lent:
            return lent, until
        lent = gained
