"""label, entry, explain, who-can: what a paper is, who was given what by hand, and what follows from both."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.entries import Entry
from acl.labels import NEVER, Classification, Label, Phase
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import parse_rights, rights_words
from acl.rules import ShareRules
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group, share_path, table
from davserver.house import House
from davserver.instants import instant, shown
from davserver.schema import account
from davserver.tree.forest import SharePlaces

INHERIT = "inherit"
DATES = ("release", "close", "review", "publish")


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    labelling = command(commands, "label", label, "say what a paper or folder is, and from when to when", common)
    labelling.add_argument("path", metavar="PATH")
    labelling.add_argument("--class", dest="classification", metavar="CLASS")
    for date in DATES:
        labelling.add_argument(f"--{date}", metavar="T", help=f"an instant, now, never, or {INHERIT}")

    entries = group(commands, "entry", "rights given or denied by hand")
    adding = command(entries, "add", add_entry, "give or deny rights at a folder or document", common)
    adding.add_argument("path", metavar="PATH")
    adding.add_argument("principal", metavar="PRINCIPAL", help="user:NAME, role:ROLE, committee:ID, authenticated, all")
    adding.add_argument("rights", metavar="RIGHT", nargs="*")
    adding.add_argument("--deny", action="store_true")
    adding.add_argument("--cut", action="store_true", help="end what is given further up, here and beneath")
    adding.add_argument("--from", dest="start", metavar="T")
    adding.add_argument("--until", dest="end", metavar="T")
    removing = command(entries, "remove", remove_entry, "take an entry back", common)
    removing.add_argument("share", metavar="COMMITTEE")
    removing.add_argument("id", metavar="ID", type=int)
    command(entries, "list", list_entries, "list entries of a drive, or at a path", common).add_argument(
        "path", metavar="PATH"
    )

    explaining = command(commands, "explain", explain, "what somebody may do there, and why", common)
    explaining.add_argument("user", metavar="USER")
    asking = command(commands, "who-can", who_can, "who may do what there", common)
    for parser in (explaining, asking):
        parser.add_argument("path", metavar="PATH")
        parser.add_argument("--at", metavar="T", help="at this instant instead of now")


class Spot(NamedTuple):
    """A node that a command is about, and the rules that hold there."""

    house: House
    connection: Connection
    share: str
    lineage: tuple[int, ...]
    rules: ShareRules

    @property
    def node(self) -> int:
        return self.lineage[-1]


@contextmanager
def _spot(workspace: Workspace, *, change: bool = False) -> Iterator[Spot]:
    share, path = share_path(workspace.arguments.path)
    with workspace.house() as house:
        provider = house.share(share)
        with house.database.transaction() if change else house.database.read() as connection:
            lineage = provider.stat(path).lineage
            rules = store.load_rules(connection, share, SharePlaces(share, provider).lineages)
            yield Spot(house, connection, share, lineage, rules)


def _when(text: str | None, option: str, now: int) -> int | None:
    if text is None or text == INHERIT:
        return None
    if text in ("now", "never"):
        return now if text == "now" else NEVER
    try:
        return instant(text)
    except ValueError as error:
        raise WrongUsage(f"{option}: {error}") from None


def label(workspace: Workspace) -> int:
    """Classes are raised, and lowered only as long as the paper is a draft."""
    asked = workspace.arguments
    with _spot(workspace, change=True) as spot:
        now, bound = spot.house.clock(), spot.rules.bound_at(spot.lineage)
        old = store.labels(spot.connection, spot.share).get(spot.node, Label())
        dates: dict[str, Any] = {
            f"{date}_at": _when(text, f"--{date}", now) for date in DATES if (text := getattr(asked, date)) is not None
        }
        new = old._replace(**dates)
        if asked.classification is not None:
            try:
                new = new._replace(classification=Classification.parse(asked.classification))
            except ValueError as error:
                raise WrongUsage(f"--class: {error}") from None
        lowered = new.classification is not None and new.classification < bound.classification
        if lowered and bound.phase_at(now) is not Phase.DRAFT:
            raise Refused(
                f"this is {bound.classification.word} and was released: lowering its class takes a second person;"
                " nothing was changed"
            )
        changed = store.set_label(spot.connection, spot.share, spot.node, new)
        if changed:
            spot.house.audit.note(
                spot.connection, workspace.by, "label", share=spot.share, node=spot.node, detail=_told(new)
            )
    workspace.answer({"share": spot.share, "node": spot.node, "changed": changed, "label": _told(new)}, [_told(new)])
    return 0


def _told(own: Label) -> str:
    words = {NEVER: "never", 0: "on creation"}
    dates = [f"{date} {words.get(at) or shown(at)}" for date, at in zip(DATES, own[1:5], strict=True) if at is not None]
    classification = own.classification.word if own.classification is not None else "class inherited"
    return ", ".join([classification, *dates])


def add_entry(workspace: Workspace) -> int:
    asked = workspace.arguments
    with _spot(workspace, change=True) as spot:
        now = spot.house.clock()
        try:
            rights = parse_rights(asked.rights, deny=asked.deny)
            start, end = _when(asked.start, "--from", now), _when(asked.end, "--until", now)
            entry = Entry(spot.node, asked.principal, rights, asked.deny, asked.cut, start, end)
            number, new = store.add_entry(spot.connection, spot.share, entry)
        except ValueError as error:
            raise WrongUsage(str(error)) from None
        if new:
            spot.house.audit.note(
                spot.connection, workspace.by, "entry-add", share=spot.share, node=spot.node, detail=f"entry {number}"
            )
    workspace.answer({"id": number, "new": new}, [f"entry {number}" if new else f"entry {number} stands already"])
    return 0


def remove_entry(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, house.database.transaction() as connection:
        if not store.remove_entry(connection, asked.share, asked.id):
            raise Refused(f"there is no entry {asked.id} in {asked.share}; see: davserver entry list {asked.share}")
        house.audit.note(connection, workspace.by, "entry-remove", share=asked.share, detail=f"entry {asked.id}")
    workspace.answer({"id": asked.id}, [f"entry {asked.id} removed"])
    return 0


def list_entries(workspace: Workspace) -> int:
    with _spot(workspace) as spot:
        whole = len(spot.lineage) == 1
        entries = store.list_entries(spot.connection, spot.share, None if whole else spot.node)
    facts = [
        {
            "id": entry.id,
            "node": entry.node,
            "principal": entry.principal,
            "rights": rights_words(entry.rights),
            "deny": entry.deny,
            "cut": entry.cut,
            "from": entry.start,
            "until": entry.end,
        }
        for entry in entries
    ]
    words = [
        (
            str(entry.id),
            f"node {entry.node}",
            entry.principal,
            "denies" if entry.deny else "cut, gives" if entry.cut else "gives",
            " ".join(rights_words(entry.rights)),
            f"{shown(entry.start)} to {shown(entry.end)}" if entry.start or entry.end else "",
        )
        for entry in entries
    ]
    workspace.answer(facts, table(words))
    return 0 if entries else 1


def explain(workspace: Workspace) -> int:
    """Every right with its decision and reason codes."""
    asked = workspace.arguments
    with _spot(workspace) as spot:
        row = spot.connection.execute(select(account).where(account.c.user == asked.user)).one_or_none()
        if row is None:
            raise Refused(f"there is no account {asked.user}; see: davserver user list")
        principal = Principal(PrincipalKind.USER, asked.user, admin=row.admin)
        at = _when(asked.at, "--at", spot.house.clock()) or spot.house.clock()
        decisions = spot.house.engine.explain(spot.rules, principal, at, Channel.DAV, spot.lineage)
        active = row.active
    facts = [
        {"right": " ".join(rights_words(right)), "allowed": decision.allowed, "reasons": decision.reasons}
        for right, decision in decisions
    ]
    words = [
        (" ".join(rights_words(right)), "yes" if decision.allowed else "no", ", ".join(decision.reasons))
        for right, decision in decisions
    ]
    lines = table(words) if active else [f"the account {asked.user} is disabled; if it were not:", *table(words)]
    workspace.answer({"user": asked.user, "active": active, "at": at, "rights": facts}, lines)
    return 0 if any(decision.allowed for _, decision in decisions) else 1


def who_can(workspace: Workspace) -> int:
    """Every active account that may do something there."""
    with _spot(workspace) as spot:
        users = spot.connection.execute(select(account).where(account.c.active).order_by(account.c.user)).all()
        at = _when(workspace.arguments.at, "--at", spot.house.clock()) or spot.house.clock()
        may: dict[str, tuple[str, ...]] = {}
        for row in users:
            principal = Principal(PrincipalKind.USER, row.user, admin=row.admin)
            granted = spot.house.engine.granted(spot.rules, principal, at, Channel.DAV, spot.lineage)
            if granted.rights:
                may[row.user] = rights_words(granted.rights)
    workspace.answer(may, table([(user, " ".join(words)) for user, words in may.items()]))
    return 0 if may else 1
