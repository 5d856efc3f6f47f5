"""recuse, recusal: who is excluded from an agenda item or matter for personal involvement (Art. 49 GO)."""

from __future__ import annotations

import argparse
import re
from typing import Any

from sqlalchemy import Connection, select

from acl import schema, store
from acl.meetings import AgendaItem, normal_matter
from acl.recusals import Effect, Recusal
from davserver.agendas import Agendas
from davserver.commands.spot import on_behalf, refusing, when, window
from davserver.commands.workspace import Refused, Subparsers, Workspace, command, group, share_path, table
from davserver.granting import RecusalWish, keep_recusal
from davserver.house import House
from davserver.instants import shown
from shareproviders.contract import BadName, NotFound

MATTER = re.compile(r"\d{2}-\d{2} / [A-Z] \d{1,6}")


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    recusing = command(commands, "recuse", recuse, "exclude a person from an agenda item or a matter", common)
    recusing.add_argument("person", metavar="PERSON")
    recusing.add_argument("thing", metavar="PATH|MATTER", help="folder of an item, COMMITTEE/MEETING/NUMBER, or matter")
    recusing.add_argument("--effect", choices=[effect.value for effect in Effect], default=Effect.BOTH.value)
    window(recusing)
    recusals = group(commands, "recusal", "recusals that stand")
    command(recusals, "list", list_recusals, "list recusals", common).add_argument(
        "share", metavar="COMMITTEE", nargs="?"
    )
    ending = command(recusals, "end", end, "end a recusal", common)
    ending.add_argument("id", metavar="ID", type=int)
    ending.add_argument("--at", metavar="T", help="at this instant instead of now")
    for parser in (recusing, ending):
        on_behalf(parser)


def recuse(workspace: Workspace) -> int:
    """In force at once, everywhere; a recusal by matter follows it through all committees."""
    asked = workspace.arguments
    made: list[tuple[int, bool]] = []
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        now = house.clock()
        start, end_at = when(asked.start, "--from", now), when(asked.end, "--until", now)
        for share, point, mark in _things(house, connection, asked.thing):
            wish = RecusalWish(share, asked.person, point, mark, start, end_at, Effect(asked.effect))
            made.append(keep_recusal(house, connection, workspace.by, wish))
    lines = [
        f"recusal {number}: {asked.person} is excluded" if new else f"recusal {number} stands already"
        for number, new in made
    ]
    workspace.answer({"ids": [number for number, _ in made]}, lines)
    return 0


def _things(house: House, connection: Connection, text: str) -> list[tuple[str, AgendaItem | None, bytes | None]]:
    """(share, item, mark of a matter) of each thing that is meant: items of a path, or one matter."""
    mark = house.matter_mark(text)
    known = select(schema.agenda_item.c.id).where(schema.agenda_item.c.matter_mark == mark)
    if MATTER.fullmatch(normal_matter(text)) or connection.execute(known).first() is not None:
        return [("", None, mark)]
    try:
        share, path = share_path(text)
        provider = house.share(share)
    except (NotFound, BadName):
        raise Refused(f"{text!r} is neither a path nor a matter such as '20-26 / V 15898'") from None
    agendas = Agendas(house, connection, share, "", provider=provider)
    try:
        lineage = provider.stat(path).lineage
    except NotFound:
        if len(path.segments) != 2:
            raise
        return [(share, agendas.point(*path.segments), None)]
    found = agendas.points_of(lineage)
    if not found:
        raise Refused("no agenda item stands there; name the folder of an item, one of its papers, or a matter")
    return [(point.share, point, None) for point in found]


def list_recusals(workspace: Workspace) -> int:
    """Numbers of items and matters; no titles."""
    asked = workspace.arguments
    with workspace.house() as house, house.database.read() as connection:
        shares = [asked.share] if asked.share else list(house.shares)
        facts: dict[int, dict[str, Any]] = {}
        for share in shares:
            house.share(share)
            for recusal in store.recusals(connection, share):
                if recusal.id not in facts:
                    facts[recusal.id] = _facts(house, connection, recusal)
    words = [
        (
            str(fact["id"]),
            fact["person"],
            fact["committee"],
            fact["item"] or fact["matter"],
            f"{shown(fact['from'])} to {shown(fact['until'])}",
            fact["effect"],
            fact["by"],
        )
        for fact in facts.values()
    ]
    workspace.answer(list(facts.values()), table(words))
    return 0 if facts else 1


def _facts(house: House, connection: Connection, recusal: Recusal) -> dict[str, Any]:
    point, matter = "", ""
    items = schema.agenda_item
    if recusal.agenda_item is not None:
        row = connection.execute(select(items).where(items.c.id == recusal.agenda_item)).one()
        point = f"{row.meeting}/{row.number}"
    else:
        matter = _matter(house, connection, recusal.matter_mark)
    return {
        "id": recusal.id,
        "person": recusal.person,
        "committee": recusal.share,
        "item": point,
        "matter": matter,
        "from": recusal.start,
        "until": recusal.end,
        "effect": recusal.effect.value,
        "by": recusal.by,
    }


def _matter(house: House, connection: Connection, mark: bytes | None) -> str:
    """The matter's number, if it stands on any agenda: a mark alone does not tell it."""
    items = schema.agenda_item
    for row in connection.execute(select(items).where(items.c.matter_mark == mark).limit(1)):
        agenda = store.agenda(connection, house.keys.sealer(row.share), row.share, row.meeting)
        return next(point.matter or "" for point in agenda if point.id == row.id)
    return "a matter that is on no agenda"


def end(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        at = when(asked.at, "--at", house.clock()) or house.clock()
        if not store.end_recusal(connection, asked.id, at):
            raise Refused(f"there is no recusal {asked.id} that would hold longer; see: davserver recusal list")
        house.audit.note(connection, workspace.by, "recusal-end", detail=f"recusal {asked.id}")
    workspace.answer({"id": asked.id, "until": at}, [f"recusal {asked.id} ends {shown(at)}"])
    return 0
