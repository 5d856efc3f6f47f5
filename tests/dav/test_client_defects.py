"""What real clients stumble over (the defects D1 to D15 seen with them), each as a rule that this server keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.davclient import LOCKINFO, DavClient, prop_body
from tests.running import RunningServer, start

People = Callable[[str, str], DavClient]


def test_d3_head_and_a_second_request_share_a_connection_after_401_and_412(vault_folder: DavClient) -> None:
    """Office's existence discovery and Cyberduck's login: HEAD first."""
    vault_folder.put("/f", b"1")
    credential, vault_folder.authorization = vault_folder.authorization, ""
    assert vault_folder.head("/f").status == 401
    vault_folder.authorization = credential
    assert vault_folder.head("/f").status == 200
    assert vault_folder.head("/f", If_Match='"x"').status == 412
    assert vault_folder.get("/f").body == b"1"


def test_d7_a_reader_is_refused_the_lock_itself(people: People, drive: str) -> None:
    """LibreOffice's only sign of read-only is LOCK 403: never 405, never 423, and nothing is made."""
    clerk, reader = people("clara", f"/dav/{drive}"), people("otto", f"/dav/{drive}")
    clerk.put("/readable.txt", b"1")
    clerk.proppatch("/readable.txt", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>")
    assert reader.get("/readable.txt").status == 200
    assert reader.lock("/readable.txt").status == 403
    assert reader.lock("/unmapped.txt").status == 403
    assert reader.put("/readable.txt", b"2").status == 403
    assert "unmapped.txt" not in clerk.names("")


def test_d8_a_stale_token_in_a_tagged_list_is_refused(folder: DavClient) -> None:
    """davfs2 and cadaver (neon) tag with the absolute URL."""
    folder.put("/f", b"1")
    token = folder.lock("/f").lock_token
    folder.unlock("/f", token)
    answer = folder.put("/f", b"2", If=f"<{folder.url('/f')}> (<{token}>)")
    assert answer.status == 412
    assert folder.get("/f").body == b"1"


def test_d10_an_https_destination_behind_a_configured_proxy_is_ours(own_data: Path) -> None:
    env = {"DAVSERVER_TRUSTED_PROXIES": "127.0.0.1", "DAVSERVER_ACCOUNT_PASSWORD_ON_DAV": "true"}
    with start(own_data, workers=1, env=env) as running, running.client("clara", "/dav/ba05") as clerk:
        clerk.put("/a", b"1")
        proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        there = clerk.url("/b").replace("http:", "https:")
        answer = clerk.request("COPY", "/a", headers={"Destination": there, **proxied})
        assert answer.status == 201
        assert running.stop() == 0


def test_d11_locks_survive_a_restart(own_data: Path) -> None:
    """LibreOffice's first save after a restart must not fail with 412."""
    with start(own_data) as running, running.client("clara", "/dav/ba05") as clerk:
        clerk.put("/f", b"1")
        token = clerk.lock("/f").lock_token
        assert running.stop() == 0
    with start(own_data) as running, running.client("clara", "/dav/ba05") as clerk:
        assert clerk.put("/f", b"2").status == 423
        assert clerk.put("/f", b"2", If=f"(<{token}>)").status == 204
        assert running.stop() == 0


def test_d14_options_is_answered_to_everybody_everywhere(server: RunningServer) -> None:
    """Windows asks the host root, Office every parent, all without credentials."""
    with server.client() as nobody:
        for path in ("/", "/dav", "/dav/", "/dav/ba05/", "/dav/ba05/none/such"):
            answer = nobody.options(path)
            assert answer.status == 200, path
            assert "2" in [part.strip() for part in answer.headers["DAV"].split(",")]
            assert answer.headers["MS-Author-Via"] == "DAV"
            assert {"PUT", "MKCOL", "LOCK", "PROPFIND"} <= {m.strip() for m in answer.headers["Allow"].split(",")}
        assert nobody.request("OPTIONS", "", raw_target="*").status == 200


def test_d14_the_realm_is_made_for_people(server: RunningServer) -> None:
    """RFC 7617 §2.1: UTF-8 announced; gvfs shows the realm in its prompt."""
    with server.client() as nobody:
        challenge = nobody.propfind("/dav/").headers["WWW-Authenticate"]
    assert re.fullmatch(r'Basic realm="[^"/]+", charset="UTF-8"', challenge)


def test_every_prefix_answers_propfind(people: People) -> None:
    """Windows asks Depth 0 on every prefix down to the share, also without the slash, and wants no redirect."""
    clerk = people("clara", "")
    for path in ("/", "/dav", "/dav/", "/dav/ba05", "/dav/ba05/"):
        for depth in ("0", "1"):
            assert clerk.propfind(path, depth).status == 207, path
    assert "/dav" in clerk.propfind("/", "1").members()
    assert {"/dav/ba05", "/dav/archiv"} <= set(clerk.propfind("/dav/", "1").members())
    assert clerk.propfind("/dav/none").status == 404


def test_a_drive_shows_its_committees_name(people: People) -> None:
    assert people("clara", "").properties("/dav/ba05/", "displayname").text("displayname") == "BA 5 Au-Haidhausen"


def test_a_domain_before_the_user_name_is_stripped(server: RunningServer) -> None:
    """Windows sends DOMAIN\\user."""
    client = server.client("OFFICE\\clara")
    with client:
        assert client.propfind("/dav/").status == 207


def test_explorers_new_file(folder: DavClient) -> None:
    """PUT of 0 bytes, LOCK without Depth, PROPPATCH Win32*, PUT with If, UNLOCK (MiniRedir)."""
    assert folder.propfind("/neu.docx").status == 404
    assert folder.put("/neu.docx").status == 201
    body = LOCKINFO.format(scope="exclusive", owner="<D:href>OFFICE\\clara</D:href>")
    locked = folder.request("LOCK", "/neu.docx", body, {"Timeout": "Second-3600"})
    assert locked.status == 200
    win32 = "".join(
        f"<Z:{name}>{value}</Z:{name}>"
        for name, value in {
            "Win32CreationTime": "Mon, 23 Nov 2026 10:00:00 GMT",
            "Win32LastAccessTime": "Mon, 23 Nov 2026 10:00:00 GMT",
            "Win32LastModifiedTime": "Mon, 23 Nov 2026 10:00:00 GMT",
            "Win32FileAttributes": "00000020",
        }.items()
    )
    update = f'<D:set xmlns:Z="urn:schemas-microsoft-com:"><D:prop>{win32}</D:prop></D:set>'
    condition = f"(<{locked.lock_token}>)"
    member = folder.proppatch("/neu.docx", update, If=condition).member()
    assert (len(member.found), member.missing) == (4, {})
    assert all(name.startswith("{urn:schemas-microsoft-com:}") for name in member.found)
    assert folder.put("/neu.docx", b"content", If=condition).status == 204
    assert folder.unlock("/neu.docx", locked.lock_token).status == 204
    attributes = folder.properties("/neu.docx", "{urn:schemas-microsoft-com:}Win32FileAttributes")
    assert attributes.text("{urn:schemas-microsoft-com:}Win32FileAttributes") == "00000020"


def test_finders_write(folder: DavClient) -> None:
    """PUT of 0 bytes, LOCK, chunked PUT with X-Expected-Entity-Length; a wrong length keeps the old content."""
    assert folder.put("/f").status == 201
    token = folder.lock("/f", Timeout="Second-600").lock_token
    expected = {"If": f"(<{token}>)", "X-Expected-Entity-Length": "10"}
    assert folder.request("PUT", "/f", [b"01234", b"56789"], expected).status == 204
    assert folder.get("/f").body == b"0123456789"
    assert folder.request("PUT", "/f", [b"0123"], expected).status == 400
    assert folder.get("/f").body == b"0123456789"


def test_finders_noise_is_answered_cheaply_and_kept(folder: DavClient) -> None:
    """AppleDouble and .DS_Store are stored and listed, so that an empty folder looks empty to all sides."""
    folder.put("/a.pdf", b"1")
    assert folder.put("/._a.pdf", b"x" * 4096).status == 201
    assert folder.put("/.DS_Store", b"x").status == 201
    assert folder.get("/.DS_Store").body == b"x"
    assert folder.names("/") == [".DS_Store", "._a.pdf", "a.pdf"]
    assert folder.propfind("/.hidden").status == 404


def test_lock_answers_have_the_token_in_header_and_body_without_space_before_it(folder: DavClient) -> None:
    """Finder takes the first text of the body; neon the header."""
    folder.put("/f", b"1")
    answer = folder.lock("/f")
    assert f"<D:locktoken><D:href>{answer.lock_token}</D:href></D:locktoken>" in answer.text
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"


@pytest.mark.parametrize("probe", ["/_vti_inf.html", "/_vti_bin/shtml.exe/_vti_rpc", "/dav/_vti_bin/x"])
def test_front_page_probes_are_not_found(people: People, probe: str) -> None:
    """MS-FP, MS-FSSHTTP: plain 404 and no header that would invite them."""
    answer = people("clara", "").get(probe)
    assert answer.status == 404
    assert not {"X-MSDAVEXT", "MicrosoftSharePointTeamServices", "X-MSFSSHTTP"} & set(answer.headers)


def test_kde_and_gvfs_properties_never_say_200_without_a_value(folder: DavClient) -> None:
    folder.put("/f", b"1")
    asked = ("creationdate", "getcontentlength", "displayname", "source", "getcontentlanguage", "getcontenttype")
    asked += ("getlastmodified", "getetag", "supportedlock", "lockdiscovery", "resourcetype", "quota-used-bytes")
    member = folder.properties("/f", *asked)
    may_be_empty = {"{DAV:}resourcetype", "{DAV:}lockdiscovery"}
    for name, element in member.found.items():
        assert name in may_be_empty or element.text or len(element), name
    assert {"{DAV:}source", "{DAV:}getcontentlanguage", "{DAV:}quota-used-bytes"} <= set(member.missing)


def test_errors_carry_a_message_in_sabre_form(folder: DavClient) -> None:
    """Nextcloud's clients show s:message to people."""
    folder.put("/f", b"1")
    folder.lock("/f")
    message = folder.put("/f", b"2").xml().findtext("{http://sabredav.org/ns}message")
    assert message
    assert message[-1] != ":"


def test_a_listing_of_a_thousand_members_is_lean(vault_folder: DavClient) -> None:
    """WebClient gives up at 1,000,000 bytes of one multistatus."""
    vault_folder.mkcol("/many")
    for number in range(1000):
        vault_folder.put(f"/many/Anlage_{number:04d}_Stellungnahme_zur_Anhoerung.pdf", b"x")
    answer = vault_folder.propfind("/many", "1")
    assert len(answer.members()) == 1001
    assert len(answer.body) < 1_000_000
    named = vault_folder.propfind("/many", "1", prop_body("getetag", "getcontentlength", "resourcetype"))
    assert len(named.body) < 600_000
