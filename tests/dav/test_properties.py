"""Live and dead properties: what PROPFIND shows and PROPPATCH takes (RFC 4918 §9.1, §9.2, §15; RFC 4331)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest
from lxml import etree

from acl.principals import Principal, PrincipalKind
from acl.privileges import Rights
from davserver.dav.errors import DavError
from davserver.dav.properties import LIVE, Page
from davserver.dav.propfind import MAX_NAMES, Ask, answer, read_ask
from davserver.dav.proppatch import Refusal, read_wishes, told
from davserver.dav.request import Request, Site
from davserver.dav.xml import multistatus, parse
from davserver.tree.granting import Ace
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Lock, Seen
from shareproviders.contract import Node, Usage
from shareproviders.paths import ROOT, SharePath

SECOND = 1_000_000
AT = 1_700_000_000 * SECOND
DAV = "{DAV:}"
MICROSOFT = "xmlns='urn:schemas-microsoft-com:'"
PROTECTED = "<D:cannot-modify-protected-property/>"
FOLDER = Seen(
    SharePath(("ba05",)), "ba05", Node(1, (1,), "", True, 9, "", "", AT, AT + 1, 7), Rights.READ, "c1.7", "BA 5 & mehr"
)
DOCUMENT = Seen(
    SharePath(("ba05", "a.pdf")),
    "ba05",
    Node(2, (1, 2), "a.pdf", False, 1234, "t2", "application/pdf", AT, AT + 1, 7),
    Rights.READ | Rights.WRITE_CONTENT,
    "t2",
    "a.pdf",
)
DEAD = {"{urn:x}color": '<x:color xmlns:x="urn:x">red</x:color>'}


@dataclass
class Asker:
    """As much of a door as showing properties asks: who looks, when, how full the drive is, and who has rights."""

    principal: Principal

    def clock(self) -> int:
        return AT

    def can_sync(self, _seen: Seen) -> bool:
        return False

    def usage(self, seen: Seen) -> Usage | None:
        return Usage(100, 1000, 900) if seen.share else None

    def access_list(self, seen: Seen) -> list[Ace]:
        return [Ace("all", seen.rights, protected=True)]


def page(*locks: Lock) -> Page:
    environ: dict[str, Any] = {"REQUEST_METHOD": "PROPFIND", "wsgi.url_scheme": "http"}
    request = Request(
        environ,
        cast(GuardedTree, Asker(Principal(PrincipalKind.USER, "anna"))),
        ROOT,
        has_slash=True,
        site=Site("/dav"),
    )
    return Page(request, {DOCUMENT.path: list(locks)})


def ask_of(content: str) -> Ask:
    return read_ask(parse(f'<D:propfind xmlns:D="DAV:">{content}</D:propfind>'.encode()))


def shown(
    ask: Ask, seen: Seen, dead: Mapping[str, str] | None = None, facts: Page | None = None
) -> dict[int, dict[str, etree._Element]]:
    """Properties by status and name."""
    response = answer(ask, facts or page(), [("/dav/x", seen, dead or {})])
    assert response.status == 207
    body = b"".join(response.body)
    assert dict(response.headers)["Content-Length"] == str(len(body))
    found: dict[int, dict[str, etree._Element]] = {}
    for propstat in etree.fromstring(body).iterfind(f"{DAV}response/{DAV}propstat"):
        status = int((propstat.findtext(f"{DAV}status") or "").split()[1])
        assert status not in found, "one propstat for each status"
        found[status] = {str(prop.tag): prop for prop in propstat.iterfind(f"{DAV}prop/*")}
    return found


# -- PROPFIND -------------------------------------------------------------------------------------------------------


def test_values_of_a_document() -> None:
    """RFC 4918 §15: the tag quoted as in the header, whole seconds, GMT and Z."""
    found = shown(read_ask(None), DOCUMENT)[200]
    texts = {name.removeprefix(DAV): prop.text for name, prop in found.items() if not len(prop)}
    assert texts == {
        "creationdate": "2023-11-14T22:13:20Z",
        "displayname": "a.pdf",
        "getcontentlength": "1234",
        "getcontenttype": "application/pdf",
        "getetag": '"t2"',
        "getlastmodified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "lockdiscovery": None,
        "resourcetype": None,
    }
    scopes = [str(scope[0].tag) for scope in found["{DAV:}supportedlock"].iter("{DAV:}lockscope")]
    assert scopes == ["{DAV:}exclusive", "{DAV:}shared"]


def test_values_of_a_collection() -> None:
    """No length and type; escaped where XML needs it; quota only when asked for (RFC 4331 §3)."""
    found = shown(read_ask(None), FOLDER)
    assert set(found) == {200}
    assert found[200]["{DAV:}displayname"].text == "BA 5 & mehr"
    assert found[200]["{DAV:}resourcetype"][0].tag == "{DAV:}collection"
    assert not {"{DAV:}getcontentlength", "{DAV:}getcontenttype", "{DAV:}quota-used-bytes"} & set(found[200])


def test_quota_stands_on_collections_only() -> None:
    """D5: an empty 200 on a file makes KDE believe the disk is full."""
    ask = ask_of("<D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop>")
    numbers = {name: prop.text for name, prop in shown(ask, FOLDER)[200].items()}
    assert numbers == {"{DAV:}quota-available-bytes": "900", "{DAV:}quota-used-bytes": "100"}
    assert set(shown(ask, DOCUMENT)) == {404}


def test_named_properties_are_found_or_404_each_once() -> None:
    """RFC 4918 §9.1: unknown ones too, dead ones with their value."""
    ask = ask_of("<D:prop><D:getetag/><D:getetag/><D:nope/><color xmlns='urn:x'/><size xmlns='urn:x'/><bare/></D:prop>")
    found = shown(ask, DOCUMENT, DEAD)
    assert list(found[200]) == ["{DAV:}getetag", "{urn:x}color"]
    assert found[200]["{urn:x}color"].text == "red"
    assert list(found[404]) == ["{DAV:}nope", "{urn:x}size", "bare"]
    assert all(not prop.text for prop in found[404].values())


def test_minimal_answers_leave_out_what_is_missing() -> None:
    """RFC 8144 §2.1: still one propstat, so that the response stays valid."""
    ask = ask_of("<D:prop><D:nope/></D:prop>")._replace(minimal=True)
    assert shown(ask, DOCUMENT) == {200: {}}


def test_propname_names_everything_without_values() -> None:
    """RFC 4918 §9.1.4 (D12)."""
    found = shown(ask_of("<D:propname/>"), DOCUMENT, DEAD)
    assert set(found) == {200}
    assert {"{DAV:}getetag", "{DAV:}current-user-privilege-set", "{urn:x}color"} <= set(found[200])
    assert "{DAV:}quota-used-bytes" not in found[200]
    assert all(not len(prop) and not prop.text for prop in found[200].values())


def test_include_adds_to_allprop() -> None:
    """RFC 4918 §9.1.5; what allprop has anyway does not come twice."""
    ask = ask_of("<D:allprop/><D:include><D:quota-used-bytes/><D:getetag/><y xmlns='urn:x'/></D:include>")
    found = shown(ask, FOLDER, DEAD)
    assert found[200]["{DAV:}quota-used-bytes"].text == "100"
    assert set(found[404]) == {"{urn:x}y"}
    assert "{urn:x}color" in found[200]


@pytest.mark.parametrize("content", ["", "<D:prop/><D:allprop/>", "<D:propname/><D:propname/>", "<D:nothing/>"])
def test_a_propfind_that_asks_nothing_or_two_things_is_a_400(content: str) -> None:
    """RFC 4918 §14.20."""
    with pytest.raises(DavError) as caught:
        ask_of(content)
    assert caught.value.status == 400


def test_a_body_that_is_no_propfind_is_a_400() -> None:
    with pytest.raises(DavError):
        read_ask(parse(b"<propfind/>"))


def test_one_request_names_only_so_many_properties() -> None:
    """What is missing comes back for each member (C6), so there is a limit; unknown elements are passed over."""
    names = "".join(f"<n{number}/>" for number in range(MAX_NAMES))
    assert len(ask_of(f"<D:unknown/><D:prop>{names}</D:prop>").dead) == MAX_NAMES
    for content in (f"{names}<more/>", f"<{'n' * 17_000}/>"):
        with pytest.raises(DavError):
            ask_of(f"<D:prop>{content}</D:prop>")


def owner(name: str) -> str:
    return f"<D:owner>{name}</D:owner>"


def test_locks_show_owner_and_only_ones_own_token() -> None:
    """protocol.md §2: other principals' tokens are hidden."""
    soon = AT + 60 * SECOND
    own = Lock("urn:uuid:1", "ba05", 2, DOCUMENT.path, "user:anna", owner("Anna"), True, False, 600, soon)
    foreign = Lock("urn:uuid:2", "ba05", 1, FOLDER.path, "user:otto", owner("Otto"), False, True, 600, soon)
    ask = ask_of("<D:prop><D:lockdiscovery/></D:prop>")
    assert ask.shows_locks
    discovery = shown(ask, DOCUMENT, facts=page(own, foreign))[200]["{DAV:}lockdiscovery"]
    assert [shown_owner.text for shown_owner in discovery.iter("{DAV:}owner")] == ["Anna", "Otto"]
    assert [token[0].text for token in discovery.iter("{DAV:}locktoken")] == ["urn:uuid:1"]


def test_privileges_are_those_held() -> None:
    """RFC 3744 §5.4."""
    found = shown(ask_of("<D:prop><D:current-user-privilege-set/></D:prop>"), DOCUMENT)[200]
    held = [privilege[0].tag for privilege in found["{DAV:}current-user-privilege-set"]]
    assert {"{DAV:}read", "{DAV:}write-content"} <= set(held)
    assert not {"{DAV:}all", "{DAV:}write", "{DAV:}bind"} & set(held)


def test_asks_are_equal_where_their_answers_are() -> None:
    """A key of caches: equal bodies give equal, hashable asks."""
    assert {ask_of("<D:prop><D:getetag/></D:prop>")} == {ask_of("<D:prop><D:getetag/><D:getetag/></D:prop>")}
    assert not ask_of("<D:prop><D:getetag/></D:prop>").shows_dead
    assert not ask_of("<D:prop><D:getetag/></D:prop>").shows_locks


def test_every_live_property_is_one_element_of_its_name() -> None:
    """The table and the text that its functions write say the same."""
    for prop in LIVE:
        for seen in (FOLDER, DOCUMENT):
            text = prop.value(page(), seen)
            if text is not None:
                assert etree.fromstring(multistatus([text]))[0].tag == prop.name


# -- PROPPATCH ------------------------------------------------------------------------------------------------------


def wishes_of(content: str) -> Any:
    return read_wishes(parse(f'<D:propertyupdate xmlns:D="DAV:">{content}</D:propertyupdate>'.encode()))


def test_instructions_count_in_document_order() -> None:
    """RFC 4918 §9.2: the last one for a property wins."""
    wishes = wishes_of(
        "<D:set><D:prop><a>1</a><b>1</b></D:prop></D:set><D:remove><D:prop><a/></D:prop></D:remove>"
        "<D:set><D:prop><b>2</b></D:prop></D:set><D:unknown/>"
    )
    assert wishes.names == ("a", "b")
    assert wishes.changes == {"a": None, "b": "<b>2</b>"}
    assert not wishes.refused


@pytest.mark.parametrize("prop", [prop.name for prop in LIVE if "modified" not in prop.name.lower()])
def test_live_properties_are_protected(prop: str) -> None:
    """RFC 4918 §15; the display name too: old clients take it for the name, so nobody may forge it."""
    local = prop.partition("}")[2]
    for instruction in ("set", "remove"):
        wishes = wishes_of(f"<D:{instruction}><D:prop><D:{local}>x</D:{local}></D:prop></D:{instruction}>")
        assert wishes.refused == {prop: Refusal(403, PROTECTED)}


@pytest.mark.parametrize(
    "prop",
    [
        "<D:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</D:getlastmodified>",
        "<D:lastmodified>1500000000</D:lastmodified>",
        f"<Win32LastModifiedTime {MICROSOFT}>Fri, 14 Jul 2017 02:40:00 GMT</Win32LastModifiedTime>",
    ],
)
def test_modification_times_are_no_dead_properties(prop: str) -> None:
    """protocol.md §2: what rclone, Explorer and others set moves the document's own time."""
    wishes = wishes_of(f"<D:set><D:prop>{prop}</D:prop></D:set>")
    assert (wishes.modified, wishes.changes, wishes.refused) == (1_500_000_000 * SECOND, {}, {})
    name = wishes.names[0]
    garbage = prop.replace("Fri, 14 Jul 2017 02:40:00 GMT", "soon").replace("1500000000", "soon")
    assert wishes_of(f"<D:set><D:prop>{garbage}</D:prop></D:set>").refused == {name: Refusal(409, "")}


def test_what_explorer_sets_is_kept() -> None:
    """Win32 attributes and times are dead properties, each in its own namespace."""
    kept = '<Z:Win32FileAttributes xmlns:Z="urn:schemas-microsoft-com:">00000020</Z:Win32FileAttributes>'
    wishes = wishes_of(f"<D:set><D:prop>{kept}</D:prop></D:set>")
    assert wishes.changes == {"{urn:schemas-microsoft-com:}Win32FileAttributes": kept}


def test_a_value_has_at_most_64_kib() -> None:
    """Each property, whole; over it 507 as RFC 4918 §9.2.1 has it."""
    assert not wishes_of(f"<D:set><D:prop><a>{'v' * 65_529}</a></D:prop></D:set>").refused
    assert wishes_of(f"<D:set><D:prop><a>{'v' * 65_530}</a></D:prop></D:set>").refused == {"a": Refusal(507, "")}


def test_one_refusal_fails_all() -> None:
    """RFC 4918 §9.2: all or nothing, and each is told its own fate with its own precondition."""
    wishes = wishes_of("<D:set><D:prop><a/><D:getetag>x</D:getetag><b/></D:prop></D:set>")
    body = etree.fromstring(multistatus([told(wishes.names, wishes.refused)]))
    fates = {
        (propstat.findtext("{DAV:}status") or "").split()[1]: [prop.tag for prop in propstat.iterfind("{DAV:}prop/*")]
        for propstat in body
    }
    assert fates == {"424": ["a", "b"], "403": ["{DAV:}getetag"]}
    assert body.find("{DAV:}propstat/{DAV:}error/{DAV:}cannot-modify-protected-property") is not None
