"""Meetings of a committee: declared, their agendas pasted as tables, items given other numbers."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.agenda_tables import AgendaTable, read_agenda
from davserver.instants import instant
from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import Said, decide
from davserver.portal.ground import visit
from davserver.portal.language import N_
from davserver.tree.acts import Act
from davserver.tree.office import Office, desks
from shareproviders.contract import NotFound

pages = Blueprint("desk", __name__)

PROBLEMS = {
    "columns": N_("The first line must name the columns."),
    "cells": N_("There are more cells than columns: %(said)s"),
    "part": N_("It is neither public nor not public: %(said)s"),
    "twice": N_("The number %(said)s stands twice."),
    "empty": N_("It has no number or no title."),
    "quotes": N_("A quotation mark is not closed."),
}
"""What a line of a pasted table can lack (agenda_tables.py)."""
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}")


def office(share: str) -> Office:
    """The desk of a committee, as the visitor works at it. Raises NotFound, AccessDenied."""
    return visit().ground.office(visit().tree, share)


@pages.get("/geschaeftsstelle")
def all_desks() -> Any:
    """The desks at which the visitor works; straight to it where there is one only."""
    found = desks(visit().tree)
    if not found:
        raise NotFound("there is nothing here")
    if len(found) == 1:
        return redirect(url_for("desk.committee", share=found[0].share), 303)
    return render_template("desk/desks.html", desks=found)


@pages.get("/geschaeftsstelle/<share>")
def committee(share: str) -> Any:
    """What a desk has to do: its meetings."""
    return _committee(office(share))


def _committee(desk: Office, **facts: Any) -> Any:
    return render_template("desk/committee.html", desk=desk, meetings=desk.meetings(), **facts)


@pages.post("/geschaeftsstelle/<share>")
def declare(share: str) -> Any:
    """A new meeting."""
    desk, form = office(share), request.form
    day, title = form.get("day", "").strip(), form.get("title", "").strip()
    first, last = (_time_of(day, form.get(name, "").strip()) for name in ("begin", "end"))
    if first is None or last is None:
        return _committee(desk, problem="time", given=form), 400
    if not title or last <= first:
        return _committee(desk, problem="title" if not title else "end", given=form), 400
    meeting = desk.declare_meeting(day, title[:200], first, last)
    return redirect(url_for("desk.meeting", share=share, meeting=meeting, getan="declared"), 303)


def _time_of(day: str, clock: str) -> int | None:
    """The instant that two fields of a form name; None where they name none."""
    try:
        return instant(f"{day}T{clock}") if DAY.fullmatch(day) and CLOCK.fullmatch(clock) else None
    except ValueError:
        return None


@pages.get("/geschaeftsstelle/<share>/sitzung/<meeting>")
def meeting(share: str, meeting: str) -> Any:
    """One meeting at the desk."""
    return _meeting(office(share), meeting)


def _meeting(desk: Office, meeting: str, **facts: Any) -> Any:
    found, folder = desk.meeting(meeting)
    late = desk.waiting(folder) if folder is not None and found.released_at is not None else []
    unsorted = desk.unsorted(found)
    waiting = len(desk.finding.members(unsorted)) if unsorted is not None else 0
    return render_template(
        "desk/meeting.html",
        desk=desk,
        meeting=found,
        folder=folder,
        agenda=desk.agenda(meeting),
        late=late,
        unsorted=waiting,
        address=address_of,
        done=request.args.get("getan", ""),
        **facts,
    )


@pages.post("/geschaeftsstelle/<share>/sitzung/<meeting>/angaben")
def change(share: str, meeting: str) -> Any:
    """Another title, day or time; first who gains and loses what."""
    desk, form = office(share), request.form
    found, _ = desk.meeting(meeting)
    day, title = form.get("day", "").strip(), form.get("title", "").strip()[:200]
    first, last = (_time_of(day, form.get(name, "").strip()) for name in ("begin", "end"))
    if not title or first is None or last is None or last <= first:
        return _meeting(desk, meeting, problem=True, given=form), 400
    act = Act(desk, lambda connection: desk.change_meeting(connection, found.id, title, first, last))
    back = url_for("desk.meeting", share=share, meeting=meeting)
    return decide(act, Said(N_("Title, day and time")), back, "changed")


@pages.post("/geschaeftsstelle/<share>/sitzung/<meeting>/tagesordnung")
def agenda(share: str, meeting: str) -> Any:
    """A pasted table: shown as it was read first, then taken; where a line is wrong, nothing is taken."""
    desk = office(share)
    found, _ = desk.meeting(meeting)
    text = request.form.get("table", "")
    table = read_agenda(text, share, meeting)
    if request.form.get("take") and table.points and not table.problems:
        desk.declare_agenda(meeting, table.points)
        return redirect(url_for("desk.meeting", share=share, meeting=meeting, getan="agenda"), 303)
    known = _known(desk, table)
    page = render_template(
        "desk/agenda.html",
        desk=desk,
        meeting=found,
        table=table,
        text=text,
        problems=PROBLEMS,
        known=known,
        gains=desk.foresee_agenda(meeting, table.points) if known and not table.problems else None,
    )
    return page, 400 if table.problems or not table.points else 200


def _known(desk: Office, table: AgendaTable) -> frozenset[str]:
    """Numbers that stand on the agenda already."""
    meetings = {point.meeting for point in table.points}
    return frozenset(point.number for meeting in meetings for point in desk.agenda(meeting))


@pages.get("/geschaeftsstelle/<share>/sitzung/<meeting>/nummern")
def numbers(share: str, meeting: str) -> Any:
    """All items with a field for another number each."""
    desk = office(share)
    found, _ = desk.meeting(meeting)
    return render_template("desk/numbers.html", desk=desk, meeting=found, agenda=desk.agenda(meeting), given={})


@pages.post("/geschaeftsstelle/<share>/sitzung/<meeting>/nummern")
def renumber(share: str, meeting: str) -> Any:
    """Those that were given another number get it, all at once."""
    desk = office(share)
    found, _ = desk.meeting(meeting)
    points = desk.agenda(meeting)
    given = {point.number: request.form.get(f"number-{point.number}", "").strip() for point in points}
    changed = {old: new for old, new in given.items() if new and new != old}
    twice = len({given[point.number] or point.number for point in points}) < len(points)
    if twice:
        page = render_template("desk/numbers.html", desk=desk, meeting=found, agenda=points, given=given, problem=True)
        return page, 409
    if changed:
        desk.renumber(meeting, changed)
    return redirect(url_for("desk.meeting", share=share, meeting=meeting, getan="numbers"), 303)
