"""What a page of reading shows: its picture, the words above it, and where one can turn to."""

from __future__ import annotations

import io

from PIL import Image

from tests.portal.portalclient import Page, PortalClient


def words(page: Page) -> str:
    """The text layer."""
    return " ".join(" ".join(page.tree.xpath("//*[local-name()='tspan']/text()")).split())


def picture(page: Page) -> str:
    return str(page.tree.xpath("//figure//img/@src")[0])


def turns(page: Page) -> dict[str, str]:
    """The links to other pages that are to be seen, by their words."""
    links = page.tree.xpath("//a[@data-key][not(@hidden)]")
    return {link.text_content().strip(): link.get("href").partition("#")[0] for link in links}


def opened(client: PortalClient, address: str) -> Image.Image:
    answer = client.get(address)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/webp")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    return Image.open(io.BytesIO(answer.body)).convert("RGB")


def drawn_on(marked: Image.Image, plain: Image.Image) -> tuple[bool, bool]:
    """Is something drawn over the plain picture: at its foot, and across it?"""
    assert marked.size == plain.size
    foot = (0, marked.height - 30, marked.width, marked.height)
    middle = (0, 300, marked.width, marked.height - 60)
    found = [marked.crop(part).getcolors(1 << 20) != plain.crop(part).getcolors(1 << 20) for part in (foot, middle)]
    return found[0], found[1]
