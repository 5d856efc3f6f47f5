"""Which requests are the portal's, and when a browser that knocks at a drive is sent to the page of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

METHODS = ("GET", "HEAD", "POST")
BY_PATH = "/pfad/"
_DRIVES = re.compile(r"/dav(?:/[^/]*)?|/dav/.*/")
_DOTS = re.compile(r"/\.{1,2}(?:/|$)")
"""Segments that no address of ours has: the drives refuse them in their own way (400)."""


def is_for_portal(environ: Mapping[str, Any], others: tuple[str, ...]) -> bool:
    """Everything that a browser asks for, but what lies at or under those of `others`, one segment each, as `/dav`.

    OPTIONS and PROPFIND of `/` are the drives': Windows and Finder ask the parent of `/dav/` first.
    """
    path = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] not in METHODS or f"/{path[1:].partition('/')[0]}" in others:
        return False
    return _DOTS.search(path) is None


def page_instead(environ: Mapping[str, Any]) -> str | None:
    """Where a browser is sent that asks for a folder of a drive; None for what is asked of the drive itself.

    Decided by the address alone (it ends in a slash, or names a whole drive), so it tells nothing about what is there.
    """
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "text/html" not in environ.get("HTTP_ACCEPT", ""):
        return None
    path = environ["PATH_INFO"]
    if not _DRIVES.fullmatch(path):
        return None
    below = path.removeprefix("/dav").strip("/")
    return BY_PATH + quote(below.encode("latin-1")) if below else "/"


def send_there(location: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """303 (RFC 9110 §15.4.4)."""
    start_response("303 See Other", [("Location", location), ("Content-Length", "0"), ("Cache-Control", "no-store")])
    return []
