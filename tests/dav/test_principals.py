"""Principals as resources, whom one may know of, and the reports about them (RFC 3744 §4, §9; RFC 3253 §3.8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from tests.dav.lists import OTTO, ace, set_acl
from tests.davclient import DAV, Answer, DavClient, Member, prop_body
from tests.running import RunningServer, command

HOME = "/dav/.principals"
People = Callable[[str, str], DavClient]


@pytest.fixture
def clara(people: People) -> DavClient:
    """The clerk, at the collection of principals."""
    return people("clara", HOME)


@pytest.fixture
def otto(people: People) -> DavClient:
    """A member of the same committees."""
    return people("otto", HOME)


@pytest.fixture
def sam(people: People) -> DavClient:
    """Somebody without any office."""
    return people("sam", HOME)


def hrefs(member: Member, name: str) -> list[str]:
    return [(each.text or "").removeprefix(HOME) for each in member.found[DAV + name].iterchildren(f"{DAV}href")]


def report(client: DavClient, path: str, root: str, content: str = "", attributes: str = "", **headers: str) -> Answer:
    body = f'<D:{root} xmlns:D="DAV:"{attributes}>{content}</D:{root}>'
    return client.request("REPORT", path, body, headers)


def found(answer: Answer) -> list[str]:
    return sorted(href.removeprefix(HOME) for href in answer.members())


# -- resources (§4) ---------------------------------------------------------------------------------------------------


def test_a_member_knows_his_committees(otto: DavClient) -> None:
    """Himself and whoever holds an office beside him; a former clerk and a stranger are not among them."""
    assert otto.names("/users") == ["clara", "otto"]
    assert otto.names("/committees") == ["archiv", "ba05"]
    assert otto.names("/roles") == ["archiv", "ba05"]
    assert {"clerk", "member", "guest"} <= set(otto.names("/roles/ba05"))
    assert otto.names("") == ["users", "roles", "committees"]
    assert otto.names("/users/otto") == []


@pytest.mark.parametrize("user", ["sam", "edda"])
def test_without_an_office_one_knows_oneself(people: People, user: str) -> None:
    """Also after the mandate has ended; nobody else exists for him, nor any committee."""
    alone = people(user, HOME)
    assert alone.names("/users") == [user]
    assert alone.names("/committees") == []
    assert alone.names("/roles") == []


def test_unknown_and_absent_are_told_apart_by_nothing(sam: DavClient) -> None:
    """Law 3: same status, headers and body for somebody one may not know of and for nobody."""
    pairs = [("/users/otto", "/users/nott"), ("/committees/ba05", "/committees/ba99")]
    pairs += [("/roles/ba05/member", "/roles/ba99/member"), ("/roles/ba05", "/roles/ba99")]
    body = prop_body("displayname", "group-membership")
    for known, absent in pairs:
        for method, content in (("PROPFIND", body), ("REPORT", '<D:expand-property xmlns:D="DAV:"/>'), ("PUT", "x")):
            one, other = (sam.request(method, path, content, {"Depth": "0"}) for path in (known, absent))
            assert one.status == other.status == (405 if method == "PUT" else 404)
            assert one.body == other.body
            same = [{k: v for k, v in each.headers.items() if k.lower() != "date"} for each in (one, other)]
            assert same[0] == same[1]


def test_a_person(otto: DavClient) -> None:
    """§4: a principal, with name, URL and the offices that he is in; no collection."""
    names = ("resourcetype", "displayname", "principal-URL", "alternate-URI-set", "group-member-set")
    member = otto.properties("/users/clara/", *names, "group-membership", "getcontentlength")
    assert [each.tag for each in member.found[f"{DAV}resourcetype"]] == [f"{DAV}principal"]
    assert member.text("displayname") == "Clara Clerk"
    assert hrefs(member, "principal-URL") == ["/users/clara/"]
    assert hrefs(member, "alternate-URI-set") == hrefs(member, "group-member-set") == []
    assert hrefs(member, "group-membership") == ["/roles/archiv/clerk/", "/roles/ba05/clerk/"]
    assert member.missing == {f"{DAV}getcontentlength": 404}


def test_an_office_and_a_committee(otto: DavClient) -> None:
    """§4.3, §4.4: direct members only: people in offices, offices in the committee."""
    office = otto.properties("/roles/ba05/member/", "displayname", "group-member-set", "group-membership")
    assert office.text("displayname") == "Mitglied, BA 5 Au-Haidhausen"
    assert hrefs(office, "group-member-set") == ["/users/otto/"]
    assert hrefs(office, "group-membership") == ["/committees/ba05/"]
    board = otto.properties("/committees/ba05/", "displayname", "group-member-set", "group-membership")
    assert board.text("displayname") == "BA 5 Au-Haidhausen"
    assert sorted(hrefs(board, "group-member-set")) == ["/roles/ba05/clerk/", "/roles/ba05/member/"]
    assert hrefs(board, "group-membership") == []
    vacant = otto.properties("/roles/ba05/guest/", "group-member-set", "group-membership")
    assert hrefs(vacant, "group-member-set") == hrefs(vacant, "group-membership") == []


def test_collections_of_principals_are_no_principals(otto: DavClient) -> None:
    """And what a principal alone has is 404 on them."""
    member = otto.properties("/users/", "resourcetype", "principal-URL", "current-user-principal")
    assert member.is_collection
    assert member.missing == {f"{DAV}principal-URL": 404}
    assert hrefs(member, "current-user-principal") == ["/users/otto/"]


def test_they_are_no_drive(people: People) -> None:
    """Never listed among the drives, never a place to put things."""
    root = people("otto", "/dav")
    assert root.names("") == ["archiv", "ba05"]
    assert root.mkcol("/.principals/users/new").status == 405
    assert root.delete("/.principals/users/otto").status == 405
    refused = root.get("/.principals/users/otto")
    assert (refused.status, refused.headers["Allow"]) == (405, "OPTIONS, PROPFIND, REPORT")
    assert root.copy("/.principals/users/otto", "/ba05/Arbeitsordner/otto").status == 405
    assert root.propfind("/.principals/", "infinity").condition() == f"{DAV}propfind-finite-depth"


def test_whoever_is_not_logged_in_is_asked_to(server: RunningServer) -> None:
    """401, whatever the path."""
    with server.client("", HOME) as nobody:
        assert {nobody.propfind(path).status for path in ("", "/users/otto", "/users/nott")} == {401}


def test_what_is_supported_there(otto: DavClient) -> None:
    """RFC 3253 §3.1.3: the methods that answer here, not those of the drives; nobody may read or set a list."""
    member = otto.properties("/users/otto/", "supported-method-set", "acl", "current-user-privilege-set")
    assert [each.get("name") for each in member.found[f"{DAV}supported-method-set"]] == [
        "OPTIONS",
        "PROPFIND",
        "REPORT",
    ]
    assert member.missing == {f"{DAV}acl": 403}


# -- reports ----------------------------------------------------------------------------------------------------------


def test_an_unknown_report_is_refused(otto: DavClient, folder: DavClient) -> None:
    """RFC 3253 §3.6."""
    for client, path in ((otto, "/users"), (folder, "")):
        answer = report(client, path, "version-tree")
        assert (answer.status, answer.condition()) == (403, f"{DAV}supported-report")


def test_a_report_that_says_nothing_is_malformed(folder: DavClient) -> None:
    """400 without a body, for a Depth that the report does not have, for a half report."""
    assert folder.request("REPORT", "").status == 400
    assert report(folder, "", "expand-property", Depth="1").status == 400
    for root in ("principal-match", "principal-property-search"):
        assert report(folder, "", root).status == 400


def test_what_one_may_not_discover_has_no_report(folder: DavClient, people: People) -> None:
    """Law 3: 404 whatever the body says."""
    for root in ("expand-property", "version-tree", "acl-principal-prop-set"):
        assert report(folder, "/absent", root).status == 404
        assert report(people("sam", folder.base), "", root).status == 404


def test_who_is_named_by_a_list(folder: DavClient, drive: str) -> None:
    """§9.2: offices and people of the access list with their properties, pseudo-principals and doubles left out."""
    assert set_acl(folder, ace("<D:all/>", "deny", "unlock"), ace(OTTO, "grant", "read")).status == 200
    answer = report(folder, "", "acl-principal-prop-set", "<D:prop><D:displayname/></D:prop>")
    names = {href.removeprefix(HOME): member.text("displayname") for href, member in answer.members().items()}
    assert names["/users/otto"] == "Otto Maier"
    assert (names[f"/roles/{drive}/member"] or "").startswith("Mitglied, ")
    assert not [name for name in names if "all" in name.rpartition("/")[2]]


def test_who_is_named_needs_read_acl(folder: DavClient, people: People) -> None:
    """§9.2: only who may read the list."""
    answer = report(people("otto", folder.base), "", "acl-principal-prop-set")
    assert (answer.status, answer.condition()) == (403, f"{DAV}need-privileges")


def test_which_principals_am_i(otto: DavClient) -> None:
    """§9.3: self is oneself and all groups, direct or not, under the collection asked."""
    mine = report(otto, "", "principal-match", "<D:self/>")
    assert found(mine) == [
        *("/committees/archiv", "/committees/ba05"),
        *("/roles/archiv/member", "/roles/ba05/member", "/users/otto"),
    ]
    assert found(report(otto, "/users", "principal-match", "<D:self/>")) == ["/users/otto"]
    by_property = "<D:principal-property><D:group-member-set/></D:principal-property>"
    assert found(report(otto, "", "principal-match", by_property)) == ["/roles/archiv/member", "/roles/ba05/member"]
    both = "<D:self/>" + by_property
    assert report(otto, "", "principal-match", both).status == 400


def test_drives_hold_no_principals(folder: DavClient) -> None:
    """§9.3: nothing in a drive is, or belongs to, the current user."""
    assert report(folder, "", "principal-match", "<D:self/>").members() == {}
    owned = "<D:principal-property><D:owner/></D:principal-property>"
    assert report(folder, "", "principal-match", owned).members() == {}


def search(
    client: DavClient, path: str, *texts: str, prop: str = "displayname", more: str = "", test: str = ""
) -> Answer:
    each = "".join(
        f"<D:property-search><D:prop><D:{prop}/></D:prop><D:match>{text}</D:match></D:property-search>"
        for text in texts
    )
    wanted = "<D:prop><D:displayname/></D:prop>"
    attributes = f' test="{test}"' if test else ""
    return report(client, path, "principal-property-search", each + wanted + more, attributes)


def test_searching_people_by_name(otto: DavClient) -> None:
    """§9.4: part of the name, whatever its case; all searches have to match unless `anyof`."""
    assert found(search(otto, "/users", "MAIER")) == ["/users/otto"]
    assert found(search(otto, "/users", "otto", "clara")) == []
    assert found(search(otto, "/users", "otto", "clara", test="anyof")) == ["/users/clara", "/users/otto"]
    assert found(search(otto, "/users", "x", prop="getetag")) == []
    assert found(search(otto, "", "au-haid"))[:1] == ["/committees/ba05"]


def test_searching_finds_nobody_unknown(otto: DavClient, sam: DavClient) -> None:
    """The empty text matches everybody whom one may know of, and nobody else."""
    assert found(search(otto, "/users", "")) == ["/users/clara", "/users/otto"]
    assert found(search(sam, "", "")) == ["/users/sam"]


def test_searching_from_a_drive(folder: DavClient) -> None:
    """§9.4 apply-to-principal-collection-set: wherever the client stands."""
    assert found(search(folder, "", "maier")) == []
    assert found(search(folder, "", "maier", more="<D:apply-to-principal-collection-set/>")) == ["/users/otto"]


def test_what_can_be_searched(otto: DavClient) -> None:
    """§9.5."""
    answer = report(otto, "", "principal-search-property-set")
    assert answer.status == 200
    props = [each[0].tag for each in answer.xml().iter(f"{DAV}prop")]
    assert props == [f"{DAV}displayname"]


# -- expand-property (RFC 3253 §3.8) ----------------------------------------------------------------------------------

WHO = (
    '<D:property name="current-user-principal"><D:property name="displayname"/>'
    '<D:property name="group-membership"><D:property name="displayname"/></D:property></D:property>'
)


def test_following_hrefs(folder: DavClient, drive: str) -> None:
    """What an href points to stands in its place, with the properties asked for, level by level."""
    answer = report(folder, "", "expand-property", WHO + '<D:property name="colour" namespace="urn:x"/>')
    assert answer.status == 207
    (top,) = answer.xml()
    assert top.findtext(f"{DAV}href") == folder.base + "/"
    person = top.find(f"{DAV}propstat/{DAV}prop/{DAV}current-user-principal/{DAV}response")
    assert person is not None
    assert person.findtext(f"{DAV}href") == f"{HOME}/users/clara/"
    assert person.findtext(f"{DAV}propstat/{DAV}prop/{DAV}displayname") == "Clara Clerk"
    offices = [each.text for each in person.iterfind(f".//{DAV}group-membership/{DAV}response/{DAV}href")]
    assert f"{HOME}/roles/{drive}/clerk/" in offices
    missing = [each.tag for each in top.iterfind(f"{DAV}propstat[{DAV}status='HTTP/1.1 404 Not Found']/{DAV}prop/*")]
    assert missing == ["{urn:x}colour"]


def test_following_tells_no_more_than_asking(server: RunningServer, vault_folder: DavClient, people: People) -> None:
    """A list may name somebody whom its reader may not know of: nothing but 404 stands in place of the href."""
    command("entry", "add", vault_folder.base.removeprefix("/dav/"), "user:sam", "discover", data=server.data)
    wish = '<D:property name="acl"><D:property name="displayname"/></D:property>'
    answer = report(vault_folder, "", "expand-property", wish)
    told = {each.findtext(f"{DAV}href"): each.findtext(f"{DAV}status") for each in answer.xml().iter(f"{DAV}response")}
    assert told[f"{HOME}/users/sam/"] == "HTTP/1.1 404 Not Found"
    assert told[f"{HOME}/roles/ba05/clerk/"] is None
    refused = report(people("otto", vault_folder.base), "", "expand-property", wish).member()
    assert refused.missing == {f"{DAV}acl": 403}
    assert set_acl(vault_folder).status == 200  # sam sees the drive no longer


def test_following_ends(otto: DavClient) -> None:
    """Three levels at most, and a name that is none is malformed."""
    inner = "<D:property name='group-membership'>{}</D:property>"
    deep = inner.format(inner.format(inner.format(inner.format('<D:property name="displayname"/>'))))
    assert report(otto, "/users/otto", "expand-property", deep).status == 400
    assert report(otto, "/users/otto", "expand-property", '<D:property name="a b"/>').status == 400
    assert report(otto, "/users/otto", "expand-property", "<D:property/>").status == 400


def test_answers_are_well_formed_multistatus(otto: DavClient) -> None:
    """Names with what XML needs escaped come through reports as through PROPFIND."""
    answer = search(otto, "", "")
    assert isinstance(answer.xml(), etree._Element)
    assert all(member.found or member.missing for member in answer.members().values())
