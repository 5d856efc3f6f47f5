"""Where trees are mounted: the drives at one prefix, links at another; each says who asks and what he finds there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from acl.principals import Principal, PrincipalKind
from davserver.dav import targets
from davserver.dav.exchange import Exchange
from davserver.dav.request import Response, Site
from davserver.dav.spelling import called
from davserver.login import Unauthorized
from davserver.openings import METHODS, PREFIX
from shareproviders.contract import NotFound

if TYPE_CHECKING:
    from davserver.tree.linked import LinkTree
    from davserver.tree.locking import GuardedTree
    from davserver.tree.opened import OpenedTree

Login = Callable[[Mapping[str, Any]], Principal]
"""Who sent the request with this environ; raises LoginError, Unavailable or DavError."""
Doors = Callable[[Principal], "GuardedTree"]
"""The tree as this principal sees it, made for one request."""
OpenDoors = Callable[[Mapping[str, Any], str, tuple[str, ...]], "OpenedTree"]
"""The tree that a one-time token opens to the sender of this environ, at these names below it; raises NotFound."""
LinkDoors = Callable[[Mapping[str, Any], str], "LinkTree"]
"""The tree that a token opens to the sender of this environ; raises NotFound, LoginError, Unavailable."""


class Entered(NamedTuple):
    """What a request has come to."""

    tree: GuardedTree
    site: Site
    """Without the public origin, which is the server's to add."""
    below: tuple[str, ...]
    """Names of the request's path below the site's prefix."""


class Mount(Protocol):
    """One prefix of the server."""

    names: tuple[str, ...]
    """The decoded segments of the prefix."""

    def enter(self, environ: Mapping[str, Any], below: tuple[str, ...]) -> Entered:
        """Log in and open the door; `below` are the names under the prefix."""


class Annex(Protocol):
    """Addresses beside the mounts that are answered in WebDAV's terms, but not by a tree of drives."""

    def takes(self, path: tuple[str, ...]) -> bool:
        """Is this decoded path one of its own?"""

    def answer(self, exchange: Exchange, target: targets.Target) -> Response:
        """Log in, do it, tell it; raises what verbs raise."""


class DriveMount:
    """All drives of whoever logs in."""

    def __init__(self, login: Login, doors: Doors, prefix: str) -> None:
        self._login, self._doors = login, doors
        self.site = Site(prefix)
        self.names = targets.decode_path(prefix).segments

    def enter(self, environ: Mapping[str, Any], below: tuple[str, ...]) -> Entered:
        """Raises Unauthorized for nobody, and what the login raises."""
        principal = self._login(environ)
        if principal.kind is PrincipalKind.ANONYMOUS:
            raise Unauthorized("log in with your user name and an app password")
        return Entered(self._doors(principal), self.site, below)


class LinkMount:
    """`/dav-link/<token>/`: what one link opens, to whoever has its token; without a token there is nothing."""

    def __init__(self, doors: LinkDoors, prefix: str = "/dav-link") -> None:
        self._doors, self._prefix = doors, prefix
        self.names = targets.decode_path(prefix).segments

    def enter(self, environ: Mapping[str, Any], below: tuple[str, ...]) -> Entered:
        """Raises NotFound, and what the doors raise."""
        if not below:
            raise NotFound("there is nothing here")
        token, *rest = below
        tree = self._doors(environ, token)
        prefix = f"{self._prefix}/{targets.encode_segment(token)}"
        return Entered(tree, Site(prefix, base=tree.base), tuple(rest))


class OpenMount:
    """`/dav-open/<token>/<name>`: one document, to whoever opens it first within the time; nobody ever logs in."""

    def __init__(self, doors: OpenDoors) -> None:
        self._doors = doors
        self.names = targets.decode_path(PREFIX).segments

    def enter(self, environ: Mapping[str, Any], below: tuple[str, ...]) -> Entered:
        """Raises NotFound. The document keeps the name that its address has, though it may be called otherwise now."""
        if not below:
            raise NotFound("there is nothing here")
        token, names = below[0], below[1:]
        tree = self._doors(environ, token, names)
        spelling = called(tree.document.name, tree.opening.name)
        prefix = f"{PREFIX}/{targets.encode_segment(token)}"
        site = Site(prefix, base=tree.base, methods=METHODS, spelling=spelling)
        return Entered(tree, site, tuple(spelling.meant(name) for name in names))
