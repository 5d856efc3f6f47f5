"""Links at the running server: what one opens, what it never shows, and when it ends (security.md B3 to B6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from acl import store
from acl.labels import Classification, Label
from acl.links import Link
from acl.mandates import Mandate
from acl.privileges import Rights
from acl.schema import link as table
from davserver.accounts import change_account
from davserver.house import House
from davserver.tree.seen import AccessDenied, DoesNotFit
from davserver.tree.sharing import LinkWish
from shareproviders.contract import KeepsTrash, NotFound
from shareproviders.paths import SharePath
from tests.dav.doors import door, fresh, opened, tree_path
from tests.davclient import LOCKINFO, Answer, DavClient
from tests.running import RunningServer, copied, start

CANARY = b"canary-7f3a"
WORD = "Geheim-Wort-77"
MINUTE = 60_000_000
WRITING = Rights.READ | Rights.BIND | Rights.WRITE_CONTENT

Linking = Callable[..., "Made"]


class Made:
    """A link with its token, and clients of whoever has it."""

    def __init__(self, served: RunningServer, link: Link, token: str) -> None:
        self.served, self.link, self.token = served, link, token
        self._clients: list[DavClient] = []

    def client(self, password: str = "") -> DavClient:
        """A fresh connection, so either worker may get it."""
        self._clients.append(DavClient(self.served.url, "x" if password else "", password, f"/dav-link/{self.token}"))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("links")), workers=2) as running:
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
    """link(path, user=…, password=…, …): a link to what lies in the folder."""
    made: list[Made] = []

    def give(path: str = "", user: str = "clara", password: str | None = None, **wish: object) -> Made:
        secret = house.links.new_secret(password)
        asked = LinkWish(secret.digest, password=secret.password, **wish)  # type: ignore[arg-type]
        made.append(Made(served, door(house, user).make_link(tree_path(folder, path), asked), secret.token))
        return made[-1]

    yield give
    for one in made:
        one.close()


def told(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that an answer tells, but the time of day."""
    return answer.status, [field for field in answer.headers.items() if field[0] != "Date"], answer.body


# -- what it opens --------------------------------------------------------------------------------------------------


def test_a_folder_is_a_tree_of_its_own(folder: DavClient, link: Linking) -> None:
    """Hrefs, listings and bytes as in the drive, under the link's own prefix."""
    folder.mkcol("/F")
    folder.mkcol("/F/ü b")
    tag = folder.put("/F/ü b/a.txt", b"read me").etag
    visitor = link("/F").client()
    assert visitor.names("/") == ["ü b"]
    assert visitor.names("/ü b/") == ["a.txt"]
    got = visitor.get("/ü b/a.txt")
    assert (got.status, got.body, got.etag) == (200, b"read me", tag)
    assert set(visitor.propfind("/ü b", "1").members()) == {visitor.base + "/ü b", visitor.base + "/ü b/a.txt"}


def test_a_document_is_the_only_member_of_its_link(folder: DavClient, link: Linking) -> None:
    """No sibling ever, however alike its name; and nothing of the folder around it (security.md B3)."""
    alike = ("plan", "plan.pdf2", "plan.pd", "Plan.pdf", "plan.pdf ", "plan (2).pdf")
    siblings = (*alike, ".~lock.plan.pdf#", "~$plan.pdf")
    for name in ("plan.pdf", *siblings):
        folder.put(f"/{name}", CANARY if name != "plan.pdf" else b"open")
    folder.proppatch("", "<D:set><D:prop><secret xmlns='urn:x'>canary-7f3a</secret></D:prop></D:set>")
    visitor = link("/plan.pdf").client()
    assert visitor.names("/") == ["plan.pdf"]
    assert visitor.get("/plan.pdf").body == b"open"
    for name in siblings:
        assert visitor.get(f"/{name}").status == 404
        assert visitor.propfind(f"/{name}").status == 404
        assert visitor.put(f"/{name}", b"x").status == 403
        assert visitor.lock(f"/{name}").status == 403
        assert visitor.move("/plan.pdf", f"/{name}").status == 403
        assert visitor.copy(f"/{name}", "/copy").status == 404
    about = visitor.propfind("/", "0")
    assert CANARY not in about.body
    assert folder.base.rpartition("/")[2].encode() not in about.body
    folder.put("/another", b"x")
    assert visitor.propfind("/", "0").body == about.body


def test_reading_is_all_that_a_link_gives_unless_it_says_more(folder: DavClient, link: Linking) -> None:
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    visitor = link("/F").client()
    assert visitor.put("/a.txt", b"2").status == 403
    assert visitor.put("/b.txt", b"2").status == 403
    assert visitor.mkcol("/sub").status == 403
    assert visitor.delete("/a.txt").status == 403
    assert visitor.move("/a.txt", "/b.txt").status == 403
    assert visitor.lock("/a.txt").status == 403
    assert visitor.delete("/").status == 403
    assert visitor.mkcol("/").status == 405
    assert folder.get("/F/a.txt").body == b"1"


def test_a_link_for_writing_writes_inside_only(folder: DavClient, link: Linking) -> None:
    """Its Destination and If lists end at its own root; it removes nothing, and not itself."""
    folder.mkcol("/F")
    folder.mkcol("/F2")
    folder.put("/F2/c.txt", CANARY)
    visitor = link("/F", rights=WRITING).client()
    assert visitor.put("/a.txt", b"1").status == 201
    assert visitor.put("/a.txt", b"2").status == 204
    assert visitor.mkcol("/sub").status == 201
    assert visitor.copy("/a.txt", "/sub/b.txt").status == 201
    assert folder.get("/F/sub/b.txt").body == b"2"
    away = {"Destination": folder.url("/F2/a.txt")}
    assert visitor.request("COPY", "/a.txt", headers=away).status == 502
    from_away = {"If": f'<{folder.target("/F2/c.txt")}> (["x"])'}
    assert visitor.request("PUT", "/a.txt", b"3", from_away).status == 412
    assert visitor.delete("/a.txt").status == 403
    assert folder.names("/F2") == ["c.txt"]


@pytest.mark.parametrize("method", ["GET", "PROPFIND", "PUT", "COPY", "LOCK"])
def test_no_spelling_leads_out(folder: DavClient, link: Linking, method: str) -> None:
    """Mutated paths under `/a` never bring out a byte of `/a2`, nor of what lies beside both (security.md B3)."""
    for name in ("/a", "/a2"):
        folder.mkcol(name)
    folder.put("/a/in.txt", b"inside")
    folder.put("/a2/out.txt", CANARY)
    folder.put("/out.txt", CANARY)
    visitor = link("/a", rights=WRITING).client()
    ups = (
        "..",
        "%2e%2e",
        "%252e%252e",
        ".%2e",
        "%c0%ae%c0%ae",
        "..;",
        "..%00",
        "..%5c",
        "%2e%2e%2f",
        "%ef%bc%8e%ef%bc%8e",
        "...%20",
    )
    steps = ("/", "%2f", "\\", "%5c", "//", "/./")
    tails = ("a2/out.txt", "out.txt", "a2%2fout.txt", "a2", "")
    for up in ups:
        for step in steps:
            for tail in tails:
                raw = f"{visitor.base}/{up}{step}{tail}"
                body = {"PUT": b"x", "LOCK": LOCKINFO.format(scope="exclusive", owner="x").encode()}.get(method)
                headers = {"Depth": "0", "Destination": f"http://{visitor.host}:{visitor.port}{visitor.base}/got.txt"}
                answer = visitor.request(method, "", body, headers, raw_target=raw)
                assert answer.status < 500
                assert CANARY not in answer.body
                assert b"out.txt</D:href>" not in answer.body or method == "LOCK"
    assert set(folder.names("/")) == {"a", "a2", "out.txt"}
    assert folder.get("/a2/out.txt").body == folder.get("/out.txt").body == CANARY
    for name in visitor.names("/"):
        assert CANARY not in visitor.get(f"/{name}").body


def test_a_lock_from_inside_names_nobody_and_no_place(folder: DavClient, link: Linking) -> None:
    """Who works on it and where the lock begins are the committee's; that it is locked is told."""
    folder.mkcol("/F")
    folder.put("/F/a.txt", b"1")
    visitor = link("/F", rights=WRITING).client()
    lock = LOCKINFO.format(scope="exclusive", owner="Clara Clerk")
    assert folder.request("LOCK", "", lock, {"Depth": "infinity"}).status == 200
    seen = visitor.propfind("/a.txt", "0")
    assert b"activelock" in seen.body
    refused = visitor.put("/a.txt", b"2")
    assert refused.status == 423
    for answer in (seen, refused):
        assert b"Clara" not in answer.body
        assert b"Arbeitsordner" not in answer.body
        assert b"opaquelocktoken" not in answer.body
        assert b"urn:uuid" not in answer.body


def test_how_full_the_drive_is_concerns_its_people(folder: DavClient, link: Linking) -> None:
    folder.mkcol("/F")
    visitor = link("/F").client()
    assert set(visitor.properties("/", "quota-used-bytes", "quota-available-bytes").missing.values()) == {404}


def test_every_drive_gives_links(served: RunningServer, house: House) -> None:
    """Also one that lies in a directory."""
    with fresh(served, drive="archiv") as folder:
        folder.put("/a.txt", b"1")
        secret = house.links.new_secret()
        door(house, "clara").make_link(tree_path(folder, "/a.txt"), LinkWish(secret.digest))
        with DavClient(served.url, base=f"/dav-link/{secret.token}") as visitor:
            assert visitor.names("/") == ["a.txt"]
            assert visitor.get("/a.txt").body == b"1"


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
    """security.md B5, S-16: one guarded update, whoever comes first."""
    folder.put("/a.txt", b"once")
    for _ in range(3):
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
    tokens = {house.links.new_secret().token for _ in range(5_000)}
    assert len(tokens) == 5_000
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
    lines = [(line["who"], line["what"]) for line in house.audit.show(limit=3)]
    assert lines == [("user:clara", "link-revoke"), (f"link:{made.link.id}", "use"), ("user:clara", "link")]
    assert {line["node"] for line in house.audit.show(limit=3)} == {made.link.node}
    assert house.audit.verify()[1] is None
