"""What is in doubt, through the shipped nginx: it and the server never disagree on how many requests there were.

security.md B10, S-02. nginx may refuse what the server would refuse, or hand on a clean request in its place; what it
hands on is one request to both. Its log and what the application saw are compared, after each case and in the end.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from davserver.serving.tally import Board
from tests.certificates import NAME, make_authority
from tests.clients.nginx import Front, free_ports, nginx
from tests.serving.conftest import Running, running_server
from tests.serving.raw import HOST, eventually, request
from tests.serving.test_framing import ANOMALIES, BAD_CHUNKS

MARKER = f"REPORT /marker HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()
"""Hidden behind each case; nginx's log tells methods, and no paths."""
LINE = re.compile(r"\S+ (\S*) ([0-9]{3}) sent=\S+ took=\S+ server=(.+?) in=")
PATIENCE = 1.0
CASES = {
    **{name: sent.replace(b"Host: test\r\n", f"Host: {NAME}\r\n".encode()) for name, sent in ANOMALIES.items()},
    **{
        f"chunk: {name}, {path}": request("PUT", path, "Transfer-Encoding: chunked").replace(b"test", NAME.encode())
        + body
        for name, body in BAD_CHUNKS.items()
        for path in ("/read", "/ignore")
    },
}


class Handled(NamedTuple):
    """One request as nginx logged it."""

    method: str
    status: str
    server: str
    """What the server answered; `-` for what nginx answered by itself."""


class Both:
    """nginx, and what stands behind it."""

    def __init__(self, front: Front, running: Running, board: Board, context: ssl.SSLContext) -> None:
        self._front, self._board, self._context = front, board, context
        self.application = running.application

    def handled(self) -> list[Handled]:
        return [Handled(*match) for match in LINE.findall(self._front.log)]

    def in_front(self) -> tuple[int, list[str]]:
        """How many requests nginx handed on, and the methods of those that the application answered."""
        passed_on = [each for each in self.handled() if each.server != "-"]
        return len(passed_on), [each.method for each in passed_on if each.server == "200"]

    def behind(self) -> tuple[int, list[str]]:
        """How many the server met, refused ones among them, and the methods of those that the application answered."""
        answered = [environ for environ in self.application.seen if environ not in self.application.broken_off]
        return sum(self._board.sums().requests.values()), [environ["REQUEST_METHOD"] for environ in answered]

    def send(self, sent: bytes) -> bytes:
        """All that comes back until nginx closes or is silent."""
        got = b""
        with (
            socket.create_connection((HOST, self._front.port), timeout=10) as plain,
            self._context.wrap_socket(plain, server_hostname=NAME) as secured,
            suppress(OSError),
        ):
            with suppress(OSError):  # refused while it was still being sent
                secured.sendall(sent)
            secured.settimeout(PATIENCE)
            while piece := secured.recv(65536):
                got += piece
        return got


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    port, plain_port = free_ports(2)
    board = Board.create(1)
    with (
        running_server(tally=board.tally(0)) as running,
        nginx(authority, (port, plain_port), running.port) as front,
    ):
        yield Both(front, running, board, authority.context)


@pytest.mark.parametrize("sent", CASES.values(), ids=CASES.keys())
def test_front_and_back_count_alike(both: Both, sent: bytes) -> None:
    """Each request that nginx handed on is one that the server saw, in that order, and nothing else is."""
    before = len(both.behind()[1])
    got = both.send(sent + MARKER)
    assert eventually(lambda: both.in_front() == both.behind()), (both.handled()[-3:], both.behind()[1][-3:])
    assert len(re.findall(rb"HTTP/1\.1 200 ", got)) == len(both.behind()[1]) - before


def test_in_the_end_they_agree_on_all_of_them(both: Both) -> None:
    """After all cases, and after a good request, so that nothing came in between later."""
    good = request("GET", "/after", "Connection: close").replace(b"test", NAME.encode())
    assert both.send(good).startswith(b"HTTP/1.1 200 ")
    assert eventually(lambda: both.in_front()[1][-1:] == ["GET"])
    assert eventually(lambda: both.in_front() == both.behind()), "a request is counted when its answer has gone out"
    assert len(both.behind()[1]) > 5, "nothing was handed on at all"
