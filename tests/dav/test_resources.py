"""WsgiDAV's object model is true: its provider shows the tree that the verbs work on, through the same door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acl.principals import Channel, Principal, PrincipalKind
from davserver import settings
from davserver.app import forest_of
from davserver.dav.request import Request, Site
from davserver.dav.resources import REQUEST, Collection, Document
from davserver.dav.server import Application
from davserver.founding import default_key
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from shareproviders.paths import ROOT, SharePath

CONTENT = bytes(range(256)) * 2_000
FOLDER = SharePath(("ba05", "Arbeitsordner"))


@pytest.fixture
def house(own_data: Path) -> Iterator[House]:
    opened = House.open(own_data, default_key(own_data), settings.load(own_data, os.environ))
    yield opened
    opened.close()


def environ_of(house: House, user: str) -> dict[str, Any]:
    """What the application puts into the environ of a request."""
    tree = GuardedTree(forest_of(house), Principal(PrincipalKind.USER, user), Channel.DAV)
    application = Application({}, login=lambda _: tree.principal, doors=lambda _: tree, log=[].append)
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "wsgi.url_scheme": "http"}
    environ["wsgidav.provider"] = application.provider
    environ[REQUEST] = Request(environ, tree, ROOT, has_slash=True, site=Site("/dav"))
    return environ


def test_the_provider_shows_what_the_door_shows(house: House) -> None:
    """Walk, stat and read through WsgiDAV's interface."""
    environ = environ_of(house, "clara")
    tree = environ[REQUEST].tree
    staged = tree.stage(FOLDER / "bä.bin", [CONTENT])
    seen, _ = tree.put(FOLDER / "bä.bin", staged, Terms())
    provider = environ["wsgidav.provider"]

    root = provider.get_resource_inst("/", environ)
    assert isinstance(root, Collection)
    assert root.get_member_names() == ["archiv", "ba05"]
    assert "/ba05/Arbeitsordner/bä.bin" in [each.path for each in root.get_descendants()]

    document = provider.get_resource_inst("/ba05/Arbeitsordner/bä.bin", environ)
    assert isinstance(document, Document)
    assert document.get_href() == "/dav/ba05/Arbeitsordner/b%C3%A4.bin"
    assert (document.get_content_length(), document.get_etag()) == (len(CONTENT), seen.tag)
    with document.get_content() as file:
        assert file.read(10) == CONTENT[:10]
        assert file.read() == CONTENT[10:]


def test_the_provider_hides_what_the_door_hides(house: House) -> None:
    """Absent, undiscoverable and impossible are all None; a stranger's root is empty."""
    environ = environ_of(house, "sam")
    provider = environ["wsgidav.provider"]
    assert provider.get_resource_inst("/", environ).get_member_names() == []
    for path in ("/ba05", "/ba05/Arbeitsordner", "/none", "/ba05/../archiv", "/\x00"):
        assert provider.get_resource_inst(path, environ) is None
    assert provider.exists("/ba05", environ_of(house, "clara"))
