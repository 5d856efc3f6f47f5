"""The course of a meeting: released, in session, closed, minutes approved; each only after who gains and loses what."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from acl.meetings import MeetingState
from davserver.portal.desk.meetings import office
from davserver.portal.language import N_
from shareproviders.contract import NotFound

pages = Blueprint("stages", __name__)

LATE = "late"
"""In place of a state: what came after the release is released too."""
ACTS = {
    MeetingState.PLANNED.value: N_("Withdraw the agenda"),
    MeetingState.AGENDA_RELEASED.value: N_("Release the agenda"),
    MeetingState.RUNNING.value: N_("Open the meeting"),
    MeetingState.CLOSED.value: N_("Close the meeting"),
    MeetingState.MINUTES_APPROVED.value: N_("Approve the minutes"),
    MeetingState.CANCELLED.value: N_("Cancel the meeting"),
    LATE: N_("Release what came late"),
}
"""What one can do, and what a button says."""
NEXT = {
    MeetingState.PLANNED: ("agenda_released", "cancelled"),
    MeetingState.AGENDA_RELEASED: ("running", "planned", "cancelled"),
    MeetingState.RUNNING: ("closed", "agenda_released"),
    MeetingState.CLOSED: ("minutes_approved", "running"),
    MeetingState.MINUTES_APPROVED: ("closed",),
    MeetingState.CANCELLED: ("planned",),
}
"""What a meeting in a state can be led to; the usual step first."""


@pages.app_context_processor
def _names() -> dict[str, Any]:
    return {"ACTS": ACTS, "NEXT": NEXT, "LATE": LATE}


@pages.get("/geschaeftsstelle/<share>/sitzung/<meeting>/stand")
def foresee(share: str, meeting: str) -> Any:
    """Who would gain and lose what; nothing is changed yet."""
    desk, act = office(share), request.args.get("neu", "")
    if act not in ACTS:
        raise NotFound("there is no such step")
    found, _ = desk.meeting(meeting)
    gains = desk.foresee_late(meeting) if act == LATE else desk.foresee_state(meeting, MeetingState(act))
    return render_template("desk/foreseen.html", desk=desk, meeting=found, act=act, gains=gains)


@pages.post("/geschaeftsstelle/<share>/sitzung/<meeting>/stand")
def reach(share: str, meeting: str) -> Any:
    """Do it."""
    desk, act = office(share), request.form.get("neu", "")
    if act not in ACTS:
        raise NotFound("there is no such step")
    desk.meeting(meeting)
    if act == LATE:
        desk.release_late(meeting)
    else:
        desk.reach(meeting, MeetingState(act))
    return redirect(url_for("desk.meeting", share=share, meeting=meeting, getan="reached"), 303)
