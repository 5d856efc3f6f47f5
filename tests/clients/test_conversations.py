"""What real clients said on the wire, recorded once, gets the same kind of answers from this server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest

from tests.clients.conversation import SPEAKER, Conversation, Replay, Step, names, read
from tests.davclient import DavClient
from tests.running import RunningServer, command

People = Callable[[str, str], DavClient]


def prepared(people: People, parent: str, conversation: Conversation) -> DavClient:
    """A fresh folder with what the conversation finds there; the client who speaks in it."""
    base = f"{parent}/t-{uuid.uuid4().hex[:12]}"
    clerk, other = people("clara", base), people("otto", base)
    assert clerk.mkcol("").status == 201
    for step in conversation.before:
        assert prepare(other if step["verb"] == "LOCK" else clerk, step) in (200, 201), step
    return people("otto", base) if conversation.speaker == "reader" else clerk


def prepare(client: DavClient, step: Step) -> int:
    if step["verb"] == "LOCK":
        return client.lock(step["at"], owner="Otto Maier").status
    return client.request(step["verb"], step["at"], bytes(step.get("bytes", 0))).status


@pytest.mark.own_tls
@pytest.mark.parametrize("name", names("clerk", "reader"))
def test_conversation_goes_as_recorded(people: People, server: RunningServer, drive: str, name: str) -> None:
    """Every status as recorded (2xx for 2xx), all on one connection."""
    conversation = read(name)
    where = "" if conversation.speaker == "reader" else "/Arbeitsordner"  # members only read outside of it
    speaker = prepared(people, f"/dav/{drive}{where}", conversation)
    assert Replay(speaker, conversation).run() == []


@pytest.mark.parametrize("name", names("syncing"))
def test_sync_conversation_goes_as_recorded(people: People, name: str) -> None:
    """The same of clients that keep a copy: at the address where they find the user's tree, with OC-* headers."""
    conversation = read(name)
    speaker = prepared(people, f"/remote.php/dav/files/{SPEAKER}/ba05/Arbeitsordner", conversation)
    assert Replay(speaker, conversation).run() == []


def test_no_conversation_is_lost() -> None:
    """Every client of protocol.md §4 that left a conversation is replayed."""
    clients = " ".join(read(name).client for name in names("clerk", "reader", "holder", "syncing"))
    recorded = ("LibreOffice", "cadaver", "davfs2", "gvfs", "KIO", "rclone", "nextcloudcmd")
    for client in (*recorded, "Finder", "Explorer", "Word", "Cyberduck", "DAVx5"):
        assert client in clients


@pytest.mark.parametrize("name", names("holder"))
def test_conversation_by_a_one_time_address(server: RunningServer, people: People, name: str) -> None:
    """The same for a client that has nothing but an address (docs/decisions/0028)."""
    conversation = read(name)
    folder = prepared(people, "/dav/ba05/Arbeitsordner", conversation)
    (paper,) = folder.names("")
    path = f"{folder.base.removeprefix('/dav/')}/{paper}"
    made = json.loads(command("open-url", "otto", path, "--json", data=server.data))
    with people("", made["url"].rpartition("/")[0]) as holder:
        assert Replay(holder, conversation).run() == []
    assert folder.head(f"/{paper}").headers["Content-Length"] == "23999"
