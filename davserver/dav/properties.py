"""Live properties: the table of all, and which a client may set (RFC 4918 §15; RFC 4331).

Everything that no row names is a dead property, kept as the client sent it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from acl.privileges import Rights
from davserver.dav import access, principals, privileges
from davserver.dav.conditions import SECOND, http_date
from davserver.dav.locking import SUPPORTED_LOCK, lockdiscovery
from davserver.dav.request import Request
from davserver.dav.xml import element, escape
from davserver.tree.seen import Lock, Seen
from shareproviders.contract import Usage
from shareproviders.paths import SharePath

Told = TypeVar("Told")

WIN32 = "{urn:schemas-microsoft-com:}"


class Page:
    """One answer's resources, and what their properties need beside them, asked once for all."""

    __slots__ = ("_held", "_told", "_usages", "locks", "members", "now", "request", "shown")

    def __init__(
        self, request: Request, locks: dict[SharePath, list[Lock]] | None = None, members: Sequence[Seen] = ()
    ) -> None:
        self.request, self.members = request, members
        self.shown = request.site.spelling.shown
        self.locks = locks or {}
        self.now = request.tree.clock()
        self._held: dict[int, str] = {}
        self._usages: dict[str, Usage | None] = {}
        self._told: dict[Callable[..., Any], Any] = {}

    def once(self, ask: Callable[[Sequence[Seen]], Told]) -> Told:
        """What `ask` says of all members, asked when the first of them needs it."""
        if ask not in self._told:
            self._told[ask] = ask(self.members)
        told: Told = self._told[ask]
        return told

    def held(self, seen: Seen) -> str:
        """The privileges that the asker holds, serialised."""
        rights = int(seen.rights)
        if rights not in self._held:
            self._held[rights] = privileges.held(seen.rights)
        return self._held[rights]

    def usage(self, seen: Seen) -> Usage | None:
        if seen.share not in self._usages:
            self._usages[seen.share] = self.request.tree.usage(seen)
        return self._usages[seen.share]


class LiveProperty(NamedTuple):
    """A property that the server computes."""

    name: str
    in_allprop: bool
    value: Callable[[Page, Seen], str | None]
    """The whole element, serialised; None where the resource has no such property (404)."""
    needs_locks: bool = False
    needs: Rights = Rights.NONE
    """Without these rights it is there, but may not be read (403 in its propstat, RFC 3744 §5)."""
    is_confirmed: bool = False
    """Clients set it to what they know anyway: that is confirmed and changes nothing."""


def _creationdate(_page: Page, seen: Seen) -> str:
    year, month, day, hour, minute, second, *_ = time.gmtime(seen.node.created // SECOND)
    instant = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    return f"<D:creationdate>{instant}</D:creationdate>"


def _displayname(page: Page, seen: Seen) -> str | None:
    return f"<D:displayname>{escape(page.shown(seen.display_name))}</D:displayname>" if seen.display_name else None


def _getcontentlength(_page: Page, seen: Seen) -> str | None:
    node = seen.node
    return None if node.is_collection else f"<D:getcontentlength>{node.size}</D:getcontentlength>"


def _getcontenttype(_page: Page, seen: Seen) -> str | None:
    node = seen.node
    if node.is_collection:
        return None
    return f"<D:getcontenttype>{escape(node.media_type or 'application/octet-stream')}</D:getcontenttype>"


def _getetag(_page: Page, seen: Seen) -> str | None:
    return f'<D:getetag>"{seen.tag}"</D:getetag>' if seen.tag else None


def _getlastmodified(_page: Page, seen: Seen) -> str:
    return f"<D:getlastmodified>{http_date(seen.node.modified)}</D:getlastmodified>"


def _win32_last_modified(_page: Page, seen: Seen) -> str:
    return element(f"{WIN32}Win32LastModifiedTime", http_date(seen.node.modified))


def _resourcetype(_page: Page, seen: Seen) -> str:
    if principals.is_principal(seen.path):
        return "<D:resourcetype><D:principal/></D:resourcetype>"
    if seen.node.is_collection:
        return "<D:resourcetype><D:collection/></D:resourcetype>"
    return "<D:resourcetype/>"


def _supportedlock(_page: Page, seen: Seen) -> str:
    return f"<D:supportedlock>{SUPPORTED_LOCK}</D:supportedlock>" if seen.share else "<D:supportedlock/>"


def _lockdiscovery(page: Page, seen: Seen) -> str:
    locks = page.locks.get(seen.path)
    if not locks:
        return "<D:lockdiscovery/>"
    request = page.request
    content = lockdiscovery(locks, seen, reader=request.tree.principal.key, now=page.now, href=request.href)
    return f"<D:lockdiscovery>{content}</D:lockdiscovery>"


def _quota_available(page: Page, seen: Seen) -> str | None:
    usage = page.usage(seen) if seen.node.is_collection else None
    return None if usage is None else f"<D:quota-available-bytes>{usage.available}</D:quota-available-bytes>"


def _quota_used(page: Page, seen: Seen) -> str | None:
    usage = page.usage(seen) if seen.node.is_collection else None
    return None if usage is None else f"<D:quota-used-bytes>{usage.used}</D:quota-used-bytes>"


def _privilege_set(page: Page, seen: Seen) -> str:
    return f"<D:current-user-privilege-set>{page.held(seen)}</D:current-user-privilege-set>"


def _sync_token(page: Page, seen: Seen) -> str | None:
    tree = page.request.tree
    return f"<D:sync-token>{escape(tree.sync_token(seen))}</D:sync-token>" if tree.can_sync(seen) else None


LIVE: tuple[LiveProperty, ...] = (
    LiveProperty("{DAV:}creationdate", True, _creationdate),
    LiveProperty("{DAV:}displayname", True, _displayname),
    LiveProperty("{DAV:}getcontentlength", True, _getcontentlength),
    LiveProperty("{DAV:}getcontenttype", True, _getcontenttype),
    LiveProperty("{DAV:}getetag", True, _getetag),
    LiveProperty("{DAV:}getlastmodified", True, _getlastmodified),
    LiveProperty("{DAV:}resourcetype", True, _resourcetype),
    LiveProperty("{DAV:}supportedlock", True, _supportedlock),
    LiveProperty("{DAV:}lockdiscovery", True, _lockdiscovery, needs_locks=True),
    LiveProperty("{DAV:}quota-available-bytes", False, _quota_available),
    LiveProperty("{DAV:}quota-used-bytes", False, _quota_used),
    LiveProperty("{DAV:}current-user-privilege-set", False, _privilege_set),
    LiveProperty("{DAV:}sync-token", False, _sync_token),
    LiveProperty("{DAV:}acl", False, access.acl_value, needs=Rights.READ_ACL),
    *(LiveProperty(name, False, value) for name, value in (*access.VALUES, *principals.VALUES)),
    LiveProperty(f"{WIN32}Win32LastModifiedTime", False, _win32_last_modified),
)


def _lockdiscovery_if_any(page: Page, seen: Seen) -> str | None:
    return _lockdiscovery(page, seen) if seen.path in page.locks else None


LEAN: tuple[LiveProperty, ...] = (
    *(prop for prop in LIVE if prop.in_allprop and prop.value not in (_getcontenttype, _supportedlock, _lockdiscovery)),
    LiveProperty("{DAV:}lockdiscovery", True, _lockdiscovery_if_any, needs_locks=True),
)
"""What Windows gets of each member for allprop: it takes no listing above a million bytes, and asks for a document
by itself before it locks it (docs/decisions/0027)."""
