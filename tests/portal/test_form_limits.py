"""What one form and one search may cost (docs/operations.md, Limits)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from davserver.nextcloud.endpoints import LONGEST_FORM
from davserver.portal import home, uploads
from davserver.portal.application import FORM_BYTES
from davserver.tree import searching
from davserver.tree.searching import Searching
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from tests.dav.doors import door, opened
from tests.davclient import DavClient
from tests.portal.portalclient import BOUNDARY, PortalClient

Visitors = Callable[[str], PortalClient]


def test_a_form_has_so_many_bytes(visitors: Visitors) -> None:
    """413 beyond; what fits is looked at."""
    otto = visitors("otto")
    token = otto.get("/").token()
    assert otto.post("/abmelden", {"token": token, "x": "y" * FORM_BYTES}).status == 413
    assert otto.get("/").title == "Meine Gremien"
    assert otto.post("/abmelden", {"token": token, "x": "y" * (FORM_BYTES // 2)}).status == 200
    assert otto.get("/").status == 303


def test_an_upload_has_short_fields_and_so_many_documents(visitors: Visitors, folder: DavClient) -> None:
    """A field is no document: 8 KiB at most; more than a thousand parts are no form of ours."""
    clara = visitors("clara")
    page = clara.open("/pfad" + folder.base.removeprefix("/dav"))
    action = page.path + "/hochladen"
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Origin": clara.origin}
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{{}}"\r\n\r\n{{}}\r\n'
    end = f"--{BOUNDARY}--\r\n"
    long = part.format("token", "0" * (uploads.MAX_FIELD_BYTES + 1)) + end
    assert clara.request("POST", action, long.encode(), kind).status == 400
    empty = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="documents"; filename=""\r\n\r\n\r\n'
    many = part.format("token", page.token()) + empty * uploads.MAX_PARTS + end
    assert clara.request("POST", action, many.encode(), kind).status == 413


def test_a_form_of_a_nextcloud_client_is_short(people: Callable[[str, str], DavClient]) -> None:
    client = people("", "")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    poll = "/index.php/login/v2/poll"
    assert client.request("POST", poll, "token=" + "x" * LONGEST_FORM, kind).status == 413
    assert client.request("POST", poll, "token=" + "x" * (LONGEST_FORM - 100), kind).status == 404


def test_a_search_ends_by_hits_and_by_time(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says then that there may be more."""
    with opened(own_data) as house:
        tree = door(house, "clara")
        for number in range(5):
            path = SharePath(("ba05", f"Protokoll {number}.txt"))
            tree.put(path, tree.stage(path, [b"x"]), Terms())
        whole = Searching(tree).search("protokoll")
        assert (len(whole.found), whole.complete) == (5, True)
        monkeypatch.setattr(searching, "HITS", 3)
        some = Searching(tree).search("protokoll")
        assert (len(some.found), some.complete) == (3, False)
        monkeypatch.setattr(searching, "SECONDS", -1.0)
        none = Searching(tree).search("protokoll")
        assert (none.found, none.complete) == ([], False)


def test_a_search_has_so_many_letters(visitors: Visitors) -> None:
    """What is longer is cut, not refused."""
    page = visitors("otto").get("/suche?q=" + "x" * 10 * home.MAX_QUERY)
    assert page.status == 200
    assert page.tree.xpath("//input[@name='q']/@value") == ["x" * home.MAX_QUERY]
