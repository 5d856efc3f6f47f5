"""Who holds which office in a committee, and who has pledged secrecy: kept at its desk, never by himself."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.calendar import on_next_day
from acl.mandates import Mandate
from acl.meetings import CLOSES_ITSELF, Meeting
from davserver.granting import keep_mandate
from davserver.people import add_person
from davserver.schema import account, person, second_step
from davserver.tree.acts import Act
from davserver.tree.office import Office, desks
from davserver.tree.seen import Impossible
from shareproviders.contract import NotFound

NOT_AT_A_DESK = frozenset({"admin", "auditor", "citizen", "former_member"})
"""Offices that no committee gives: the operator does, or they follow by themselves."""


class Held(NamedTuple):
    """An office that runs or is to come."""

    mandate: Mandate
    title: str
    """For people."""


class Holder(NamedTuple):
    """Somebody with an office that runs or is to come."""

    user: str
    name: str
    email: str
    offices: tuple[Held, ...]
    pledged: int | None
    """When he pledged secrecy; None: not yet, so non-public papers stay closed to him."""
    is_self: bool
    is_ours: bool
    """Has no office but at desks of the asker, and is no administrator: so the asker may see to his account."""
    mailbox: str
    """To which a code may be mailed. Empty if nobody knows one, and where a mailbox is too little: alone it would open
    an account that has a second step.
    """


class NewPerson(NamedTuple):
    """Whom a desk wants to enter."""

    user: str
    name: str
    email: str


class Roster:
    """The offices of one committee, as one clerk keeps them."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def holders(self) -> list[Holder]:
        """Those in office and those to come, by name."""
        house, share = self.office.house, self.office.share
        titles, by_user = self.office.tree.acquaintances.titles, dict[str, list[Held]]()
        ours = frozenset(seen.share for seen in desks(self.office.tree))
        with house.database.read() as connection:
            for one in store.mandates_in(connection, share):
                if self._lasts(one):
                    by_user.setdefault(one.person, []).append(Held(one, titles.get(one.role, one.role)))
            found = [self._holder(connection, user, tuple(held), ours) for user, held in by_user.items()]
        return sorted(found, key=lambda each: (each.name.casefold(), each.user))

    def _holder(self, connection: Connection, user: str, held: tuple[Held, ...], ours: frozenset[str]) -> Holder:
        wanted = select(person.c.name, person.c.email, account.c.admin, second_step.c.since)
        wanted = wanted.join(account, account.c.user == person.c.user)
        wanted = wanted.join(second_step, second_step.c.user == person.c.user, isouter=True)
        row = connection.execute(wanted.where(person.c.user == user)).one_or_none()
        name, email, admin, stepped = (user, "", True, None) if row is None else row
        mailbox = (email or "") if stepped is None else ""
        elsewhere = {one.share for one in store.mandates_of(connection, user) if self._lasts(one)} - ours
        pledged, is_self = store.undertaking(connection, user), user == self.office.tree.principal.id
        return Holder(user, name, email or "", held, pledged, is_self, not admin and not elsewhere, mailbox)

    def _lasts(self, mandate: Mandate) -> bool:
        return mandate.end is None or mandate.end > self.office.house.clock()

    def holder(self, user: str) -> Holder:
        """One of them. Raises NotFound."""
        for each in self.holders():
            if each.user == user:
                return each
        raise NotFound("nobody of this name holds an office here")

    def roles(self) -> dict[str, str]:
        """Offices that the desk may give, with their names for people."""
        titles = self.office.tree.acquaintances.titles
        return {role: title for role, title in titles.items() if role not in NOT_AT_A_DESK}

    def coming(self) -> list[Meeting]:
        """Meetings at which somebody may stand in, the next one first."""
        now = self.office.house.clock()
        found = [meeting for meeting, _ in self.office.meetings() if on_next_day(meeting.end, CLOSES_ITSELF) > now]
        return sorted(found, key=lambda meeting: meeting.start)

    # -- acts -----------------------------------------------------------------------------------------------------

    def entering(self, new: NewPerson, role: str, start: int, end: int | None) -> Act:
        """A new person with an account and an office; he gets his password by letter."""

        def do(connection: Connection) -> None:
            house, share = self.office.house, self.office.share
            add_person(house, connection, self._by, new.user, new.name, email=new.email, share=share)
            self._appoint(connection, new.user, role, start, end)

        return Act(self.office, do, at=start)

    def appointing(self, user: str, role: str, start: int, end: int | None) -> Act:
        """Give an office, or its end. Impossible for oneself, an unknown account, an office not to be given here."""
        return Act(self.office, lambda connection: self._appoint(connection, user, role, start, end), at=start)

    def standing_in(self, user: str, role: str, meeting_id: str) -> Act:
        """Give an office for one meeting, from its beginning until it would end by itself."""
        meeting = next((each for each in self.coming() if each.id == meeting_id), None)
        if meeting is None:
            raise NotFound("there is no such meeting to come")
        self.holder(user)
        return self.appointing(user, role, meeting.start, on_next_day(meeting.end, CLOSES_ITSELF))

    def _appoint(self, connection: Connection, user: str, role: str, start: int, end: int | None) -> None:
        if role not in self.roles():
            raise ValueError("this office is not the desk's to give")
        known = select(account.c.user).where(account.c.user == user, account.c.active)
        if connection.execute(known).first() is None:
            raise ValueError("there is no such account")
        keep_mandate(self.office.house, connection, self._by, Mandate(self.office.share, user, role, start, end))

    def dismissing(self, user: str, role: str, start: int, at: int | None) -> Act:
        """End an office, now or at an instant; take it back where it has not begun. Impossible for one's own."""

        def do(connection: Connection) -> None:
            house, share = self.office.house, self.office.share
            if user == self.office.tree.principal.id:
                raise Impossible("nobody ends his own office; let somebody else do it")
            now = house.clock()
            end = now if at is None else at
            if end < now:
                raise Impossible("what is past stays as it was")
            if start > end:
                ended = store.take_back_mandate(connection, share, user, role, start)
            else:
                ended = store.end_mandate(connection, share, user, role, end)
            if not ended:
                raise NotFound("there is no such office")
            house.audit.note(connection, self._by, "mandate-end", share=share, detail=f"{user} as {role}")

        return Act(self.office, do, at=max(at or 0, start))

    def pledging(self, user: str, at: int) -> Act:
        """Somebody has pledged secrecy. NotFound for who holds no office here, Impossible for oneself."""

        def do(connection: Connection) -> None:
            house = self.office.house
            if user == self.office.tree.principal.id:
                raise Impossible("nobody records his own pledge; let somebody else do it")
            self.holder(user)
            if at > house.clock():
                raise Impossible("a pledge is recorded once it was made")
            if store.declare_undertaking(connection, user, at):
                house.audit.note(connection, self._by, "pledge", share=self.office.share, detail=user)

        return Act(self.office, do)

    @property
    def _by(self) -> str:
        return self.office.tree.principal.key
