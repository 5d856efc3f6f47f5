"""The WebDAV application: WsgiDAV's app and request server with our own way through them (RFC 4918, RFC 9110).

One call per request: gate the target, answer what needs no login, ask who it is, run the verb, turn errors into
answers, log one line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from wsgidav.request_server import RequestServer as WsgiDAVRequestServer
from wsgidav.wsgidav_app import WsgiDAVApp

from davserver.dav import access, content, locking, namespace, principals, targets
from davserver.dav.errors import DavError, translated
from davserver.dav.exchange import LASTING, Exchange, Lasting, Log
from davserver.dav.mounts import Annex, Doors, DriveMount, Login, Mount
from davserver.dav.propfind import propfind, propfind_above, propfind_principals
from davserver.dav.proppatch import proppatch
from davserver.dav.reports import REPORTS, report
from davserver.dav.request import Request, Response, Site
from davserver.dav.resources import REQUEST, RootProvider
from davserver.dav.spelling import PLAIN, Spelling, spelling_of
from davserver.tree.damage import note_damage
from davserver.tree.refusals import note_refusal
from davserver.tree.remembered import Standing
from davserver.tree.seen import AccessDenied
from shareproviders.contract import Damaged, NameTaken, NotFound
from shareproviders.paths import MAX_DEPTH, SharePath

Environ = dict[str, Any]

_logger = logging.getLogger(__name__)


class RequestServer(WsgiDAVRequestServer):  # type: ignore[misc]  # wsgidav has no types
    """Knows the verbs. One for all requests; it keeps nothing of theirs."""

    methods: ClassVar[tuple[str, ...]] = (
        *("OPTIONS", "GET", "HEAD", "PUT", "PROPFIND", "PROPPATCH"),
        *("MKCOL", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "ACL"),
    )
    do_GET = staticmethod(content.get)  # noqa: N815 (WsgiDAV's names)
    do_HEAD = staticmethod(content.head)  # noqa: N815
    do_PUT = staticmethod(content.put)  # noqa: N815
    do_PROPFIND = staticmethod(propfind)  # noqa: N815
    do_PROPPATCH = staticmethod(proppatch)  # noqa: N815
    do_MKCOL = staticmethod(namespace.mkcol)  # noqa: N815
    do_DELETE = staticmethod(namespace.delete)  # noqa: N815
    do_COPY = staticmethod(namespace.copy)  # noqa: N815
    do_MOVE = staticmethod(namespace.move)  # noqa: N815
    do_LOCK = staticmethod(locking.lock)  # noqa: N815
    do_UNLOCK = staticmethod(locking.unlock)  # noqa: N815
    do_REPORT = staticmethod(report)  # noqa: N815
    do_ACL = staticmethod(access.acl)  # noqa: N815

    classes: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("1", ("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "DELETE", "PUT")),
        ("2", ("LOCK", "UNLOCK")),
        ("3", ("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "DELETE", "PUT")),
        ("access-control", ("PROPFIND", "REPORT", "ACL")),
        ("extended-mkcol", ("MKCOL",)),
    )
    """Compliance classes and the methods that make them (RFC 4918 §18, RFC 3744 §7.2, RFC 5689 §3.1)."""

    def __call__(self, request: Request) -> Response:
        """Run the request's verb. Raises DavError 405 for one that nobody knows, and what the verb raises."""
        if request.method not in self.methods:
            raise not_allowed(self.methods)
        if request.method not in request.site.methods:
            raise DavError(403, message="this address only lets you open one document and save it")
        if principals.is_inside(request.path):
            return self._among_principals(request)
        try:
            response: Response = getattr(self, f"do_{request.method}")(request)
        except NameTaken as error:  # MKCOL where something stands (RFC 4918 §9.3.1)
            raise not_allowed([each for each in self.methods if each != request.method], str(error)) from None
        return response

    @staticmethod
    def _among_principals(request: Request) -> Response:
        """Offices and accounts are made by the administration, never here."""
        if request.method not in principals.METHODS:
            raise not_allowed(principals.METHODS)
        return report(request) if request.method == "REPORT" else propfind_principals(request)

    def do_OPTIONS(self) -> Response:  # noqa: N802
        """The same everywhere and for everybody: Office and Windows ask without credentials, also above the drives."""
        classes = [name for name, needed in self.classes if set(needed) <= set(self.methods)]
        headers = [("DAV", ", ".join(classes)), ("Allow", ", ".join(self.methods)), ("MS-Author-Via", "DAV")]
        return Response(200, headers, [])


def not_allowed(methods: Iterable[str], message: str = "this cannot be done here") -> DavError:
    """405 with what is allowed instead (RFC 9110 §15.5.6)."""
    return DavError(405, message=message, headers=[("Allow", ", ".join(methods))])


class Application(WsgiDAVApp):  # type: ignore[misc]  # wsgidav has no types
    """The WSGI application for everything at and above the drives' prefix, and for what is mounted beside it."""

    methods_above: ClassVar[tuple[str, ...]] = ("OPTIONS", "GET", "HEAD", "PROPFIND")

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        login: Login,
        doors: Doors,
        log: Log,
        prefix: str = "/dav",
        public_url: str = "",
        beside: Sequence[Mount] = (),
        annexes: Sequence[Annex] = (),
    ) -> None:
        """`config` are keys of WsgiDAV's own configuration; `public_url` is where clients reach us, if configured."""
        self.provider = RootProvider()
        settled: dict[str, Any] = {
            "middleware_stack": [],
            "lock_storage": None,
            "property_manager": None,
            "logging": {"enable": False},
        }
        super().__init__({**settled, **config, "mount_path": prefix, "provider_mapping": {"/": self.provider}})
        self.server = RequestServer(self.provider)
        self._log = log
        self._drives = DriveMount(login, doors, prefix)
        self._beside = tuple(beside)
        self._annexes = tuple(annexes)
        self._origin = targets.split_origin(public_url)[0] if public_url else ""
        self._drives.site = self._settled(self._drives.site, PLAIN)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333); whatever happens, in WebDAV's terms."""
        exchange = Exchange(environ, self._log)
        response = _whatever(self._answer, exchange)
        if response.standing is not None and exchange.request is not None:
            environ[LASTING] = self._lasting(response, response.standing, exchange, exchange.request)
        return exchange.send(response, start_response)

    def _lasting(self, response: Response, standing: Standing, exchange: Exchange, request: Request) -> Lasting:
        length = sum(map(len, response.body)) if isinstance(response.body, list) else 0
        part = None if response.part is None else partial(self._part, request.apart(), response.part)
        return Lasting(standing, exchange.teller(response.status, length, response.note), part)

    def _part(
        self,
        asked: Callable[[Environ], Request],
        answer: Callable[[Request], Response],
        environ: Environ,
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """Answer a request of which all was known but the Range."""
        exchange = Exchange(environ, self._log)
        exchange.request = request = asked(environ)
        return exchange.send(_whatever(lambda _: answer(request), exchange), start_response)

    def _answer(self, exchange: Exchange) -> Response:
        environ = exchange.environ
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return self.server.do_OPTIONS()
        spelling = spelling_of(environ)
        path, has_slash = targets.decode_path(_raw_path(environ), spelling.meant)
        mount: Mount | None = self._drives  # first, as nearly all that is asked is asked of them
        if path[: len(self._drives.names)] != self._drives.names:
            annex = next((each for each in self._annexes if each.takes(path)), None)
            if annex is not None:
                return annex.answer(exchange, targets.Target(path, has_slash))
            mount = next((each for each in self._beside if path[: len(each.names)] == each.names), None)
        if mount is None:
            return self._answer_above(exchange, path)
        if len(path) - len(mount.names) > MAX_DEPTH:
            raise DavError(400, message=f"a path can have at most {MAX_DEPTH} levels")
        tree, site, below = mount.enter(environ, path[len(mount.names) :])
        site = self._settled(site, spelling)
        whole = SharePath((*site.base.segments, *below))
        request = Request(environ, tree, whole, has_slash=has_slash, site=site)
        environ["wsgidav.provider"], environ[REQUEST] = self.provider, request
        exchange.request = request
        return self.server(request)

    def _settled(self, site: Site, spelling: Spelling) -> Site:
        """With what all mounts have in common, and how this client writes names."""
        if not site.home:
            methods, home = site.methods or self.server.methods, self._drives.site.prefix
            site = site._replace(public_origin=self._origin, home=home, methods=methods, reports=tuple(REPORTS))
        return site if spelling is PLAIN or site.spelling is not PLAIN else site._replace(spelling=spelling)

    def _answer_above(self, exchange: Exchange, path: tuple[str, ...]) -> Response:
        """What lies above the prefix shows the way down; beside it there is nothing."""
        prefix = self._drives.names
        if prefix[: len(path)] != path:
            raise NotFound("there is nothing here")
        environ = exchange.environ
        method = environ["REQUEST_METHOD"]
        if method in ("GET", "HEAD"):
            line = f"This is a WebDAV server. Mount {self._origin}{self._drives.site.prefix}/ as a network drive.\n"
            return Response(200, [("Content-Type", "text/plain; charset=utf-8")], [line.encode()])
        if method != "PROPFIND":
            raise not_allowed(self.methods_above)
        tree, site, _ = self._drives.enter(environ, ())
        above = self._settled(site, spelling_of(environ))._replace(prefix="")
        exchange.request = Request(environ, tree, SharePath(path), has_slash=True, site=above)
        return propfind_above(exchange.request, [prefix[len(path)]])


def _raw_path(environ: Environ) -> str:
    """The path of the request target as sent; of servers that do not tell it, the closest form of what they tell."""
    raw = environ.get("REQUEST_URI")
    if raw is None:
        return quote(environ["PATH_INFO"].encode("latin-1"))
    return targets.split_origin(raw)[1].partition("?")[0]


def _whatever(answer: Callable[[Exchange], Response], exchange: Exchange) -> Response:
    """The answer, or what there is instead; the outermost border: nobody gets a traceback, the log gets all."""
    try:
        return answer(exchange)
    except Exception as error:  # noqa: BLE001
        return _refused(error, exchange)


def _refused(error: Exception, exchange: Exchange) -> Response:
    if isinstance(error, AccessDenied) and exchange.request is not None:
        note_refusal(exchange.request.tree, error)
    elif isinstance(error, Damaged) and exchange.request is not None:
        note_damage(exchange.request.tree.forest, exchange.request.path, error)
    refusal = translated(error, exchange.request)
    if refusal is None:
        _logger.exception("request %s failed", exchange.number)
        refusal = DavError(500, message=f"the server failed; please report the number {exchange.number}")
    media_type, body = refusal.get_response_page()
    return Response(refusal.status, [("Content-Type", media_type), *refusal.headers], [body])
