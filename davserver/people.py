"""Accounts of people: made, described, ended; each with its line in the log, by command and at the desk alike."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from davserver.accounts import AccountProblem, add_account, change_account
from davserver.house import House
from davserver.personal.erasing import refuse_erased
from davserver.schema import person
from davserver.sessions import end_sessions


def add_person(
    house: House,
    connection: Connection,
    by: str,
    user: str,
    name: str,
    *,
    email: str = "",
    admin: bool = False,
    share: str = "",
) -> None:
    """A new person and his account, without a password; `share`: at whose desk.

    Raises AccountProblem if it exists or cannot be a name.
    """
    refuse_erased(house, connection, user)
    add_account(connection, user, name, house.clock(), admin=admin)
    if email:
        connection.execute(update(person).where(person.c.user == user).values(email=email))
    house.audit.note(connection, by, "user-add", share=share, detail=user)


def describe_person(connection: Connection, user: str, name: str, email: str | None) -> bool:
    """Another name or address for mail; True if that changed anything. Raises AccountProblem for somebody unknown."""
    kept = connection.execute(select(person.c.name, person.c.email).where(person.c.user == user)).one_or_none()
    if kept is None:
        raise AccountProblem(f"there is no person {user}; `davserver user list` shows them")
    if (kept.name, kept.email) == (name, email):
        return False
    connection.execute(update(person).where(person.c.user == user).values(name=name, email=email))
    change_account(connection, user)  # the name is part of what logins remember
    return True


def end_account(house: House, connection: Connection, by: str, user: str, *, share: str = "") -> None:
    """Nobody signs in with it any more, from now on. Raises AccountProblem for an unknown one."""
    change_account(connection, user, active=False)
    end_sessions(connection, user)
    house.audit.note(connection, by, "user-disable", share=share, detail=user)
