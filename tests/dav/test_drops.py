"""Drops: a folder into which whoever holds the link may put documents, and out of which he gets nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from acl.links import LinkKind
from davserver.house import House
from davserver.tree.seen import AccessDenied, DoesNotFit
from davserver.tree.sharing import LinkWish
from tests.dav.doors import door, fresh, opened, tree_path
from tests.davclient import DavClient
from tests.running import RunningServer, copied, start

Visit = Callable[[], DavClient]


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("drops")), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


@pytest.fixture
def folder(served: RunningServer) -> Iterator[DavClient]:
    with fresh(served) as client:
        yield client


def drop(served: RunningServer, house: House, folder: DavClient, uses: int | None = None) -> DavClient:
    """A client of a new drop at the folder."""
    secret = house.links.new_secret()
    door(house, "clara").make_link(tree_path(folder), LinkWish(secret.digest, LinkKind.DROP, uses=uses))
    return DavClient(served.url, base=f"/dav-link/{secret.token}")


@pytest.fixture
def visitor(served: RunningServer, house: House, folder: DavClient) -> Iterator[DavClient]:
    with drop(served, house, folder) as client:
        yield client


def test_what_is_dropped_arrives_and_is_seen_by_the_committee_only(folder: DavClient, visitor: DavClient) -> None:
    assert visitor.put("/brief.pdf", b"from outside").status == 201
    assert folder.get("/brief.pdf").body == b"from outside"
    assert visitor.get("/brief.pdf").status == 404
    assert visitor.head("/brief.pdf").status == 404
    assert visitor.propfind("/brief.pdf").status == 404
    assert visitor.names("/") == []


def test_an_equal_name_never_replaces(folder: DavClient, visitor: DavClient) -> None:
    """Answered with the name that the document got; conditions cannot ask for what is there."""
    folder.put("/plan.pdf", b"ours")
    assert visitor.put("/plan.pdf", b"one", If_Match="*").status == 412
    one = visitor.put("/plan.pdf", b"one")
    two = visitor.put("/plan.pdf", b"two", If_None_Match="*")
    for answer, name in ((one, "plan (2).pdf"), (two, "plan (3).pdf")):
        assert answer.status == 201
        assert unquote(answer.headers["Location"]) == unquote(answer.headers["Content-Location"])
        assert unquote(answer.headers["Location"]) == f"{visitor.base}/{name}"
    assert folder.get("/plan.pdf").body == b"ours"
    assert folder.get("/plan (2).pdf").body == b"one"
    assert folder.get("/plan (3).pdf").body == b"two"


@pytest.mark.parametrize("name", ["README", ".profile", "a." + "x" * 200, "ü" * 127, "x" * 251 + ".txt"])
def test_every_name_finds_a_like_one(folder: DavClient, visitor: DavClient, name: str) -> None:
    folder.put(f"/{name}", b"ours")
    answer = visitor.put(f"/{name}", b"theirs")
    assert answer.status == 201
    got = unquote(answer.headers["Location"]).rpartition("/")[2]
    assert got != name
    assert folder.get(f"/{got}").body == b"theirs"
    assert folder.get(f"/{name}").body == b"ours"


def test_equal_names_at_once_are_all_kept(
    served: RunningServer, house: House, folder: DavClient, visitor: DavClient
) -> None:
    """The name is chosen where it is taken: in one transaction."""
    bodies = [f"body {number}".encode() for number in range(12)]
    statuses: list[int] = []

    def put(body: bytes) -> None:
        with visitor.under(visitor.base) as own:
            statuses.append(own.put("/same.txt", body).status)

    threads = [threading.Thread(target=put, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 12
    assert sorted(folder.get(f"/{name}").body for name in folder.names("/")) == sorted(bodies)


def test_a_drop_takes_and_does_nothing_else(folder: DavClient, visitor: DavClient) -> None:
    """No other verb changes or tells anything; what is there and what is not answers alike."""
    folder.put("/a.txt", b"1")
    folder.mkcol("/sub")
    for name in ("/a.txt", "/absent.txt"):
        assert visitor.delete(name).status == 404
        assert visitor.move(name, "/b.txt").status == 404
        assert visitor.copy(name, "/b.txt").status == 404
        assert visitor.proppatch(name, "<D:set><D:prop><x/></D:prop></D:set>").status == 404
        assert visitor.lock(name).status == 403
        assert visitor.mkcol(name).status == 403
        assert visitor.put(f"{name}/below.txt", b"x").status == 409
    assert visitor.put("/sub/below.txt", b"x").status == 409
    assert visitor.lock("/").status == 403
    assert visitor.delete("/").status == 403
    assert visitor.move("/", "/x").status == 403
    assert visitor.copy("/", "/x").status == 403
    assert visitor.proppatch("/", "<D:set><D:prop><x/></D:prop></D:set>").status == 403
    assert folder.names("/") == ["a.txt", "sub"]


def test_a_drop_tells_nothing_of_its_folder(folder: DavClient, visitor: DavClient) -> None:
    """Not its properties, and not that something happens in it."""
    folder.proppatch("", "<D:set><D:prop><secret xmlns='urn:x'>canary</secret></D:prop></D:set>")
    before = visitor.propfind("/", "1").body
    assert b"canary" not in before
    folder.put("/a.txt", b"1" * 1000)
    visitor.put("/b.txt", b"2")
    assert visitor.propfind("/", "1").body == before


def test_a_drop_can_be_full(served: RunningServer, house: House, folder: DavClient) -> None:
    """Its uses are documents."""
    with drop(served, house, folder, uses=2) as visitor:
        assert [visitor.put("/a.txt", b"x").status for _ in range(3)] == [201, 201, 404]
        assert visitor.propfind("/").status == 404
    assert folder.names("/") == ["a (2).txt", "a.txt"]


def test_only_folders_in_which_one_may_add_become_drops(served: RunningServer, house: House, folder: DavClient) -> None:
    """A document takes nothing; and nobody lets others add where he may not add himself."""
    folder.put("/a.txt", b"x")
    with pytest.raises(DoesNotFit):
        door(house, "clara").make_link(tree_path(folder, "/a.txt"), LinkWish(b"d" * 32, LinkKind.DROP))
    with served.client("clara", "/dav/ba05/Nur-lesen") as clerk:
        assert clerk.mkcol("").status == 201
        with pytest.raises(AccessDenied):
            door(house, "otto").make_link(tree_path(clerk), LinkWish(b"d" * 32, LinkKind.DROP))
