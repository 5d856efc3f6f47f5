"""Who holds which office in a committee, and who has pledged secrecy: kept at its desk, never by himself."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from acl import store
from acl.mandates import Mandate
from acl.privileges import Rights
from davserver.accounts import AccountProblem
from davserver.granting import keep_mandate
from davserver.invitations import LIFE
from davserver.letters import Letter
from davserver.schema import account, person, second_step
from davserver.tree.office import Impossible, Office, desks
from davserver.tree.seen import AccessDenied
from shareproviders.contract import NotFound

NOT_AT_A_DESK = frozenset({"admin", "auditor", "citizen", "former_member"})
"""Offices that no committee gives: the operator does, or they follow by themselves."""


class Holder(NamedTuple):
    """Somebody with an office that runs or is to come."""

    user: str
    name: str
    mandate: Mandate
    title: str
    """Of the office, for people."""
    pledged: int | None
    """When he pledged secrecy; None: not yet, so non-public papers stay closed to him."""
    is_self: bool
    mailbox: str
    """To which a code may be mailed. Empty if nobody knows one, and where a mailbox is too little: alone it would open
    an account that has a second step.
    """


class Roster:
    """The offices of one committee, as one clerk keeps them."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def holders(self) -> list[Holder]:
        """Those in office and those to come, by name."""
        house, share, now = self.office.house, self.office.share, self.office.house.clock()
        titles = self.office.tree.acquaintances.titles
        with house.database.read() as connection:
            mandates = [one for one in store.mandates_in(connection, share) if one.end is None or one.end > now]
            known = select(person.c.user, person.c.name, person.c.email, second_step.c.since)
            rows = connection.execute(known.join(second_step, second_step.c.user == person.c.user, isouter=True)).all()
            names = {row.user: row.name for row in rows}
            mailboxes = {row.user: row.email or "" for row in rows if row.since is None}
            found = [
                Holder(
                    one.person,
                    names.get(one.person, one.person),
                    one,
                    titles.get(one.role, one.role),
                    store.undertaking(connection, one.person),
                    one.person == self.office.tree.principal.id,
                    mailboxes.get(one.person, ""),
                )
                for one in mandates
            ]
        return sorted(found, key=lambda each: (each.name.casefold(), each.mandate.role))

    def roles(self) -> dict[str, str]:
        """Offices that the desk may give, with their names for people."""
        titles = self.office.tree.acquaintances.titles
        return {role: title for role, title in titles.items() if role not in NOT_AT_A_DESK}

    def appoint(self, user: str, role: str, start: int, end: int | None) -> None:
        """Give an office. Raises Impossible for oneself, an unknown account, an office not to be given here."""
        with self.office.working() as connection:
            if role not in self.roles():
                raise ValueError("this office is not the desk's to give")
            if (
                connection.execute(select(account.c.user).where(account.c.user == user, account.c.active)).first()
                is None
            ):
                raise ValueError("there is no such account")
            facts = Mandate(self.office.share, user, role, start, end)
            keep_mandate(self.office.house, connection, self.office.tree.principal.key, facts)

    def dismiss(self, user: str, role: str) -> None:
        """End an office now. Raises NotFound where there is none, Impossible for one's own."""
        house, now, by = self.office.house, self.office.house.clock(), self.office.tree.principal
        with self.office.working() as connection:
            if user == by.id:
                raise Impossible("nobody ends his own office; let somebody else do it")
            if not store.end_mandate(connection, self.office.share, user, role, now):
                raise NotFound("there is no such office")
            house.audit.note(connection, by.key, "mandate-end", share=self.office.share, detail=f"{user} as {role}")

    def pledge(self, user: str, at: int) -> None:
        """Somebody has pledged secrecy. Raises NotFound for who holds no office here, Impossible for oneself."""
        house, by = self.office.house, self.office.tree.principal
        with self.office.working() as connection:
            if user == by.id:
                raise Impossible("nobody records his own pledge; let somebody else do it")
            if user not in {holder.user for holder in self.holders()}:
                raise NotFound("nobody of this name holds an office here")
            if at > house.clock():
                raise Impossible("a pledge is recorded once it was made")
            if store.declare_undertaking(connection, user, at):
                house.audit.note(connection, by.key, "pledge", share=self.office.share, detail=user)

    def invite(self, user: str) -> tuple[Letter, int]:
        """A letter with which somebody sets a new password; (it, when its code ends).

        Whoever could let himself in by it must gain nothing: so it is for people all of whose offices are at desks
        of the asker, and for no administrator. Raises NotFound, AccessDenied, Impossible for oneself.
        """
        house, by = self.office.house, self.office.tree.principal
        held = {seen.share for seen in desks(self.office.tree)}
        with self.office.working() as connection:
            holder = next((each for each in self.holders() if each.user == user), None)
            if holder is None:
                raise NotFound("nobody of this name holds an office here")
            now = house.clock()
            mandates = [one for one in store.mandates_of(connection, user) if one.end is None or one.end > now]
            admin = connection.execute(select(account.c.admin).where(account.c.user == user)).scalar()
            if admin or {one.share for one in mandates} - held:
                raise AccessDenied(self.office.root.path, Rights.WRITE_ACL)
            try:
                code = house.invitations.invite(connection, user, by.key)
            except AccountProblem as problem:
                raise Impossible(str(problem)) from problem
        return Letter(holder.name, user, code), now + LIFE

    def invite_by_mail(self, user: str) -> tuple[Letter, int, str]:
        """As `invite`, for a mail; (…, its receiver). Raises Impossible too where there is no mailbox for it."""
        receiver = next((each.mailbox for each in self.holders() if each.user == user), "")
        if not receiver:
            raise Impossible("a code for this person goes on paper only")
        return *self.invite(user), receiver
