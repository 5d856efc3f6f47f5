"""Request targets and Destination: percent-encoded text to clean paths and back, segment by segment (RFC 3986)."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote

from davserver.dav.errors import DavError
from shareproviders.paths import BadName, clean_name

_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_ALLOWED = re.compile(r"[!-~]*")  # visible ASCII; anything else must be percent-encoded
_ORIGIN = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@]*)(.*)", re.IGNORECASE)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
_UNCHANGED = "()@:"  # beside letters, digits and -._~


class Target(NamedTuple):
    """Where a request or a header points to: clean names, and whether a slash ended it."""

    segments: tuple[str, ...]
    has_slash: bool


@functools.lru_cache(maxsize=1024)  # clients come back to the same few places
def decode_path(raw: str, meant: Callable[[str], str] = str) -> Target:
    """The path component of a request target, without query; names come out in NFC.

    `meant` reads what a client writes for a name (`Spelling.meant`).
    Raises DavError 400 for anything but percent-encoded UTF-8 segments that can be names: no `.`, `..`, empty
    segment, `%2F`, `%00`, control character or stray byte.
    """
    if not raw.startswith("/") or _ALLOWED.fullmatch(raw) is None or "#" in raw:
        raise DavError(400, message="the address is not a percent-encoded path")
    if raw == "/":
        return Target((), True)
    has_slash = raw.endswith("/")
    parts = raw[1:-1] if has_slash else raw[1:]
    return Target(tuple(_decode_segment(part, meant) for part in parts.split("/")), has_slash)


def _decode_segment(raw: str, meant: Callable[[str], str]) -> str:
    try:
        if "%" not in raw:
            return clean_name(meant(raw))
        return clean_name(meant(_unquote(raw).decode()))
    except BadName as error:
        raise DavError(400, message=str(error)) from None
    except ValueError:
        raise DavError(400, message="the address must be percent-encoded UTF-8") from None


def _unquote(raw: str) -> bytes:
    pieces = raw.split("%")
    decoded = bytearray(pieces[0], "ascii")
    for piece in pieces[1:]:
        if _HEX.match(piece) is None:
            raise ValueError("a percent sign must be followed by two hexadecimal digits")
        decoded.append(int(piece[:2], 16))
        decoded += piece[2:].encode("ascii")
    return bytes(decoded)


def split_origin(raw: str) -> tuple[str, str]:
    """Origin (`scheme://host:port`, lower case, without user and default port; empty if only a path) and the rest.

    Raises DavError 400 for what is neither a path nor an http or https URL.
    """
    if raw.startswith("/") and not raw.startswith("//"):
        return "", raw
    match = _ORIGIN.fullmatch(raw)
    if match is None or not match[2]:
        raise DavError(400, message="this address is neither a path nor an http or https URL")
    return origin(match[1], match[2]), match[3] or "/"


def origin(scheme: str, host: str) -> str:
    """`scheme://host:port` in the form in which two can be compared."""
    scheme = scheme.lower()
    return f"{scheme}://{host.lower().removesuffix(_DEFAULT_PORT[scheme])}"


def encode_segment(name: str) -> str:
    """A name as it stands between two slashes."""
    return quote(name, safe=_UNCHANGED)


def encode_path(prefix: str, segments: Iterable[str], is_collection: bool) -> str:
    """An absolute path with upper-case hex; a collection's ends in a slash. `prefix` is encoded already."""
    path = "".join(f"/{encode_segment(segment)}" for segment in segments)
    return f"{prefix}{path}/" if is_collection else f"{prefix}{path}" or "/"
