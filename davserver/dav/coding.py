"""Content coding of long answers (RFC 9110 §8.4, §12.5.3): listings shrink to a tenth on a member's line.

Documents are never coded: their entity tags are strong, and most formats are compressed already.
"""

from __future__ import annotations

import gzip
import re
import secrets
from functools import lru_cache
from io import BytesIO

from davserver.dav.request import Headers, Request

SHORTEST = 4 * 1024
"""Bytes of a body that is worth it."""
LEVEL = 1
"""Of zlib: what more would save costs more time than it takes on the line."""
PADDING = 64
_GZIP = b"\x1f\x8b"
_NEVER = re.compile(r"\s*q\s*=\s*0(?:\.0{0,3})?\s*")


def accepted(request: Request) -> bool:
    """May the answer be coded with gzip?"""
    return _takes_gzip(request.header("Accept-Encoding") or "")


@lru_cache(maxsize=256)
def _takes_gzip(header: str) -> bool:
    for one in header.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return _NEVER.fullmatch(weight) is None
    return False


def coded(body: bytes) -> bytes:
    """The XML with gzip if it is long.

    What a member may name and what he may not see can stand in one answer to somebody else. So that its length tells
    a listener nothing about either (BREACH), the coding carries a name of random length.
    """
    if len(body) < SHORTEST:
        return body
    made = BytesIO()
    name = "-" * secrets.randbelow(PADDING)
    with gzip.GzipFile(name, "wb", LEVEL, made, mtime=0) as file:
        file.write(body)
    return made.getvalue()


def headers(body: bytes) -> Headers:
    """What says how this body, XML or `coded`, is to be read."""
    told = [("Content-Length", str(len(body)))]
    return [("Content-Encoding", "gzip"), *told] if body.startswith(_GZIP) else told
