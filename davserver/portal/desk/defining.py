"""The whole drive of a committee at its desk: what holds where no paper says otherwise; each change first looked at."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for

from acl.labels import Classification
from davserver.portal.desk.deciding import Said, decide, outcome_of
from davserver.portal.desk.meetings import office
from davserver.portal.language import N_
from davserver.tree.defining import defining, facts
from davserver.tree.seen import Impossible

pages = Blueprint("defining", __name__)


@pages.get("/geschaeftsstelle/<share>/laufwerk")
def drive(share: str) -> Any:
    """What holds in it, and the ways to all that can be said of it as a whole."""
    desk, done = office(share), request.args.get("getan", "")
    return render_template("desk/drive.html", desk=desk, facts=facts(desk), classes=list(Classification), done=done)


@pages.post("/geschaeftsstelle/<share>/laufwerk")
def define(share: str) -> Any:
    """First who would gain and lose what; then done, or proposed to a second person. Raises Impossible."""
    desk, form = office(share), request.form
    try:
        default_class = Classification.parse(form.get("default_class", ""))
    except ValueError as error:
        raise Impossible(str(error)) from error
    act = defining(desk, default_class, early="early" in form, publishes="publishes" in form)
    said = Said(N_("What holds in the whole drive"), desk.root.display_name)
    return decide(act, said, url_for("defining.drive", share=share), outcome_of)
