"""Papers that arrive for a meeting: many at once, each into the item that its name begins with, the rest by choice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from acl.meetings import Meeting
from davserver.naming import leading_number, number_key, unique
from davserver.portal.browsing import address_of
from davserver.portal.desk.meetings import office
from davserver.portal.ground import visit
from davserver.portal.guarding import streaming
from davserver.portal.uploads import NO_TERMS, UploadForm, take
from davserver.tree.office import Office, Point
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound, ParentMissing
from shareproviders.paths import SharePath

pages = Blueprint("arriving", __name__)

MINUTES = "minutes"


class Sorting:
    """Which folder of a meeting a document belongs into."""

    def __init__(self, desk: Office, meeting: Meeting, agenda: Iterable[Point]) -> None:
        self._desk, self._meeting = desk, meeting
        self._folders = {
            (not point.public, number_key(point.number)): point.folder.seen.path
            for point in agenda
            if point.folder is not None
        }
        self._unsorted: Seen | None = None

    def path_of(self, name: str) -> SharePath:
        """In the folder of its item; else in the inbox, where it never takes the place of another document.

        A bare number means the item of the public part; one of the non-public part only where there is no other.
        """
        key = leading_number(name)
        found = [] if key is None else [key] if key[0] else [key, (True, key[1])]
        folder = next((self._folders[each] for each in found if each in self._folders), None)
        if folder is not None:
            return folder / name
        if self._unsorted is None:
            self._unsorted = self._desk.unsorted(self._meeting, make=True)
            assert self._unsorted is not None
        taken = (seen.display_name for seen in self._desk.tree.children(self._unsorted))
        stem, dot, suffix = name.rpartition(".")
        return self._unsorted.path / unique(name, taken, extension=dot + suffix if stem else "", limit=200)


@pages.post("/geschaeftsstelle/<share>/sitzung/<meeting>/hochladen")
@streaming
def upload(share: str, meeting: str) -> Any:
    """Take documents: sorted by the numbers in their names, or all into the meeting's own folder (minutes)."""
    form, sorting, folder = UploadForm(), None, None
    for document in form.documents():
        if sorting is None:
            desk = office(share)
            found, folder = desk.meeting(meeting)
            sorting = Sorting(desk, found, desk.agenda(meeting))
        if form.fields.get("into") == MINUTES:
            if folder is None:
                raise ParentMissing("the meeting has no folder")
            path = folder.seen.path / document.bare_name
        else:
            path = sorting.path_of(document.bare_name)
        visit().noted(take(visit().tree, document, path))
    return redirect(url_for("desk.meeting", share=share, meeting=meeting, getan="uploaded" if sorting else None), 303)


@pages.get("/geschaeftsstelle/<share>/sitzung/<meeting>/zuordnen")
def unsorted(share: str, meeting: str) -> Any:
    """Documents that name no item, with a choice for each."""
    desk = office(share)
    found, folder = desk.meeting(meeting)
    where = desk.unsorted(found)
    papers = desk.finding.describe(desk.finding.members(where), where) if where is not None else []
    agenda = [point for point in desk.agenda(meeting) if point.folder is not None]
    return render_template(
        "desk/unsorted.html",
        desk=desk,
        meeting=found,
        folder=folder,
        papers=papers,
        agenda=agenda,
        address=address_of,
        done=request.args.get("getan", ""),
    )


@pages.post("/geschaeftsstelle/<share>/sitzung/<meeting>/zuordnen")
def assign(share: str, meeting: str) -> Any:
    """Move each to the item that was chosen for it; those without a choice stay."""
    desk = office(share)
    found, folder = desk.meeting(meeting)
    where, tree = desk.unsorted(found), visit().tree
    if where is None:
        raise NotFound("there is nothing to assign")
    folders = {
        point.folder.seen.node.id: point.folder.seen for point in desk.agenda(meeting) if point.folder is not None
    }
    if folder is not None:
        folders[folder.seen.node.id] = folder.seen
    for seen in desk.finding.members(where):
        target = folders.get(request.form.get(f"paper-{seen.node.id}", 0, type=int))
        if target is not None:
            taken = (member.display_name for member in tree.children(target))
            stem, dot, suffix = seen.display_name.rpartition(".")
            name = unique(seen.display_name, taken, extension=dot + suffix if stem else "", limit=200)
            tree.move(seen.path, target.path / name, NO_TERMS, overwrite=False)
            visit().noted(seen)
    return redirect(url_for("arriving.unsorted", share=share, meeting=meeting, getan="assigned"), 303)
