"""REPORT (RFC 3253 §3.6, §3.8; RFC 3744 §9; RFC 6578): one table of reports, which supported-report-set tells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from html import unescape
from types import MappingProxyType
from typing import NamedTuple

from lxml import etree

from davserver.dav import principals, xml
from davserver.dav.access import SYNC_COLLECTION
from davserver.dav.errors import DavError, need_privileges
from davserver.dav.properties import LiveProperty, Page
from davserver.dav.propfind import answer, named, wish
from davserver.dav.request import Request, Response
from davserver.dav.sync import sync_collection
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound
from shareproviders.paths import BadName, SharePath

MAX_MATCHES = 500
MAX_LEVELS = 3
"""How deep expand-property follows hrefs."""

_HREF = re.compile(r"<D:href>([^<]*)</D:href>")


def report(request: Request) -> Response:
    """Run the report that the body names. Raises DavError 403 `supported-report` for one that nobody knows."""
    root = request.xml(xml.BODY_LIMIT)
    seen = located(request)
    if root is None:
        raise DavError(400, message="the body of REPORT must say which report")
    request.terms().check()
    handler = REPORTS.get(str(root.tag))
    if handler is None:
        raise DavError(403, "{DAV:}supported-report", message="there is no such report")
    request.depth(("0",), "0")
    return handler(request, root, seen)


def located(request: Request) -> Seen:
    """The resource that the report is about, principals among them. Raises NotFound."""
    return principals.located(request, request.path) if principals.is_inside(request.path) else request.located()


def _told(request: Request, root: etree._Element, found: Iterable[Seen]) -> Response:
    """A multistatus over principals. Raises DavError 403 for too many."""
    page: list[Seen] = []
    for seen in found:
        page.append(seen)
        _within(len(page))
    rows = [(request.principal_href(seen.path), seen, MappingProxyType[str, str]({})) for seen in page]
    return answer(wish(request, root), Page(request), rows)


def _within(count: int) -> None:
    if count > MAX_MATCHES:
        raise DavError(
            403, "{DAV:}number-of-matches-within-limits", message=f"more than {MAX_MATCHES} matches; ask for less"
        )


# -- principals (RFC 3744 §9) -----------------------------------------------------------------------------------------


def acl_principal_prop_set(request: Request, root: etree._Element, seen: Seen) -> Response:
    """Properties of all whom the access list names and the asker may know of (§9.2). Raises AccessDenied."""
    paths = dict.fromkeys(
        principals.path_of(ace.principal, seen.share) for ace in request.tree.access_list(seen) if ":" in ace.principal
    )
    return _told(request, root, (each for path in paths for each in principals.everybody(request, path)))


def principal_match(request: Request, root: etree._Element, seen: Seen) -> Response:
    """Principals under this collection that are the asker or a group of his, or point to him by a property (§9.3)."""
    by_self, by_property = root.find("{DAV:}self"), root.find("{DAV:}principal-property")
    if (by_self is None) == (by_property is None) or (by_property is not None and len(by_property) != 1):
        raise DavError(400, message="a principal-match holds either self or one principal-property")
    own = principals.of_asker(request)
    under = principals.everybody(request, seen.path)
    if by_property is None:
        return _told(request, root, (each for each in under if each.path in own))
    live, _ = named(by_property)
    hrefs, page = {request.principal_href(path) for path in own[:1]}, Page(request)
    return _told(request, root, (each for each in under if hrefs & _pointed_to(live, page, each)))


def _pointed_to(live: Iterable[LiveProperty], page: Page, seen: Seen) -> set[str]:
    values = (prop.value(page, seen) or "" for prop in live if not prop.needs & ~seen.rights)
    return {unescape(href) for value in values for href in _HREF.findall(value)}


def principal_property_search(request: Request, root: etree._Element, seen: Seen) -> Response:
    """Principals whose displayname contains the text, whatever its case (§9.4)."""
    searches = list(root.iterchildren("{DAV:}property-search"))
    if not searches:
        raise DavError(400, message="a principal-property-search needs a property-search")
    whole = root.find("{DAV:}apply-to-principal-collection-set") is not None
    verdict = any if root.get("test") == "anyof" else all
    found = principals.everybody(request, principals.HOME if whole else seen.path)
    return _told(request, root, (each for each in found if verdict(_matches(each, search) for search in searches)))


def _matches(seen: Seen, search: etree._Element) -> bool:
    """Each property of a search has to match; only displayname can."""
    names = [str(prop.tag) for holder in search.iterchildren("{DAV:}prop") for prop in holder]
    text = search.findtext("{DAV:}match") or ""
    return bool(names) and set(names) == {"{DAV:}displayname"} and _folded(text) in _folded(seen.display_name)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def principal_search_property_set(_request: Request, _root: etree._Element, _seen: Seen) -> Response:
    """What principal-property-search can search (§9.5)."""
    body = xml.document(
        "D:principal-search-property-set",
        "<D:principal-search-property><D:prop><D:displayname/></D:prop>"
        '<D:description xml:lang="en">name</D:description></D:principal-search-property>',
    )
    return Response(200, [("Content-Type", xml.CONTENT_TYPE), ("Content-Length", str(len(body)))], [body])


# -- expand-property (RFC 3253 §3.8) ----------------------------------------------------------------------------------


class Expansion(NamedTuple):
    """One property that is asked for, and what is asked of whatever its hrefs point to."""

    prop: LiveProperty | None
    empty: str
    inside: tuple[Expansion, ...]


def expand_property(request: Request, root: etree._Element, seen: Seen) -> Response:
    """Properties with what their hrefs point to in place of the hrefs; three levels, live properties only."""
    wishes = _expansions(root, 0)
    href = request.href(seen.path, seen.node.is_collection)
    body = xml.multistatus([_Expander(request).response(href, seen, wishes)])
    return Response(207, [("Content-Type", xml.CONTENT_TYPE), ("Content-Length", str(len(body)))], [body])


def _expansions(holder: etree._Element, level: int) -> tuple[Expansion, ...]:
    wanted = list(holder.iterchildren("{DAV:}property"))
    if level > MAX_LEVELS:
        raise DavError(400, message=f"expand-property follows at most {MAX_LEVELS} levels")
    found = []
    for each in wanted:
        name, namespace = each.get("name") or "", each.get("namespace", "DAV:")
        try:
            tag = etree.QName(namespace or None, name).text
        except ValueError:
            raise DavError(400, message="a property needs a name") from None
        live, _ = named([etree.Element(tag)])
        found.append(Expansion(live[0] if live else None, xml.element(tag), _expansions(each, level + 1)))
    return tuple(found)


class _Expander:
    def __init__(self, request: Request) -> None:
        self._request, self._page = request, Page(request)
        self._count = 0

    def response(self, href: str, seen: Seen, wishes: tuple[Expansion, ...]) -> str:
        self._count += 1
        _within(self._count)
        found, missing, refused = "", "", ""
        for prop, empty, inside in wishes:
            if prop is not None and prop.needs & ~seen.rights:
                refused += xml.propstat(empty, 403, need_privileges(href, prop.needs))
                continue
            text = None if prop is None else prop.value(self._page, seen)
            if text is None:
                missing += empty
            elif inside:
                found += _HREF.sub(partial(self._followed, inside), text)
            else:
                found += text
        told = xml.propstat(found, 200) if found or not (missing or refused) else ""
        return xml.response(href, told + refused + (xml.propstat(missing, 404) if missing else ""))

    def _followed(self, wishes: tuple[Expansion, ...], match: re.Match[str]) -> str:
        href = unescape(match[1])
        try:
            seen = self._seen(self._request.path_of(href))
        except (NotFound, BadName, DavError):
            self._count += 1
            _within(self._count)
            return xml.response_status(href, 404)
        return self.response(href, seen, wishes)

    def _seen(self, path: SharePath | None) -> Seen:
        if path is None:
            raise NotFound("there is nothing here")
        return principals.located(self._request, path) if principals.is_inside(path) else self._request.tree.stat(path)


REPORTS: Mapping[str, Callable[[Request, etree._Element, Seen], Response]] = MappingProxyType(
    {
        "{DAV:}expand-property": expand_property,
        "{DAV:}acl-principal-prop-set": acl_principal_prop_set,
        "{DAV:}principal-match": principal_match,
        "{DAV:}principal-property-search": principal_property_search,
        "{DAV:}principal-search-property-set": principal_search_property_set,
        SYNC_COLLECTION: sync_collection,
    }
)
"""Root element of the body → what answers it."""
