"""Exclusion for personal involvement: by whoever is involved, or by chair and office for others."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.portal.browsing import address_of
from davserver.portal.ground import visit
from davserver.tree.finding import Finding

pages = Blueprint("excluding", __name__)


@pages.get("/ausschluss/<share>/<int:node>")
def form(share: str, node: int) -> Any:
    """From what, whom, and who is excluded already."""
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
        done=request.args.get("getan", ""),
    )


@pages.post("/ausschluss/<share>/<int:node>")
def exclude(share: str, node: int) -> Any:
    """In force at once; whoever has excluded himself cannot see the paper any more, so the answer is no page of it."""
    me, person = visit().principal.id, request.form.get("person", "")
    by_matter = request.form.get("scope") == "matter"
    visit().ground.exclusions(visit().tree).exclude(share, node, person, by_matter=by_matter)
    if person == me:
        return render_template("excluding/done.html")
    return redirect(url_for("excluding.form", share=share, node=node, getan="excluded"), 303)


@pages.post("/ausschluss/<share>/<int:node>/aufheben")
def lift(share: str, node: int) -> Any:
    """End the exclusion of somebody else."""
    visit().ground.exclusions(visit().tree).end(share, node, request.form.get("recusal", 0, type=int))
    return redirect(url_for("excluding.form", share=share, node=node, getan="lifted"), 303)
