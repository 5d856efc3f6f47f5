"""Content coding of long multistatus answers (RFC 9110 §8.4, §12.5.3)."""

from __future__ import annotations

import gzip

import pytest

from davserver.dav.coding import PADDING, SHORTEST, coded
from tests.davclient import DavClient, prop_body

MEMBERS = 40


@pytest.fixture
def listed(folder: DavClient) -> DavClient:
    """A folder whose listing is worth the trouble."""
    for number in range(MEMBERS):
        folder.put(f"/Vorlage {number:03}.txt", b"x")
    return folder


@pytest.mark.parametrize(
    ("accepts", "is_coded"),
    [
        ("gzip", True),
        ("deflate, GZIP ; q=0.5", True),
        ("br,gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("*", False),  # everything may come, identity included (§12.5.3)
        ("x-gzip-not", False),
        ("", False),
    ],
)
def test_coded_for_who_accepts_it(listed: DavClient, accepts: str, is_coded: bool) -> None:
    """Cold and warm, and always the same text."""
    plain = listed.propfind("", "1", Accept_Encoding="identity")
    assert plain.headers["Content-Encoding"] is None
    for _ in ("cold", "warm"):
        answer = listed.propfind("", "1", Accept_Encoding=accepts)
        assert (answer.headers["Content-Encoding"] == "gzip") is is_coded
        assert int(answer.headers["Content-Length"]) == len(answer.body)
        assert (gzip.decompress(answer.body) if is_coded else answer.body) == plain.body
        assert not is_coded or len(answer.body) < len(plain.body) / 5


def test_each_reader_gets_what_he_accepts(listed: DavClient) -> None:
    """The remembered answer is remembered for each coding."""
    for accepts, coding in (("gzip", "gzip"), ("identity", None), ("gzip", "gzip"), ("identity", None)):
        assert listed.propfind("", "1", Accept_Encoding=accepts).headers["Content-Encoding"] == coding


def test_reports_are_coded(listed: DavClient) -> None:
    body = (
        '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>'
        "<D:prop><D:getetag/></D:prop></D:sync-collection>"
    )
    answer = listed.request("REPORT", "", body, {"Accept-Encoding": "gzip"})
    if listed.properties("", "sync-token").text("sync-token"):
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body).count(b"<D:getetag>") == MEMBERS


def test_short_answers_and_documents_stay_as_they_are(listed: DavClient) -> None:
    """A document's entity tag is strong (RFC 9110 §8.8.1): its bytes are those that were saved."""
    assert listed.propfind("", "0", Accept_Encoding="gzip").headers["Content-Encoding"] is None
    listed.put("/lang.txt", b"a" * 100_000)
    answer = listed.get("/lang.txt", Accept_Encoding="gzip")
    assert (answer.headers["Content-Encoding"], answer.body) == (None, b"a" * 100_000)


def test_the_length_tells_nothing_exactly() -> None:
    """The same text is coded in many lengths, so no guess at a neighbour's name shows in the answer's (BREACH)."""
    lengths = {len(coded(b"<D:href/>" * SHORTEST)) for _ in range(400)}
    assert len(lengths) > PADDING / 2


def test_namespaces_stand_once(listed: DavClient) -> None:
    """What many members have is declared at the root (XML Names §6.1), not 41 times."""
    names = ("{urn:gremium:dav}nothing", "{http://apache.org/dav/props/}executable", "current-user-privilege-set")
    answer = listed.propfind("", "1", prop_body(*names), Accept_Encoding="identity")
    assert len(answer.members()) == MEMBERS + 1
    assert (answer.body.count(b"urn:gremium:dav"), answer.body.count(b"http://apache.org/dav/props/")) == (1, 1)
