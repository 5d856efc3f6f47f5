"""What a paper is: its class and dates, who sees it, its agenda items, holds; each change first looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request, url_for

from acl.labels import NEVER, ON_CREATION, Classification, Label
from davserver.instants import instant
from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import Said, decide, outcome_of
from davserver.portal.desk.meetings import office
from davserver.portal.fields import Wrong, number_of, window_of
from davserver.portal.ground import visit
from davserver.portal.language import N_, local_time
from davserver.tree.finding import Finding
from davserver.tree.papers import Papers
from davserver.tree.seen import Impossible

pages = Blueprint("papers", __name__)

DATES = {
    "release": (N_("Release"), N_("Released from")),
    "close": (N_("Closing"), N_("Closed from")),
    "publish": (N_("Publication"), N_("Published from")),
    "review": (N_("Another look"), N_("To be looked at again on")),
}
"""Parts of a label that are instants: what people call them, and the field of their moment."""
INHERIT, NEVER_WORD, AT, AT_ONCE = "inherit", "never", "at", "at-once"
WAYS = {
    INHERIT: N_("as the folder"),
    NEVER_WORD: N_("never"),
    AT: N_("at the moment beside this"),
    AT_ONCE: N_("as soon as it lies there"),
}
"""What a form may say of a date; the last only where it stands so already (work folders)."""
FIXED = {INHERIT: None, NEVER_WORD: NEVER, AT_ONCE: ON_CREATION}
INCOMPLETE = N_("A date is not complete. Nothing has been changed.")
NO_ITEM = N_("There is no such agenda item, or it may not be changed now. Nothing has been changed.")


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
        ways=WAYS,
        has_matter=bool(own.matter),
        sees=papers.who_sees(paper),
        holds=papers.holds(node),
        points=papers.points(paper),
        meetings=papers.meetings(),
        done=request.args.get("getan", ""),
        **facts,
    )


def _back(share: str, node: int) -> str:
    return url_for("papers.label", share=share, node=node)


@pages.post("/einstufung/<share>/<int:node>")
def relabel(share: str, node: int) -> Any:
    """First who would gain and lose what; with a yes to that, done, or proposed to a second person."""
    papers = Papers(office(share))
    _, own = papers.paper(node)
    try:
        parts = _read(request.form, own)
    except ValueError:
        return _page(papers, node, given=request.form, problem=INCOMPLETE), 400
    if matter := request.form.get("matter", "").strip():
        parts["matter"] = papers.office.house.matter_mark(matter)
    if request.form.get("no_matter"):
        parts["matter"] = None
    said = Said(N_("Class and dates"), _title(papers, node))
    return decide(papers.relabelling(node, parts), said, _back(share, node), outcome_of)


def _title(papers: Papers, node: int) -> str:
    return papers.paper(node)[0].title


def _read(form: Mapping[str, str], own: Label) -> dict[str, Any]:
    """Parts of a label that the form changes; what stands as it was is left alone. Raises ValueError.

    Whoever writes another moment and leaves the choice beside it as it was means that moment.
    """
    written, parts = _written(own), dict[str, Any]()
    word = form.get("classification", written["classification"])
    if word != written["classification"]:
        parts["classification"] = Classification.parse(word) if word else None
    for name in DATES:
        part = f"{name}_at"
        way, text = form.get(name, written[name]), form.get(part, written[part]).strip()
        if way == written[name] and text not in {written[part], ""}:
            way = AT
        if (way, text) == (written[name], written[part]):
            continue
        if way == AT:
            parts[part] = instant(text)
        elif way != written[name]:
            parts[part] = _fixed(way)
    return parts


def _fixed(way: str) -> int | None:
    """Raises ValueError for a word that no form of ours holds."""
    if way not in FIXED:
        raise ValueError(way)
    return FIXED[way]


def _written(own: Label) -> dict[str, str]:
    """A label as the fields of the form hold it."""
    fields = {"classification": "" if own.classification is None else own.classification.word}
    fixed = {at: way for way, at in FIXED.items()}
    for name in DATES:
        at = getattr(own, f"{name}_at")
        fields[name] = fixed.get(at, AT)
        fields[f"{name}_at"] = "" if at in fixed else local_time(at).strftime("%Y-%m-%dT%H:%M")
    return fields


@pages.post("/einstufung/<share>/<int:node>/freigeben")
def release(share: str, node: int) -> Any:
    """A late paper, or a folder with what waits in it."""
    papers = Papers(office(share))
    return decide(papers.releasing(node), Said(N_("Release it now"), _title(papers, node)), _back(share, node), "out")


@pages.post("/einstufung/<share>/<int:node>/zuordnen")
def bind(share: str, node: int) -> Any:
    """It concerns one more agenda item."""
    papers, form = Papers(office(share)), request.form
    committee, _, meeting = form.get("meeting", "").partition("/")
    act = papers.binding(node, committee, meeting, form.get("number", "").strip())
    said = Said(N_("Belongs to one more agenda item"), _title(papers, node))
    try:
        return decide(act, said, _back(share, node), "bound")
    except Impossible:
        return _page(papers, node, problem=NO_ITEM, asked=form), 409


@pages.post("/einstufung/<share>/<int:node>/trennen")
def unbind(share: str, node: int) -> Any:
    """It concerns an item no longer; that may lower its class, and then a second person must agree."""
    papers = Papers(office(share))
    act = papers.unbinding(node, number_of(request.form.get("point", "")))
    said = Said(N_("No longer belongs to the agenda item"), _title(papers, node))
    return decide(act, said, _back(share, node), outcome_of)


@pages.post("/einstufung/<share>/<int:node>/festhalten")
def hold(share: str, node: int) -> Any:
    """A legal hold: it stays as it is."""
    papers, form = Papers(office(share)), request.form
    try:
        start, end = window_of(form)
    except Wrong as wrong:
        return _page(papers, node, problem=str(wrong)), 400
    act = papers.holding(node, form.get("reason", "").strip()[:500], start, end)
    said = Said(N_("Legal hold"), _title(papers, node), N_("Nobody, the office neither, changes or removes it then."))
    return decide(act, said, _back(share, node), "held")


@pages.post("/einstufung/<share>/<int:node>/loslassen")
def let_go(share: str, node: int) -> Any:
    """End a hold."""
    papers = Papers(office(share))
    act = papers.ending_hold(node, number_of(request.form.get("hold", "")))
    warning = N_("Whoever may otherwise can then change and remove it; what lies in the trash may go for good.")
    return decide(act, Said(N_("End the hold"), _title(papers, node), warning), _back(share, node), "released")


@pages.get("/geschaeftsstelle/<share>/festgehalten")
def held(share: str) -> Any:
    """All holds of a committee."""
    desk = office(share)
    return render_template("desk/holds.html", desk=desk, holds=Papers(desk).holds(), address=address_of)
