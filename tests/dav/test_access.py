"""Access lists on the wire: properties of rights, the ACL method and its preconditions (RFC 3744 §5, §7, §8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from acl.privileges import NAMES, Rights
from davserver.dav import privileges, xml
from davserver.dav.errors import need_privileges
from davserver.dav.reports import REPORTS
from davserver.dav.server import RequestServer
from davserver.tree.granting import Ace, check_list, nameable
from davserver.tree.seen import InvalidAcl
from tests.dav.lists import BOARD, MEMBERS, OTTO, Line, ace, aces_of, line, own, privileges_of, set_acl
from tests.davclient import DAV, LOCKINFO, DavClient, prop_body
from tests.running import RunningServer, command


@pytest.fixture
def otto(people: Callable[[str, str], DavClient], folder: DavClient) -> DavClient:
    """A member in the same folder."""
    return people("otto", folder.base)


# -- announcement ---------------------------------------------------------------------------------------------------


def test_the_class_follows_the_handlers(folder: DavClient) -> None:
    """RFC 3744 §7.2: `access-control`, because REPORT and ACL are there."""
    answer = folder.request("OPTIONS", "")
    assert "access-control" in answer.headers["DAV"].split(", ")
    assert {"REPORT", "ACL"} <= set(answer.headers["Allow"].split(", "))


def test_what_is_supported_is_what_there_are_handlers_for(folder: DavClient, drive: str) -> None:
    """RFC 3253 §3.1.3, §3.1.5; a drive without a journal has no sync-collection (storage.md §6)."""
    found = folder.propfind("", "0", prop_body("supported-method-set", "supported-report-set")).member().found
    methods = [each.get("name") for each in found[f"{DAV}supported-method-set"]]
    assert methods == list(RequestServer.methods)
    reports = [each[0][0].tag for each in found[f"{DAV}supported-report-set"]]
    assert reports == [name for name in REPORTS if drive == "ba05" or name != f"{DAV}sync-collection"]


# -- properties -----------------------------------------------------------------------------------------------------


def test_rights_are_told_only_when_asked_for(folder: DavClient) -> None:
    """RFC 3744 §5: none of its properties in allprop."""
    names = set(folder.propfind("", "0").member().found)
    told = {"owner", "group", "acl", "supported-privilege-set", "current-user-principal", "principal-collection-set"}
    assert not {DAV + name for name in told} & names


def test_simple_properties(folder: DavClient) -> None:
    """§5.1, §5.2, §5.6 to §5.8; RFC 5397."""
    found = folder.propfind(
        "",
        "0",
        prop_body(
            *("owner", "group", "acl-restrictions", "inherited-acl-set"),
            *("principal-collection-set", "current-user-principal", "principal-URL", "group-membership"),
        ),
    ).member()
    for name in ("owner", "group", "inherited-acl-set"):
        assert len(found.found[DAV + name]) == 0
    assert [each.tag for each in found.found[f"{DAV}acl-restrictions"]] == [
        f"{DAV}deny-before-grant",
        f"{DAV}no-invert",
    ]
    assert found.found[f"{DAV}principal-collection-set"].findtext(f"{DAV}href") == "/dav/.principals/"
    assert found.found[f"{DAV}current-user-principal"].findtext(f"{DAV}href") == "/dav/.principals/users/clara/"
    assert found.missing == {f"{DAV}principal-URL": 404, f"{DAV}group-membership": 404}


@pytest.mark.parametrize("path", ["/", "/dav/"])
def test_who_am_i_is_told_above_the_drives_too(people: Callable[[str, str], DavClient], path: str) -> None:
    """RFC 5397: clients ask it of whatever URL they were given."""
    found = people("otto", "").propfind(path, "0", prop_body("current-user-principal")).member().found
    assert found[f"{DAV}current-user-principal"].findtext(f"{DAV}href") == "/dav/.principals/users/otto/"


def test_the_tree_of_privileges_is_whole(folder: DavClient) -> None:
    """§5.3: every privilege once, read over view over discover, ours in our namespace, each described."""
    found = folder.propfind("", "0", prop_body("supported-privilege-set")).member().found
    tree = found[f"{DAV}supported-privilege-set"]
    names = [privilege_of(each) for each in tree.iter(f"{DAV}supported-privilege")]
    assert sorted(names) == sorted(name for _, name in privileges.NAMES)
    assert all(each.findtext(f"{DAV}description") for each in tree.iter(f"{DAV}supported-privilege"))
    (discover,) = (each for each in tree.iter() if each.tag == f"{privileges.OWN}discover")
    above = [privilege_of(each) for each in discover.iterancestors(f"{DAV}supported-privilege")]
    assert [name.rpartition("}")[2] for name in above] == ["discover", "view", "read", "all"]
    abstract = [
        privilege_of(each) for each in tree.iter(f"{DAV}supported-privilege") if each.find(f"{DAV}abstract") is not None
    ]
    assert abstract == [f"{DAV}read-current-user-privilege-set"]


def privilege_of(supported: etree._Element) -> str:
    privilege = supported.find(f"{DAV}privilege")
    assert privilege is not None
    return str(privilege[0].tag)


def test_rights_by_office_are_protected_lines(folder: DavClient, drive: str) -> None:
    """§5.5.3: computed rights cannot be changed by a list; roles that have none there do not appear."""
    protected = {line(each)[0]: line(each) for each in aces_of(folder) if each.find(f"{DAV}protected") is not None}
    assert protected[f"roles/{drive}/clerk/"][1] == "grant"
    assert "read" in protected[f"roles/{drive}/member/"][2]
    assert "bind" not in protected[f"roles/{drive}/member/"][2]
    assert f"roles/{drive}/guest/" not in protected


def test_a_computed_line_says_what_its_holder_has(people: Callable[[str, str], DavClient], drive: str) -> None:
    """The protected line of an office and the privileges of one who holds it alone are the same thing."""
    lines = {who: names for who, _, names in map(line, aces_of(people("clara", f"/dav/{drive}")))}
    for user, role in (("clara", "clerk"), ("otto", "member")):
        given = NAMES["read-current-user-privilege-set"]
        for name in lines[f"roles/{drive}/{role}/"]:
            given |= NAMES[name]
        words = {word for word, rights in NAMES.items() if rights & given == rights}
        assert privileges_of(people(user, f"/dav/{drive}")) == words


def test_computed_lines_follow_class_and_phase(server: RunningServer, vault_folder: DavClient) -> None:
    """They say what holds now: nobody but clerks for office papers, everybody once a paper is published."""
    path = vault_folder.base.removeprefix("/dav/")

    def computed() -> set[Line]:
        return {line(each) for each in aces_of(vault_folder) if each.find(f"{DAV}protected") is not None}

    assert not [names for who, _, names in computed() if who == "all"]
    command("label", path, "--publish", "now", data=server.data)
    assert ("all", "grant", ("read",)) in computed()
    command("label", path, "--class", "office", data=server.data)
    assert {who for who, _, _ in computed()} == {"roles/ba05/clerk/"}


def test_entries_from_further_up_are_inherited_lines(folder: DavClient) -> None:
    """§5.5.4: with the URL where they stand; a list here leaves them alone."""
    assert set_acl(folder, ace(OTTO, "grant", "read", "write")).status == 200
    assert folder.mkcol("/inner").status == 201
    above = [each for each in aces_of(folder, "/inner") if line(each)[0] == "users/otto/"]
    assert [each.findtext(f"{DAV}inherited/{DAV}href") for each in above] == [folder.base + "/"]
    assert set_acl(folder, path="/inner").status == 200
    assert len([each for each in aces_of(folder, "/inner") if line(each)[0] == "users/otto/"]) == 1


def test_a_list_is_not_shown_without_read_acl(otto: DavClient) -> None:
    """§5.5, §7.1.1: 403 in the propstat of this property alone, with what is missing; the rest is told."""
    answer = otto.propfind("", "0", prop_body("acl", "displayname"))
    member = answer.member()
    assert member.missing == {f"{DAV}acl": 403}
    assert f"{DAV}displayname" in member.found
    needed = answer.xml().find(f".//{DAV}propstat/{DAV}error/{DAV}need-privileges/{DAV}resource")
    assert needed is not None
    assert needed.findtext(f"{DAV}href") == otto.base + "/"
    assert [each[0].tag for each in needed.iterchildren(f"{DAV}privilege")] == [f"{DAV}read-acl"]


def test_minimal_answers_still_tell_what_is_refused(otto: DavClient) -> None:
    """RFC 7240 §4.2 leaves out what is not there, not what may not be read."""
    headers = {"Depth": "0", "Prefer": "return=minimal"}
    member = otto.request("PROPFIND", "", prop_body("acl", "principal-URL"), headers).member()
    assert member.missing == {f"{DAV}acl": 403}


def test_rights_are_never_set_by_proppatch(folder: DavClient) -> None:
    """§5: all of them are protected."""
    body = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:{}/></D:prop></D:set></D:propertyupdate>'
    for name in ("acl", "owner", "group", "group-member-set", "current-user-principal"):
        assert folder.request("PROPPATCH", "", body.format(name)).member().missing == {DAV + name: 403}


# -- the ACL method -------------------------------------------------------------------------------------------------


def test_a_list_gives_and_takes(folder: DavClient, otto: DavClient, drive: str) -> None:
    """§8.1: the whole hand-set list is replaced, and holds at once, also in the other worker."""
    assert folder.put("/a.txt", b"a").status == 201
    assert folder.mkcol("/closed").status == 201
    assert set_acl(folder, ace(OTTO, "deny", "write"), path="/closed").status == 200
    assert own(folder, "/closed") == [("users/otto/", "deny", ("write",))]
    assert "bind" not in privileges_of(otto, "/closed")
    assert set_acl(folder, ace(OTTO, "deny", "read"), path="/closed").status == 200
    assert [otto.propfind("/closed", "0").status for _ in range(8)] == [404] * 8
    members = MEMBERS.format(drive=drive)
    assert set_acl(folder, ace(members, "grant", "unlock"), path="/closed").status == 200
    assert own(folder, "/closed") == [(f"roles/{drive}/member/", "grant", ("unlock",))]
    assert "unlock" in privileges_of(otto, "/closed")
    assert set_acl(folder, path="/closed").status == 200
    assert own(folder, "/closed") == []


@pytest.mark.parametrize("principal", [OTTO, MEMBERS, BOARD, "<D:authenticated/>", "<D:all/>"])
def test_all_kinds_of_principals(folder: DavClient, drive: str, principal: str) -> None:
    """§5.5.1, and the list comes back as it was sent."""
    principal = principal.format(drive=drive)
    assert (
        set_acl(folder, ace(principal, "deny", "unlock"), ace(principal, "grant", "read", "comment-not")).status == 403
    )
    comment = f'<D:privilege><x:comment xmlns:x="{privileges.OWN[1:-1]}"/></D:privilege>'
    line_ = f"<D:ace><D:principal>{principal}</D:principal><D:grant>{comment}</D:grant></D:ace>"
    assert set_acl(folder, ace(principal, "deny", "unlock"), line_).status == 200
    assert [(kind, names) for _, kind, names in own(folder)] == [("deny", ("unlock",)), ("grant", ("comment",))]


def test_the_list_as_read_can_be_sent_back(folder: DavClient) -> None:
    """§8.1: a client reads, changes a line and writes; protected and inherited lines may stay in the body."""
    assert set_acl(folder, ace(OTTO, "deny", "unlock"), ace(OTTO, "grant", "read")).status == 200
    assert folder.mkcol("/inner").status == 201
    for path in ("", "/inner"):
        before = [etree.tostring(each, method="c14n") for each in aces_of(folder, path)]
        assert set_acl(folder, *(each.decode() for each in before), path=path).status == 200
        assert [etree.tostring(each, method="c14n") for each in aces_of(folder, path)] == before


def test_documents_and_drives_have_lists_too(folder: DavClient, people: Callable[[str, str], DavClient]) -> None:
    """An entry hangs on a node, whatever it is; the collection of drives belongs to nobody."""
    assert folder.put("/a.txt", b"a").status == 201
    assert set_acl(folder, ace(OTTO, "deny", "write-content"), path="/a.txt").status == 200
    assert people("otto", folder.base).put("/a.txt", b"b").status == 403
    assert set_acl(people("clara", "/dav/"), path="").status == 403


def test_entries_that_a_list_cannot_say_are_protected(server: RunningServer, vault_folder: DavClient) -> None:
    """A window, a cut, and a denial of reading alone (set by command) stay whatever list is set."""
    path = vault_folder.base.removeprefix("/dav/")
    for words in (
        ("user:otto", "read", "--until", "2999-01-01"),
        ("role:member", "read", "--cut"),
        ("user:otto", "read", "--deny"),
    ):
        command("entry", "add", path, *words, data=server.data)
    assert own(vault_folder) == []
    kept = [each for each in aces_of(vault_folder) if each.find(f"{DAV}protected") is not None]
    assert [line(each)[:2] for each in kept if "otto" in line(each)[0]] == [
        ("users/otto/", "deny"),
        ("users/otto/", "grant"),
    ]
    assert set_acl(vault_folder).status == 200
    assert len([each for each in aces_of(vault_folder) if "otto" in line(each)[0]]) == 2


def test_a_list_needs_write_acl(otto: DavClient) -> None:
    """§7.1.1, §8.1: 403 with the resource and the privilege."""
    answer = set_acl(otto)
    assert (answer.status, answer.condition()) == (403, f"{DAV}need-privileges")
    assert answer.xml().find(f".//{DAV}privilege/{DAV}write-acl") is not None


def test_a_lock_protects_the_list(folder: DavClient, otto: DavClient) -> None:
    """§7: only the lock's owner, with its token, changes the list."""
    assert set_acl(folder, ace(OTTO, "grant", "write")).status == 200
    assert folder.put("/a.txt", b"a").status == 201
    locked = otto.request("LOCK", "/a.txt", LOCKINFO.format(scope="exclusive", owner="o"), {"Depth": "0"})
    assert locked.status == 200
    assert set_acl(folder, path="/a.txt").status == 423
    assert otto.unlock("/a.txt", locked.lock_token).status == 204
    assert set_acl(folder, path="/a.txt").status == 200


def test_a_false_condition_stops_it(folder: DavClient) -> None:
    """RFC 9110 §13.1.1: nothing is changed."""
    assert folder.put("/a.txt", b"a").status == 201
    answer = set_acl(folder, ace(OTTO, "deny", "write"), path="/a.txt", **{"If-Match": '"nonsense"'})
    assert answer.status == 412
    assert own(folder, "/a.txt") == []


def test_every_change_is_noted(server: RunningServer, vault_folder: DavClient) -> None:
    """Who gave what to whom stands in the audit log; a list that changes nothing leaves no line."""
    for _ in range(2):
        assert set_acl(vault_folder, ace(OTTO, "grant", "unlock")).status == 200
    assert set_acl(vault_folder).status == 200
    told = command("audit", "show", "--json", data=server.data)
    assert told.count("+user:otto gives unlock") >= 1
    assert told.count("-user:otto gives unlock") >= 1


# -- the rules behind, alone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rights", [Rights.READ, Rights.VIEW, Rights.ALL, Rights.WRITE | Rights.DISCOVER])
def test_nameable_rights(rights: Rights) -> None:
    """Names of privileges say exactly this, so a line of it can go round."""
    assert nameable(rights)
    named = Rights.NONE
    for text in privileges.needed(rights):
        tag = etree.fromstring(xml.document("D:x", text))[0][0].tag
        named |= privileges.BY_NAME[str(tag)]
    assert named == rights


@pytest.mark.parametrize("rights", [Rights.READ & ~Rights.VIEW, Rights.READ & ~Rights.DISCOVER])
def test_rights_without_names(rights: Rights) -> None:
    """`read` without the `view` in it is what a denial by command may take; no line can say it."""
    assert not nameable(rights)


def test_a_deny_and_an_inherited_grant_go_together() -> None:
    """Denials narrow what is given further up; that is what they are for."""
    above = Ace("user:otto", Rights.READ, inherited=None)._replace(protected=False)
    check_list([Ace("user:otto", Rights.READ, deny=True)], [above])
    with pytest.raises(InvalidAcl):
        check_list([Ace("user:otto", Rights.READ, deny=True)], [above._replace(protected=True)])


def test_each_missing_privilege_has_its_resource() -> None:
    """§7.1.1: `resource` holds one href and one privilege."""
    found = etree.fromstring(f'<D:x xmlns:D="DAV:">{need_privileges("/dav/a&b", Rights.BIND | Rights.UNBIND)}</D:x>')[0]
    assert [[str(part.tag) for part in resource] for resource in found] == [[f"{DAV}href", f"{DAV}privilege"]] * 2
