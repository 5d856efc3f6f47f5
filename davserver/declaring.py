"""Makes a declaration so: accounts, shares, committees, mandates, meetings; twice the same changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy import Connection, select, update

from acl import store
from acl.entries import Entry
from acl.labels import NEVER, ON_CREATION, Label
from acl.mandates import Committee as CommitteeFacts
from acl.mandates import Mandate as MandateFacts
from acl.meetings import AgendaItem as AgendaItemFacts
from acl.meetings import Meeting as MeetingFacts
from acl.meetings import MeetingState
from acl.privileges import parse_rights
from davserver.accounts import add_account
from davserver.agendas import INBOX, Agendas
from davserver.declarations import Committee, Declaration, Mandate, Meeting, Person
from davserver.granting import Granting, keep_mandate
from davserver.house import House
from davserver.instants import shown
from davserver.keyed import BadDeclaration
from davserver.labelling import Desk, redefine
from davserver.people import describe_person
from davserver.personal.erasing import refuse_erased
from davserver.schema import account, person
from davserver.schema import share as share_table
from shareproviders.contract import NameTaken, ShareProvider, Writing
from shareproviders.paths import ROOT

WORK_FOLDER = "Arbeitsordner"
FACTS = ("kind", "default_class", "has_meetings", "early_access", "publish_with_agenda")
"""Of a committee, what a declaration may leave as it stands."""
OWN_PAPERS = parse_rights(["read", "write-content", "write-properties", "unbind"])
"""What somebody may do to what he put into the inbox."""


class _DryRun(Exception):  # noqa: N818
    """Ends the transaction of a dry run without a trace."""


def declare(
    house: House,
    declaration: Declaration,
    by: str,
    *,
    dry_run: bool = False,
    look: Callable[[Connection], None] | None = None,
) -> list[str]:
    """One transaction; every change as a line for people (no titles). Raises BadDeclaration, and nothing is changed.

    What the declaration does not name stays. `by` is noted in the audit log; `look` sees the transaction at its end.
    """
    changes: list[str] = []
    try:
        with house.database.transaction() as connection:
            _Declaring(house, connection, by, changes, dry_run).all(declaration)
            if look is not None:
                look(connection)
            _undo_if(dry_run)
    except _DryRun:
        return changes
    except ValueError as error:
        raise BadDeclaration(str(error)) from error
    return changes


def _undo_if(dry_run: bool) -> None:
    if dry_run:
        raise _DryRun


class _Declaring:
    """One application of one declaration, inside the open transaction."""

    def __init__(self, house: House, connection: Connection, by: str, changes: list[str], dry_run: bool) -> None:
        self._house, self._connection, self._by = house, connection, by
        self._changes, self._dry_run = changes, dry_run
        self._now = house.clock()

    def all(self, declaration: Declaration) -> None:
        for declared in declaration.people:
            self._person(declared)
        for committee in declaration.committees:
            self._committee(committee)
        granting = Granting(self._house, self._connection, self._by, dry=self._dry_run)
        for recusal in declaration.recusals:
            self._told(granting.recusal(recusal))

    def _told(self, changes: Iterable[tuple[str, str]]) -> None:
        for share, sentence in changes:
            self._changed(sentence, share)

    def _changed(self, sentence: str, share: str = "") -> None:
        self._changes.append(sentence)
        self._house.audit.note(self._connection, self._by, "apply", share=share, detail=sentence)

    # -- people ---------------------------------------------------------------------------------------------------

    def _person(self, declared: Person) -> None:
        connection, user = self._connection, declared.user
        if connection.execute(select(account.c.user).where(account.c.user == user)).first() is None:
            refuse_erased(self._house, connection, user)
            add_account(connection, user, declared.name, self._now)
            self._changed(f"person {user}: account made, without password")
        kept = connection.execute(select(person.c.email).where(person.c.user == user)).scalar_one()
        if describe_person(connection, user, declared.name, declared.email or kept):
            self._changed(f"person {user}: name or address changed")
        pledged = declared.undertaking
        if pledged is not None and store.declare_undertaking(connection, user, pledged):
            self._changed(f"person {user}: pledged secrecy {shown(pledged)}")

    # -- committees -----------------------------------------------------------------------------------------------

    def _committee(self, committee: Committee) -> None:
        provider = self._share(committee)
        self._facts(committee, is_new=provider is not None)
        for mandate in committee.mandates:
            self._mandate(committee.id, mandate)
        if provider is not None:
            self._folders(committee.id, provider)
        provider = provider or self._house.share(committee.id)
        for meeting in committee.meetings:
            self._meeting(committee.id, meeting, provider)
        self._told(Granting(self._house, self._connection, self._by, dry=self._dry_run).committee(committee, provider))

    def _facts(self, committee: Committee, *, is_new: bool) -> None:
        """What is not named stays as it stands."""
        share, connection = committee.id, self._connection
        facts = CommitteeFacts(share, committee.name) if is_new else store.committee(connection, share)
        named = {name: part for name in FACTS if (part := getattr(committee, name)) is not None}
        facts = replace(facts, name=committee.name, **named)
        if is_new:
            store.declare_committee(connection, facts)
            return
        root = self._house.share(share).stat(ROOT)
        outcome = redefine(Desk(self._house, connection, share, root, self._by), facts)
        if outcome.proposal is not None:
            raise BadDeclaration(
                f"committee {share}: papers were released, so lowering the default class takes a second person;"
                " do it at the desk of the committee"
            )
        if outcome.changed:
            self._changes.append(f"committee {share}: facts changed")

    def _share(self, committee: Committee) -> ShareProvider | None:
        """The provider of a share that is new; None for one that was there."""
        row = self._connection.execute(select(share_table).where(share_table.c.id == committee.id)).one_or_none()
        if row is None:
            provider = self._house.shares.create(
                self._connection, committee.id, committee.provider, committee.options, committee.quota
            )
            self._changed(f"committee {committee.id}: drive made, provider {committee.provider}", committee.id)
            return provider
        if row.provider != committee.provider:
            raise BadDeclaration(
                f"committee {committee.id}: the drive is kept by the provider {row.provider}, which cannot be changed;"
                " declare another committee and copy"
            )
        options = json.dumps(dict(committee.options), sort_keys=True)
        if (row.options, row.quota) != (options, committee.quota):
            self._connection.execute(
                update(share_table)
                .where(share_table.c.id == committee.id)
                .values(options=options, quota=committee.quota)
            )
            self._changed(f"committee {committee.id}: quota or options changed", committee.id)
        return None

    def _mandate(self, share: str, mandate: Mandate) -> None:
        known = select(account.c.user).where(account.c.user == mandate.user)
        if self._connection.execute(known).first() is None:
            raise BadDeclaration(
                f"committee {share}: there is no account {mandate.user}; declare the person, or: davserver user add"
            )
        facts = MandateFacts(share, mandate.user, mandate.role, mandate.start, mandate.end)
        if told := keep_mandate(self._house, self._connection, self._by, facts):
            self._changes.append(told)

    def _meeting(self, share: str, meeting: Meeting, provider: ShareProvider) -> None:
        agendas = Agendas(self._house, self._connection, share, self._by, provider=provider, dry=self._dry_run)
        agendas.declare_meeting(MeetingFacts(share, meeting.id, meeting.title, meeting.start, meeting.end))
        agendas.declare_agenda(
            meeting.id,
            [
                AgendaItemFacts(share, meeting.id, item.number, item.title, item.part == "public", item.matter or None)
                for item in meeting.agenda
            ],
        )
        if meeting.state:
            agendas.reach_forward(meeting.id, MeetingState(meeting.state))
        self._changes += [f"committee {share}: {change}" for change in agendas.changes]

    # -- the two folders of a new drive (rights.md §2) ------------------------------------------------------------

    def _folders(self, share: str, provider: ShareProvider) -> None:
        if self._dry_run:
            self._changed(f"committee {share}: folders {WORK_FOLDER} and {INBOX}", share)
            return
        provider.prepare()
        if provider.read_only:
            return
        work, inbox = self._folder(share, provider, WORK_FOLDER), self._folder(share, provider, INBOX)
        store.set_label(self._connection, share, work, Label(release_at=ON_CREATION))
        store.add_entry(self._connection, share, Entry(work, "role:member", parse_rights(["read", "comment", "write"])))
        store.set_label(self._connection, share, inbox, Label(release_at=NEVER))
        store.add_entry(self._connection, share, Entry(inbox, "role:chair", parse_rights(["read", "comment"])))
        for role in ("member", "department"):
            store.add_entry(self._connection, share, Entry(inbox, f"role:{role}", OWN_PAPERS, drop_own=True))

    def _folder(self, share: str, provider: ShareProvider, name: str) -> int:
        path, writing = ROOT / name, Writing(self._by, self._now)
        try:
            node = provider.make_collection(path, writing)
        except NameTaken:
            return provider.stat(path).id
        self._changed(f"committee {share}: folder {name} made", share)
        self._house.audit.note(self._connection, self._by, "make", share=share, node=node.id)
        return node.id
