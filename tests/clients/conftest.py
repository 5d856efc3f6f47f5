"""Fixtures for foreign clients: a server with one worker beside the shared one with two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import RunningServer, install, start


@pytest.fixture(scope="session")
def lone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server with a single worker."""
    with start(install(tmp_path_factory.mktemp("lone")), workers=1) as running:
        yield running


@pytest.fixture(params=["lone_server", "server"], ids=["one worker", "two workers"])
def crew(request: pytest.FixtureRequest) -> RunningServer:
    """The server with one worker, then with two."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, RunningServer)
    return running
