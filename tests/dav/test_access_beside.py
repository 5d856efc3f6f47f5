"""Access lists beside shares, links and views of each reader: nothing that stands there is lost or told (RFC 3744)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from acl.privileges import Rights
from davserver.house import House
from davserver.tree.sharing import LinkWish
from tests.dav.doors import door, fresh, opened, tree_path
from tests.dav.lists import OTTO, ace, aces_of, line, own, set_acl
from tests.davclient import DAV, DavClient, prop_body
from tests.running import RunningServer, copied, start


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("beside")), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


@pytest.fixture
def folder(served: RunningServer) -> Iterator[DavClient]:
    with fresh(served) as client:
        assert client.mkcol("/F").status == 201
        yield client


def test_inside_shares_are_protected_lines(house: House, folder: DavClient) -> None:
    """A share is its maker's, not the office's: a list shows it and leaves it alone."""
    number = door(house, "clara").share_inside(tree_path(folder, "/F"), "user:otto", Rights.READ)
    (shared,) = (each for each in aces_of(folder, "/F") if line(each) == ("users/otto/", "grant", ("read",)))
    assert shared.find(f"{DAV}protected") is not None
    assert set_acl(folder, path="/F").status == 200
    assert len([each for each in aces_of(folder, "/F") if line(each)[0] == "users/otto/"]) == 1
    door(house, "clara").end_share("ba05", number)
    assert not [each for each in aces_of(folder, "/F") if line(each)[0] == "users/otto/"]


def test_through_the_list_of_what_is_shared_the_real_place_is_named(
    served: RunningServer, house: House, folder: DavClient
) -> None:
    """An inherited line stands where it stands, by whatever way one came; and the list is the same one."""
    assert set_acl(folder, ace(OTTO, "grant", "read")).status == 200
    number = door(house, "clara").share_inside(tree_path(folder, "/F"), "committee:ba05", Rights.READ)
    with served.client("clara", "/dav/geteilt/ba05/F") as way:
        (above,) = (
            each for each in aces_of(way) if each.find(f"{DAV}inherited") is not None and "otto" in line(each)[0]
        )
        assert above.findtext(f"{DAV}inherited/{DAV}href") == folder.base + "/"
        assert set_acl(way, ace(OTTO, "deny", "unlock")).status == 200
    assert own(folder, "/F") == [("users/otto/", "deny", ("unlock",))]
    door(house, "clara").end_share("ba05", number)


def test_a_link_knows_nobody(served: RunningServer, house: House, folder: DavClient) -> None:
    """Whoever has a link is no principal here: no list, no people, and no way to set anything."""
    assert set_acl(folder, ace(OTTO, "grant", "read"), path="/F").status == 200
    secret = house.links.new_secret(None)
    door(house, "clara").make_link(tree_path(folder, "/F"), LinkWish(secret.digest))
    with closing(DavClient(served.url, base=f"/dav-link/{secret.token}")) as visitor:
        asked = visitor.propfind("/", "0", prop_body("current-user-principal", "acl", "group-membership"))
        assert asked.member().found[f"{DAV}current-user-principal"].find(f"{DAV}unauthenticated") is not None
        assert asked.member().missing == {f"{DAV}acl": 403, f"{DAV}group-membership": 404}
        assert b"otto" not in asked.body
        assert set_acl(visitor, path="/").condition() == f"{DAV}need-privileges"
        search = (
            '<D:principal-property-search xmlns:D="DAV:"><D:property-search><D:prop><D:displayname/></D:prop><D:match/>'
            "</D:property-search><D:apply-to-principal-collection-set/></D:principal-property-search>"
        )
        assert visitor.request("REPORT", "/", search).members() == {}
        assert visitor.propfind("/.principals/users/otto").status == 404


def test_what_a_list_hides_no_tag_tells(served: RunningServer, folder: DavClient) -> None:
    """rights.md §4: a folder's tag changes with the list, then no more with what the list hides from its reader."""
    with served.client("otto", folder.base) as otto:
        assert set_acl(folder, ace(OTTO, "deny", "read"), path="/F").status == 200
        assert otto.names("/") == []
        before, seen = (each.properties("", "getetag").text("getetag") for each in (otto, folder))
        assert folder.put("/F/hidden", b"x").status == 201
        assert otto.properties("", "getetag").text("getetag") == before
        assert folder.properties("", "getetag").text("getetag") != seen
        assert set_acl(folder, path="/F").status == 200
        assert otto.names("/") == ["F"]
        assert otto.properties("", "getetag").text("getetag") != before
