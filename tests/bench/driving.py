"""The clients: `wrk` for request rates, `curl` for large transfers, one keep-alive connection for single requests."""

from __future__ import annotations

import base64
import http.client
import json
import re
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.configurations import PASSWORD, USER
from tests.bench.servers import Server

AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
LISTED = ("resourcetype", "getcontentlength", "getlastmodified", "getetag", "displayname")
NAMED = '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>{}</D:prop></D:propfind>'.format(
    "".join(f"<D:{name}/>" for name in LISTED)
)


class UnusableError(Exception):
    """The server answered something that makes its figure worthless; the text is short."""


class Answer(NamedTuple):
    status: int
    body: bytes
    seconds: float


class Caller:
    """One keep-alive connection to a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, method: str, below: str, body: bytes | None = None, **headers: str) -> Answer:
        """Header names are written with underscores."""
        fields = {"Authorization": AUTHORIZATION} | {name.replace("_", "-"): text for name, text in headers.items()}
        for attempt in (1, 2):
            started = time.perf_counter()
            try:
                self._connection.request(method, self._server.path(below), body, fields)
                response = self._connection.getresponse()
                content = response.read()
            except (http.client.HTTPException, ConnectionError):  # a server may close an idle connection
                self._connection.close()
                if attempt == 2:
                    raise
            else:
                return Answer(response.status, content, time.perf_counter() - started)
        raise AssertionError

    def expect(self, method: str, below: str, body: bytes | None = None, **headers: str) -> Answer:
        """Raises UnusableError unless the answer is 2xx."""
        answer = self(method, below, body, **headers)
        if not 200 <= answer.status < 300 or (answer.status == 207 and method != "PROPFIND"):
            raise UnusableError(f"{method} answered {answer.status}")
        return answer


SCRIPT = """
local sent = 0
local thread = 0
function setup(t) t:set("number", thread); thread = thread + 1 end
function request()
  sent = sent + 1
  local path = string.gsub(PATH, "@", number .. "-" .. sent)
  local body = BODY .. (FRESH and string.format("%08d", sent * 2 + number) or "")
  return wrk.format(METHOD, path, HEADERS, body)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration,
    e.status + e.read + e.write + e.timeout + e.connect))
end
"""


class Load(NamedTuple):
    """What `wrk` sends over and over; `@` in the path becomes a new number each time."""

    method: str
    below: str
    body: str = ""
    depth: str = "0"
    connections: int = 8
    fresh: bool = False
    """Each body ends in eight digits of its own: a server that keeps equal bytes once has no advantage."""


def rate(server: Server, load: Load, seconds: int, scratch: Path) -> float:
    """Requests per second; raises UnusableError if any answer was an error."""
    headers = {"Authorization": AUTHORIZATION, "Depth": load.depth, "Content-Type": "application/xml"}
    fields = ", ".join(f"[{json.dumps(name)}] = {json.dumps(text)}" for name, text in headers.items())
    constants = (
        f"METHOD = {json.dumps(load.method)}\nPATH = {json.dumps(server.path(load.below))}\n"
        f"HEADERS = {{{fields}}}\nBODY = [==[{load.body}]==]\nFRESH = {str(load.fresh).lower()}\n"
    )
    script = scratch / "load.lua"
    script.write_text(constants + SCRIPT)
    command = [
        "wrk",
        "-t1",
        f"-c{load.connections}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
        server.url(""),
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^RESULT (\d+) (\d+) (\d+)$", output, re.M)
    if not found:
        raise UnusableError("wrk gave no result")
    requests, microseconds, errors = map(int, found.groups())
    if errors:
        raise UnusableError(f"{errors} of {requests} failed")
    return requests / microseconds * 1e6


def transfer(server: Server, below: str, *, upload: Path | None = None) -> float:
    """Seconds that `curl` needs for one whole body; raises UnusableError."""
    command = ["curl", "-sS", "-o", "/dev/null", "-u", f"{USER}:{PASSWORD}", "-w", "%{http_code} %{time_total}"]
    sending = ["-T", str(upload)] if upload else []
    output = subprocess.run([*command, *sending, server.url(below)], capture_output=True, text=True, check=True).stdout
    status, seconds = output.split()
    if not status.startswith("2"):
        raise UnusableError(f"{'PUT' if upload else 'GET'} answered {status}")
    return float(seconds)
