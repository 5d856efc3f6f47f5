"""Live properties: the table of all, and which a client may set (RFC 4918 §15; RFC 4331).

Everything that no row names is a dead property, kept as the client sent it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from acl.privileges import Rights
from davserver.dav import access, principals, privileges
from davserver.dav.conditions import SECOND, http_date
from davserver.dav.locking import SUPPORTED_LOCK, lockdiscovery
from davserver.dav.request import Request
from davserver.dav.spelling import PLAIN
from davserver.dav.xml import element, escape, escape_all
from davserver.tree.seen import Lock, Seen
from shareproviders.contract import Usage
from shareproviders.paths import SharePath

Told = TypeVar("Told")

Texts = list[str | None]
Values = Callable[["Page", Sequence[Seen]], Texts]
NO_LOCKS = "<D:lockdiscovery/>"

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
    values: Values | None = None
    """The same of many at once, for those that make long listings: a call for each was a quarter of their time."""

    def all(self, page: Page, members: Sequence[Seen]) -> Texts:
        """Of each, in order."""
        if self.values is not None:
            return self.values(page, members)
        return [self.value(page, seen) for seen in members]


def _creationdate(_page: Page, members: Sequence[Seen]) -> Texts:
    return [f"<D:creationdate>{_instant(seen.node.created // SECOND)}</D:creationdate>" for seen in members]


@functools.lru_cache(maxsize=1024)
def _instant(second: int) -> str:
    year, month, day, hour, minute, second, *_ = time.gmtime(second)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def _displayname(page: Page, members: Sequence[Seen]) -> Texts:
    names = [seen.display_name for seen in members]
    if page.shown is not PLAIN.shown:
        names = [page.shown(name) for name in names]
    return [f"<D:displayname>{name}</D:displayname>" if name else None for name in escape_all(names)]


def _getcontentlength(_page: Page, members: Sequence[Seen]) -> Texts:
    return [
        None if seen.node.is_collection else f"<D:getcontentlength>{seen.node.size}</D:getcontentlength>"
        for seen in members
    ]


def _getcontenttype(_page: Page, members: Sequence[Seen]) -> Texts:
    kinds = {seen.node.media_type for seen in members}
    told = {
        kind: f"<D:getcontenttype>{escape(kind or 'application/octet-stream')}</D:getcontenttype>" for kind in kinds
    }
    return [None if seen.node.is_collection else told[seen.node.media_type] for seen in members]


def _getetag(_page: Page, members: Sequence[Seen]) -> Texts:
    return [f'<D:getetag>"{seen.tag}"</D:getetag>' if seen.tag else None for seen in members]


def _getlastmodified(_page: Page, members: Sequence[Seen]) -> Texts:
    return [f"<D:getlastmodified>{http_date(seen.node.modified)}</D:getlastmodified>" for seen in members]


def _win32_last_modified(_page: Page, seen: Seen) -> str:
    return element(f"{WIN32}Win32LastModifiedTime", http_date(seen.node.modified))


def _resourcetype(_page: Page, members: Sequence[Seen]) -> Texts:
    collection, document = "<D:resourcetype><D:collection/></D:resourcetype>", "<D:resourcetype/>"
    principal = "<D:resourcetype><D:principal/></D:resourcetype>"
    return [
        principal
        if not seen.share and principals.is_principal(seen.path)
        else collection
        if seen.node.is_collection
        else document
        for seen in members
    ]


def _supportedlock(_page: Page, members: Sequence[Seen]) -> Texts:
    lockable, fixed = f"<D:supportedlock>{SUPPORTED_LOCK}</D:supportedlock>", "<D:supportedlock/>"
    return [lockable if seen.share else fixed for seen in members]


def _lockdiscovery(page: Page, seen: Seen) -> str:
    locks = page.locks.get(seen.path)
    if not locks:
        return NO_LOCKS
    request = page.request
    content = lockdiscovery(locks, seen, reader=request.tree.principal.key, now=page.now, href=request.href)
    return f"<D:lockdiscovery>{content}</D:lockdiscovery>"


def _lockdiscoveries(page: Page, members: Sequence[Seen]) -> Texts:
    return [_lockdiscovery(page, seen) for seen in members] if page.locks else [NO_LOCKS] * len(members)


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


def _together(name: str, values: Values) -> LiveProperty:
    return LiveProperty(name, True, lambda page, seen: values(page, (seen,))[0], values=values)


LIVE: tuple[LiveProperty, ...] = (
    _together("{DAV:}creationdate", _creationdate),
    _together("{DAV:}displayname", _displayname),
    _together("{DAV:}getcontentlength", _getcontentlength),
    _together("{DAV:}getcontenttype", _getcontenttype),
    _together("{DAV:}getetag", _getetag),
    _together("{DAV:}getlastmodified", _getlastmodified),
    _together("{DAV:}resourcetype", _resourcetype),
    _together("{DAV:}supportedlock", _supportedlock),
    LiveProperty("{DAV:}lockdiscovery", True, _lockdiscovery, needs_locks=True, values=_lockdiscoveries),
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


_NOT_LEAN = frozenset({"{DAV:}getcontenttype", "{DAV:}supportedlock", "{DAV:}lockdiscovery"})
LEAN: tuple[LiveProperty, ...] = (
    *(prop for prop in LIVE if prop.in_allprop and prop.name not in _NOT_LEAN),
    LiveProperty("{DAV:}lockdiscovery", True, _lockdiscovery_if_any, needs_locks=True),
)
"""What Windows gets of each member for allprop: it takes no listing above a million bytes, and asks for a document
by itself before it locks it (docs/decisions/0027)."""
