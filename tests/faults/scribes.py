"""Somebody who changes one folder, one request after the other, and knows what it may hold after his last one.

After a crash the folder is what it was after some number of his steps: at least those that were answered before the
crash, at most those that he began. A lost answer, a torn document and half a step are none of these.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tests.davclient import DAV, Answer, DavClient, Member, prop_body

NOTE = "{urn:x}note"
UPDATE = '<D:set><D:prop><x:note xmlns:x="urn:x">{}</x:note></D:prop></D:set>'
SIZES = (0, 300, 3_000, 17_000, 40_000)
FEW, MANY = 3, 9
"""Documents in the folder: below, nothing is taken away; above, something must."""
UNKNOWN = "?"
"""The token of a lock whose answer never came."""
POOL = os.urandom(1 << 20)


MOMENT = 0.01
"""Seconds within which the end comes once enough was answered."""


class Serving(Protocol):
    """A running server, however it was started."""

    def client(self, user: str, base: str = "") -> DavClient: ...


class Paper(NamedTuple):
    """One document: its bytes, its dead property, the token of its lock."""

    body: bytes
    note: str | None = None
    token: str | None = None


Folder = dict[str, Paper]
Change = dict[str, Paper | None]
"""What a step leaves under each name that it touches."""


@dataclass
class Step:
    """One request."""

    change: Change
    answered: int | None = None
    """When its answer had come, of the monotonic clock in ns."""


class Refusal(NamedTuple):
    """An answer that is no success."""

    at: int
    step: str
    status: int


@dataclass
class Scribe:
    """Keeps the books of one folder."""

    user: str
    place: str
    chance: random.Random
    stands: Folder = field(default_factory=dict)
    """What was in the folder when it was last looked at."""
    steps: list[Step] = field(default_factory=list)
    """Since then."""
    refusal: Refusal | None = None
    confirmed: int = 0
    """Steps that were answered and are there, over all lives."""
    made: int = 0

    def begin(self, client: DavClient) -> None:
        assert client.mkcol(self.place).status == 201

    def write(self, client: DavClient, ending: threading.Event) -> None:
        """Until it ends, or the server does; stops at the first refusal."""
        folder = client.under(self.place)
        now = dict(self.stands)
        with folder:
            while not ending.is_set():
                verb, change, act = self.choose(now)
                self.steps.append(Step(change))
                try:
                    answer = act(folder)
                except (OSError, http.client.HTTPException):
                    return
                at = time.monotonic_ns()
                if not 200 <= answer.status < 300:
                    self.refusal = Refusal(at, verb, answer.status)
                    return
                if verb == "lock":
                    ((name, paper),) = change.items()
                    assert paper is not None
                    change[name] = paper._replace(token=answer.headers["Lock-Token"].strip("<>"))
                self.steps[-1].answered = at
                now = after(now, change)

    def choose(self, now: Folder) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        """A step that can be taken where the folder is like this."""
        free = sorted(name for name, paper in now.items() if paper.token is None)
        held = sorted(set(now) - set(free))
        if len(now) < FEW:
            return self.put_new()
        if len(now) > MANY and free:
            return self.delete(self.chance.choice(free))
        if held and self.chance.random() < 0.12:
            return self.unlock(self.chance.choice(held), now)
        if not free or self.chance.random() < 0.25:
            return self.put_new()
        name = self.chance.choice(free if self.chance.random() < 0.85 or not held else held)
        if name in held:
            return self.put_over(name, now)
        verb = self.chance.choice((self.put_over, self.put_over, self.move, self.note, self.lock))
        return verb(name, now) if self.chance.random() < 0.85 else self.delete(name)

    def fresh(self) -> str:
        self.made += 1
        return f"/d{self.made}"

    def body(self) -> bytes:
        size = self.chance.choice(SIZES)
        start = self.chance.randrange(len(POOL) - size)
        return POOL[start : start + size]

    def put_new(self) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        name, body = self.fresh(), self.body()
        return "put", {name: Paper(body)}, lambda client: client.put(name, body)

    def put_over(self, name: str, now: Folder) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        body, token = self.body(), now[name].token
        headers = {} if token is None else {"If": f"(<{token}>)"}
        return "put", {name: now[name]._replace(body=body)}, lambda client: client.put(name, body, **headers)

    def move(self, name: str, now: Folder) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        target = self.fresh()
        return "move", {name: None, target: now[name]}, lambda client: client.move(name, target)

    def delete(self, name: str) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        return "delete", {name: None}, lambda client: client.delete(name)

    def note(self, name: str, now: Folder) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        text = f"{self.chance.random()}"
        return "note", {name: now[name]._replace(note=text)}, lambda client: client.proppatch(name, UPDATE.format(text))

    def lock(self, name: str, now: Folder) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        return "lock", {name: now[name]._replace(token=UNKNOWN)}, lambda client: client.lock(name)

    def unlock(self, name: str, now: Folder) -> tuple[str, Change, Callable[[DavClient], Answer]]:
        token = now[name].token
        assert token is not None
        return "unlock", {name: now[name]._replace(token=None)}, lambda client: client.unlock(name, token)

    def confirm(self, client: DavClient, crash: int) -> None:
        """See that the folder is as it can be after a crash at that moment, and go on from there."""
        if self.refusal is not None:
            assert self.refusal.at >= crash, f"refused before the crash: {self.refusal}"
        with client.under(self.place) as folder:
            found = read(folder)
        sure = sum(step.answered is not None and step.answered < crash for step in self.steps)
        possible = [dict(self.stands)]
        for step in self.steps:
            possible.append(after(possible[-1], step.change))
        fitting = [number for number, state in enumerate(possible) if alike(state, found)]
        between = f"{self.place}: after {sure} to {len(self.steps)} steps"
        assert fitting, f"{between} it was never like this: {apart(possible[sure], found)}"
        assert max(fitting) >= sure, f"{between} there are only {max(fitting)}"
        self.confirmed += sure
        self.stands, self.steps, self.refusal = found, [], None


@dataclass
class Crowd:
    """Scribes who write at the same time, over many lives of one server."""

    scribes: list[Scribe]
    chance: random.Random
    crash: int = 0
    """When the last life ended, of the monotonic clock in ns; 0: there was none."""

    def live(self, server: Serving, answers: int, end: Callable[[], int]) -> None:
        """A life of the server: they look at what the last crash left, write, and after about so many answers it ends.

        `end` ends it and tells the moment.
        """
        ending = threading.Event()
        self.look(server)
        with ThreadPoolExecutor(len(self.scribes)) as pool:
            writing = [pool.submit(self._write, server, scribe, ending) for scribe in self.scribes]
            while sum(len(scribe.steps) for scribe in self.scribes) < answers and not any(
                one.done() for one in writing
            ):
                time.sleep(0.001)
            time.sleep(self.chance.uniform(0, MOMENT))
            self.crash = end()
            ending.set()
        for one in writing:
            one.result()

    def _begun(self) -> int:
        return sum(len(scribe.steps) for scribe in self.scribes)

    def look(self, server: Serving) -> None:
        """Each at his folder."""
        with ThreadPoolExecutor(len(self.scribes)) as pool:
            for looking in [pool.submit(self._look, server, scribe) for scribe in self.scribes]:
                looking.result()

    def _look(self, server: Serving, scribe: Scribe) -> None:
        with server.client(scribe.user) as client:
            if self.crash:
                scribe.confirm(client, self.crash)
            else:
                scribe.begin(client)

    @staticmethod
    def _write(server: Serving, scribe: Scribe, ending: threading.Event) -> None:
        with server.client(scribe.user) as client:
            scribe.write(client, ending)

    @property
    def confirmed(self) -> int:
        """Answered steps that were found after a crash."""
        return sum(scribe.confirmed for scribe in self.scribes)


def after(folder: Folder, change: Change) -> Folder:
    """The folder once more, as it is with the change."""
    return {name: paper for name, paper in {**folder, **change}.items() if paper is not None}


def alike(state: Folder, found: Folder) -> bool:
    """Whether this was found; a token that nobody was told may be any."""
    if state.keys() != found.keys():
        return False
    return all(
        paper._replace(token=found[name].token if paper.token == UNKNOWN and found[name].token else paper.token)
        == found[name]
        for name, paper in state.items()
    )


def apart(state: Folder, found: Folder) -> dict[str, object]:
    """In words that fit into a failure."""
    names = sorted(name for name in state.keys() | found.keys() if state.get(name) != found.get(name))
    return {name: (_short(state.get(name)), _short(found.get(name))) for name in names}


def _short(paper: Paper | None) -> object:
    return paper and (len(paper.body), paper.body[:8], paper.note, paper.token)


def read(client: DavClient) -> Folder:
    """What the folder at the client's base holds, each document whole."""
    members = client.propfind("/", "1", prop_body(NOTE, "lockdiscovery")).members()
    found = {}
    for href, member in members.items():
        name = href[len(client.base) :]
        if name.strip("/"):
            answer = client.get(name)
            assert answer.status == 200, (name, answer.status)
            found[name] = Paper(answer.body, member.text(NOTE), token_of(member))
    return found


def token_of(member: Member) -> str | None:
    discovered = member.found.get(DAV + "lockdiscovery")
    return None if discovered is None else discovered.findtext(f"{DAV}activelock/{DAV}locktoken/{DAV}href")
