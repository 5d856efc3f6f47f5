"""What one peer may cost: the bounds of heads, bodies, waiting and connections, each with its default."""

from __future__ import annotations

from dataclasses import dataclass

PIECE_BYTES = 256 * 1024
"""No body read returns more than this at once, whatever the peer calls a chunk."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds per process; seconds are real seconds, bytes are bytes on the wire."""

    request_line_bytes: int = 8 * 1024
    """Longer: 414."""
    head_bytes: int = 64 * 1024
    """Request line and fields together; longer: 431."""
    head_fields: int = 100
    """More: 431."""
    head_seconds: float = 10.0
    """From accept (so with the TLS handshake), or from a later request's first byte, to the end of the head: 408."""
    idle_seconds: float = 60.0
    """A kept connection without a byte is closed after this."""
    rate_bytes: int = 1024
    """A peer that moves fewer bytes per second than this while we wait for it is cut, reading or writing …"""
    rate_seconds: float = 30.0
    """… measured over this much waiting, so a peer that stands still goes after at most twice this."""
    drain_bytes: int = 64 * 1024
    """An unread body of at most this is read away to keep the connection …"""
    drain_seconds: float = 0.25
    """… if it arrives within this; else the connection is closed."""
    linger_bytes: int = 4 * 1024 * 1024
    """After a refusal that closes, this much is read away so that the peer can see the answer …"""
    linger_seconds: float = 2.0
    """… for at most this long."""
    farewell_seconds: float = 0.5
    """When the server stops, connections that wait may still send a request for so long; its answer closes them."""
    kept_connections: int = 2000
    """Above this many open connections answers say `Connection: close`."""
    connections: int = 4000
    """Above this many the waiting connection whose time ends first makes room for a new one."""
    backlog: int = 256
    """Connections the kernel may hold before accept."""
    most_threads: int = 512
    """Threads may grow to this while others wait for slow peers."""
