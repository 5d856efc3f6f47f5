"""The first page: one's committees, the next meetings, what is new; and the search over all drives."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.portal.ground import visit
from davserver.portal.keeping import author
from davserver.portal.wording import kind_of
from davserver.tree.coming import coming_meetings
from davserver.tree.finding import Finding
from davserver.tree.letters import waiting
from davserver.tree.news import news
from davserver.tree.office import works_at_desk
from davserver.tree.searching import Hits, Searching
from shareproviders.paths import ROOT, SharePath

pages = Blueprint("home", __name__)

MEETINGS, NEWS = 5, 12
MAX_QUERY = 200


@pages.get("/")
def home() -> Any:
    """My committees."""
    tree = visit().tree
    known = tree.acquaintances
    offices: dict[str, list[str]] = {}
    for share, role in known.offices_of(tree.principal.id):
        offices.setdefault(share, []).append(known.titles[role])
    drives = sorted(tree.children(tree.stat(ROOT)), key=lambda seen: seen.share not in offices)
    return render_template(
        "home.html",
        unanswered=sum(each.unanswered for each in waiting(tree)),
        drives=drives,
        offices=offices,
        meetings=coming_meetings(tree, MEETINGS),
        news=news(tree, NEWS),
        resets=visit().ground.resets.of(tree.principal.id),
        author=author,
        to_approve=sum(not each.for_others for each in visit().ground.seconding(tree).waiting()),
        audits=bool(visit().ground.auditing(tree).committees()),
        at_desk=any(works_at_desk(tree, seen) for seen in drives),
    )


@pages.get("/suche")
def search() -> Any:
    """Names, titles and numbers over all drives."""
    query = request.args.get("q", "").strip()[:MAX_QUERY]
    searching = Searching(visit().tree)
    hits = searching.search(query) if query else Hits([], complete=True)
    for each in hits.found:
        visit().noted(each.seen)
    finding = searching.finding
    paths = [finding.describe(finding.above(each.seen)) for each in hits.found]
    return render_template(
        "search.html", query=query, hits=list(zip(hits.found, paths, strict=True)), whole=hits.complete
    )


@pages.get("/pfad/<path:path>")
def by_path(path: str) -> Any:
    """The page of what stands at a path of the drives: whoever comes from `/dav/…/` by browser, or by an old note."""
    seen = visit().noted(Finding(visit().tree).by_path(SharePath.parse(path)))
    if not seen.share:
        return redirect(url_for("browsing.shared", committee=seen.path.segments[1:2] or None), 303)
    endpoint = "browsing.folder" if kind_of(seen.node) == "folder" else "reading.document"
    return redirect(url_for(endpoint, share=seen.share, node=seen.node.id), 303)
