"""One-time addresses `/dav-open/<token>/<name>`: one document for Office, which cannot log in (decisions/0028).

An address must be used within ten minutes. Its first use binds it to the network address that it came from; from then
on it lives while the lock lives that was taken through it, for twelve hours at most, and ends with the person.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from acl.labels import Classification
from acl.principals import Ceiling, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.audit import Audit
from davserver.database import Database
from davserver.keys import Sealer
from davserver.linking import new_token, token_hash
from davserver.schema import account, lock, person
from davserver.schema import opening as table
from davserver.throttle import SECOND, net_of
from shareproviders.contract import Node, NotFound

PREFIX = "/dav-open"
METHODS = ("OPTIONS", "GET", "HEAD", "PUT", "PROPFIND", "LOCK", "UNLOCK")
OPENING = frozenset({"GET", "PUT", "LOCK", "UNLOCK"})
"""What uses an address up. Office asks HEAD and PROPFIND before, from several processes, and mail scanners may."""
WITHIN = 600 * SECOND
"""Until the first use; and after it, until a lock is taken."""
AFTERWARDS = 60 * SECOND
"""For what a program still asks once it has given its lock back."""
LONGEST = 12 * 3600 * SECOND
OPENED = Rights.READ | Rights.WRITE_CONTENT | Rights.READ_CURRENT_USER_PRIVILEGE_SET

PROGRAMS = {
    "ms-word": ("doc", "docm", "docx", "dot", "dotx", "odt", "rtf"),
    "ms-excel": ("csv", "ods", "xls", "xlsb", "xlsm", "xlsx"),
    "ms-powerpoint": ("odp", "pps", "ppsx", "ppt", "pptm", "pptx"),
}
"""URI schemes of Office and the suffixes that each opens."""

_found = (
    select(table, account.c.password, account.c.admin, person.c.name.label("called"), lock.c.expires)
    .join(account, account.c.user == table.c.user)
    .join(person, person.c.user == table.c.user, isouter=True)
    .join(lock, lock.c.token == table.c.lock, isouter=True)
    .where(table.c.digest == bindparam("digest"), account.c.active)
)
_password = select(account.c.password).where(account.c.user == bindparam("user"))


def is_editable(name: str) -> bool:
    """Is a document of this name one that an office program edits?"""
    suffix = name.rpartition(".")[2].lower()
    return any(suffix in suffixes for suffixes in PROGRAMS.values())


class NewOpening(NamedTuple):
    """What is told once."""

    path: str
    """`/dav-open/<token>/<name>`, percent-encoded: to be put behind the public address."""
    until: int
    """When it ends unless it is used, microseconds."""


class Opening(NamedTuple):
    """One address that holds now."""

    digest: bytes
    principal: Principal
    share: str
    node: int
    name: str
    """The document's, as it was when the address was made and stays in it."""
    created: int


def lowered(principal: Principal, max_class: Classification) -> Principal:
    """The same person as such an address lets him in: to read and save, as high as an app password of his reaches."""
    ceiling = Ceiling("open-url", OPENED, min(principal.ceiling.max_class, max_class))
    return replace(principal, ceiling=ceiling)


def office_link(url: str) -> str | None:
    """What opens a document's address in the Office program for its suffix, to edit; None if there is no such program.

    Source: Office URI schemes, `<scheme>:ofe|u|<address>`.
    """
    suffix = url.rpartition(".")[2].lower()
    scheme = next((scheme for scheme, suffixes in PROGRAMS.items() if suffix in suffixes), None)
    return None if scheme is None else f"{scheme}:ofe|u|{url}"


class Openings:
    """The table of one-time addresses. `pepper` is a secret of this house; safe for many threads."""

    def __init__(
        self,
        database: Database,
        sealer: Callable[[str], Sealer],
        pepper: bytes,
        audit: Audit,
        clock: Callable[[], int],
    ) -> None:
        self._database, self._sealer, self._pepper = database, sealer, pepper
        self._audit, self._clock = audit, clock

    def make(self, connection: Connection, principal: Principal, share: str, node: Node) -> NewOpening:
        """For the door, which has asked whether this person may open this document."""
        now, token = self._clock(), new_token()
        digest = token_hash(self._pepper, token)
        connection.execute(delete(table).where(table.c.created < now - LONGEST - WITHIN))
        password = connection.execute(_password, {"user": principal.id}).scalar_one()
        connection.execute(
            insert(table).values(
                digest=digest,
                user=principal.id,
                proof=self._proof(digest, password),
                share=share,
                node=node.id,
                name=self._sealer(share).seal(node.name, opening_place(digest)),
                max_class=principal.ceiling.max_class.word,
                created=now,
                until=now + WITHIN,
            )
        )
        self._audit.note(connection, principal.key, "open-url", share=share, node=node.id)
        return NewOpening(f"{PREFIX}/{token}/{quote(node.name, safe='')}", now + WITHIN)

    def enter(self, token: str, names: tuple[str, ...], method: str, address: str, submitted: str) -> Opening:
        """The opening of this token, for a request to what stands at `names` below it.

        `submitted` are the headers in which a lock token may stand: who shows that of the opening's lock is who
        opened it, wherever he is by now. All that ends an address ends in the same NotFound.
        """
        digest = token_hash(self._pepper, token)
        with self._database.read() as connection:
            row = connection.execute(_found, {"digest": digest}).one_or_none()
        if row is None or not self._holds(row):
            raise NotFound("there is nothing here")
        name = self._sealer(row.share).open(row.name, opening_place(digest))
        if names != (name,) and (names or method != "PROPFIND"):
            raise NotFound("there is nothing here")
        net = net_of(address)
        if row.opened is None and method in OPENING:
            self._open(digest, net)
        elif row.opened is not None and row.net != net:
            self._follow(digest, net, row.lock, submitted)
        kept = Principal(PrincipalKind.USER, row.user, row.called or row.user, row.admin)
        principal = lowered(kept, Classification.parse(row.max_class))
        return Opening(digest, principal, row.share, row.node, name, row.created)

    def _holds(self, row: Row[Any]) -> bool:
        now = self._clock()
        if not hmac.compare_digest(row.proof, self._proof(row.digest, row.password)):
            return False  # his password was changed or reset: whatever was handed out before has ended
        if row.opened is not None and now >= row.opened + LONGEST:
            return False
        return now < row.until or (row.expires is not None and now < row.expires)

    def _open(self, digest: bytes, net: str) -> None:
        """Take the first use, in one guarded update: of two from different places only one succeeds."""
        now, mine = self._clock(), table.c.digest == digest
        with self._database.transaction() as connection:
            free = update(table).where(mine, table.c.opened.is_(None))
            connection.execute(free.values(net=net, opened=now, until=now + WITHIN))
            if connection.execute(select(table.c.net).where(mine)).scalar() != net:
                raise NotFound("there is nothing here")

    def _follow(self, digest: bytes, net: str, held: str, submitted: str) -> None:
        """A laptop that changes from one network to another goes on saving, if it shows its lock. Raises NotFound."""
        if not held or held not in submitted:
            raise NotFound("there is nothing here")
        with self._database.transaction() as connection:
            connection.execute(update(table).where(table.c.digest == digest, table.c.lock == held).values(net=net))

    def locked(self, connection: Connection, opening: Opening, token: str) -> None:
        """Inside the transaction of a LOCK through it: it lives as long as that lock."""
        connection.execute(update(table).where(table.c.digest == opening.digest).values(lock=token))

    def unlocked(self, connection: Connection, opening: Opening, token: str) -> None:
        """Inside the transaction of an UNLOCK: it ends soon."""
        mine = (table.c.digest == opening.digest, table.c.lock == token)
        connection.execute(update(table).where(*mine).values(lock="", until=self._clock() + AFTERWARDS))

    def _proof(self, digest: bytes, password: str | None) -> bytes:
        return hmac.digest(self._pepper, b"opening\0" + digest + (password or "").encode(), hashlib.sha256)


def opening_place(digest: bytes) -> str:
    """Binds a sealed name to its row."""
    return f"opening {digest.hex()}"
