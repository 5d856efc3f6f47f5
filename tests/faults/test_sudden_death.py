"""S-37: SIGKILL at fifty random moments under eight clients: what was answered is there, and all is consistent."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sqlalchemy import select

from shareproviders.contract import Upkeep
from shareproviders.vault.schema import blob, small
from tests.davclient import DavClient
from tests.faults.quick_starts import QuickStarts
from tests.faults.scribes import Crowd, Scribe
from tests.faults.test_kill import findings
from tests.faults.test_kill_keeping import later, opened
from tests.mirror import Mirror, listing
from tests.running import copied
from tests.soaking import SOAK

CLIENTS = 8
DEATHS = 50
ANSWERS = 200 if SOAK else 24
"""At most so many between two deaths, about."""
RESTART_SECONDS = 5.0


def test_killed_at_any_moment_nothing_answered_is_lost(installed: Path, tmp_path: Path) -> None:
    """Documents, properties and locks are those that were answered; a sync-token from before leads to what is there."""
    chance, mirrors = random.Random(37), {}
    scribes = [
        Scribe(("clara", "otto")[number % 2], f"/dav/ba05/Arbeitsordner/s-{number}", random.Random(number))
        for number in range(CLIENTS)
    ]
    crowd = Crowd(scribes, chance)
    data = copied(installed, tmp_path / "own")
    with QuickStarts(data) as starts:
        for _ in range(DEATHS):
            began = time.monotonic()
            server = starts.start()
            assert time.monotonic() - began < RESTART_SECONDS
            if crowd.crash:
                scribe = chance.choice(scribes)
                with server.client(scribe.user, scribe.place) as client:
                    follow(mirrors.setdefault(scribe.place, Mirror(client)), client)
            crowd.live(server, chance.randrange(ANSWERS), server.die)
        server = starts.start()
        crowd.look(server)
        for scribe in scribes:
            with server.client(scribe.user, scribe.place) as client:
                obeys_its_locks(client, scribe)
        server.die()
    assert findings(data) == []
    assert orphans_after_collecting(data) == set()
    print(f"{DEATHS} deaths, {crowd.confirmed} answered steps, all there; {len(mirrors)} copies kept step")
    assert sum(mirror.afresh for mirror in mirrors.values()) == 0
    assert crowd.confirmed > 4 * DEATHS


def follow(mirror: Mirror, client: DavClient) -> None:
    """The copy, brought up to date with the token it has had since before the deaths, is the folder (RFC 6578 §3.2)."""
    mirror.client = client
    assert mirror.sync() == listing(client)


def obeys_its_locks(client: DavClient, scribe: Scribe) -> None:
    """A lock that outlived the deaths still shuts out who does not submit its token, and opens to who does."""
    for name, paper in scribe.stands.items():
        if paper.token is not None:
            assert client.delete(name).status == 423
            assert client.unlock(name, paper.token).status == 204


def orphans_after_collecting(data: Path) -> set[str]:
    """Files of blobs that no row names, and rows without file or message, after everything old enough was collected."""
    house = opened(data)
    try:
        for store in house.stores().values():
            if isinstance(store, Upkeep):
                store.collect(later())
        with house.database.read() as connection:
            named = {each.hex() for each in connection.execute(select(blob.c.id)).scalars()}
            in_rows = {each.hex() for each in connection.execute(select(small.c.blob)).scalars()}
    finally:
        house.close()
    assert in_rows, "some are small"
    return named ^ in_rows ^ {path.name for path in data.glob("vault/*/blobs/*/*")}
