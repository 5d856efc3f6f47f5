"""Live properties in the namespaces of ownCloud and Nextcloud, never in allprop."""

from __future__ import annotations

from collections.abc import Callable

from davserver.dav.properties import LiveProperty, Page
from davserver.dav.request import Headers, Request
from davserver.dav.xml import element, escape
from davserver.nextcloud.mapping import FileIds, holder, permissions
from davserver.tree.mirrored import MirroredTree
from davserver.tree.seen import Lock, Seen

OC, NC = "{http://owncloud.org/ns}", "{http://nextcloud.org/ns}"
SECOND = 1_000_000
LOCKED_BY_TOKEN = 2
"""`nc:lock-owner-type` of a WebDAV lock (nextcloud/files_lock)."""

Value = Callable[[Page, Seen], str | None]


def tree_of(request: Request) -> MirroredTree:
    """The tree of a request that came to one of this room's mounts."""
    tree = request.tree
    assert isinstance(tree, MirroredTree)
    return tree


def properties(ids: FileIds) -> tuple[LiveProperty, ...]:
    """All rows; the mounts of this room hand them to the protocol room."""
    rows: list[LiveProperty] = [
        LiveProperty(f"{OC}id", False, _text(f"{OC}id", lambda _, seen: ids.long(seen))),
        LiveProperty(f"{OC}fileid", False, _text(f"{OC}fileid", lambda _, seen: str(ids.of(seen)))),
    ]
    rows.append(LiveProperty(f"{OC}checksums", False, _checksums, is_confirmed=True))  # rclone sends it with a time
    rows += [LiveProperty(name, False, _text(name, told)) for name, told in _TOLD.items()]
    rows += [LiveProperty(name, False, _text(name, _of_lock(told)), needs_locks=True) for name, told in _LOCK.items()]
    return tuple(rows)


def facts(ids: FileIds) -> Callable[[Request, Seen], Headers]:
    """Headers beside the entity tag: the long id, and the checksum with which a document came."""

    def told(request: Request, seen: Seen) -> Headers:
        headers = [("OC-FileId", ids.long(seen))]
        if seen.share and not seen.node.is_collection:
            checksum = tree_of(request).checksums([seen]).get((seen.share, seen.node.id))
            headers += [("OC-Checksum", checksum.split(" ")[0])] if checksum else []
        return headers

    return told


def _text(name: str, told: Value) -> Value:
    """A property around a text; None where the resource has none."""

    def value(page: Page, seen: Seen) -> str | None:
        text = told(page, seen)
        return None if text is None else element(name, escape(text))

    return value


def _of_lock(told: Callable[[Lock], str]) -> Value:
    """What is told of the first lock that covers a document; nothing where none does."""

    def value(page: Page, seen: Seen) -> str | None:
        locks = page.locks.get(seen.path)
        return told(locks[0]) if locks and not seen.node.is_collection else None

    return value


def _permissions(page: Page, seen: Seen) -> str:
    return permissions(seen, tree_of(page.request).rights_above(seen))


def _size(page: Page, seen: Seen) -> str | None:
    size = page.once(tree_of(page.request).sizes).get((seen.share, seen.node.id))
    return None if size is None else str(size)


def _checksums(page: Page, seen: Seen) -> str | None:
    known = page.once(tree_of(page.request).checksums).get((seen.share, seen.node.id))
    return None if known is None else element(f"{OC}checksums", element(f"{OC}checksum", escape(known)))


def _owner(page: Page, seen: Seen) -> str:
    return seen.share or page.request.tree.principal.id


def _owner_name(page: Page, seen: Seen) -> str:
    asker = page.request.tree.principal
    return tree_of(page.request).committee(seen) or asker.name or asker.id


def _mount_type(_page: Page, seen: Seen) -> str:
    return "group" if seen.share and len(seen.path.segments) == 1 else ""


def _always(text: str) -> Value:
    return lambda _page, _seen: text


def _seconds(_page: Page, seen: Seen) -> str:
    return str(seen.node.created // SECOND)


def _share_types(_page: Page, _seen: Seen) -> str:
    return ""  # links and shares inside are made in the portal, not by these clients


_TOLD: dict[str, Value] = {
    f"{OC}permissions": _permissions,
    f"{OC}size": _size,
    f"{OC}owner-id": _owner,
    f"{OC}owner-display-name": _owner_name,
    f"{OC}share-types": _share_types,
    f"{OC}favorite": _always("0"),
    f"{OC}comments-unread": _always("0"),
    f"{OC}data-fingerprint": _always(""),
    f"{NC}has-preview": _always("false"),
    f"{NC}is-encrypted": _always("0"),
    f"{NC}mount-type": _mount_type,
    f"{NC}creation_time": _seconds,
    f"{NC}upload_time": _seconds,
}

_LOCK: dict[str, Callable[[Lock], str]] = {
    f"{NC}lock": lambda _: "1",
    f"{NC}lock-owner": lambda lock: lock.principal.partition(":")[2],
    f"{NC}lock-owner-displayname": holder,
    f"{NC}lock-owner-type": lambda _: str(LOCKED_BY_TOKEN),
    f"{NC}lock-owner-editor": lambda _: "",
    f"{NC}lock-time": lambda lock: str(lock.expires // SECOND - lock.seconds),
    f"{NC}lock-timeout": lambda lock: str(lock.seconds),
}
