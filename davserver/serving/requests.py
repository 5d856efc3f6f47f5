"""Reads the head of one HTTP/1.x request, strictly: what is not plainly right is refused (RFC 9112, RFC 9110).

Names and values become WSGI environ text (PEP 3333: Latin-1). Nothing here waits or touches a socket.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote

from davserver.serving.limits import Limits

METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")
HOST = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
LENGTH = re.compile(r"[0-9]{1,18}")
_REQUEST_LINE = re.compile(rf"({METHOD.pattern}) ([!-~\x80-\xff]+) HTTP/1\.([01])")
_FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)*+")
_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)([^#]*)")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Bytes that no head may contain; found while it is still arriving, so that nobody waits for the end of nonsense.
_NEVER = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])")

# Fields of one value: two of them have no meaning that all parties share (RFC 9110 §5.3, RFC 4918 §10).
# fmt: off
_SINGLE = frozenset({
    "HTTP_AUTHORIZATION", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_RANGE", "HTTP_CONTENT_TYPE", "HTTP_DEPTH",
    "HTTP_DESTINATION", "HTTP_EXPECT", "HTTP_HOST", "HTTP_IF", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE",
    "HTTP_IF_UNMODIFIED_SINCE", "HTTP_LOCK_TOKEN", "HTTP_MAX_FORWARDS", "HTTP_ORIGIN", "HTTP_OVERWRITE", "HTTP_RANGE",
    "HTTP_REFERER", "HTTP_TRANSFER_ENCODING", "HTTP_USER_AGENT",
})
# fmt: on


class Refused(Exception):  # noqa: N818
    """The request cannot be served; `status` is the status line's text, the connection closes."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class IncompleteBody(OSError):  # noqa: N818
    """The request body ended early, is malformed, or comes too slowly; nothing of it may be kept.

    `status` is what to answer: 400, or 408 if the peer was too slow.
    """

    def __init__(self, reason: str, status: str = "400 Bad Request") -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Head:
    """The facts of one request head; `fields` are environ entries."""

    method: str
    target: str
    path: str
    query: str
    http11: bool
    fields: dict[str, str]
    length: int
    chunked: bool
    expects_continue: bool
    keep_alive: bool


def check_beginning(arrived: bytes, since: int, limits: Limits) -> None:
    """Refuses an unfinished head as soon as it cannot become a good one; bytes before `since` were checked already."""
    if _NEVER.search(arrived, max(since - 1, 0)):
        raise Refused("400 Bad Request", "The request contains a forbidden control character.")
    line_end = arrived.find(b"\r\n", 0, limits.request_line_bytes + 2)
    if line_end < 0 and len(arrived) > limits.request_line_bytes:
        raise Refused("414 URI Too Long", "The request line is too long.")
    if line_end >= 0 and since <= line_end + 1:
        _request_line(arrived[:line_end].decode("latin-1"))
    if len(arrived) > limits.head_bytes:
        raise Refused("431 Request Header Fields Too Large", "The header fields are too long.")


def parse_head(block: bytes, limits: Limits) -> Head:
    """The head in `block`, which ends with its empty line; raises Refused."""
    line_bytes = block.find(b"\r\n")
    if line_bytes > limits.request_line_bytes:
        raise Refused("414 URI Too Long", "The request line is too long.")
    if len(block) > limits.head_bytes or block.count(b"\n") > limits.head_fields + 2:
        raise Refused("431 Request Header Fields Too Large", "There are too many or too long header fields.")
    text = block.decode("latin-1")
    method, target, http11 = _request_line(text[:line_bytes])
    fields = _fields(text[line_bytes + 2 : -2])
    host = fields.get("HTTP_HOST")
    if host is None:
        if http11:
            raise Refused("400 Bad Request", "The Host field is missing.")
    elif not HOST.fullmatch(host):
        raise Refused("400 Bad Request", "The Host field is malformed.")
    if target[0] != "/":
        target = _other_form(method, target, host)
    path, _, query = target.partition("?")
    if "#" in target or ("%" in path and _BAD_PERCENT.search(path)):
        raise Refused("400 Bad Request", "The request target is malformed.")
    length, chunked = _framing(fields, http11)
    return Head(
        method=method,
        target=target,
        path=unquote(path, "latin-1") if "%" in path else path,
        query=query,
        http11=http11,
        fields=fields,
        length=length,
        chunked=chunked,
        expects_continue=_expects_continue(fields, http11) and (chunked or length > 0),
        keep_alive=_keep_alive(fields, http11),
    )


def _request_line(line: str) -> tuple[str, str, bool]:
    parts = _REQUEST_LINE.fullmatch(line)
    if parts is None:
        raise Refused("400 Bad Request", "The request line is malformed.")
    method, target, minor = parts.groups()
    return method, target, minor == "1"


def _fields(text: str) -> dict[str, str]:
    """Environ entries of all field lines; a repeated list field is joined as RFC 9110 §5.2 says.

    A name with `_` is left out, since X_Forwarded_For and X-Forwarded-For would share one entry; Office sends some
    (X-IDCRL_ACCEPTED). One that another party could take for a field of one value is refused.
    """
    if not _FIELDS.fullmatch(text):
        raise Refused("400 Bad Request", "A header field is malformed.")
    fields: dict[str, str] = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            break
        key = _environ_key(name)
        if "_" in name:
            if key in _SINGLE:
                raise Refused("400 Bad Request", "A header field is malformed.")
            continue
        value = value.strip(" \t")
        if key in fields:
            if key in _SINGLE:
                raise Refused("400 Bad Request", "A header field that must be single is repeated.")
            value = fields[key] + ("; " if key == "HTTP_COOKIE" else ", ") + value
        fields[key] = value
    return fields


@functools.lru_cache(maxsize=512)
def _environ_key(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def _other_form(method: str, target: str, host: str | None) -> str:
    """The origin form of an absolute target (RFC 9112 §3.2.2), or `*` (§3.2.4); other forms are refused."""
    if target == "*" and method == "OPTIONS":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or method == "CONNECT":
        raise Refused("400 Bad Request", "The request target is malformed.")
    authority, rest = absolute.groups()
    if host is None or authority.lower() != host.lower():
        raise Refused("400 Bad Request", "The request target names another host than the Host field.")
    if rest[:1] == "/":
        return rest
    return "*" if method == "OPTIONS" and not rest else "/" + rest


def _framing(fields: dict[str, str], http11: bool) -> tuple[int, bool]:
    """Length and whether the body is chunked; moves the two CGI names out of HTTP_ (RFC 9112 §6.3)."""
    if "HTTP_CONTENT_TYPE" in fields:
        fields["CONTENT_TYPE"] = fields.pop("HTTP_CONTENT_TYPE")
    length = fields.pop("HTTP_CONTENT_LENGTH", None)
    coding = fields.get("HTTP_TRANSFER_ENCODING")
    if coding is not None:
        if length is not None or not http11:
            raise Refused("400 Bad Request", "The length of the request body is ambiguous.")
        if coding.lower() != "chunked":
            raise Refused("501 Not Implemented", "Only the transfer coding chunked is understood.")
        return 0, True
    if length is None:
        return 0, False
    if not LENGTH.fullmatch(length):
        raise Refused("400 Bad Request", "The Content-Length field is malformed.")
    fields["CONTENT_LENGTH"] = length
    return int(length), False


def _expects_continue(fields: dict[str, str], http11: bool) -> bool:
    expected = fields.get("HTTP_EXPECT")
    if expected is None or not http11:
        return False
    if expected.lower() != "100-continue":
        raise Refused("417 Expectation Failed", "Only the expectation 100-continue is understood.")
    return True


def _keep_alive(fields: dict[str, str], http11: bool) -> bool:
    wish = fields.get("HTTP_CONNECTION")
    if wish is None:
        return http11
    options = {option.strip(" \t") for option in wish.lower().split(",")}
    return "close" not in options and (http11 or "keep-alive" in options)
