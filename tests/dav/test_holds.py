"""Legal holds at the door (rights.md §2.5, §3): nobody removes, moves away or changes what is held; reading stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from acl import store
from acl.holds import Hold
from davserver.granting import keep_hold
from davserver.house import House
from davserver.labelling import Desk
from shareproviders.contract import Node
from shareproviders.paths import SharePath
from tests.dav.doors import opened, tree_path
from tests.davclient import DavClient
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]
Holding = Callable[..., int]
PROPERTY = "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>"


@pytest.fixture(scope="module")
def house(server: RunningServer) -> Iterator[House]:
    with opened(server.data) as found:
        yield found


@pytest.fixture
def hold(house: House) -> Holding:
    """hold(client, path, start): a hold on what stands there, in force from now or from `start` on; its number."""

    def add(client: DavClient, path: str = "", start: int | None = None) -> int:
        share, node = located(house, client, path)
        with house.database.transaction() as connection:
            return keep_hold(Desk(house, connection, share, node, "user:clara"), start, None, "")[0]

    return add


def located(house: House, client: DavClient, path: str) -> tuple[str, Node]:
    share, *inner = tree_path(client, path).segments
    return share, house.share(share).stat(SharePath(tuple(inner)))


@pytest.fixture
def papers(folder: DavClient) -> DavClient:
    """A folder with a paper two levels down, and what might be put over it."""
    for place in ("/akte", "/akte/innen", "/leer"):
        assert folder.mkcol(place).status == 201
    for place in ("/akte/innen/a.odt", "/b.odt"):
        assert folder.put(place, b"1").status == 201
    return folder


def destructive(paper: str, above: str) -> list[tuple[str, Callable[[DavClient], int]]]:
    """Every verb that would change a paper, take it away, or take along a folder above it."""
    return [
        ("put", lambda c: c.put(paper, b"2").status),
        ("delete", lambda c: c.delete(paper).status),
        ("rename", lambda c: c.move(paper, paper + "x").status),
        ("move away", lambda c: c.move(paper, "/leer/x").status),
        ("move over", lambda c: c.move("/b.odt", paper).status),
        ("copy over", lambda c: c.copy("/b.odt", paper).status),
        ("properties", lambda c: c.proppatch(paper, PROPERTY).status),
        ("lock", lambda c: c.lock(paper).status),
        ("delete above", lambda c: c.delete(above).status),
        ("move above", lambda c: c.move(above, "/leer/x").status),
        ("move over above", lambda c: c.move("/leer", above).status),
        ("copy over above", lambda c: c.copy("/leer", above).status),
    ]


@pytest.mark.parametrize("where", ["/akte/innen/a.odt", "/akte/innen"])
def test_what_is_held_can_only_be_read(papers: DavClient, people: People, hold: Holding, where: str) -> None:
    """403 for clerk and member alike, at the paper, at folders within and for folders above as a whole (§3)."""
    hold(papers, where)
    otto = people("otto", papers.base)
    for client in (papers, otto):
        for name, verb in destructive("/akte/innen/a.odt", "/akte"):
            assert verb(client) == 403, name
        assert client.get("/akte/innen/a.odt").body == b"1"
        assert client.names("/akte/innen") == ["a.odt"]
    assert papers.copy("/akte/innen/a.odt", "/leer/kopie.odt").status == 201
    assert papers.put("/leer/kopie.odt", b"2").status == 204, "a copy is not held"


def test_properties_stay_as_they_are(papers: DavClient, hold: Holding) -> None:
    hold(papers, "/akte")
    assert papers.proppatch("/akte", PROPERTY).status == 403
    assert papers.proppatch("/akte/innen/a.odt", PROPERTY).status == 403
    assert "x" not in str(papers.properties("/akte", "{urn:x}x").found)


def test_new_members_may_come_into_a_held_folder(papers: DavClient, hold: Holding) -> None:
    """Binding goes on; what has come is held as well."""
    hold(papers, "/akte")
    assert papers.put("/akte/neu.odt", b"1").status == 201
    assert papers.mkcol("/akte/neu").status == 201
    assert papers.copy("/b.odt", "/akte/neu/kopie.odt").status == 201
    assert papers.move("/b.odt", "/akte/neu/b.odt").status == 201
    assert papers.put("/akte/neu.odt", b"2").status == 403
    assert papers.delete("/akte/neu/kopie.odt").status == 403


def test_an_empty_document_may_still_get_its_first_content(papers: DavClient, hold: Holding) -> None:
    """Windows, Finder and LibreOffice make or lock a name before they fill it; there is nothing to keep yet."""
    hold(papers, "/akte")
    token = papers.lock("/akte/neu.odt").lock_token
    assert papers.put("/akte/neu.odt", b"1", If=f"(<{token}>)").status == 204
    assert papers.put("/akte/neu.odt", b"2", If=f"(<{token}>)").status == 403
    assert papers.unlock("/akte/neu.odt", token).status == 204
    assert papers.put("/akte/leer.odt", b"").status == 201
    token = papers.lock("/akte/leer.odt").lock_token
    assert papers.put("/akte/leer.odt", b"1", If=f"(<{token}>)").status == 204
    assert papers.put("/akte/leer.odt", b"2", If=f"(<{token}>)").status == 403
    assert papers.get("/akte/leer.odt").body == b"1"


def test_an_empty_document_is_filled_only_by_who_might_without_the_hold(people: People, hold: Holding) -> None:
    clerk, otto = people("clara", "/dav/ba05"), people("otto", "/dav/ba05")
    clerk.mkcol("/hold-empty")
    clerk.put("/hold-empty/a.odt", b"")
    hold(clerk, "/hold-empty")
    assert otto.put("/hold-empty/a.odt", b"1").status == 403
    assert clerk.put("/hold-empty/a.odt", b"1").status == 204


def test_a_hold_that_ends_gives_everything_back(papers: DavClient, server: RunningServer) -> None:
    """By the commands, beside the running server."""
    place = (papers.base + "/akte/innen/a.odt").removeprefix("/dav/")
    number = json.loads(command("hold", "add", place, "--json", data=server.data))["id"]
    assert papers.delete("/akte").status == 403
    command("hold", "end", str(number), data=server.data)
    assert papers.put("/akte/innen/a.odt", b"2").status == 204
    assert papers.delete("/akte").status == 204


def test_privileges_say_what_a_hold_leaves(papers: DavClient, hold: Holding) -> None:
    """RFC 3744 §5.4: a client that asks first offers no saving."""
    hold(papers, "/akte/innen/a.odt")
    told = papers.propfind(
        "/akte/innen/a.odt", "0", '<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>'
    ).text
    assert "<D:read/>" in told
    assert "write-content" not in told and "write-properties" not in told and "unbind" not in told


@pytest.mark.parametrize("arrives", ["put", "move", "after a delete"])
def test_a_document_under_hold_is_not_brought_back(vault_folder: DavClient, house: House, arrives: str) -> None:
    """protocol.md §2: what takes its old name within a minute would be written over it at once."""
    vault_folder.put("/a.docx", b"1")
    vault_folder.put("/~WRD0001.tmp", b"22")
    node = located(house, vault_folder, "/a.docx")[1].id
    if arrives == "after a delete":
        assert vault_folder.delete("/a.docx").status == 204
    else:
        assert vault_folder.move("/a.docx", "/~WRL0001.tmp").status == 201
    with house.database.transaction() as connection:
        number = store.add_hold(connection, Hold("ba05", node, 0, None, "user:clara", 0))
    if arrives == "put":
        assert vault_folder.put("/a.docx", b"22").status == 403
    else:
        assert vault_folder.move("/~WRD0001.tmp", "/a.docx").status == 403
    assert vault_folder.get("/a.docx").status == 404
    assert vault_folder.get("/~WRD0001.tmp").body == b"22"
    with house.database.transaction() as connection:
        store.end_hold(connection, number, 1)
    assert vault_folder.move("/~WRD0001.tmp", "/a.docx").status == 201
    assert located(house, vault_folder, "/a.docx")[1].id == node


def test_saving_over_what_was_deleted_before_its_folder_was_held(
    vault_folder: DavClient, house: House, hold: Holding
) -> None:
    """What lies in the trash stays there as it is; what is saved is a new document."""
    vault_folder.mkcol("/akte")
    vault_folder.put("/akte/a.docx", b"1")
    vault_folder.put("/~WRD0001.tmp", b"22")
    node = located(house, vault_folder, "/akte/a.docx")[1].id
    assert vault_folder.delete("/akte/a.docx").status == 204
    hold(vault_folder, "/akte")
    assert vault_folder.move("/~WRD0001.tmp", "/akte/a.docx").status == 201
    assert located(house, vault_folder, "/akte/a.docx")[1].id != node


def test_a_hold_to_come_goes_on_where_the_content_goes_on(vault_folder: DavClient, house: House, hold: Holding) -> None:
    """MOVE onto a document ends the source's id; what was to be kept is now the target's content."""
    vault_folder.put("/a.odt", b"1")
    vault_folder.put("/b.odt", b"22")
    number = hold(vault_folder, "/b.odt", start=house.clock() + 10**15)
    assert vault_folder.move("/b.odt", "/a.odt").status == 204
    with house.database.read() as connection:
        nodes = {found.id: found.node for found in store.holds(connection, "ba05")}
    assert nodes[number] == located(house, vault_folder, "/a.odt")[1].id


def test_another_drive_is_no_way_out(people: People, vault_folder: DavClient, hold: Holding) -> None:
    """MOVE across drives would leave nothing here; COPY leaves everything as it is."""
    vault_folder.mkcol("/akte")
    vault_folder.put("/akte/a.odt", b"1")
    hold(vault_folder, "/akte/a.odt")
    top = people("clara", "/dav")
    source = vault_folder.base.removeprefix("/dav") + "/akte"
    target = "/archiv/Arbeitsordner/" + vault_folder.base.rpartition("/")[2]
    assert top.move(source, target).status == 403
    assert top.get(target).status == 404
    assert top.copy(source, target).status == 201
    assert vault_folder.get("/akte/a.odt").body == b"1"


def test_a_hold_shows_nothing_to_whoever_sees_nothing(server: RunningServer, people: People, hold: Holding) -> None:
    """Law 3: held or not, 404 stays 404."""
    clerk, otto = people("clara", "/dav/ba05"), people("otto", "/dav/ba05")
    absent = otto.delete("/none")
    clerk.mkcol("/hold-hidden")
    clerk.put("/hold-hidden/a.odt", b"1")
    command("label", "ba05/hold-hidden", "--class", "office", data=server.data)
    hold(clerk, "/hold-hidden/a.odt")
    for answer in (otto.delete("/hold-hidden/a.odt"), otto.delete("/hold-hidden")):
        assert (answer.status, answer.body) == (absent.status, absent.body)
