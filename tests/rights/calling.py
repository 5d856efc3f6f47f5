"""One request to a WSGI application in this process, and what came back."""

from __future__ import annotations

import io
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from lxml import etree


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def call(app: Callable[..., Any], method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    """One request to a WSGI application, answered whole."""
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "PATH_INFO": unquote(path),
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": headers.pop("content_type", ""),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    started: list[tuple[str, list[tuple[str, str]]]] = []
    pieces = app(environ, lambda *start: started.append(start))
    try:
        content = b"".join(pieces)
    finally:
        getattr(pieces, "close", lambda: None)()
    (line, fields), *_ = started
    return Answer(int(line.split()[0]), dict(fields), content)


def target(path: tuple[str, ...]) -> str:
    return "/dav/" + "/".join(quote(name) for name in path)


def listed(answer: Answer, url: str) -> set[str]:
    """Names of the members in a multistatus about the collection at `url`."""
    own = unquote(url).rstrip("/")
    hrefs = [
        unquote(each.text or "").rstrip("/") for each in etree.fromstring(answer.body).iterfind("{*}response/{*}href")
    ]
    names = {href[len(own) + 1 :] for href in hrefs if href != own and "/" not in href[len(own) + 1 :]}
    return {unicodedata.normalize("NFC", name) for name in names}
