"""The WebDAV application: WsgiDAV's app and request server with our own way through them (RFC 4918, RFC 9110).

One call per request: gate the target, answer what needs no login, ask who it is, run the verb, turn errors into
answers, log one line.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from wsgidav.request_server import RequestServer as WsgiDAVRequestServer
from wsgidav.wsgidav_app import WsgiDAVApp

from acl.principals import Principal, PrincipalKind
from davserver.dav import content, locking, namespace, targets
from davserver.dav.errors import DavError, translated
from davserver.dav.propfind import propfind, propfind_above
from davserver.dav.proppatch import proppatch
from davserver.dav.request import Request, Response, Site
from davserver.dav.resources import REQUEST, RootProvider
from davserver.tree.locking import GuardedTree
from shareproviders.paths import ROOT, SharePath

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Verb = Callable[[Request], Response]
Login = Callable[[Mapping[str, Any]], Principal]
"""Who sent this request; raises an error of davserver.login, or DavError."""
Doors = Callable[[Principal], GuardedTree]
"""The tree as this principal sees it, made for one request."""
Log = Callable[[Mapping[str, object]], None]
"""Takes one line's facts per request: never a name, query or token."""

_logger = logging.getLogger(__name__)


def _method(verb: Verb) -> Callable[..., Iterable[bytes]]:
    """A verb as WsgiDAV's request server wants its `do_…` methods."""

    def do(_self: RequestServer, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = verb(environ[REQUEST])
        start_response(status_line(response.status), response.headers)
        return response.body

    return do


class RequestServer(WsgiDAVRequestServer):  # type: ignore[misc]  # wsgidav has no types
    """Runs the verb of a request whose Request lies in the environ. One for all requests: it holds no state of theirs."""

    methods: ClassVar[tuple[str, ...]] = (
        *("OPTIONS", "GET", "HEAD", "PUT", "PROPFIND", "PROPPATCH"),
        *("MKCOL", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK"),
    )
    features: ClassVar[tuple[tuple[str, frozenset[str]], ...]] = (
        ("1", frozenset({"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "DELETE", "PUT"})),
        ("2", frozenset({"LOCK", "UNLOCK"})),
        ("3", frozenset({"PROPFIND", "PROPPATCH"})),
        ("extended-mkcol", frozenset({"MKCOL"})),
    )
    """Compliance classes and what they need (RFC 4918 §18, RFC 5689)."""

    do_GET = _method(content.get)  # noqa: N815 (WsgiDAV's names)
    do_HEAD = _method(content.head)  # noqa: N815
    do_PUT = _method(content.put)  # noqa: N815
    do_PROPFIND = _method(propfind)  # noqa: N815
    do_PROPPATCH = _method(proppatch)  # noqa: N815
    do_MKCOL = _method(namespace.mkcol)  # noqa: N815
    do_DELETE = _method(namespace.delete)  # noqa: N815
    do_COPY = _method(namespace.copy)  # noqa: N815
    do_MOVE = _method(namespace.move)  # noqa: N815
    do_LOCK = _method(locking.lock)  # noqa: N815
    do_UNLOCK = _method(locking.unlock)  # noqa: N815
