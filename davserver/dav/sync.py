"""Collection synchronization (RFC 6578): the report sync-collection and the property sync-token."""

from __future__ import annotations

from lxml import etree

from davserver.dav import xml
from davserver.dav.errors import DavError
from davserver.dav.properties import Page
from davserver.dav.propfind import covering_locks, multistatus, responses, wish
from davserver.dav.request import Request, Response
from davserver.tree.seen import Seen

LEVELS = {"1": False, "infinite": True}
"""Of DAV:sync-level (§6.3): members alone, or all beneath."""


def sync_collection(request: Request, root: etree._Element, seen: Seen) -> Response:
    """What changed since a token (§3.2). Raises UnknownSyncToken, DavError 400, 403 where nothing can be kept in step.

    Members that may be discovered come with their properties, those that are gone with 404; where more is to be told
    than the client wants or one answer holds, the collection itself comes with 507 (§3.6).
    """
    if not request.tree.can_sync(seen):
        raise DavError(403, "{DAV:}supported-report", message="this cannot be synchronised")
    token, deep, most = _asked(root)
    changes = request.tree.changes(seen, token, deep=deep, most=most)
    ask, page = wish(request, root), changes.changed
    hrefs = [request.href(each.path, each.node.is_collection) for each in page]
    dead = request.tree.properties(page) if ask.shows_dead else [{}] * len(page)
    facts = Page(request, covering_locks(request, page) if ask.shows_locks else None)
    rows = responses(ask, facts, zip(hrefs, page, dead, strict=True))
    rows += [xml.response_status(request.href(gone.path, gone.is_collection), 404) for gone in changes.gone]
    if not changes.is_whole:
        limit = xml.element("{DAV:}number-of-matches-within-limits")
        rows.append(xml.response_status(request.href(seen.path, is_collection=True), 507, limit))
    rows.append(xml.element("{DAV:}sync-token", xml.escape(changes.token)))
    return multistatus(request, xml.multistatus(rows))


def _asked(root: etree._Element) -> tuple[str, bool, int | None]:
    """Token, depth and limit of a body (§6.1). Raises DavError 400."""
    token, level, prop = (root.find(f"{{DAV:}}{name}") for name in ("sync-token", "sync-level", "prop"))
    if token is None or level is None or prop is None:
        raise DavError(400, message="a sync-collection holds sync-token, sync-level and prop")
    deep = LEVELS.get((level.text or "").strip())
    if deep is None:
        raise DavError(400, message="sync-level is 1 or infinite")
    limit = root.find("{DAV:}limit")
    if limit is None:
        return (token.text or "").strip(), deep, None
    most = (limit.findtext("{DAV:}nresults") or "").strip()
    if not (most.isascii() and most.isdigit() and int(most[:9]) > 0):
        raise DavError(400, message="nresults is a number, 1 or more")
    return (token.text or "").strip(), deep, int(most[:9])
