"""davix, CERN's client, as a member and by a link.

Its own `--userlogin` of 0.8.4 sends no password after a 401, so a member gives the header that Basic is made of.
`davix-mv` ends with 255 also after 201 and 204: what counts is what the server has.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.foreign import need
from tests.running import RunningServer

REFUSED = "403"


@dataclass(frozen=True)
class Davix:
    """Its programs, and a folder."""

    client: DavClient
    """Who asks, and where."""
    options: tuple[str, ...]

    def __call__(self, verb: str, *words: str, fails: bool = False) -> str:
        done = subprocess.run(
            [need(f"davix-{verb}"), *self.options, *words], capture_output=True, text=True, timeout=60, check=False
        )
        told = f"{verb} {words}: {done.returncode}\n{done.stdout}{done.stderr}"
        if verb == "mv":
            assert (REFUSED in done.stderr) == fails, told
        else:
            assert (done.returncode != 0) == fails, told
        return done.stdout

    def at(self, path: str) -> str:
        return self.client.url(path)


@pytest.fixture
def trusting(server: RunningServer) -> tuple[str, ...]:
    return () if server.authority is None else ("--capath", str(server.authority.trusted))


@pytest.fixture
def member(trusting: tuple[str, ...], folder: DavClient) -> Davix:
    return Davix(folder, (*trusting, "-H", f"Authorization: {folder.authorization}"))


@pytest.fixture
def visitor(trusting: tuple[str, ...], server: RunningServer, link: str) -> Davix:
    return Davix(server.client("", link), trusting)


@pytest.fixture(params=["member", "visitor"])
def davix(request: pytest.FixtureRequest) -> Davix:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Davix)
    return found


@pytest.mark.own_tls
def test_put_list_get(davix: Davix, folder: DavClient, tmp_path: Path) -> None:
    """mkdir without a slash, put, overwrite, a long listing with sizes, get."""
    content = os.urandom(400_000)
    (tmp_path / "in.bin").write_bytes(content)
    davix("mkdir", davix.at("/Mappe"))
    davix("put", str(tmp_path / "in.bin"), davix.at("/Mappe/a.bin"))
    assert folder.get("/Mappe/a.bin").body == content
    (tmp_path / "in.bin").write_bytes(content[:100_000])
    davix("put", str(tmp_path / "in.bin"), davix.at("/Mappe/a.bin"))
    assert folder.get("/Mappe/a.bin").body == content[:100_000]
    assert re.search(r"^-\S+ +0 +100000 .* a\.bin$", davix("ls", "-l", davix.at("/Mappe/")), re.M)
    davix("get", davix.at("/Mappe/a.bin"), str(tmp_path / "out.bin"))
    assert (tmp_path / "out.bin").read_bytes() == content[:100_000]


@pytest.mark.own_tls
def test_member_moves_and_removes(member: Davix, folder: DavClient) -> None:
    folder.put("/a.txt", "a")
    folder.mkcol("/d")
    member("mv", member.at("/a.txt"), member.at("/d/b.txt"))
    assert folder.names("") == ["d"]
    assert folder.get("/d/b.txt").body == b"a"
    member("rm", member.at("/d/b.txt"))
    assert folder.names("/d") == []
    member("rm", "-r", "1", member.at("/d/"))
    assert folder.names("") == []


def test_visitor_moves_and_removes_nothing(visitor: Davix, folder: DavClient) -> None:
    """A link never lets take away, whatever else it gives."""
    folder.put("/a.txt", "a")
    visitor("mv", visitor.at("/a.txt"), visitor.at("/b.txt"), fails=True)
    visitor("rm", visitor.at("/a.txt"), fails=True)
    assert folder.names("") == ["a.txt"]
