"""Conditions of a request: the If header (RFC 4918 §10.4) and If-Match with its kin (RFC 9110 §13).

A condition that cannot be parsed is a 400 and one that is false a 412; neither ever lets a request run.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from davserver.dav.errors import DavError
from davserver.tree.seen import PreconditionFailed, Seen, Terms
from davserver.tree.synctokens import PREFIX as SYNC_TOKEN
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

if TYPE_CHECKING:
    from davserver.dav.request import Request

MAX_HEADER = 8 * 1024
MAX_CONDITIONS = 100
SECOND = 1_000_000

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_PART = re.compile(
    rf"""[ \t]*(?:
        <(?P<url>[\x21-\x3b\x3d\x3f-\x7e]+)>
      | \[[ \t]*(?P<tag>{_TAG})[ \t]*\]
      | (?P<open>\()
      | (?P<close>\))
      | (?P<negation>Not)
    )[ \t]*""",
    re.VERBOSE | re.IGNORECASE,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986 §3.1
_LISTED_TAG = re.compile(rf"[ \t]*({_TAG})[ \t]*(?:,|$)")
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"  # IMF-fixdate
    r"|[A-Z][a-z]{5,8}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9:]{8} GMT"  # RFC 850
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}"  # asctime
)
CONDITIONS = (
    *("HTTP_IF", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"),
    "HTTP_IF_RANGE",
)
"""Environ keys of the headers that make a request conditional (RFC 9110 §13.1, RFC 4918 §10.4)."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@functools.lru_cache(maxsize=1024)
def http_date(instant: int) -> str:
    """An instant in microseconds as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7)."""
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(instant // SECOND)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_http_date(text: str) -> int | None:
    """Microseconds of one of the three forms of RFC 9110 §5.6.7; None if it is none of them."""
    if _HTTP_DATE.fullmatch(text.strip()) is None:
        return None
    try:
        return int(parsedate_to_datetime(text.strip()).replace(tzinfo=UTC).timestamp()) * SECOND
    except ValueError:
        return None


class Condition(NamedTuple):
    """One condition: a lock token or an entity tag that a resource must have, or must not have."""

    wanted: bool
    token: str
    """Empty if it is about an entity tag."""
    tag: str
    """As sent, with quotes and `W/`."""


class Conditions(NamedTuple):
    """One list of the If header: true if all of its conditions are."""

    resource: str | None
    """URL or path as sent; None for the request's own resource."""
    conditions: tuple[Condition, ...]


class _Parts:
    """The parts of an If header, one after the other."""

    def __init__(self, header: str) -> None:
        self._header, self._at = header, 0
        self.kind, self.text = "", ""
        self.next()

    def next(self) -> None:
        """Look at the next part; kind `end` after the last."""
        match = _PART.match(self._header, self._at)
        if match is not None and match.lastgroup is not None:
            self.kind, self.text, self._at = match.lastgroup, match[match.lastgroup], match.end()
        elif self._at == len(self._header):
            self.kind = "end"
        else:
            raise _unreadable()

    def take(self, kind: str) -> str:
        """The present part, which must be of this kind; go on to the next."""
        if self.kind != kind:
            raise _unreadable()
        text = self.text
        self.next()
        return text


def parse_if(header: str) -> list[Conditions]:
    """The lists of an If header, all of them tagged or none. Raises DavError 400."""
    if len(header) > MAX_HEADER:
        raise _unreadable()
    parts, lists = _Parts(header), []
    tagged = parts.kind == "url"
    while parts.kind != "end":
        resource = parts.take("url") if tagged else None
        lists.append(_parse_list(parts, resource))
        while tagged and parts.kind == "open":
            lists.append(_parse_list(parts, resource))
    if not lists or sum(len(one.conditions) for one in lists) > MAX_CONDITIONS:
        raise _unreadable()
    return lists


def _parse_list(parts: _Parts, resource: str | None) -> Conditions:
    parts.take("open")
    found: list[Condition] = []
    while parts.kind != "close" or not found:
        wanted = parts.kind != "negation"
        if not wanted:
            parts.next()
        if parts.kind == "tag":
            found.append(Condition(wanted, "", parts.take("tag")))
        else:
            found.append(Condition(wanted, _absolute(parts.take("url")), ""))
    parts.take("close")
    return Conditions(resource, tuple(found))


def _absolute(token: str) -> str:
    """A state token is an absolute URI (RFC 4918 §10.4.2); `Not` of what is none would be true of everything."""
    if _SCHEME.match(token) is None:
        raise _unreadable()
    return token


def _unreadable() -> DavError:
    return DavError(400, message="the If header cannot be understood")


class State(NamedTuple):
    """What lists ask about a resource."""

    tag: str
    """Entity tag with quotes; empty if nothing is there."""
    tokens: frozenset[str]
    """Of the asker's locks that cover it; for a collection that it is asked of also its sync-token."""


def holds(lists: Sequence[Conditions], state: Callable[[str | None], State]) -> bool:
    """Whether an If header is true: one of its lists is, for the resource that it is about (RFC 4918 §10.4.3)."""
    return any(
        all(_is_met(one, state(conditions.resource)) == one.wanted for one in conditions.conditions)
        for conditions in lists
    )


def _is_met(condition: Condition, state: State) -> bool:
    if condition.token:
        return condition.token in state.tokens
    return condition.tag == state.tag  # strong comparison: our tags never begin with W/


class Preconditions(NamedTuple):
    """If-Match and its kin (RFC 9110 §13.1); None where absent."""

    match: tuple[str, ...] | None
    none_match: tuple[str, ...] | None
    """Tags as sent; `("*",)` for anything."""
    modified_since: int | None
    unmodified_since: int | None


def preconditions(request: Request) -> Preconditions:
    """Raises DavError 400 for tags that cannot be parsed; dates that cannot are ignored, as RFC 9110 has it."""
    match, none_match = request.header("If-Match"), request.header("If-None-Match")
    modified, unmodified = request.header("If-Modified-Since"), request.header("If-Unmodified-Since")
    return Preconditions(
        None if match is None else parse_tags(match, "If-Match"),
        None if none_match is None else parse_tags(none_match, "If-None-Match"),
        None if modified is None else parse_http_date(modified),
        None if unmodified is None else parse_http_date(unmodified),
    )


def parse_tags(header: str, name: str) -> tuple[str, ...]:
    """The entity tags of a list as sent, or `("*",)`. Raises DavError 400."""
    if header.strip() == "*":
        return ("*",)
    tags: list[str] = []
    at = 0
    while at < len(header) or not tags:
        match = _LISTED_TAG.match(header, at)
        if match is None or len(tags) >= MAX_CONDITIONS:
            raise DavError(400, message=f"{name} must be * or a list of entity tags in quotes")
        tags.append(match[1])
        at = match.end()
    return tuple(tags)


def is_precondition_met(asked: Preconditions, seen: Seen | None) -> bool:
    """Steps 1 to 3 of RFC 9110 §13.2.2, for what is there or (None) is not."""
    tag = "" if seen is None else f'"{seen.tag}"'
    if asked.match is not None:
        if seen is None or (asked.match != ("*",) and tag not in asked.match):
            return False
    elif asked.unmodified_since is not None and seen is not None and _whole_second(seen) > asked.unmodified_since:
        return False
    return asked.none_match is None or seen is None or not _is_listed(tag, asked.none_match)


def _is_listed(tag: str, tags: tuple[str, ...]) -> bool:
    """Weak comparison (RFC 9110 §8.8.3.2)."""
    return tags == ("*",) or any(one.removeprefix("W/") == tag for one in tags)


def is_conditional(request: Request) -> bool:
    """Whether it carries any of the headers that make a request conditional."""
    return not request.environ.keys().isdisjoint(CONDITIONS)


def is_not_modified(request: Request, seen: Seen) -> bool:
    """Whether a GET or HEAD is answered by 304 (RFC 9110 §13.2.2, steps 3 and 4)."""
    if not is_conditional(request):
        return False
    asked = preconditions(request)
    if asked.none_match is not None:
        return _is_listed(f'"{seen.tag}"', asked.none_match)
    since = asked.modified_since
    return since is not None and _whole_second(seen) <= since


def _whole_second(seen: Seen) -> int:
    """Last-Modified as clients know it."""
    return seen.node.modified // SECOND * SECOND


def terms(request: Request) -> Terms:
    """Lock tokens and conditions of a request; the check looks at the tree anew each time it is called.

    Raises DavError 400 if one cannot be parsed; the check raises PreconditionFailed.
    """
    if not is_conditional(request):
        return Terms()
    header = request.header("If")
    lists = [] if header is None else parse_if(header)
    asked = preconditions(request)
    safe = request.method in ("GET", "HEAD")
    if safe:
        asked = asked._replace(none_match=None)  # its turn comes later, in is_not_modified
    if not lists and (asked.match, asked.none_match, asked.unmodified_since) == (None, None, None):
        return Terms()
    for one in lists:
        if one.resource is not None:
            request.path_of(one.resource)  # a tag that is no address is a 400 now, not in the middle of the change
    submitted = frozenset(one.token for conditions in lists for one in conditions.conditions if one.token)

    def check() -> None:
        if not is_precondition_met(asked, _seen_at(request, request.path)):
            raise PreconditionFailed("a condition of this request does not hold: the resource has changed")
        if lists and not holds(lists, lambda resource: _state(request, resource, submitted)):
            raise PreconditionFailed("a condition of this request does not hold: lock or content has changed")

    return Terms(submitted, check)


def _seen_at(request: Request, path: SharePath) -> Seen | None:
    try:
        return request.tree.stat(path)
    except NotFound:
        return None


def _state(request: Request, resource: str | None, submitted: frozenset[str]) -> State:
    path = request.path if resource is None else request.path_of(resource)
    if path is None:
        return State("", frozenset())
    seen = _seen_at(request, path)
    tokens = _own_tokens(request, path, seen) if submitted else frozenset()
    if seen is not None and any(one.startswith(SYNC_TOKEN) for one in submitted) and request.tree.can_sync(seen):
        tokens |= {request.tree.sync_token(seen)}  # RFC 6578 §5
    return State("" if seen is None else f'"{seen.tag}"', tokens)


def _own_tokens(request: Request, path: SharePath, seen: Seen | None) -> frozenset[str]:
    """Tokens of the asker's locks that cover a path; where nothing is, of those that would cover it."""
    mapped = seen is not None
    while seen is None and not path.is_root:
        path = path.parent
        seen = _seen_at(request, path)
    locks = [] if seen is None else request.tree.locks([seen])[0]
    own = request.tree.principal.key
    return frozenset(lock.token for lock in locks if lock.principal == own and (mapped or lock.deep))
