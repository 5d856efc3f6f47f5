"""meeting, item, binding, release: agendas, their folders, and what belongs to them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from acl import store
from acl.meetings import AgendaItem, Meeting, MeetingState
from davserver.agenda_tables import COLUMNS, LONGEST_NUMBER, SENTENCES, read_agenda
from davserver.agendas import Agendas
from davserver.commands.spot import agendas_of, answer_outcome, changing, on_behalf, refusing, when
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group, share_path, table
from davserver.declarations import ITEM_PARTS, MEETING_STATES
from davserver.instants import shown
from davserver.keyed import ID
from davserver.labelling import Desk, unbind


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    meetings = group(commands, "meeting", "meetings of a committee")
    adding = command(meetings, "add", add_meeting, "declare a meeting, or its new title or time", common)
    adding.add_argument("share", metavar="COMMITTEE")
    adding.add_argument("meeting", metavar="ID", help="unique in the committee, such as 2026-12-07")
    adding.add_argument("--title", metavar="TEXT", required=True)
    adding.add_argument("--start", metavar="T", required=True, help="such as 2026-12-07T19:00, Berlin time")
    adding.add_argument("--end", metavar="T", required=True)
    changing_state = command(meetings, "state", state, "let a meeting reach a state", common)
    changing_state.add_argument("share", metavar="COMMITTEE")
    changing_state.add_argument("meeting", metavar="ID")
    changing_state.add_argument("state", metavar="STATE", choices=MEETING_STATES, help=", ".join(MEETING_STATES))
    command(meetings, "list", list_meetings, "list meetings", common).add_argument("share", metavar="COMMITTEE")
    _register_points(group(commands, "item", "items of an agenda"), common)

    bindings = group(commands, "binding", "papers that belong to an item besides that of their folder")
    for name, run in (("add", add_binding), ("remove", remove_binding)):
        parser = command(bindings, name, run, f"{name} one", common)
        parser.add_argument("path", metavar="PATH")
        parser.add_argument("point", metavar="ITEM", help="MEETING/NUMBER, or COMMITTEE/MEETING/NUMBER of another one")
        on_behalf(parser)
    releasing = command(commands, "release", release, "release late papers, or folders with their drafts", common)
    releasing.add_argument("paths", metavar="PATH", nargs="+")
    for parser in (adding, changing_state, releasing):
        on_behalf(parser)


def _register_points(points: Subparsers, common: argparse.ArgumentParser) -> None:
    adding = command(points, "add", add_point, "add an item to an agenda, or change it", common)
    importing = command(points, "import", import_points, f"add items from a CSV file: {', '.join(COLUMNS)}", common)
    renumbering = command(points, "renumber", renumber, "give items other numbers, all at once", common)
    listing = command(points, "list", list_points, "list an agenda", common)
    for parser in (adding, importing, renumbering, listing):
        parser.add_argument("share", metavar="COMMITTEE")
        parser.add_argument("meeting", metavar="MEETING")
    for parser in (adding, importing, renumbering):
        on_behalf(parser)
    adding.add_argument("number", metavar="NUMBER", help="such as 4.2.1")
    adding.add_argument("title", metavar="TITLE")
    adding.add_argument("--part", choices=ITEM_PARTS, default=ITEM_PARTS[0])
    adding.add_argument("--matter", metavar="NUMBER", help="such as '20-26 / V 15898'")
    importing.add_argument("file", metavar="FILE.csv", type=Path)
    renumbering.add_argument("numbers", metavar="OLD=NEW", nargs="+")


def add_meeting(workspace: Workspace) -> int:
    asked = workspace.arguments
    if not ID.fullmatch(asked.meeting):
        raise WrongUsage(f"the id of a meeting must be 1 to 32 of a to z, digits and hyphen, not {asked.meeting!r}")
    start, end = when(asked.start, "--start", 0), when(asked.end, "--end", 0)
    if start is None or end is None:
        raise WrongUsage("name an instant for --start and --end")
    with agendas_of(workspace, asked.share) as agendas:
        agendas.declare_meeting(Meeting(asked.share, asked.meeting, asked.title, start, end))
    return _answered(workspace, agendas)


def state(workspace: Workspace) -> int:
    """Releasing an agenda releases what lies beneath its folder."""
    asked = workspace.arguments
    with agendas_of(workspace, asked.share) as agendas:
        agendas.reach(asked.meeting, MeetingState(asked.state))
    return _answered(workspace, agendas)


def _answered(workspace: Workspace, agendas: Agendas) -> int:
    workspace.answer({"changes": agendas.changes}, agendas.changes or ["nothing to change"])
    return 0


def list_meetings(workspace: Workspace) -> int:
    share = workspace.arguments.share
    with workspace.house() as house, house.database.read() as connection:
        house.share(share)
        meetings = store.meetings(connection, house.keys.sealer(share), share)
    facts = [
        {
            "id": meeting.id,
            "title": meeting.title,
            "start": meeting.start,
            "end": meeting.end,
            "state": meeting.state.value,
            "node": meeting.node,
            "released_at": meeting.released_at,
            "closed_at": meeting.closed_at,
            "approved_at": meeting.approved_at,
        }
        for meeting in meetings
    ]
    words = [(m.id, shown(m.start), shown(m.end), m.state.value, m.title) for m in meetings]
    workspace.answer(facts, table(words))
    return 0 if meetings else 1


def add_point(workspace: Workspace) -> int:
    asked = workspace.arguments
    public = asked.part == ITEM_PARTS[0]
    point = AgendaItem(asked.share, asked.meeting, asked.number.strip(), asked.title.strip(), public, asked.matter)
    return _declare(workspace, [point])


def import_points(workspace: Workspace) -> int:
    """All or nothing; items that the file does not name stay."""
    asked = workspace.arguments
    try:
        text = asked.file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{asked.file} is not UTF-8; save it again as CSV UTF-8") from None
    points, problems = read_agenda(text, asked.share, asked.meeting, headed=True)
    if problems:
        raise Refused(f"{asked.file}, {problems[0]}")
    return _declare(workspace, points)


def _declare(workspace: Workspace, points: Sequence[AgendaItem]) -> int:
    asked = workspace.arguments
    for point in points:
        if not point.number or not point.title or len(point.number) > LONGEST_NUMBER:
            raise Refused(str(SENTENCES["empty"].format(point.number)))
    with agendas_of(workspace, asked.share) as agendas:
        agendas.declare_agenda(asked.meeting, points)
    return _answered(workspace, agendas)


def renumber(workspace: Workspace) -> int:
    """Old paths go on resolving for seven days, and while a lock lives."""
    asked, numbers = workspace.arguments, dict[str, str]()
    for pair in asked.numbers:
        old, equals, new = (part.strip() for part in pair.partition("="))
        if not equals or not old or not new or old in numbers:
            raise WrongUsage(f"write OLD=NEW once for each item, such as 4.2.1=4.2.2, not {pair!r}")
        numbers[old] = new
    with agendas_of(workspace, asked.share) as agendas:
        agendas.renumber(asked.meeting, numbers)
    return _answered(workspace, agendas)


def list_points(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, refusing(), house.database.read() as connection:
        agendas = Agendas(house, connection, asked.share, workspace.by, provider=house.share(asked.share))
        points = agendas.agenda(asked.meeting)
    facts = [
        {
            "id": point.id,
            "number": point.number,
            "title": point.title,
            "part": ITEM_PARTS[0 if point.public else 1],
            "matter": point.matter,
            "node": point.node,
        }
        for point in points
    ]
    words = [(p.number, "" if p.public else ITEM_PARTS[1], p.matter or "", " ".join(p.title.split())) for p in points]
    workspace.answer(facts, table(words))
    return 0 if points else 1


def add_binding(workspace: Workspace) -> int:
    """The paper concerns this item, its meeting and its matter besides those of its folder."""
    with changing(workspace) as desk:
        agendas = Agendas(desk.house, desk.connection, desk.share, desk.by, provider=desk.house.share(desk.share))
        changed = agendas.bind(desk.node.id, _point(workspace, desk))
    workspace.answer({"changed": changed}, ["bound" if changed else "it is bound to this item already"])
    return 0


def remove_binding(workspace: Workspace) -> int:
    """Where this lowers the class of a paper that was released, a second person must approve."""
    with changing(workspace) as desk:
        outcome = unbind(desk, _point(workspace, desk).id)
    if outcome.proposal is None and not outcome.changed:
        raise Refused("the paper is not bound to this item by hand; it may lie in the item's folder")
    answer_outcome(workspace, outcome, {}, "not bound to this item any more")
    return 0


def _point(workspace: Workspace, desk: Desk) -> AgendaItem:
    """The item that ITEM names, of the paper's committee or of the one that it names first."""
    parts = workspace.arguments.point.strip("/").split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise WrongUsage("write ITEM as MEETING/NUMBER, such as 2026-12-07/4.2.1")
    *other, meeting, number = parts
    share = other[0] if other else desk.share
    agendas = Agendas(desk.house, desk.connection, share, desk.by, provider=desk.house.share(share))
    return agendas.point(meeting, number)


def release(workspace: Workspace) -> int:
    """All paths or none."""
    paths = [share_path(text) for text in workspace.arguments.paths]
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        released = 0
        for share, path in paths:
            agendas = Agendas(house, connection, share, workspace.by, provider=house.share(share))
            released += agendas.release(path)
    workspace.answer({"released": released}, [f"{released} released" if released else "nothing was held back there"])
    return 0
