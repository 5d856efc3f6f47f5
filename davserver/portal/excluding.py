"""Exclusion for personal involvement: by whoever is involved, or by chair and office for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from acl.privileges import Rights
from acl.recusals import Effect
from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import Said, decide
from davserver.portal.desk.meetings import office
from davserver.portal.fields import Wrong, number_of, window_of
from davserver.portal.ground import visit
from davserver.portal.language import N_
from davserver.tree.acts import Act
from davserver.tree.exclusions import Asked
from davserver.tree.finding import Finding
from davserver.tree.office import Office
from davserver.tree.seen import AccessDenied

pages = Blueprint("excluding", __name__)

EFFECTS = {
    Effect.BOTH.value: N_("papers and discussion"),
    Effect.DOCUMENTS.value: N_("the papers only"),
    Effect.DISCUSSION.value: N_("the discussion only, the papers stay open"),
}
"""From what somebody is excluded, for people."""


@pages.get("/ausschluss/<share>/<int:node>")
def form(share: str, node: int) -> Any:
    """From what, whom, and who is excluded already."""
    return _form(share, node)


def _form(share: str, node: int, **facts: Any) -> Any:
    room, finding = visit().ground.exclusions(visit().tree), Finding(visit().tree)
    seen, numbers, has_matter = room.at(share, node)
    above = finding.above(seen)
    return render_template(
        "excluding/form.html",
        own=finding.describe([visit().noted(seen)])[0],
        above=finding.describe(above),
        address=address_of,
        numbers=numbers,
        has_matter=has_matter,
        people=room.people(seen),
        standing=room.standing(seen),
        may_record=Rights.RECUSE in seen.rights,
        effects=EFFECTS,
        done=request.args.get("getan", ""),
        **facts,
    )


@pages.post("/ausschluss/<share>/<int:node>")
def exclude(share: str, node: int) -> Any:
    """In force at once; whoever has excluded himself cannot see the paper any more, so the answer is no page of it."""
    room = visit().ground.exclusions(visit().tree)
    try:
        asked = _asked(request.form)
    except Wrong as wrong:
        return _form(share, node, problem=str(wrong), given=request.form), 400
    desk = None if asked.person == visit().principal.id else _desk(share)
    if desk is not None:
        act = Act(desk, lambda connection: room.excluding(connection, share, node, asked))
        name = visit().tree.acquaintances.people.get(asked.person, "")
        said = Said(N_("Exclude for personal involvement"), name)
        return decide(act, said, url_for("excluding.form", share=share, node=node), "excluded")
    room.exclude(share, node, asked)
    if asked.person == visit().principal.id:
        return render_template("excluding/done.html")
    return redirect(url_for("excluding.form", share=share, node=node, getan="excluded"), 303)


def _asked(form: Mapping[str, str]) -> Asked:
    """What the form wishes; without a window and an effect, as one declares it of oneself. Raises Wrong."""
    effect = form.get("effect", Effect.BOTH.value)
    if effect not in list(Effect):
        raise Wrong(N_("Choose from what the person is excluded."))
    return Asked(form.get("person", ""), form.get("scope") == "matter", *window_of(form), Effect(effect))


def _desk(share: str) -> Office | None:
    """The desk, for those who work at it: they see first who loses what. The chair and members have none."""
    try:
        return office(share)
    except AccessDenied:
        return None


@pages.post("/ausschluss/<share>/<int:node>/aufheben")
def lift(share: str, node: int) -> Any:
    """End the exclusion of somebody else; whoever works at a desk sees first who gains what."""
    room, number = visit().ground.exclusions(visit().tree), number_of(request.form.get("recusal", ""))
    back, desk = url_for("excluding.form", share=share, node=node), _desk(share)
    if desk is not None:
        act = Act(desk, lambda connection: room.ending(connection, share, node, number))
        return decide(act, Said(N_("Lift an exclusion")), back, "lifted")
    room.end(share, node, number)
    return redirect(f"{back}?getan=lifted", 303)
