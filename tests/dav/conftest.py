"""Fixtures of the tests of collection synchronization: a worker in this process, and two readers of one folder."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dav.inside import Clock, InsideClient, Worker
from tests.running import copied


@pytest.fixture(scope="module")
def worker(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(copied(installed, tmp_path_factory.mktemp("sync")), Clock())
    yield made
    made.close()


@pytest.fixture
def clerk(worker: Worker) -> InsideClient:
    """In a fresh folder with a document and a folder with another."""
    client = worker.client("clara", f"/dav/ba05/s-{uuid.uuid4().hex[:10]}")
    for path in ("", "/d"):
        assert client.mkcol(path).status == 201
    for path in ("/a", "/d/x"):
        assert client.put(path, b"1").status == 201
    return client


@pytest.fixture
def member(worker: Worker, clerk: InsideClient) -> InsideClient:
    return worker.client("otto", clerk.base)
