"""How long the log is kept: by purpose, cut at sealed segments, so that the chain holds before and after.

Log data are personal data: purpose, short retention, no reading profiles (domain.md; Art. 5 GDPR). Who read what, who
logged in and who was refused goes after `audit_access_days`; who changed what after `audit_days`. Before a line goes,
the lines around it are sealed: a row with their numbers, the chain's hash at their end, and a MAC over those that stay.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from davserver.schema import audit, audit_seal

ACCESS = ("read", "login", "sign-in", "sign-out", "refuse")
"""Acts that tell what people look at and when they work, and change nothing."""
LINKS = "link:%"
"""Their uses are told to whoever shares; they are no person's."""
SEGMENT = 5_000
"""Lines of one segment at most: what one transaction looks at."""
DAY = 24 * 3600 * 1_000_000


class Seal(NamedTuple):
    """One sealed segment of the log."""

    last: int
    first: int
    at: int
    """When its newest line was written, also if that line has gone."""
    kept: int
    """How many of its lines are still there."""
    hash: bytes
    """The chain's hash at its last line, from which the next one goes on."""
    proof: bytes


def seals(connection: Connection) -> Iterator[Seal]:
    """All, the oldest first."""
    for row in connection.execute(select(audit_seal).order_by(audit_seal.c.last)):
        yield Seal(row.last, row.first, row.at, row.kept, row.hash, row.proof)


def lines_of(connection: Connection, first: int, last: int) -> Iterator[Mapping[str, Any]]:
    """What is there of the lines with these numbers, in order."""
    wanted = select(audit).where(audit.c.seq >= first, audit.c.seq <= last).order_by(audit.c.seq)
    yield from (dict(row) for row in connection.execute(wanted).mappings())


def proof_of(key: bytes, seal: Seal, lines: Iterable[Mapping[str, Any]]) -> bytes:
    """The MAC over a seal and the lines that it leaves."""
    mac = hmac.new(key, b"seal", hashlib.sha256)
    mac.update(json.dumps([seal.first, seal.last, seal.at, seal.kept]).encode() + seal.hash)
    for line in lines:
        facts = [line[name] for name in ("seq", "at", "who", "what", "share", "node", "result", "detail")]
        mac.update(json.dumps(facts).encode() + line["hash"])
    return mac.digest()


def seal_next(connection: Connection, key: bytes, before: int) -> int | None:
    """Seal the oldest lines that are not sealed yet and older than `before`, and let those of access go.

    Their number; None if there is nothing to seal. To be called only if the chain holds.
    """
    first = (connection.execute(select(func.max(audit_seal.c.last))).scalar_one() or 0) + 1
    young = connection.execute(select(func.min(audit.c.seq)).where(audit.c.seq >= first, audit.c.at > before)).scalar()
    within = [audit.c.seq >= first] + ([] if young is None else [audit.c.seq < young])
    some = select(audit.c.seq, audit.c.at, audit.c.hash).where(*within).order_by(audit.c.seq).limit(SEGMENT)
    rows = connection.execute(some).all()
    if not rows:
        return None
    last = rows[-1].seq
    going = (audit.c.seq >= first, audit.c.seq <= last, audit.c.what.in_(ACCESS), audit.c.who.not_like(LINKS))
    gone = connection.execute(delete(audit).where(*going)).rowcount
    seal = Seal(last, first, max(row.at for row in rows), len(rows) - gone, rows[-1].hash, b"")
    proof = proof_of(key, seal, lines_of(connection, first, last))
    connection.execute(insert(audit_seal).values(**seal._replace(proof=proof)._asdict()))
    return gone


def empty_next(connection: Connection, key: bytes, before: int) -> int | None:
    """Let all lines of the oldest segment go that still has some and whose newest is older than `before`."""
    old = next((seal for seal in seals(connection) if seal.kept and seal.at <= before), None)
    if old is None:
        return None
    connection.execute(delete(audit).where(audit.c.seq >= old.first, audit.c.seq <= old.last))
    bare = old._replace(kept=0)
    values = {"kept": 0, "proof": proof_of(key, bare, ())}
    connection.execute(update(audit_seal).where(audit_seal.c.last == old.last).values(**values))
    return old.kept
