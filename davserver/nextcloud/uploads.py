"""Chunked upload, version 2: `uploads/<user>/<upload>/<part>`, put together by MOVE of `.file` to its place.

Parts may have any names; their order is that of the names, which fits all clients (numbers, offsets, offset ranges).
Whether the document may be put at all is asked when the upload begins, if its place is named then, and in any case
before anything is put together; the last word is said in the transaction that makes it the document.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from acl.principals import Principal
from acl.privileges import Rights
from davserver.dav import body, targets
from davserver.dav.content import sent_media_type, stored, wished_time
from davserver.dav.errors import DavError
from davserver.dav.exchange import Exchange
from davserver.dav.properties import Page
from davserver.dav.propfind import answer, asked, finite_depth
from davserver.dav.request import Request, Response, Site
from davserver.nextcloud.mounts import Drives, is_own
from davserver.tree.mirrored import MirroredTree
from davserver.tree.seen import PreconditionFailed, Seen, Terms
from davserver.tree.uploads import Uploads
from shareproviders.contract import BodyTruncated, Node, NotFound, Unavailable
from shareproviders.paths import SharePath

PREFIX = "/remote.php/dav/uploads"
WHOLE = ".file"
"""What is moved to make the document."""

_NAMES = targets.decode_path(PREFIX).segments
_HOME = Node(0, (0,), "", True, 0, "", "", 0, 0, 0)
_NOTHING: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger(__name__)

Stores = Callable[[Principal], Uploads]
"""The unfinished uploads of a principal."""


class UploadsAnnex:
    """The addresses below `uploads/<user>/`."""

    def __init__(self, drives: Drives, stores: Stores) -> None:
        self._drives, self._stores = drives, stores

    def takes(self, path: tuple[str, ...]) -> bool:
        return path[: len(_NAMES)] == _NAMES and len(path) > len(_NAMES)

    def answer(self, exchange: Exchange, target: targets.Target) -> Response:
        """Raises NotFound for another's name, DavError 405 for what cannot be done there, and what the verbs raise."""
        tree, principal = self._drives.enter(exchange.environ)
        user, *below = target.segments[len(_NAMES) :]
        if not is_own(principal, user):
            raise NotFound("there is nothing here")
        if len(below) > 2:
            raise NotFound("there is nothing here")
        site = Site(f"{PREFIX}/{targets.encode_segment(user)}")
        request = Request(exchange.environ, tree, SharePath(tuple(below)), has_slash=target.has_slash, site=site)
        exchange.request = request
        call = Call(request, tree, self._stores(principal), self._drives.own_site(principal))
        verbs = call.verbs()
        if request.method not in verbs:
            allowed = [("Allow", ", ".join(("OPTIONS", *verbs)))]
            raise DavError(405, message="this cannot be done here", headers=allowed)
        return verbs[request.method]()


class Call:
    """One request."""

    def __init__(self, request: Request, tree: MirroredTree, uploads: Uploads, site: Site) -> None:
        self._request, self._tree, self._uploads, self._site = request, tree, uploads, site
        self._name = request.path.segments[0] if request.path.segments else ""
        self._part = request.path.segments[1] if len(request.path.segments) > 1 else None

    def verbs(self) -> Mapping[str, Callable[[], Response]]:
        """What can be done at the request's address."""
        if not self._name:
            return {"PROPFIND": self._propfind}
        if self._part is None:
            return {"PROPFIND": self._propfind, "MKCOL": self._begin, "DELETE": self._drop}
        if self._part == WHOLE:
            return {"MOVE": self._finish}
        return {"PROPFIND": self._propfind, "PUT": self._take, "DELETE": self._drop}

    def _begin(self) -> Response:
        if self._request.header("Destination"):
            place = self._place()
            self._tree.admit_put(place.path, place.terms(), self._total())
        self._uploads.begin(self._name)
        return Response(201, [], [])

    def _take(self) -> Response:
        environ = dict(self._request.environ)
        environ.pop("HTTP_OC_TOTAL_LENGTH", None)  # it speaks of the whole document
        length = body.expected_length(environ)
        node = self._uploads.take(self._name, self._part or "", body.pieces(environ, body.Checks(environ)), length)
        return Response(201, [("ETag", f'"{node.entity_tag}"')], [])

    def _drop(self) -> Response:
        self._uploads.drop(self._name, self._part)
        return Response(204, [], [])

    def _finish(self) -> Response:
        parts = self._uploads.parts(self._name)
        size, total = sum(part.size for part in parts), self._total()
        if total is not None and total != size:
            raise BodyTruncated(f"the parts have {size} bytes instead of {total}; nothing was changed")
        place = self._place()
        terms, modified = self._terms(place), wished_time(place.header("X-OC-Mtime"))
        self._tree.admit_put(place.path, terms, size)
        checks = body.Checks(place.environ)
        staged = self._tree.stage(place.path, checks.verified(self._uploads.together(parts), size))
        try:
            told = {"media_type": sent_media_type(place.header("Content-Type")), "checksum": checks.kept()}
            seen, created = self._tree.put(place.path, staged, terms, modified=modified, **told)
        finally:
            staged.discard()
        try:
            self._uploads.drop(self._name)
        except (NotFound, Unavailable) as error:  # the document is there; the parts go within a day
            _log.warning("the parts of a finished upload stay for now: %s", error)
        return stored(place, seen, created=created, modified=modified)

    def _place(self) -> Request:
        """The same request, seen from the document that is to be."""
        there = Request(self._request.environ, self._tree, SharePath(()), has_slash=False, site=self._site)
        place = Request(self._request.environ, self._tree, there.destination(), has_slash=False, site=self._site)
        place.nodes = self._request.nodes  # for the one line of log
        return place

    def _terms(self, place: Request) -> Terms:
        """Conditions of the request are about the document; with `Overwrite: F` nothing may stand there."""
        terms = place.terms()
        if place.overwrite():
            return terms

        def check() -> None:
            terms.check()
            if self._tree.may_know(place.path):
                raise PreconditionFailed("something stands at the destination already")

        return replace(terms, check=check)

    def _total(self) -> int | None:
        raw = self._request.header("OC-Total-Length")
        if raw is None:
            return None
        if not raw.isascii() or not raw.isdigit() or len(raw) > 19:
            raise DavError(400, message="OC-Total-Length must be a number")
        return int(raw)

    def _propfind(self) -> Response:
        """What a client has to know to go on: which parts there are, and how long they are."""
        request = self._request
        depth, ask = finite_depth(request), asked(request)
        node = self._uploads.stat(self._name, self._part) if self._name else _HOME
        rows = [self._row(request.path, node)]
        if depth == "1" and node.is_collection:
            members = self._uploads.parts(self._name) if self._name else self._uploads.all()
            rows += [self._row(request.path / member.name, member) for member in members]
        return answer(ask, Page(request), [(href, seen, _NOTHING) for href, seen in rows])

    def _row(self, path: SharePath, node: Node) -> tuple[str, Seen]:
        href = self._request.href(path, node.is_collection)
        return href, Seen(path, "", node, Rights.READ, node.entity_tag, node.name)
