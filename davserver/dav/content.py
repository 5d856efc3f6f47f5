"""GET, HEAD and PUT: a document's bytes, whole or in ranges (RFC 9110 §9.3, §13, §14; RFC 4918 §9.4, §9.7)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from functools import partial

from davserver.dav.conditions import http_date, is_conditional, is_not_modified, parse_http_date
from davserver.dav.errors import DavError
from davserver.dav.ranges import Multipart, Span, requested_spans
from davserver.dav.request import Headers, Request, Response
from davserver.tree.delivery import is_itself
from davserver.tree.seen import Seen
from shareproviders.contract import WrongKind

MICROSECONDS = 1_000_000
FOLDER_TEXT = b"This is a folder. Connect it as a network drive (WebDAV) to see what is in it.\n"
EARLIEST, LATEST = -11_644_473_600, 253_402_300_799
"""Seconds of the modification times that are kept: 1601, where Windows starts counting, to the end of 9999."""

UNKNOWN_TYPE = "application/octet-stream"
SHORT = 16 * 1024
"""Bytes that go out at once with their head; the head of more is on its way while they are read and opened."""

_PASSIVE = frozenset({UNKNOWN_TYPE, "application/pdf", "text/plain"})
_PASSIVE_FAMILIES = ("image/", "audio/", "video/", "font/")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_SAYS_NOTHING = frozenset({UNKNOWN_TYPE, "application/x-www-form-urlencoded"})
_SECONDS = re.compile(r"(-?[0-9]{1,12})(?:\.([0-9]{1,9}))?")


def get(request: Request) -> Response:
    """Send a document or parts of it; a folder answers with a line for people."""
    committed = request.tree.committed()
    seen, headers, unchanged = _opened(request)
    if unchanged:
        return Response(304, headers, [])
    if seen.node.is_collection:
        return Response(200, [*headers, *_folder_kind()], [FOLDER_TEXT])
    answer = _sent(request, seen, headers)
    if not is_itself(seen) or is_conditional(request):
        return answer
    standing, note = request.tree.standing(request.path, committed), partial(request.tree.note_read, seen)
    part = None if request.header("Range") is None else partial(_sent, seen=seen, headers=headers)
    return answer._replace(standing=standing, note=note if seen.obligations else None, part=part)


def _sent(request: Request, seen: Seen, headers: Headers) -> Response:
    """The document, or the parts of it that are wanted."""
    spans = _selected(request, seen)
    if spans is not None:
        return _partial(request, seen, headers, spans)
    headers = [*headers, *browser_headers(seen.node.media_type), ("Accept-Ranges", "bytes")]
    return _told(200, headers, request.tree.read(seen), seen.node.size)


def _told(status: int, headers: Headers, pieces: Iterator[bytes], length: int) -> Response:
    """The pieces on their way out, all of a short body at once, so that it needs neither a second look nor send."""
    body = list(pieces) if length <= SHORT else pieces
    return Response(status, [*headers, ("Content-Length", str(length))], body)


def _partial(request: Request, seen: Seen, headers: Headers, spans: list[Span]) -> Response:
    tree, size = request.tree, seen.node.size
    if not spans:
        unsatisfied = [("Content-Range", f"bytes */{size}")]
        raise DavError(416, message=f"the document has only {size} bytes", headers=unsatisfied)
    headers = [*headers, ("Accept-Ranges", "bytes")]
    if len(spans) == 1:
        start, length = spans[0]
        headers += [*browser_headers(seen.node.media_type), ("Content-Range", spans[0].content_range(size))]
        return _told(206, headers, tree.read(seen, start, length), length)
    parts = [(span, tree.read(seen, span.start, span.length)) for span in spans]
    body = Multipart(parts, seen.node.media_type or UNKNOWN_TYPE, size)
    headers += [*browser_headers(body.content_type), ("Content-Length", str(body.length))]
    return Response(206, headers, body)


def head(request: Request) -> Response:
    """What GET would say of the whole; opens nothing, and Range does not count (RFC 9110 §9.3.2, §14.2)."""
    seen, headers, unchanged = _opened(request)
    if unchanged:
        return Response(304, headers, [])
    if seen.node.is_collection:
        return Response(200, [*headers, *_folder_kind()], [])
    headers += [*browser_headers(seen.node.media_type), ("Accept-Ranges", "bytes")]
    return Response(200, [*headers, ("Content-Length", str(seen.node.size))], [])


def put(request: Request) -> Response:
    """Make the body the document, whole, or leave everything as it was."""
    if request.has_slash:
        raise WrongKind("the URL of a document does not end in a slash")
    if request.header("Content-Range") is not None:
        raise DavError(400, message="a part of a document cannot be put; send the whole")  # RFC 9110 §14.5
    if (request.header("Content-Encoding") or "identity").strip().lower() != "identity":
        raise DavError(
            415, message="send the document without Content-Encoding", headers=[("Accept-Encoding", "identity")]
        )
    tree, path, terms = request.tree, request.path, request.terms()
    modified = wished_time(request.header("X-OC-Mtime"))
    tree.admit_put(path, terms, request.expected_length())
    staged = tree.stage(path, request.chunks())
    try:
        told = {"media_type": sent_media_type(request.header("Content-Type")), "checksum": request.checksum()}
        seen, created = tree.put(path, staged, terms, modified=modified, **told)
    finally:
        staged.discard()
    return stored(request, seen, created=created, modified=modified)


def stored(request: Request, seen: Seen, *, created: bool, modified: int | None) -> Response:
    """What is told of a document that was put at the request's path, with the time that its sender wished."""
    headers = [*_validators(request, request.noted(seen)), ("OC-ETag", f'"{seen.tag}"')]
    if modified is not None:
        headers.append(("X-OC-MTime", "accepted"))
    if seen.path != request.path:  # a drop never replaces: it says under which name it took the document
        href = request.href(seen.path, is_collection=False)
        headers += [("Location", href), ("Content-Location", href)]
    return Response(201 if created else 204, headers, [])


def wished_time(header: str | None) -> int | None:
    """Microseconds of an X-OC-Mtime header, which is Unix seconds; None if there is nothing usable."""
    matched = _SECONDS.fullmatch((header or "").strip())
    if matched is None:
        return None
    seconds, fraction = int(matched[1]), int((matched[2] or "").ljust(6, "0")[:6])
    if not EARLIEST <= seconds <= LATEST:
        return None
    return seconds * MICROSECONDS + (-fraction if matched[1][0] == "-" else fraction)


def sent_media_type(header: str | None) -> str:
    """The media type that a client named for its document, lower case and bare; empty if it named none of use."""
    media_type = (header or "").partition(";")[0].strip().lower()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) and media_type not in _SAYS_NOTHING else ""


@functools.lru_cache(maxsize=256)
def browser_headers(media_type: str) -> tuple[tuple[str, str], ...]:
    """How a browser may treat uploaded bytes: as what they are named, and never as a page of this server."""
    headers: tuple[tuple[str, str], ...] = (
        ("Content-Type", media_type or UNKNOWN_TYPE),
        ("X-Content-Type-Options", "nosniff"),
    )
    if (
        media_type
        and media_type not in _PASSIVE
        and not (media_type.startswith(_PASSIVE_FAMILIES) and not media_type.startswith("image/svg"))
    ):
        headers += (("Content-Security-Policy", "sandbox; default-src 'none'"),)
    return headers


def _opened(request: Request) -> tuple[Seen, Headers, bool]:
    """What GET and HEAD share: the resource, its validators, and whether the client has this state already."""
    seen = request.located()
    if not seen.node.is_collection:
        request.tree.admit_read(seen)
    request.terms().check()
    return seen, [*_validators(request, seen), ("Cache-Control", "private, no-cache")], is_not_modified(request, seen)


def _validators(request: Request, seen: Seen) -> Headers:
    """ETag as in DAV:getetag, Last-Modified as in DAV:getlastmodified, and what the mount adds."""
    headers = [("ETag", f'"{seen.tag}"')] if seen.tag else []
    return [*headers, ("Last-Modified", http_date(seen.node.modified)), *request.site.facts(request, seen)]


def _folder_kind() -> Headers:
    return [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(FOLDER_TEXT)))]


def _selected(request: Request, seen: Seen) -> list[Span] | None:
    """The ranges to send; None for the whole (RFC 9110 §14.2, If-Range §13.1.5)."""
    asked = request.header("Range")
    if asked is None:
        return None
    unless = request.header("If-Range")
    if unless is not None and not _still(unless.strip(), seen):
        return None
    return requested_spans(asked, seen.node.size)


def _still(validator: str, seen: Seen) -> bool:
    """True if the client's entity tag (compared strongly) or date is exactly ours."""
    if validator.startswith(('"', "W/")):
        return validator == f'"{seen.tag}"'
    return parse_http_date(validator) == seen.node.modified // MICROSECONDS * MICROSECONDS
