"""Signing in through a provider of identities: a browser's way there and back, and who has come.

The way is bound to the browser, and good once. Unknown people get nothing.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from acl.principals import ANONYMOUS, Principal
from davserver import throttle
from davserver.audit import Audit
from davserver.database import Database
from davserver.keys import Sealer, SpaceKeys
from davserver.linking import token_hash
from davserver.login import Throttled, active_person
from davserver.oidc import NoProof, Proved, Provider
from davserver.pins import fitting, pin, pinned_to
from davserver.schema import handover
from davserver.throttle import SECOND, Bucket, net_of
from shareproviders.contract import Unavailable

ON_THE_WAY = 10 * 60 * SECOND
"""So long somebody may take to sign in at the provider."""

DEPARTURES = 300
"""That one net may send on that way at a time: a town hall is one net, and what waits takes room."""

log = logging.getLogger(__name__)


class Nobody(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """The provider knows who that is, and no account here belongs to him."""


class Cancelled(Exception):  # noqa: N818
    """Whoever was sent to the provider did not sign in there."""


class Wish(NamedTuple):
    """What somebody wanted before he was asked who he is."""

    onward: str
    carried: str
    """The form that waits to be sent, as the sign-in page carries it."""


class Identities:
    """The table of pins, and of browsers on their way. `pepper` is a secret of this house; safe for many threads."""

    def __init__(
        self, database: Database, provider: Provider, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._provider, self._pepper = database, provider, pepper
        self._audit, self._clock = audit, clock
        self._sealer = Sealer(SpaceKeys(b"handover", pepper))
        self.name = provider.name

    def depart(self, browser: str, wish: Wish, remote_address: str) -> str:
        """The address to which this browser is sent.

        Raises Throttled, Unavailable, and NoProof for a provider that cannot be used.
        """
        state, now = secrets.token_urlsafe(32), self._clock()
        address = self._provider.address(state, self._derived("nonce", state), self._derived("verifier", state))
        digest = self._digest("state", state)
        values = {
            "state": digest,
            "browser": self._digest("browser", browser),
            "form": self._sealer.seal(json.dumps(wish), digest.hex()),
            "expires": now + ON_THE_WAY,
        }
        asked = (Bucket(f"handover {net_of(remote_address)}", DEPARTURES, ON_THE_WAY),)
        with self._database.transaction() as connection:
            pause = throttle.pause_left(connection, asked, now)
            if pause:
                raise Throttled(pause, "too many people sign in elsewhere")
            throttle.count_failure(connection, asked, now)
            connection.execute(delete(handover).where(handover.c.expires <= now))
            connection.execute(insert(handover).values(values))
        return address

    def leaving(self, back: str) -> str:
        """Where a browser signs out there too, and comes `back` from; '' where that cannot be had at present."""
        try:
            return self._provider.leaving(back)
        except (NoProof, Unavailable) as problem:
            log.warning("nobody can be sent to the provider of identities to sign out: %s", problem)
            return ""

    def arrive(self, browser: str, answer: Mapping[str, str], address: str) -> tuple[Principal, Wish]:
        """Who has come back, and what he wanted. Raises NoProof, Nobody, Cancelled, Unavailable.

        The state is good once, in the browser that was sent away (RFC 9700 §2.1, §4.7); an answer of another provider
        is refused before it is looked at (RFC 9207 §2.4).
        """
        try:
            wish = self._taken(browser, answer.get("state", ""))
            proved = self._proved(answer)
        except NoProof as problem:
            log.warning("login failed from %s: provider of identities: %s", address, problem)
            with self._database.transaction() as connection:
                self._audit.note(connection, ANONYMOUS.key, "oidc", result="refused", detail=address)
            raise
        return self._known(proved, address), wish

    def _proved(self, answer: Mapping[str, str]) -> Proved:
        if answer.get("iss", self._provider.issuer) != self._provider.issuer:
            raise NoProof("the answer of another provider")
        if "error" in answer:
            raise Cancelled(answer["error"])
        nonce, verifier = self._derived("nonce", answer["state"]), self._derived("verifier", answer["state"])
        return self._provider.proved(answer.get("code", ""), nonce, verifier)

    def _taken(self, browser: str, state: str) -> Wish:
        mine = handover.c.state == self._digest("state", state), handover.c.browser == self._digest("browser", browser)
        alive = handover.c.expires > self._clock()
        with self._database.transaction() as connection:
            row = connection.execute(select(handover).where(*mine, alive)).one_or_none()
            if row is not None:
                connection.execute(delete(handover).where(*mine))
        if row is None:
            raise NoProof("state: never sent out by this browser, used, or too old")
        return Wish(*json.loads(self._sealer.open(row.form, row.state.hex())))

    def _known(self, proved: Proved, address: str) -> Principal:
        issuer, subject = proved.issuer, proved.subject
        with self._database.transaction() as connection:
            user = pinned_to(connection, issuer, subject, self._clock())
            if user is None:
                user = fitting(connection, proved.claim, by_email=self._provider.finds_by_email)
                if user is not None:
                    pin(connection, user, issuer, subject, self._clock())
                    self._audit.note(connection, f"user:{user}", "identity-pin", detail=subject)
            principal = None if user is None else active_person(connection, user)
            if principal is None:
                self._audit.note(connection, ANONYMOUS.key, "oidc", result="unknown", detail=subject)
        if principal is None:
            log.warning("login failed from %s: provider of identities: nobody here", address)
            raise Nobody
        return principal

    def _digest(self, kind: str, token: str) -> bytes:
        return token_hash(self._pepper, token, f"handover {kind}")

    def _derived(self, kind: str, state: str) -> str:
        """43 letters that follow from the state and are kept nowhere (as a code verifier: RFC 7636 §4.1)."""
        return (
            base64.urlsafe_b64encode(hmac.digest(self._pepper, f"{kind}\0{state}".encode(), "sha256"))
            .rstrip(b"=")
            .decode()
        )
