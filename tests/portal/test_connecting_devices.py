"""`/verbinden`: a device's password is shown once, opens the drives at once, and ends at once (portal.md §4)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.davclient import DavClient
from tests.portal.portalclient import PortalClient
from tests.running import RunningServer

Visitors = Callable[[str], PortalClient]


@pytest.mark.parametrize("system", ["windows", "macos", "gnome", "kde", "telefon", "nextcloud", "rclone"])
def test_each_system_has_its_steps(visitors: Visitors, system: str) -> None:
    """A numbered list of its own, with the address of this server; an unknown one gets those of Windows."""
    page = visitors("otto").get(f"/verbinden/{system}")
    assert page.status == 200
    assert len(page.tree.xpath("//ol[@class='numbered']/li")) >= 2
    assert "127.0.0.1" in page.text or system == "telefon"
    assert not page.tree.xpath("//svg[@viewBox]"), "no code before there is a password"


def test_a_device_is_connected_and_disconnected(server: RunningServer, visitors: Visitors) -> None:
    """The password stands on one page once, with a QR code; it opens the drive, and nothing once it is ended."""
    otto = visitors("otto")
    made = otto.submit(otto.get("/verbinden/windows"), "/verbinden/windows", label="Mein Notebook")
    password = made.tree.xpath("string(//code[contains(@class, 'secret')])")
    assert re.fullmatch("([a-z2-7]{5}-){7}[a-z2-7]{5}", password)
    assert made.headers["Cache-Control"] == "no-store"
    assert made.tree.xpath("//figure//svg")
    listed = otto.get("/verbinden")
    assert "Mein Notebook" in listed.text
    assert password not in listed.text
    with DavClient(server.url, "otto", password) as device:
        assert device.propfind("/dav/ba05/").status == 207
        number = listed.tree.xpath("//button[@name='device']/@value")[0]
        sam = visitors("sam")
        assert sam.post("/verbinden/beenden", {"token": sam.get("/").token(), "device": number}).status == 404
        assert device.propfind("/dav/ba05/").status == 207
        assert otto.submit(listed, "/verbinden/beenden", device=number).status == 303
        assert device.propfind("/dav/ba05/").status == 401
    assert "Mein Notebook" not in otto.get("/verbinden").text


def test_a_document_opens_in_place_by_a_one_time_address(
    server: RunningServer, visitors: Visitors, people: Callable[[str, str], DavClient]
) -> None:
    """Buttons for Office and LibreOffice, each with the same address, which needs no login (decisions/0028)."""
    with people("clara", "/dav/ba05/Arbeitsordner") as clara:
        assert clara.put("/Brief an alle.docx", b"PK").status in (201, 204)
        assert clara.put("/Brief an alle.pdf", b"%PDF").status in (201, 204)
    otto = visitors("otto")
    page = otto.open("/pfad/ba05/Arbeitsordner/Brief an alle.docx".replace(" ", "%20"))
    action = next(form.get("action") for form in page.tree.forms if "/oeffnen/" in str(form.get("action")))
    opened = otto.submit(page, action)
    links = [href for href in opened.links().values() if ":ofe|u|" in href]
    assert [link.partition(":ofe|u|")[0] for link in links] == ["ms-word", "vnd.libreoffice.command"]
    addresses = {link.partition(":ofe|u|")[2] for link in links}
    assert len(addresses) == 1
    with DavClient(server.url) as program:
        path = "/dav-open/" + addresses.pop().partition("/dav-open/")[2]
        assert program.request("GET", path).body == b"PK"
    other = otto.open("/pfad/ba05/Arbeitsordner/Brief an alle.pdf".replace(" ", "%20"))
    assert not any("/oeffnen/" in str(form.get("action")) for form in other.tree.forms)
