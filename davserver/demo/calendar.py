"""Sets the demo's meetings into time: past and coming ones as seen from the day it was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from acl.labels import ON_CREATION, Classification, Label
from davserver import declarations
from davserver.demo.meetings import COMMITTEES, Committee, Meeting, Paper
from davserver.demo.people import PEOPLE, TERM
from davserver.instants import instant
from davserver.naming import Numbered, agenda_names, meeting_name

DAY = 86_400_000_000
QUOTA = 50 * 1024**3
INVITED = 12 * DAY  # before the meeting
PUBLISHED = 14 * DAY  # after it, when the minutes are approved


class Place(NamedTuple):
    """A folder to fill."""

    path: str
    """Inside the drive."""
    label: Label
    papers: tuple[Paper, ...]


def day_of(meeting: Meeting, today: date) -> date:
    """The Monday on or after the planned day."""
    day = today + timedelta(days=meeting.days)
    return day + timedelta(days=-day.weekday() % 7)


def declaration(today: date) -> declarations.Declaration:
    """Everything that `davserver apply` would read from a file."""
    people = tuple(
        declarations.Person(
            person.user, person.name, f"{person.user}@example.org", instant(TERM) if person.is_pledged else None
        )
        for person in PEOPLE
    )
    return declarations.Declaration(people, tuple(_committee(committee, today) for committee in COMMITTEES))


def _committee(committee: Committee, today: date) -> declarations.Committee:
    mandates = tuple(
        declarations.Mandate(
            person.user, office.role, instant(office.start), instant(office.end) if office.end else None
        )
        for person in PEOPLE
        for office in person.offices
        if office.committee == committee.id
    )
    meetings = tuple(_meeting(meeting, today) for meeting in committee.meetings)
    return declarations.Committee(committee.id, committee.name, quota=QUOTA, mandates=mandates, meetings=meetings)


def _meeting(meeting: Meeting, today: date) -> declarations.Meeting:
    day = day_of(meeting, today)
    return declarations.Meeting(
        id=day.isoformat(),
        title=meeting.title,
        start=instant(datetime.combine(day, time(19))),
        end=instant(datetime.combine(day, time(22))),
        state=meeting.state,
        agenda=tuple(
            declarations.AgendaItem(point.number, point.title, point.part, point.matter) for point in meeting.agenda
        ),
    )


def meeting_places(committee: Committee, today: date) -> Iterator[str]:
    """Folders of the meetings whose agenda was released."""
    for meeting in committee.meetings:
        if meeting.state != "planned":
            yield meeting_name(instant(datetime.combine(day_of(meeting, today), time(19))), meeting.title)


def places(committee: Committee, today: date, now: int) -> Iterator[Place]:
    """All folders of a drive, parents first."""
    for meeting in committee.meetings:
        day = day_of(meeting, today)
        sitting = instant(datetime.combine(day, time(19)))
        folder = meeting_name(sitting, meeting.title)
        yield Place(folder, _label("public", meeting.state, sitting, now), meeting.papers)
        names = agenda_names([Numbered(point.number, point.title, point.part == "public") for point in meeting.agenda])
        for point, name in zip(meeting.agenda, names, strict=True):
            yield Place(f"{folder}/{name}", _label(point.part, meeting.state, sitting, now), point.papers)
    for standing in committee.folders:
        label = Label(Classification.parse(standing.classification), ON_CREATION)
        yield Place(standing.name, label, standing.papers)


def _label(part: str, state: str, sitting: int, now: int) -> Label:
    """Released with the invitation; once the minutes are approved, the public part is published, the other closed."""
    classification = Classification.parse(part)
    if state == "planned":
        return Label(classification)
    released = min(sitting - INVITED, now)
    if state != "minutes_approved":
        return Label(classification, released)
    if classification is Classification.PUBLIC:
        return Label(classification, released, publish_at=sitting + PUBLISHED)
    return Label(classification, released, close_at=sitting + PUBLISHED)


def own_class(paper: Paper) -> Label:
    """The label of a paper that is more secret than its folder."""
    return Label(Classification.parse(paper.classification))
