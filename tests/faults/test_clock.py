"""S-41: the clock jumps days forwards and back. Nothing ends before its time, nothing is told twice, nothing fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl.principals import Channel, Principal, PrincipalKind
from davserver.house import now
from davserver.tree.linked import LinkTree
from davserver.tree.locking import GuardedTree
from davserver.tree.sharing import LinkWish
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from tests.dav.inside import Clock, InsideClient, Worker
from tests.dav.syncing import token, told
from tests.running import copied

HOUR = 3_600_000_000
DAY = 24 * HOUR
JUMPS = (3 * DAY, -2 * DAY, HOUR, -HOUR, 0)
"""From the true time; an hour is what a machine does that keeps local time."""


@pytest.fixture(scope="module")
def worker(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(copied(installed, tmp_path_factory.mktemp("clock")), Clock())
    yield made
    made.close()


@pytest.fixture
def clerk(worker: Worker) -> InsideClient:
    worker.clock.ahead = 0
    client = worker.client("clara", "/dav/ba05")
    client.put("/paper", b"0")
    return client


def test_tokens_grow_and_tags_differ_whatever_the_clock_says(worker: Worker, clerk: InsideClient) -> None:
    """RFC 6578 §3.1, RFC 9110 §8.8.3: both follow counters. What is written in the past is told like all else."""
    tokens, tags = [token(clerk)], [clerk.get("/paper").etag]
    for number, jump in enumerate(JUMPS * 2):
        worker.clock.ahead = jump
        assert clerk.put("/paper", f"{number}".encode()).status == 204
        assert clerk.put(f"/new-{number}", b"1").status == 201
        assert {"/paper", f"/new-{number}"} <= told(clerk, tokens[-1]).keys()
        tokens.append(token(clerk))
        tags.append(clerk.get("/paper").etag)
    assert len(set(tokens)) == len(tokens)
    assert len(set(tags)) == len(tags)
    assert told(clerk, tokens[0]).keys() >= {f"/new-{number}" for number in range(len(JUMPS) * 2)}


def test_a_lock_lives_through_a_jump_back_and_ends_in_its_time(worker: Worker, clerk: InsideClient) -> None:
    """RFC 4918 §6.6: whoever holds it was told how long; a clock set back never ends it, nor lets others in."""
    lock = clerk.lock("/paper", Timeout="Second-600").lock_token
    other = worker.client("clara", "/dav/ba05")
    for jump in (-2 * DAY, -HOUR, 0):
        worker.clock.ahead = jump
        assert other.put("/paper", b"x").status == 423
        assert clerk.put("/paper", b"y", If=f"(<{lock}>)").status == 204
    worker.clock.ahead = HOUR
    assert other.put("/paper", b"x").status == 204


def test_a_link_ends_at_its_instant_and_not_before(worker: Worker, clerk: InsideClient) -> None:
    """By the clock as it stands at each look; once that is right again, so is the link."""
    links = worker.house.links
    secret = links.new_secret()
    owner = GuardedTree(worker.forest, Principal(PrincipalKind.USER, "clara"), Channel.DAV)
    owner.make_link(SharePath(("ba05", "paper")), LinkWish(secret.digest, end=now() + DAY))
    for jump, is_open in ((0, True), (HOUR, True), (3 * DAY, False), (0, True)):
        worker.clock.ahead = jump
        assert opens(worker, secret.token) is is_open
    worker.clock.ahead = -2 * DAY
    assert not opens(worker, secret.token), "it begins when it was made"


def opens(worker: Worker, token: str) -> bool:
    try:
        tree = LinkTree(worker.forest, worker.house.links.link(token, None, "127.0.0.1"))
        return bool(tree.children(tree.stat(tree.base)))
    except NotFound:
        return False
