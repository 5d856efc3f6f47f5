"""No second way in is weaker than the first: every credential at every door with every method, as one committed table.

security.md B1 and S-12. `credentials.txt` is the table: for each door the answers to each method, a line for all
credentials that are answered alike. Whoever changes it reads every line that changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.running import RunningServer
from tests.security.credentials import BROWSERS, FEW, METHODS, City, Place, city

TABLE = Path(__file__).with_name("credentials.txt")
WHOLE = ("drive: a document", "Nextcloud: files", "Nextcloud: webdav", "link on", "drop on", "one-time")
IN_SHORT = ("drive", "Nextcloud: uploads", "Nextcloud: trash", "Nextcloud: versions", "nothing")
WITHOUT_LOGIN = (
    *("link on a drive", "link on a drive, expired", "link in a browser", "link in a browser, expired"),
    *("drop on a drive", "drop in a browser", "one-time address", "reply to a letter", "nothing"),
    *("portal: signing in", "portal: the public board", "portal: its feed", "health", "readiness"),
    *("Nextcloud: status.php", "Nextcloud: a device polls"),
)
"""Doors that open to whoever has the address: some credentials of every kind are enough."""
SOME = ("none", "app password", "account password", "not Basic at all", "password of a link", "session")
GUESSES = 4
"""So many wrong ones throttle nobody yet (davserver/throttle.py)."""
CHANGING = ("PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK")
CELLS = 1_200
Rows = dict[str, dict[str, tuple[int, ...]]]
"""Door → credential → its answers."""


@pytest.fixture(scope="module")
def built(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with city(installed, tmp_path_factory.mktemp("credentials")) as made:
        yield made


def methods_of(name: str) -> tuple[str, ...]:
    if name.startswith(WHOLE):
        return tuple(METHODS)
    return FEW if name.startswith(IN_SHORT) else BROWSERS


def measured(built: City) -> Rows:
    rows: Rows = {}
    with DavClient(built.server.url) as client:
        for name, place in built.doors.items():
            titles = SOME if name in WITHOUT_LOGIN else tuple(built.credentials)
            rows[name] = {title: row(built, client, name, place, title) for title in titles}
    return rows


def row(built: City, client: DavClient, name: str, place: Place, title: str) -> tuple[int, ...]:
    path, statuses = place if isinstance(place, str) else place(), []
    for method in methods_of(name):
        statuses.append(built.ask(client, method, path, built.credentials[title]).status)
        if method == "LOCK" or len(statuses) % GUESSES == 0:
            built.calm()
        if statuses[-1] in (201, 204) and method in CHANGING:
            built.set_back()
    return tuple(statuses)


def written(rows: Rows) -> str:
    """The table as text."""
    lines = []
    for name, by_credential in rows.items():
        alike: dict[tuple[int, ...], list[str]] = {}
        for title, row in by_credential.items():
            alike.setdefault(row, []).append(title)
        lines.append(f"# {name}")
        lines.append("".join(f"{method:<10}" for method in methods_of(name)).rstrip())
        most = max(alike, key=lambda row: len(alike[row]))
        for row, titles in sorted(alike.items(), key=lambda each: each[0] == most):
            who = "everybody else" if row == most and len(alike) > 1 else "; ".join(titles)
            who = "everybody" if len(alike) == 1 else who
            lines.append("".join(f"{status:<10}" for status in row).rstrip() + f"   {who}")
        lines.append("")
    return "\n".join(lines)


def test_every_credential_at_every_door(built: City) -> None:
    """At least 1,200 cells, equal to what somebody has read and committed."""
    rows = measured(built)
    assert sum(len(row) for door in rows.values() for row in door.values()) >= CELLS
    assert written(rows) == TABLE.read_text("utf-8")


def test_nothing_of_it_stands_in_the_log(built: City) -> None:
    """No secret of any credential was logged on the way, whatever it was shown to."""
    server: RunningServer = built.server
    secrets = {header.partition(" ")[2] or header for each in built.credentials.values() for header in each.values()}
    assert not [line for line in server.log for secret in secrets if len(secret) > 12 and secret in line]
