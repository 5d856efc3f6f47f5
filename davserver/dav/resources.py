"""WsgiDAV's object model over what a principal sees: one provider at `/`, collections and documents.

Our verbs do not need it; it is for what speaks WsgiDAV: its provider interface sees the same tree through the door.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider

from davserver.dav.request import Request
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound
from shareproviders.paths import BadName, SharePath

REQUEST = "gremium.request"
"""Where the environ carries the Request."""


class RootProvider(DAVProvider):  # type: ignore[misc]  # wsgidav has no types
    """All drives as one WsgiDAV share; each look goes through the door of the request."""

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Collection | Document | None:
        """The resource at a decoded path, None for what the principal may not discover."""
        request: Request = environ[REQUEST]
        try:
            seen = request.tree.stat(SharePath.parse(path))
        except (NotFound, BadName):
            return None
        return resource(seen, environ)


def resource(seen: Seen, environ: dict[str, Any]) -> Collection | Document:
    """WsgiDAV's form of what is seen."""
    return Collection(seen, environ) if seen.node.is_collection else Document(seen, environ)


class _Facts:
    """What both kinds tell alike."""

    seen: Seen

    def get_display_name(self) -> str:
        return self.seen.display_name

    def get_creation_date(self) -> float:
        """Seconds since the epoch, as WsgiDAV counts."""
        return self.seen.node.created / 1e6

    def get_last_modified(self) -> float:
        """Seconds since the epoch."""
        return self.seen.node.modified / 1e6


class Collection(_Facts, DAVCollection):  # type: ignore[misc]  # wsgidav has no types
    """A collection as one principal sees it."""

    def __init__(self, seen: Seen, environ: dict[str, Any]) -> None:
        super().__init__(str(seen.path), environ)
        self.seen = seen

    def get_member_names(self) -> list[str]:
        """Names of the members that may be discovered."""
        return [member.name for member in self.get_member_list()]

    def get_member_list(self) -> list[Collection | Document]:
        """The members that may be discovered, sorted by name."""
        request: Request = self.environ[REQUEST]
        return [resource(seen, self.environ) for seen in request.tree.children(self.seen)]


class Document(_Facts, DAVNonCollection):  # type: ignore[misc]  # wsgidav has no types
    """A document as one principal sees it."""

    def __init__(self, seen: Seen, environ: dict[str, Any]) -> None:
        super().__init__(str(seen.path), environ)
        self.seen = seen

    def get_content_length(self) -> int:
        return self.seen.node.size

    def get_content_type(self) -> str:
        return self.seen.node.media_type or "application/octet-stream"

    def get_content(self) -> io.BufferedReader:
        """The bytes as a file, decrypted as they are read. Raises AccessDenied, Damaged."""
        request: Request = self.environ[REQUEST]
        return io.BufferedReader(_Pieces(request.tree.read(self.seen)), 256 * 1024)

    def get_etag(self) -> str:
        """Without quotes, as WsgiDAV wants it."""
        return self.seen.tag

    def support_etag(self) -> bool:
        return True

    def support_ranges(self) -> bool:
        return False  # get_content reads forward only; our own GET does ranges


class _Pieces(io.RawIOBase):
    """An iterator of bytes, read like a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        count = min(len(into), len(self._rest))
        into[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
