"""status.php, OCS, well-known addresses: what the clients ask before they speak WebDAV."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from lxml import etree

from tests.davclient import DavClient
from tests.nextcloud.conftest import raw

People = Callable[[str, str], DavClient]


def test_status_without_login(people: People) -> None:
    """Clients look here first, and choose their login by the version."""
    answer = people("", "").get("/status.php")
    told = json.loads(answer.body)
    assert (answer.status, told["installed"], told["maintenance"]) == (200, True, False)
    assert int(told["version"].split(".")[0]) >= 16, "from 16 on the desktop uses Login Flow v2"
    head = people("", "").head("/status.php")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(answer.body)))


@pytest.mark.parametrize(("version", "code"), [(1, 100), (2, 200)])
def test_capabilities_tell_what_is_built(people: People, version: int, code: int) -> None:
    """Without login too; bulk upload is off, chunking is on."""
    for client in (people("", ""), people("otto", "")):
        answer = raw(client, "GET", f"/ocs/v{version}.php/cloud/capabilities?format=json")
        told = json.loads(answer.body)["ocs"]
        assert (answer.status, told["meta"]["statuscode"], told["meta"]["status"]) == (200, code, "ok")
        built = told["data"]["capabilities"]
        assert built["dav"] == {"chunking": "1.0"}
        assert built["checksums"]["preferredUploadType"] == "SHA1"
        assert not built["files_sharing"]["api_enabled"]


def test_user_in_json_and_xml(people: People) -> None:
    """The id is the name in the DAV path; both forms say the same."""
    told = json.loads(raw(people("otto", ""), "GET", "/ocs/v1.php/cloud/user?format=json").body)["ocs"]["data"]
    assert (told["id"], told["display-name"]) == ("otto", "Otto Maier")
    root = etree.fromstring(people("otto", "").get("/ocs/v2.php/cloud/users/otto").body)
    assert root.findtext("data/id") == "otto"
    assert root.findtext("data/display-name") == "Otto Maier"
    assert root.findtext("meta/statuscode") == "200"


def test_nobody_learns_of_others(people: People) -> None:
    """Another's name, an unknown one, and what is not built are the same 404; without login 401 and 997."""
    otto = people("otto", "")
    bodies = set()
    for path in ("cloud/users/clara", "cloud/users/niemand", "cloud/users", "apps/notifications/api/v2/notifications"):
        answer = raw(otto, "GET", f"/ocs/v2.php/{path}?format=json")
        bodies.add((answer.status, answer.body))
        meta = json.loads(answer.body)["ocs"]["meta"]
        assert (answer.status, meta["statuscode"], meta["status"]) == (404, 404, "failure")
    assert len(bodies) == 1
    answer = raw(people("", ""), "GET", "/ocs/v1.php/cloud/user?format=json")
    assert (answer.status, json.loads(answer.body)["ocs"]["meta"]["statuscode"]) == (401, 997)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_other_addresses(people: People) -> None:
    """No captive portal stands between; WebDAV has an address, calendars have none; the base does not ask for Basic."""
    nobody = people("", "")
    assert nobody.get("/index.php/204").status == 204
    known = nobody.get("/.well-known/webdav")
    assert (known.status, known.headers["Location"]) == (301, "/dav/")
    assert nobody.get("/.well-known/caldav").status == 404
    base = nobody.get("/")
    assert base.status == 303
    assert "WWW-Authenticate" not in base.headers, "the desktop client would fall back to Basic"
    assert nobody.request("POST", "/status.php").status == 405


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/remote.php", {"dav", "webdav"}),
        ("/remote.php/dav/", {"files", "uploads"}),
        ("/remote.php/dav/files", {"otto"}),
    ],
)
def test_prefixes_show_the_way_down(people: People, path: str, below: set[str]) -> None:
    """PROPFIND of depth 0 and 1 on every prefix; without login 401."""
    otto = people("otto", "")
    assert len(otto.propfind(path, "0").members()) == 1
    members = {href.rpartition("/")[2] for href in otto.propfind(path, "1").members() if href != path.rstrip("/")}
    assert below <= members
    assert people("", "").propfind(path, "0").status == 401
    assert otto.put(path, b"x").status == 405
