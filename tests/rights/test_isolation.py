"""25 committees, a canary in each: who is not inside learns nothing, not even that there is something (must-show 4)."""

from __future__ import annotations

import base64
import math
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acl.labels import Classification
from acl.principals import Channel
from davserver.accounts import PEPPER_SECRET, create_app_password
from davserver.app import forest_of
from davserver.dav.server import Application
from davserver.declarations import Committee, Declaration, Mandate, Person
from davserver.declaring import declare
from davserver.founding import found
from davserver.house import House
from davserver.settings import Settings
from davserver.tree.locking import GuardedTree
from tests.davclient import LOCKINFO
from tests.rights.calling import Answer, call
from tests.rights.playing import BEGIN, DAY

COMMITTEES = tuple(f"ba{number:02}" for number in range(1, 26))
REQUESTS, PAIRS = 5_000, 500
KNOWN = "/Papers/Vorlage.odt"
METHODS = (
    *("GET", "HEAD", "OPTIONS", "PROPFIND", "PROPPATCH", "PUT", "MKCOL", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK"),
    *("REPORT", "SEARCH", "ACL", "POST", "TRACE", "PATCH", "VERSION-CONTROL", "MKACTIVITY", "BASELINE-CONTROL"),
)
NAME = (
    '<D:prop xmlns:D="DAV:"><D:displayname/><D:lockdiscovery/><D:getetag/><D:quota-used-bytes/><u:note xmlns:u="u:"/>'
)
BODIES = (
    "",
    f'<D:propfind xmlns:D="DAV:">{NAME}</D:prop></D:propfind>',
    '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    f'<D:sync-collection xmlns:D="DAV:"><D:sync-token/>{NAME}</D:prop></D:sync-collection>',
    f'<D:expand-property xmlns:D="DAV:">{NAME}</D:prop></D:expand-property>',
    f'<D:acl-principal-prop-set xmlns:D="DAV:">{NAME}</D:prop></D:acl-principal-prop-set>',
    '<D:principal-search-property-set xmlns:D="DAV:"/>',
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><u:x xmlns:u="u:">1</u:x></D:prop></D:set></D:propertyupdate>',
    LOCKINFO.format(scope="exclusive", owner="fuzz"),
    "x" * 100,
)


class City:
    """A house with 25 committees; each clerk has hidden the same secret word in every place that he can reach."""

    def __init__(self, directory: Path) -> None:
        self.now = BEGIN
        data, key = directory / "data", directory / "root.key"
        found(data, key, "tests")
        settings = Settings(argon2_memory_kib=64, argon2_passes=1, argon2_lanes=1)
        self.house = House.open(data, key, settings, lambda: self.now)
        people = [*(f"k{share}" for share in COMMITTEES), "member", "stranger"]
        declare(
            self.house,
            Declaration(
                tuple(Person(name, name, undertaking=BEGIN - DAY) for name in people),
                tuple(Committee(share, share, mandates=self.mandates(share)) for share in COMMITTEES),
            ),
            "tests",
        )
        forest = forest_of(self.house)
        self.app = Application(
            {},
            login=lambda e: self.house.login.principal(e.get("HTTP_AUTHORIZATION"), e["REMOTE_ADDR"], False),
            doors=lambda principal: GuardedTree(forest, principal, Channel.DAV),
            log=lambda _line: None,
        )
        self.logins = {name: self.credential(name) for name in people}
        self.canaries = {share: f"kanarie{secrets.token_hex(6)}" for share in COMMITTEES}
        for share in COMMITTEES:
            self.hide(share, self.canaries[share])

    @staticmethod
    def mandates(share: str) -> tuple[Mandate, ...]:
        clerk = Mandate(f"k{share}", "clerk", BEGIN - DAY)
        return (clerk, Mandate("member", "member", BEGIN - DAY)) if share == COMMITTEES[0] else (clerk,)

    def credential(self, name: str) -> str:
        pepper = self.house.keys.secret(PEPPER_SECRET)
        with self.house.database.transaction() as connection:
            made = create_app_password(connection, pepper, name, "test", BEGIN, max_class=Classification.FACTION)
        return "Basic " + base64.b64encode(f"{name}:{made.shown}".encode()).decode()

    def ask(self, name: str, method: str, target: str, body: str = "", **headers: str) -> Answer:
        return call(self.app, method, target, body.encode(), authorization=self.logins[name], **headers)

    def hide(self, share: str, canary: str) -> None:
        """In a name, a content, an older version, a property, a lock's owner and the trash."""
        clerk, papers = f"k{share}", f"/dav/{share}/Papers"
        note = f'<D:set xmlns:D="DAV:"><D:prop><u:note xmlns:u="u:">{canary}</u:note></D:prop></D:set>'
        steps = [
            self.ask(clerk, "MKCOL", papers),
            self.ask(clerk, "PUT", f"{papers}/{canary}.odt", canary),
            self.ask(clerk, "PUT", f"/dav/{share}{KNOWN}", f"old {canary}"),
            self.ask(clerk, "PUT", f"/dav/{share}{KNOWN}", f"new {canary}"),
            self.ask(clerk, "PUT", f"{papers}/gone-{canary}.odt", canary),
            self.ask(clerk, "DELETE", f"{papers}/gone-{canary}.odt"),
            self.ask(
                clerk,
                "PROPPATCH",
                f"/dav/{share}{KNOWN}",
                f'<D:propertyupdate xmlns:D="DAV:">{note}</D:propertyupdate>',
            ),
            self.ask(clerk, "LOCK", f"/dav/{share}{KNOWN}", LOCKINFO.format(scope="exclusive", owner=canary)),
        ]
        assert [step.status // 100 for step in steps] == [2] * len(steps)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("city"))
    yield made
    made.house.close()


class Prober:
    """Thinks up requests of somebody who knows how such servers are built, and some of the names."""

    def __init__(self, city: City, seed: int) -> None:
        self.city, self.dice = city, random.Random(seed)

    def target(self) -> str:
        dice, share = self.dice, self.dice.choice(COMMITTEES)
        name = dice.choice(
            (
                *(
                    "",
                    "/",
                    KNOWN,
                    "/Papers",
                    "/Papers/",
                    "/Arbeitsordner",
                    "/00%20Eingang/",
                    KNOWN + "/",
                    "/Papers/x.odt",
                ),
                *(
                    "/.trash",
                    "/.versions/1",
                    "/Papers/.~lock.Vorlage.odt%23",
                    "/Papers/%7E$rlage.odt",
                    "/Papers/%2e%2e",
                ),
                *("/papers", "/PAPERS/VORLAGE.ODT", "/Papers/%00", "/Papers/Vorlage.odt%00", "/Papers//Vorlage.odt"),
                f"/Papers/{self.city.canaries[share]}.odt",
            )
        )
        roots = (
            "/dav/",
            "/dav/",
            "/dav/",
            "/dav/",
            "/",
            "/remote.php/dav/files/stranger/",
            "/dav/.principals/",
            "/dav/../",
        )
        return dice.choice(roots) + dice.choice((share, share, share, share, "", "geteilt", ".trash")) + name

    def headers(self) -> dict[str, str]:
        dice, found = self.dice, {}
        token = f"urn:uuid:{secrets.token_hex(16)}"
        wishes = {
            "depth": ("0", "1", "infinity", "2", ""),
            "destination": (self.target(), "http://127.0.0.1" + self.target(), "http://elsewhere/x"),
            "overwrite": ("T", "F", "x"),
            "if": (f"(<{token}>)", f"<{self.target()}> (<{token}>)", '(["1"])', "(Not <DAV:no-lock>)", "((", "()"),
            "if_match": ("*", '"1"'),
            "if_none_match": ("*", '"2000000001"'),
            "range": ("bytes=0-9", "bytes=-5", "bytes=x"),
            "lock_token": (f"<{token}>", "<>"),
            "timeout": ("Infinite", "Second-1"),
        }
        for name, values in wishes.items():
            if dice.random() < 0.3:
                found[name] = dice.choice(values)
        return found

    def send(self, name: str) -> tuple[Any, Answer]:
        request = (self.dice.choice(METHODS), self.target(), self.dice.choice(BODIES), self.headers())
        method, target, body, headers = request
        return request, self.city.ask(name, method, target, body, **headers)


@pytest.mark.parametrize(("name", "own"), [("stranger", ()), ("member", COMMITTEES[:1])])
def test_no_canary_reaches_anybody_outside(city: City, name: str, own: tuple[str, ...]) -> None:
    """5,000 requests over every method and side door: 0 bytes of another committee's canary, and no 500."""
    foreign = [canary.encode() for share, canary in city.canaries.items() if share not in own]
    prober = Prober(city, 4)
    for _ in range(REQUESTS):
        request, answer = prober.send(name)
        told = answer.body + repr(answer.headers).encode()
        assert not any(canary in told for canary in foreign), (request, answer)
        assert answer.status != 500, (request, answer)


def test_the_clerks_see_their_canaries(city: City) -> None:
    """What the test above looks for is there to be found."""
    for share, canary in city.canaries.items():
        listing = city.ask(f"k{share}", "PROPFIND", f"/dav/{share}/Papers/", BODIES[2], depth="1")
        assert listing.body.count(canary.encode()) >= 3  # name, property, lock owner
        assert canary.encode() in city.ask(f"k{share}", "GET", f"/dav/{share}{KNOWN}").body


@pytest.mark.parametrize("name", ["stranger", "member"])
@pytest.mark.parametrize("method", [method for method in METHODS if method != "OPTIONS"])
def test_forbidden_looks_like_absent(city: City, name: str, method: str) -> None:
    """Law 3: same status, same headers, same body, with and without conditions."""
    token = "urn:uuid:0"
    for headers in ({}, {"if_match": "*"}, {"if": f"(<{token}>)"}, {"depth": "1"}, {"if_none_match": "*"}):
        for body in BODIES[:3]:
            more = {"destination": "/dav/ba07/y", **headers}
            answers = {
                (answer.status, tuple(answer.headers.items()), answer.body)
                for path in (KNOWN, "/Papers/Vorlagf.odt", "/Qapers/Vorlage.odt", "/Papers", "/Papert")
                for answer in [city.ask(name, method, f"/dav/ba07{path}", body, **more)]
            }
            assert len(answers) == 1, (method, headers, answers)
            absent = city.ask(name, method, f"/dav/ba99{KNOWN}", body, **more)
            assert (absent.status, tuple(absent.headers.items()), absent.body) in answers


def rank_test(one: list[float], other: list[float]) -> float:
    """Two-sided p of Mann and Whitney's test, by the normal approximation (ties are rare in nanoseconds)."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def test_the_rank_test_finds_a_difference() -> None:
    dice = random.Random(1)
    noise = [dice.gauss(100, 10) for _ in range(PAIRS)]
    assert rank_test(noise, list(noise)) > 0.9
    assert rank_test(noise, [dice.gauss(104, 10) for _ in range(PAIRS)]) < 0.01


@pytest.mark.alone
@pytest.mark.parametrize("name", ["stranger", "member"])
@pytest.mark.parametrize("method", ["GET", "PROPFIND", "PUT", "DELETE"])
def test_forbidden_takes_as_long_as_absent(city: City, name: str, method: str) -> None:
    """Law 3, timing class: 500 interleaved pairs, p > 0.01 in one of three rounds; no socket's noise helps."""
    found = []
    for _ in range(3):
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(PAIRS * 2):
            path = KNOWN if number % 2 else "/Papers/Vorlagf.odt"
            begun = time.perf_counter()
            city.ask(name, method, f"/dav/ba07{path}", depth="0")
            times[number % 2].append(time.perf_counter() - begun)
        found.append((rank_test(*times), [sorted(each)[PAIRS // 2] * 1e6 for each in times]))
        if found[-1][0] > 0.01:
            return
    pytest.fail(f"absent and forbidden differ: (p, medians in µs) {found}")
