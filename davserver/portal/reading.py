"""A document's page under its stable address, and its bytes for those who may download it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.http import http_date

from davserver.portal.browsing import address_of
from davserver.portal.ground import visit
from davserver.portal.headers import SANDBOXED
from davserver.tree.finding import Finding

pages = Blueprint("reading", __name__)

UNKNOWN_TYPE = "application/octet-stream"


@pages.get("/lesen/<share>/<int:node>")
def document(share: str, node: int) -> Any:
    """What is known of it, and what its reader may do. Pointers on the drives lead here (tree/pointers.py)."""
    finding = Finding(visit().tree)
    seen = visit().noted(finding.at(share, node))
    if seen.node.is_collection:
        return redirect(url_for("browsing.folder", share=share, node=node), 303)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    done = request.args.get("getan", "")
    return render_template("document.html", own=own, above=finding.describe(above), address=address_of, done=done)


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
