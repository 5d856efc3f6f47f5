"""The end of a person's data (Art. 17 GDPR): his account and all that is his goes, the body's records stay without him.

What stays: papers, versions and minutes, of which nobody can tell any more that he wrote them; and lines of the audit
log, until their own retention ends. His login name is never given again: these lines would then tell of somebody else.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from acl import schema as acl_schema
from acl import store
from davserver.accounts import PEPPER_SECRET, AccountProblem
from davserver.house import House
from davserver.instants import shown
from davserver.personal.places import FORMER, PLACES, Fate
from davserver.schema import account, setting
from davserver.tree.forest import SharePlaces
from davserver.tree.uploads import destroy
from shareproviders.contract import KeepsAuthors, NotFound, Writing
from shareproviders.paths import SharePath

ERASED = "erased-users"
"""Setting: marks of login names that are never given again, as JSON."""


class StillBound(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """The person's data cannot be erased yet; the text says why and what to do."""


class Erased(NamedTuple):
    """What was done."""

    rows: int
    """That went."""
    renamed: int
    """Records of the body that name nobody any more."""
    log_lines: int
    """That stay until their retention ends."""


def erase(house: House, user: str, by: str) -> Erased:
    """All of it in one transaction. Raises AccountProblem for an unknown person, StillBound, Unavailable."""
    with house.database.transaction() as connection:
        _check_known(connection, user)
        _check_free(house, connection, user)
        rows, renamed = _let_go(house, connection, user)
        connection.execute(delete(setting).where(setting.c.name == ERASED))
        marks = json.dumps([*_marks(connection), mark_of(house, user)]).encode()
        connection.execute(insert(setting).values(name=ERASED, value=marks))
        store.touch(connection, store.ALL_SHARES)
        lines = house.audit.count(f"user:{user}")
        house.audit.note(connection, by, "user-erase", detail=user)
    with suppress(NotFound):
        destroy(house.uploads, SharePath((user,)), Writing(by, house.clock()))
    house.kept.forget_copies()
    house.database.checkpoint()  # what went leaves the write-ahead log, too
    return Erased(rows, renamed, lines)


def mark_of(house: House, user: str) -> str:
    """What is kept of a login name whose owner was erased: it tells nobody the name."""
    return hmac.digest(house.keys.secret(PEPPER_SECRET), b"erased\0" + user.encode(), "sha256").hex()


def refuse_erased(house: House, connection: Connection, user: str) -> None:
    """Raises AccountProblem for a login name that belonged to somebody who was erased."""
    if mark_of(house, user) in _marks(connection):
        raise AccountProblem(f"{user} was erased, and a login name is never given again; take another one")


def _marks(connection: Connection) -> list[str]:
    kept = connection.execute(select(setting.c.value).where(setting.c.name == ERASED)).scalar_one_or_none()
    return [] if kept is None else [str(one) for one in json.loads(kept)]


# -- what stands in the way ------------------------------------------------------------------------------------------


def _check_known(connection: Connection, user: str) -> None:
    if connection.execute(select(account.c.user).where(account.c.user == user)).first() is None:
        raise AccountProblem(f"there is no person {user}; `davserver user list` shows them")


def _check_free(house: House, connection: Connection, user: str) -> None:
    now = house.clock()
    for mandate in store.mandates_of(connection, user):
        if mandate.end is None or mandate.end > now:
            until = f"until {shown(mandate.end)}" if mandate.end else "without an end"
            last = (
                f"; {mandate.share} would have no clerk" if _is_last_clerk(connection, user, mandate.share, now) else ""
            )
            raise StillBound(f"{user} holds the office {mandate.role} in {mandate.share} {until}; end it first{last}")
    admins = select(func.count()).where(account.c.admin, account.c.active, account.c.user != user)
    is_admin = connection.execute(select(account.c.admin).where(account.c.user == user)).scalar_one()
    if is_admin and not connection.execute(admins).scalar_one():
        raise StillBound(f"{user} is the last administrator; make another one first")
    held = next(_held(house, connection, user, now), None)
    if held is not None:
        share, number = held
        raise StillBound(
            f"what {user} wrote in {share} is under the legal hold {number}, and who wrote it belongs to what is held;"
            f" see: davserver hold list {share}"
        )


def _is_last_clerk(connection: Connection, user: str, share: str, now: int) -> bool:
    clerks = {one.person for one in store.mandates_in(connection, share) if one.role == "clerk" and one.holds_at(now)}
    return clerks == {user}


def _held(house: House, connection: Connection, user: str, now: int) -> Iterator[tuple[str, int]]:
    """(share, hold) wherever something of his lies under a hold that has not ended."""
    for share, provider in house.shares.items():
        holds = [one for one in store.holds(connection, share) if one.end is None or now < one.end]
        if not holds:
            continue
        nodes = (
            {one.node_id for one in provider.authored(f"user:{user}")} if isinstance(provider, KeepsAuthors) else set()
        )
        for place in PLACES:
            if place.is_key and {"share", "node"} <= set(place.table.c.keys()) and place.fate is not Fate.STAYS:
                wanted = select(place.table.c.node).where(place.is_of(user), place.table.c.share == share)
                nodes |= set(connection.execute(wanted).scalars())
        for lineage in SharePlaces(share, provider).kept_lineages(nodes).values():
            yield from ((share, hold.id) for hold in holds if hold.node in lineage)


# -- what is done ----------------------------------------------------------------------------------------------------


def _let_go(house: House, connection: Connection, user: str) -> tuple[int, int]:
    """(rows that went, records that name nobody any more)."""
    link, renamed = acl_schema.link, 0
    his = link.c.maker == f"user:{user}"
    connection.execute(update(link).where(his, link.c.revoked.is_(None)).values(revoked=house.clock()))
    connection.execute(update(link).where(his).values(label=None, password=None))
    for provider in house.shares.values():
        if isinstance(provider, KeepsAuthors):
            renamed += provider.rename_author(f"user:{user}", FORMER)
    gone = 0
    for place in PLACES:
        if place.fate is Fate.GOES:
            gone += connection.execute(delete(place.table).where(place.is_of(user))).rowcount
        elif place.fate is Fate.NEUTRAL:
            neutral = update(place.table).where(place.is_of(user)).values({place.column: FORMER})
            renamed += connection.execute(neutral).rowcount
    return gone, renamed
