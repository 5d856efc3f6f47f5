"""MKCOL, DELETE, COPY and MOVE (RFC 4918 §9.3, §9.6, §9.8, §9.9; extended MKCOL RFC 5689)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import NamedTuple

from lxml import etree

from davserver.dav import xml
from davserver.dav.errors import DavError
from davserver.dav.proppatch import PROTECTED, Refusal, protected_in, read_wishes, told
from davserver.dav.request import Request, Response
from davserver.tree.seen import Seen

_PROTECTED = Refusal(403, xml.element("{DAV:}cannot-modify-protected-property"))
_NO_SUCH_TYPE = Refusal(403, xml.element("{DAV:}valid-resourcetype"))


class Wanted(NamedTuple):
    """What the body of an extended MKCOL asks for."""

    names: tuple[str, ...] = ()
    properties: Mapping[str, str] = MappingProxyType({})
    """Dead properties by Clark name, serialised."""
    refused: Mapping[str, Refusal] = MappingProxyType({})


def mkcol(request: Request) -> Response:
    """Make a collection and, if the body says so, its properties in the same step (RFC 5689)."""
    try:
        root = request.xml(xml.PROPPATCH_LIMIT)
    except xml.BadXml as error:
        raise DavError(415, message=str(error)) from None  # RFC 4918 §9.3: a body that is not understood
    wanted = Wanted() if root is None else read_mkcol(root, request.path.name, protected_in(request))
    if wanted.refused:
        request.terms().check()
        return _refused(wanted)
    seen = request.tree.make_collection(request.path, request.terms(), wanted.properties)
    return _arrived(request, seen, created=True)


def _refused(wanted: Wanted) -> Response:
    body = xml.document("D:mkcol-response", told(wanted.names, wanted.refused))
    headers = [("Content-Type", xml.CONTENT_TYPE), ("Content-Length", str(len(body)))]
    return Response(next(iter(wanted.refused.values())).status, headers, [body])


def read_mkcol(root: etree._Element, name: str, protected: Container[str] = PROTECTED) -> Wanted:
    """What a body wants of a collection called `name` (RFC 5689 §3). Raises DavError 415 for any other body."""
    if root.tag != "{DAV:}mkcol":
        raise DavError(415, message="the body of MKCOL must be a DAV:mkcol")
    wishes = read_wishes(root, protected)
    properties = {prop: value for prop, value in wishes.changes.items() if value is not None}
    refused = dict(wishes.refused)
    for wish in wishes.names:
        if wish not in wishes.changes:
            refused.setdefault(wish, _PROTECTED)  # a modification time: nothing has been modified yet
    for prop in root.iterfind("{DAV:}set/{DAV:}prop/*"):
        if prop.tag == "{DAV:}resourcetype":
            if [part.tag for part in prop] == ["{DAV:}collection"]:
                refused.pop("{DAV:}resourcetype", None)
            else:
                refused["{DAV:}resourcetype"] = _NO_SUCH_TYPE
        elif prop.tag == "{DAV:}displayname" and prop.text == name:
            refused.pop("{DAV:}displayname", None)  # that will be its name anyway
    return Wanted(wishes.names, properties, refused)


def delete(request: Request) -> Response:
    """Delete a document or a whole collection, or nothing at all."""
    _check_whole(request, request.located(tagged=False))
    request.tree.delete(request.path, request.terms())
    return Response(204, [], [])


def copy(request: Request) -> Response:
    """Copy to the Destination; Depth 0 copies a collection without its members (RFC 4918 §9.8.3)."""
    request.located(tagged=False)
    deep = request.depth(("0", "infinity"), "infinity") == "infinity"
    target, overwrite = request.destination(), request.overwrite()
    seen, created = request.tree.copy(request.path, target, request.terms(), overwrite=overwrite, deep=deep)
    return _arrived(request, seen, created=created)


def move(request: Request) -> Response:
    """Rename or re-parent to the Destination (RFC 4918 §9.9)."""
    _check_whole(request, request.located(tagged=False))
    target, overwrite = request.destination(), request.overwrite()
    seen, created = request.tree.move(request.path, target, request.terms(), overwrite=overwrite)
    return _arrived(request, seen, created=created)


def _arrived(request: Request, seen: Seen, *, created: bool) -> Response:
    tag = f'"{seen.tag}"'
    headers = [("ETag", tag), ("OC-ETag", tag)] if seen.tag else []
    return Response(201 if created else 204, [*headers, *request.site.facts(request, request.noted(seen))], [])


def _check_whole(request: Request, seen: Seen) -> None:
    """DELETE and MOVE take a collection with all it holds (RFC 4918 §9.6.1, §9.9.2)."""
    depth = request.depth(("0", "1", "infinity"), "infinity")
    if depth != "infinity" and seen.node.is_collection:
        raise DavError(
            400, message=f"{request.method} takes a folder with all it holds: Depth must be infinity or absent"
        )
