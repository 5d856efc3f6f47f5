"""Recorded conversations of real clients, and their replay on one keep-alive connection.

A file holds one JSON value per line. The first says who spoke (`client`, `agent`), what must be there before
(`before`), as whom to replay (`as`: clerk unless it says reader, holder of a one-time address, or syncing: a clerk at
the address of Nextcloud's clients), which codings it takes (`codings`) and bodies that recur (`bodies`). `origin` says
of a conversation that it was rebuilt from what is public, not recorded. Each other line is a request: `verb`, `at`
(below the folder of the replay) or `absolute` (on the host), `send` (headers), the content (`body`: a name of `bodies`,
`text`, or `bytes`: a length; `chunked`), `anonymous`, `agent`, `keep` (remember the lock token under this name),
`about` (of what the answer tells the entity tag); and what must come back: `status`, `responses` (of a multistatus),
`range` (Content-Range), `headers` (that must be there). In headers, texts and `absolute` stand `{url}`, `{path}` (of
the folder), `{user}`, `{lock1}` (a kept token), `{tag PATH}` and `{date PATH}` (the entity tag and the modification
date that the client has seen last), `{sha1}` (of the content) and `{sha1 LENGTH}` (of so many zero bytes, of which
`bytes` consist).
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import re
import select
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lxml import etree

from tests.davclient import DAV, DavClient

Step = dict[str, Any]
SPEAKER = "clara"
HERE = Path(__file__).with_name("conversations")
PLACEHOLDER = re.compile(r"\{(url|path|user|lock\d|tag [^{}]*|date [^{}]*|sha1(?: \d+)?)\}")
TELLING_ALWAYS = {"OPTIONS": ("DAV", "Allow", "MS-Author-Via"), "GET": ("ETag", "Last-Modified", "Content-Length")}


@dataclass(frozen=True)
class Conversation:
    """One file."""

    client: str
    agent: str
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()
    speaker: str = "clerk"
    codings: str = ""
    """What it sends as Accept-Encoding."""
    bodies: dict[str, str] = field(default_factory=dict)


def names(*speakers: str) -> list[str]:
    """Of the conversations that one of these speaks."""
    return [name for name in sorted(path.stem for path in HERE.glob("*.jsonl")) if read(name).speaker in speakers]


def read(name: str) -> Conversation:
    head, *steps = map(json.loads, (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return Conversation(
        client=head["client"],
        agent=head["agent"],
        steps=tuple(steps),
        before=tuple(head.get("before", ())),
        speaker=head.get("as", "clerk"),
        codings=head.get("codings", ""),
        bodies=head.get("bodies", {}),
    )


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Replay:
    """Says what a client said, on a single connection: a stray or unread byte shows as a broken next answer."""

    speaker: DavClient
    conversation: Conversation
    tokens: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)

    def run(self) -> list[str]:
        """All steps; what came back otherwise than it should, one line each."""
        connection = self.speaker.connection()
        connection.connect()
        connection.auto_open = 0  # a reply that closes the connection would otherwise go unnoticed
        try:
            return [
                f"{number}. {step['verb']} {step.get('at', step.get('absolute'))}: {complaint}"
                for number, step in enumerate(self.conversation.steps, 1)
                for complaint in self._complaints(step, self._say(connection, step))
            ]
        finally:
            connection.close()

    def _say(self, connection: http.client.HTTPConnection, step: Step) -> Reply:
        content = self._content(step)
        target = self._filled(step["absolute"]) if "absolute" in step else self.speaker.base + step["at"]
        connection.putrequest(step["verb"], target, skip_accept_encoding=True)
        connection.putheader("User-Agent", step.get("agent", self.conversation.agent))
        if self.conversation.codings:
            connection.putheader("Accept-Encoding", self.conversation.codings)
        for name, value in step.get("send", {}).items():
            connection.putheader(name, self._filled(value, content))
        if not step.get("anonymous"):
            connection.putheader("Authorization", self.speaker.authorization)
        if step.get("chunked"):
            connection.putheader("Transfer-Encoding", "chunked")
        elif content is not None or step["verb"] in ("LOCK", "MKCOL", "PUT"):
            connection.putheader("Content-Length", str(len(content or b"")))
        connection.endheaders()
        if "Expect" in step.get("send", {}):
            wait_for_continue(connection.sock)
        for piece in pieces(content or b"", chunked=step.get("chunked", False)):
            connection.send(piece)
        response = connection.getresponse()
        reply = Reply(response.status, response.headers, decoded(response.headers, response.read()))
        self._remember(step, reply)
        return reply

    def _content(self, step: Step) -> bytes | None:
        if "bytes" in step:
            return bytes(step["bytes"])
        text = self.conversation.bodies[step["body"]] if "body" in step else step.get("text")
        return None if text is None else self._filled(text).encode()

    def _filled(self, text: str, content: bytes | None = None) -> str:
        def value(match: re.Match[str]) -> str:
            kind, _, path = match[1].partition(" ")
            if kind == "sha1":
                summed = bytes(int(path)) if path else content or b""
                return hashlib.sha1(summed, usedforsecurity=False).hexdigest()
            known = {"url": self.speaker.url(""), "path": self.speaker.base, "user": SPEAKER, **self.tokens}
            return known[kind] if kind in known else {"tag": self.tags, "date": self.dates}[kind][unquote(path)]

        return PLACEHOLDER.sub(value, text)

    def _remember(self, step: Step, reply: Reply) -> None:
        about = step.get("about", step.get("at"))
        if reply.status >= 400 or about is None:
            return
        path = unquote(about)
        if "keep" in step:
            self.tokens[step["keep"]] = reply.headers["Lock-Token"].strip("<>")
        if reply.headers["ETag"]:
            self.tags[path] = reply.headers["ETag"]
        if reply.headers["Last-Modified"]:
            self.dates[path] = reply.headers["Last-Modified"]

    def _complaints(self, step: Step, reply: Reply) -> list[str]:
        found = []
        if not same_kind(reply.status, step["status"]):
            return [f"{reply.status} instead of {step['status']}: {reply.body[:300]!r}"]
        telling = TELLING_ALWAYS.get(step["verb"], ()) if reply.status < 300 and "at" in step else ()
        found += [f"no {name}" for name in (*telling, *step.get("headers", ())) if name not in reply.headers]
        if step["verb"] == "HEAD" and reply.body:
            found.append("a body after HEAD")
        if reply.status == 207:
            count = sum(1 for _ in etree.fromstring(reply.body).iterfind(DAV + "response"))
            if count != step.get("responses", count):
                found.append(f"{count} responses instead of {step['responses']}")
        if reply.headers["Content-Range"] != step.get("range", reply.headers["Content-Range"]):
            found.append(f"Content-Range {reply.headers['Content-Range']} instead of {step['range']}")
        return found


def decoded(headers: http.client.HTTPMessage, body: bytes) -> bytes:
    """The body without its content coding."""
    return gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body


def same_kind(status: int, wanted: int) -> bool:
    """Equal, or both say that it was done: 201 or 204 depends on what the server counts as new."""
    done = (200, 201, 204)
    return status == wanted or (status in done and wanted in done)


def pieces(content: bytes, *, chunked: bool) -> list[bytes]:
    if not chunked:
        return [content] if content else []
    parts = [content[at : at + 65536] for at in range(0, len(content), 65536)]
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]


def wait_for_continue(connection: socket.socket) -> None:
    """What curl does before it sends a body, but without giving up after a second."""
    readable, _, _ = select.select([connection], [], [], 10)
    assert readable, "no 100 (Continue) for 10 s"
    if isinstance(connection, ssl.SSLSocket):
        return  # which lets nobody peek; http.client passes over the 100
    assert connection.recv(12, socket.MSG_PEEK).startswith(b"HTTP/1.1 "), "something else than an answer"
