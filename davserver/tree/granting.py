"""Rights through the door: the access list of a node, its hand-set part replaced as a whole (RFC 3744 §5.5, §8.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.entries import Entry
from acl.offices import office_rights
from acl.privileges import NAMES, Rights, rights_words, with_ground
from acl.rules import ShareRules
from davserver.tree.acquaintance import Acquaintances, acquaintances
from davserver.tree.commenting import CommentingTree
from davserver.tree.forest import SharePlaces
from davserver.tree.seen import AccessDenied, InvalidAcl, Seen, Terms
from shareproviders.paths import SharePath

OWN_SET = Rights.READ_CURRENT_USER_PRIVILEGE_SET
"""Follows `discover` by itself, so nobody gives or takes it alone."""


class Ace(NamedTuple):
    """One line of an access list."""

    principal: str
    """In the words of entries: `user:anna`, `role:member` (of the share's committee), `committee:ba05`, …"""
    rights: Rights
    deny: bool = False
    protected: bool = False
    """Computed from office and class, or set by hand in a way that a list cannot say (window, cut, share, inbox)."""
    inherited: SharePath | None = None
    """Where it stands, if further up."""

    @property
    def free(self) -> bool:
        """One that the ACL method replaces."""
        return not self.protected and self.inherited is None


class GrantingTree(CommentingTree):
    """Reading and setting access lists, and whom the asker may know of."""

    @cached_property
    def acquaintances(self) -> Acquaintances:
        """Whom the asker may know of, as of the start of the request."""
        drives = frozenset(seen.share for seen in self._all_drives() if seen.share)
        with self.forest.database.read() as connection:
            return acquaintances(connection, self.principal, self.started, self.forest.engine.roles.roles, drives)

    def access_list(self, seen: Seen) -> list[Ace]:
        """What holds there now: denials first; in both parts own before inherited before computed lines.

        Raises AccessDenied without READ_ACL.
        """
        self._demand(seen, Rights.READ_ACL)
        return self._listed(self._share(seen.share), seen)

    def set_access_list(self, path: SharePath, aces: Sequence[Ace], terms: Terms) -> Seen:
        """Replace the hand-set lines of one node. Lines given as protected or inherited must stand there already.

        Raises AccessDenied without WRITE_ACL, or if a line gives what the asker does not hold there himself;
        InvalidAcl for a list that RFC 3744 §8.1.1 forbids, or that would give something to the asker.
        """
        with self._changing() as connection:
            seen = self.stat(path)
            self._demand(seen, Rights.WRITE_ACL)
            terms.check()
            places, share, node = self._share(seen.share), seen.share, seen.node
            self.forest.locks.check(connection, share, node.lineage, self._holder(terms), self._lock_places(places))
            wanted = dict.fromkeys(ace for ace in aces if ace.free)
            check_list(aces, self._listed(places, seen))
            standing = {
                Ace(entry.principal, entry.rights, entry.deny): entry.id
                for entry in store.list_entries(connection, share, node.id)
                if is_plain(entry)
            }
            added = [ace for ace in wanted if ace not in standing]
            removed = [ace for ace in standing if ace not in wanted]
            self._admit_giving(seen, added)
            for ace in removed:
                store.remove_entry(connection, share, standing[ace])
            for ace in added:
                store.add_entry(connection, share, Entry(node.id, ace.principal, ace.rights, ace.deny))
            if added or removed:
                self._repinned.add(places)
                self._admit_gain(places, seen)
                self._note_list(connection, seen, added, removed)
            return seen

    def _listed(self, places: SharePlaces, seen: Seen) -> list[Ace]:
        rules, lineage, now = self.forest.rules.of(places), seen.node.lineage, self.clock()
        entries: list[Entry] = []
        for entry in rules.regions[rules.region_of(lineage)].entries:
            if not entry.holds_at(now):
                continue
            if entry.cut:
                entries = [each for each in entries if each.deny or each.node == entry.node]
            if entry.rights:
                entries.append(entry)
        own = [shown_entry(entry) for entry in entries if entry.node == seen.node.id]
        real = self._shared.real(seen.path).segments
        above = [
            shown_entry(entry)._replace(protected=False, inherited=SharePath(real[: lineage.index(entry.node) + 1]))
            for entry in entries
            if entry.node in lineage[:-1] and not entry.drop_own  # an inbox lets add to itself only
        ]
        computed = self._computed(rules, lineage, now)
        return sorted([*own, *above, *computed], key=lambda ace: not ace.deny)

    def _computed(self, rules: ShareRules, lineage: tuple[int, ...], now: int) -> list[Ace]:
        """What follows from offices; a region shares it, so a page of members asks once."""
        engine, region = self.forest.engine, rules.region_of(lineage)
        kept = self._kept_lines.get(region)
        if kept is not None and kept[0] is rules and not engine.per_node:
            return kept[1]
        everybody, by_role = office_rights(engine, rules, now, self.channel, lineage)
        lines = [Ace(f"role:{role}", settable(rights), protected=True) for role, rights in by_role.items()]
        if everybody:
            lines.append(Ace("all", settable(everybody), protected=True))
        self._kept_lines[region] = rules, lines
        return lines

    @cached_property
    def _kept_lines(self) -> dict[int, tuple[ShareRules, list[Ace]]]:
        return {}

    def _admit_giving(self, seen: Seen, added: Iterable[Ace]) -> None:
        """Nobody names whom he may not know of, himself, or rights that he does not hold there."""
        known = self.acquaintances
        for ace in added:
            kind, _, name = ace.principal.partition(":")
            names = {"user": known.people, "committee": known.committees, "role": known.titles}.get(kind)
            if names is not None and name not in names:
                raise InvalidAcl("recognized-principal", "the list names somebody who is not known here")
            if ace.deny:
                continue
            if ace.principal == self.principal.key:
                raise InvalidAcl("allowed-principal", "nobody gives rights to himself; let a second person do it")
            if lacking := ace.rights & ~seen.rights & ~OWN_SET:
                raise AccessDenied(seen.path, lacking)

    def _admit_gain(self, places: SharePlaces, seen: Seen) -> None:
        """Asked after the change: lifting what is denied to oneself is giving to oneself as well."""
        now = self._seen(self._view(places), seen.path, seen.node)
        if now is not None and now.rights & ~seen.rights:
            raise InvalidAcl("allowed-principal", "nobody gives rights to himself; let a second person do it")

    def _note_list(self, connection: Connection, seen: Seen, added: Iterable[Ace], removed: Iterable[Ace]) -> None:
        changes = [("+", ace) for ace in added] + [("-", ace) for ace in removed]
        told = "; ".join(
            f"{sign}{ace.principal} {'denies' if ace.deny else 'gives'} {' '.join(rights_words(ace.rights))}"
            for sign, ace in changes
        )
        self.forest.audit.note(connection, self.principal.key, "acl", share=seen.share, node=seen.node.id, detail=told)


def is_plain(entry: Entry) -> bool:
    """One that an access list can say in full: no window, no cut, no maker, no inbox, and rights that have names."""
    plain = replace(entry, id=0) == Entry(entry.node, entry.principal, entry.rights, entry.deny)
    return plain and bool(entry.rights) and nameable(entry.rights)


def nameable(rights: Rights) -> bool:
    """Do names of privileges say exactly this? Not so `read` without the `view` in it, which a denial may take."""
    named = Rights.NONE
    for word in rights_words(rights):
        named |= NAMES[word]
    return named == rights == settable(rights)


def shown_entry(entry: Entry) -> Ace:
    """The line that tells of an entry at its own node."""
    if is_plain(entry):
        return Ace(entry.principal, entry.rights, entry.deny)
    rights = Rights.DISCOVER | Rights.BIND if entry.drop_own else settable(Rights(with_ground(int(entry.rights))))
    return Ace(entry.principal, rights, entry.deny, protected=True)


def settable(rights: Rights) -> Rights:
    """Without what no list gives alone."""
    return rights if rights == Rights.ALL else rights & ~OWN_SET


def check_list(aces: Sequence[Ace], listed: Sequence[Ace]) -> None:
    """Raises InvalidAcl for lines that contradict each other or what stands there (RFC 3744 §8.1.1)."""
    for ace in aces:
        if ace.free or ace in listed:
            continue
        rule = "no-protected-ace-conflict" if ace.protected else "no-inherited-ace-conflict"
        raise InvalidAcl(rule, "the list changes a line that cannot be changed here; leave it out")
    free = [ace for ace in aces if ace.free]
    for ace in free:
        against = [each for each in (*free, *listed) if _contradicts(each, ace)]
        if any(each.free and each in free for each in against):
            raise InvalidAcl("no-ace-conflict", "the list gives and denies the same right to the same principal")
        if any(each.protected for each in against):
            raise InvalidAcl("no-protected-ace-conflict", "this principal has that right by office; raise the class")
        if any(each.inherited is not None and each.deny for each in against):
            raise InvalidAcl("no-inherited-ace-conflict", "this right is denied to the principal further up")


def _contradicts(one: Ace, other: Ace) -> bool:
    return one.principal == other.principal and one.deny != other.deny and bool(one.rights & other.rights)
