"""What clients ask for beside WebDAV: status.php, OCS, well-known addresses, Login Flow v2.

Answers follow what the desktop clients of Nextcloud 3.x and ownCloud 2.x need; whatever is not built is a clean 404.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from acl.principals import Principal, PrincipalKind
from davserver.dav import targets
from davserver.dav.errors import DavError, translated
from davserver.dav.exchange import Exchange, Log
from davserver.dav.mounts import Login
from davserver.dav.request import Response
from davserver.devices import DeviceLogin
from davserver.login import LoginError, Unauthorized
from davserver.nextcloud import ocs
from davserver.nextcloud.mounts import Drives
from shareproviders.contract import NotFound
from shareproviders.paths import ROOT

VERSION = (31, 0, 0)
"""Of the Nextcloud whose protocol is spoken; clients choose their login by it, features by the capabilities."""
PRODUCT = "Gremium"
LONGEST_FORM = 4096  # bytes
UNLIMITED = -3

_OCS = re.compile(r"/ocs/v([12])\.php(/.*)?")
_STATUS_PATHS = ("/status.php",)
_NOTHING_PATHS = ("/index.php/204", "/204")
_ASKING_PATHS = ("/index.php/login/v2", "/login/v2")
_POLLING_PATHS = ("/index.php/login/v2/poll", "/login/v2/poll")
_WELL_KNOWN = MappingProxyType({"/.well-known/webdav": "/dav/"})
_PREFIXES = ("/index.php/", "/.well-known/", "/ocs/", "/apps/")
PAGE = "/index.php/login/v2/flow/"
"""Where the person decides; the token follows."""

_logger = logging.getLogger(__name__)


CAPABILITIES: Mapping[str, Any] = MappingProxyType(
    {
        "core": {"pollinterval": 60, "webdav-root": "remote.php/webdav"},
        "dav": {"chunking": "1.0"},
        "files": {"bigfilechunking": True, "undelete": True, "versioning": True},
        "checksums": {"preferredUploadType": "SHA1", "supportedTypes": ["SHA1", "MD5", "ADLER32"]},
        "files_sharing": {"api_enabled": False, "public": {"enabled": False}},
        "theming": {"name": PRODUCT},
    }
)
"""What this server can do, for the clients; what is not named they do not ask for."""


class Endpoints:
    """The WSGI application of these addresses."""

    def __init__(self, login: Login, drives: Drives, devices: DeviceLogin, log: Log) -> None:
        self._login, self._drives, self._devices, self._log = login, drives, devices, log
        self._routes: dict[str, tuple[str, Callable[[Exchange], Response]]] = {
            **dict.fromkeys(_STATUS_PATHS, ("GET", self._status)),
            **dict.fromkeys(_NOTHING_PATHS, ("GET", self._nothing)),
            **dict.fromkeys(_WELL_KNOWN, ("GET", self._well_known)),
            **dict.fromkeys(_ASKING_PATHS, ("POST", self._ask)),
            **dict.fromkeys(_POLLING_PATHS, ("POST", self._poll)),
        }

    def takes(self, path: str) -> bool:
        """Is this path of an environ one of ours? What clients ask for that is not built gets its 404 here."""
        return path in self._routes or (path.startswith(_PREFIXES) and not path.startswith(PAGE))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange = Exchange(environ, self._log)
        version = _OCS.fullmatch(environ["PATH_INFO"])
        try:
            if version is not None:
                response = self._ocs(exchange, int(version[1]), version[2] or "/")
            else:
                response = self._routed(exchange)
        except Exception as error:  # noqa: BLE001 (the outermost border: nobody gets a traceback, the log gets all)
            response = self._refused(error, exchange)
        return exchange.send(response, start_response)

    def _routed(self, exchange: Exchange) -> Response:
        route = self._routes.get(exchange.environ["PATH_INFO"])
        if route is None:
            raise NotFound("there is nothing here")
        method, answer = route
        asked = exchange.environ["REQUEST_METHOD"]
        allowed = ("GET", "HEAD") if method == "GET" else (method,)
        if asked not in allowed:
            raise DavError(405, message="this cannot be done here", headers=[("Allow", ", ".join(allowed))])
        return answer(exchange)

    @staticmethod
    def _refused(error: Exception, exchange: Exchange) -> Response:
        refusal = translated(error)
        if refusal is None:
            _logger.exception("request %s failed", exchange.number)
            refusal = DavError(500, message=f"the server failed; please report the number {exchange.number}")
        return ocs.told_json({"message": refusal.message}, refusal.status, refusal.headers)

    # -- without login ----------------------------------------------------------------------------------------------

    @staticmethod
    def _status(_exchange: Exchange) -> Response:
        text = ".".join(map(str, VERSION))
        return ocs.told_json(
            {
                "installed": True,
                "maintenance": False,
                "needsDbUpgrade": False,
                "version": f"{text}.0",
                "versionstring": text,
                "edition": "",
                "productname": PRODUCT,
                "extendedSupport": False,
            }
        )

    @staticmethod
    def _nothing(_exchange: Exchange) -> Response:
        """Clients ask for it to learn whether a hotel's login page stands between them and us."""
        return Response(204, [], [])

    @staticmethod
    def _well_known(exchange: Exchange) -> Response:
        return Response(301, [("Location", _WELL_KNOWN[exchange.environ["PATH_INFO"]])], [])

    # -- Login Flow v2 ----------------------------------------------------------------------------------------------

    def _here(self, environ: Mapping[str, Any]) -> str:
        return self._drives.origin or targets.origin(environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""))

    def _ask(self, exchange: Exchange) -> Response:
        environ = exchange.environ
        wish = self._devices.ask(environ.get("HTTP_USER_AGENT", ""), environ["REMOTE_ADDR"])
        here = self._here(environ)
        poll = {"token": wish.poll, "endpoint": f"{here}{_POLLING_PATHS[0]}"}
        return ocs.told_json({"poll": poll, "login": f"{here}{PAGE}{wish.page}"})

    def _poll(self, exchange: Exchange) -> Response:
        """404 until the person has said yes, then once the app password, then 404 again."""
        form = parse_qs(_form(exchange.environ).decode("utf-8", "replace"))
        token = (form.get("token") or parse_qs(exchange.environ.get("QUERY_STRING", "")).get("token") or [""])[0]
        try:
            granted = self._devices.fetch(token)
        except NotFound:
            return ocs.told_json([], 404)
        told = {"server": self._here(exchange.environ), "loginName": granted.user, "appPassword": granted.app_password}
        return ocs.told_json(told)

    # -- OCS --------------------------------------------------------------------------------------------------------

    def _ocs(self, exchange: Exchange, version: int, path: str) -> Response:
        as_json = _wants_json(exchange.environ)
        try:
            principal = self._login(exchange.environ)
            payload = self._payload(exchange.environ, principal, path.rstrip("/"))
        except Unauthorized as error:
            challenge = [("WWW-Authenticate", error.challenge)]
            return ocs.answer(ocs.NOT_LOGGED_IN[version], [], as_json=as_json, headers=challenge)
        except NotFound:
            return ocs.answer(ocs.NOT_FOUND[version], [], as_json=as_json)
        except LoginError as error:
            refusal = translated(error)
            assert refusal is not None, "every error of the login stands in the table"
            verdict = ocs.Verdict(refusal.status, refusal.status, refusal.message)
            return ocs.answer(verdict, [], as_json=as_json, headers=refusal.headers)
        return ocs.answer(ocs.OK[version], payload, as_json=as_json)

    def _payload(self, environ: Mapping[str, Any], principal: Principal, path: str) -> Any:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise NotFound("there is nothing here")
        if path == "/cloud/capabilities":
            major, minor, micro = VERSION
            told = {"major": major, "minor": minor, "micro": micro, "string": ".".join(map(str, VERSION))}
            return {"version": {**told, "edition": "", "extendedSupport": False}, "capabilities": dict(CAPABILITIES)}
        if principal.kind is PrincipalKind.ANONYMOUS:
            raise Unauthorized("log in first")
        if path in ("/cloud/user", f"/cloud/users/{principal.id}"):
            return self._user(environ, principal)
        raise NotFound("there is nothing here")

    def _user(self, environ: Mapping[str, Any], principal: Principal) -> Mapping[str, Any]:
        name = principal.name or principal.id
        tree, _ = self._drives.enter(environ)
        usages = [usage for drive in tree.children(tree.stat(ROOT)) if (usage := tree.usage(drive)) is not None]
        used, free = sum(usage.used for usage in usages), max((usage.available for usage in usages), default=0)
        relative = round(100 * used / (used + free), 2) if used + free else 0
        return {
            "id": principal.id,
            "display-name": name,
            "displayname": name,
            "enabled": True,
            "email": None,
            "language": "de",
            "groups": [],
            "quota": {"free": free, "used": used, "total": used + free, "relative": relative, "quota": UNLIMITED},
        }


def _wants_json(environ: Mapping[str, Any]) -> bool:
    named = parse_qs(environ.get("QUERY_STRING", "")).get("format")
    return named[0] == "json" if named else "json" in environ.get("HTTP_ACCEPT", "")


def _form(environ: Mapping[str, Any]) -> bytes:
    """The body of a small form. Raises DavError 413."""
    body: bytes = environ["wsgi.input"].read(LONGEST_FORM + 1)
    if len(body) > LONGEST_FORM:
        raise DavError(413, message="this form is too long")
    return body
