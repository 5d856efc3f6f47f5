"""The shipped config/nginx.conf: what it lets through byte by byte, what it refuses, and what it never writes down.

TLS as in BSI TR-02102-2; forwarding as `davserver/forwarding.py` wants it; no request or answer in a file.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.certificates import NAME, Authority
from tests.clients.mounts import eventually, fresh_collection
from tests.clients.nginx import Front, free_ports, nginx
from tests.davclient import DavClient, prop_body
from tests.running import PASSWORD, RunningServer

Behind = tuple[RunningServer, Front]
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SUITES = {V1_2: "ECDHE-ECDSA-AES256-GCM-SHA384", V1_3: "TLS_AES_256_GCM_SHA384"}


@pytest.fixture
def clerk(behind: Behind) -> Iterator[DavClient]:
    server, _ = behind
    with server.client("clara", fresh_collection(server, "ba05")) as client:
        yield client


def greeted(front: Front, context: ssl.SSLContext, name: str = NAME) -> str:
    """The cipher suite that was agreed on; raises OSError where there was no agreement."""
    with (
        socket.create_connection(("127.0.0.1", front.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        suite = secured.cipher()
        assert suite is not None
        return suite[0]


# -- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_only_aes_gcm(behind: Behind, authority: Authority, version: ssl.TLSVersion) -> None:
    context = authority.context
    context.minimum_version = context.maximum_version = version
    assert greeted(behind[1], context) == SUITES[version]


@pytest.mark.parametrize("suites", ["ECDHE+CHACHA20", "AES256-GCM-SHA384", "ECDHE+SHA384+AES:!AESGCM", "DHE+AESGCM"])
def test_other_suites_are_refused(behind: Behind, authority: Authority, suites: str) -> None:
    context = authority.context
    context.maximum_version = V1_2
    context.set_ciphers(suites)
    with pytest.raises(OSError):
        greeted(behind[1], context)


def test_other_curves_are_refused(behind: Behind, authority: Authority) -> None:
    """P-256 and P-384 are spoken, P-521 is not."""
    for curve, agreed in (("prime256v1", True), ("secp384r1", True), ("secp521r1", False)):
        context = authority.context
        context.set_ecdh_curve(curve)
        if agreed:
            greeted(behind[1], context)
        else:
            with pytest.raises(OSError):
                greeted(behind[1], context)


def test_tls_1_1_is_refused(behind: Behind) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        greeted(behind[1], context)


def test_other_names_are_not_answered(behind: Behind, authority: Authority) -> None:
    """Neither in the handshake nor by a Host that differs from it."""
    context = authority.context
    context.check_hostname = False
    with pytest.raises(OSError):
        greeted(behind[1], context, "evil.example")
    connection = behind[0].client().connection()
    connection.request("OPTIONS", "/", headers={"Host": "evil.example"})
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_plain_http_sends_browsers_on_and_no_webdav(behind: Behind) -> None:
    server, front = behind
    connection = http.client.HTTPConnection("127.0.0.1", front.plain_port, timeout=10)
    connection.request("GET", "/dav/", headers={"Host": NAME})
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/dav/")
    credentials = {"Host": NAME, "Authorization": server.client("clara").authorization}
    connection.request("PROPFIND", "/dav/", headers=credentials)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 403
    connection.close()


# -- what goes through ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a//b", "%2e%2e", "a%2Fb"])
def test_targets_arrive_as_they_were_sent(clerk: DavClient, name: str) -> None:
    """Neither merged nor resolved on the way: the server itself refuses what is no clean path."""
    assert clerk.request("GET", "", raw_target=f"{clerk.base}/{name}").status == 400


def test_chunked_upload_without_length(clerk: DavClient) -> None:
    """Finder's way: bytes arrive, and an expected length that is not reached is noticed behind the proxy too."""
    pieces = [os.urandom(70_000) for _ in range(20)]
    assert clerk.put("/chunked.bin", iter(pieces)).status == 201
    assert clerk.get("/chunked.bin").body == b"".join(pieces)
    assert clerk.put("/chunked.bin", iter(pieces[:2]), X_Expected_Entity_Length="1400000").status == 400
    assert clerk.get("/chunked.bin").body == b"".join(pieces)


def test_broken_upload_changes_nothing(clerk: DavClient) -> None:
    """Cut off in the middle, with a length and chunked: nginx passes the break on, and no truncated content stays."""
    clerk.put("/doc.bin", b"alt")
    for framing, start in (({"Content-Length": "5000000"}, b""), ({"Transfer-Encoding": "chunked"}, b"10000\r\n")):
        connection = clerk.connection()
        connection.putrequest("PUT", clerk.target("/doc.bin"))
        for field, value in {"Authorization": clerk.authorization, **framing}.items():
            connection.putheader(field, value)
        connection.endheaders()
        connection.send(start + bytes(60_000))
        connection.close()
    time.sleep(1)
    assert clerk.get("/doc.bin").body == b"alt"
    assert clerk.names("") == ["doc.bin"]


def test_entity_tags_are_strong_and_the_same_everywhere(clerk: DavClient) -> None:
    """No compression on the way that would weaken them, though nginx compresses elsewhere and clients ask for it."""
    clerk.put("/a.txt", "a" * 50_000)
    told = clerk.get("/a.txt", Accept_Encoding="gzip")
    listed = clerk.propfind("", "1", prop_body("getetag"), Accept_Encoding="gzip")
    assert "Content-Encoding" not in told.headers
    assert "Content-Encoding" not in listed.headers
    assert told.etag == listed.members()[f"{clerk.base}/a.txt"].text("getetag")
    assert (told.etag or "W/").startswith('"')


def test_destination_with_the_public_address(clerk: DavClient) -> None:
    """https outside, http behind: Destination and If of the public address are ours, of another not."""
    clerk.put("/a.txt", "a")
    assert clerk.move("/a.txt", "/b.txt").status == 201
    away = {"Destination": f"https://evil.example{clerk.target('/c.txt')}"}
    assert clerk.request("MOVE", "/b.txt", headers=away).status == 502
    token = clerk.lock("/b.txt").lock_token
    assert clerk.put("/b.txt", "b", If=f"<{clerk.url('/b.txt')}> (<{token}>)").status == 204


def test_who_asks_is_told_by_nginx_alone(behind: Behind, clerk: DavClient) -> None:
    """A forwarding header of the client's own reaches neither the throttle nor the log."""
    server, _ = behind
    guess = server.client("nobody-here", clerk.base)
    forged = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7"}
    with guess:
        assert guess.request("GET", "/x", headers=forged).status == 401
    assert clerk.request("PROPFIND", "", headers={"Depth": "0", "X-Forwarded-Proto": "http", **forged}).status == 207
    assert not [line for line in server.log if "203.0.113" in line]


def test_account_passwords_open_nothing_here(behind: Behind, authority: Authority) -> None:
    server, _ = behind
    with DavClient(server.url, "clara", PASSWORD, "/dav", authority.context) as person:
        assert person.propfind("/", "1").status == 401


# -- what stays nowhere -----------------------------------------------------------------------------------------------


def test_nothing_is_spooled(behind: Behind, clerk: DavClient) -> None:
    """While a large body is on its way in, and a large answer waits for a slow reader, no file holds a byte of them."""
    _, front = behind
    canary = b"Kanarienvogel-7f3a" * 1000

    def spooled() -> list[str]:
        return [
            name for name, content in front.written().items() if name.startswith("spool/") or canary[:18] in content
        ]

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            found.extend(spooled())
            yield canary * 20

    found: list[str] = []
    assert clerk.put("/groß.bin", pieces()).status == 201
    connection = clerk.connection()
    connection.request("GET", clerk.target("/groß.bin"), headers={"Authorization": clerk.authorization})
    answer = connection.getresponse()
    answer.read(1000)
    time.sleep(0.5)
    found.extend(spooled())
    assert len(answer.read()) == 20 * 20 * len(canary) - 1000
    connection.close()
    assert found == []


def test_logs_name_neither_paper_nor_person(behind: Behind, authority: Authority, clerk: DavClient) -> None:
    """No path, query, token, user, password or address in any file, also when something goes wrong."""
    _, front = behind
    clerk.put("/Kanarienpapier.txt", "Kanarienbytes")
    clerk.get("/Kanarienpapier.txt?query=Kanarienfrage")
    clerk.request("GET", "", raw_target="/dav-link/Kanarientoken/x")
    clerk.request("GET", "", raw_target="/dav/" + "Kanarienpapier" * 2000)
    for broken in (b"GET /dav/Kanarienpapier HTTP/9.9\r\n\r\n", b"PUT /Kanarienpapier HTTP/1.1\r\nHost: \r\n\r\n"):
        with (
            socket.create_connection(("127.0.0.1", front.port), timeout=5) as plain,
            authority.context.wrap_socket(plain, server_hostname=NAME) as secured,
        ):
            secured.sendall(broken)
            secured.recv(1000)
    eventually(lambda: "PUT 201" in front.log)
    everything = b"".join(front.written().values())
    for secret in (b"Kanarien", b"dav-link", b"clara", clerk.authorization.encode(), b"127.0.0.1", b"/dav"):
        assert secret not in everything.replace(str(front.prefix).encode(), b""), secret


def test_a_server_that_is_away_is_a_502_and_no_path(behind: Behind, authority: Authority) -> None:
    """nginx would tell the request line of what it cannot pass on; the shipped file keeps it quiet."""
    port, plain_port, nobody = free_ports(3)
    with nginx(authority, (port, plain_port), nobody) as front:
        with DavClient(front.url, "clara", "Kanarienwort", "/dav", authority.context) as client:
            assert client.get("/Kanarienpapier.txt").status == 502
        eventually(lambda: "GET 502" in front.log)
        assert b"Kanarien" not in b"".join(front.written().values())


# -- limits -----------------------------------------------------------------------------------------------------------


def test_slow_heads_are_cut(behind: Behind, authority: Authority, clerk: DavClient) -> None:
    """A head must be complete within 10 s; meanwhile others are served."""
    _, front = behind
    with (
        socket.create_connection(("127.0.0.1", front.port), timeout=20) as plain,
        authority.context.wrap_socket(plain, server_hostname=NAME) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        began = time.monotonic()
        assert clerk.propfind("", "0").status == 207
        slow.recv(1000)
        assert 5 < time.monotonic() - began < 15


def test_three_hundred_slow_heads_hinder_nobody(behind: Behind, authority: Authority, clerk: DavClient) -> None:
    """security.md S-46: they wait in nginx, and the server hears nothing of them."""
    _, front = behind
    with ExitStack() as peers:
        for _ in range(300):
            plain = peers.enter_context(socket.create_connection(("127.0.0.1", front.port), timeout=20))
            slow = peers.enter_context(authority.context.wrap_socket(plain, server_hostname=NAME))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        for number in range(20):
            assert clerk.put(f"/{number}.txt", b"1").status == 201
            assert clerk.propfind("/", "1").status == 207
