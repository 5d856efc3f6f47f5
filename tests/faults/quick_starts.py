"""The real server started many times in a row: one process loads the code once and forks a server whenever asked."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

from davserver.app import serve
from davserver.founding import default_key
from davserver.settings import load
from tests.davclient import DavClient
from tests.running import PASSWORD, QUICK_HASHES

START_SECONDS = 60


class ForkedServer:
    """One server process with one worker; whoever started it ends it."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid, self.url = pid, url

    def client(self, user: str, base: str = "") -> DavClient:
        return DavClient(self.url, user, PASSWORD, base)


class QuickStarts:
    """Starts servers on one data directory; each does all that `davserver serve` does after loading its code."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.quick_starts", str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **QUICK_HASHES},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()
        self.log: list[str] = []

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def start(self) -> ForkedServer:
        """A server that listens."""
        assert self._process.stdin is not None
        self._process.stdin.write("start\n")
        self._process.stdin.flush()
        pid = int(self._next("pid")["pid"])
        return ForkedServer(pid, str(self._next("url")["url"]))

    def _next(self, wanted: str) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.get(timeout=START_SECONDS)
            except queue.Empty:
                raise AssertionError("the server did not start:\n" + "".join(self.log[-30:])) from None
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
        self._process.wait(START_SECONDS)
        self._follower.join(START_SECONDS)
        self._process.stdout.close()


def main(data: Path) -> None:
    """Fork a server for each line on standard input; at its end take the last one along."""
    settings = load(data, os.environ, given={"port": 0, "workers": 1})
    children: list[int] = []
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os.close(0)
            status = 1
            try:
                status = serve(settings, data, default_key(data))
            finally:
                os._exit(status)
        children = [known for known in children if os.waitpid(known, os.WNOHANG)[0] == 0]
        children.append(child)
        print(json.dumps({"pid": child}), flush=True)
    for child in children:
        if os.waitpid(child, os.WNOHANG)[0] == 0:
            os.kill(child, 15)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
