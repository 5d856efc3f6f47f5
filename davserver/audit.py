"""The append-only, hash-chained log: who did what to which node, and with what result (ids only, never names)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from davserver import sealing
from davserver.database import Database
from davserver.schema import audit as audit_table
from davserver.schema import setting
from shareproviders.contract import Damaged
from shareproviders.statements import Statement

CHAIN_SECRET = "audit-chain"  # noqa: S105 (its name, not the secret) # nosec B105
HEAD = "audit-head"
READ_ONCE = 10 * 60 * 1_000_000  # a reader's further reads of one version are not noted again for so long
DAMAGE_ONCE = sealing.DAY  # nor is the same damage, which every program that keeps a copy meets again and again
DETAIL_LIMIT = 1000
REMEMBERED_READS = 100_000
BATCHED = ("read", "refuse")
DAMAGE = "damage"
STORE = "server:store"
"""Who is noted for damage: nobody has caused it by reading."""
MANY = 2**62
OTHERWISE = "this is not the line that was told outside"
RIGHTS_ACTS = frozenset(
    {"apply", "user-add", "user-passwd", "user-disable", "app-password-create", "app-password-revoke", "act-as"}
    | {"label", "propose", "approve", "release", "withdraw", "binding-add", "binding-remove", "agenda", "acl"}
    | {"entry-add", "entry-remove", "recuse", "recusal-end", "hold", "hold-end", "mandate-end", "pledge", "invite"}
    | {"share", "unshare", "link", "link-revoke", "link-wake", "app-password-wake", "restore"}
    | {"committee", "committee-delete", "user-erase"}
)
"""What the log calls acts that change who may see what."""


class Line(NamedTuple):
    """What is noted; the log adds number, time and hash."""

    who: str
    """Key of a principal, such as `user:anna`."""
    what: str
    share: str = ""
    node: int = 0
    result: str = "ok"
    detail: str = ""


class Head(NamedTuple):
    """The newest line: whoever keeps this elsewhere notices later if the log was set back as a whole."""

    seq: int
    hash: bytes


class Broken(NamedTuple):
    """Where the chain does not hold."""

    seq: int
    problem: str


_read_head = select(setting.c.value).where(setting.c.name == HEAD)
_head_now = Statement(_read_head)
_FACTS = ("seq", "at", "who", "what", "share", "node", "result", "detail", "hash")
_append = Statement(insert(audit_table).values({name: bindparam(name) for name in _FACTS}))
_move_head = Statement(update(setting).where(setting.c.name == HEAD).values(value=bindparam("head")))


class Audit:
    """Writes and verifies the chain; `key` is the secret `audit-chain` of this house."""

    def __init__(self, database: Database, key: bytes, clock: Callable[[], int]) -> None:
        self._database, self._key, self._clock = database, key, clock

    def start(self, connection: Connection) -> None:
        """Begin the chain of a new house."""
        connection.execute(insert(setting).values(name=HEAD, value=self._head(0, bytes(32))))

    def note(
        self,
        connection: Connection,
        who: str,
        what: str,
        *,
        share: str = "",
        node: int = 0,
        result: str = "ok",
        detail: str = "",
    ) -> None:
        """One line, in the caller's transaction: it stands if and only if the change stands."""
        self.append(connection, [Line(who, what, share, node, result, detail)])

    def append(self, connection: Connection, lines: Sequence[Line]) -> None:
        """Several lines in one step, in the caller's transaction."""
        found = _head_now.row(connection, {})
        assert found is not None, "start() has begun the chain"
        head: bytes = found[0]
        seq, previous, at, rows = int.from_bytes(head[:8], "big"), head[8:40], self._clock(), []
        for line in lines:
            seq += 1
            row = {**line._asdict(), "seq": seq, "at": at, "detail": encoded(line.detail)[:DETAIL_LIMIT]}
            row["hash"] = previous = self._hash(previous, row)
            rows.append(tuple([row[name] for name in _FACTS]))
        _append.run_many(connection, _FACTS, rows)
        _move_head.run(connection, {"head": self._head(seq, previous)})

    def _hash(self, previous: bytes, row: Mapping[str, object]) -> bytes:
        facts = [row[name] for name in ("seq", "at", "who", "what", "share", "node", "result", "detail")]
        return hmac.digest(self._key, previous + json.dumps(facts).encode(), hashlib.sha256)

    def _head(self, seq: int, last: bytes) -> bytes:
        """Number and hash of the newest line under a MAC of its own, so that cutting off the tail shows."""
        head = seq.to_bytes(8, "big") + last
        return head + hmac.digest(self._key, b"head" + head, hashlib.sha256)

    def head(self) -> Head:
        """Number and hash of the newest line."""
        with self._database.read() as connection:
            head: bytes = connection.execute(_read_head).scalar_one()
        return Head(int.from_bytes(head[:8], "big"), head[8:40])

    def verify(self, known: Iterable[Head] = ()) -> tuple[int, Broken | None]:
        """Number of lines that hold from the first on, and where it breaks, if it does.

        `known` are heads that were told outside: the log must still be the one that they were heads of.
        """
        told: dict[int, set[bytes]] = {}
        for one in known:
            told.setdefault(one.seq, set()).add(one.hash)
        count, last, previous = 0, 0, bytes(32)
        with self._database.read() as connection:
            head: bytes | None = connection.execute(_read_head).scalar_one_or_none()
            for seal in sealing.seals(connection):
                kept, broken = self._verify_sealed(connection, seal, last + 1, told)
                count += kept
                if broken is not None:
                    return count, broken
                last, previous = seal.last, seal.hash
            for row in sealing.lines_of(connection, last + 1, MANY):
                if row["seq"] != last + 1:
                    return count, Broken(last + 1, "a line is missing")
                if not hmac.compare_digest(self._hash(previous, row), row["hash"]):
                    return count, Broken(row["seq"], "a line was altered")
                if told.get(row["seq"], {row["hash"]}) != {row["hash"]}:
                    return count, Broken(row["seq"], OTHERWISE)
                previous, count, last = row["hash"], count + 1, last + 1
        if head is None or not hmac.compare_digest(head, self._head(last, previous)) or max(told, default=0) > last:
            return count, Broken(last + 1, "the newest lines are missing")
        return count, None

    def _verify_sealed(
        self, connection: Connection, seal: sealing.Seal, first: int, told: Mapping[int, set[bytes]]
    ) -> tuple[int, Broken | None]:
        """Of a segment out of which lines have gone: how many are there, and whether they are those that should be."""
        rows = list(sealing.lines_of(connection, seal.first, seal.last))
        if seal.first != first:
            return 0, Broken(first, "lines are missing")
        if len(rows) != seal.kept:
            return 0, Broken(seal.first, f"of the sealed lines up to {seal.last} some are missing")
        if not hmac.compare_digest(sealing.proof_of(self._key, seal, rows), seal.proof):
            return 0, Broken(seal.first, f"a sealed line up to {seal.last} was altered")
        hashes = {**{row["seq"]: row["hash"] for row in rows}, seal.last: seal.hash}
        for seq, value in hashes.items():
            if told.get(seq, {value}) != {value}:
                return 0, Broken(seq, OTHERWISE)
        return len(rows), None

    def shorten(self, access_days: int, days: int) -> int:
        """Let go of what has been kept long enough; how many lines. Raises Damaged, and cuts nothing, if it broke."""
        _, broken = self.verify()
        if broken is not None:
            raise Damaged(f"the audit log is broken at line {broken.seq}, so nothing of it is cut: {broken.problem}")
        gone, now = 0, self._clock()
        for step, age in ((sealing.seal_next, access_days), (sealing.empty_next, days)):
            while True:
                with self._database.transaction() as connection:
                    some = step(connection, self._key, now - age * sealing.DAY)
                if some is None:
                    break
                gone += some
        return gone

    def count(self, who: str) -> int:
        """Lines that tell what somebody did."""
        with self._database.read() as connection:
            found = connection.execute(select(func.count()).where(audit_table.c.who == who))
            return int(found.scalar_one())

    def show(
        self,
        *,
        who: str | None = None,
        share: str | None = None,
        acts: Collection[str] | None = None,
        node: int | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> Iterator[dict[str, Any]]:
        """The newest lines of [since, until), newest first, without their hashes; `acts`: what they may tell of."""
        wanted = select(audit_table).order_by(audit_table.c.seq.desc()).limit(limit)
        if who is not None:
            wanted = wanted.where(audit_table.c.who == who)
        if share is not None:
            wanted = wanted.where(audit_table.c.share == share)
        if acts is not None:
            wanted = wanted.where(audit_table.c.what.in_(acts))
        if node is not None:
            wanted = wanted.where(audit_table.c.node == node)
        if since is not None:
            wanted = wanted.where(audit_table.c.at >= since)
        if until is not None:
            wanted = wanted.where(audit_table.c.at < until)
        with self._database.read() as connection:
            rows = connection.execute(wanted).mappings().all()
        for row in rows:
            yield {name: value for name, value in row.items() if name != "hash"}


class ReadLog:
    """Collects reads, refusals and damage of one process and writes them in batches, each once in ten minutes or a day.

    A read is one of a reader and version, a refusal one of an asker, node and right, damage one of a version.
    """

    def __init__(self, audit: Audit, database: Database, clock: Callable[[], int]) -> None:
        self._audit, self._database, self._clock = audit, database, clock
        self._lock = threading.Lock()
        self._known: dict[Line, int] = {}
        self._waiting: list[Line] = []

    def note(self, who: str, share: str, node: int, version: str) -> None:
        """Remember a read; `flush` writes it. `version` is the entity tag of what was read."""
        self._note(Line(who, "read", share, node, detail=version))

    def refused(self, who: str, share: str, node: int, needed: str) -> None:
        """Remember that somebody may not do this there; `flush` writes it."""
        self._note(Line(who, "refuse", share, node, "refused", needed))

    def damaged(self, share: str, node: int, problem: str) -> None:
        """Remember that what is stored there fails its check; `flush` writes it. Node 0: it is not known which."""
        self._note(Line(STORE, DAMAGE, share, node, "damaged", problem))

    def _note(self, line: Line) -> None:
        now = self._clock()
        with self._lock:
            if line in self._known and now - self._known[line] < _once(line):
                return
            if len(self._known) >= REMEMBERED_READS:
                self._known = {known: at for known, at in self._known.items() if now - at < _once(known)}
            self._known[line] = now
            self._waiting.append(line)

    def flush(self) -> int:
        """Write what waits; number of lines. To be called every second; raises Unavailable and keeps the lines."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        if not batch:
            return 0
        try:
            with self._database.transaction() as connection:
                noted = self._noted(connection, batch)
                fresh = [line for line in batch if line not in noted]
                if fresh:
                    self._audit.append(connection, fresh)
        except BaseException:
            with self._lock:
                self._waiting = batch + self._waiting
            raise
        return len(fresh)

    def _noted(self, connection: Connection, batch: Sequence[Line]) -> set[Line]:
        """What any process has noted of these people, and of damage, so lately that it is not noted again."""
        table, now = audit_table.c, self._clock()
        columns = (table.at, table.who, table.what, table.share, table.node, table.result, table.detail)
        wanted = select(*columns).where(
            table.who.in_({line.who for line in batch}),
            table.at > now - max(map(_once, batch)),
            table.what.in_((*BATCHED, DAMAGE)),
        )
        found = ((at, Line(*facts)) for at, *facts in connection.execute(wanted))
        return {line for at, line in found if at > now - _once(line)}


def _once(line: Line) -> int:
    """Microseconds in which the same line is not noted again."""
    return DAMAGE_ONCE if line.what == DAMAGE else READ_ONCE


def encoded(text: str) -> str:
    """Text that cannot break a line or steer a terminal: everything unprintable becomes an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
