"""The WebDAV application in the test's own process, on a clock that the test turns; asked like a server."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

from acl.principals import Ceiling, Channel, Principal, PrincipalKind
from davserver import settings
from davserver.app import forest_of
from davserver.dav.server import Application
from davserver.founding import default_key
from davserver.house import House, now
from davserver.tree.locking import GuardedTree
from tests.davclient import Answer, DavClient
from tests.rights.calling import call
from tests.running import QUICK_HASHES


@dataclass
class Clock:
    """Goes with the real one, and is turned forward by hand."""

    ahead: int = 0
    """Microseconds."""

    def __call__(self) -> int:
        return now() + self.ahead


class Worker:
    """What one process of the server is: a house of its own on a data directory, and the application in it."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self.clock = clock
        self.house = House.open(data, default_key(data), settings.load(data, {**os.environ, **QUICK_HASHES}), clock)
        self.forest = forest_of(self.house)
        self.ceilings: dict[str, Ceiling] = {}
        """Of the credentials that users come with, by user."""
        self._application = Application(
            {}, login=self._principal, doors=self._door, log=lambda _facts: None, public_url=""
        )

    def _principal(self, environ: Any) -> Principal:
        user = base64.b64decode(environ["HTTP_AUTHORIZATION"].split()[1]).decode().partition(":")[0]
        return Principal(PrincipalKind.USER, user, ceiling=self.ceilings.get(user, Ceiling()))

    def _door(self, principal: Principal) -> GuardedTree:
        return GuardedTree(self.forest, principal, Channel.DAV)

    def client(self, user: str, base: str = "") -> InsideClient:
        return InsideClient(self, user, base)

    def request(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        named = {name.replace("-", "_"): value for name, value in headers.items() if name != "Content-Length"}
        answer = call(partial(self._application), method, target, body, **named)
        message = HTTPMessage()
        for name, value in answer.headers.items():
            message[name] = value
        return Answer(answer.status, message, answer.body)

    def close(self) -> None:
        self.house.close()


class InsideClient(DavClient):
    """A client of a worker in this process; another worker can take over at any time."""

    def __init__(self, worker: Worker, user: str, base: str) -> None:
        super().__init__("http://127.0.0.1", user, "x", base)
        self.worker = worker

    def under(self, base: str) -> InsideClient:
        twin = InsideClient(self.worker, "", base)
        twin.authorization = self.authorization
        return twin

    def url(self, path: str) -> str:
        return self.target(path)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        *,
        raw_target: str | None = None,
    ) -> Answer:
        content = (
            body.encode()
            if isinstance(body, str)
            else b""
            if body is None
            else b"".join([body] if isinstance(body, bytes) else body)
        )
        sent = {"Authorization": self.authorization, **(headers or {})}
        return self.worker.request(method, raw_target or self.target(path), content, sent)
