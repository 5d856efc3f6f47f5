"""Numbers about a running server for Prometheus: what the workers count, and how the house stands.

Text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Labels are methods and classes of status only:
no name, path, user, drive or address is ever one.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from sqlalchemy import select

from davserver import upkeep
from davserver.audit import DAMAGE_ONCE, STORE
from davserver.forwarding import Forwarding
from davserver.hosts import is_loopback
from davserver.house import House
from davserver.schema import setting
from davserver.serving.tally import BUCKETS, Board, Sums
from davserver.settings import Settings, SettingsError, read_secret

PATH = "/metrics"
BOARD_NAME = "traffic"
"""Where the running server counts, in the data directory; `davserver metrics` reads it."""
LEAST_TOKEN = 32
MOST_DAMAGE = 1000
"""Lines of the log that are counted; more is no other alarm."""


class Figures(NamedTuple):
    """Everything that is told, at one moment."""

    house: House
    sums: Sums | None
    """None if no server has counted yet."""

    def collect(self) -> Iterator[Metric]:
        """As the exposition's registry asks for it."""
        if self.sums is not None:
            yield from _traffic(self.sums)
        yield from _standing(self.house)

    def text(self) -> bytes:
        return generate_latest(self)


def _traffic(sums: Sums) -> Iterator[Metric]:
    requests = CounterMetricFamily("gremium_requests", "Requests answered.", labels=["method", "class"])
    for kind, count in sums.requests.items():
        requests.add_metric(kind, count)
    yield requests
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    told = list(zip(bounds, accumulate(sums.durations), strict=True))
    yield HistogramMetricFamily(
        "gremium_request_seconds", "From a request's head to the end of its answer.", told, sums.seconds
    )
    yield CounterMetricFamily("gremium_received_bytes", "Bytes read from clients.", sums.received)
    yield CounterMetricFamily("gremium_sent_bytes", "Bytes sent to clients.", sums.sent)
    yield CounterMetricFamily("gremium_logins_refused", "Wrong, ended or throttled credentials.", sums.logins_refused)
    yield GaugeMetricFamily("gremium_connections", "Connections open now.", sums.connections)
    yield GaugeMetricFamily("gremium_stores_stopped", "Stores that take no writes after a fault.", sums.stores_stopped)
    yield GaugeMetricFamily("gremium_workers", "Processes that serve now.", sums.workers)
    yield GaugeMetricFamily("gremium_workers_wanted", "Processes that should serve.", sums.places)


def _standing(house: House) -> Iterator[Metric]:
    database, disk = house.database.path, os.statvfs(house.directory)
    wal = database.with_name(f"{database.name}-wal")
    yield GaugeMetricFamily("gremium_database_bytes", "Size of the database.", _size(database))
    yield GaugeMetricFamily("gremium_database_log_bytes", "Size of its write-ahead log.", _size(wal))
    yield GaugeMetricFamily("gremium_free_bytes", "Free space where the data lie.", disk.f_bavail * disk.f_frsize)
    yield GaugeMetricFamily("gremium_disk_bytes", "Size of that file system.", disk.f_blocks * disk.f_frsize)
    yield GaugeMetricFamily("gremium_audit_lines", "Number of the log's newest line.", house.audit.head().seq)
    damaged = len(list(house.audit.show(who=STORE, since=house.clock() - DAMAGE_ONCE, limit=MOST_DAMAGE)))
    yield GaugeMetricFamily("gremium_damage_met", "Damaged documents that somebody met in the last day.", damaged)
    names = (upkeep.LAST_RUN, upkeep.LAST_CHECK)
    with house.database.read() as connection:
        rows = connection.execute(select(setting.c.name, setting.c.value).where(setting.c.name.in_(names))).all()
    noted = {row.name: bytes(row.value) for row in rows}
    if (ran := noted.get(upkeep.LAST_RUN)) is not None:
        yield GaugeMetricFamily("gremium_upkeep_timestamp_seconds", "When old things were let go of.", _seconds(ran))
    if (checked := noted.get(upkeep.LAST_CHECK)) is not None:
        findings = int.from_bytes(checked[8:16], "big")
        yield GaugeMetricFamily("gremium_check_timestamp_seconds", "When everything was verified.", _seconds(checked))
        yield GaugeMetricFamily("gremium_check_findings", "What that found damaged.", findings)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _seconds(noted: bytes) -> float:
    return int.from_bytes(noted[:8], "big") / 1_000_000


class MetricsPage:
    """`/metrics`: with the token, where one is set; else on this machine only, and only while nobody else uses it."""

    def __init__(self, house: House, board: Board) -> None:
        """Raises SettingsError for a token that cannot be read or be guessed."""
        self._house, self._board = house, board
        self._token = read_token(house.settings, house.directory)
        self._open_here = not house.settings.public_url

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._token and not self._knows(environ.get("HTTP_AUTHORIZATION", "")):
            return _plain(start_response, "401 Unauthorized", ("WWW-Authenticate", 'Bearer realm="Gremium metrics"'))
        if not self._token and not (self._open_here and _is_local(environ)):
            return _plain(start_response, "404 Not Found")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _plain(start_response, "405 Method Not Allowed", ("Allow", "GET, HEAD"))
        body = Figures(self._house, self._board.sums()).text()
        kind, length = ("Content-Type", CONTENT_TYPE_PLAIN_0_0_4), ("Content-Length", str(len(body)))
        start_response("200 OK", [kind, length, ("Cache-Control", "no-store")])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _knows(self, authorization: str) -> bool:
        """RFC 6750 §2.1."""
        scheme, _, given = authorization.partition(" ")
        return hmac.compare_digest(given.strip().encode(), self._token.encode()) and scheme.lower() == "bearer"


def read_token(settings: Settings, directory: Path) -> str:
    """The token from the file that the settings name; empty if they name none. Raises SettingsError."""
    token = read_secret("metrics_token", settings.metrics_token, directory)
    if settings.metrics_token and (len(token) < LEAST_TOKEN or not token.isascii()):
        path = directory / settings.metrics_token
        raise SettingsError(f"metrics_token: {path} must hold at least {LEAST_TOKEN} characters nobody can guess")
    return token


def _is_local(environ: Mapping[str, Any]) -> bool:
    return is_loopback(environ["REMOTE_ADDR"]) and not environ[Forwarding.SEEN]


def _plain(start_response: Callable[..., Any], status: str, *headers: tuple[str, str]) -> list[bytes]:
    start_response(status, [("Content-Length", "0"), ("Cache-Control", "no-store"), *headers])
    return [b""]
