"""Login Flow v2: a device asks, its owner says yes in the portal, the device fetches its app password, once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from davserver.devices import LIFE, DeviceLogin
from davserver.login import Throttled
from davserver.settings import Settings
from shareproviders.contract import NotFound
from tests.dav.doors import opened
from tests.davclient import Answer, DavClient
from tests.portal.portalclient import PortalClient
from tests.running import RunningServer

AGENT = "Ottos Laptop (Desktop Client - Linux)"


class Device:
    """What a client does."""

    def __init__(self, client: DavClient) -> None:
        self.client = client
        answer = client.request("POST", "/index.php/login/v2", headers={"User-Agent": AGENT})
        assert answer.status == 200, answer.body
        told = json.loads(answer.body)
        self.page = urlsplit(told["login"]).path
        self.token, self.endpoint = told["poll"]["token"], urlsplit(told["poll"]["endpoint"]).path

    def poll(self) -> Answer:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.request("POST", self.endpoint, urlencode({"token": self.token}), kind)


@pytest.fixture
def device(people: Callable[[str, str], DavClient]) -> Device:
    return Device(people("", ""))


@pytest.mark.parametrize(("language", "yes"), [("de", "Ja, verbinden"), ("en", "Yes, connect it")])
def test_a_device_is_let_in(
    server: RunningServer, device: Device, visitor: PortalClient, language: str, yes: str
) -> None:
    """404 until the owner has signed in and said yes, then once the password that opens his drives, then 404."""
    visitor.language = language
    assert device.poll().status == 404
    asked = visitor.get(device.page)
    assert asked.onward.startswith("/anmelden"), "whoever is not signed in is asked who he is first"
    visitor.sign_in("otto")
    page = visitor.get(device.page)
    assert AGENT in page.text
    assert yes in page.text
    assert device.poll().status == 404, "looking is no consent"
    assert visitor.submit(page, device.page, answer="yes").status == 200
    told = json.loads(device.poll().body)
    assert (told["loginName"], told["server"]) == ("otto", server.url.rstrip("/"))
    assert device.poll().status == 404, "it is told once"
    with DavClient(server.url, "otto", told["appPassword"]) as drive:
        assert drive.propfind("/remote.php/dav/files/otto/", "1").status == 207
    assert visitor.get(device.page).status == 404


def test_a_device_is_sent_away(device: Device, visitors: Callable[[str], PortalClient]) -> None:
    """No means no, and nothing waits any more."""
    otto = visitors("otto")
    assert otto.submit(otto.get(device.page), device.page, answer="no").status == 200
    assert device.poll().status == 404
    assert otto.get(device.page).status == 404


def test_consent_needs_the_page_of_the_portal(device: Device, visitors: Callable[[str], PortalClient]) -> None:
    """A form from elsewhere (CSRF) and an app password or a DAV login say nothing."""
    otto = visitors("otto")
    assert otto.post(device.page, {"answer": "yes"}, {"Origin": "https://evil.example"}).status == 403
    assert device.poll().status == 404


def test_tokens_that_nobody_has(
    people: Callable[[str, str], DavClient], visitors: Callable[[str], PortalClient]
) -> None:
    """The same 404 for what never was; the page's token does not fetch, the device's does not open the page."""
    device, otto = Device(people("", "")), visitors("otto")
    strange, other = f"{device.page[:-3]}xyz", device.page.rpartition("/")[0] + f"/{device.token}"
    assert {otto.get(strange).status, otto.get(other).status} == {404}
    device.token = device.page.rpartition("/")[2]
    assert device.poll().status == 404


@pytest.fixture
def table(own_data: Path) -> Iterator[tuple[DeviceLogin, list[int]]]:
    """The table itself, with a clock that the test turns."""
    with opened(own_data) as house:
        now = [house.clock()]
        yield DeviceLogin(house.database, house.settings, house.file_secret, house.audit, lambda: now[0]), now


def test_a_wish_lives_twenty_minutes(table: tuple[DeviceLogin, list[int]]) -> None:
    """Neither the page nor the password is there afterwards, nor a password that was not fetched in time."""
    devices, now = table
    wish, granted = devices.ask("x", "192.0.2.1"), devices.ask("y", "192.0.2.1")
    devices.grant(granted.page, "otto")
    now[0] += LIFE + 1
    with pytest.raises(NotFound):
        devices.label(wish.page)
    with pytest.raises(NotFound):
        devices.grant(wish.page, "otto")
    with pytest.raises(NotFound):
        devices.fetch(granted.poll)


def test_one_net_cannot_fill_the_table(table: tuple[DeviceLogin, list[int]]) -> None:
    """429 with a pause; others are not held up."""
    devices, _ = table
    with pytest.raises(Throttled):
        for _each in range(Settings().devices_per_net + 1):
            devices.ask("x", "192.0.2.1")
    assert devices.ask("x", "198.51.100.1").poll


def test_the_table_holds_no_secret(own_data: Path, table: tuple[DeviceLogin, list[int]]) -> None:
    """Digests of both tokens, the device's name sealed; no app password before it is fetched."""
    devices, _ = table
    wish = devices.ask(AGENT, "192.0.2.1")
    devices.grant(wish.page, "otto")
    with closing(sqlite3.connect(own_data / "gremium.db")) as connection:
        (row,) = connection.execute("SELECT * FROM device_login").fetchall()
        assert connection.execute("SELECT count(*) FROM app_password").fetchone() == (0,)
    written = repr(row).encode() + b"".join(each for each in row if isinstance(each, bytes))
    assert not [text for text in (wish.poll, wish.page, AGENT, "Laptop") if text.encode() in written]
