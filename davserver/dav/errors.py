"""The one table domain error → status and precondition element, and the bodies of errors (RFC 4918 §14.5, §16).

Bodies have the form that sabre/dav made known: its `message` is what Nextcloud clients show to people.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from wsgidav.dav_error import DAVError

from acl.principals import PrincipalKind
from acl.privileges import Rights
from davserver.dav.privileges import needed
from davserver.dav.xml import CONTENT_TYPE, BadXml, document, element, escape
from davserver.login import CHALLENGE, Malformed, Throttled, Unauthorized
from davserver.tree.seen import (
    AccessDenied,
    DoesNotFit,
    InvalidAcl,
    LockConflict,
    Locked,
    NoSuchLock,
    PreconditionFailed,
    TooMany,
    UnknownSyncToken,
)
from shareproviders.contract import (
    BadName,
    BodyTruncated,
    DiskFull,
    NameTaken,
    NotFound,
    Outdated,
    ParentMissing,
    QuotaExceeded,
    ReadOnlyShare,
    Unavailable,
    WrongKind,
)

if TYPE_CHECKING:
    from davserver.dav.request import Request

RETRY_AFTER = 5  # seconds until somebody may try again whom a busy or full server sent away

TABLE: tuple[tuple[type[Exception], int, str], ...] = (
    (Unauthorized, 401, ""),
    (Malformed, 400, ""),
    (Throttled, 429, ""),
    (NotFound, 404, ""),
    (ParentMissing, 409, ""),
    (NameTaken, 405, ""),
    (WrongKind, 409, ""),
    (Outdated, 412, ""),
    (PreconditionFailed, 412, ""),
    (BodyTruncated, 400, ""),
    (BadName, 400, ""),
    (BadXml, 400, ""),
    (QuotaExceeded, 507, "{DAV:}quota-not-exceeded"),
    (ReadOnlyShare, 403, ""),
    (DoesNotFit, 403, ""),
    (AccessDenied, 403, "{DAV:}need-privileges"),
    (InvalidAcl, 403, ""),
    (UnknownSyncToken, 403, "{DAV:}valid-sync-token"),
    (Locked, 423, "{DAV:}lock-token-submitted"),
    (LockConflict, 423, "{DAV:}no-conflicting-lock"),
    (NoSuchLock, 409, "{DAV:}lock-token-matches-request-uri"),
    (TooMany, 403, ""),
    (DiskFull, 507, "{DAV:}sufficient-disk-space"),  # RFC 4331 §6
    (Unavailable, 503, ""),
)
"""Domain error, status, precondition. What is not listed is a 500 without any detail."""


class DavError(DAVError):  # type: ignore[misc]  # wsgidav has no types
    """A refusal: status, precondition element (Clark name, or the element serialised), and a sentence for people."""

    def __init__(
        self, status: int, condition: str = "", *, message: str = "", headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(status, message, add_headers=list(headers))
        self.status = status
        self.condition = element(condition) if condition and not condition.startswith("<") else condition
        self.message = message or f"{HTTPStatus(status).phrase.lower()}"
        self.headers = list(headers)

    def get_response_page(self) -> tuple[str, bytes]:
        """Media type and body."""
        word = HTTPStatus(self.status).phrase.replace(" ", "")
        told = f"<s:exception>{word}</s:exception><s:message>{escape(self.message)}</s:message>"
        return CONTENT_TYPE, document("D:error", self.condition + told)


def translated(error: Exception, request: Request | None = None) -> DavError | None:
    """The refusal that a domain error stands for; None for one that nobody expected."""
    if isinstance(error, DavError):
        return error
    found = next((row for row in TABLE if isinstance(error, row[0])), None)
    if found is None:
        return None
    _, status, condition = found
    message = str(error)
    if isinstance(error, NotFound):
        message = "there is nothing here"  # law 3: the same for absent and undiscoverable
    elif isinstance(error, AccessDenied) and request is not None:
        if request.tree.principal.kind is PrincipalKind.ANONYMOUS:
            status, condition, message = 401, "", "log in first"
        else:
            condition = need_privileges(request.href(error.path, is_collection=False), error.needed)
    elif isinstance(error, InvalidAcl):
        condition = f"{{DAV:}}{error.rule}"
    elif isinstance(error, Locked | LockConflict) and request is not None:
        root = error.root if request.tree.may_know(error.root) else request.path
        condition = element(condition, f"<D:href>{request.href(root, is_collection=False)}</D:href>")
    return DavError(status, condition, message=message, headers=_headers(error, status))


def _headers(error: Exception, status: int) -> list[tuple[str, str]]:
    if status == 401:
        return [("WWW-Authenticate", error.challenge if isinstance(error, Unauthorized) else CHALLENGE)]
    if isinstance(error, Throttled):
        return [("Retry-After", str(error.retry_after))]
    return [("Retry-After", str(RETRY_AFTER))] if status == 503 else []


def need_privileges(href: str, rights: Rights) -> str:
    """One `resource` for each privilege that is missing there (RFC 3744 §7.1.1); `href` is percent-encoded."""
    missing = "".join(
        element("{DAV:}resource", f"<D:href>{escape(href)}</D:href>{privilege}") for privilege in needed(rights)
    )
    return element("{DAV:}need-privileges", missing)
