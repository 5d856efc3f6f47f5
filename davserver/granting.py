"""Declared labels, hand-set entries, bindings, recusals and holds: written where they differ from what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.entries import Entry
from acl.holds import Hold
from acl.mandates import Mandate
from acl.meetings import AgendaItem
from acl.privileges import parse_rights, rights_words
from acl.recusals import Effect
from acl.recusals import Recusal as RecusalFacts
from davserver.agendas import Agendas
from davserver.declarations import Binding, Committee, DeclaredEntry, DeclaredHold, DeclaredLabel, Recusal
from davserver.house import House
from davserver.instants import shown
from davserver.keyed import BadDeclaration
from davserver.labelling import Desk, relabel
from davserver.schema import account
from shareproviders.contract import Node, NotFound, ShareProvider
from shareproviders.paths import SharePath

Told = tuple[str, str]
"""(share, sentence without any name or title)."""


class RecusalWish(NamedTuple):
    """A recusal that somebody wants to stand."""

    share: str
    """Of the item; '' for one by matter."""
    person: str
    point: AgendaItem | None
    mark: bytes | None
    start: int | None
    """None: from whenever one stands already, else from now."""
    end: int | None
    effect: Effect

    @property
    def thing(self) -> str:
        """What it is from, without a title."""
        return "a matter" if self.point is None else f"item {self.point.number} of {self.point.meeting}"


def keep_mandate(house: House, connection: Connection, by: str, facts: Mandate) -> str:
    """Write a mandate, or its new end; the sentence that tells it, '' for nothing. Raises ValueError for oneself."""
    if not store.declare_mandate(connection, facts):
        return ""
    if by == f"user:{facts.person}":
        raise ValueError(f"nobody gives himself a mandate; let somebody else apply that of {facts.person}")
    until = f" until {shown(facts.end)}" if facts.end is not None else ""
    told = f"committee {facts.share}: {facts.person} is {facts.role} from {shown(facts.start)}{until}"
    house.audit.note(connection, by, "apply", share=facts.share, detail=told)
    return told


def keep_recusal(house: House, connection: Connection, by: str, wish: RecusalWish) -> tuple[int, bool]:
    """(id, True if anything changed); one that stands for the same is kept, and ended where it was open."""
    if connection.execute(select(account.c.user).where(account.c.user == wish.person)).first() is None:
        raise ValueError(f"there is no account {wish.person}; declare the person, or: davserver user add")
    now, point = house.clock(), None if wish.point is None else wish.point.id
    for standing in store.recusals(connection, wish.share):
        same = (standing.person, standing.agenda_item, standing.matter_mark, standing.effect)
        if same != (wish.person, point, wish.mark, wish.effect) or (standing.end is not None and standing.end <= now):
            continue
        if wish.start not in (None, standing.start):
            continue
        if wish.end is None or wish.end == standing.end:
            return standing.id, False
        if standing.end is None:
            detail = f"recusal {standing.id}: {wish.person}, {wish.thing}"
            house.audit.note(connection, by, "recusal-end", share=wish.share, detail=detail)
            return standing.id, store.end_recusal(connection, standing.id, wish.end)
    start = now if wish.start is None else wish.start
    facts = RecusalFacts(wish.share, wish.person, point, wish.mark, start, wish.end, wish.effect, by, now)
    number = store.add_recusal(connection, facts)
    detail = f"recusal {number}: {wish.person}, {wish.thing}"
    house.audit.note(connection, by, "recuse", share=wish.share, detail=detail)
    return number, True


def keep_hold(desk: Desk, start: int | None, end: int | None, reason: str) -> tuple[int, bool]:
    """A hold at the desk's node: (id, True if anything changed); one that stands there is kept, or gets its end.

    `start` None: from whenever one stands already, else from now; given, it names a hold even if that has ended since.
    The log never tells the reason.
    """
    now = desk.house.clock()
    for standing in store.holds(desk.connection, desk.share):
        ended = standing.end is not None and standing.end <= now
        if standing.node != desk.node.id or (ended if start is None else start != standing.start):
            continue
        if end in (None, standing.end):
            return standing.id, False
        if standing.end is None:
            store.end_hold(desk.connection, standing.id, end)
            desk.note("hold-end", f"hold {standing.id}")
            return standing.id, True
    sealed = desk.house.keys.sealer(desk.share).seal(reason, reason_place(now)) if reason else None
    facts = Hold(desk.share, desk.node.id, now if start is None else start, end, desk.by, now, sealed)
    number = store.add_hold(desk.connection, facts)
    desk.note("hold", f"hold {number}")
    return number, True


def reason_place(at: int) -> str:
    """Where the reason of a hold made at this instant is sealed for."""
    return f"hold {at}"


def refuse_self(connection: Connection, by: str, share: str, entry: Entry, now: int) -> None:
    """Nobody gives himself an entry, nor one for an office that he holds himself. Raises ValueError."""
    kind, _, user = by.partition(":")
    if kind != "user" or entry.deny:
        return
    words = {f"user:{user}"}
    for mandate in store.mandates_of(connection, user):
        if mandate.holds_at(now):
            words.add(f"committee:{mandate.share}")
            words |= {f"role:{mandate.role}"} if mandate.share == share else set()
    if entry.principal in words:
        raise ValueError(f"nobody gives himself rights, and {entry.principal} is {user}; let somebody else do it")


def keep_entry(desk: Desk, entry: Entry) -> tuple[int, bool]:
    """A hand-set entry at the desk's node: (id, True if new). Raises ValueError for what makes no sense, or oneself."""
    refuse_self(desk.connection, desk.by, desk.share, entry, desk.house.clock())
    number, new = store.add_entry(desk.connection, desk.share, entry)
    if new:
        desk.note("entry-add", f"entry {number}: {entry.principal} {' '.join(rights_words(entry.rights))}")
    return number, new


def drop_entry(house: House, connection: Connection, by: str, share: str, number: int) -> bool:
    """Take an entry back; True if it stood there."""
    found = next((entry for entry in store.list_entries(connection, share) if entry.id == number), None)
    if found is None:
        return False
    store.remove_entry(connection, share, number)
    house.audit.note(connection, by, "entry-remove", share=share, node=found.node, detail=f"entry {number}")
    return True


class Granting:
    """One application of one declaration, inside the open transaction. Raises BadDeclaration, ValueError."""

    def __init__(self, house: House, connection: Connection, by: str, *, dry: bool) -> None:
        """`dry`: folders that the declaration would make are not there yet; what stands in them is only told."""
        self._house, self._connection, self._by, self._dry = house, connection, by, dry

    def committee(self, committee: Committee, provider: ShareProvider) -> Iterator[Told]:
        """Labels, then entries, bindings and holds of one committee."""
        share = committee.id
        for label in committee.labels:
            node = self._node(share, provider, label.path)
            if node is None or self._label(share, node, label):
                yield share, f"committee {share}: label at {_place(node)}"
        for entry in committee.entries:
            node = self._node(share, provider, entry.path)
            if node is None or self._entry(share, node, entry):
                yield share, f"committee {share}: entry for {entry.principal} at {_place(node)}"
        for binding in committee.bindings:
            node = self._node(share, provider, binding.path)
            if node is None or self._binding(share, provider, node, binding):
                yield share, f"committee {share}: {_place(node)} is bound to {binding.number} of {binding.meeting}"
        for hold in committee.holds:
            node = self._node(share, provider, hold.path)
            if node is None or self._hold(share, node, hold):
                yield share, f"committee {share}: legal hold on {_place(node)}"

    def recusal(self, declared: Recusal) -> Iterator[Told]:
        """One recusal, by item or by matter."""
        point = mark = None
        if declared.matter:
            mark = self._house.matter_mark(declared.matter)
        else:
            provider = self._house.share(declared.committee)
            agendas = Agendas(self._house, self._connection, declared.committee, self._by, provider=provider)
            point = agendas.point(declared.meeting, declared.number)
        wish = RecusalWish(
            declared.committee, declared.person, point, mark, declared.start, declared.end, Effect(declared.effect)
        )
        if keep_recusal(self._house, self._connection, self._by, wish)[1]:
            yield declared.committee, f"{declared.person} is recused from {wish.thing}"

    def _node(self, share: str, provider: ShareProvider, path: SharePath) -> Node | None:
        """None only in a dry run, where what is missing may be about to be made."""
        try:
            return provider.stat(path)
        except NotFound:
            if self._dry:
                return None
            raise BadDeclaration(f"committee {share}: there is no {path}; make it first, or correct the path") from None

    def _label(self, share: str, node: Node, declared: DeclaredLabel) -> bool:
        wished = {
            "classification": declared.classification,
            "release_at": declared.release,
            "close_at": declared.close,
            "review_at": declared.review,
            "publish_at": declared.publish,
            "matter": None if declared.matter is None else self._house.matter_mark(declared.matter),
        }
        desk = Desk(self._house, self._connection, share, node, self._by)
        outcome = relabel(desk, {name: part for name, part in wished.items() if part is not None})
        if outcome.proposal is not None:
            raise BadDeclaration(
                f"committee {share}: {declared.path} was released, so lowering its class takes a second person;"
                " use: davserver label"
            )
        return outcome.changed

    def _entry(self, share: str, node: Node, declared: DeclaredEntry) -> bool:
        rights = parse_rights(declared.rights, deny=declared.deny)
        entry = Entry(node.id, declared.principal, rights, declared.deny, declared.cut, declared.start, declared.end)
        refuse_self(self._connection, self._by, share, entry, self._house.clock())
        return store.add_entry(self._connection, share, entry)[1]

    def _hold(self, share: str, node: Node, declared: DeclaredHold) -> bool:
        desk = Desk(self._house, self._connection, share, node, self._by)
        return keep_hold(desk, declared.start, declared.end, declared.reason)[1]

    def _binding(self, share: str, provider: ShareProvider, node: Node, declared: Binding) -> bool:
        agendas = Agendas(self._house, self._connection, share, self._by, provider=provider)
        return agendas.bind(node.id, agendas.point(declared.meeting, declared.number))


def _place(node: Node | None) -> str:
    return "a folder or paper yet to come" if node is None else f"node {node.id}"
