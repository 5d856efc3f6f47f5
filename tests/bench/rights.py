"""`make bench ARGS="--rights"`: what deciding costs of a cold listing, in one process, in a house with full tables.

A listing is cold when nothing is kept of rules, views or pointers; statements and connections are warm, so that
starting up does not hide the deciding. `deciding` is the whole page decided at once by a fresh view.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from acl import store
from acl.engine import View
from acl.labels import Classification, Label
from acl.mandates import ROLES
from acl.principals import Channel, Principal, PrincipalKind
from davserver import settings
from davserver.app import forest_of
from davserver.dav.server import Application
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.founding import default_key, found
from davserver.house import House
from davserver.tree.forest import SharePlaces
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen, Terms
from shareproviders.paths import SharePath
from tests.bench.driving import NAMED

BY = "command:bench"
DRIVE = SharePath(("bench",))
PEOPLE, RECUSALS, AGENDA, RECUSED = 685, 100, 50, 20
CLERK, MEMBER = (next(n for n in range(PEOPLE) if ROLES[n % len(ROLES)] == role) for role in ("clerk", "member"))
LABELLED_EACH = 10
LEAST_ROUNDS = 15


class Cost(NamedTuple):
    """Medians in milliseconds."""

    what: str
    listing: float
    """PROPFIND depth 1 through the WSGI application, from nothing."""
    rules: float
    """Of that: reading everything that decides rights."""
    deciding: float
    """Of that: the page of all members."""

    @property
    def share(self) -> float:
        return 100 * self.deciding / self.listing


def declaration(state: str) -> str:
    """Everybody in one committee, every office held; a meeting whose items and matters people are excluded from."""
    day = date.today() + timedelta(days=14)  # noqa: DTZ011 (a day of the calendar)
    lines = []
    for number in range(PEOPLE):
        lines += ["[[person]]", f'user = "p{number}"', f'name = "Person {number}"', "undertaking = 2026-01-01"]
    lines += ["[[committee]]", 'id = "bench"', 'name = "Bench"', 'provider = "vault"']
    for number in range(PEOPLE):
        role = ROLES[number % len(ROLES)]
        lines += ["[[committee.mandate]]", f'user = "p{number}"', f'role = "{role}"', "start = 2026-01-01"]
    lines += ["[[committee.meeting]]", 'id = "m"', 'title = "Vollgremium"', f'state = "{state}"']
    lines += [f"start = {day}T19:00:00", f"end = {day}T22:00:00"]
    for number in range(1, AGENDA + 1):
        lines += ["[[committee.meeting.item]]", f'number = "{number}"', f'title = "Punkt {number}"', 'part = "public"']
        lines += [f'matter = "20-26 / V {number:05d}"']
    for number in range(RECUSALS):
        point = 2 + number % (AGENDA - 1)  # never the first, whose folder is listed
        lines += ["[[recusal]]", f'person = "p{number % RECUSED}"', "from = 2026-01-01"]
        by_point = ['committee = "bench"', 'meeting = "m"', f'item = "{point}"']
        lines += by_point if number % 2 else [f'matter = "20-26 / V {point:05d}"']
    return "\n".join(lines)


class FullHouse:
    """The house, and the two who meet in it."""

    def __init__(self, house: House, members: int) -> None:
        self.house, self.members = house, members
        declare(house, parse_declaration(declaration("planned")), BY)
        clerk = self.tree(CLERK)
        self.folder = self._first_point(clerk)
        for number in range(members):
            self._put(clerk, self.folder.path / f"Anlage_{number:05d}_Protokoll.pdf")
        declare(house, parse_declaration(declaration("agenda_released")), BY)
        self.reader = self.principal(MEMBER)

    @staticmethod
    def principal(number: int) -> Principal:
        return Principal(PrincipalKind.USER, f"p{number}")

    def tree(self, number: int) -> GuardedTree:
        return GuardedTree(forest_of(self.house), self.principal(number), Channel.DAV)

    @staticmethod
    def _first_point(tree: GuardedTree) -> Seen:
        """The folder of the first item: in that of the meeting, which begins with its day."""
        drive = tree.children(tree.stat(DRIVE))
        meeting = next(seen for seen in drive if seen.display_name.endswith("Vollgremium"))
        return tree.children(meeting)[0]

    @staticmethod
    def _put(tree: GuardedTree, path: SharePath) -> None:
        body, terms = b"x" * 100, Terms()
        tree.admit_put(path, terms, len(body))
        tree.put(path, tree.stage(path, [body]), terms)

    def label_some(self) -> None:
        """Every tenth document gets a class of its own, and so is decided by itself."""
        pages = self.tree(CLERK).children(self.folder)
        with self.house.database.transaction() as connection:
            for seen in pages[::LABELLED_EACH]:
                store.set_label(connection, seen.share, seen.node.id, Label(Classification.RESTRICTED))

    def application(self) -> Application:
        """One that has kept nothing of what decides rights; the login, whose cost is not asked for, is done."""
        forest = forest_of(self.house)
        return Application(
            {},
            login=lambda _environ: self.reader,
            doors=lambda principal: GuardedTree(forest, principal, Channel.DAV),
            log=lambda _facts: None,
        )

    def list(self, application: Application) -> None:
        """All members, as a client asks for them. Raises ValueError if any is missing."""
        body = NAMED.encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "PROPFIND",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/dav/" + "/".join(self.folder.path.segments).encode().decode("latin-1") + "/",
            "QUERY_STRING": "",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_DEPTH": "1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
        }
        answer = b"".join(_closed(application(environ, lambda *_: None)))
        found = answer.count(b"<D:response>")
        if found != self.members + 1:
            raise ValueError(f"the listing has {found} responses: {answer[:300]!r}")

    def measure(self, what: str, rounds: int) -> Cost:
        """Medians over the rounds; the three take turns, so that a drift of the machine's speed hits them alike."""
        self.list(self.application())
        seen: Mapping[str, list[float]] = {"listing": [], "rules": [], "deciding": []}
        places = SharePlaces("bench", self.house.share("bench"))
        ids = [node.id for node in places.provider.children(self.folder.node)]
        lineage = self.folder.node.lineage
        for _ in range(rounds):
            application = self.application()
            seen["listing"].append(_took(partial(self.list, application)))
            shelf = forest_of(self.house).rules
            seen["rules"].append(_took(partial(shelf.of, places)))
            view = View(shelf.of(places), self.house.engine, self.reader, Channel.DAV)
            now = self.house.clock()
            seen["deciding"].append(_took(partial(view.page, lineage, ids, now)))
        return Cost(what, **{name: statistics.median(values) for name, values in seen.items()})


def _took(call: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _closed(body: Iterable[bytes]) -> Iterator[bytes]:
    yield from body
    if hasattr(body, "close"):
        body.close()


@contextmanager
def opened(directory: Path) -> Iterator[House]:
    """A new house in an empty directory."""
    key = default_key(directory)
    found(directory, key, BY)
    house = House.open(directory, key, settings.load(directory, {}))
    try:
        yield house
    finally:
        house.close()


def run(work: Path, members: int, rounds: int) -> list[Cost]:
    """The folder as one region, then with every tenth document labelled by itself."""
    with opened(work) as house:
        full = FullHouse(house, members)
        plain = full.measure(f"{members:,} members, one region", rounds)
        full.label_some()
        return [plain, full.measure(f"{members:,} members, every tenth labelled", rounds)]


def table(costs: list[Cost]) -> str:
    """Markdown."""
    lines = [
        f"{len(ROLES)} roles, {PEOPLE} people, {RECUSALS} recusals; medians in ms; goal: deciding ≤ 5 % of the listing",
        "",
        "| work | cold listing | of it: rules read | of it: page decided | share decided |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.what} | {c.listing:.2f} | {c.rules:.2f} | {c.deciding:.3f} | {c.share:.1f} % |" for c in costs]
    return "\n".join(lines)
