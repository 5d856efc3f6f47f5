"""What a sync-token says (RFC 6578 §3.1, §4): up to which change its holder knows a collection, and in which view.

Only this server reads it, and only for the reader and the collection that it was made for. Equal states of a reader's
view give equal tokens, byte for byte.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from acl.principals import Channel, Principal
from davserver.keys import Sealer
from davserver.tree.seen import Seen, UnknownSyncToken
from shareproviders.contract import Damaged

PREFIX = "urn:x-gremium-sync:"
LONGEST = 400
STALE = "this sync-token is not valid here any more; list the folder afresh"


class Cursor(NamedTuple):
    """How far a truncated answer came in the order of its rows (`walking.Row`)."""

    change: int
    node: int
    path: int
    start: int
    """What left before this change was never told to this client."""


class Mark(NamedTuple):
    """The content of a token."""

    change: int
    """All that the reader may discover in the collection is known up to this journal number."""
    view: str
    """Digest of what he could discover there and how it was handed out, by the rules of the day of the token."""
    cursor: Cursor | None = None
    """Beyond `change`, some of it is known already."""


class SyncTokens:
    """Makes and reads the tokens of one reader of one share.

    `era` is the instant of the last restore: a token from before may tell of changes that the restore took back.
    """

    def __init__(self, sealer: Sealer, principal: Principal, channel: Channel, era: int) -> None:
        self._sealer = sealer
        self._era = f" {era}" if era else ""
        self._reader = f"{principal.key} {channel} {sorted(principal.ceiling.scopes)}"

    def _place(self, collection: Seen) -> str:
        return f"sync-token {collection.node.id} {self._reader}{self._era}"

    def make(self, collection: Seen, mark: Mark) -> str:
        """An absolute URI (RFC 6578 §4)."""
        text = " ".join(map(str, (mark.change, mark.view, *(mark.cursor or ()))))
        sealed = self._sealer.seal(text, self._place(collection))
        return PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, collection: Seen, token: str) -> Mark:
        """Raises UnknownSyncToken for what was not made here for this reader and collection."""
        if not token.startswith(PREFIX) or len(token) > LONGEST:
            raise UnknownSyncToken(STALE)
        try:
            coded = token.removeprefix(PREFIX)
            sealed = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
            text = self._sealer.open(sealed, self._place(collection))
        except (binascii.Error, ValueError, Damaged):
            raise UnknownSyncToken(STALE) from None
        change, view, *cursor = text.split(" ")
        return Mark(int(change), view, Cursor(*map(int, cursor)) if cursor else None)
