"""TLS without a proxy: only what TR-02102-2 allows, and a handshake that nobody else waits for (wsgidav.md §3.4)."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from davserver.serving.limits import Limits
from davserver.serving.tls import LazyTLS, TLSFiles
from tests.serving.conftest import Running, Serving
from tests.serving.raw import HOST, Peer, eventually, request


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TLSFiles:
    """A certificate of our own for the loopback address; it is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gremium test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = TLSFiles(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


@pytest.fixture
def running(serving: Serving, files: TLSFiles) -> Iterator[Running]:
    with serving(Limits(head_seconds=2), threads=2, tls=LazyTLS(files)) as one:
        yield one


class TLSPeer(Peer):
    """A client that checks the certificate, and takes no end without a farewell for one in order."""

    def __init__(self, port: int, authority: Path, context: ssl.SSLContext | None = None) -> None:
        super().__init__(port)
        context = context or ssl.create_default_context()
        context.load_verify_locations(authority)
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=HOST, suppress_ragged_eofs=False)
        except BaseException:
            self.sock.close()
            raise


def test_requests_over_tls(running: Running, files: TLSFiles) -> None:
    """Small and large answers, kept connection, large body, and the scheme the application sees."""
    with TLSPeer(running.port, files.certificate) as peer:
        peer.send(request("GET", "/"), request("GET", "/stream"))
        assert [peer.answer().body, peer.answer().body] == [b"ok\n", b"onetwo"]
        peer.send(request("GET", "/large?100"))
        assert len(peer.answer().body) == 100 * 65536
        peer.send(request("PUT", "/read", body=bytes(3_000_000)))
        assert peer.answer().body.startswith(b"3000000 ")
        peer.send(request("PUT", "/refuse", "Content-Length: 100000000"))
        assert peer.answer().closes
    environ = running.application.seen[0]
    assert (environ["wsgi.url_scheme"], environ["HTTPS"]) == ("https", "on")


def test_a_cut_body_over_tls_raises(running: Running, files: TLSFiles) -> None:
    """An end without close_notify before Content-Length: TLS or not, the application learns it."""
    with TLSPeer(running.port, files.certificate) as peer:
        peer.send(request("PUT", "/read", "Content-Length: 1000"), b"x")
        socket.socket.shutdown(peer.sock, socket.SHUT_WR)
        assert eventually(lambda: len(running.application.broken) == 1)


def test_a_broken_answer_over_tls_ends_without_a_farewell(running: Running, files: TLSFiles) -> None:
    """RFC 9112 §9.8: a close_notify would tell that nothing is missing."""
    with TLSPeer(running.port, files.certificate) as peer:
        peer.send(request("GET", "/fail_late"))
        with pytest.raises(ssl.SSLEOFError):
            peer.rest()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_only_ephemeral_keys_and_aes_gcm(running: Running, files: TLSFiles, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    with TLSPeer(running.port, files.certificate, context) as peer:
        assert isinstance(peer.sock, ssl.SSLSocket)
        suite = peer.sock.cipher()
        assert suite is not None
        assert "AES" in suite[0] and "GCM" in suite[0]
        assert peer.sock.selected_alpn_protocol() in (None, "http/1.1")


@pytest.mark.parametrize("suites", ["ECDHE+CHACHA20", "AES256-GCM-SHA384", "ECDHE+SHA384+AES:!AESGCM"])
def test_other_suites_of_tls_1_2_are_refused(running: Running, files: TLSFiles, suites: str) -> None:
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suites)
    with pytest.raises(OSError):  # an alert or a reset, as the library likes
        TLSPeer(running.port, files.certificate, context)


def test_tls_1_1_is_refused(running: Running, files: TLSFiles) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        TLSPeer(running.port, files.certificate, context)


def test_peers_that_stop_in_the_handshake_hinder_nobody(running: Running, files: TLSFiles) -> None:
    """One silent TCP connect froze plain cheroot for 10 s; here 40 of them, and 40 with half a greeting, go by time."""
    with ExitStack() as peers:
        silent = [peers.enter_context(running.peer()) for _ in range(80)]
        for peer in silent[::2]:
            peer.send(b"\x16\x03\x01\x02\x00\x01")
        for _ in range(5):
            begin = time.monotonic()
            with TLSPeer(running.port, files.certificate) as peer:
                peer.send(request("GET", "/"))
                assert peer.answer().status == 200
            assert time.monotonic() - begin < 1
        assert all(peer.closed_within(5) for peer in silent)


def test_plain_http_to_the_tls_port_is_closed(running: Running) -> None:
    with running.peer() as peer:
        peer.send(request("GET", "/"))
        peer.rest()
    assert running.application.requests == []
