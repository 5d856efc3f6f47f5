"""Folders as pages: what lies in them, what is shared with me, and why I may see it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.portal.ground import visit
from davserver.portal.wording import kind_of
from davserver.tree.finding import Described, Finding
from davserver.tree.seen import Seen
from davserver.tree.shared import SHARED
from shareproviders.contract import WrongKind
from shareproviders.paths import SharePath

pages = Blueprint("browsing", __name__)

ORDERS: dict[str, Callable[[Described], Any]] = {
    "name": lambda each: (each.title.casefold(), each.seen.node.id),
    "date": lambda each: each.seen.node.modified,
    "size": lambda each: each.seen.node.size,
}
"""Sorted by; folders always stand before documents."""


@pages.get("/ordner/<share>")
def drive(share: str) -> Any:
    """A drive by its committee."""
    seen = visit().tree.stat(SharePath((share,)))
    if not seen.share:
        return redirect(url_for("browsing.shared"), 303)
    return redirect(url_for("browsing.folder", share=share, node=seen.node.id), 303)


@pages.get("/ordner/<share>/<int:node>")
def folder(share: str, node: int) -> Any:
    """What lies in a folder."""
    finding = Finding(visit().tree)
    seen = visit().noted(finding.at(share, node))
    if not seen.node.is_collection:
        return redirect(url_for("reading.document", share=share, node=node), 303)
    return shown(finding, seen, finding.members(seen))


@pages.get("/geteilt/")
@pages.get("/geteilt/<committee>")
def shared(committee: str = "") -> Any:
    """What other committees and colleagues share with me."""
    finding = Finding(visit().tree)
    seen = visit().tree.stat(SharePath((SHARED, committee) if committee else (SHARED,)))
    members = visit().tree.children(seen)
    return shown(finding, seen, members) if members else render_template("shared.html")


def shown(finding: Finding, seen: Seen, members: list[Seen]) -> Any:
    """The page of a folder, sorted as asked."""
    order, falling = request.args.get("nach", "name"), request.args.get("richtung") == "ab"
    key = ORDERS.get(order, ORDERS["name"])
    described = sorted(finding.describe(members, seen), key=key, reverse=falling)
    described.sort(key=lambda each: not each.seen.node.is_collection)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    return render_template(
        "folder.html",
        own=own,
        above=finding.describe(above),
        members=described,
        order=order if order in ORDERS else "name",
        falling=falling,
        address=address_of,
        done=request.args.get("getan", ""),
    )


def address_of(seen: Seen) -> str:
    """The page of a resource."""
    if not seen.share:
        return url_for("browsing.shared", committee="/".join(seen.path.segments[1:]) or None)
    endpoint = "browsing.folder" if kind_of(seen.node) == "folder" else "reading.document"
    return url_for(endpoint, share=seen.share, node=seen.node.id)


@pages.get("/warum/<share>/<int:node>")
def why(share: str, node: int) -> Any:
    """Why I may do this and not that, in plain words."""
    finding = Finding(visit().tree)
    seen = visit().noted(finding.at(share, node))
    (own,) = finding.describe([seen])
    reasons = finding.reasons(seen, "de" if visit().language == "de" else "en")
    if not reasons:
        raise WrongKind("nothing is decided about a list")
    alike = groupby(reasons, key=lambda each: (each.allowed, each.sentences))
    told = [(said, list(found)) for said, found in alike]
    above = finding.describe(finding.above(seen))
    return render_template("why.html", own=own, reasons=told, above=above, address=address_of)
