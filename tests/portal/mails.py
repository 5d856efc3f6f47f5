"""A mail server for tests, on a free port of this machine; and the daily mail, sent to it at whatever time."""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from davserver import settings
from davserver.app import forest_of
from davserver.digest import Digests
from davserver.founding import default_key
from davserver.house import House, now
from davserver.mailing import Post
from tests.running import QUICK_HASHES


class Sink(socketserver.ThreadingTCPServer):
    """A mail server (RFC 5321) that keeps what it gets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.mails: list[EmailMessage] = []

    @property
    def settings(self) -> dict[str, str]:
        """How a server is told to send its mails here."""
        return {
            "DAVSERVER_MAIL_SERVER": "127.0.0.1",
            "DAVSERVER_MAIL_PORT": str(self.server_address[1]),
            "DAVSERVER_MAIL_SECURITY": "none",
            "DAVSERVER_MAIL_FROM": "gremium@example.org",
        }


class Conversation(socketserver.StreamRequestHandler):
    """One client."""

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                text = b""
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    text += part
                assert isinstance(self.server, Sink)
                self.server.mails.append(message_from_bytes(text, policy=policy.default))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@contextmanager
def receiving() -> Iterator[Sink]:
    """While it runs."""
    with Sink() as sink:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        yield sink
        sink.shutdown()


@contextmanager
def digests(data: Path, sink: Sink, later: int) -> Iterator[Digests]:
    """Those of one process, so much later."""
    told = {**sink.settings, "DAVSERVER_PUBLIC_URL": "https://gremium.example.org"}
    wishes = settings.load(data, {**os.environ, **QUICK_HASHES, **told})
    house = House.open(data, default_key(data), wishes, clock=lambda: now() + later)
    try:
        yield Digests(house, forest_of(house), Post(wishes, data).send)
    finally:
        house.close()


def run(data: Path, sink: Sink, later: int = 0) -> int:
    with digests(data, sink, later) as those:
        return those.run(lambda: False)
