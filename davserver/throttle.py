"""Slows down guessing by refusing (429), never by sleeping; the counts live in the database, for all workers."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from davserver.schema import throttle

SECOND = 1_000_000
FIRST_PAUSE = 30 * SECOND
LONGEST_PAUSE = 15 * 60 * SECOND


class Bucket(NamedTuple):
    """One count of failures: more than `limit` within `window` microseconds close it for a while."""

    name: str
    limit: int
    window: int


def bucket_of_name(account: str, address: str, limit: int) -> Bucket:
    """What counts the failures of this account from that net."""
    return Bucket(f"login {net_of(address)} {account}", limit, 5 * 60 * SECOND)


def bucket_of_net(address: str, limit: int) -> Bucket:
    """What counts all failures from that net."""
    return Bucket(f"net {net_of(address)}", limit, 10 * 60 * SECOND)


def net_of(address: str) -> str:
    """The /32 or /64 an address belongs to; what is no address (a socket's peer) is one net of its own."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "local"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def pause_left(connection: Connection, asked: tuple[Bucket, ...], now: int) -> int:
    """Microseconds until all of them are open; 0 if they are. A clock set back never closes one for longer."""
    names = [bucket.name for bucket in asked]
    rows = connection.execute(select(throttle.c.blocked_until).where(throttle.c.bucket.in_(names)))
    return min(max((row.blocked_until - now for row in rows if row.blocked_until > now), default=0), LONGEST_PAUSE)


def count_failure(connection: Connection, touched: tuple[Bucket, ...], now: int) -> None:
    """Count one failure in each; a full one closes, for twice as long each time up to 15 minutes."""
    for bucket in touched:
        this = throttle.c.bucket == bucket.name
        row = connection.execute(select(throttle).where(this)).one_or_none()
        if row is None:
            connection.execute(insert(throttle).values(bucket=bucket.name, failures=1, since=now, blocked_until=0))
        elif now - max(row.since, row.blocked_until) > bucket.window:
            connection.execute(update(throttle).where(this).values(failures=1, since=now, blocked_until=0))
        else:
            failures = row.failures + 1
            pause = (
                min(FIRST_PAUSE << min(failures - bucket.limit, 16), LONGEST_PAUSE) if failures >= bucket.limit else 0
            )
            until = now + pause if pause else 0
            connection.execute(update(throttle).where(this).values(failures=failures, blocked_until=until))


def is_counting(connection: Connection, bucket: Bucket) -> bool:
    """True if failures are counted in it."""
    return connection.execute(select(throttle.c.bucket).where(throttle.c.bucket == bucket.name)).first() is not None


def forgive(connection: Connection, bucket: Bucket) -> None:
    """Forget the failures of one count: whoever mistyped has now got it right."""
    connection.execute(delete(throttle).where(throttle.c.bucket == bucket.name))


def sweep(connection: Connection, now: int) -> int:
    """Drop counts that no longer matter; number of them."""
    quiet = now - 2 * LONGEST_PAUSE
    done = connection.execute(delete(throttle).where(throttle.c.since < quiet, throttle.c.blocked_until < quiet))
    return done.rowcount
