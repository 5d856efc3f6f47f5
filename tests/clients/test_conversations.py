"""What real clients said on the wire, recorded once, gets the same kind of answers from this server."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.clients.conversation import SPEAKER, Conversation, Replay, Step, names, read
from tests.davclient import DavClient

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


SYNCING = [name for name in names() if read(name).mount]


@pytest.mark.parametrize("name", sorted({*names()} - {*SYNCING}))
def test_conversation_goes_as_recorded(people: People, drive: str, name: str) -> None:
    """Every status as recorded (2xx for 2xx), all on one connection."""
    conversation = read(name)
    where = "" if conversation.speaker == "reader" else "/Arbeitsordner"  # members only read outside of it
    speaker = prepared(people, f"/dav/{drive}{where}", conversation)
    assert Replay(speaker, conversation).run() == []


@pytest.mark.parametrize("name", SYNCING)
def test_sync_conversation_goes_as_recorded(people: People, name: str) -> None:
    """The same of clients that keep a copy: at the address where they find the user's tree, with OC-* headers."""
    conversation = read(name)
    speaker = prepared(people, f"{conversation.mount}/{SPEAKER}/ba05/Arbeitsordner", conversation)
    assert Replay(speaker, conversation).run() == []


def test_no_conversation_is_lost() -> None:
    """Every client of protocol.md §4 that left a conversation is replayed."""
    clients = " ".join(read(name).client for name in names())
    for client in ("LibreOffice", "Finder", "Explorer", "cadaver", "davfs2", "gvfs", "KIO", "rclone", "nextcloudcmd"):
        assert client in clients
