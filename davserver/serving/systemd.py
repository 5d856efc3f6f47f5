"""What systemd and we tell each other: that we are ready, and the socket that it keeps open for us over restarts."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

FIRST_DESCRIPTOR = 3


def inherited_socket(environment: Mapping[str, str], process: int) -> socket.socket | None:
    """The listening socket that was opened for this process (sd_listen_fds(3)); None if there is none.

    `process` is whom it was opened for: this one, or the one that forked it.
    It belongs to systemd: closing ours leaves it open, and who connects while we restart waits for our successor.
    """
    if environment.get("LISTEN_PID") != str(process) or environment.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=os.dup(FIRST_DESCRIPTOR))


def tell(environment: Mapping[str, str], state: str) -> None:
    """`READY=1` or `STOPPING=1` (sd_notify(3)), where somebody wants to know; who started us may have gone already."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address[0] == "@":
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.sendto(state.encode(), address)
