"""How long somebody waits who works beside whatever a test does to the server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from tests.davclient import DavClient

LEAST = 200


def p95(ask: Callable[[], None], goes_on: Callable[[], bool] = lambda: False) -> float:
    """Seconds that the slowest of twenty takes, over as many as are asked meanwhile, and at least so many."""
    times: list[float] = []
    while goes_on() or len(times) < LEAST:
        begun = time.monotonic()
        ask()
        times.append(time.monotonic() - begun)
    return statistics.quantiles(times, n=20)[-1]


def listing(client: DavClient) -> Callable[[], None]:
    """One PROPFIND, which must be answered."""
    return partial(_list, client)


def _list(client: DavClient) -> None:
    assert client.propfind("", "0").status == 207
