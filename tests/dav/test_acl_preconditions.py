"""What no access list may say, with the element that tells why (RFC 3744 §8.1.1)."""

from __future__ import annotations

import pytest

from tests.dav.lists import BOARD, CLARA, MEMBERS, OTTO, ace, own, privileges_of, set_acl
from tests.davclient import DAV, DavClient
from tests.running import RunningServer, command

ALSO_DENIED = "<D:deny><D:privilege><D:read/></D:privilege></D:deny>"
READ_ABOVE = ace(OTTO, "grant", "read", more="<D:inherited><D:href>/dav/</D:href></D:inherited>")
REFUSED = {
    "no-ace-conflict": (ace(OTTO, "deny", "unlock"), ace(OTTO, "grant", "unlock")),
    "no-protected-ace-conflict": (ace(MEMBERS, "deny", "read"),),
    "no-protected-ace-conflict unknown": (ace(OTTO, "grant", "unlock", more="<D:protected/>"),),
    "no-inherited-ace-conflict unknown": (READ_ABOVE,),
    "limited-number-of-aces": tuple(ace(OTTO, "deny", "unlock") for _ in range(101)),
    "deny-before-grant": (ace(OTTO, "grant", "read"), ace(CLARA, "deny", "unlock")),
    "no-invert": (f"<D:ace><D:invert><D:principal>{OTTO}</D:principal></D:invert><D:deny/></D:ace>",),
    "no-abstract": (ace(OTTO, "grant", "read-current-user-privilege-set"),),
    "not-supported-privilege": (ace(OTTO, "grant", "fly"),),
    "recognized-principal person": (ace(OTTO.replace("otto", "nobody"), "grant", "read"),),
    "recognized-principal undiscoverable": (ace(OTTO.replace("otto", "sam"), "grant", "read"),),
    "recognized-principal document": (ace("<D:href>/dav/ba05/</D:href>", "grant", "read"),),
    "recognized-principal elsewhere": (ace("<D:href>http://example.org/otto</D:href>", "grant", "read"),),
    "recognized-principal committee": (ace(BOARD.format(drive="ba99"), "grant", "read"),),
    "allowed-principal himself": (ace(CLARA, "grant", "read"),),
    "allowed-principal self": (ace("<D:self/>", "grant", "read"),),
    "allowed-principal unauthenticated": (ace("<D:unauthenticated/>", "grant", "read"),),
    "allowed-principal property": (ace("<D:property><D:owner/></D:property>", "grant", "read"),),
    "allowed-principal other office": (ace(MEMBERS.format(drive="ba99"), "grant", "read"),),
    "need-privileges": (ace(OTTO, "grant", "all"),),
}


@pytest.mark.parametrize("name", REFUSED)
def test_preconditions(vault_folder: DavClient, name: str) -> None:
    """§8.1.1: 403 with the element that says why, and the list stays as it was."""
    assert set_acl(vault_folder, ace(OTTO, "grant", "comment").replace("<D:comment/>", "<D:unlock/>")).status == 200
    before = own(vault_folder)
    answer = set_acl(vault_folder, *(each.format(drive="ba05") for each in REFUSED[name]))
    assert (answer.status, answer.condition()) == (403, DAV + name.partition(" ")[0])
    assert own(vault_folder) == before


def test_what_is_denied_further_up_cannot_be_given(vault_folder: DavClient) -> None:
    """§8.1.1 no-inherited-ace-conflict: a denial from above holds on, so the line would say what is not so."""
    assert set_acl(vault_folder, ace(OTTO, "deny", "unlock")).status == 200
    assert vault_folder.mkcol("/inner").status == 201
    answer = set_acl(vault_folder, ace(OTTO, "grant", "unlock"), path="/inner")
    assert (answer.status, answer.condition()) == (403, f"{DAV}no-inherited-ace-conflict")
    assert (
        set_acl(vault_folder, ace(OTTO, "grant", "link-not"), path="/inner").condition()
        == f"{DAV}not-supported-privilege"
    )


def test_nobody_lifts_a_denial_of_himself(vault_folder: DavClient) -> None:
    """rights.md §2: nobody gives himself rights, that takes a second person; denying himself he may."""
    assert set_acl(vault_folder, ace(CLARA, "deny", "unlock")).status == 200
    assert "unlock" not in privileges_of(vault_folder)
    answer = set_acl(vault_folder)
    assert (answer.status, answer.condition()) == (403, f"{DAV}allowed-principal")
    assert own(vault_folder) == [("users/clara/", "deny", ("unlock",))]


def test_whoever_hides_it_from_himself_may(vault_folder: DavClient) -> None:
    """Denying oneself everything is no gain; the resource is gone for him at once."""
    assert vault_folder.mkcol("/inner").status == 201
    assert set_acl(vault_folder, ace(CLARA, "deny", "all"), path="/inner").status == 200
    assert vault_folder.propfind("/inner", "0").status == 404


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<D:propfind xmlns:D='DAV:'/>",
        f"<D:acl xmlns:D='DAV:'><D:ace><D:principal>{OTTO}</D:principal></D:ace></D:acl>",
        "<D:acl xmlns:D='DAV:'><D:ace><D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace></D:acl>",
        f"<D:acl xmlns:D='DAV:'>{ace(OTTO, 'grant')}</D:acl>",
        f"<D:acl xmlns:D='DAV:'>{ace('<D:nobody/>', 'grant', 'read')}</D:acl>",
        f"<D:acl xmlns:D='DAV:'>{ace(OTTO, 'grant', 'read', more=ALSO_DENIED)}</D:acl>",
        "<D:acl xmlns:D='DAV:'>",
    ],
)
def test_malformed_lists(vault_folder: DavClient, body: str) -> None:
    """§8.1.5: grant and deny in one line, and whatever else is no list, is 400."""
    assert vault_folder.request("ACL", "", body).status == 400


def test_whom_the_list_names_already_may_stay(server: RunningServer, vault_folder: DavClient) -> None:
    """Somebody unknown to the clerk (set by command) goes round with the list as read, but cannot be added anew."""
    path = vault_folder.base.removeprefix("/dav/")
    command("entry", "add", path, "user:sam", "unlock", data=server.data)
    stranger = ace(OTTO.replace("otto", "sam"), "grant", "unlock")
    assert set_acl(vault_folder, stranger, ace(OTTO, "grant", "unlock")).status == 200
    assert [who for who, _, _ in own(vault_folder)] == ["users/sam/", "users/otto/"]
    assert set_acl(vault_folder).status == 200
    assert set_acl(vault_folder, stranger).condition() == f"{DAV}recognized-principal"
