"""`make bench ARGS="--sync"`: what keeping in step with a large drive costs, in one process.

The drive holds 100,000 documents. Ten of them change, and a member who knew it before asks what is new, once and again
with the same token. The cost must follow the changes, not the tree.
"""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.dav.server import Application
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from shareproviders.contract import Expected, Writing
from shareproviders.paths import SharePath
from tests.bench.rights import opened
from tests.mirror import sync_body
from tests.rights.calling import call

FOLDERS, MEMBERS, CHANGES, ROUNDS = 100, 1000, 10, 25
DECLARATION = """
[[person]]
user = "clara"
name = "Clara"
undertaking = 2026-01-01
[[person]]
user = "otto"
name = "Otto"
undertaking = 2026-01-01
[[committee]]
id = "bench"
name = "Bench"
provider = "vault"
default_class = "public"
has_meetings = false
[[committee.mandate]]
user = "clara"
role = "clerk"
start = 2026-01-01
[[committee.mandate]]
user = "otto"
role = "member"
start = 2026-01-01
"""


class Cost(NamedTuple):
    """One kind of report."""

    what: str
    milliseconds: float
    """Of CPU, the median."""
    size: int
    """Bytes of the answer."""
    rows: int


def fill(house: House, folders: int, members: int) -> None:
    """One folder by documents of its own, the others copied from it."""
    provider = house.share("bench")
    writing = Writing("user:clara", house.clock())
    with house.database.transaction():
        provider.make_collection(SharePath(("f0",)), writing)
    for number in range(members):
        staged = provider.stage([b"%d" % number])
        with house.database.transaction():
            provider.put(SharePath(("f0", f"Anlage {number:04d}.pdf")), staged, Expected(), writing)
        staged.discard()
    for number in range(1, folders):
        with house.database.transaction():
            provider.copy(SharePath(("f0",)), SharePath((f"f{number}",)), writing, deep=True)


class Drive:
    """The house and who asks in it."""

    def __init__(self, house: House, folders: int, members: int) -> None:
        self.house, self.folders, self.members = house, folders, members
        declare(house, parse_declaration(DECLARATION), "command:bench")
        fill(house, folders, members)
        forest = forest_of(house)
        self._clerk = Principal(PrincipalKind.USER, "clara")
        self._forest = forest
        reader = Principal(PrincipalKind.USER, "otto")
        self._application = Application(
            {},
            login=lambda _environ: reader,
            doors=lambda principal: GuardedTree(forest, principal, Channel.DAV),
            log=lambda _facts: None,
        )

    def report(self, token: str, limit: int | None = None) -> tuple[bytes, float]:
        """The answer and the CPU that it took, in milliseconds."""
        started = time.process_time()
        answer = call(self._application, "REPORT", "/dav/bench/", sync_body(token, limit=limit).encode(), depth="0")
        took = (time.process_time() - started) * 1000
        if answer.status != 207:
            raise ValueError(f"the report failed: {answer.body[:300]!r}")
        return answer.body, took

    def change(self, *, anew: bool) -> None:
        """Ten documents in ten folders: written over, or new ones."""
        for number in range(CHANGES):
            tree = GuardedTree(self._forest, self._clerk, Channel.DAV)
            name = f"new {time.time_ns()}.pdf" if anew else "Anlage 0007.pdf"
            path = SharePath(("bench", f"f{number * self.folders // CHANGES}", name))
            tree.admit_put(path, Terms(), 3)
            tree.put(path, tree.stage(path, [b"new"]), Terms())

    def measure(self, what: str, token: str) -> Cost:
        found = [self.report(token) for _ in range(ROUNDS)]
        body = found[0][0]
        return Cost(what, statistics.median(took for _, took in found), len(body), body.count(b"<D:response>"))


def token_in(body: bytes) -> str:
    start = body.rindex(b"<D:sync-token>") + len(b"<D:sync-token>")
    return body[start : body.rindex(b"</D:sync-token>")].decode()


def measured(directory: Path, folders: int = FOLDERS, members: int = MEMBERS) -> list[Cost]:
    with opened(directory) as house:
        drive = Drive(house, folders, members)
        body, _ = drive.report("", limit=1)
        token, started, rows = "", time.process_time(), 0
        pages: list[int] = []
        while True:
            body, _ = drive.report(token)
            rows += body.count(b"<D:response>")
            token = token_in(body)
            pages.append(len(body))
            if b"number-of-matches-within-limits" not in body:
                break
        took = (time.process_time() - started) * 1000
        costs = [Cost(f"first sync, {len(pages)} answers", took, max(pages), rows)]
        gc.collect()
        costs.append(drive.measure("nothing changed", token))
        drive.change(anew=False)
        costs.append(drive.measure(f"{CHANGES} documents written over", token))
        token = token_in(drive.report(token)[0])
        drive.change(anew=True)
        costs.append(drive.measure(f"{CHANGES} new documents", token))
        return costs


def run(work: Path) -> list[Cost]:
    """With 100,000 documents."""
    return measured(work)


def table(costs: list[Cost]) -> str:
    lines = [f"{'sync of 100,000 documents':40} {'ms CPU':>10} {'bytes':>10} {'rows':>8}"]
    lines += [f"{cost.what:40} {cost.milliseconds:10.1f} {cost.size:10} {cost.rows:8}" for cost in costs]
    return "\n".join(lines)
