"""25 committees, a canary in each: who is not inside learns nothing, not even that there is something (must-show 4)."""

from __future__ import annotations

import math
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.davclient import LOCKINFO
from tests.rights.calling import Answer
from tests.rights.city import COMMITTEES, KNOWN, SYNC, City

REQUESTS, PAIRS = 5_000, 500
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


Wish = tuple[str, str, str, dict[str, str]]
"""Method, target, body, headers."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("city"))
    yield made
    made.close()


class Prober:
    """Thinks up requests of somebody who knows how such servers are built, and some of the names."""

    def __init__(self, city: City, seed: int) -> None:
        self.city, self.dice, self.sent = city, random.Random(seed), Counter[str]()

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
        """At the drives, at a side door, at a page of the portal, or with another's sync token."""
        way = self.dice.choice(("drive", "drive", "side", "page", "sync"))
        method, target, body, headers = getattr(self, f"at_{way}")(name)
        self.sent[way] += 1
        return (method, target, body, headers), self.city.knock(name, method, target, body, **headers)

    def at_drive(self, _name: str) -> Wish:
        return self.dice.choice(METHODS), self.target(), self.dice.choice(BODIES), self.headers()

    def at_side(self, name: str) -> Wish:
        target = self.dice.choice(self.city.side_doors(name, self.dice.choice(COMMITTEES)))
        method = self.dice.choice((*METHODS, "PROPFIND", "GET", "MOVE", "DELETE"))
        return method, target, self.dice.choice(BODIES), self.headers()

    def at_page(self, name: str) -> Wish:
        method, share = self.dice.choice(("GET", "GET", "GET", "HEAD", "POST")), self.dice.choice(COMMITTEES)
        target = self.dice.choice(self.city.pages(share, method))
        if method != "POST":
            return method, target, "", {}
        known = self.city.numbers[share]
        return (method, target, *self.city.form(name, text="x", version=known["version"], node=known["node"]))

    def at_sync(self, name: str) -> Wish:
        """What others were told last is no beginning for anybody else."""
        own, other = self.dice.choice(COMMITTEES), self.dice.choice(COMMITTEES)
        folder = f"{self.dice.choice((own, other))}{self.dice.choice(('', '/Papers'))}/"
        root = self.dice.choice(("/dav/", f"/remote.php/dav/files/{name}/", f"/remote.php/dav/files/k{other}/"))
        return "REPORT", root + folder, SYNC.format(self.city.numbers[other]["sync"]), {}


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
    assert min(prober.sent[way] for way in ("drive", "side", "page", "sync")) > REQUESTS // 10


def test_the_clerks_see_their_canaries(city: City) -> None:
    """What the test above looks for is there to be found."""
    for share, canary in city.canaries.items():
        listing = city.ask(f"k{share}", "PROPFIND", f"/dav/{share}/Papers/", BODIES[2], depth="1")
        assert listing.body.count(canary.encode()) >= 3  # name, property, lock owner
        assert canary.encode() in city.ask(f"k{share}", "GET", f"/dav/{share}{KNOWN}").body


def test_the_side_doors_show_it_to_the_clerk(city: City) -> None:
    """So the prober's addresses are right: what is hidden is found at each kind of them by whoever may."""
    share = COMMITTEES[6]
    clerk, canary = f"k{share}", city.canaries[share].encode()

    def shows(method: str, target: str) -> bool:
        return canary in city.knock(clerk, method, target, depth="1", accept_language="de").body

    dav, pages = "/remote.php/dav", city.pages(share, "GET")
    doors = [target for target in city.side_doors(clerk, share) if f"/{clerk}/" in target or "webdav" in target]
    found = {door for door in doors if shows("PROPFIND", door) or shows("GET", door)}
    for root in ("files", "trashbin", "versions", "uploads"):
        assert any(door.startswith(f"{dav}/{root}/") for door in found), (root, found)
    read = {page.split("/")[1] for page in pages if shows("GET", page)}
    assert read >= {"ordner", "lesen", "herunterladen", "fassungen", "papierkorb", "anmerkungen"}, read
    assert shows("GET", "/suche?q=kanarie")


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
