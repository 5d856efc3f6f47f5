"""Request bodies: read in pieces, known to be complete and as announced (RFC 9110 §6.4, §8.6; RFC 9530)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from davserver.dav.errors import DavError
from shareproviders.contract import BodyTruncated

PIECE = 256 * 1024

_DIGITS = re.compile(r"[0-9]{1,19}")
_OC_CHECKSUM = re.compile(r"([A-Za-z0-9-]+):([0-9A-Fa-f]+)")
_DIGEST_MEMBER = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]*)[ \t]*=[ \t]*:([A-Za-z0-9+/=]*):[ \t]*")

_OLD_DIGEST_MEMBER = re.compile(r"[ \t]*([A-Za-z0-9-]+)=([A-Za-z0-9+/]+=*)[ \t]*")


class _Hash(Protocol):
    def update(self, data: bytes, /) -> object: ...
    def digest(self) -> bytes: ...


class _Adler32:
    def __init__(self) -> None:
        self._sum = 1

    def update(self, data: bytes, /) -> None:
        self._sum = zlib.adler32(data, self._sum)

    def digest(self) -> bytes:
        return self._sum.to_bytes(4, "big")


def _md5() -> _Hash:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> _Hash:
    return hashlib.sha1(usedforsecurity=False)


OC_CHECKSUMS: dict[str, Callable[[], _Hash]] = {
    "ADLER32": _Adler32,
    "MD5": _md5,
    "SHA1": _sha1,
    "SHA256": hashlib.sha256,
    "SHA3-256": hashlib.sha3_256,
}
"""What ownCloud and Nextcloud clients may send in OC-Checksum."""
_DIGEST_FIELDS = ("HTTP_OC_CHECKSUM", "HTTP_CONTENT_DIGEST", "HTTP_DIGEST")
KEPT_SUMS = ("SHA1", "MD5")
"""What is kept of a body whose sender speaks of sums, the one first that is told first."""
CONTENT_DIGESTS: dict[str, Callable[[], _Hash]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""RFC 9530 §5; unknown ones are ignored, as it says."""


class Promise(NamedTuple):
    """A digest that the client says its body has."""

    hash: _Hash
    digest: bytes
    name: str = ""
    """As OC-Checksum calls the algorithm; empty for a digest of another header."""


def announced_length(environ: dict[str, Any]) -> int | None:
    """Content-Length; 0 without a body, None for a chunked one. Raises DavError 400."""
    if is_chunked(environ):
        return None
    raw = environ.get("CONTENT_LENGTH") or "0"
    if _DIGITS.fullmatch(raw) is None:
        raise DavError(400, message="Content-Length must be a number")
    return int(raw)


def is_chunked(environ: dict[str, Any]) -> bool:
    return "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()


def expected_length(environ: dict[str, Any]) -> int | None:
    """How long the client says its body is, by Content-Length or (Finder) X-Expected-Entity-Length."""
    length = announced_length(environ)
    if length is not None:
        return length
    raw = environ.get("HTTP_X_EXPECTED_ENTITY_LENGTH") or environ.get("HTTP_OC_TOTAL_LENGTH")
    if raw is None:
        return None
    if _DIGITS.fullmatch(raw) is None:
        raise DavError(400, message="X-Expected-Entity-Length must be a number")
    return int(raw)


def promises(environ: dict[str, Any]) -> list[Promise]:
    """The digests of OC-Checksum and Content-Digest that we can verify. Raises DavError 400 for malformed ones."""
    if environ.keys().isdisjoint(_DIGEST_FIELDS):
        return []
    found = []
    checksum = environ.get("HTTP_OC_CHECKSUM")
    if checksum is not None:
        match = _OC_CHECKSUM.fullmatch(checksum.strip())
        if match is None:
            raise DavError(400, message="OC-Checksum must look like SHA1:hex")
        made = OC_CHECKSUMS.get(match[1].upper())
        if made is not None:
            found.append(Promise(made(), _hex(match[2]), match[1].upper()))
    for algorithm, digest in _members(environ):
        made = CONTENT_DIGESTS.get(algorithm)
        if made is not None:
            found.append(Promise(made(), _base64(digest)))
    return found


class Checks:
    """What one body is checked against while it arrives, and the sums that are known of it afterwards."""

    def __init__(self, environ: dict[str, Any]) -> None:
        """Raises DavError 400 for malformed headers."""
        self._promised = promises(environ)
        self._sums = {promise.name: promise.hash for promise in self._promised if promise.name}
        if self._sums:  # who speaks of sums will ask for them; rclone compares by MD5 where it takes us for ownCloud
            self._sums = {name: OC_CHECKSUMS[name]() for name in KEPT_SUMS} | self._sums
        self._hashes = [*self._sums.values(), *(promise.hash for promise in self._promised if not promise.name)]

    def verified(self, raw: Iterable[bytes], expected: int | None) -> Iterator[bytes]:
        """The same pieces; raises BodyTruncated at their end unless length and digests are as promised."""
        received = 0
        for piece in raw:
            received += len(piece)
            for each in self._hashes:
                each.update(piece)
            yield piece
        if expected is not None and received != expected:
            raise BodyTruncated(f"the upload has {received} bytes instead of {expected}; nothing was changed")
        if any(promise.hash.digest() != promise.digest for promise in self._promised):
            raise BodyTruncated("the upload differs from its checksum; nothing was changed")

    def kept(self) -> str:
        """`SHA1:hex MD5:hex …` of a body that was taken whole; empty where its sender speaks of no sums."""
        return " ".join(f"{name}:{each.digest().hex()}" for name, each in self._sums.items())


def _members(environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Algorithm and base64 of each member of Content-Digest (RFC 9530) and of the older Digest (RFC 3230)."""
    for name, form in (("CONTENT_DIGEST", _DIGEST_MEMBER), ("DIGEST", _OLD_DIGEST_MEMBER)):
        for member in filter(None, environ.get(f"HTTP_{name}", "").split(",")):
            match = form.fullmatch(member)
            if match is None:
                raise DavError(400, message="Content-Digest must look like sha-256=:base64:, Digest without the colons")
            yield match[1].lower(), match[2]


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise DavError(400, message="OC-Checksum must be whole bytes in hexadecimal") from None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DavError(400, message="Content-Digest must be base64") from None


def pieces(environ: dict[str, Any], checks: Checks) -> Iterator[bytes]:
    """The body in pieces of at most 256 KiB, each as it arrives.

    Raises BodyTruncated where it ends before its announced end, is malformed, or differs from a promised digest
    or length; so whoever stores it must not commit before the iteration ended by itself.
    """
    length = announced_length(environ)
    expected = expected_length(environ) if length is None else length
    return checks.verified(_raw(environ, length), expected)


def _raw(environ: dict[str, Any], length: int | None) -> Iterator[bytes]:
    read = environ["wsgi.input"].read
    while length is None or length > 0:
        try:
            piece: bytes = read(PIECE if length is None else min(length, PIECE))
        except (OSError, ValueError) as error:  # cut, stalled or malformed, as servers report it
            raise BodyTruncated("the upload broke off; nothing was changed") from error
        if not piece:
            return
        if length is not None:
            length -= len(piece)
        yield piece
