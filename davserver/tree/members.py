"""Accounts of a committee's people, as its desk sees to them: name and address, a letter for a password, the end.

Whoever could let himself in by it must gain nothing: so all this is for people all of whose offices are at desks of
the asker, for no administrator, and for nobody himself.
"""

from __future__ import annotations

from sqlalchemy import Connection

from acl.privileges import Rights
from davserver.invitations import LIFE
from davserver.letters import Letter
from davserver.people import describe_person, end_account
from davserver.tree.acts import Act
from davserver.tree.roster import Holder, Roster
from davserver.tree.seen import AccessDenied, Impossible


class Members:
    """The people of one roster. Everything raises NotFound, AccessDenied, and Impossible for oneself."""

    def __init__(self, roster: Roster) -> None:
        self.roster, self.office = roster, roster.office

    def _ours(self, user: str) -> Holder:
        holder = self.roster.holder(user)
        if not holder.is_ours:
            raise AccessDenied(self.office.root.path, Rights.WRITE_ACL)
        if holder.is_self:
            raise Impossible("nobody sees to his own account; let somebody else do it")
        return holder

    def invite(self, user: str) -> tuple[Letter, int]:
        """A letter with which somebody sets a new password; (it, when its code ends)."""
        house = self.office.house
        with self.office.working() as connection:
            holder = self._ours(user)
            code = house.invitations.invite(connection, user, self.office.tree.principal.key)
        return Letter(holder.name, user, code), house.clock() + LIFE

    def invite_by_mail(self, user: str) -> tuple[Letter, int, str]:
        """As `invite`, for a mail; (…, its receiver). Raises Impossible too where there is no mailbox for it."""
        receiver = self.roster.holder(user).mailbox
        if not receiver:
            raise Impossible("a code for this person goes on paper only")
        return *self.invite(user), receiver

    def describe(self, user: str, name: str, email: str) -> None:
        """Another name or address for mail; that changes nobody's rights."""
        house, by = self.office.house, self.office.tree.principal.key
        with self.office.working() as connection:
            self._ours(user)
            if describe_person(connection, user, name, email or None):
                house.audit.note(connection, by, "user-change", share=self.office.share, detail=user)

    def ending(self, user: str) -> Act:
        """He signs in nowhere any more; what he has made stays."""

        def do(connection: Connection) -> None:
            self._ours(user)
            by, share = self.office.tree.principal.key, self.office.share
            end_account(self.office.house, connection, by, user, share=share)

        return Act(self.office, do)
