"""Links at the running server: when one ends, how often it is used, who may use it (security.md B4 to B6)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from acl import store
from acl.labels import Classification, Label
from acl.mandates import Mandate
from acl.privileges import Rights
from acl.schema import link as table
from davserver.accounts import change_account
from davserver.house import House
from davserver.linking import new_token
from davserver.tree.seen import AccessDenied, DoesNotFit
from davserver.tree.sharing import LinkWish
from shareproviders.contract import KeepsTrash, NotFound
from shareproviders.paths import SharePath
from tests.dav.doors import Linking, door, fresh, linking, opened, told, tree_path
from tests.davclient import DavClient
from tests.running import RunningServer, command, copied, start

CANARY = b"canary-7f3a"
WORD = "Geheim-Wort-77"
MINUTE = 60_000_000
WRITING = Rights.READ | Rights.BIND | Rights.WRITE_CONTENT


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("ends")), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


@pytest.fixture
def folder(served: RunningServer) -> Iterator[DavClient]:
    with fresh(served) as client:
        yield client


@pytest.fixture
def link(served: RunningServer, house: House, folder: DavClient) -> Iterator[Linking]:
    with linking(served, house, folder) as link:
        yield link


# -- when it ends ---------------------------------------------------------------------------------------------------


def test_all_that_is_closed_looks_alike(folder: DavClient, link: Linking, house: House) -> None:
    """Absent, malformed, expired, not begun, revoked, used up: the same status, headers and body (law 3)."""
    folder.mkcol("/F")
    now = time.time_ns() // 1000
    revoked, used = link("/F"), link("/F", uses=1)
    door(house, "clara").revoke_link("ba05", revoked.link.id)
    with house.database.transaction() as connection:
        assert store.use_link(connection, used.link.id)
    closed = [
        link("/F", start=now - 2 * MINUTE, end=now - MINUTE),
        link("/F", start=now + MINUTE),
        link("/F", start=now - 2 * MINUTE, end=now - MINUTE, password=WORD),
        revoked,
        used,
    ]
    for method in ("GET", "PROPFIND", "PUT", "DELETE", "LOCK"):
        body = b"x" if method == "PUT" else None
        tokens = ["", "x", "0" * 22, "0" * 250, "%20", *(made.token for made in closed)]
        with closed[0].client().under("/dav-link") as visitor:
            answers = [told(visitor.request(method, f"/{token}", body, {"Depth": "0"})) for token in tokens]
        assert answers[0][0] == 404
        assert all(answer == answers[0] for answer in answers), method


def test_options_are_answered(folder: DavClient, link: Linking) -> None:
    """As everywhere, whether there is a link or not."""
    folder.mkcol("/F")
    visitor = link("/F").client()
    with visitor.under("/dav-link") as stranger:
        assert told(visitor.options("/")) == told(stranger.options("/none/")) == told(stranger.options("/"))
    assert visitor.options("/").status == 200


def test_a_link_is_bound_to_the_thing_and_not_to_its_name(folder: DavClient, link: Linking, house: House) -> None:
    """Renamed and moved it stays; deleted and made anew under the old name it is another thing (security.md B4)."""
    folder.mkcol("/x")
    folder.put("/a.txt", b"first")
    made = link("/a.txt")
    folder.move("/a.txt", "/x/b.txt")
    assert made.client().names("/") == ["b.txt"]
    assert made.client().get("/b.txt").body == b"first"
    assert made.client().get("/a.txt").status == 404
    folder.delete("/x/b.txt")
    folder.put("/x/b.txt", b"second")
    assert made.client().propfind("/").status == 404
    provider = house.shares["ba05"]
    assert isinstance(provider, KeepsTrash)
    back = tree_path(folder, "/back.txt")
    with house.database.transaction():
        provider.restore(made.link.node, SharePath(back.segments[1:]), door(house, "clara")._writing())
    assert made.client().get("/back.txt").body == b"first"


def test_a_link_does_not_follow_into_another_committee(folder: DavClient, link: Linking) -> None:
    """What is moved there is another thing of another committee (security.md B4)."""
    folder.put("/a.txt", b"1")
    made = link("/a.txt")
    away = f"/archiv/Arbeitsordner/{folder.base.rpartition('/')[2]}.txt"
    clerk = folder.under("/dav")
    assert clerk.move(folder.base.removeprefix("/dav") + "/a.txt", away).status == 201
    clerk.close()
    assert made.client().propfind("/").status == 404


def test_revoking_holds_at_once_in_every_worker(folder: DavClient, link: Linking, house: House) -> None:
    """security.md S-14: the first answer after it is refused, on connections that were open before."""
    folder.mkcol("/F")
    made = link("/F")
    visitors = [made.client() for _ in range(12)]
    assert {visitor.propfind("/").status for visitor in visitors} == {207}
    with pytest.raises(NotFound):
        door(house, "sam").revoke_link("ba05", made.link.id)
    door(house, "clara").revoke_link("ba05", made.link.id)
    began = time.monotonic()
    assert {visitor.propfind("/").status for visitor in visitors} == {404}
    assert time.monotonic() - began < 1


def test_a_link_can_do_what_its_maker_can(folder: DavClient, link: Linking, house: House) -> None:
    """He loses the mandate, or his account: the link is dead; it lives again with him."""
    folder.put("/a.txt", b"1")
    made = link("/a.txt", user="otto")
    assert made.client().get("/a.txt").status == 200
    with house.database.transaction() as connection:
        store.end_mandate(connection, "ba05", "otto", "member", house.clock())
    assert made.client().get("/a.txt").status == 404
    with house.database.transaction() as connection:
        store.declare_mandate(connection, Mandate("ba05", "otto", "member", house.clock()))
    assert made.client().get("/a.txt").status == 200
    for active, status in ((False, 404), (True, 200)):
        with house.database.transaction() as connection:
            change_account(connection, "otto", active=active)
        assert made.client().get("/a.txt").status == status


def test_raising_a_class_closes_what_was_linked(folder: DavClient, link: Linking, house: House) -> None:
    """A link reaches up to the class that held when it was made."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    folder.put("/F/b.txt", b"1")
    made = link("/F")
    node = door(house, "clara").stat(tree_path(folder, "/F/a.txt")).node.id
    with house.database.transaction() as connection:
        store.set_label(connection, "ba05", node, Label(Classification.RESTRICTED))
    assert made.client().names("/") == ["b.txt"]
    assert made.client().get("/a.txt").status == 404


def test_nobody_links_more_than_he_may(folder: DavClient, link: Linking, house: House) -> None:
    """`link` is needed, and each right that is given; never for non-public papers, never a whole drive."""
    folder.put("/a.txt", b"1")
    with pytest.raises(NotFound):
        link("/a.txt", user="sam")
    with pytest.raises(ValueError, match="further"):
        link("/a.txt", rights=Rights.READ | Rights.UNBIND)
    with pytest.raises(DoesNotFit):
        door(house, "clara").make_link(SharePath(("ba05",)), LinkWish(b"x" * 32))
    node = door(house, "clara").stat(tree_path(folder, "/a.txt")).node.id
    with house.database.transaction() as connection:
        store.set_label(connection, "ba05", node, Label(Classification.NON_PUBLIC))
    with pytest.raises(AccessDenied):
        link("/a.txt")


# -- uses -----------------------------------------------------------------------------------------------------------


def test_fifty_at_once_get_one_use_once(folder: DavClient, link: Linking) -> None:
    """security.md B5, S-16: one guarded update, whoever comes first; twenty times over."""
    folder.put("/a.txt", b"once")
    for _ in range(20):
        made = link("/a.txt", uses=1)
        visitors = [made.client() for _ in range(50)]
        got: list[tuple[int, bytes]] = []
        barrier = threading.Barrier(50)

        def fetch(visitor: DavClient, got: list[tuple[int, bytes]] = got, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            answer = visitor.get("/a.txt")
            got.append((answer.status, answer.body))

        threads = [threading.Thread(target=fetch, args=(visitor,)) for visitor in visitors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(status for status, _ in got) == [200] + [404] * 49
        assert [body for status, body in got if status == 200] == [b"once"]
        assert made.client().propfind("/").status == 404


def test_looking_uses_nothing(folder: DavClient, link: Linking) -> None:
    """HEAD, PROPFIND, 304 and refusals are no downloads; a range is one, however many parts it has."""
    folder.put("/a.txt", b"0123456789" * 100)
    visitor = link("/a.txt", uses=2).client()
    tag = visitor.head("/a.txt").etag
    assert tag
    assert visitor.propfind("/", "1").status == 207
    assert visitor.get("/a.txt", If_None_Match=tag).status == 304
    assert visitor.get("/a.txt", If_Match='"other"').status == 412
    assert visitor.get("/a.txt", Range="bytes=5000-").status == 416
    assert visitor.get("/").status == 200
    assert visitor.get("/a.txt", Range="bytes=0-1,900-901").status == 206
    assert visitor.get("/a.txt").status == 200
    assert visitor.get("/a.txt").status == 404


# -- password -------------------------------------------------------------------------------------------------------


def test_a_password_is_asked_for(folder: DavClient, link: Linking) -> None:
    """Basic, with any name; the same for every method."""
    folder.put("/a.txt", b"1")
    made = link("/a.txt", password=WORD)
    for method in ("GET", "PROPFIND", "PUT", "DELETE", "HEAD"):
        asked = made.client().request(method, "/a.txt", b"" if method == "PUT" else None)
        assert asked.status == 401
        assert asked.headers["WWW-Authenticate"].startswith("Basic ")
        assert b"a.txt" not in asked.body
    assert made.client("wrong-wrong").get("/a.txt").status == 401
    right = made.client(WORD)
    assert right.get("/a.txt").body == b"1"
    assert right.names("/") == ["a.txt"]
    assert link("/a.txt", password=WORD + "x").client(WORD).get("/a.txt").status == 401
    assert made.client().request("GET", "/a.txt", headers={"Authorization": "Basic ???"}).status == 400


def test_guessing_is_stopped_for_that_link_alone(folder: DavClient, link: Linking) -> None:
    """security.md B6: of 200 wrong passwords at least 190 are refused unread; other links stay open."""
    folder.put("/a.txt", b"1")
    made, other = link("/a.txt", password=WORD), link("/a.txt", password=WORD)
    guess = made.client("first-guess")
    answers = []
    for number in range(200):
        guess.authorization = DavClient("http://h", "x", f"wrong-{number:04}").authorization
        answers.append(guess.get("/a.txt"))
    statuses = [answer.status for answer in answers]
    assert statuses.count(429) >= 190
    assert statuses.count(401) == 200 - statuses.count(429)
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert made.client(WORD).get("/a.txt").status == 429
    assert other.client(WORD).get("/a.txt").status == 200


def test_a_new_password_closes_the_old_one(folder: DavClient, link: Linking, house: House) -> None:
    """A remembered password counts only as long as it is the link's."""
    folder.put("/a.txt", b"1")
    made = link("/a.txt", password=WORD)
    visitor = made.client(WORD)
    assert visitor.get("/a.txt").status == 200
    with house.database.transaction() as connection:
        other = house.links.new_secret("Anderes-Wort-78").password
        connection.execute(update(table).where(table.c.id == made.link.id).values(password=other))
    assert visitor.get("/a.txt").status == 401


# -- what is kept ---------------------------------------------------------------------------------------------------


def test_tokens_are_kept_nowhere(served: RunningServer, folder: DavClient, link: Linking, house: House) -> None:
    """security.md S-23: long enough, never equal, and in clear in no file, row or line."""
    folder.put("/a.txt", b"1")
    made = link("/a.txt", uses=5, password=WORD)
    made.client().get("/a.txt")
    made.client("wrong-wrong").get("/a.txt")
    made.client(WORD).get("/a.txt")
    made.client(WORD).request("FOO", "/a.txt")
    tokens = {new_token() for _ in range(100_000)}
    assert len(tokens) == 100_000
    assert {len(token) for token in tokens} == {22}
    for secret in (made.token, WORD):
        assert not [line for line in served.log if secret in line]
        assert not [line for line in house.audit.show(limit=10_000) if secret in str(line)]
        for file in served.data.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_links_leave_their_lines(folder: DavClient, link: Linking, house: House) -> None:
    """Made, used, revoked: each says which link, and of what."""
    folder.put("/a.txt", b"1")
    made = link("/a.txt", uses=5)
    made.client().get("/a.txt")
    door(house, "clara").revoke_link("ba05", made.link.id)
    lines = [(line["who"], line["what"]) for line in house.audit.show(limit=50) if line["node"] == made.link.node]
    assert lines[:3] == [("user:clara", "link-revoke"), (f"link:{made.link.id}", "use"), ("user:clara", "link")]
    assert house.audit.verify()[1] is None


def test_what_a_command_makes_opens(served: RunningServer, folder: DavClient) -> None:
    """`davserver link create` and the server mean the same token, password and count."""
    folder.put("/a.txt", b"by command")
    words = (
        "link",
        "create",
        folder.base.removeprefix("/dav/") + "/a.txt",
        "--uses",
        "1",
        "--password-stdin",
        "--json",
    )
    made = json.loads(command(*words, data=served.data, text=WORD + "\n"))
    with DavClient(served.url, base=made["dav_url"].rstrip("/")) as stranger:
        assert stranger.get("/a.txt").status == 401
    with DavClient(served.url, "x", WORD, made["dav_url"].rstrip("/")) as visitor:
        assert visitor.get("/a.txt").body == b"by command"
        assert visitor.get("/a.txt").status == 404
