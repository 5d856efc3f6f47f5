"""The thread of comments under a document: write, change, remove, by forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from acl.privileges import Rights
from davserver.portal.browsing import address_of
from davserver.portal.ground import visit
from davserver.portal.keeping import author
from davserver.tree.commenting import MAX_LETTERS, Comment
from davserver.tree.finding import LARGEST, Finding
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound

pages = Blueprint("commenting", __name__)


@pages.get("/anmerkungen/<share>/<int:node>")
def thread(share: str, node: int) -> Any:
    """All comments on a document."""
    return _page(_at(share, node))


@pages.post("/anmerkungen/<share>/<int:node>")
def add(share: str, node: int) -> Any:
    """One more."""
    seen = _at(share, node)
    return _written(seen, lambda text: visit().tree.add_comment(seen.path, text), "commented")


@pages.get("/anmerkungen/<share>/<int:node>/<int:number>")
def edit(share: str, node: int, number: int) -> Any:
    """One's own, to be written anew."""
    seen = _at(share, node)
    return _page(seen, editing=_own(seen, number))


@pages.post("/anmerkungen/<share>/<int:node>/<int:number>")
def change(share: str, node: int, number: int) -> Any:
    """Keep what was written anew."""
    seen = _at(share, node)
    own = _own(seen, number)
    return _written(seen, lambda text: visit().tree.change_comment(seen.path, own.id, text), "changed", own)


@pages.post("/anmerkungen/<share>/<int:node>/<int:number>/entfernen")
def remove(share: str, node: int, number: int) -> Any:
    """Take one away: one's own, or as the office any."""
    seen = _at(share, node)
    if number > LARGEST:
        raise NotFound("there is no such comment here")
    visit().tree.remove_comment(seen.path, number)
    return _back(seen, "removed")


def _at(share: str, node: int) -> Seen:
    return visit().noted(Finding(visit().tree).at(share, node))


def _own(seen: Seen, number: int) -> Comment:
    found = next((each for each in visit().tree.comments(seen) if each.id == number and each.own), None)
    if found is None or found.text is None:
        raise NotFound("there is no such comment of yours here")
    return found


def _written(seen: Seen, keep: Callable[[str], object], done: str, editing: Comment | None = None) -> Any:
    """Keep the text of the form; the page again, with what was written, if it is empty or too long."""
    text = request.form.get("text", "")
    try:
        keep(text)
    except ValueError:
        return _page(seen, editing=editing, written=text, problem=True), 400
    return _back(seen, done)


def _back(seen: Seen, done: str) -> Any:
    return redirect(url_for("commenting.thread", share=seen.share, node=seen.node.id, getan=done), 303)


def _page(seen: Seen, *, editing: Comment | None = None, written: str = "", problem: bool = False) -> Any:
    finding = Finding(visit().tree)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    return render_template(
        "commenting.html",
        own=own,
        above=finding.describe(above),
        address=address_of,
        comments=[(each, author(each.author)) for each in visit().tree.comments(seen)],
        may_moderate=Rights.UNLOCK in seen.rights,
        editing=editing,
        written=written or (editing.text if editing else ""),
        problem=problem,
        most=MAX_LETTERS,
        done=request.args.get("getan", ""),
    )
