"""Record 78: the same words are answered as before without the application, as long as it says that this holds.

Test functions are also those of the other engine (test_granian.py), which recognises a body from its third time on.
"""

from __future__ import annotations

import pytest

from davserver.serving.limits import Limits
from davserver.serving.repeats import ABOUT_AN_ANSWER, BYTES_KEPT, LONGEST_ANSWER, LONGEST_WORDS, Repeat, Repeats
from davserver.serving.tally import Board
from tests.serving.conftest import Running, Serving, running_server
from tests.serving.raw import Peer, chunked, eventually, request

ASKED = request("GET", "/repeat", "X-Any: thing")
WITH_BODY = request("PROPFIND", "/repeat", body=b"<words/>")


def said(peer: Peer, sent: bytes, times: int = 1) -> list[bytes]:
    """What came back each time."""
    bodies = []
    for _ in range(times):
        peer.send(sent)
        answer = peer.answer()
        assert (answer.status, answer.headers["x-kept"], "date" in answer.headers) == (200, "yes", True)
        bodies.append(answer.body)
    return bodies


def settled(peer: Peer, sent: bytes) -> bytes:
    """What is answered once it is recognised."""
    return said(peer, sent, 3)[-1]


def test_the_same_words_need_no_application(running: Running) -> None:
    with running.peer() as peer, running.peer() as other:
        kept = settled(peer, ASKED)
        asked = len(running.application.seen)
        assert said(peer, ASKED, 20) == said(other, ASKED, 20) == [kept] * 20
    assert len(running.application.seen) == asked


def test_a_body_is_part_of_the_words(running: Running) -> None:
    with running.peer() as peer:
        kept = settled(peer, WITH_BODY)
        asked = len(running.application.seen)
        assert said(peer, WITH_BODY, 5) == [kept] * 5
        assert len(running.application.seen) == asked
        assert said(peer, request("PROPFIND", "/repeat", body=b"<others>")) == [str(asked + 1).encode()]
        assert said(peer, WITH_BODY) == [kept]


@pytest.mark.parametrize(
    "other",
    [
        request("GET", "/repeat", "X-Any: Thing"),
        request("GET", "/repeat", "X-Any: thing", "Authorization: Basic eDp5"),
        request("GET", "/repeat", "X-Other: thing"),
        request("GET", "/repeat?", "X-Any: thing").replace(b"?", b"?a"),
        request("GET", "/repeat/", "X-Any: thing"),
        request("HEAD", "/repeat", "X-Any: thing"),
        ASKED.replace(b"Host: test", b"Host: other"),
    ],
)
def test_other_words_are_another_request(running: Running, other: bytes) -> None:
    with running.peer() as peer:
        settled(peer, ASKED)
        asked = len(running.application.seen)
        peer.send(other)
        assert peer.answer(head_only=other.startswith(b"HEAD")).status == 200
    assert len(running.application.seen) == asked + 1


def test_another_version_is_another_request(running: Running) -> None:
    with running.peer() as peer:
        kept = settled(peer, ASKED)
        older = ASKED.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
        peer.send(older)
        first = peer.answer()
        assert first.body != kept and first.headers["connection"] == "keep-alive"
        peer.send(older)
        assert peer.answer().headers["connection"] == "keep-alive"


def test_what_no_longer_holds_is_made_anew(running: Running) -> None:
    with running.peer() as peer:
        kept = settled(peer, ASKED)
        running.application.holds = lambda: False
        fresh = said(peer, ASKED, 2)
        assert kept not in fresh and fresh[0] != fresh[1]
        running.application.holds = lambda: True
        assert said(peer, ASKED) == [fresh[1]], "the newest answer is the one that is kept"


def test_doubt_is_as_good_as_no(running: Running) -> None:
    """Whatever asking for it raises is met again on the usual way, where it gets its answer."""

    def fails() -> bool:
        raise OSError("no database")

    with running.peer() as peer:
        kept = settled(peer, ASKED)
        running.application.holds = fails
        assert said(peer, ASKED) != [kept]


def test_each_has_its_number(running: Running) -> None:
    with running.peer() as peer:
        settled(peer, ASKED)
        told = running.application.told
        told.clear()
        said(peer, ASKED, 10)
    assert len(set(told)) == len(told) == 10
    assert not {environ["gremium.request_id"] for environ in running.application.seen} & set(told)


def test_what_the_application_does_not_offer_is_asked_of_it(running: Running) -> None:
    with running.peer() as peer:
        for number in range(1, 5):
            peer.send(request("GET", "/ignore"))
            assert peer.answer().body == b"ok\n"
            assert len(running.application.seen) == number


def test_longer_requests_are_not_recognised(running: Running) -> None:
    with running.peer() as peer:
        long = request("GET", "/repeat", "X-Long: " + "x" * LONGEST_WORDS)
        bodies = said(peer, long, 4)
    assert len(set(bodies)) == 4


def test_chunks_are_not_recognised(running: Running) -> None:
    fields = ("Transfer-Encoding: chunked", "X-Expected-Entity-Length: 3")
    with running.peer() as peer:
        assert len(set(said(peer, request("PROPFIND", "/repeat", *fields) + chunked(b"abc"), 4))) == 4


def test_a_connection_that_ends_does_end(running: Running) -> None:
    asked = request("GET", "/repeat", "Connection: close")
    for _ in range(4):
        with running.peer() as peer:
            peer.send(asked)
            assert peer.answer().closes
            assert peer.rest() == b""


def test_head_has_no_body_the_second_time(running: Running) -> None:
    with running.peer() as peer:
        for _ in range(5):
            peer.send(request("HEAD", "/repeat"))
            assert peer.answer(head_only=True).headers["x-kept"] == "yes"
        peer.send(request("GET", "/ignore"))
        assert peer.answer().body == b"ok\n", "nothing lay between them"


def test_pipelined_requests_keep_their_order(running: Running) -> None:
    with running.peer() as peer:
        settled(peer, ASKED)
        peer.send(ASKED, request("GET", "/ignore"), ASKED)
        assert ["x-kept" in peer.answer().headers for _ in range(3)] == [True, False, True]


PART = "['HTTP_RANGE', 'REQUEST_METHOD', 'gremium.request_id'] "


def wanted(peer: Peer, *fields: str, path: str = "/parts") -> str:
    """What came back for these fields."""
    peer.send(request("GET", path, *fields, "Accept: */*"))
    answer = peer.answer()
    assert answer.status == 206
    return answer.body.decode()


def test_other_parts_of_a_known_document_need_no_way_to_it(running: Running) -> None:
    with running.peer() as peer:
        assert wanted(peer, "Range: bytes=0-1") == "whole way"
        assert wanted(peer, "Range: bytes=2-9") == f"{PART}bytes=2-9"
        assert wanted(peer, "range:bytes=-5 ") == f"{PART}bytes=-5"
        assert len(running.application.seen) == 1
        running.application.holds = lambda: False
        assert wanted(peer, "Range: bytes=2-9") == "whole way"


@pytest.mark.parametrize(
    "fields",
    [
        ("Range: bytes=0-1", "X-Any: thing"),
        ("X-Any: thing", "Range: bytes=0-1"),
        ("Range: bytes=0-1", 'If-Range: "a"'),
        ("Ranges: bytes=0-1",),
        (),
    ],
)
def test_what_else_was_said_counts(running: Running, fields: tuple[str, ...]) -> None:
    with running.peer() as peer:
        for _ in range(2):
            wanted(peer, "Range: bytes=0-1")
        assert wanted(peer, *fields) == "whole way"


@pytest.mark.parametrize("line", ["Range: bytes=0-\x001", "Range: bytes=0-1\r\n Range: bytes=0-2", "Range : bytes=0-1"])
def test_a_malformed_part_is_refused_as_ever(running: Running, line: str) -> None:
    with running.peer() as peer:
        for _ in range(2):
            wanted(peer, "Range: bytes=0-1")
        peer.send(request("GET", "/parts", line, "Accept: */*"))
        assert peer.answer().status == 400
    assert len(running.application.seen) == 1


def test_two_parts_in_two_fields_are_refused_as_ever(running: Running) -> None:
    with running.peer() as peer:
        for _ in range(2):
            wanted(peer, "Range: bytes=0-1")
        peer.send(request("GET", "/parts", "Range: bytes=0-1", "Range: bytes=2-3", "Accept: */*"))
        assert peer.answer().status == 400


def test_a_line_of_a_body_is_no_field(running: Running) -> None:
    """A request with a body is recognised as a whole only: what is cut out of it must not move its end."""
    with running.peer() as peer:
        whole = request("GET", "/parts", "Accept: */*", body=b"..\r\nRange: bytes=0-1\r\n..")
        for _ in range(3):
            peer.send(whole)
            assert peer.answer().body == b"whole way"


def test_a_part_that_breaks_off_is_cut(running: Running) -> None:
    with running.peer() as peer:
        wanted(peer, "Range: bytes=0-1", path="/parts/late")
        peer.send(request("GET", "/parts/late", "Range: bytes=0-1", "Accept: */*"))
        with pytest.raises((ConnectionResetError, AssertionError)):
            peer.answer()


def test_they_are_counted() -> None:
    tally = Board.create(1)
    with running_server(tally=tally.tally(0)) as running, running.peer() as peer:
        said(peer, ASKED, 10)
        assert eventually(lambda: tally.sums().requests["GET", "2xx"] == 10)
        assert tally.sums().received == 10 * len(ASKED)


def test_a_server_with_too_many_connections_closes_as_ever(serving: Serving) -> None:
    with serving(limits=Limits(kept_connections=1)) as running, running.peer() as peer:
        kept = settled(peer, ASKED)
        with running.peer():
            peer.send(ASKED)
            answer = peer.answer()
            assert answer.closes and answer.body != kept


def filled(repeats: Repeats[str], count: int, size: int, era: int = 1) -> None:
    for number in range(count):
        repeats.keep(f"{era} {number}".encode(), Repeat(era, lambda: True, lambda *_: None), str(number), size)


def test_the_oldest_make_room() -> None:
    repeats: Repeats[str] = Repeats()
    fit = BYTES_KEPT // (LONGEST_ANSWER + ABOUT_AN_ANSWER)
    filled(repeats, fit + 3, LONGEST_ANSWER)
    assert [repeats.find(f"1 {number}".encode()) is not None for number in range(fit + 3)] == [False] * 3 + [True] * fit


def test_a_longer_answer_is_not_kept() -> None:
    repeats: Repeats[str] = Repeats()
    filled(repeats, 1, LONGEST_ANSWER + 1)
    assert repeats.find(b"1 0") is None


@pytest.mark.parametrize("ending", ["a new answer", "told of it", "cleared"])
def test_nothing_of_an_older_era_stays(ending: str) -> None:
    """S-53, and what was destroyed: after a commit none of it can be given again, so none of it is kept."""
    repeats: Repeats[str] = Repeats()
    filled(repeats, 100, 10)
    if ending == "a new answer":
        filled(repeats, 1, 10, era=2)
    elif ending == "told of it":
        repeats.enter(2)
    else:
        repeats.clear()
    assert all(repeats.find(f"1 {number}".encode()) is None for number in range(100))
    assert len(repeats._kept) == (ending == "a new answer")


def test_words_are_kept_as_digests_only() -> None:
    """security.md: a request's words hold a password."""
    with running_server() as running, running.peer() as peer:
        secret = b"c2VjcmV0LW9mLW90dG8="
        settled(peer, request("GET", "/repeat", f"Authorization: Basic {secret.decode()}"))
        running.application.seen.clear()
        assert secret not in repr(running.server.repeats._kept).encode()  # type: ignore[attr-defined]
