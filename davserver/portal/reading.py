"""A document's page under its stable address: read in place, page by page; and its bytes for who may download it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.http import http_date

from davserver.portal.browsing import address_of
from davserver.portal.ground import visit
from davserver.portal.headers import SANDBOXED
from davserver.portal.language import N_, moment
from davserver.rendering import stamping, texts
from davserver.rendering.maker import PDF, PICTURES, NotMade, Reason
from davserver.tree.bookmarks import Bookmarks
from davserver.tree.finding import Described, Finding
from davserver.tree.rendered import WIDTHS, Shown
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound, WrongKind

pages = Blueprint("reading", __name__)

UNKNOWN_TYPE = "application/octet-stream"
PLAYED = ("audio/", "video/")
WIDTH = WIDTHS[1]
ZOOMS = (100, 150, 200)
"""Per cent of the width that a page has beside nothing else."""
REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.DAMAGED: N_("This document is damaged or not what its name says, so it cannot be shown here."),
        Reason.PROTECTED: N_("This document is protected by a password, so it cannot be shown here."),
        Reason.HEAVY: N_("This document is too large or too laborious to be shown here."),
    }
)


class Sight(NamedTuple):
    """How a document is shown in place: exactly one of these, or none if there is no way."""

    shown: Shown | None = None
    zoom: int = ZOOMS[0]
    text: texts.Text | None = None
    markdown: str = ""
    """As HTML that `texts.html_of` made."""
    plays: str = ""
    """`audio` or `video`."""
    why_not: str = ""
    source: str = ""
    """Where the viewer gets the PDF, for who may have it."""


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
        sight=_sight(own) if "look" in own.offers else Sight(),
        zooms=ZOOMS,
        widths=WIDTHS,
        mark=_mark() if "download" not in own.offers else "",
    )


def _sight(own: Described) -> Sight:
    seen, showing = own.seen, visit().showing
    media_type, receives = seen.node.media_type, "download" in own.offers
    if showing.has_pages(media_type):
        return _pages(seen, receives and media_type not in PICTURES)
    if texts.is_text(media_type):
        text = showing.text(seen)
        return Sight(text=text, markdown=texts.html_of(text.letters) if media_type == texts.MARKDOWN else "")
    if media_type.startswith(PLAYED) and receives:
        return Sight(plays=media_type.partition("/")[0])
    return Sight()


def _pages(seen: Seen, receives: bool) -> Sight:
    marks = Bookmarks(visit().tree)
    asked = request.args.get("seite", 0, type=int)
    zoom = request.args.get("groesse", ZOOMS[0], type=int)
    try:
        try:
            shown = visit().showing.page(seen, max(1, asked or marks.page(seen)), WIDTH)
        except NotFound:  # of an older version, or typed
            shown = visit().showing.page(seen, 1, WIDTH)
    except NotMade as why:
        return Sight(why_not=REASONS[why.reason])
    marks.put(seen, shown.page.number)
    source = url_for("reading.pdf", share=seen.share, node=seen.node.id) if receives else ""
    return Sight(shown=shown, zoom=zoom if zoom in ZOOMS else ZOOMS[0], source=source)


def _mark() -> str:
    """What stands on every page that somebody may look at only."""
    return f"{visit().principal.name} · {moment(visit().ground.clock())}"


@pages.get("/lesen/<share>/<int:node>/seite/<int:number>")
def picture(share: str, node: int, number: int) -> Any:
    """The picture of one page; with its reader's name and the time on it where he may look only."""
    seen = visit().noted(Finding(visit().tree).at(share, node))
    width = request.args.get("breite", WIDTH, type=int)
    if width not in WIDTHS or not visit().showing.has_pages(seen.node.media_type):
        raise NotFound("there is no such picture")
    shown = visit().showing.page(seen, number, width)
    body = stamping.packed(shown.page, _mark() if shown.to_be_marked else "")
    response = Response(body, mimetype=stamping.MEDIA_TYPE)
    response.headers["Content-Security-Policy"] = SANDBOXED
    return response


@pages.post("/lesen/<share>/<int:node>/stelle")
def bookmark(share: str, node: int) -> Any:
    """The viewer tells at which page its reader is."""
    seen = visit().noted(Finding(visit().tree).at(share, node))
    Bookmarks(visit().tree).put(seen, max(1, request.form.get("seite", 1, type=int)))
    return "", 204


@pages.get("/lesen/<share>/<int:node>/pdf")
def pdf(share: str, node: int) -> Any:
    """For the viewer: the document as PDF, for who may download it."""
    seen = visit().noted(Finding(visit().tree).at(share, node))
    if not visit().showing.has_pages(seen.node.media_type) or seen.node.media_type in PICTURES:
        raise NotFound("this is no document with pages")
    made = visit().showing.pdf(seen)
    size, body = (len(made), iter([made])) if made is not None else (seen.node.size, visit().tree.read(seen))
    return attachment(f"{seen.display_name}.pdf", PDF, size, seen.node.modified, body)


@pages.get("/abspielen/<share>/<int:node>")
def play(share: str, node: int) -> Any:
    """A recording or a film, for who may download it; by ranges (RFC 9110 §14), so that one can jump in it."""
    tree = visit().tree
    seen = visit().noted(Finding(tree).at(share, node))
    size = seen.node.size
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


@pages.get("/herunterladen/<share>/<int:node>")
def download(share: str, node: int) -> Any:
    """The bytes, always as an attachment: nothing that people have put here ever becomes a page of ours."""
    tree = visit().tree
    seen = visit().noted(Finding(tree).at(share, node))
    return attachment(seen.display_name, seen.node.media_type, seen.node.size, seen.node.modified, tree.read(seen))


def attachment(name: str, media_type: str, size: int, modified: int, body: Iterator[bytes]) -> Response:
    """Bytes that people have put here, to be kept under their name."""
    response = Response(body, mimetype=media_type or UNKNOWN_TYPE)
    response.content_length = size
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Content-Security-Policy"] = SANDBOXED
    response.headers["Last-Modified"] = http_date(modified / 1e6)
    return response
