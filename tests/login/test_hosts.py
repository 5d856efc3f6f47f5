"""With a public address, only requests for that address are answered (contract.md; RFC 9110 §7.4, §15.5.20)."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from davserver.hosts import Hosts
from tests.running import start

PUBLIC = "https://gremium.example.org"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("gremium.example.org", True),
        ("GREMIUM.example.org:443", True),
        ("gremium.example.org:80", False),
        ("gremium.example.org.evil.test", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_a_host_is_compared_without_case_and_default_port(host: str, ours: bool) -> None:
    assert Hosts(PUBLIC).is_ours({"HTTP_HOST": host}) is ours
    assert Hosts("").is_ours({"HTTP_HOST": host})


def test_the_server_refuses_other_hosts_on_every_entrance(own_data: Path) -> None:
    """Drives, links, Nextcloud's addresses and the portal alike; only the check of its life goes by address."""
    with start(own_data, workers=1, env={"DAVSERVER_PUBLIC_URL": PUBLIC}) as running:
        paths = ("/", "/dav/", "/dav-link/x/", "/dav-open/x/", "/remote.php/webdav/", "/status.php", "/anmelden")
        for method, path in [("GET", path) for path in paths] + [("PROPFIND", "/dav/"), ("OPTIONS", "/")]:
            assert status(running.port, method, path, "evil.example.org") == 421, (method, path)
            assert status(running.port, method, path, "gremium.example.org") != 421, (method, path)
        assert status(running.port, "GET", "/healthz", "evil.example.org") == 200


def status(port: int, method: str, path: str, host: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()
