"""A WebDAV client for tests: verbs that return parsed answers; what it sends is exactly what the test says."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from lxml import etree

DAV = "{DAV:}"
LOCKINFO = (
    '<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{scope}/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype><D:owner>{owner}</D:owner></D:lockinfo>"
)


@dataclass(frozen=True)
class Member:
    """One response of a multistatus: properties by Clark name, split by their status."""

    href: str
    status: int | None
    found: dict[str, etree._Element] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Text of a found property; a bare name means the DAV: namespace."""
        element = self.found.get(name if name.startswith("{") else DAV + name)
        return None if element is None else element.text

    @property
    def is_collection(self) -> bool:
        kind = self.found.get(DAV + "resourcetype")
        return kind is not None and kind.find(DAV + "collection") is not None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def etag(self) -> str | None:
        return self.headers["ETag"]

    @property
    def text(self) -> str:
        return self.body.decode()

    def xml(self) -> etree._Element:
        return etree.fromstring(self.body)

    def members(self) -> dict[str, Member]:
        """The multistatus by decoded href without the trailing slash."""
        assert self.status == 207, (self.status, self.body[:300])
        found = {}
        for response in self.xml().iterfind(DAV + "response"):
            href = unquote(response.findtext(DAV + "href") or "")
            status = response.findtext(DAV + "status")
            member = Member(href, int(status.split()[1]) if status else None)
            for propstat in response.iterfind(DAV + "propstat"):
                code = int((propstat.findtext(DAV + "status") or "HTTP/1.1 0").split()[1])
                for prop in propstat.find(DAV + "prop"):
                    if code == 200:
                        member.found[prop.tag] = prop
                    else:
                        member.missing[prop.tag] = code
            found[href.rstrip("/") or "/"] = member
        return found

    def member(self) -> Member:
        """The only response of a multistatus."""
        (member,) = self.members().values()
        return member

    def condition(self) -> str | None:
        """Clark name of the precondition element of a DAV:error body."""
        if not self.body:
            return None
        names = [child.tag for child in self.xml() if not str(child.tag).startswith("{http://sabredav.org/ns}")]
        return names[0] if names else None

    @property
    def lock_token(self) -> str:
        return self.headers["Lock-Token"].strip("<>")


class DavClient:
    """One keep-alive connection of one user; `base` is put before every path."""

    def __init__(
        self, url: str, user: str = "", password: str = "", base: str = "", context: ssl.SSLContext | None = None
    ) -> None:
        """`context` says whom an https URL must come from."""
        parts = urlsplit(url)
        self.origin, self.base, self._context = f"{parts.scheme}://{parts.netloc}", base, context
        self.host, self.port = parts.hostname or "", parts.port or http.client.HTTP_PORT
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._connection: http.client.HTTPConnection | None = None

    def under(self, base: str) -> DavClient:
        """The same user and server, with another base path and a connection of its own."""
        twin = DavClient(self.origin, base=base, context=self._context)
        twin.authorization = self.authorization
        return twin

    def url(self, path: str) -> str:
        return f"{self.origin}{self.target(path)}"

    def target(self, path: str) -> str:
        return quote(self.base + path, safe="/%~!$&'()*+,;=:@")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        *,
        raw_target: str | None = None,
    ) -> Answer:
        """`path` is quoted (existing `%` stays); an iterable body is sent chunked."""
        sent = {"Authorization": self.authorization} if self.authorization else {}
        sent.update(headers or {})
        content = body.encode() if isinstance(body, str) else body
        if content is None and method in ("PUT", "PROPPATCH", "LOCK", "MKCOL"):
            sent.setdefault("Content-Length", "0")
        chunked = content is not None and not isinstance(content, bytes)
        connection = self._open()
        try:
            connection.request(method, raw_target or self.target(path), content, sent, encode_chunked=chunked)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = self.connection()
        return self._connection

    def connection(self) -> http.client.HTTPConnection:
        """Another connection to the same server, not yet opened."""
        if self._context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=60)
        return http.client.HTTPSConnection(self.host, self.port, timeout=60, context=self._context)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=named(headers))

    def head(self, path: str, **headers: str) -> Answer:
        return self.request("HEAD", path, headers=named(headers))

    def put(self, path: str, body: bytes | str | Iterable[bytes] = b"", **headers: str) -> Answer:
        return self.request("PUT", path, body, named(headers))

    def mkcol(self, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        return self.request("MKCOL", path, body, named(headers))

    def delete(self, path: str, **headers: str) -> Answer:
        return self.request("DELETE", path, headers=named(headers))

    def move(self, path: str, target: str, **headers: str) -> Answer:
        return self.request("MOVE", path, headers={"Destination": self.url(target), **named(headers)})

    def copy(self, path: str, target: str, **headers: str) -> Answer:
        return self.request("COPY", path, headers={"Destination": self.url(target), **named(headers)})

    def propfind(self, path: str, depth: str = "0", body: str | None = None, **headers: str) -> Answer:
        return self.request("PROPFIND", path, body, {"Depth": depth, **named(headers)})

    def properties(self, path: str, *names: str) -> Member:
        """Named properties of one resource; a bare name means the DAV: namespace."""
        return self.propfind(path, "0", prop_body(*names)).member()

    def names(self, path: str) -> list[str]:
        """Names of the members of a collection, in the order of the answer."""
        members = self.propfind(path, "1", prop_body("resourcetype")).members()
        own = unquote(self.target(path)).rstrip("/")
        return [href[len(own) + 1 :] for href in members if href != own]

    def proppatch(self, path: str, update: str, **headers: str) -> Answer:
        body = f'<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:">{update}</D:propertyupdate>'
        return self.request("PROPPATCH", path, body, named(headers))

    def lock(self, path: str, *, scope: str = "exclusive", owner: str = "tests", **headers: str) -> Answer:
        return self.request("LOCK", path, LOCKINFO.format(scope=scope, owner=owner), {"Depth": "0", **named(headers)})

    def unlock(self, path: str, token: str) -> Answer:
        return self.request("UNLOCK", path, headers={"Lock-Token": f"<{token}>"})

    def options(self, path: str) -> Answer:
        return self.request("OPTIONS", path)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def named(headers: dict[str, str]) -> dict[str, str]:
    """Keyword arguments as header names: `If_Match` is `If-Match`."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def prop_body(*names: str) -> str:
    """A PROPFIND body that asks for these properties; a bare name means the DAV: namespace."""
    root = etree.Element(DAV + "propfind", nsmap={"D": "DAV:"})
    prop = etree.SubElement(root, DAV + "prop")
    for name in names:
        etree.SubElement(prop, name if name.startswith("{") else DAV + name)
    return etree.tostring(root).decode()


def raw_exchange(port: int, request: bytes, *, half_close: bool = False, timeout: float = 15.0) -> bytes:
    """Send these bytes on a fresh connection and return all that comes back until the server closes or is silent."""
    return b"".join(_received(port, request, half_close, timeout))


def _received(port: int, request: bytes, half_close: bool, timeout: float) -> Iterator[bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        while True:
            try:
                piece = connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return
            if not piece:
                return
            yield piece
