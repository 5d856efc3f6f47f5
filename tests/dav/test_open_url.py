"""One-time addresses `/dav-open/<token>/<name>`: what Office may do with one, what ends it (docs/decisions/0028)."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from sqlalchemy import select, update

from acl.principals import Ceiling, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.accounts import PEPPER_SECRET
from davserver.app import forest_of
from davserver.house import House
from davserver.linking import token_hash
from davserver.openings import office_link
from davserver.schema import lock, opening
from davserver.tree.opened import open_once
from davserver.tree.seen import AccessDenied, DoesNotFit
from shareproviders.contract import NotFound
from tests.dav.doors import fresh, opened, told, tree_path
from tests.davclient import DAV, LOCKINFO, Answer, DavClient
from tests.running import PASSWORD, RunningServer, command, copied, start

OWNER = LOCKINFO.format(scope="exclusive", owner="Office")
HOUR = 3_600_000_000
Opening = Callable[..., "Word"]
MEMBER = """
[[person]]
user = "{user}"
name = "Mitglied"
undertaking = 2020-05-12

[[committee]]
id = "ba05"
name = "BA 5 Au-Haidhausen"
provider = "vault"
quota = "20 GiB"
default_class = "public"
has_meetings = false

  [[committee.mandate]]
  user = "{user}"
  role = "member"
  start = 2020-05-01
  {end}
"""


class Word:
    """Whoever has one address: without credentials, from one network address."""

    def __init__(self, served: RunningServer, path: str, source: str = "127.0.0.1") -> None:
        self.served, self.path, self.parent = served, path, path.rpartition("/")[0]
        self._source = source

    def elsewhere(self) -> Word:
        """The same address in other hands."""
        return Word(self.served, self.path, "127.0.0.2")

    def ask(self, method: str, path: str = "", body: bytes | str | None = None, **headers: str) -> Answer:
        """Each on a connection of its own, as several processes do; to the document unless a path is given."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.served.port, timeout=60, source_address=(self._source, 0)
        )
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path or self.path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def lock(self, **headers: str) -> Answer:
        return self.ask("LOCK", "", OWNER, Timeout="Second-3600", **headers)

    def put(self, body: bytes, token: str) -> Answer:
        return self.ask("PUT", "", body, If=f"(<{token}>)")


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("openings")), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


@pytest.fixture
def folder(served: RunningServer) -> Iterator[DavClient]:
    with fresh(served) as client:
        client.put("/Vorlage.docx", b"eins")
        yield client


@pytest.fixture
def address(served: RunningServer, house: House, folder: DavClient) -> Opening:
    """address(name, user): made beside the server, as the portal makes it."""

    def make(name: str = "Vorlage.docx", user: str = "otto") -> Word:
        principal, path = Principal(PrincipalKind.USER, user), tree_path(folder, f"/{name}")
        return Word(served, open_once(forest_of(house), house.openings, principal, path).path)

    return make


def is_dead(word: Word) -> bool:
    """Every way in answers as an address that never was."""
    never = Word(word.served, "/dav-open/AAAAAAAAAAAAAAAAAAAAAA/Vorlage.docx")
    ways = [("HEAD", ""), ("GET", ""), ("PROPFIND", ""), ("PUT", ""), ("LOCK", ""), ("UNLOCK", ""), ("PROPFIND", "/")]
    answers = [word.ask(method, word.parent + end if end else "", Depth="0") for method, end in ways]
    nothing = [never.ask(method, never.parent + end if end else "", Depth="0") for method, end in ways]
    assert {answer.status for answer in nothing} == {404}
    return [told(answer) for answer in answers] == [told(answer) for answer in nothing]


# -- what it opens --------------------------------------------------------------------------------------------------


def test_open_edit_save_close(folder: DavClient, address: Opening) -> None:
    """Without any login; what is saved is a change by the person who asked for the address."""
    word = address()
    assert word.ask("OPTIONS", word.parent).headers["MS-Author-Via"] == "DAV"
    assert word.ask("HEAD").status == 200
    assert word.ask("PROPFIND", word.parent + "/", Depth="0").member().is_collection
    locked = word.lock()
    assert locked.status == 200
    assert word.ask("GET").body == b"eins"
    assert folder.put("/Vorlage.docx", b"x").status == 423
    told_lock = word.ask("PROPFIND", Depth="0").member()
    assert unquote(told_lock.href) == unquote(word.path)
    assert locked.xml().findtext(f".//{DAV}lockroot/{DAV}href") == told_lock.href
    assert word.ask("LOCK", If=f"(<{locked.lock_token}>)").status == 200
    assert word.put(b"zwei", locked.lock_token).status == 204
    assert word.ask("UNLOCK", Lock_Token=f"<{locked.lock_token}>").status == 204
    assert folder.get("/Vorlage.docx").body == b"zwei"


def test_nothing_else_is_there(folder: DavClient, address: Opening) -> None:
    """No sibling, no listing, no other verb; and the address of the drive says nothing of it."""
    folder.put("/Nachbar.docx", b"canary")
    folder.put("/~$rlage.docx", b"canary")
    word = address()
    assert word.lock().status == 200
    for name in ("Nachbar.docx", "~$rlage.docx", "vorlage.docx", "Vorlage.docx/x", "neu.docx", ".principals"):
        for method in ("GET", "HEAD", "PUT", "PROPFIND", "LOCK", "DELETE", "MKCOL"):
            assert word.ask(method, f"{word.parent}/{name}", b"x", Depth="0").status == 404, (method, name)
    for method in ("GET", "HEAD", "PUT", "LOCK", "MKCOL", "DELETE", "PROPPATCH"):
        assert word.ask(method, f"{word.parent}/").status == 404, method
    assert word.ask("PROPFIND", f"{word.parent}/", Depth="1").status == 403
    assert word.ask("PROPFIND", f"{word.parent}/", Depth="infinity").status == 403
    there = f"http://127.0.0.1:{word.served.port}{word.parent}/neu.docx"
    for method in ("DELETE", "MOVE", "COPY", "PROPPATCH", "MKCOL", "ACL", "REPORT"):
        assert word.ask(method, Destination=there).status == 403, method
    assert word.ask("PROPFIND", "/dav-open/", Depth="0").status == 404
    about = word.ask("PROPFIND", f"{word.parent}/", Depth="0")
    assert folder.base.rpartition("/")[2].encode() not in about.body
    assert folder.names("") == ["Nachbar.docx", "Vorlage.docx", "~$rlage.docx"]


def test_it_goes_on_when_the_document_is_renamed(folder: DavClient, address: Opening) -> None:
    """Who has it open saves under the name that he knows; the document keeps its new one."""
    word = address()
    assert word.ask("GET").status == 200
    assert folder.move("/Vorlage.docx", "/Beschluss.docx").status == 201
    token = word.lock().lock_token
    tagged = f"<http://127.0.0.1:{word.served.port}{word.path}> (<{token}>)"
    assert word.ask("PUT", "", b"drei", If=tagged).status == 204
    assert unquote(word.ask("PROPFIND", Depth="0").member().href) == unquote(word.path)
    assert folder.get("/Beschluss.docx").body == b"drei"


def test_awkward_names(folder: DavClient, address: Opening) -> None:
    """Umlauts, blanks and what Windows forbids, also to its WebClient."""
    name = "Prüfung: Teil 1 #2 50%.docx"
    assert folder.request("PUT", "", b"1", raw_target=f"{folder.base}/{quote(name)}").status == 201
    word = address(name)
    assert word.ask("GET").body == b"1"
    shown = word.ask("PROPFIND", Depth="0", User_Agent="Microsoft-WebDAV-MiniRedir/10.0").member().href
    assert "\uf03a" in shown
    assert word.ask("GET", quote(shown), User_Agent="Microsoft-WebDAV-MiniRedir/10.0").body == b"1"


# -- whose it is ----------------------------------------------------------------------------------------------------


def test_the_first_use_binds_it(address: Opening) -> None:
    """Looking ahead (HEAD, PROPFIND) uses nothing up; a second opener elsewhere finds nothing."""
    word = address()
    assert word.elsewhere().ask("HEAD").status == 200
    assert word.elsewhere().ask("PROPFIND", Depth="0").status == 207
    assert word.ask("GET").status == 200
    assert is_dead(word.elsewhere())
    assert word.ask("GET").status == 200


def test_the_lock_shows_who_opened_it(folder: DavClient, address: Opening) -> None:
    """A laptop in another network saves with its lock token and goes on; without it nobody gets in."""
    word = address()
    token = word.lock().lock_token
    assert is_dead(word.elsewhere())
    assert word.elsewhere().put(b"zwei", "urn:uuid:" + "0" * 36).status == 404
    assert word.elsewhere().put(b"zwei", token).status == 204
    assert word.elsewhere().ask("HEAD").status == 200
    assert is_dead(word)
    assert folder.get("/Vorlage.docx").body == b"zwei"


def test_it_gives_the_rights_of_who_asked(served: RunningServer, folder: DavClient, address: Opening) -> None:
    """A reader opens it read-only: LOCK is 403, which Office takes for that. Each use is asked anew."""
    deny = ("entry", "add", folder.base.removeprefix("/dav/"), "user:otto", "write", "--deny", "--json")
    number = json.loads(command(*deny, data=served.data))["id"]
    word = address()
    assert word.ask("GET").status == 200
    assert word.lock().status == 403
    assert word.ask("PUT", "", b"x").status == 403
    command("entry", "remove", "ba05", str(number), data=served.data)
    assert word.lock().status == 200


def test_it_reaches_as_high_as_an_app_password(served: RunningServer, folder: DavClient, address: Opening) -> None:
    """Default ceiling `restricted`: a paper raised above it is gone, for the clerk too; no address is made for one."""
    word = address(user="clara")
    assert word.ask("GET").status == 200
    path = f"{folder.base.removeprefix('/dav/')}/Vorlage.docx"
    command("label", path, "--class", "non_public", data=served.data)
    assert folder.get("/Vorlage.docx").status == 200
    assert is_dead(word)
    with pytest.raises(NotFound):
        address(user="clara")


# -- what ends it ---------------------------------------------------------------------------------------------------


def shifted(house: House, word: Word, **values: int) -> None:
    """Let time pass: the instants of this address, so much earlier."""
    digest = token_hash(house.keys.secret(PEPPER_SECRET), word.parent.rpartition("/")[2])
    with house.database.transaction() as connection:
        row = connection.execute(select(opening).where(opening.c.digest == digest)).one()
        for name, by in values.items():
            changed = {name: getattr(row, name) - by}
            connection.execute(update(opening).where(opening.c.digest == digest).values(changed))


def test_unused_it_ends_after_ten_minutes(address: Opening, house: House) -> None:
    word = address()
    shifted(house, word, until=HOUR // 6 - 5_000_000)
    assert word.ask("HEAD").status == 200
    shifted(house, word, until=5_000_000)
    assert is_dead(word)


def test_it_lives_with_its_lock(address: Opening, house: House) -> None:
    """However long ago it was opened; without the lock it is over, and a minute after UNLOCK."""
    word = address()
    token = word.lock().lock_token
    shifted(house, word, until=HOUR)
    assert word.put(b"2", token).status == 204
    assert word.ask("UNLOCK", Lock_Token=f"<{token}>").status == 204
    assert word.ask("HEAD").status == 200
    shifted(house, word, until=HOUR // 60)
    assert is_dead(word)


def test_a_lock_that_ran_out_ends_it(address: Opening, house: House) -> None:
    word = address()
    token = word.lock().lock_token
    shifted(house, word, until=HOUR)
    with house.database.transaction() as connection:
        connection.execute(update(lock).where(lock.c.token == token).values(expires=house.clock()))
    assert is_dead(word)


def test_it_ends_after_twelve_hours(address: Opening, house: House) -> None:
    """Whatever lock still lives."""
    word = address()
    assert word.lock().status == 200
    shifted(house, word, opened=12 * HOUR - 60_000_000)
    assert word.ask("GET").status == 200
    shifted(house, word, opened=60_000_000)
    assert is_dead(word)


def test_it_ends_with_a_password_reset(served: RunningServer, member: str, address: Opening) -> None:
    word = address(user=member)
    assert word.lock().status == 200
    command("user", "passwd", member, "--password-stdin", data=served.data, text=PASSWORD + "2\n")
    assert is_dead(word)


def test_another_app_password_does_not_end_it(served: RunningServer, member: str, address: Opening) -> None:
    """Who sets up his phone while he writes does not lose what he wrote."""
    word = address(user=member)
    token = word.lock().lock_token
    command("app-password", "create", member, "--label", "Telefon", data=served.data)
    assert word.put(b"2", token).status == 204


def test_it_ends_with_the_account(served: RunningServer, member: str, address: Opening) -> None:
    word = address(user=member)
    assert word.lock().status == 200
    command("user", "disable", member, data=served.data)
    assert is_dead(word)


def test_it_ends_with_the_mandate(served: RunningServer, member: str, address: Opening) -> None:
    word = address(user=member)
    assert word.lock().status == 200
    declared(served, member, "end = 2021-01-01")
    assert is_dead(word)


def test_it_ends_with_a_recusal(served: RunningServer, folder: DavClient, address: Opening) -> None:
    path = f"{folder.base.removeprefix('/dav/')}/Vorlage.docx"
    command("label", path, "--matter", "20-26 / V 4711", data=served.data)
    word = address()
    token = word.lock().lock_token
    command("recuse", "otto", "20-26 / V 4711", data=served.data)
    assert is_dead(word)
    assert word.put(b"2", token).status == 404
    assert folder.get("/Vorlage.docx").body == b"eins"


def test_it_ends_with_the_document(folder: DavClient, address: Opening) -> None:
    """Deleted and made anew under its name: that is another document."""
    word = address()
    assert word.ask("GET").status == 200
    assert folder.delete("/Vorlage.docx").status == 204
    assert is_dead(word)


@pytest.fixture
def member(served: RunningServer) -> str:
    """Somebody for one test."""
    name = f"m{uuid.uuid4().hex[:8]}"
    declared(served, name, "")
    return name


def declared(served: RunningServer, user: str, end: str) -> None:
    file = served.data.parent / f"{user}.toml"
    file.write_text(MEMBER.format(user=user, end=end), encoding="utf-8")
    command("apply", str(file), data=served.data)


# -- what is told of it ---------------------------------------------------------------------------------------------


def test_the_token_is_nowhere(served: RunningServer, address: Opening, house: House) -> None:
    """131 bits, told once; neither in the database nor in the log of requests nor in the audit log."""
    word = address()
    token = word.parent.rpartition("/")[2]
    assert len(token) == 22
    assert word.lock().status == 200
    house.database.checkpoint()
    raw = b"".join(path.read_bytes() for path in served.data.rglob("*") if path.is_file())
    assert token.encode() not in raw
    assert token not in "".join(served.log)
    lines = json.loads(command("audit", "show", "--json", data=served.data))
    assert token not in json.dumps(lines)
    assert {"open-url", "lock"} <= {line["what"] for line in lines}


def test_a_credential_that_may_less_hands_nothing_on(house: House, folder: DavClient) -> None:
    """A read-only or scoped app password makes no address that may write or reach further."""
    path = tree_path(folder, "/Vorlage.docx")
    for ceiling in (Ceiling("app-password", Rights.READ), Ceiling("app-password", scopes=(("ba05", 1),))):
        with pytest.raises(AccessDenied):
            open_once(forest_of(house), house.openings, Principal(PrincipalKind.USER, "otto", ceiling=ceiling), path)


def test_what_makes_no_address(address: Opening) -> None:
    """A folder, and what somebody may not see."""
    with pytest.raises(DoesNotFit):
        address("")
    with pytest.raises(NotFound):
        address(user="sam")


def test_office_links() -> None:
    """`ofe`: open for editing; a PDF has no program of Office."""
    assert office_link("https://h/dav-open/t/a.docx") == "ms-word:ofe|u|https://h/dav-open/t/a.docx"
    assert office_link("https://h/dav-open/t/a.XLSX") == "ms-excel:ofe|u|https://h/dav-open/t/a.XLSX"
    assert office_link("https://h/dav-open/t/a.pdf") is None
