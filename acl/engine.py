"""decide(): grants, then ceilings, then hard denials (rights.md §2). Pure: facts in, decision out."""

from __future__ import annotations

from typing import NamedTuple

from acl.principals import Channel, Principal
from acl.privileges import Rights


class AccessRequest(NamedTuple):
    """The question: may this principal do this to that node, now, through this channel?"""

    principal: Principal
    privilege: Rights
    share: str
    lineage: tuple[int, ...]
    """Node ids from the share's root to the node itself."""
    at: int
    """Microseconds since the epoch."""
    channel: Channel


class Granted(NamedTuple):
    """All that a principal may do to one node; what the door works with."""

    rights: Rights
    obligations: frozenset[str]
    """`log_read` and kin (rights.md §2)."""
    until: int | None
    """The next instant at which this may change by the clock; None for never."""


class Decision(NamedTuple):
    """The answer to one AccessRequest, with reasons for people and logs."""

    allowed: bool
    reasons: tuple[str, ...]
    """Stable codes such as `mandate:member@ba05`, `phase:draft`, `ceiling:app-password`, `error`."""
    obligations: frozenset[str]
    until: int | None
