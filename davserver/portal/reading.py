"""A document's page under its stable address: read in place, page by page; and its bytes for who may download it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.http import http_date

from davserver.portal.browsing import address_of
from davserver.portal.ground import visit
from davserver.portal.headers import SANDBOXED
from davserver.portal.language import moment
from davserver.portal.sight import PLAYED, Places, Sight, picture_of, sight_of
from davserver.rendering.maker import PDF, PICTURES
from davserver.tree.bookmarks import Bookmarks
from davserver.tree.finding import Described, Finding
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound, WrongKind

pages = Blueprint("reading", __name__)

UNKNOWN_TYPE = "application/octet-stream"


@pages.get("/lesen/<share>/<int:node>")
def document(share: str, node: int) -> Any:
    """Read in place, and what its reader may do. Pointers on the drives lead here (tree/pointers.py)."""
    finding = Finding(visit().tree)
    seen = visit().noted(finding.at(share, node))
    if seen.node.is_collection:
        return redirect(url_for("browsing.folder", share=share, node=node), 303)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    done = request.args.get("getan", "")
    return render_template(
        "document.html",
        own=own,
        above=finding.describe(above),
        address=address_of,
        done=done,
        sight=_sight(own) if "look" in own.offers else None,
    )


def _sight(own: Described) -> Sight:
    seen, receives = own.seen, "download" in own.offers
    there: dict[str, Any] = {"share": seen.share, "node": seen.node.id}
    places = Places(
        url_for("reading.document", **there),
        lambda number: url_for("reading.picture", number=number, **there),
        pdf=url_for("reading.pdf", **there),
        play=url_for("reading.play", **there),
        bookmark=url_for("reading.bookmark", **there),
    )
    marks = Bookmarks(visit().tree)
    return sight_of(visit().showing, seen, places, receives=receives, mark="" if receives else _mark(), marks=marks)


def _mark() -> str:
    """What stands on every page that somebody may look at only."""
    return f"{visit().principal.name} · {moment(visit().ground.clock())}"


@pages.get("/lesen/<share>/<int:node>/seite/<int:number>")
def picture(share: str, node: int, number: int) -> Any:
    """The picture of one page; with its reader's name and the time on it where he may look only."""
    seen = visit().noted(Finding(visit().tree).at(share, node))
    return picture_of(visit().showing, seen, number, _mark())


@pages.post("/lesen/<share>/<int:node>/stelle")
def bookmark(share: str, node: int) -> Any:
    """The viewer tells at which page its reader is."""
    seen = visit().noted(Finding(visit().tree).at(share, node))
    Bookmarks(visit().tree).put(seen, max(1, request.form.get("seite", 1, type=int)))
    return "", 204


@pages.get("/lesen/<share>/<int:node>/pdf")
def pdf(share: str, node: int) -> Any:
    """For the viewer: the document as PDF, for who may download it."""
    return pdf_of(visit().noted(Finding(visit().tree).at(share, node)))


@pages.get("/abspielen/<share>/<int:node>")
def play(share: str, node: int) -> Any:
    """A recording or a film, for who may download it; by ranges, so that one can jump in it."""
    return played(visit().noted(Finding(visit().tree).at(share, node)))


@pages.get("/herunterladen/<share>/<int:node>")
def download(share: str, node: int) -> Any:
    """The bytes, always as an attachment: nothing that people have put here ever becomes a page of ours."""
    return download_of(visit().noted(Finding(visit().tree).at(share, node)))


def pdf_of(seen: Seen) -> Response:
    """A document with pages as PDF. Raises NotFound for any other, AccessDenied, NotMade, Busy."""
    if not visit().showing.has_pages(seen.node.media_type) or seen.node.media_type in PICTURES:
        raise NotFound("this is no document with pages")
    made = visit().showing.pdf(seen)
    size, body = (len(made), iter([made])) if made is not None else (seen.node.size, visit().tree.read(seen))
    return attachment(f"{seen.display_name}.pdf", PDF, size, seen.node.modified, body)


def played(seen: Seen) -> Response:
    """A part of a recording, or all of it (RFC 9110 §14). Raises AccessDenied, WrongKind for what is none."""
    tree, size = visit().tree, seen.node.size
    if not seen.node.media_type.startswith(PLAYED):
        raise WrongKind("only recordings and films are played")
    asked = request.range.range_for_length(size) if request.range and size else None
    if request.range and asked is None:
        tree.admit_read(seen)
        return Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = asked or (0, size)
    response = attachment(
        seen.display_name, seen.node.media_type, end - start, seen.node.modified, tree.read(seen, start, end - start)
    )
    response.headers.set("Content-Disposition", "inline")
    response.headers["Accept-Ranges"] = "bytes"
    if asked:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def download_of(seen: Seen) -> Response:
    """The bytes of a document, or of one of its versions. Raises AccessDenied."""
    node = seen.node
    return attachment(seen.display_name, node.media_type, node.size, node.modified, visit().tree.read(seen))


def attachment(name: str, media_type: str, size: int, modified: int, body: Iterator[bytes]) -> Response:
    """Bytes that people have put here, to be kept under their name."""
    response = Response(body, mimetype=media_type or UNKNOWN_TYPE)
    response.content_length = size
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Content-Security-Policy"] = SANDBOXED
    response.headers["Last-Modified"] = http_date(modified / 1e6)
    return response
