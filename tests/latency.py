"""How long somebody waits who works beside whatever a test does to the server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from tests.davclient import DavClient

LEAST = 200


def p95(client: DavClient, goes_on: Callable[[], bool] = lambda: False) -> float:
    """Seconds that the slowest of twenty PROPFINDs takes, over as many as are made meanwhile; all are answered."""
    times: list[float] = []
    while goes_on() or len(times) < LEAST:
        begun = time.monotonic()
        assert client.propfind("", "0").status == 207
        times.append(time.monotonic() - begun)
    return statistics.quantiles(times, n=20)[-1]
