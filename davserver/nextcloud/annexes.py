"""What the trees beside the files share: one request at an address below `<tree>/<user>/`, with its verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from acl.privileges import Rights
from davserver.dav import targets
from davserver.dav.content import browser_headers
from davserver.dav.errors import DavError
from davserver.dav.exchange import Exchange
from davserver.dav.properties import LiveProperty, Page
from davserver.dav.propfind import answer, asked, finite_depth
from davserver.dav.request import Request, Response, Site
from davserver.nextcloud.mounts import Drives, is_own
from davserver.tree.seen import Seen
from shareproviders.contract import Node, NotFound
from shareproviders.paths import ROOT, SharePath

FOLDER = Node(0, (0,), "", True, 0, "", "", 0, 0, 0)
"""A collection that stands for itself alone."""
NOTHING: Mapping[str, str] = MappingProxyType({})

Verbs = Mapping[str, Callable[[], Response]]


class AnnexCall:
    """One request in one of these trees; a kind of tree says what its addresses hold and what can be done there."""

    root: str
    """The segment below `/remote.php/dav/`."""

    def __init__(self, exchange: Exchange, drives: Drives, user: str, below: SharePath) -> None:
        """Raises NotFound for another's name, and what the login raises."""
        self.tree, self.principal = drives.enter(exchange.environ)
        if not is_own(self.principal, user):
            raise NotFound("there is nothing here")
        self.drives, self.below = drives, below
        prefix = f"/remote.php/dav/{self.root}/{targets.encode_segment(user)}"
        site = Site(prefix, drives.origin, properties=tuple(self.properties()))
        self.request = Request(exchange.environ, self.tree, below, has_slash=True, site=site)
        exchange.request = self.request

    def properties(self) -> Iterable[LiveProperty]:
        """Live properties of this tree alone."""
        return ()

    def verbs(self) -> Verbs:
        """What can be done at the address. Raises NotFound where nothing is."""
        raise NotImplementedError

    def listed(self, own: Seen, members: Callable[[], Iterable[Seen]]) -> Response:
        """A PROPFIND of depth 0 or 1."""
        depth, ask = finite_depth(self.request), asked(self.request)
        rows = [own, *(members() if depth == "1" and own.node.is_collection else ())]
        hrefs = [(self.request.href(seen.path, seen.node.is_collection), seen, NOTHING) for seen in rows]
        return answer(ask, Page(self.request), hrefs)

    def collection(self, path: SharePath) -> Seen:
        """One that stands for itself alone."""
        return Seen(path, "", FOLDER._replace(name=path.name if path != ROOT else ""), Rights.READ, "", path.name)

    def sent(self, node: Node, pieces: Iterable[bytes]) -> Response:
        """A document's bytes, whole."""
        headers = [("ETag", f'"{node.entity_tag}"'), ("Content-Length", str(node.size))]
        return Response(200, [*headers, *browser_headers(node.media_type), ("Cache-Control", "no-store")], pieces)

    def demand_target(self, *names: str) -> None:
        """A MOVE must go to the place that stands for restoring. Raises DavError 403."""
        target = self.request.destination()
        if target.segments[: len(names)] != names:
            raise DavError(403, message="from here something can only be moved to where it is restored")

    def drives_of_asker(self) -> list[Seen]:
        """The drives themselves, without what others share."""
        return [seen for seen in self.tree.children(self.tree.stat(ROOT)) if seen.share]


class DavAnnex:
    """The addresses of one such tree."""

    def __init__(
        self, root: str, drives: Drives, call: Callable[[Exchange, Drives, str, SharePath], AnnexCall]
    ) -> None:
        self._drives, self._call = drives, call
        self._names = ("remote.php", "dav", root)

    def takes(self, path: tuple[str, ...]) -> bool:
        return path[: len(self._names)] == self._names and len(path) > len(self._names)

    def answer(self, exchange: Exchange, target: targets.Target) -> Response:
        """Raises DavError 405 for what cannot be done there, and what the call raises."""
        user, *below = target.segments[len(self._names) :]
        verbs = self._call(exchange, self._drives, user, SharePath(tuple(below))).verbs()
        method = exchange.environ["REQUEST_METHOD"]
        if method not in verbs:
            raise DavError(405, message="this cannot be done here", headers=[("Allow", ", ".join(("OPTIONS", *verbs)))])
        return verbs[method]()
