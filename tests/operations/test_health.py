"""`/healthz` and `/healthz/ready`: alive, and able to take a document (issue "Trust", operations)."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from davserver.database import WriterMutex
from davserver.founding import default_key
from davserver.health import LIVE, READY, Health
from davserver.house import House
from davserver.schema import share
from davserver.serving.tally import Board
from davserver.settings import Settings, load
from shareproviders.contract import ReadOnlyShare, Unavailable
from tests.davclient import DavClient
from tests.running import RunningServer

ROOMY = {"DAVSERVER_FREE_SPACE_PERCENT": "0"}
"""The machine that runs the tests may be nearly full."""


@pytest.fixture
def opened(own_data: Path) -> Iterator[Callable[[Settings], House]]:
    houses: list[House] = []

    def open_house(settings: Settings) -> House:
        houses.append(House.open(own_data, default_key(own_data), settings))
        return houses[-1]

    yield open_house
    for house in houses:
        house.close()


def asked(health: Health, path: str) -> tuple[str, bytes]:
    told: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        told.append(status)

    (body,) = health({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, start_response)
    return told[0], body


def test_a_running_server_is_alive_and_ready(server: RunningServer) -> None:
    """Without a login."""
    client = DavClient(server.url)
    assert client.get("/healthz").body == b"ok\n"
    ready = client.get("/healthz/ready")
    assert ready.body in (b"ready\n", b"the disk is nearly full\n")
    assert ready.headers["Cache-Control"] == "no-store"
    client.close()


def test_a_whole_house_is_ready(opened: Callable[[Settings], House]) -> None:
    assert asked(Health(opened(load(None, ROOMY)), Board.create(1)), READY) == ("200 OK", b"ready\n")


def test_a_full_disk_is_not_ready_but_alive(opened: Callable[[Settings], House]) -> None:
    """Below the floor that the settings name."""
    health = Health(opened(Settings(free_space_percent=100)), Board.create(1))
    assert asked(health, READY) == ("503 Service Unavailable", b"the disk is nearly full\n")
    assert asked(health, LIVE)[0] == "200 OK"


@pytest.mark.parametrize("broken", ["gone", "readable"])
def test_without_its_key_it_is_not_ready(opened: Callable[[Settings], House], broken: str) -> None:
    """It runs on, but would not start again."""
    house = opened(load(None, ROOMY))
    if broken == "gone":
        house.key.rename(house.key.with_suffix(".away"))
    else:
        house.key.chmod(0o644)
    assert asked(Health(house, Board.create(1)), READY) == ("503 Service Unavailable", b"the root key cannot be read\n")


def test_while_somebody_else_holds_the_database_it_is_not_ready(opened: Callable[[Settings], House]) -> None:
    """It says so within a few seconds, and gets well by itself."""
    house = opened(load(None, ROOMY))
    health, other = Health(house, Board.create(1)), WriterMutex(house.directory / "writer.lock")
    other.acquire()
    began = time.monotonic()
    assert asked(health, READY) == ("503 Service Unavailable", b"the database cannot be written\n")
    assert time.monotonic() - began < 5
    other.release()
    other.close()
    time.sleep(1.05)
    assert asked(health, READY) == ("200 OK", b"ready\n")


def lose(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of a drive fails to keep a change."""

    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, "injected")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(Unavailable):
            house.shares["ba05"].stage([b"lost" * 5000])


def test_a_store_that_stopped_is_neither_alive_nor_ready(
    opened: Callable[[Settings], House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fsync nothing is believed until a restart; not even after the drive's quota was changed."""
    house = opened(load(None, ROOMY))
    lose(house, monkeypatch)
    health = Health(house, Board.create(1))
    stopped = ("503 Service Unavailable", b"a store has stopped taking writes; see the log\n")
    for path in (LIVE, READY):
        assert asked(health, path) == stopped
    with house.database.transaction() as connection:
        connection.execute(update(share).values(quota=2**40))
    assert house.shares["ba05"].read_only
    with pytest.raises(ReadOnlyShare):
        house.shares["ba05"].stage([b"lost, too"])
    assert asked(health, LIVE) == stopped


def test_each_worker_tells_what_another_one_met(opened: Callable[[Settings], House]) -> None:
    """Whoever asks gets one worker of several; the service is to be restarted in any case. A dead one tells nothing."""
    board = Board.create(2)
    health, other = Health(opened(load(None, ROOMY)), board), board.tally(1)
    other.enter()
    other.stores_stopped(1)
    assert asked(health, LIVE)[0] == "503 Service Unavailable"
    other.leave()
    assert asked(health, LIVE) == ("200 OK", b"ok\n")
