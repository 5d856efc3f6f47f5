"""Declared labels, hand-set entries, bindings and recusals: written where they differ from what stands there."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from acl import store
from acl.entries import Entry
from acl.privileges import parse_rights
from acl.recusals import Effect
from acl.recusals import Recusal as RecusalFacts
from davserver.agendas import Agendas
from davserver.declarations import Binding, Committee, DeclaredEntry, DeclaredLabel, Recusal
from davserver.house import House
from davserver.keyed import BadDeclaration
from davserver.labelling import Desk, relabel
from davserver.schema import account
from shareproviders.contract import Node, NotFound, ShareProvider
from shareproviders.paths import SharePath

Told = tuple[str, str]
"""(share, sentence without any name or title)."""


class Granting:
    """One application of one declaration, inside the open transaction. Raises BadDeclaration, ValueError."""

    def __init__(self, house: House, connection: Connection, by: str, *, dry: bool) -> None:
        """`dry`: folders that the declaration would make are not there yet; what stands in them is only told."""
        self._house, self._connection, self._by, self._dry = house, connection, by, dry

    def committee(self, committee: Committee, provider: ShareProvider) -> Iterator[Told]:
        """Labels, then entries, then bindings of one committee."""
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

    def recusal(self, declared: Recusal) -> Iterator[Told]:
        """One recusal; it stands already if one of the same person, thing, window and effect does."""
        known = select(account.c.user).where(account.c.user == declared.person)
        if self._connection.execute(known).first() is None:
            raise BadDeclaration(f"recusal: there is no account {declared.person}; declare the person")
        point = mark = None
        if declared.matter:
            mark = self._house.matter_mark(declared.matter)
        else:
            provider = self._house.share(declared.committee)
            agendas = Agendas(self._house, self._connection, declared.committee, self._by, provider=provider)
            point = agendas.point(declared.meeting, declared.number).id
        now = self._house.clock()
        standing = [
            recusal
            for recusal in store.recusals(self._connection, declared.committee)
            if (recusal.person, recusal.agenda_item, recusal.matter_mark) == (declared.person, point, mark)
            and recusal.effect == declared.effect
            and (declared.start is None or recusal.start == declared.start)
        ]
        for recusal in standing:
            if recusal.end == declared.end or declared.end is None:
                return
            if recusal.end is None and store.end_recusal(self._connection, recusal.id, declared.end):
                yield declared.committee, f"recusal of {declared.person} ends"
                return
        facts = RecusalFacts(
            declared.committee,
            declared.person,
            point,
            mark,
            now if declared.start is None else declared.start,
            declared.end,
            Effect(declared.effect),
            self._by,
            now,
        )
        store.add_recusal(self._connection, facts)
        what = "a matter" if declared.matter else f"item {declared.number} of {declared.meeting}"
        yield declared.committee, f"{declared.person} is recused from {what}"

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
        return store.add_entry(self._connection, share, entry)[1]

    def _binding(self, share: str, provider: ShareProvider, node: Node, declared: Binding) -> bool:
        agendas = Agendas(self._house, self._connection, share, self._by, provider=provider)
        return agendas.bind(node.id, agendas.point(declared.meeting, declared.number))


def _place(node: Node | None) -> str:
    return "a folder or paper yet to come" if node is None else f"node {node.id}"
