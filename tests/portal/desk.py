"""A server with a committee that meets: its clerks clara and kurt, its chair vera, its members otto and paula, its
auditor renate; and with a second desk, at which clara works too, and berta works alone.
"""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path

from tests.portal.portalclient import Page, PortalClient
from tests.running import committee, copied, declare, person

CODE = re.compile(r"(?:[a-z2-7]{4}-){7}[a-z2-7]{4}")
"""With which somebody sets his own password, in a letter."""
DECLARED = (
    person("kurt", "Kurt Clerk")
    + person("vera", "Vera Vorsitz")
    + person("paula", "Paula Puls")
    + person("berta", "Berta Bau")
    + person("renate", "Renate Revision")
    + committee("bau", "Bauausschuss", 'provider = "vault"', "clara:clerk", "berta:clerk")
    + committee(
        "rat",
        "Stadtrat",
        'provider = "vault"',
        *("clara:clerk", "kurt:clerk", "vera:chair", "otto:member", "paula:member", "renate:auditor"),
    )
)


def install_with_desk(installed: Path, directory: Path, declared: str = "", *users: str) -> Path:
    """The data directory; what is `declared` besides may go on with the committee, and `users` have a password too."""
    data = copied(installed, directory)
    declare(data, DECLARED + declared, "kurt", "vera", "paula", *users)
    return data


def written(pdf: bytes) -> str:
    """What stands on the pages of a letter."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    packed = [stream.strip().removesuffix(b"~>") for stream in streams]
    pages = [zlib.decompress(base64.a85decode(each)) for each in packed]
    return b"\n".join(pages).decode("latin-1")


def agreed(client: PortalClient, page: Page, action: str, told: str = "", **fields: str) -> Page:
    """A form that changes rights, sent in two steps as people do: looked at, where `told` is read, then agreed to."""
    looked = client.submit(page, action, **fields)
    assert (looked.status, "Yes, do it" in looked.text) == (200, True), looked.text
    assert told in looked.text
    done = client.submit(looked, action, yes="yes")
    assert done.status == 303, done.text
    return done


def pasted(items: int) -> str:
    """An agenda as Word copies it: a public part, then a non-public one, `items` lines with numbers."""
    public = items * 4 // 5
    lines = ["Öffentlicher Teil", *(f"{number}.\tAnhörung Straße {number}\t" for number in range(1, public + 1))]
    lines += ["Nichtöffentlicher Teil", *(f"N {number}\tVergabe {number}\t" for number in range(1, items - public + 1))]
    return "\n".join(lines)
