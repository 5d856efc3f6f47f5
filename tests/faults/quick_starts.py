"""The real server started many times in a row: one process loads the code once and forks a server whenever asked.

Its drives are whole, by every way of DAV. The portal is not there: making it takes longer than all the rest of a start.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from davserver import app, plugins
from davserver.founding import default_key
from davserver.settings import load
from tests.davclient import DavClient
from tests.running import PASSWORD, QUICK_HASHES

PATIENCE = 60
"""Seconds that an answer of the process may take."""


class ForkedServer:
    """One server process with one worker; whoever started it ends it."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid, self.url = pid, url

    def client(self, user: str, base: str = "") -> DavClient:
        return DavClient(self.url, user, PASSWORD, base)

    def die(self) -> int:
        """SIGKILL; the moment before it, of the monotonic clock in ns."""
        moment = time.monotonic_ns()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return moment


class Told:
    """A process that is told a word a line, and answers with JSON among whatever else it says."""

    def __init__(self, *words: str, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **QUICK_HASHES, **(env or {})},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()
        self.log: list[str] = []

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def next(self, wanted: str) -> dict[str, Any]:
        """The next answer that has this field."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no {wanted!r} was told:\n" + "".join(self.log[-30:])) from None
            self.log.append(line)
            try:
                facts = json.loads(line)
            except ValueError:
                continue
            if isinstance(facts, dict) and wanted in facts:
                return facts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._follower.join(PATIENCE)
        self._process.stdout.close()


class QuickStarts(Told):
    """Starts servers on one data directory; each does all that `davserver serve` does after loading its code."""

    def __init__(self, data: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(sys.executable, "-m", "tests.faults.quick_starts", str(data), env=env)
        self.data = data
        self.next("loaded")

    def start(self) -> ForkedServer:
        """A server that listens."""
        self.tell("start")
        pid = int(self.next("pid")["pid"])
        return ForkedServer(pid, str(self.next("url")["url"]))


def make_quick() -> None:
    """What every child of this process would do again is done here once, or is left out."""
    plugins.known(plugins.SHARE_PROVIDERS)
    app.create = lambda _ground: _no_page  # type: ignore[assignment, return-value]
    gc.collect()
    gc.freeze()  # the children look for garbage among what they make themselves


def _no_page(_environ: object, start_response: app.StartResponse) -> list[bytes]:
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


def forked(data: Path) -> int:
    """A child process that serves this directory on a free port; its id."""
    settings = load(data, os.environ, given={"port": 0, "workers": 1})
    child = os.fork()
    if child == 0:
        os.close(0)
        status = 1
        try:
            status = app.serve(settings, data, default_key(data))
        finally:
            os._exit(status)
    return child


def main(data: Path) -> None:
    """Fork a server for each line on standard input; at its end take the last one along."""
    make_quick()
    print(json.dumps({"loaded": True}), flush=True)
    children: list[int] = []
    for _ in sys.stdin:
        child = forked(data)
        children = [known for known in children if os.waitpid(known, os.WNOHANG)[0] == 0]
        children.append(child)
        print(json.dumps({"pid": child}), flush=True)
    for child in children:
        if os.waitpid(child, os.WNOHANG)[0] == 0:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
