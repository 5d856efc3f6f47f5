"""A device of one's own asks to be connected (Login Flow v2): the page on which its owner says yes or no."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from davserver.portal.ground import visit

pages = Blueprint("connecting", __name__)


@pages.get("/index.php/login/v2/flow/<token>")
def ask(token: str) -> Any:
    """What asks, and the two answers. Raises NotFound where no device waits any more."""
    return render_template("connecting.html", device=visit().ground.devices.label(token), decided="")


@pages.post("/index.php/login/v2/flow/<token>")
def decide(token: str) -> Any:
    """Let it in or send it away; it learns that by itself. Raises NotFound where no device waits any more."""
    devices = visit().ground.devices
    device, yes = devices.label(token), request.form.get("answer") == "yes"
    if yes:
        devices.grant(token, visit().principal.id)
    else:
        devices.refuse(token)
    return render_template("connecting.html", device=device, decided="yes" if yes else "no")
