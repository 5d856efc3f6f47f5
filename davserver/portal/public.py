"""The public board of a committee: agendas, papers, minutes once they are published, without login; and its feed.

All of it is asked of the door as nobody in particular, also for people who are signed in.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for

from acl.principals import ANONYMOUS
from davserver.instants import EPOCH, MICROSECOND
from davserver.portal.ground import origin, visit
from davserver.portal.guarding import open_to_all
from davserver.portal.reading import attachment
from davserver.tree.finding import Finding
from davserver.tree.locking import GuardedTree
from davserver.tree.publishing import board, newest
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound

pages = Blueprint("public", __name__)

TOLD = 50
"""Documents in the feed."""


@pages.get("/oeffentlich/<share>")
@open_to_all
def start(share: str) -> Any:
    """The meetings, the next one first, and what is published beside them."""
    return render_template("public/board.html", board=board(_door(), share), address=address_of)


@pages.get("/oeffentlich/<share>/<int:node>")
@open_to_all
def place(share: str, node: int) -> Any:
    """A folder, or what is known of a document."""
    tree = _door()
    finding, seen = Finding(tree), _at(tree, share, node)
    above = finding.describe(finding.above(seen))
    if not above:
        return redirect(url_for("public.start", share=share), 303)
    (own,) = finding.describe([seen])
    members = []
    if seen.node.is_collection:
        members = finding.describe(finding.members(seen), seen)
        members.sort(key=lambda each: (not each.seen.node.is_collection, each.title.casefold(), each.seen.node.id))
    return render_template("public/place.html", own=own, above=above, members=members, address=address_of)


@pages.get("/oeffentlich/<share>/<int:node>/herunterladen")
@open_to_all
def download(share: str, node: int) -> Any:
    """The bytes, as an attachment."""
    tree = _door()
    seen = _at(tree, share, node)
    return attachment(seen.display_name, seen.node.media_type, seen.node.size, seen.node.modified, tree.read(seen))


@pages.get("/oeffentlich/<share>/atom.xml")
@open_to_all
def feed(share: str) -> Any:
    """The newest documents (Atom, RFC 4287); nothing but 304 to whoever has them already (RFC 9110 §13)."""
    tree = _door()
    hung = board(tree, share)
    found = newest(tree, share, TOLD)
    updated = max((one.at for one in found), default=hung.drive.node.created)
    written = render_template("public/feed.xml", drive=hung.drive, found=found, updated=updated, origin=origin())
    response = make_response(written)
    response.mimetype = "application/atom+xml"
    response.headers["Cache-Control"] = "no-cache"  # readers keep it and ask whether it still holds
    response.last_modified = EPOCH + updated * MICROSECOND
    response.add_etag()
    return response.make_conditional(request)


def address_of(seen: Seen) -> str:
    """The public page of a resource."""
    if len(seen.path.segments) < 2:
        return url_for("public.start", share=seen.share)
    return url_for("public.place", share=seen.share, node=seen.node.id)


def _door() -> GuardedTree:
    return visit().ground.door(ANONYMOUS)


def _at(tree: GuardedTree, share: str, node: int) -> Seen:
    seen = visit().noted(Finding(tree).at(share, node))
    if not seen.share:
        raise NotFound("there is nothing here")
    return seen
