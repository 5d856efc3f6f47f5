"""One HTTP request on a DAV tree, and what answers it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from lxml import etree

from davserver.dav import body, conditions, targets
from davserver.dav.errors import DavError
from davserver.dav.spelling import PLAIN, Spelling
from davserver.dav.xml import parse
from davserver.tree.remembered import Standing
from davserver.tree.seen import Seen, Terms
from shareproviders.contract import NotFound
from shareproviders.paths import ROOT, SharePath

if TYPE_CHECKING:
    from davserver.dav.properties import LiveProperty
    from davserver.tree.locking import GuardedTree

Headers = list[tuple[str, str]]


class Response(NamedTuple):
    """Status, headers and body; a body that is no list comes with its Content-Length among the headers."""

    status: int
    headers: Headers
    body: Iterable[bytes]
    standing: Standing | None = None
    """For how long the same words of the same client would be answered the same; None: nobody has looked into that."""
    note: Callable[[], None] | None = None
    """To be called whenever it is given again."""
    part: Callable[[Request], Response] | None = None
    """While it stands, the answer to the same words with another Range; of the request it asks for nothing else."""


@functools.lru_cache(maxsize=256)
def _environ_key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def no_facts(_request: Request, _seen: Seen) -> Headers:
    """What a mount adds that has nothing to add."""
    return []


class Site(NamedTuple):
    """How clients reach this server, and what it knows to do."""

    prefix: str
    """Percent-encoded path above the tree, `/dav`; empty for the root."""
    public_origin: str = ""
    """`https://host`, if configured; the only thing beside the Host header that a Destination may name."""
    base: SharePath = ROOT
    """What of the tree the prefix shows: the path of a link's folder; the whole for the drives."""
    home: str = ""
    """The prefix of the drives, also where a request is about what lies above them."""
    methods: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    """Clark names of the reports that REPORT answers."""
    aliases: tuple[str, ...] = ()
    """Other prefixes of the same tree, percent-encoded: an address may name a resource under any of them."""
    properties: tuple[LiveProperty, ...] = ()
    """Live properties of this mount alone, none in allprop."""
    facts: Callable[[Request, Seen], Headers] = no_facts
    """Headers that this mount adds wherever an answer tells of one resource."""
    spelling: Spelling = PLAIN
    """How the client that asks writes names."""


class Request:
    """One HTTP request on a DAV tree; nothing is evaluated before it is asked for."""

    __slots__ = ("_checks", "environ", "has_slash", "method", "nodes", "path", "prefix", "site", "tree")

    def __init__(
        self, environ: dict[str, Any], tree: GuardedTree, path: SharePath, *, has_slash: bool, site: Site
    ) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.tree, self.path, self.has_slash, self.site = tree, path, has_slash, site
        self.prefix = site.prefix
        self.nodes: list[str] = []
        """Node ids for the log, `share/id`."""

    def apart(self) -> Callable[[dict[str, Any]], Request]:
        """What makes requests of other environs about the same; it holds on to nothing of this one's."""
        tree, path, has_slash, site, nodes = self.tree, self.path, self.has_slash, self.site, self.nodes

        def asked(environ: dict[str, Any]) -> Request:
            request = Request(environ, tree, path, has_slash=has_slash, site=site)
            request.nodes = nodes
            return request

        return asked

    def header(self, name: str) -> str | None:
        """The value of a header, None if absent."""
        value: str | None = self.environ.get(_environ_key(name))
        return value

    def located(self, *, tagged: bool = True) -> Seen:
        """What is at the request's URL. Raises NotFound, also for a document's URL that ends in a slash.

        Not `tagged`, a collection may come without its entity tag.
        """
        seen = self.tree.stat(self.path, tagged=tagged)
        if self.has_slash and not seen.node.is_collection:
            raise NotFound("there is nothing here")
        return self.noted(seen)

    def noted(self, seen: Seen) -> Seen:
        """Remember a resource for the log line, and hand it back."""
        self.nodes.append(f"{seen.share}/{seen.node.id}")
        return seen

    def depth(self, allowed: tuple[str, ...], default: str) -> str:
        """The Depth header, one of `allowed` (`0`, `1`, `infinity`). Raises DavError 400 (RFC 4918 §10.2)."""
        value = (self.header("Depth") or default).strip().lower()
        if value not in allowed:
            raise DavError(400, message=f"Depth must be {' or '.join(allowed)}")
        return value

    def overwrite(self) -> bool:
        """The Overwrite header; True if absent. Raises DavError 400 (RFC 4918 §10.6)."""
        value = (self.header("Overwrite") or "T").strip().upper()
        if value not in ("T", "F"):
            raise DavError(400, message="Overwrite must be T or F")
        return value == "T"

    def href(self, path: SharePath, is_collection: bool) -> str:
        """The percent-encoded absolute path of a resource; a collection's ends in a slash.

        What lies outside the part of the tree that is shown here (the root of a lock, perhaps) is not named.
        """
        base = self.site.base.segments
        if path.segments[: len(base)] != base:
            return f"{self.prefix}/"
        shown = self.site.spelling.shown
        return targets.encode_path(self.prefix, map(shown, path.segments[len(base) :]), is_collection)

    def principal_href(self, path: SharePath) -> str:
        """The same for a principal or a collection of them; always with a slash."""
        return targets.encode_path(self.site.home or self.prefix, path.segments, is_collection=True)

    def destination(self) -> SharePath:
        """Where COPY and MOVE go (RFC 4918 §10.3). Raises DavError 400, or 502 for a place outside this tree."""
        raw = self.header("Destination")
        if not raw:
            raise DavError(400, message="the Destination header is missing")
        path = self.path_of(raw.strip())
        if path is None:
            raise DavError(502, message="the Destination is not on this server's drives")
        return path

    def path_of(self, url: str) -> SharePath | None:
        """The path in this tree of an absolute URL or path; None if it lies elsewhere. Raises DavError 400."""
        origin, rest = targets.split_origin(url)
        if origin and origin not in (self._own_origin(), self.site.public_origin):
            return None
        segments = targets.decode_path(rest.partition("?")[0], self.site.spelling.meant).segments
        for prefix in (self.prefix, *self.site.aliases):
            above = targets.decode_path(prefix or "/").segments
            if segments[: len(above)] == above:
                return SharePath((*self.site.base.segments, *SharePath.parse(segments[len(above) :]).segments))
        return None

    def _own_origin(self) -> str:
        return targets.origin(self.environ["wsgi.url_scheme"], self.header("Host") or "")

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces of at most 256 KiB; raises BodyTruncated at its end as `body.pieces` says."""
        self._checks = body.Checks(self.environ)
        return body.pieces(self.environ, self._checks)

    def checksum(self) -> str:
        """The sums to keep with what came, if its sender speaks of any; to be asked after all `chunks`."""
        return self._checks.kept()

    def expected_length(self) -> int | None:
        """How long the body will be, None if a chunked one does not say so. Raises DavError 400."""
        return body.expected_length(self.environ)

    def xml_body(self, limit: int) -> bytes:
        """The whole body, meant to be XML whatever Content-Type says.

        Raises DavError 413 over `limit` bytes, BodyTruncated.
        """
        pieces, size = [], 0
        for piece in self.chunks():
            size += len(piece)
            if size > limit:
                raise DavError(413, message=f"the XML body can have at most {limit // 1024} KiB")
            pieces.append(piece)
        return b"".join(pieces)

    def xml(self, limit: int) -> etree._Element | None:
        """The body's root element; None if the body is empty. Raises as `xml_body`, and BadXml."""
        whole = self.xml_body(limit)
        return parse(whole) if whole else None

    def terms(self) -> Terms:
        """Under which the client wants its change: lock tokens and conditions. Raises DavError 400 if unparsable."""
        return conditions.terms(self)
