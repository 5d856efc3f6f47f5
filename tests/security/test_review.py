"""Ways around the rights layer that a review of the door found, each shut: rights.md §2.7, §3, §4; law 5."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from acl import store
from acl.entries import Entry
from acl.labels import Classification, Label
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights, parse_rights
from davserver.app import forest_of
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen, Terms
from shareproviders.contract import Outdated
from shareproviders.paths import SharePath
from tests.dav.doors import opened, tree_path
from tests.davclient import DavClient
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]


@pytest.fixture
def house(server: RunningServer) -> Iterator[House]:
    with opened(server.data) as found:
        yield found


@pytest.fixture
def papers(people: People) -> DavClient:
    """The clerk in a fresh folder of the vault, beside the members' work folder."""
    clerk = people("clara", f"/dav/ba05/r-{uuid.uuid4().hex[:10]}")
    assert clerk.mkcol("").status == 201
    return clerk


def place(client: DavClient, path: str = "") -> SharePath:
    return SharePath.parse((client.base + path).removeprefix("/dav/ba05"))


def node_of(house: House, client: DavClient, path: str = "") -> int:
    with house.database.read():
        return house.share("ba05").stat(place(client, path)).id


def label_of(house: House, node: int) -> Label:
    with house.database.read() as connection:
        return store.labels(connection, "ba05").get(node, Label())


def classify(server: RunningServer, client: DavClient, path: str, word: str) -> None:
    command("label", (client.base + path).removeprefix("/dav/"), "--class", word, data=server.data)


def test_copying_a_pointer_never_copies_the_paper_of_the_same_name(
    papers: DavClient, people: People, server: RunningServer
) -> None:
    """rights.md §1, §2.7: a pointer never has a real member's name; COPY needs read on the paper itself."""
    papers.put("/Plan.pdf", b"the secret original")
    classify(server, papers, "/Plan.pdf", "non_public")
    member = people("otto", "/dav/ba05")
    place, target = papers.base.removeprefix("/dav/ba05"), f"/Arbeitsordner/{uuid.uuid4().hex}.pdf"
    pointer = f"{place}/Plan%20(Verweis).pdf"
    assert member.get(pointer).body.startswith(b"%PDF-")
    for source, refused in ((pointer, 403), (f"{place}/Plan.pdf", 404)):
        assert member.copy(source, target).status == refused
        assert member.get(target).status == 404
        across = {"Destination": f"/dav/archiv/Arbeitsordner/{uuid.uuid4().hex}.pdf"}
        assert member.request("COPY", source, headers=across).status == refused


def test_a_rename_to_a_temp_name_and_back_keeps_label_and_entries(
    papers: DavClient, server: RunningServer, house: House
) -> None:
    """Law 5; protocol.md §2: the document that left its name is the one that comes back to it."""
    papers.put("/geheim.docx", b"x")
    classify(server, papers, "/geheim.docx", "personal")
    before = node_of(house, papers, "/geheim.docx")
    assert papers.move("/geheim.docx", "/~WRL0001.tmp").status == 201
    assert papers.move("/~WRL0001.tmp", "/geheim.docx").status == 201
    assert node_of(house, papers, "/geheim.docx") == before
    assert label_of(house, before).classification is Classification.PERSONAL
    assert papers.names("") == ["geheim.docx"]


def test_a_safe_save_brings_the_class_along_that_its_document_met_meanwhile(
    papers: DavClient, server: RunningServer, house: House
) -> None:
    """Law 5: bytes of a secret folder that got into a document's history keep their class when it comes back."""
    papers.put("/offen.docx", b"open")
    papers.mkcol("/geheim")
    classify(server, papers, "/geheim", "personal")
    papers.put("/geheim/s.docx", b"secret bytes")
    node = node_of(house, papers, "/offen.docx")
    assert papers.move("/offen.docx", "/geheim/~WRL0001.tmp").status == 201
    assert papers.move("/geheim/s.docx", "/geheim/~WRL0001.tmp").status == 204
    assert papers.put("/offen.docx", b"new").status in (201, 204)
    if node_of(house, papers, "/offen.docx") == node:
        assert label_of(house, node).classification is Classification.PERSONAL


def test_a_deep_lock_does_not_name_what_is_hidden_beneath(
    papers: DavClient, people: People, server: RunningServer
) -> None:
    """Law 3: the conflicting lock's root is a name like any other."""
    member = people("otto", "/dav/ba05")
    clerk = people("clara", "/dav/ba05")
    folder = f"/Arbeitsordner/l-{uuid.uuid4().hex[:8]}"
    assert member.mkcol(folder).status == 201
    clerk.put(f"{folder}/Kanarie.odt", b"x")
    classify(server, clerk, f"{folder}/Kanarie.odt", "office")
    assert clerk.lock(f"{folder}/Kanarie.odt").status == 200
    assert member.names(folder) == []
    answer = member.lock(folder, Depth="infinity")
    assert answer.status == 423
    assert b"Kanarie" not in answer.body


def test_a_lock_on_a_private_file_of_another_is_not_named(papers: DavClient, people: People) -> None:
    member, clerk = people("otto", "/dav/ba05"), people("clara", "/dav/ba05")
    folder = f"/Arbeitsordner/l-{uuid.uuid4().hex[:8]}"
    assert member.mkcol(folder).status == 201
    assert clerk.put(f"{folder}/~WRD0001.tmp", b"x").status == 201
    assert clerk.lock(f"{folder}/~WRD0001.tmp").status == 200
    for answer in (member.delete(folder), member.lock(folder, Depth="infinity")):
        assert b"WRD0001" not in answer.body, answer.status


def test_moving_to_another_drive_loses_nothing_that_may_not_be_read(papers: DavClient, house: House) -> None:
    """rights.md §3: MOVE of a folder with something that cannot come along: 403 for the whole, nothing is lost."""
    papers.mkcol("/F")
    papers.put("/F/a.txt", b"a")
    papers.put("/F/b.txt", b"b")
    with house.database.transaction() as connection:
        store.add_entry(
            connection,
            "ba05",
            Entry(node_of(house, papers, "/F/b.txt"), "user:clara", parse_rights(["view"], deny=True), deny=True),
        )
    assert papers.names("/F") == ["a.txt", "b.txt"]
    assert papers.get("/F/b.txt").status == 403
    target = f"/dav/archiv/Arbeitsordner/{uuid.uuid4().hex}"
    answer = papers.request("MOVE", "/F", headers={"Destination": target})
    assert answer.status == 403
    assert papers.names("/F") == ["a.txt", "b.txt"]


def test_quota_tells_a_guest_nothing_of_what_he_may_not_discover(
    papers: DavClient, people: People, house: House
) -> None:
    """rights.md §4: quota-used = bytes of visible regions."""
    papers.put("/groß.bin", b"x" * 100_000)
    papers.put("/klein.txt", b"12345")
    with house.database.transaction() as connection:
        number, _ = store.add_entry(
            connection, "ba05", Entry(node_of(house, papers, "/klein.txt"), "user:sam", Rights.READ)
        )
    try:
        sam = people("sam", "/dav/ba05")
        assert sam.properties("/", "quota-used-bytes").text("quota-used-bytes") == "5"
    finally:
        with house.database.transaction() as connection:
            store.remove_entry(connection, "ba05", number)


def test_an_inbox_tells_members_nothing_of_what_others_bring(people: People) -> None:
    """rights.md §2, §4: tag and quota of the inbox follow only what the member may discover."""
    clerk, member = people("clara", "/dav/ba05"), people("otto", "/dav/ba05")

    def view() -> list[str | None]:
        names = ("getetag", "quota-used-bytes")
        return [member.properties(path, *names).text(name) for path in ("/", "/00%20Eingang/") for name in names]

    before = view()
    assert clerk.put(f"/00%20Eingang/{uuid.uuid4().hex}.txt", b"x" * 777).status == 201
    assert view() == before


def test_a_copy_keeps_the_agenda_items_of_its_source(people: People, server: RunningServer) -> None:
    """rights.md §2.7, law 5: the matters and items of both; a recusal by item follows the copy."""
    day = f"2026-12-{uuid.uuid4().hex[:6]}"
    run = ("--start", "2026-12-07T19:00", "--end", "2026-12-07T22:00", "--title", "Dezember")
    command("meeting", "add", "ba05", day, *run, data=server.data)
    command("item", "add", "ba05", day, "1", "Kiesgrube", data=server.data)
    clerk, member = people("clara", "/dav/ba05"), people("otto", "/dav/ba05")
    meeting = next(name for name in clerk.names("/") if name.startswith(day) or "Dezember" in name)
    folder = f"/{meeting}/01 Kiesgrube"
    command("recuse", "otto", f"ba05/{day}/1", data=server.data)
    assert clerk.put(f"{folder}/Vorlage.txt", b"recused").status == 201
    names = {verb: f"/Arbeitsordner/{uuid.uuid4().hex}" for verb in ("copy", "move", "folder")}
    assert clerk.copy(f"{folder}/Vorlage.txt", names["copy"]).status == 201
    assert member.get(names["copy"]).status == 404
    assert clerk.copy(folder, names["folder"]).status == 201
    assert member.get(names["folder"] + "/Vorlage.txt").status == 404
    assert clerk.move(f"{folder}/Vorlage.txt", names["move"]).status == 201
    assert member.get(names["move"]).status == 404


def test_a_copied_folder_takes_the_higher_class_for_its_labelled_members_too(
    papers: DavClient, server: RunningServer, house: House
) -> None:
    """rights.md §2.7: higher of both classes, also where a member carries a label of its own."""
    papers.mkcol("/F")
    papers.put("/F/a.txt", b"a")
    classify(server, papers, "/F/a.txt", "restricted")
    papers.mkcol("/geheim")
    classify(server, papers, "/geheim", "personal")
    assert papers.copy("/F", "/geheim/F").status == 201
    assert label_of(house, node_of(house, papers, "/geheim/F/a.txt")).classification is Classification.PERSONAL


class Late(GuardedTree):
    """A tree in which somebody adds a document to the source between the staging of its bytes and the transaction."""

    def _readable(self, seen: Seen, below: tuple[str, ...], *, deep: bool) -> Iterator[tuple[Seen, tuple[str, ...]]]:
        yield from super()._readable(seen, below, deep=deep)
        if not below and not self.forest.database.in_transaction:
            path = seen.path / "late.txt"
            self.put(path, self.stage(path, [b"late"]), Terms())


def test_what_is_added_during_a_move_to_another_drive_is_not_lost(papers: DavClient, house: House) -> None:
    """Law 7: the members are asked again inside the transaction."""
    papers.mkcol("/F")
    papers.put("/F/a.txt", b"a")
    tree = Late(forest_of(house), Principal(PrincipalKind.USER, "clara"), Channel.DAV)
    target = SharePath.parse(f"/archiv/Arbeitsordner/{uuid.uuid4().hex}")
    with pytest.raises(Outdated):
        tree.move(tree_path(papers, "/F"), target, Terms(), overwrite=True)
    assert papers.names("/F") == ["a.txt", "late.txt"]
