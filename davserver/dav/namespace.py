"""MKCOL, DELETE, COPY and MOVE (RFC 4918 §9.3, §9.6, §9.8, §9.9; extended MKCOL RFC 5689)."""

from __future__ import annotations

from davserver.dav.errors import DavError
from davserver.dav.request import Request, Response
from davserver.tree.seen import Seen


def delete(request: Request) -> Response:
    """Delete a document or a whole collection, or nothing at all."""
    _check_whole(request, request.located())
    request.tree.delete(request.path, request.terms())
    return Response(204, [], [])


def copy(request: Request) -> Response:
    """Copy to the Destination; Depth 0 copies a collection without its members (RFC 4918 §9.8.3)."""
    request.located()
    deep = request.depth(("0", "infinity"), "infinity") == "infinity"
    target, overwrite = request.destination(), request.overwrite()
    return _arrived(*request.tree.copy(request.path, target, request.terms(), overwrite=overwrite, deep=deep))


def move(request: Request) -> Response:
    """Rename or re-parent to the Destination (RFC 4918 §9.9)."""
    _check_whole(request, request.located())
    target, overwrite = request.destination(), request.overwrite()
    return _arrived(*request.tree.move(request.path, target, request.terms(), overwrite=overwrite))


def _arrived(seen: Seen, created: bool) -> Response:
    tag = f'"{seen.tag}"'
    headers = [] if seen.node.is_collection else [("ETag", tag), ("OC-ETag", tag)]
    return Response(201 if created else 204, headers, [])


def _check_whole(request: Request, seen: Seen) -> None:
    """DELETE and MOVE take a collection with all it holds (RFC 4918 §9.6.1, §9.9.2)."""
    depth = request.depth(("0", "1", "infinity"), "infinity")
    if depth != "infinity" and seen.node.is_collection:
        raise DavError(
            400, message=f"{request.method} takes a folder with all it holds: Depth must be infinity or absent"
        )
