"""1,200 names that something stumbles over: kept to the byte or refused, and the folder stays listable (S-08, B13).

Names that the house has its own use for answer every verb alike (S-17).
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest

from tests.davclient import LOCKINFO, DavClient

COUNT = 1_200
SEED = 8
WINDOWS = ("CON", "PRN", "AUX", "NUL", "COM1", "COM¹", "LPT9", "CONIN$", "CLOCK$", "$MFT", "desktop.ini", "Thumbs.db")
ODD = (
    *("\u202e", "\u202a", "\u2066", "\u2069", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u034f", "\u115f", "\u3164"),
    *("\u00a0", "\u2028", "\u2029", "\u0085", "\u180e", "\ue000", "\uf001", "\uf07f", "\ufffe", "\uffff", "\ufdd0"),
    *("\U0001fffe", "\U0010ffff", "\U0001f3f4\U000e0067\U000e007f", "\U0001f468\u200d\U0001f469", "\ufb01", "\u212b"),
    *("\u1e9b\u0323", "e\u0301", "\u0344", "\u0958", "\u2126", "\uac00", "\u1100\u1161", "ß", "İ", "ı", "ǆ", "\u0130"),
    *("\\", ":", "*", "?", '"', "<", ">", "|", "%", "&", ";", "#", "'", "`", "$(x)", "{{7*7}}", "=1+1", "@x", "+", ","),
    *("-rf", "--", "~", ".", "..", "...", " ", "  ", "\t", "&amp;", "]]>", "<!--", "%00", "%2e%2e", "%2f", "&#0;"),
)
RAW = (
    *(f"%{code:02X}" for code in (*range(0x21), 0x7F)),
    *(f"a%{code:02X}b" for code in range(0x20)),
    *(f"%C2%{code:02X}" for code in range(0x80, 0xA0)),
    *("%ED%A0%80", "%ED%BF%BF", "%C0%AF", "%C1%81", "%E0%80%AF", "%F0%80%80%AF", "%F4%90%80%80", "%F8%88%80%80%80"),
    *("%FF", "%80", "%C3", "%C3%28", "a%C3", "%E2%82", "%F0%9F%98", "%fe%ff", "%zz", "%", "%1", "a%", "%u0041"),
)
"""Percent-encoded as they are sent: controls, and what is no UTF-8."""


def names() -> Iterator[str]:
    """Raw path segments, no two alike, without end."""
    drawn = random.Random(SEED)
    yield from dict.fromkeys(RAW)
    for name in WINDOWS:
        for ending in ("", ".", " ", ".txt", " .txt", ":x", "::$DATA", "~1"):
            yield quote(name + ending)
            yield quote((name + ending).lower())
    for letter in ("a", "ä", "\u20ac", "\U0001f3db", "e\u0301"):
        for size in (254, 255, 256, 257, 1_000):
            yield quote(letter * (size // len(letter.encode())) + "b" * (size % len(letter.encode())))
    while True:
        parts = [drawn.choice((*ODD, "a", "Z", "ä", "1", ".odt")) for _ in range(drawn.choice((1, 2, 3, 8)))]
        yield quote("".join(parts), safe="")


def chosen() -> list[str]:
    found: dict[str, None] = {}
    for raw in names():
        found.setdefault(raw)
        if len(found) == COUNT:
            return list(found)
    raise AssertionError("there is no end to them")


def test_names_are_kept_to_the_byte_or_refused(folder: DavClient, drive: str) -> None:
    """201 or 4xx; one listing, well-formed, tells exactly those that were taken, in NFC; each gives back its bytes."""
    taken: dict[str, bytes] = {}
    tried = chosen()[:: 1 if drive == "ba05" else 4]  # the plain drive takes names by the same rules
    for number, raw in enumerate(tried):
        content = str(number).encode()
        status = folder.request("PUT", "", content, raw_target=f"{folder.target('/')}{raw}").status
        assert status in (201, 204) or 400 <= status < 500, (raw, status)
        if status < 300:
            taken[raw] = content
    last = {
        unicodedata.normalize("NFC", unquote(raw, errors="strict")): (raw, content) for raw, content in taken.items()
    }
    assert len(last) > len(tried) // 3
    assert set(folder.names("/")) == set(last)
    for raw, content in list(last.values())[::3]:
        assert folder.request("GET", "", raw_target=f"{folder.target('/')}{raw}").body == content, raw


def kept_as(raw: str) -> str:
    return unicodedata.normalize("NFC", unquote(raw, errors="strict"))


BODIES = {"LOCK": LOCKINFO.format(scope="exclusive", owner="x"), "PUT": "x"}
RESERVED = (
    *("x.~0123456789ab", ".~lock.x.odt#.~0123456789ab", "\uf001", "a\uf07fb", "\ufffe", "a\ufdd0", "\U0001ffff"),
    *("a\x01b", "\x7f", "\x85", "a\rb", "a\nb", "\x00", "." * 1, "..", "x" * 256, "ä" * 128),
)
OWN = (
    *(".~lock.a.odt#", "~$a.docx", "._a.txt", ".DS_Store", "Thumbs.db", "desktop.ini", "~WRD0001.tmp", "lu12ab.tmp"),
    *("1A2B3C4D.tmp", "CON", "NUL.txt", "a:b", "a\\b", "a.", "a ", ".trash", ".versions", "geteilt", ".principals"),
)


@pytest.mark.parametrize("name", RESERVED, ids=ascii)
def test_what_no_name_can_be_is_refused_by_every_verb(vault_folder: DavClient, name: str) -> None:
    """PUT, MKCOL, LOCK, COPY, MOVE: the same 400, and nothing was made."""
    answers = made(vault_folder, name)
    assert set(answers.values()) == {400}, answers
    assert vault_folder.names("/") == ["quelle"]


@pytest.mark.parametrize("name", OWN, ids=ascii)
def test_what_programs_and_systems_call_their_own_is_taken_by_every_verb(vault_folder: DavClient, name: str) -> None:
    answers = made(vault_folder, name)
    assert set(answers.values()) == {201}, answers


def made(folder: DavClient, name: str) -> dict[str, int]:
    """The status of each verb that could make something of this name; what was made is gone again."""
    folder.put("/quelle", b"x")
    place = f"{folder.target('/')}{quote(name, safe='')}"
    found = {}
    for method in ("PUT", "MKCOL", "LOCK", "COPY", "MOVE"):
        headers = {"Destination": f"{folder.origin}{place}", "Depth": "0"}
        if method in ("COPY", "MOVE"):
            answer = folder.request(method, "/quelle", headers=headers)
        else:
            body = (
                LOCKINFO.format(scope="exclusive", owner="x") if method == "LOCK" else b"x" if method == "PUT" else None
            )
            answer = folder.request(method, "", body, {"Depth": "0"}, raw_target=place)
        found[method] = answer.status
        if answer.status < 300:
            unlocked = {"If": f"(<{answer.lock_token}>)"} if method == "LOCK" else {}
            assert folder.request("DELETE", "", headers=unlocked, raw_target=place).status == 204
            folder.put("/quelle", b"x")
    return found
