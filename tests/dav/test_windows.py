"""What Windows' WebClient gets: names that it can hold, short listings, the size of the drive (docs/decisions/0027)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davserver.dav.spelling import windows_meant, windows_shown
from shareproviders.paths import BadName, clean_name
from tests.davclient import DAV, LOCKINFO, Answer, DavClient, prop_body

People = Callable[[str, str], DavClient]
AGENTS = ("Microsoft-WebDAV-MiniRedir/10.0.22631", "DavClnt")
AWKWARD = ['Frage: wer? "Wir" <alle>', "a\\b|c*d.txt", "endet auf Punkt.", "endet auf Leerzeichen ", "viele Punkte..."]
WIN32 = "{urn:schemas-microsoft-com:}"
UPDATE = (
    '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop xmlns:Z="urn:schemas-microsoft-com:">'
    "<Z:Win32CreationTime>Thu, 19 Nov 2026 09:15:30 GMT</Z:Win32CreationTime>"
    "<Z:Win32LastAccessTime>Thu, 19 Nov 2026 09:15:30 GMT</Z:Win32LastAccessTime>"
    "<Z:Win32LastModifiedTime>Thu, 19 Nov 2026 09:15:30 GMT</Z:Win32LastModifiedTime>"
    "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)


class Windows:
    """A client that is WebClient by its name, beside any other of the same person."""

    def __init__(self, client: DavClient, agent: str = AGENTS[0]) -> None:
        self._client, self._agent = client, agent

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """`path` as Windows knows it."""
        sent = {"User-Agent": self._agent, "translate": "f", **(headers or {})}
        return self._client.request(method, "", body, sent, raw_target=self.target(path))

    def target(self, path: str) -> str:
        return quote(self._client.base + path)

    def listed(self, path: str = "") -> Answer:
        return self.ask("PROPFIND", path, headers={"Depth": "1"})

    def names(self, path: str = "") -> list[str]:
        """From the addresses, as Windows takes them."""
        found = [href.rstrip("/") for href in self.listed(path).members()]
        return sorted(href[len(self._client.base + path) + 1 :] for href in found if href != self._client.base + path)


@pytest.fixture
def windows(folder: DavClient) -> Windows:
    return Windows(folder)


# -- names ----------------------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=40))
def test_every_name_comes_back(raw: str) -> None:
    """Reversible without a table, and nothing is left in it that Windows refuses."""
    try:
        name = clean_name(raw)
    except BadName:
        return
    shown = windows_shown(name)
    assert not re.search(r'["*:<>?\\|]', shown)
    assert shown[-1] not in ". "
    assert clean_name(windows_meant(shown)) == name


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_two_names_stay_two(one: str, other: str) -> None:
    try:
        one, other = clean_name(one), clean_name(other)
    except BadName:
        return
    assert (windows_shown(one) == windows_shown(other)) == (one == other)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("name", AWKWARD)
def test_forbidden_characters_appear_as_stand_ins(folder: DavClient, name: str, agent: str) -> None:
    """U+F000 and the code, in the address and as displayname; every other client sees the name itself."""
    windows = Windows(folder, agent)
    assert folder.request("PUT", "", b"x", raw_target=f"{folder.base}/{quote(name)}").status == 201
    (shown,) = windows.names()
    assert shown == windows_shown(name) != name
    listed = windows.listed().members()[f"{folder.base}/{shown}"]
    assert listed.text("displayname") == shown
    assert folder.names("") == [name]
    assert folder.propfind("", "1").members()[f"{folder.base}/{name}"].text("displayname") == name


def test_windows_works_on_such_names(folder: DavClient, windows: Windows) -> None:
    """Request paths, Destination, tagged If lists and lock roots are read and written the same way."""
    folder.request("PUT", "", b"1", raw_target=f"{folder.base}/{quote('a:b?.txt')}")
    here, there = "/a\uf03ab\uf03f.txt", "/c\uf03ad\uf02e"
    assert windows.ask("GET", here).body == b"1"
    locked = windows.ask("LOCK", here, LOCKINFO.format(scope="exclusive", owner="me"), {"Timeout": "Second-3600"})
    root = locked.xml().findtext(f".//{DAV}lockroot/{DAV}href")
    assert root == windows.target(here)
    tagged = f"<http://{folder.host}:{folder.port}{windows.target(here)}> (<{locked.lock_token}>)"
    assert windows.ask("PUT", here, b"2", {"If": tagged}).status == 204
    assert windows.ask("PUT", here, b"3", {"If": tagged.replace("<urn", "<urn:x", 1)}).status in (412, 423)
    assert windows.ask("UNLOCK", here, headers={"Lock-Token": f"<{locked.lock_token}>"}).status == 204
    to = f"http://{folder.host}:{folder.port}{windows.target(there)}"
    assert windows.ask("MOVE", here, headers={"Destination": to, "Overwrite": "F"}).status == 201
    assert folder.names("") == ["c:d."]
    assert windows.ask("MKCOL", "/Ordner\uf03f").status == 201
    assert windows.ask("PUT", "/Ordner\uf03f/x\uf07cy", b"4").status == 201
    assert folder.names("/Ordner%3F") == ["x|y"]
    assert windows.ask("DELETE", there).status == 204
    assert folder.names("") == ["Ordner?"]


@pytest.mark.parametrize("letter", ["\uf001", "\uf02e", "\uf03a", "\uf07f"])
def test_nobody_makes_a_stand_in(folder: DavClient, windows: Windows, letter: str) -> None:
    """A name that held one would be another name to Windows: refused to all; those beside U+F001–U+F07F are not."""
    for verb in ("PUT", "MKCOL", "PROPFIND"):
        assert folder.request(verb, f"/a{letter}b").status == 400
    assert folder.request("PUT", "/x", b"").status == 201
    assert folder.move("/x", f"/y{letter}").status == 400
    assert folder.names("") == ["x"]
    assert folder.put("/\uf000 \uf080 \uf8ff", b"").status == 201
    assert windows.names() == ["x", "\uf000 \uf080 \uf8ff"]


@pytest.mark.parametrize("sent", ["a\uf02fb", "a\uf001b", "\uf02e", "\uf02e\uf02e"])
def test_windows_means_no_slash_and_no_control(windows: Windows, sent: str) -> None:
    """Read back, it must still be a name: never another path, never `.` or `..`."""
    assert windows.ask("PUT", f"/{sent}", b"x").status == 400


def test_listings_do_not_leak_between_clients(folder: DavClient, windows: Windows) -> None:
    """The same person in the same folder, remembered or not: each kind of client has its own answer."""
    folder.request("PUT", "", b"1", raw_target=f"{folder.base}/{quote('a:b')}")
    for _ in range(3):
        assert (folder.names(""), windows.names()) == (["a:b"], ["a\uf03ab"])
        assert (b"a:b" in folder.propfind("", "1").body, b"a:b" in windows.listed().body) == (True, False)


# -- listings -------------------------------------------------------------------------------------------------------


def german_name(number: int) -> str:
    return f"Beschlussvorlage {number:04} über Straßen, Plätze, Grünanlagen.docx"


def test_a_thousand_members_fit(vault_folder: DavClient) -> None:
    """clients.md §3: WebClient takes 1,000,000 bytes of listing; with all that it has set itself on each member.

    Each member costs as much as any other, so a hundred say what a thousand weigh.
    """
    windows, deep = Windows(vault_folder), "/2026-12-07 Vollgremium"
    vault_folder.mkcol(deep)
    empty = len(windows.listed(deep).body)
    names = [german_name(number) for number in range(100)]
    assert {len(name) for name in names} == {60}
    assert windows.ask("PUT", f"{deep}/{names[0]}", b"x" * 54_321).status == 201
    assert windows.ask("PROPPATCH", f"{deep}/{names[0]}", UPDATE).status == 207
    for name in names[1:]:
        assert vault_folder.copy(f"{deep}/{names[0]}", f"{deep}/{name}").status == 201
    listed = windows.listed(deep)
    members = [member for member in listed.members().values() if not member.is_collection]
    assert len(members) == len(names)
    assert all(f"{WIN32}Win32FileAttributes" in member.found for member in members)
    assert empty + (len(listed.body) - empty) * 1000 // len(names) < 900_000, "room is left for longer paths"


def test_a_listing_is_lean_and_a_resource_alone_is_told_whole(folder: DavClient, windows: Windows) -> None:
    """Of members what Explorer shows, and a lock where there is one; of the resource itself all (RFC 4918 §9.1)."""
    folder.put("/a", b"1")
    folder.put("/b", b"1")
    token = folder.lock("/b").lock_token
    listed = windows.listed().members()
    left_out = {DAV + name for name in ("supportedlock", "getcontenttype", "lockdiscovery")}
    plain = set(folder.propfind("", "1").members()[f"{folder.base}/a"].found)
    assert set(listed[f"{folder.base}/a"].found) == plain - left_out
    assert token.encode() in etree.tostring(listed[f"{folder.base}/b"].found[DAV + "lockdiscovery"])
    alone = windows.ask("PROPFIND", "/a", headers={"Depth": "0"}).member()
    assert set(alone.found) == plain
    assert windows.ask("PROPFIND", "", prop_body("supportedlock"), {"Depth": "1"}).members()[
        f"{folder.base}/a"
    ].found.keys() == {DAV + "supportedlock"}


def test_explorer_shows_the_size_of_the_drive(folder: DavClient, windows: Windows) -> None:
    """RFC 4331 numbers without being asked for, on collections only; kept out of allprop for everybody else."""
    names = ("quota-available-bytes", "quota-used-bytes")
    folder.put("/a", b"1")
    asked = folder.properties("", *names)
    for _ in range(2):
        told = windows.ask("PROPFIND", "", headers={"Depth": "0"}).member()
        assert told.text(names[1]) == asked.text(names[1])
        assert int(told.text(names[0]) or "") > 0
    assert DAV + names[0] not in windows.ask("PROPFIND", "/a", headers={"Depth": "0"}).member().found
    assert DAV + names[0] not in folder.propfind("").member().found


def test_properties_of_windows_are_kept_each_in_its_namespace(folder: DavClient, windows: Windows) -> None:
    """200 for each by its own name; the modification time becomes the document's (clients.md §3)."""
    folder.put("/a", b"1")
    told = windows.ask("PROPPATCH", "/a", UPDATE).member()
    four = {WIN32 + name for name in ("Win32CreationTime", "Win32LastAccessTime", "Win32LastModifiedTime")}
    four |= {WIN32 + "Win32FileAttributes"}
    assert (set(told.found), told.missing) == (four, {})
    for member in (
        folder.properties("/a", "getlastmodified", *four),
        windows.ask("PROPFIND", "/a", headers={"Depth": "0"}).member(),
        windows.listed().members()[f"{folder.base}/a"],
    ):
        assert member.text(WIN32 + "Win32FileAttributes") == "00000020"
        assert member.text(WIN32 + "Win32CreationTime") == "Thu, 19 Nov 2026 09:15:30 GMT"
        assert member.text("getlastmodified") == "Thu, 19 Nov 2026 09:15:30 GMT"


def test_a_foreign_property_survives_the_short_form(folder: DavClient, windows: Windows) -> None:
    """Only Windows' own declaration moves up; a value that looks like one stays what it is."""
    tricky = ' xmlns:Z="urn:schemas-microsoft-com:"'
    folder.put("/a", b"1")
    folder.proppatch("/a", f"<D:set><D:prop><n xmlns='urn:n'>{tricky}</n><m xmlns='urn:m'/></D:prop></D:set>")
    member = windows.listed().members()[f"{folder.base}/a"]
    assert member.text("{urn:n}n") == tricky
    assert "{urn:m}m" in member.found
