"""The drives under the addresses of Nextcloud and ownCloud, and what lies above them.

`/remote.php/dav/files/<user>/` and the older `/remote.php/webdav/` show the same tree to whoever logs in; another
user's name is answered as if he did not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from acl.labels import Classification
from acl.principals import Ceiling, Principal, PrincipalKind
from davserver.dav import targets
from davserver.dav.errors import DavError
from davserver.dav.exchange import Exchange
from davserver.dav.mounts import Entered, Login
from davserver.dav.propfind import propfind_above
from davserver.dav.request import Request, Response, Site
from davserver.login import Unauthorized
from davserver.nextcloud.mapping import FileIds
from davserver.nextcloud.properties import facts, properties
from davserver.tree.mirrored import MirroredTree
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

FILES, WEBDAV = "/remote.php/dav/files", "/remote.php/webdav"
COPIED_CLASS = Classification.RESTRICTED
"""The highest class that lies as a copy on devices for which nobody has decided otherwise (rights.md §3)."""

Doors = Callable[[Principal], MirroredTree]
"""The tree of whoever mirrors it, made for one request."""


def somebody(login: Login, environ: Mapping[str, Any]) -> Principal:
    """Who logs in. Raises Unauthorized for nobody.

    An app password says up to which class its device may keep copies; who comes without one gets the usual limit.
    """
    principal = login(environ)
    if principal.kind is PrincipalKind.ANONYMOUS:
        raise Unauthorized("log in with your user name and an app password")
    if not principal.ceiling.reason:
        return replace(principal, ceiling=Ceiling("copy", max_class=COPIED_CLASS))
    return principal


def is_own(principal: Principal, name: str) -> bool:
    """Does this segment of an address name the one who asks? Raises nothing and tells nothing of others."""
    return name.lower() == principal.id


class Drives:
    """What both mounts and the uploads share: who comes in, and how his tree is mounted."""

    def __init__(self, login: Login, doors: Doors, ids: FileIds, public_url: str = "") -> None:
        self._login, self._doors = login, doors
        self.origin = targets.split_origin(public_url)[0] if public_url else ""
        self.ids = ids
        self._properties, self._facts = properties(ids), facts(ids)

    def enter(self, environ: Mapping[str, Any]) -> tuple[MirroredTree, Principal]:
        """Raises Unauthorized, and what the login raises."""
        principal = somebody(self._login, environ)
        return self._doors(principal), principal

    def site(self, prefix: str, *aliases: str) -> Site:
        """The tree under this prefix, which other addresses may name by any of the aliases."""
        return Site(prefix, self.origin, aliases=aliases, properties=self._properties, facts=self._facts)

    def own_site(self, principal: Principal) -> Site:
        """The tree under its address for this principal."""
        return self.site(files_of(principal.id), WEBDAV)


def files_of(user: str) -> str:
    """The prefix of a user's tree, percent-encoded."""
    return f"{FILES}/{targets.encode_segment(user)}"


class FilesMount:
    """`/remote.php/dav/files/<user>/`."""

    names = targets.decode_path(FILES).segments

    def __init__(self, drives: Drives) -> None:
        self._drives = drives

    def enter(self, environ: Mapping[str, Any], below: tuple[str, ...]) -> Entered:
        """Raises NotFound for another's name, and what the login raises."""
        tree, principal = self._drives.enter(environ)
        if not below or not is_own(principal, below[0]):
            raise NotFound("there is nothing here")
        return Entered(tree, self._drives.site(files_of(below[0]), WEBDAV), below[1:])


class WebdavMount:
    """`/remote.php/webdav/`, as clients knew it before there were user names in it."""

    names = targets.decode_path(WEBDAV).segments

    def __init__(self, drives: Drives) -> None:
        self._drives = drives

    def enter(self, environ: Mapping[str, Any], below: tuple[str, ...]) -> Entered:
        """Raises what the login raises."""
        tree, principal = self._drives.enter(environ)
        return Entered(tree, self._drives.site(WEBDAV, files_of(principal.id)), below)


class Signposts:
    """The collections above: they hold nothing but the ways down."""

    def __init__(self, drives: Drives, roots: tuple[str, ...]) -> None:
        """`roots`: what is found at `/remote.php/dav/`, each with a collection per user."""
        self._drives, self._roots = drives, roots

    def takes(self, path: tuple[str, ...]) -> bool:
        return path in (("remote.php",), ("remote.php", "dav"), *(("remote.php", "dav", root) for root in self._roots))

    def answer(self, exchange: Exchange, target: targets.Target) -> Response:
        """PROPFIND of depth 0 or 1."""
        tree, principal = self._drives.enter(exchange.environ)
        if exchange.environ["REQUEST_METHOD"] != "PROPFIND":
            allowed = [("Allow", "OPTIONS, PROPFIND")]
            raise DavError(405, message="this cannot be done here", headers=allowed)
        path = SharePath(target.segments)
        ways = {1: ("dav", "webdav"), 2: self._roots, 3: (principal.id,)}[len(target.segments)]
        exchange.request = Request(exchange.environ, tree, path, has_slash=True, site=self._drives.site(""))
        return propfind_above(exchange.request, ways)
