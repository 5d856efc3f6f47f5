"""1,000 broken `If` headers: each is a 400 and changes nothing; one that is false is a 412 (security.md S-07, B12).

Whether one is broken is decided here by the grammar of RFC 4918 §10.4.2, written anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from tests.davclient import LOCKINFO, DavClient
from tests.security.credentials import PATCH

MUTANTS, FALSE = 1_000, 100
SEED = 7
_STATE = r"<[A-Za-z][A-Za-z0-9+.-]*:[^<>\s]*>"
_TAG = r"\[[ \t]*(?:W/)?\"[!\x23-\x7e\x80-\xff]*\"[ \t]*\]"
_LIST = rf"\([ \t]*(?:(?i:not)?[ \t]*(?:{_STATE}|{_TAG})[ \t]*)+\)[ \t]*"
GOOD = re.compile(rf"[ \t]*(?:(?:{_LIST})+|(?:<[^<>\s]+>[ \t]*(?:{_LIST})+)+)")
PUT_IN = (
    "(",
    ")",
    "<",
    ">",
    "[",
    "]",
    '"',
    "Not",
    "not ",
    ",",
    ";",
    "((",
    "))",
    "<>",
    "()",
    "[]",
    " ",
    "\\",
    "\xe4",
    "=",
    "W/",
)
METHODS = {
    "PUT": "changed",
    "DELETE": None,
    "PROPPATCH": PATCH,
    "MOVE": None,
    "LOCK": LOCKINFO.format(scope="shared", owner="x"),
    "COPY": None,
}


def rights(folder: DavClient, token: str, tag: str) -> list[str]:
    """Headers that would let the request run."""
    url = folder.url("/a.txt")
    return [
        f"(<{token}>)",
        f"(<{token}> [{tag}])",
        f"<{url}> (<{token}>)",
        f"(Not <DAV:no-lock> <{token}>)",
        f'(["x"]) (<{token}>)',
        f"<{folder.target('/a.txt')}> (<{token}> [{tag}]) (Not <urn:x>)",
        f"<{folder.url('/')}> (<urn:x>) <{url}> (<{token}>)",
    ]


def mutants(good: list[str]) -> Iterator[str]:
    """Broken ones, no two alike: letters lost, changed, doubled, or put where they do not belong."""
    drawn, seen = random.Random(SEED), {""}
    while True:
        text = drawn.choice(good)
        for _ in range(drawn.choice((1, 1, 2, 5))):
            place, end = drawn.randrange(len(text) + 1), drawn.choice((0, 1, 1, 4))
            text = text[:place] + drawn.choice(("", *PUT_IN)) + text[place + end :]
            text = drawn.choice((text, text, text[: drawn.randrange(len(text) + 1)])) or "("
        text = drawn.choice((text, text, text, "(" * drawn.randrange(1, 4_000), text * drawn.randrange(1, 40)))
        if text.strip() not in seen and GOOD.fullmatch(text) is None:
            seen.add(text.strip())
            yield text.strip()


@pytest.fixture
def locked(vault_folder: DavClient) -> tuple[DavClient, str, str]:
    """The clerk, the token of his lock on `/a.txt`, and its tag."""
    vault_folder.put("/a.txt", b"old")
    token = vault_folder.lock("/a.txt").lock_token
    tag = vault_folder.head("/a.txt").etag
    assert tag
    return vault_folder, token, tag


def send(folder: DavClient, method: str, header: str) -> int:
    sent = {"If": header, "Depth": "0"}
    if method in ("COPY", "MOVE"):
        sent["Destination"] = folder.url("/b.txt")
    return folder.request(method, "/a.txt", METHODS[method], sent).status


def test_what_is_broken_never_runs(locked: tuple[DavClient, str, str]) -> None:
    folder, token, tag = locked
    for number, header in zip(range(MUTANTS), mutants(rights(folder, token, tag)), strict=False):
        method = tuple(METHODS)[number % len(METHODS)]
        assert send(folder, method, header) == 400, (method, header)
    assert folder.names("/") == ["a.txt"]
    assert (folder.get("/a.txt").body, folder.head("/a.txt").etag) == (b"old", tag)


def test_what_is_false_never_runs(locked: tuple[DavClient, str, str]) -> None:
    """Well written, but of another lock, another tag, or another resource."""
    folder, token, tag = locked
    drawn = random.Random(SEED)
    for number in range(FALSE):
        other = f"{token[:-6]}{drawn.randrange(16**6):06x}"
        false = (
            f"(<{other}>)",
            f'(<{token}> ["{number}"])',
            f"<{folder.url('/b.txt')}> (<{token}>)",
            f"(Not <{token}>)",
        )
        method = tuple(METHODS)[number % len(METHODS)]
        assert send(folder, method, false[number % len(false)]) == 412, (method, false[number % len(false)])
    assert folder.names("/") == ["a.txt"]
    assert folder.head("/a.txt").etag == tag


def test_the_good_ones_run(locked: tuple[DavClient, str, str]) -> None:
    """So that what is refused above is refused for what is broken in it."""
    folder, token, tag = locked
    for header in rights(folder, token, tag):
        assert GOOD.fullmatch(header)
        assert send(folder, "PROPPATCH", header) == 207, header
