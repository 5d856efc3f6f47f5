"""share: what is given to colleagues, who find it in their drive `geteilt`."""

from __future__ import annotations

import argparse
from typing import Any

from sqlalchemy import Connection

from acl import store
from acl.entries import Entry
from acl.privileges import Rights, parse_rights, rights_words
from davserver.commands.sharing import giver
from davserver.commands.spot import door, looking, note_acting, on_behalf, refusing, spot_at, when, window
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group, share_path, table
from davserver.house import House
from davserver.instants import shown
from davserver.labelling import active_user
from davserver.tree.forest import SharePlaces
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

TO_DO = "share"


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    shares = group(commands, "share", "what is shared with colleagues")
    adding = command(shares, "add", add, "share a folder or document", common)
    adding.add_argument("path", metavar="PATH")
    whom = "user:NAME, role:ROLE or committee:ID"
    adding.add_argument("--with", dest="receiver", metavar="WHO", required=True, help=whom)
    what = "read (else), write, comment …"
    adding.add_argument("--rights", metavar="RIGHT", nargs="+", default=["read"], help=what)
    window(adding)
    ending = command(shares, "end", end, "take a share back at once", common)
    ending.add_argument("id", metavar="ID", type=int)
    for parser in (adding, ending):
        on_behalf(parser)
    command(shares, "list", list_shares, "list shares", common).add_argument("share", metavar="COMMITTEE", nargs="?")


def add(workspace: Workspace) -> int:
    """Through the door, as whoever shares: it never gives more than he may do there himself, at each use."""
    asked = workspace.arguments
    share, inner = share_path(asked.path)
    try:
        rights = parse_rights(asked.rights)
    except ValueError as error:
        raise WrongUsage(f"--rights: {error}") from None
    with looking(workspace) as spot:
        maker = giver(spot, workspace.by, Rights.SHARE, TO_DO)
        now = spot.house.clock()
    start, end_at = when(asked.start, "--from", now), when(asked.end, "--until", now)
    with workspace.house() as house, refusing():
        path = SharePath((share, *inner.segments))
        note_acting(workspace, house, share, maker)
        number = door(house, maker).share_inside(path, asked.receiver, rights, start, end_at)
    facts = {"id": number, "path": asked.path, "with": asked.receiver, "maker": maker.key}
    words = " ".join(rights_words(rights))
    workspace.answer(facts, [f"share {number}: {maker.key} gives {asked.receiver} {words}"])
    return 0


def list_shares(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, house.database.read() as connection:
        shares = [asked.share] if asked.share else list(house.shares)
        facts = [_facts(house, share, entry) for share in shares for entry in _shares(house, connection, share)]
        now = house.clock()
    words = [
        (
            str(one["id"]),
            one["path"],
            one["with"],
            " ".join(one["rights"]),
            f"by {one['maker']}",
            f"from {shown(one['from'])}" if one["from"] else "",
            f"until {shown(one['until'])}" if one["until"] else "",
            "expired" if one["until"] and one["until"] <= now else "",
        )
        for one in facts
    ]
    workspace.answer(facts, table(words))
    return 0 if facts else 1


def _shares(house: House, connection: Connection, share: str) -> list[Entry]:
    """Entries that somebody made by sharing, and not the office."""
    house.share(share)
    return [entry for entry in store.list_entries(connection, share) if entry.maker]


def _facts(house: House, share: str, entry: Entry) -> dict[str, Any]:
    try:
        path = str(SharePlaces(share, house.share(share)).path(entry.node))
    except NotFound:
        path = f"/{share}, deleted"
    return {
        "id": entry.id,
        "path": path.removeprefix("/"),
        "with": entry.principal,
        "rights": rights_words(entry.rights),
        "maker": entry.maker,
        "from": entry.start,
        "until": entry.end,
    }


def end(workspace: Workspace) -> int:
    """Through the door: whoever shared it takes it back, or somebody who may share there."""
    number = workspace.arguments.id
    with workspace.house() as house, refusing():
        with house.database.read() as connection:
            share, entry = _share(house, connection, number)
            if workspace.by == entry.maker:
                taker = active_user(connection, entry.maker.removeprefix("user:"))
            else:
                spot = spot_at(house, connection, share, house.share(share).locate(entry.node)[1])
                taker = giver(spot, workspace.by, Rights.SHARE, TO_DO)
        note_acting(workspace, house, share, taker)
        door(house, taker).end_share(share, number)
    workspace.answer({"id": number}, [f"share {number} has ended"])
    return 0


def _share(house: House, connection: Connection, number: int) -> tuple[str, Entry]:
    for share in house.shares:
        for entry in _shares(house, connection, share):
            if entry.id == number:
                return share, entry
    raise Refused(f"there is no share {number}; see: davserver share list")
