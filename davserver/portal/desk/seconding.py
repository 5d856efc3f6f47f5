"""The second person's yes to a lower class: what waits for it, who would gain and lose what, and the yes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from acl.labels import Classification
from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import YES
from davserver.portal.fields import number_of
from davserver.portal.ground import visit

pages = Blueprint("seconding", __name__)

CLASS_OF = {each.word: each for each in Classification}


@pages.get("/zustimmen")
def waiting() -> Any:
    """What waits for a second person."""
    found = visit().ground.seconding(visit().tree).waiting()
    done = request.args.get("getan", "")
    return render_template("desk/waiting.html", waiting=found, address=address_of, done=done, class_of=CLASS_OF)


@pages.post("/zustimmen")
def approve() -> Any:
    """First what it would mean; then the second person's yes, in his own session."""
    room, number = visit().ground.seconding(visit().tree), number_of(request.form.get("proposal", ""))
    if request.form.get(YES):
        room.approve(number)
        return redirect(url_for("seconding.waiting", getan="approved"), 303)
    found, gains = room.find(number), room.foresee(number)
    return render_template("desk/second.html", each=found, gains=gains, address=address_of, class_of=CLASS_OF)
