"""Numbers about the server (`/metrics`, `davserver metrics`): of all workers, for those who may, without any name."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from davserver.founding import default_key
from davserver.house import House
from davserver.serving.tally import METHODS, Board, NoBoard
from davserver.settings import Settings
from tests.davclient import Answer, DavClient
from tests.process import workers
from tests.running import PROGRAM, RunningServer, command, copied, start
from tests.serving.raw import eventually

TOKEN = "p" * 40
Numbers = dict[tuple[str, tuple[str, ...]], float]


def numbers(text: str) -> Numbers:
    """Samples by name and sorted label values, as Prometheus's own parser reads them."""
    found: Numbers = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.values()))] = sample.value
    return found


def scraped(served: RunningServer, headers: Mapping[str, str] | None = None) -> Answer:
    client = DavClient(served.url)
    try:
        return client.request("GET", "/metrics", headers=dict(headers or {}))
    finally:
        client.close()


def read(served: RunningServer) -> Numbers:
    answer = scraped(served)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return numbers(answer.body.decode())


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("counted")), workers=2) as running:
        yield running


def test_every_worker_tells_the_numbers_of_all(served: RunningServer) -> None:
    """Requests over fresh connections reach both workers; whichever is asked afterwards, the sum is the same."""
    before = read(served)
    content = os.urandom(300_000)
    for number in range(12):
        client = served.client("clara", "/dav/ba05/Arbeitsordner")
        assert client.put(f"/gezählt-{number}.bin", content).status == 201
        assert client.get("/fehlt.bin").status == 404
        client.close()
    put, missed = ("2xx", "PUT"), ("4xx", "GET")

    def grown(name: str, *labels: str) -> set[float]:
        return {read(served)[name, labels] - before[name, labels] for _ in range(8)}

    assert eventually(lambda: grown("gremium_requests_total", *put) == {12.0}, 5)
    assert grown("gremium_requests_total", *missed) == {12.0}
    assert min(grown("gremium_received_bytes_total")) > 12 * len(content)
    assert min(grown("gremium_request_seconds_count")) >= 24
    after = read(served)
    assert after["gremium_workers", ()] == after["gremium_workers_wanted", ()] == 2
    assert after["gremium_connections", ()] >= 1
    assert after["gremium_database_bytes", ()] > 10_000
    assert 0 < after["gremium_free_bytes", ()] <= after["gremium_disk_bytes", ()]


def test_the_histogram_adds_up(served: RunningServer) -> None:
    """Buckets grow to the last one, which holds every request."""
    found = read(served)
    buckets = [value for (name, _), value in found.items() if name == "gremium_request_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found["gremium_request_seconds_count", ()] > 0
    assert found["gremium_request_seconds_sum", ()] > 0


def test_refused_logins_are_counted(served: RunningServer) -> None:
    """Wrong passwords, over all workers, a second later at most."""
    before = read(served)["gremium_logins_refused_total", ()]
    for _ in range(4):
        client = DavClient(served.url, "sam", "falsch-falsch-falsch")
        assert client.propfind("/dav/", "0").status == 401
        client.close()
    assert eventually(lambda: read(served)["gremium_logins_refused_total", ()] == before + 4, 5)


def test_no_name_and_no_made_up_method_is_a_label(served: RunningServer) -> None:
    """Whatever clients send, the rows are the same: methods and classes, nothing else."""
    client = served.client("clara", "/dav/ba05/Arbeitsordner")
    client.put("/Geheimsache.txt", b"x")
    client.request("GEHEIMVERB", "/dav/ba05/")
    client.close()
    text = scraped(served).body.decode()
    assert "eheim" not in text.lower()
    assert not re.search(r"ba05|clara|arbeitsordner|/dav", text.lower())
    labels = {labels[1] for (name, labels) in numbers(text) if name == "gremium_requests_total"}
    assert labels == set(METHODS)


def test_a_killed_worker_takes_no_counts_along(served: RunningServer) -> None:
    """The next one goes on from there: counters never fall, and the dead one's connections are not counted."""
    before = read(served)
    (first, *_) = workers(served)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: len(set(workers(served)) - {first}) == 2, 20)
    assert eventually(lambda: read(served)["gremium_workers", ()] == 2, 20)
    after = read(served)
    assert after["gremium_requests_total", ("2xx", "PUT")] >= before["gremium_requests_total", ("2xx", "PUT")]
    assert after["gremium_connections", ()] < 10


def test_the_command_tells_the_same(served: RunningServer) -> None:
    """`davserver metrics` reads where the server counts; `--json` tells each sample."""
    told = numbers(command("metrics", data=served.data))
    assert told["gremium_requests_total", ("2xx", "PUT")] == read(served)["gremium_requests_total", ("2xx", "PUT")]
    samples = json.loads(command("metrics", "--json", data=served.data))
    assert {"name": "gremium_workers", "labels": {}, "value": 2} in samples


def test_check_and_gc_say_when_they_ran(served: RunningServer) -> None:
    command("check", data=served.data)
    found = numbers(command("metrics", data=served.data))
    assert found["gremium_check_findings", ()] == 0
    assert found["gremium_check_timestamp_seconds", ()] > 1_700_000_000
    lines = int(json.loads(command("audit", "verify", "--json", data=served.data))["lines"])
    assert found["gremium_audit_lines", ()] == lines > 0


def test_without_a_server_the_house_is_told(own_data: Path) -> None:
    """No counts then, and no error; what was met damaged in the last day is counted (S-29)."""
    house = House.open(own_data, default_key(own_data), Settings())
    for version in ("v1", "v2", "v2"):
        house.reads.damaged("ba05", 7, f"{version}: it is missing")
    house.flush()
    house.close()
    found = numbers(command("metrics", data=own_data))
    assert found["gremium_damage_met", ()] == 2
    assert ("gremium_database_bytes", ()) in found
    assert not any(name.startswith("gremium_requests") for name, _ in found)


# -- who may ask --------------------------------------------------------------------------------------------------


def test_a_forwarded_request_is_not_from_here(served: RunningServer) -> None:
    """Without a token only this machine itself may ask, and nobody through a proxy."""
    assert scraped(served, {"X-Forwarded-For": "203.0.113.7"}).status == 404


def test_only_looking_is_allowed(served: RunningServer) -> None:
    request = urllib.request.Request(f"{served.url}metrics", method="POST", data=b"x")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 405
    refused.value.close()


def test_with_a_public_address_the_token_is_needed(installed: Path, tmp_path: Path) -> None:
    """contract.md; the token of another scheme, a wrong one and none are all refused, and no login opens it."""
    data = copied(installed, tmp_path / "own")
    (data / "metrics.token").write_text(TOKEN + "\n")
    env = {"DAVSERVER_PUBLIC_URL": "https://gremium.example.org", "DAVSERVER_METRICS_TOKEN": "metrics.token"}
    with start(data, workers=1, env=env) as running:
        right = scraped(running, {"Authorization": f"Bearer {TOKEN}"})
        assert right.status == 200
        assert b"gremium_workers 1.0" in right.body
        basic = base64.b64encode(f"clara:{TOKEN}".encode()).decode()
        for wrong in ("", f"Bearer {TOKEN[:-1]}", f"Token {TOKEN}", f"Basic {basic}", "Bearer \xe4"):
            answer = scraped(running, {"Authorization": wrong} if wrong else None)
            assert (answer.status, answer.body) == (401, b"")


def test_with_a_public_address_and_no_token_it_is_shut(installed: Path, tmp_path: Path) -> None:
    env = {"DAVSERVER_PUBLIC_URL": "https://gremium.example.org"}
    with start(copied(installed, tmp_path / "own"), workers=1, env=env) as running:
        assert scraped(running).status == 404


def test_a_guessable_token_stops_the_start(own_data: Path) -> None:
    """One line, before any worker exists."""
    (own_data / "metrics.token").write_text("geheim")
    words = [*PROGRAM, "serve", "--data", str(own_data), "--port", "0"]
    env = {**os.environ, "DAVSERVER_METRICS_TOKEN": "metrics.token"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "metrics.token must hold at least 32 characters" in done.stderr
    assert done.stdout == ""


# -- the board ----------------------------------------------------------------------------------------------------


def test_a_board_of_another_version_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "traffic"
    for content in (b"", bytes(4096), b"\xff" * 16):
        path.write_bytes(content)
        with pytest.raises(NoBoard):
            Board.read(path)
    with pytest.raises(NoBoard):
        Board.read(tmp_path / "missing")


def test_a_request_without_an_answer_is_counted_as_refused() -> None:
    """The peer went first: no status, and no row of its own."""
    board = Board.create(2)
    board.tally(1).answered("GET", 0, 0.2, 100, 0)
    board.tally(0).answered("ERFUNDEN", 204, 100.0, 0, 5)
    sums = board.sums()
    assert {kind: count for kind, count in sums.requests.items() if count} == {("GET", "4xx"): 1, ("other", "2xx"): 1}
    assert sums.durations[-1] == 1
    assert (sums.received, sums.sent, sums.workers, sums.places) == (100, 5, 0, 2)
