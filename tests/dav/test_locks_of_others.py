"""What locks of others, and of one's own other devices, stand in the way of (RFC 4918 §6.4, §9.6.1; rights.md §3)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.davclient import DavClient, prop_body
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]


@pytest.mark.parametrize("name", ["~WRD0001.tmp", ".DS_Store", "._a.odt", ".~lock.a.odt#"])
def test_a_locked_file_of_a_program_hinders_nobody(folder: DavClient, people: People, name: str) -> None:
    """protocol.md §2: none of them hinders DELETE or MOVE of the folder, locked or not."""
    otto = people("otto", folder.base)
    folder.mkcol("/c")
    folder.put("/c/a.odt", b"1")
    assert otto.put(f"/c/{name}", b"1").status == 201
    token = otto.lock(f"/c/{name}").lock_token
    assert folder.lock("/c", Depth="infinity", Timeout="Second-600").status == 200
    whole = folder.properties("/c", "lockdiscovery").found["{DAV:}lockdiscovery"]
    mine = whole.findtext(".//{DAV:}locktoken/{DAV:}href")
    assert folder.move("/c", "/d", If=f"(<{mine}>)").status == 201
    assert otto.put(f"/d/{name}", b"2").status == 204, "a lock does not move with its resource (RFC 4918 §7.5)"
    assert otto.lock(f"/d/{name}").status == 200
    assert folder.delete("/d").status == 204
    assert token not in otto.propfind("/", "1", prop_body("lockdiscovery")).text


def test_a_locked_file_of_a_program_is_its_makers(folder: DavClient, people: People) -> None:
    """Whoever meets the file itself meets its lock."""
    otto = people("otto", folder.base)
    folder.put("/a.odt", b"1")
    otto.put("/.~lock.a.odt#", b"1")
    otto.lock("/.~lock.a.odt#")
    assert folder.delete("/.~lock.a.odt#").status == 423
    assert otto.delete("/.~lock.a.odt#").status == 423, "his own token is missing"


@pytest.mark.parametrize("verb", ["delete", "move"])
def test_a_lock_of_another_beneath_refuses_the_whole_and_says_where(
    folder: DavClient, people: People, verb: str
) -> None:
    """RFC 4918 §16 lock-token-submitted: 423 with the locked member, which the asker may discover."""
    folder.mkcol("/c")
    folder.put("/c/a.odt", b"1")
    people("otto", folder.base).lock("/c/a.odt")
    answer = folder.delete("/c") if verb == "delete" else folder.move("/c", "/d")
    assert (answer.status, answer.condition()) == (423, "{DAV:}lock-token-submitted")
    assert answer.xml().findtext(".//{DAV:}href") == folder.base + "/c/a.odt"
    assert folder.get("/c/a.odt").body == b"1"


@pytest.mark.parametrize("verb", ["delete", "move"])
def test_a_lock_on_something_hidden_is_not_told(server: RunningServer, people: People, verb: str) -> None:
    """rights.md §3: 403 for the whole, as for anything hidden beneath; whether it is locked makes no difference."""
    clerk, otto = people("clara", "/dav/ba05/Arbeitsordner"), people("otto", "/dav/ba05/Arbeitsordner")
    place = f"/l-{uuid.uuid4().hex[:10]}"
    clerk.mkcol(place)
    clerk.put(f"{place}/geheim.odt", b"1")
    command("label", f"ba05/Arbeitsordner{place}/geheim.odt", "--class", "office", data=server.data)

    def asked() -> tuple[int, bytes]:
        answer = otto.delete(place) if verb == "delete" else otto.move(place, place + "x")
        return answer.status, answer.body

    before = asked()
    assert before[0] == 403
    assert clerk.lock(f"{place}/geheim.odt").status == 200
    assert asked() == before


@pytest.fixture(scope="module")
def reader(server: RunningServer) -> Iterator[Callable[[str], DavClient]]:
    """Clara on a device whose app password only reads."""
    words = ("app-password", "create", "clara", "--label", "Tafel", "--read-only", "--json")
    secret = json.loads(command(*words, data=server.data))["password"]
    opened: list[DavClient] = []

    def client(base: str) -> DavClient:
        opened.append(DavClient(server.url, "clara", secret, base))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


def test_a_password_that_only_reads_touches_no_lock(folder: DavClient, reader: Callable[[str], DavClient]) -> None:
    """It can make none, so those of the same person are from another device: neither refreshed nor removed, 403."""
    folder.put("/a.odt", b"1")
    token = folder.lock("/a.odt").lock_token
    tablet = reader(folder.base)
    assert tablet.get("/a.odt").body == b"1"
    assert tablet.lock("/a.odt").status == 403
    assert tablet.unlock("/a.odt", token).status == 403
    refreshed = tablet.request("LOCK", "/a.odt", headers={"If": f"(<{token}>)", "Timeout": "Second-900"})
    assert refreshed.status == 403
    assert folder.put("/a.odt", b"2", If=f"(<{token}>)").status == 204
    assert folder.unlock("/a.odt", token).status == 204
