"""Accounts pinned to a provider of identities: found once by a claim, from then on known by issuer and subject.

A pinned account is opened by its subject alone: by no other, and no more by a password. Who may ask is asked elsewhere.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from davserver.accounts import AccountProblem, change_account
from davserver.login import AWAKE_FOR, clean_user
from davserver.schema import account, identity, invitation, person
from davserver.sessions import end_sessions


def pinned_to(connection: Connection, issuer: str, subject: str, now: int) -> str | None:
    """The account of this subject, who signs in now; None for a stranger."""
    mine = identity.c.issuer == issuer, identity.c.subject == subject
    user: str | None = connection.execute(select(identity.c.user).where(*mine)).scalar()
    if user is not None:
        connection.execute(update(identity).where(*mine).values(signed_in=now))
    return user


def fitting(connection: Connection, claim: str, *, by_email: bool) -> str | None:
    """The one active account that fits a claim; None if there are none or several, or it is pinned already."""
    if not claim:
        return None
    fits = func.lower(person.c.email) == claim.lower() if by_email else account.c.user == clean_user(claim)
    wanted = (
        select(account.c.user, identity.c.subject)
        .join(person, person.c.user == account.c.user, isouter=True)
        .join(identity, identity.c.user == account.c.user, isouter=True)
        .where(fits, account.c.active)
    )
    found = connection.execute(wanted).all()
    return str(found[0].user) if len(found) == 1 and found[0].subject is None else None


def pin(connection: Connection, user: str, issuer: str, subject: str, now: int) -> None:
    """From now on. Sessions and letters end: they were of whoever had the password."""
    values = {"user": user, "issuer": issuer, "subject": subject, "since": now, "signed_in": now}
    connection.execute(insert(identity).values(values))
    connection.execute(delete(invitation).where(invitation.c.user == user, invitation.c.used.is_(None)))
    change_account(connection, user)
    end_sessions(connection, user)


def unpin(connection: Connection, user: str) -> None:
    """The account is opened by a password again, or found anew by the claim. Raises AccountProblem without a pin."""
    if connection.execute(delete(identity).where(identity.c.user == user)).rowcount != 1:
        raise AccountProblem(f"the account {user} is pinned to no provider of identities")
    change_account(connection, user)
    end_sessions(connection, user)


def awake_until(connection: Connection, user: str) -> int | None:
    """When the devices of a pinned account fall asleep unless its owner signs in; None for any other account."""
    signed_in = connection.execute(select(identity.c.signed_in).where(identity.c.user == user)).scalar()
    return None if signed_in is None else signed_in + AWAKE_FOR
