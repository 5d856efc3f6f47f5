"""Links' secrets: what is made for a new link, and what opens one: its token, and where asked its password.

Drives send the password with each request (Basic, RFC 7617). A browser sends it once and then shows a proof of that.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import bindparam, select

from acl import store
from acl.links import Link
from davserver import throttle
from davserver.accounts import MAX_PASSWORD_BYTES, Passwords
from davserver.audit import Audit
from davserver.database import Database
from davserver.linking import new_token, token_hash
from davserver.login import REMEMBERED, REMEMBERED_FOR, Throttled, Unauthorized, parse_basic
from davserver.schema import account
from davserver.throttle import SECOND, Bucket, net_of
from shareproviders.contract import NotFound

GUESSES_FROM_A_NET, GUESSES = 10, 50
"""Wrong passwords of a link that are looked at, in five minutes and in ten."""
PROVED_FOR = 30 * 60 * SECOND
"""So long a browser is believed that it once sent the right password."""

_active = select(account.c.user).where(account.c.user == bindparam("user"), account.c.active)


class LinkSecret(NamedTuple):
    """What a new link is opened with. The token is told once and kept nowhere."""

    token: str
    digest: bytes
    """What the store keeps of the token."""
    password: str | None
    """The hash of the password, if there is one."""


class LinkLogin:
    """Decides which link somebody holds. `pepper` is a secret of this house; safe for many threads."""

    def __init__(
        self, database: Database, passwords: Passwords, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._passwords, self._pepper = database, passwords, pepper
        self._audit, self._clock = audit, clock
        self._process_key = secrets.token_bytes(32)
        self._known: dict[bytes, int] = {}

    def new_secret(self, password: str | None = None) -> LinkSecret:
        """For a new link. Raises AccountProblem for a password that is too short or too long."""
        token = new_token()
        digest = token_hash(self._pepper, token)
        return LinkSecret(token, digest, None if password is None else self._passwords.hash(password))

    def new_reply(self) -> tuple[str, bytes]:
        """Token of the private reply link of a letter, told once, and what is kept of it."""
        token = new_token()
        return token, self.reply_digest(token)

    def reply_digest(self, token: str) -> bytes:
        """What is kept of the token of a reply link."""
        return token_hash(self._pepper, token, "letter")

    def link(self, token: str, authorization: str | None, remote_address: str) -> Link:
        """The link of this token, if it holds now and its password was given.

        A token that never was, one that has ended, is used up or revoked, and one whose maker has left end alike: in
        NotFound. Raises Unauthorized, Malformed, Throttled where a password is asked; Unavailable.
        """
        link = self.find(token)
        if link.password is not None:
            self._demand_password(link, link.password, authorization, remote_address)
        return link

    def find(self, token: str) -> Link:
        """The link of this token, if it holds now; its password is still to be asked for. Raises NotFound as `link`."""
        with self._database.read() as connection:
            link = store.link_by_hash(connection, token_hash(self._pepper, token))
            maker = "" if link is None else link.maker.partition(":")[2]
            active = connection.execute(_active, {"user": maker}).first() is not None
        if link is None or not active or link.uses_left == 0 or not link.holds_at(self._clock()):
            raise NotFound("there is nothing here")
        return link

    def prove(self, link: Link, password: str, remote_address: str) -> str:
        """What a browser shows from now on in place of the password: good for this link alone, and for a while.

        Raises Unauthorized for a wrong password, Throttled, Unavailable.
        """
        self._check_password(link, link.password or "", password, remote_address)
        until, nonce = self._clock() + PROVED_FOR, secrets.token_hex(16)
        return f"{until}.{nonce}.{self._proof(link, until, nonce)}"

    def is_open_to(self, link: Link, proof: str) -> bool:
        """Is no password asked, or was it given and has stayed the same since?"""
        if link.password is None:
            return True
        until, _, rest = proof.partition(".")
        nonce, _, shown = rest.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 20 and self._clock() < int(until)):
            return False
        return hmac.compare_digest(self._proof(link, int(until), nonce).encode(), shown.encode())

    def _proof(self, link: Link, until: int, nonce: str) -> str:
        said = f"link proof\0{link.id}\0{link.password}\0{until}\0{nonce}".encode("utf-8", "replace")
        return hmac.digest(self._pepper, said, hashlib.sha256).hex()

    def _demand_password(self, link: Link, hashed: str, authorization: str | None, remote_address: str) -> None:
        if not authorization:
            raise Unauthorized("this link asks for a password; any name will do")
        shown = f"{link.id} {hashed} {authorization}".encode("utf-8", "surrogateescape")
        key = hmac.digest(self._process_key, shown, hashlib.sha256)
        now = self._clock()
        if self._known.get(key, 0) > now:
            return
        self._check_password(link, hashed, parse_basic(authorization)[1], remote_address)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[key] = now + REMEMBERED_FOR

    def _check_password(self, link: Link, hashed: str, password: str, remote_address: str) -> None:
        touched, now = buckets(link.id, remote_address), self._clock()
        with self._database.read() as connection:
            pause = throttle.pause_left(connection, touched, now)
        if pause:
            raise Throttled(pause)
        too_long = len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES
        if too_long or not self._passwords.matches(password, hashed):
            raise self._failure(link, touched, remote_address)

    def _failure(self, link: Link, touched: tuple[Bucket, ...], remote_address: str) -> Unauthorized:
        """Count it, by a guarded look, so that many at once do not count for one."""
        with self._database.transaction() as connection:
            pause = throttle.pause_left(connection, touched, self._clock())
            if pause:
                raise Throttled(pause)
            throttle.count_failure(connection, touched, self._clock())
            who, detail = f"link:{link.id}", net_of(remote_address)
            self._audit.note(
                connection, who, "login", share=link.share, node=link.node, result="refused", detail=detail
            )
        return Unauthorized("this password does not open the link")


def buckets(link: int, address: str) -> tuple[Bucket, Bucket]:
    """The counts that a wrong password touches: of this link from that net, and of this link from everywhere."""
    return (
        Bucket(f"link {link} {net_of(address)}", GUESSES_FROM_A_NET, 5 * 60 * SECOND),
        Bucket(f"link {link}", GUESSES, 10 * 60 * SECOND),
    )
