"""One's own devices: connected, listed, ended; and documents opened in place by the programs of a machine."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import segno
from flask import Blueprint, redirect, render_template, request, url_for

from davserver.openings import office_link
from davserver.portal.browsing import address_of
from davserver.portal.ground import origin, visit
from davserver.portal.language import N_
from davserver.tree.finding import Finding

pages = Blueprint("mounting", __name__)

LIBREOFFICE = "vnd.libreoffice.command:ofe|u|"
"""Opens an address in LibreOffice, to edit (LibreOffice's own URI scheme, as Office's)."""


class System(NamedTuple):
    """What somebody wants to connect."""

    title: str
    icon: str


SYSTEMS = {
    "windows": System(N_("Windows"), "monitor-smartphone"),
    "macos": System(N_("Mac"), "monitor-smartphone"),
    "gnome": System(N_("Linux with GNOME"), "monitor-smartphone"),
    "kde": System(N_("Linux with KDE"), "monitor-smartphone"),
    "telefon": System(N_("Phone or tablet"), "monitor-smartphone"),
    "nextcloud": System(N_("Nextcloud program, for work without network"), "folder"),
    "rclone": System(N_("rclone, for specialists"), "file"),
}
"""A key of an address, and what people call it; docs/clients.md tells the same steps."""


@pages.get("/verbinden")
def devices() -> Any:
    """What can be connected, and what is connected already."""
    mine = visit().ground.own_devices.of(visit().principal.id)
    asleep = visit().ground.awake_until(visit().principal.id)
    return render_template("mounting/devices.html", systems=SYSTEMS, devices=mine, asleep=asleep)


@pages.get("/verbinden/<system>")
def steps(system: str) -> Any:
    """The steps for one kind of device, and a form for its app password."""
    return _steps(system, "")


@pages.post("/verbinden/<system>")
def connect(system: str) -> Any:
    """Make the app password, and show it this one time."""
    _known(system)
    label = request.form.get("label", "").strip()
    return _steps(system, visit().ground.own_devices.connect(visit().principal.id, label or system))


def _steps(system: str, password: str) -> Any:
    here, place = visit(), urlsplit(origin())
    login = f"nc://login/user:{quote(here.principal.id)}&password:{password}&server:{origin()}"
    return render_template(
        "mounting/steps.html",
        system=system,
        named=_known(system),
        password=password,
        square=square(login) if password else "",
        address=f"{origin()}/dav/",
        host=place.netloc,
        port=place.port or (443 if place.scheme == "https" else 80),
        secure=place.scheme == "https",
        user=here.principal.id,
    )


def _known(system: str) -> System:
    return SYSTEMS[system] if system in SYSTEMS else SYSTEMS["windows"]


def square(text: str) -> str:
    """A QR code as inline SVG, without any style of its own (the page's policy allows none)."""
    svg: str = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, svgclass=None, lineclass=None)
    return svg


@pages.post("/verbinden/beenden")
def disconnect() -> Any:
    """End one of one's own devices."""
    visit().ground.own_devices.disconnect(visit().principal.id, request.form.get("device", ""))
    return redirect(url_for("mounting.devices"), 303)


@pages.post("/oeffnen/<share>/<int:node>")
def open_in_place(share: str, node: int) -> Any:
    """A one-time address of a document, as buttons for the programs on this machine (decisions/0028)."""
    finding = Finding(visit().tree)
    seen = visit().noted(finding.at(share, node))
    url = origin() + visit().ground.open_once(visit().principal, seen.path).path
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    return render_template(
        "mounting/open.html",
        own=own,
        above=finding.describe(above),
        address=address_of,
        office=office_link(url),
        libreoffice=LIBREOFFICE + url,
    )
