"""The auditors' page: who has read what, for a purpose that is noted; and everyone's own list of what he has read."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from davserver.portal.browsing import address_of
from davserver.portal.fields import Wrong, number_of, window_of
from davserver.portal.ground import visit
from davserver.portal.language import N_
from davserver.tree.auditing import Auditing, Search
from shareproviders.contract import NotFound

pages = Blueprint("auditing", __name__)

LINES = 500
LONGEST_REFERENCE = 60
PURPOSES = {
    "complaint": N_("Complaint or suspicion"),
    "breach": N_("Personal data breach (Art. 33 GDPR)"),
    "request": N_("Request for information (Art. 15 GDPR)"),
    "check": N_("Spot check laid down in the audit plan"),
}
"""What the log of readings may be looked at for (domain.md §3.7: purpose, no reading profiles)."""


@pages.get("/protokoll")
def form() -> Any:
    """What shall be looked at, and what for."""
    return _page(visit().ground.auditing(visit().tree))


def _page(room: Auditing, **facts: Any) -> Any:
    committees = room.committees()
    if not committees:
        raise NotFound("there is nothing here")
    facts.setdefault("given", request.form)
    people = {share: room.people(share) for share in committees}
    return render_template(
        "auditing/form.html", committees=committees, people=people, purposes=PURPOSES, address=address_of, **facts
    )


@pages.post("/protokoll")
def look() -> Any:
    """The readings; this look is noted before they are shown. Nothing of it stands in an address."""
    room = visit().ground.auditing(visit().tree)
    try:
        wanted = _wanted(room)
    except Wrong as wrong:
        return _page(room, problem=str(wrong)), 400
    lines = room.look(wanted, LINES)
    return _page(room, lines=lines, whole=len(lines) < LINES)


def _wanted(room: Auditing) -> Search:
    """Raises Wrong without a purpose, NotFound for what is not open to the asker."""
    written = request.form
    purpose, reference = written.get("purpose", ""), written.get("reference", "").strip()
    if purpose not in PURPOSES or not reference or len(reference) > LONGEST_REFERENCE or not reference.isprintable():
        raise Wrong(N_("Choose what it is for, and write the number of your file."))
    share, _, user = written.get("whom", "").partition("/")
    if user and user not in room.people(share):
        raise NotFound("there is nobody of this name")
    number = written.get("paper", "").strip()
    if number and not number_of(number):
        raise Wrong(N_("Write the number of the paper in digits, or leave the field empty."))
    since, until = window_of(written)
    return Search(share, f"{purpose} {reference}", number_of(number) or None, user, since, until)


@pages.get("/mein-protokoll")
def own() -> Any:
    """What I have read of what is not public."""
    lines = visit().ground.auditing(visit().tree).own(LINES)
    return render_template("auditing/own.html", lines=lines, address=address_of)
