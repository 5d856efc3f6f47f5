"""Logins at the running server with two workers: revocation, throttling, the challenge, the answer to nonsense."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.running import PASSWORD, RunningServer, command, copied, start

WORKERS = 2
CONNECTIONS = 12  # so many fresh connections reach both workers with near certainty


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this module's own: throttling would hit the others."""
    with start(copied(installed, tmp_path_factory.mktemp("login")), workers=WORKERS) as running:
        yield running


def answers(served: RunningServer, user: str, password: str, count: int = CONNECTIONS) -> list[int]:
    """Status of PROPFIND over fresh connections, which the kernel spreads over the workers."""
    got = []
    for _ in range(count):
        client = DavClient(served.url, user, password)
        got.append(client.request("PROPFIND", "/dav/ba05/", headers={"Depth": "0"}).status)
        client.close()
    return got


@pytest.mark.alone
def test_a_revoked_app_password_fails_within_a_second_in_every_worker(served: RunningServer) -> None:
    """security.md S-14: after the command returned, no worker serves it any more."""
    made = json.loads(command("app-password", "create", "otto", "--label", "x", "--json", data=served.data))
    kept = [DavClient(served.url, "otto", made["password"]) for _ in range(CONNECTIONS)]
    probe = {"Depth": "0"}
    assert {client.request("PROPFIND", "/dav/ba05/", headers=probe).status for client in kept} == {207}
    command("app-password", "revoke", made["id"], data=served.data)
    returned = time.monotonic()
    after = {client.request("PROPFIND", "/dav/ba05/", headers=probe).status for client in kept}
    assert time.monotonic() - returned < 1
    assert after == {401}
    for client in kept:
        client.close()


def test_a_read_only_app_password_reads_and_does_not_write(served: RunningServer) -> None:
    """The ceiling of the credential cuts what its owner may."""
    options = ("--read-only", "--max-class", "public", "--json")
    made = json.loads(command("app-password", "create", "clara", "--label", "x", *options, data=served.data))
    client = DavClient(served.url, "clara", made["password"])
    assert client.request("PROPFIND", "/dav/ba05/Arbeitsordner/", headers={"Depth": "0"}).status == 207
    assert client.request("PUT", "/dav/ba05/Arbeitsordner/x.txt", b"x").status == 403
    client.close()


def test_a_scoped_app_password_sees_its_folder_only(served: RunningServer) -> None:
    """rights.md §1: scope paths; what lies outside is not there."""
    command("label", "ba05/00 Eingang", "--release", "now", data=served.data)
    options = ("--scope", "ba05/Arbeitsordner", "--json")
    made = json.loads(command("app-password", "create", "clara", "--label", "x", *options, data=served.data))
    client = DavClient(served.url, "clara", made["password"])
    listing = client.request("PROPFIND", "/dav/ba05/", headers={"Depth": "1"})
    assert set(listing.members()) == {"/dav/ba05", "/dav/ba05/Arbeitsordner"}
    assert client.request("PUT", "/dav/ba05/Arbeitsordner/scoped.txt", b"x").status == 201
    client.close()


def test_nobody_gets_the_challenge_and_is_never_throttled(served: RunningServer) -> None:
    """401 with realm and charset (RFC 7617 §2.1); Explorer probes without credentials."""
    client = DavClient(served.url)
    for _ in range(60):
        answer = client.request("PROPFIND", "/dav/ba05/", headers={"Depth": "0"})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Gremium", charset="UTF-8"'
    client.close()


@pytest.mark.parametrize("header", ["Basic %%%", "Basic", "Basic YW5uYQ==", "Basic YTr//g==", "Bearer x"])
def test_nonsense_is_refused_and_never_a_500(served: RunningServer, header: str) -> None:
    """security.md S-22."""
    client = DavClient(served.url)
    assert client.request("PROPFIND", "/dav/", headers={"Authorization": header}).status in (400, 401)
    client.close()


def test_a_forwarding_header_forbids_account_passwords(served: RunningServer) -> None:
    """contract.md: an account's own password works on loopback only, and never for a request that was forwarded."""
    client = DavClient(served.url, "otto", PASSWORD)
    assert client.request("PROPFIND", "/dav/ba05/", headers={"Depth": "0"}).status == 207
    forwarded = {"Depth": "0", "X-Forwarded-For": "192.0.2.1"}
    assert client.request("PROPFIND", "/dav/ba05/", headers=forwarded).status == 401
    client.close()


def test_guessing_is_throttled_over_all_workers(served: RunningServer) -> None:
    """10 wrong in 5 minutes, whichever worker was asked; 429 tells when to come back."""
    got = answers(served, "edda", "falsch-falsch-falsch", 40)
    assert got.count(401) == 10
    assert got.count(429) == 30
    client = DavClient(served.url, "edda", "falsch-falsch-falsch")
    answer = client.request("PROPFIND", "/dav/ba05/", headers={"Depth": "0"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 900
    client.close()
    assert answers(served, "otto", PASSWORD, 4) == [207] * 4
