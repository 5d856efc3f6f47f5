"""Chunked upload, version 2: `uploads/<user>/<upload>/<part>`, put together by MOVE of `.file` to its place.

Parts may have any names; their order is that of the names, which fits all clients (numbers, offsets, offset ranges).
Whether the document may be put at all is asked when the upload begins, if its place is named then, and in any case
before anything is put together; the last word is said in the transaction that makes it the document.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from acl.principals import Principal
from acl.privileges import Rights
from davserver.dav import body
from davserver.dav.content import sent_media_type, stored, wished_time
from davserver.dav.errors import DavError
from davserver.dav.exchange import Exchange
from davserver.dav.request import Request, Response
from davserver.nextcloud.annexes import AnnexCall, Verbs
from davserver.nextcloud.mounts import Drives
from davserver.tree.seen import PreconditionFailed, Seen, Terms
from davserver.tree.uploads import Uploads
from shareproviders.contract import BodyTruncated, Node, NotFound, Unavailable
from shareproviders.paths import ROOT, SharePath

WHOLE = ".file"
"""What is moved to make the document."""

_log = logging.getLogger(__name__)

Stores = Callable[[Principal], Uploads]
"""The unfinished uploads of a principal."""


class UploadsCall(AnnexCall):
    """One request about an upload or a part of it."""

    root = "uploads"

    def __init__(self, stores: Stores, exchange: Exchange, drives: Drives, user: str, below: SharePath) -> None:
        super().__init__(exchange, drives, user, below)
        if len(below.segments) > 2:
            raise NotFound("there is nothing here")
        self._uploads = stores(self.principal)
        self._name = below.segments[0] if below.segments else ""
        self._part = below.segments[1] if len(below.segments) > 1 else None

    def verbs(self) -> Verbs:
        if not self._name:
            return {"PROPFIND": self._propfind}
        if self._part is None:
            return {"PROPFIND": self._propfind, "MKCOL": self._begin, "DELETE": self._drop}
        if self._part == WHOLE:
            return {"MOVE": self._finish}
        return {"PROPFIND": self._propfind, "PUT": self._take, "DELETE": self._drop}

    def _begin(self) -> Response:
        if self.request.header("Destination"):
            place = self._place()
            self.tree.admit_put(place.path, place.terms(), self._total())
        self._uploads.begin(self._name)
        return Response(201, [], [])

    def _take(self) -> Response:
        environ = dict(self.request.environ)
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
        self.tree.admit_put(place.path, terms, size)
        checks = body.Checks(place.environ)
        staged = self.tree.stage(place.path, checks.verified(self._uploads.together(parts), size))
        try:
            told = {"media_type": sent_media_type(place.header("Content-Type")), "checksum": checks.kept()}
            seen, created = self.tree.put(place.path, staged, terms, modified=modified, **told)
        finally:
            staged.discard()
        try:
            self._uploads.drop(self._name)
        except (NotFound, Unavailable) as error:  # the document is there; the parts go within a day
            _log.warning("the parts of a finished upload stay for now: %s", error)
        return stored(place, seen, created=created, modified=modified)

    def _place(self) -> Request:
        """The same request, seen from the document that is to be."""
        site = self.drives.own_site(self.principal)
        there = Request(self.request.environ, self.tree, ROOT, has_slash=False, site=site)
        place = Request(self.request.environ, self.tree, there.destination(), has_slash=False, site=site)
        place.nodes = self.request.nodes  # for the one line of log
        return place

    def _terms(self, place: Request) -> Terms:
        """Conditions of the request are about the document; with `Overwrite: F` nothing may stand there."""
        terms = place.terms()
        if place.overwrite():
            return terms

        def check() -> None:
            terms.check()
            if self.tree.may_know(place.path):
                raise PreconditionFailed("something stands at the destination already")

        return replace(terms, check=check)

    def _total(self) -> int | None:
        raw = self.request.header("OC-Total-Length")
        if raw is None:
            return None
        if not raw.isascii() or not raw.isdigit() or len(raw) > 19:
            raise DavError(400, message="OC-Total-Length must be a number")
        return int(raw)

    def _propfind(self) -> Response:
        """What a client has to know to go on: which parts there are, and how long they are."""
        if not self._name:
            return self.listed(self.collection(ROOT), lambda: map(self._shown, self._uploads.all()))
        own = self._uploads.stat(self._name, self._part)
        seen = self._shown(own)._replace(path=self.below)
        return self.listed(seen, lambda: map(self._shown, self._uploads.parts(self._name)))

    def _shown(self, node: Node) -> Seen:
        return Seen(self.below / node.name, "", node, Rights.READ, node.entity_tag, node.name)
