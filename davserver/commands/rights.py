"""label, approve, entry: what a paper is, and who was given what by hand."""

from __future__ import annotations

import argparse
from typing import Any

from acl import store
from acl.entries import Entry, check_entry
from acl.labels import Label
from acl.privileges import parse_rights, rights_words
from davserver.commands.spot import (
    INHERIT,
    answer_outcome,
    changing,
    class_named,
    looking,
    on_behalf,
    refusing,
    when,
    window,
)
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group, table
from davserver.granting import drop_entry, keep_entry
from davserver.instants import shown
from davserver.labelling import DATES, Desk, approve, relabel, told, told_change


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    labelling = command(commands, "label", label, "say what a paper or folder is, and from when to when", common)
    labelling.add_argument("path", metavar="PATH")
    labelling.add_argument("--class", dest="classification", metavar="CLASS")
    for date in DATES:
        labelling.add_argument(f"--{date}", metavar="T", help=f"an instant, now, never, or {INHERIT}")
    labelling.add_argument("--matter", metavar="NUMBER", help=f"such as '20-26 / V 15898', or {INHERIT}")
    _register_proposals(commands, common)

    entries = group(commands, "entry", "rights given or denied by hand")
    adding = command(entries, "add", add_entry, "give or deny rights at a folder or document", common)
    adding.add_argument("path", metavar="PATH")
    adding.add_argument("principal", metavar="PRINCIPAL", help="user:NAME, role:ROLE, committee:ID, authenticated, all")
    adding.add_argument("rights", metavar="RIGHT", nargs="*")
    adding.add_argument("--deny", action="store_true")
    adding.add_argument("--cut", action="store_true", help="end what is given further up, here and beneath")
    adding.add_argument(
        "--own", action="store_true", help="all may add here, and have these rights to what they brought"
    )
    window(adding)
    removing = command(entries, "remove", remove_entry, "take an entry back", common)
    removing.add_argument("share", metavar="COMMITTEE")
    removing.add_argument("id", metavar="ID", type=int)
    for parser in (labelling, adding, removing):
        on_behalf(parser)
    command(entries, "list", list_entries, "list entries of a drive, or at a path", common).add_argument(
        "path", metavar="PATH"
    )


def _register_proposals(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    approving = command(commands, "approve", approve_proposal, "the second person's yes to a proposal", common)
    approving.add_argument("id", metavar="ID", type=int)
    approving.add_argument("--as", dest="acting", metavar="USER", required=True, help="who may change classes there")
    waiting = group(commands, "proposal", "changes that wait for a second person")
    command(waiting, "list", list_proposals, "list them", common).add_argument("share", metavar="COMMITTEE", nargs="?")


def label(workspace: Workspace) -> int:
    """A class is raised by one, and lowered by one only while the paper was never released."""
    with changing(workspace) as desk:
        outcome = relabel(desk, _parts(workspace.arguments, desk))
        own = told(store.labels(desk.connection, desk.share).get(desk.node.id, Label()))
    answer_outcome(workspace, outcome, {"share": desk.share, "node": desk.node.id, "label": own}, own)
    return 0


def _parts(asked: argparse.Namespace, desk: Desk) -> dict[str, Any]:
    """What the options say of a label."""
    now = desk.house.clock()
    parts: dict[str, Any] = {
        f"{date}_at": when(text, f"--{date}", now) for date in DATES if (text := getattr(asked, date)) is not None
    }
    if asked.matter is not None:
        parts["matter"] = None if asked.matter == INHERIT else desk.house.matter_mark(asked.matter)
    if asked.classification == INHERIT:
        parts["classification"] = None
    elif asked.classification is not None:
        parts["classification"] = class_named(asked.classification, "--class")
    return parts


def approve_proposal(workspace: Workspace) -> int:
    """Somebody else than the proposer, who may change classes there."""
    asked = workspace.arguments
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        share, node = approve(house, connection, asked.id, asked.acting)
    workspace.answer({"id": asked.id, "share": share, "node": node}, [f"proposal {asked.id} approved and carried out"])
    return 0


def list_proposals(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, house.database.read() as connection:
        shares = [asked.share] if asked.share else list(house.shares)
        waiting = [proposal for share in shares for proposal in store.proposals(connection, share)]
    facts = [
        {"id": each.id, "share": each.share, "node": each.node, "change": each.change, "by": each.by, "at": each.at}
        for each in waiting
    ]
    words = [
        (str(each.id), each.share, f"node {each.node}", each.by, shown(each.at), _change(each.change))
        for each in waiting
    ]
    workspace.answer(facts, table(words))
    return 0 if waiting else 1


def _change(change: Any) -> str:
    if "unbind" in change:
        return f"unbound from agenda item {change['unbind']}"
    return ", ".join(f"{name} {part or INHERIT}" for name, part in told_change(change).items())


def add_entry(workspace: Workspace) -> int:
    asked = workspace.arguments
    with changing(workspace) as desk:
        now = desk.house.clock()
        try:
            rights = parse_rights(asked.rights, deny=asked.deny)
            start, end = when(asked.start, "--from", now), when(asked.end, "--until", now)
            entry = Entry(desk.node.id, asked.principal, rights, asked.deny, asked.cut, start, end, drop_own=asked.own)
            check_entry(entry)
        except ValueError as error:
            raise WrongUsage(str(error)) from None
        number, new = keep_entry(desk, entry)
    workspace.answer({"id": number, "new": new}, [f"entry {number}" if new else f"entry {number} stands already"])
    return 0


def remove_entry(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, house.database.transaction() as connection:
        if not drop_entry(house, connection, workspace.by, asked.share, asked.id):
            raise Refused(f"there is no entry {asked.id} in {asked.share}; see: davserver entry list {asked.share}")
    workspace.answer({"id": asked.id}, [f"entry {asked.id} removed"])
    return 0


def list_entries(workspace: Workspace) -> int:
    with looking(workspace) as spot:
        whole = len(spot.lineage) == 1
        entries = store.list_entries(spot.connection, spot.share, None if whole else spot.node.id)
    facts = [
        {
            "id": entry.id,
            "node": entry.node,
            "principal": entry.principal,
            "rights": rights_words(entry.rights),
            "deny": entry.deny,
            "cut": entry.cut,
            "own": entry.drop_own,
            "maker": entry.maker,
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
            "what he brought" if entry.drop_own else f"by {entry.maker}" if entry.maker else "",
            f"{shown(entry.start)} to {shown(entry.end)}" if entry.start or entry.end else "",
        )
        for entry in entries
    ]
    workspace.answer(facts, table(words))
    return 0 if entries else 1
