"""What a paper is, changed by people: raised by one alone, lowered by two once it was released (rights.md §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.labels import NEVER, ON_CREATION, Classification, Label
from acl.mandates import Committee, CommitteeKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from acl.rules import ShareRules
from davserver.house import House
from davserver.instants import shown
from davserver.schema import account
from davserver.schema import audit as audit_table
from davserver.tree.forest import SharePlaces
from shareproviders.contract import Node, NotFound

HELD = "this is under a legal hold, so its class, dates and matter stay as they are; see: davserver hold list"
DATES = ("release", "close", "review", "publish")
READ: Mapping[str, Callable[[str], Any]] = {
    "classification": Classification.parse,
    "default_class": Classification.parse,
    "kind": CommitteeKind,
    "matter": bytes.fromhex,
}
"""Parts of labels and of a committee's facts that JSON holds as a text."""
WITHDRAWN = "withdraw"
"""In the audit log: what had been released is a draft again, and still counts as released once."""


class Desk(NamedTuple):
    """A node on which somebody works, inside the open transaction."""

    house: House
    connection: Connection
    share: str
    node: Node
    by: str
    """Principal key of whoever changes it."""

    @property
    def rules(self) -> ShareRules:
        """As the transaction has left them."""
        places = SharePlaces(self.share, self.house.share(self.share))
        return store.load_rules(self.connection, self.share, places.lineages)

    def note(self, what: str, detail: str = "") -> None:
        self.house.audit.note(self.connection, self.by, what, share=self.share, node=self.node.id, detail=detail)


class Outcome(NamedTuple):
    """What became of a wish."""

    changed: bool
    proposal: int | None = None
    """Its number, if it waits for a second person; nothing has changed then."""


def relabel(desk: Desk, parts: Mapping[str, Any]) -> Outcome:
    """Change parts of a node's own label (names of `Label`; None: inherit); others stay."""
    change = {"label": _written(parts)}
    outcome = _changed_or_proposed(desk, change, lambda: _set_label(desk, parts), lambda old: _restore(desk, old))
    if outcome.changed:
        desk.note("label", told(_own(desk)))
    return outcome


def unbind(desk: Desk, agenda_item: int) -> Outcome:
    """Take a paper from an agenda item; that may lower its class too."""

    def undo(_: object) -> None:
        store.add_binding(desk.connection, desk.share, desk.node.id, agenda_item)

    outcome = _changed_or_proposed(desk, {"unbind": agenda_item}, lambda: _unbind(desk, agenda_item), undo)
    if outcome.changed:
        desk.note("binding-remove", f"agenda item {agenda_item}")
    return outcome


def redefine(desk: Desk, facts: Committee) -> Outcome:
    """A committee's facts, said at the root of its drive; a lower default class may take two, as a label does."""
    old = store.committee(desk.connection, desk.share)
    parts = {one.name: part for one in fields(facts) if (part := getattr(facts, one.name)) != getattr(old, one.name)}
    change = {"committee": _written(parts)}
    outcome = _changed_or_proposed(
        desk, change, lambda: _redefine(desk, parts), lambda old: store.declare_committee(desk.connection, old)
    )
    if outcome.changed:
        desk.note("committee", told_facts(change["committee"]))
    return outcome


def _redefine(desk: Desk, parts: Mapping[str, Any]) -> Committee | None:
    """The facts that stood there, if they changed."""
    old = store.committee(desk.connection, desk.share)
    return old if store.declare_committee(desk.connection, replace(old, **parts)) else None


def approve(house: House, connection: Connection, proposal: int, user: str) -> tuple[str, int]:
    """A second person's yes; carries the change out. (share, node.) Raises ValueError."""
    by = f"user:{user}"
    asked = store.approve_proposal(connection, proposal, by)
    if not is_second(house, asked.by, user):
        raise ValueError(f"{asked.by} has lately let {user} set a password; somebody else must approve this")
    try:
        _, node = house.share(asked.share).locate(asked.node)
    except NotFound:
        raise ValueError("the paper was deleted since; there is nothing to approve") from None
    desk = Desk(house, connection, asked.share, node, by)
    if is_held(desk):
        raise ValueError(HELD)
    principal = active_user(connection, user)
    granted = house.engine.granted(desk.rules, principal, house.clock(), Channel.PORTAL, node.lineage)
    if not granted.rights & Rights.CLASSIFY:
        raise ValueError(f"{user} may not change classes there; somebody who may must approve this")
    desk.note("approve", f"proposal {proposal} of {asked.by}: {carry_out(desk, asked.change)}")
    return asked.share, node.id


def is_second(house: House, proposer: str, user: str) -> bool:
    """Is he somebody else, surely? Not as long as the proposer has lately held in his hands what lets him in.

    Whoever makes a letter could use it himself. Its owner would find his own password dead, and the first page tells of
    it for a while; so long it counts.
    """
    others = house.invitations.makers(user) | {reset.by for reset in house.resets.of(user)}
    return proposer not in {f"user:{user}", *others}


def carry_out(desk: Desk, change: Mapping[str, Any]) -> str:
    """Make what was proposed so, whoever has agreed to it; a sentence for the log."""
    if "unbind" in change:
        _unbind(desk, int(change["unbind"]))
        return f"agenda item {change['unbind']} unbound"
    if "committee" in change:
        _redefine(desk, _read(change["committee"]))
        return told_facts(change["committee"])
    _set_label(desk, _read(change["label"]))
    return told(_own(desk))


def foretell(desk: Desk, wish: Callable[[Desk], Outcome]) -> None:
    """A wish as if nobody had to agree to it; for a transaction that is undone."""
    outcome = wish(desk)
    if outcome.proposal is not None:
        waiting = store.proposals(desk.connection, desk.share)
        carry_out(desk, next(each.change for each in waiting if each.id == outcome.proposal))


def is_held(desk: Desk) -> bool:
    """Does a legal hold keep it as it is now?"""
    return desk.rules.held_at(desk.node.lineage, desk.house.clock())


def active_user(connection: Connection, user: str) -> Principal:
    """Raises ValueError for an unknown or disabled account."""
    row = connection.execute(select(account).where(account.c.user == user)).one_or_none()
    if row is None or not row.active:
        raise ValueError(f"there is no active account {user}; see: davserver user list")
    return Principal(PrincipalKind.USER, user, admin=row.admin)


def told(own: Label) -> str:
    """A label for people and the log, without its matter."""
    words = {NEVER: "never", ON_CREATION: "on creation"}
    dates = zip(DATES, (own.release_at, own.close_at, own.review_at, own.publish_at), strict=True)
    parts = [own.classification.word if own.classification is not None else "class inherited"]
    parts += [f"{date} {words.get(at) or shown(at)}" for date, at in dates if at is not None]
    return ", ".join([*parts, *(["matter"] if own.matter else [])])


def told_facts(parts: Mapping[str, Any]) -> str:
    """Parts of a committee's facts as `_written` has them, for the log."""
    switches = {True: "on", False: "off"}
    return ", ".join(f"{name.replace('_', ' ')} {switches.get(part, part)}" for name, part in parts.items())


def told_change(change: Mapping[str, Any]) -> dict[str, str]:
    """What a proposal would change, by word; '' for inherited.

    `class`, `release` and the other dates, `matter`; or `item`; or a committee's facts, `default_class` and more.
    """
    if "unbind" in change:
        return {"item": str(change["unbind"])}
    if "committee" in change:
        return {name: str(part) for name, part in change["committee"].items()}
    parts = _read(change["label"])
    words = {NEVER: "never", ON_CREATION: "on creation"}
    found: dict[str, str] = {}
    for name, part in parts.items():
        if name == "classification":
            found["class"] = "" if part is None else part.word
        elif name == "matter":
            found["matter"] = "" if part is None else "matter"
        else:
            found[name.removesuffix("_at")] = "" if part is None else words.get(part) or shown(part)
    return found


def _changed_or_proposed(
    desk: Desk, change: Mapping[str, Any], act: Callable[[], Any], undo: Callable[[Any], object]
) -> Outcome:
    before = desk.rules
    old = act()
    if old is None:
        return Outcome(changed=False)
    if is_held(desk):
        raise ValueError(HELD)
    now, after = desk.house.clock(), desk.rules
    lowered = [place for place in _touched(desk, before) if _class(after, place) < _class(before, place)]
    if any(_was_released(desk, before, place, now) for place in lowered):
        undo(old)
        proposal = store.propose(desk.connection, desk.share, desk.node.id, change, desk.by, now)
        desk.note("propose", f"proposal {proposal}")
        return Outcome(False, proposal)
    if before.bound_at(desk.node.lineage).release_at <= now < after.bound_at(desk.node.lineage).release_at:
        desk.note(WITHDRAWN)
    return Outcome(changed=True)


def _set_label(desk: Desk, parts: Mapping[str, Any]) -> Label | None:
    """The label that stood there, if it changed."""
    old = _own(desk)
    return old if store.set_label(desk.connection, desk.share, desk.node.id, old._replace(**parts)) else None


def _own(desk: Desk) -> Label:
    return store.labels(desk.connection, desk.share).get(desk.node.id, Label())


def _restore(desk: Desk, old: Label) -> None:
    store.set_label(desk.connection, desk.share, desk.node.id, old)


def _unbind(desk: Desk, agenda_item: int) -> int | None:
    if not store.remove_binding(desk.connection, desk.share, desk.node.id, agenda_item):
        return None
    return agenda_item


def _touched(desk: Desk, rules: ShareRules) -> Iterator[tuple[int, ...]]:
    """The node, and what has a say of its own beneath it."""
    yield desk.node.lineage
    for pin in rules.beneath.get(desk.node.id, ()):
        yield rules.places[pin]


def _class(rules: ShareRules, lineage: tuple[int, ...]) -> Classification:
    return rules.bound_at(lineage).classification


def _was_released(desk: Desk, rules: ShareRules, lineage: tuple[int, ...], now: int) -> bool:
    if rules.bound_at(lineage).release_at <= now:
        return True
    table = audit_table.c
    withdrawn = select(table.seq).where(table.what == WITHDRAWN, table.share == desk.share, table.node.in_(lineage))
    return desk.connection.execute(withdrawn.limit(1)).first() is not None


def _written(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of a label as JSON can hold them."""
    plain = {Classification: lambda part: part.word, bytes: lambda part: part.hex()}
    return {name: plain.get(type(part), lambda part: part)(part) for name, part in parts.items()}


def _read(written: Mapping[str, Any]) -> dict[str, Any]:
    return {name: READ[name](part) if part is not None and name in READ else part for name, part in written.items()}
