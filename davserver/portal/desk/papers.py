"""What a paper is: its class and dates, who sees it, what a change would mean, holds; and the second person's yes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from acl.labels import NEVER, Classification, Label
from davserver.instants import instant
from davserver.portal.browsing import address_of
from davserver.portal.desk.meetings import office
from davserver.portal.ground import visit
from davserver.portal.language import N_, local_time
from davserver.tree.finding import Finding
from davserver.tree.papers import Papers

pages = Blueprint("papers", __name__)

DATES = {
    "close_at": N_("Closed from"),
    "publish_at": N_("Published from"),
    "review_at": N_("To be looked at again on"),
}
"""Parts of a label that are instants; its release is decided at the meeting or by a release of its own."""


@pages.get("/einstufung/<share>/<int:node>")
def label(share: str, node: int) -> Any:
    """What it is now, who sees it, and a form."""
    return _page(Papers(office(share)), node)


def _page(papers: Papers, node: int, **facts: Any) -> Any:
    paper, own = papers.paper(node)
    visit().noted(paper.seen)
    finding = Finding(visit().tree)
    facts.setdefault("given", _written(own))
    return render_template(
        "desk/paper.html",
        desk=papers.office,
        own=paper,
        above=finding.describe(finding.above(paper.seen)),
        address=address_of,
        classes=list(Classification),
        dates=DATES,
        sees=papers.who_sees(paper),
        holds=papers.holds(node),
        done=request.args.get("getan", ""),
        **facts,
    )


@pages.post("/einstufung/<share>/<int:node>")
def relabel(share: str, node: int) -> Any:
    """First who would gain and lose what; with a yes to that, done, or proposed to a second person."""
    papers, form = Papers(office(share)), request.form
    try:
        parts = _read(form)
    except ValueError:
        return _page(papers, node, given=form, problem=True), 400
    if not form.get("yes"):
        gains = papers.foresee(node, parts)
        return _page(papers, node, given=form, foreseen=True, gains=gains)
    outcome = papers.relabel(node, parts)
    done = "proposed" if outcome.proposal is not None else "relabelled"
    return redirect(url_for("papers.label", share=share, node=node, getan=done), 303)


def _read(form: Mapping[str, str]) -> dict[str, Any]:
    """Parts of a label as the form names them; an empty field inherits. Raises ValueError."""
    word = form.get("classification", "")
    parts: dict[str, Any] = {"classification": Classification.parse(word) if word else None}
    for name in DATES:
        text = form.get(name, "").strip()
        parts[name] = instant(text) if text else None
    return parts


def _written(own: Label) -> dict[str, str]:
    """A label as the fields of the form hold it."""
    dates = {name: getattr(own, name) for name in DATES}
    fields = {name: "" if at is None or at >= NEVER else _field(local_time(at)) for name, at in dates.items()}
    return {"classification": "" if own.classification is None else own.classification.word, **fields}


def _field(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


@pages.post("/einstufung/<share>/<int:node>/festhalten")
def hold(share: str, node: int) -> Any:
    """A legal hold: it stays as it is."""
    Papers(office(share)).hold(node, request.form.get("reason", "").strip()[:500])
    return redirect(url_for("papers.label", share=share, node=node, getan="held"), 303)


@pages.post("/einstufung/<share>/<int:node>/loslassen")
def let_go(share: str, node: int) -> Any:
    """End a hold."""
    Papers(office(share)).end_hold(node, request.form.get("hold", 0, type=int))
    return redirect(url_for("papers.label", share=share, node=node, getan="released"), 303)


@pages.get("/zustimmen")
def waiting() -> Any:
    """What waits for a second person."""
    found = visit().ground.seconding(visit().tree).waiting()
    return render_template(
        "desk/waiting.html", waiting=found, address=address_of, done=request.args.get("getan", ""), **_class_words()
    )


def _class_words() -> dict[str, Any]:
    return {"class_of": {each.word: each for each in Classification}}


@pages.post("/zustimmen")
def approve() -> Any:
    """The second person's yes, in his own session."""
    visit().ground.seconding(visit().tree).approve(request.form.get("proposal", 0, type=int))
    return redirect(url_for("papers.waiting", getan="approved"), 303)
