"""Per-reader views: tags, numbers and locks tell a reader nothing of what he may not discover (rights.md §4)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acl.privileges import Rights
from davserver import settings
from davserver.founding import default_key
from davserver.house import House
from shareproviders.paths import SharePath
from tests.dav.doors import door
from tests.davclient import DavClient
from tests.running import RunningServer, command, copied, start

People = Callable[[str, str], DavClient]


@pytest.fixture(scope="module")
def running(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose rights these tests change."""
    with start(copied(installed, tmp_path_factory.mktemp("views"))) as server:
        yield server


@pytest.fixture
def clerk(running: RunningServer, request: pytest.FixtureRequest) -> Iterator[DavClient]:
    """In a folder with an open and a hidden paper, and a hidden folder."""
    base = f"/dav/ba05/v{abs(hash(request.node.name)):x}"
    with running.client("clara", base) as client:
        client.mkcol("")
        client.mkcol("/secret")
        for path in ("/open", "/hidden", "/secret/inside"):
            assert client.put(path, b"x" * 100).status == 201
        for path in ("/hidden", "/secret"):
            command("label", base.removeprefix("/dav/") + path, "--class", "office", data=running.data)
        yield client


@pytest.fixture
def member(running: RunningServer, clerk: DavClient) -> Iterator[DavClient]:
    with running.client("otto", clerk.base) as client:
        assert client.names("") == ["open"]
        yield client


def tags(client: DavClient) -> list[str]:
    """Of the folder, of the drive above it, and as the listing of the drive shows it."""
    above = client.under("/dav/ba05")
    with above:
        listed = above.propfind("/", "1").members()[client.base]
        shown = [client.properties("", "getetag"), above.properties("/", "getetag"), listed]
    return [str(member.text("getetag")) for member in shown]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.put("/hidden", b"other"),
        lambda c: c.put("/secret/new", b"new"),
        lambda c: c.put("/secret/inside", b"y"),
        lambda c: c.delete("/secret/inside"),
        lambda c: c.move("/secret/inside", "/secret/renamed"),
        lambda c: c.mkcol("/secret/deeper"),
        lambda c: c.proppatch("/hidden", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>"),
    ],
    ids=["put over", "put new", "put inside", "delete", "move", "mkcol", "proppatch"],
)
def test_a_hidden_change_changes_no_tag_of_a_reader(
    clerk: DavClient, member: DavClient, change: Callable[[DavClient], object]
) -> None:
    before, clerks_before = tags(member), tags(clerk)
    change(clerk)
    assert tags(member) == before
    assert all(new != old for new, old in zip(tags(clerk), clerks_before, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.put("/open", b"other"),
        lambda c: c.put("/new", b"new"),
        lambda c: c.delete("/open"),
        lambda c: c.move("/open", "/renamed"),
        lambda c: c.mkcol("/deeper"),
        lambda c: c.copy("/open", "/copied"),
    ],
    ids=["put over", "put new", "delete", "move", "mkcol", "copy"],
)
def test_a_visible_change_changes_each_tag_above_it(
    clerk: DavClient, member: DavClient, change: Callable[[DavClient], object]
) -> None:
    before = tags(member)
    change(clerk)
    assert all(new != old for new, old in zip(tags(member), before, strict=True))


def test_hiding_and_showing_change_the_tags_of_whom_it_concerns(
    running: RunningServer, clerk: DavClient, member: DavClient
) -> None:
    before = tags(member)
    path = clerk.base.removeprefix("/dav/") + "/open"
    command("label", path, "--class", "office", data=running.data)
    assert member.names("") == []
    assert all(new != old for new, old in zip(tags(member), before, strict=True))


def used(client: DavClient) -> int:
    with client.under("/dav/ba05") as above:
        return int(above.properties("/", "quota-used-bytes").text("quota-used-bytes") or "-1")


def test_a_renamed_hidden_paper_keeps_its_bytes_to_itself(clerk: DavClient, member: DavClient) -> None:
    """Neither its old nor its new name counts for whom it is hidden from, and as a temp file it counts for nobody."""
    mine, his, shown = used(clerk), used(member), tags(member)
    for source, target in (("/hidden", "/renamed"), ("/renamed", "/secret/x"), ("/secret/x", "/~WRL0001.tmp")):
        assert clerk.move(source, target).status == 201
        counted = mine - 100 if target == "/~WRL0001.tmp" else mine
        assert (used(clerk), used(member), tags(member)) == (counted, his, shown), target
    assert clerk.delete("/~WRL0001.tmp").status == 204
    assert (used(clerk), used(member), tags(member)) == (mine - 100, his, shown)


@pytest.mark.parametrize("name", ["/~$dden", "/.~lock.hidden#", "/._hidden", "/~WRD0001.tmp", "/lu12ab.tmp"])
def test_files_of_programs_count_with_the_hidden_paper(clerk: DavClient, member: DavClient, name: str) -> None:
    """Whoever may not discover the paper learns of its owner and temp files nothing: no tag, no byte. Bytes of programs
    count in the quota, but in nobody's view of what is used.
    """
    mine, his, shown = used(clerk), used(member), tags(member)
    assert clerk.put(name, b"x" * 165).status == 201
    assert (used(clerk), used(member), tags(member)) == (mine, his, shown)
    assert clerk.proppatch(name, "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>").status == 207
    assert clerk.put(name, b"x" * 99).status == 204
    assert (used(clerk), used(member), tags(member)) == (mine, his, shown)
    assert clerk.delete(name).status == 204
    assert (used(clerk), used(member), tags(member)) == (mine, his, shown)


def test_the_owner_file_of_an_open_paper_counts_for_its_readers(clerk: DavClient, member: DavClient) -> None:
    his, shown = used(member), tags(member)
    assert clerk.put("/.~lock.open#", b"x" * 80).status == 201
    assert used(member) == his
    assert all(now != before for now, before in zip(tags(member), shown, strict=True))


def test_quota_counts_what_the_asker_may_discover(clerk: DavClient, member: DavClient) -> None:
    mine, his = used(clerk), used(member)
    clerk.put("/secret/large", b"x" * 5000)
    clerk.put("/hidden", b"x" * 700)
    assert (used(clerk) - mine, used(member) - his) == (5600, 0)
    clerk.put("/open", b"x" * 1100)
    assert (used(clerk) - mine, used(member) - his) == (6600, 1000)
    clerk.delete("/secret/large")
    assert (used(clerk) - mine, used(member) - his) == (1600, 1000)


def test_the_lock_of_a_leaver_hinders_nobody(running: RunningServer, clerk: DavClient) -> None:
    """rights.md §3: open locks of a resigned member are dropped."""
    drive = "/dav/ba05/Arbeitsordner"
    with running.client("otto", drive) as otto, running.client("clara", drive) as clara:
        otto.put("/leaver.txt", b"1")
        assert otto.lock("/leaver.txt").status == 200
        assert clara.put("/leaver.txt", b"2").status == 423
        deny = ("entry", "add", "ba05/Arbeitsordner", "user:otto", "all", "--deny", "--json")
        number = json.loads(command(*deny, data=running.data))["id"]
        assert clara.put("/leaver.txt", b"2").status == 204
        command("entry", "remove", "ba05", str(number), data=running.data)


def test_a_running_download_of_a_withdrawn_paper_stops(running: RunningServer, clerk: DavClient) -> None:
    """Issue "Rights" 5: within 5 s."""
    clerk.put("/long.bin", b"x" * 64_000_000)
    with running.client("otto", clerk.base) as otto:
        connection = otto._open()
        connection.request("GET", otto.target("/long.bin"), headers={"Authorization": otto.authorization})
        answer = connection.getresponse()
        got = len(answer.read(1_000_000))
        command("label", clerk.base.removeprefix("/dav/") + "/long.bin", "--class", "office", data=running.data)
        deadline = time.monotonic() + 12
        try:
            while time.monotonic() < deadline:
                piece = answer.read(1_000_000)
                got += len(piece)
                if not piece:
                    break
                time.sleep(0.3)
        except Exception as cut:  # noqa: BLE001 (http.client tells a cut body in several ways)
            assert cut is not None
        otto.close()
    assert got < 64_000_000


def root_tag(client: DavClient) -> str:
    """Of the collection of all drives; the same in a listing of it and asked for alone."""
    with client.under("/dav") as above:
        alone = str(above.properties("/", "getetag").text("getetag"))
        assert above.propfind("/", "1").members()["/dav"].text("getetag") == alone
    return alone


def test_the_list_of_all_drives_has_a_tag_of_the_readers_view(clerk: DavClient, member: DavClient) -> None:
    """It changes with anything that he may discover below, and stays when only hidden things change (rights.md §4)."""
    mine, his = root_tag(clerk), root_tag(member)
    assert '"' in his != mine
    clerk.put("/secret/inside", b"other")
    assert root_tag(member) == his
    assert root_tag(clerk) != mine
    clerk.put("/open", b"other")
    assert root_tag(member) != his


def test_the_lists_of_what_is_shared_have_tags_of_the_readers_view(
    running: RunningServer, clerk: DavClient, member: DavClient
) -> None:
    clerk.mkcol("/given")
    clerk.mkcol("/kept")
    command("label", clerk.base.removeprefix("/dav/") + "/kept", "--class", "office", data=running.data)
    house = House.open(running.data, default_key(running.data), settings.load(running.data, dict(os.environ)))
    door(house, "clara").share_inside(SharePath.parse(clerk.base[4:] + "/given"), "user:otto", Rights.READ)
    house.close()
    with member.under("/dav") as above:

        def shown() -> list[str | None]:
            return [above.properties(path, "getetag").text("getetag") for path in ("/", "/geteilt", "/geteilt/ba05")]

        before = shown()
        assert None not in before
        clerk.put("/kept/a", b"1")
        assert shown() == before
        clerk.put("/given/a", b"1")
        assert all(new != old for new, old in zip(shown(), before, strict=True))


def test_a_change_by_the_clock_changes_each_tag_above_it(
    running: RunningServer, clerk: DavClient, member: DavClient
) -> None:
    """In every answer to what was asked from that instant on, and in none to what was answered before it."""
    instant = int(time.time()) + 8
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant))
    path = clerk.base.removeprefix("/dav/") + "/open"
    command("label", path, "--class", "restricted", "--release", moment, data=running.data)
    told: dict[str, list[tuple[float, float, str]]] = {"/": [], "/ba05": []}
    with member.under("/dav") as above:
        while time.time() < instant + 1:
            for place, answers in told.items():
                asked = time.time()
                tag = str(above.properties(place, "getetag").text("getetag"))
                answers.append((asked, time.time(), tag))
    for answers in told.values():
        before = {tag for _, answered, tag in answers if answered < instant}
        after = {tag for asked, _, tag in answers if asked >= instant}
        assert (len(before), len(after)) == (1, 1)
        assert before != after
    assert root_tag(member) == told["/"][-1][2]
