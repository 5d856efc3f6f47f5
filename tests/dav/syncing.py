"""What the tests of collection synchronization share: a worker in this process, and short words for its reports."""

from __future__ import annotations

from acl import store
from acl.labels import Classification, Label
from shareproviders.paths import SharePath
from tests.dav.inside import Worker
from tests.davclient import DAV, DavClient
from tests.mirror import report, sync_body

VALID = DAV + "valid-sync-token"
PROPPATCH = "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>"
OFFICE = Label(Classification.OFFICE)


def token(client: DavClient, path: str = "") -> str | None:
    return client.properties(path, "sync-token").text("sync-token")


def told(client: DavClient, since: str | None, **wish: object) -> dict[str, int | None]:
    """Paths beneath the client's base that one report names, with the status of what is gone."""
    answer = report(client, "", sync_body(since or "", **wish))  # type: ignore[arg-type]
    return {href.removeprefix(client.base): member.status for href, member in answer.members().items()}


def label(worker: Worker, client: DavClient, path: str, label: Label) -> None:
    node = worker.house.share("ba05").stat(SharePath.parse((client.base + path).removeprefix("/dav/ba05")))
    with worker.house.database.transaction() as connection:
        store.set_label(connection, "ba05", node.id, label)


def node_of(worker: Worker, client: DavClient, path: str) -> int:
    return worker.house.share("ba05").stat(SharePath.parse((client.base + path).removeprefix("/dav/ba05"))).id
