"""PROPPATCH: set and remove properties, all together or not at all (RFC 4918 §9.2)."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from davserver.dav import xml
from davserver.dav.conditions import parse_http_date
from davserver.dav.content import wished_time
from davserver.dav.errors import DavError
from davserver.dav.properties import LIVE, WIN32
from davserver.dav.propfind import is_minimal
from davserver.dav.request import Request, Response

MAX_VALUE = 64 * 1024
"""Bytes of one serialised property."""

PROTECTED = frozenset(prop.name for prop in LIVE)
_HTTP_TIMES = frozenset({"{DAV:}getlastmodified", f"{WIN32}Win32LastModifiedTime"})
_UNIX_TIME = "{DAV:}lastmodified"
_TIMES = _HTTP_TIMES | {_UNIX_TIME}


class Refusal(NamedTuple):
    """Why one property cannot be changed."""

    status: int
    condition: str
    """The precondition element, serialised; may be empty."""


class Wishes(NamedTuple):
    """What a body wants changed, in the end."""

    names: tuple[str, ...]
    """All that it names, each once, in order."""
    changes: Mapping[str, str | None]
    """Dead properties by Clark name: the serialised element, or None to remove it."""
    modified: int | None
    """Modification time, microseconds."""
    refused: Mapping[str, Refusal]


def proppatch(request: Request) -> Response:
    """207 that tells each property's fate."""
    root = request.xml(xml.PROPPATCH_LIMIT)
    if root is None or root.tag != "{DAV:}propertyupdate":
        raise DavError(400, message="the body of PROPPATCH must be a DAV:propertyupdate")
    wishes = read_wishes(root, protected_in(request))
    if not wishes.names:
        raise DavError(400, message="the body of PROPPATCH names no property")
    seen = request.located()
    if wishes.refused:
        request.terms().check()
    else:
        confirmed = {prop.name for prop in request.site.properties if prop.is_confirmed}
        changes = {name: value for name, value in wishes.changes.items() if name not in confirmed}
        seen = request.tree.set_properties(request.path, changes, request.terms(), modified=wishes.modified)
        if is_minimal(request):
            return Response(200, [("Content-Length", "0"), ("Preference-Applied", "return=minimal")], [])
    href = request.href(seen.path, seen.node.is_collection)
    body = xml.multistatus([xml.response(href, told(wishes.names, wishes.refused))])
    return Response(207, [("Content-Type", xml.CONTENT_TYPE), ("Content-Length", str(len(body)))], [body])


def told(names: tuple[str, ...], refused: Mapping[str, Refusal]) -> str:
    """One propstat for each kind of fate; what is not refused itself fails with the others (424)."""
    others = Refusal(424 if refused else 200, "")
    fates: dict[Refusal, str] = {}
    for name in names:
        fate = refused.get(name, others)
        fates[fate] = fates.get(fate, "") + xml.element(name)
    return "".join(xml.propstat(elements, fate.status, fate.condition) for fate, elements in fates.items())


def protected_in(request: Request) -> frozenset[str]:
    """Names of the live properties where the request went, which only the server sets."""
    return PROTECTED.union(prop.name for prop in request.site.properties if not prop.is_confirmed)


def read_wishes(root: etree._Element, protected: Container[str] = PROTECTED) -> Wishes:
    """What a propertyupdate or (RFC 5689) an extended MKCOL body wants; of several for one property the last counts.

    Unknown elements are passed over (RFC 4918 §17).
    """
    names: dict[str, None] = {}
    changes: dict[str, str | None] = {}
    refused: dict[str, Refusal] = {}
    modified = None
    for prop, wanted in _instructions(root):
        name = str(prop.tag)
        names[name] = None
        if name in _TIMES and (wanted or name != "{DAV:}getlastmodified"):
            instant = _instant(name, prop.text or "") if wanted else None
            if wanted and instant is None:
                refused[name] = Refusal(409, "")
            modified = instant if wanted else modified
        elif name in protected:
            refused[name] = Refusal(403, xml.element("{DAV:}cannot-modify-protected-property"))
        elif not wanted:
            changes[name] = None
        else:
            changes[name] = value = xml.serialise(prop)
            if len(value.encode()) > MAX_VALUE:
                refused[name] = Refusal(507, "")
    return Wishes(tuple(names), changes, modified, refused)


def _instructions(root: etree._Element) -> Iterator[tuple[etree._Element, bool]]:
    """Each property and whether it is to be set."""
    for instruction in root:
        if instruction.tag in ("{DAV:}set", "{DAV:}remove"):
            for container in instruction.iterchildren("{DAV:}prop"):
                for prop in container:
                    yield prop, instruction.tag == "{DAV:}set"


def _instant(name: str, text: str) -> int | None:
    return wished_time(text) if name == _UNIX_TIME else parse_http_date(text)
