"""hold: what must stay as it is for a court, an audit or the archive, whoever would change it (rights.md §2.5)."""

from __future__ import annotations

import argparse
from typing import Any

from acl import store
from davserver.commands.spot import changing, on_behalf, refusing, when, window
from davserver.commands.workspace import Refused, Subparsers, Workspace, command, group, table
from davserver.granting import keep_hold, reason_place
from davserver.instants import shown


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    holds = group(commands, "hold", "legal holds")
    adding = command(holds, "add", add, "nobody may change or remove what is there, or beneath", common)
    adding.add_argument("path", metavar="PATH")
    adding.add_argument("--reason", metavar="TEXT", default="", help="kept sealed")
    window(adding)
    command(holds, "list", list_holds, "list holds", common).add_argument("share", metavar="COMMITTEE", nargs="?")
    ending = command(holds, "end", end, "end a hold", common)
    ending.add_argument("id", metavar="ID", type=int)
    ending.add_argument("--at", metavar="T", help="at this instant instead of now")
    for parser in (adding, ending):
        on_behalf(parser)


def add(workspace: Workspace) -> int:
    """In force at once, or from `--from` on; one that stands there already is kept."""
    asked = workspace.arguments
    with changing(workspace) as desk:
        now = desk.house.clock()
        window = when(asked.start, "--from", now), when(asked.end, "--until", now)
        number, new = keep_hold(desk, *window, asked.reason)
    line = f"hold {number}: nobody can change or remove what is there" if new else f"hold {number} stands already"
    workspace.answer({"id": number, "new": new}, [line])
    return 0


def list_holds(workspace: Workspace) -> int:
    """Past and coming ones too; numbers of nodes, no names."""
    asked = workspace.arguments
    with workspace.house() as house, house.database.read() as connection:
        shares = [asked.share] if asked.share else list(house.shares)
        facts: list[dict[str, Any]] = []
        for share in shares:
            house.share(share)
            sealer = house.keys.sealer(share)
            facts += [
                {
                    "id": hold.id,
                    "committee": share,
                    "node": hold.node,
                    "from": hold.start,
                    "until": hold.end,
                    "by": hold.by,
                    "reason": "" if hold.reason is None else sealer.open(hold.reason, reason_place(hold.at)),
                }
                for hold in store.holds(connection, share)
            ]
    words = [
        (
            str(fact["id"]),
            fact["committee"],
            f"node {fact['node']}",
            f"{shown(fact['from'])} to {shown(fact['until'])}",
            fact["by"],
            fact["reason"],
        )
        for fact in facts
    ]
    workspace.answer(facts, table(words))
    return 0 if facts else 1


def end(workspace: Workspace) -> int:
    """From then on everything there may be changed again by whoever may."""
    asked = workspace.arguments
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        at = when(asked.at, "--at", house.clock()) or house.clock()
        ended = store.end_hold(connection, asked.id, at)
        if ended is None:
            raise Refused(f"there is no hold {asked.id} that would hold longer; see: davserver hold list")
        note = f"hold {asked.id}"
        house.audit.note(connection, workspace.by, "hold-end", share=ended.share, node=ended.node, detail=note)
    workspace.answer({"id": asked.id, "until": at}, [f"hold {asked.id} ends {shown(at)}"])
    return 0
