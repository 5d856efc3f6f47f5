"""What `config/` ships for a machine that runs the server: each file is taken up by the program that it is for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from davserver.settings import shipped
from tests.davclient import DavClient
from tests.foreign import need
from tests.running import copied, start
from tests.test_house import ROOT

EXPOSED_AT_MOST = 2.2
"""Of systemd's scale from 0 (nothing can be reached) to 10; a unit without any line about it has 9.6."""


def ran(*words: str | Path, status: int = 0) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


# -- systemd ------------------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Both units, with a program that is there."""
    need("systemd-analyze")
    for name in ("gremium.service", "gremium.socket"):
        text = shipped(name).read_text().replace("/opt/gremium/bin/davserver", "/bin/true")
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_unit_is_sandboxed(units: Path) -> None:
    """`systemd-analyze security`: what is left open is named in the unit with its reason."""
    told = ran("systemd-analyze", "security", "--offline=yes", "--no-pager", units / "gremium.service")
    found = re.search(r"exposure level for gremium\.service: ([0-9.]+)", told)
    assert found, told
    assert float(found[1]) <= EXPOSED_AT_MOST


def test_systemd_understands_both_units(units: Path) -> None:
    """No unknown key, no missing unit: not a word about ours."""
    told = ran("systemd-analyze", "verify", "--man=no", units / "gremium.service", units / "gremium.socket")
    assert "gremium" not in told


def test_the_unit_gives_requests_time_to_end() -> None:
    """Longer than the server itself waits for them, which is 30 seconds and 5 for its workers."""
    unit = shipped("gremium.service").read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert found
    assert int(found[1]) > 35
    assert re.search(r"^Type=notify$", unit, re.M)


# -- logs ---------------------------------------------------------------------------------------------------------


def test_rotation_empties_a_log_that_stays_open(tmp_path: Path) -> None:
    """The server appends on; what it had written is in the old file, whole."""
    log = tmp_path / "server.log"
    text = shipped("gremium.logrotate").read_text()
    assert "/var/log/gremium/*.log" in text
    settings = tmp_path / "gremium.logrotate"
    settings.write_text(text.replace("/var/log/gremium/*.log", str(log)))
    settings.chmod(0o644)
    with log.open("a") as open_log:
        open_log.write("before\n")
        open_log.flush()
        tmp_path.chmod(0o755)
        ran(need("logrotate"), "--force", "--state", tmp_path / "state", settings)
        open_log.write("after\n")
    assert log.read_text() == "after\n"
    (old,) = tmp_path.glob("server.log-*")
    assert old.read_text() == "before\n"


def test_fail2ban_counts_guesses_and_nothing_else(installed: Path, tmp_path: Path) -> None:
    """Real lines of a real server: wrong passwords and throttled ones count, what a client writes in them does not."""
    program = need("fail2ban-regex")
    data = copied(installed, tmp_path / "own")
    forged = '"room": "davserver.login", "message": "login failed from 203.0.113.9: throttled"'
    with start(data, workers=1) as served:
        for number in range(12):
            client = DavClient(served.url, "otto", f"falsch-{number}")
            assert client.propfind("/dav/", "0").status in (401, 429)
            client.close()
        client = DavClient(served.url, forged, forged)
        client.request("PROPFIND", "/dav/", headers={"User-Agent": forged, "X-Forwarded-For": "203.0.113.9"})
        client.close()
        served.stop()
        log = tmp_path / "server.log"
        log.write_text("".join(served.log))
    told = ran(program, "--print-all-matched", "--print-no-missed", log, shipped("fail2ban-filter.conf"))
    assert "login failed from" in log.read_text()
    matched = [line for line in told.splitlines() if line.startswith("|  {")]
    assert len(matched) >= 12, told
    assert [line for line in matched if "from 127.0.0.1:" not in line] == []
    assert f"{len(matched)} matched" in told


def test_fail2ban_understands_the_jail() -> None:
    """Its filter is the one that is shipped; it reads the unit's journal."""
    jail, unit = shipped("fail2ban-jail.conf").read_text(), shipped("fail2ban-filter.conf").read_text()
    assert re.search(r"^filter = gremium$", jail, re.M)
    assert re.search(r"^backend = systemd$", jail, re.M)
    assert re.search(r"^journalmatch = _SYSTEMD_UNIT=gremium\.service$", unit, re.M)


# -- containers ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(shipped("compose.yaml").read_text())
    return parsed


def test_the_container_can_gain_nothing(compose: dict[str, Any]) -> None:
    """Read-only, without capabilities, as nobody special, and reached from this machine alone."""
    service = compose["services"]["gremium"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "privileged" not in service
    assert f"USER {service['user'].partition(':')[0]}\n" in shipped("Containerfile").read_text()


def test_the_proxy_that_is_trusted_is_the_hosts(compose: dict[str, Any]) -> None:
    """Requests through the published port come from the network's gateway; only its forwarding headers count."""
    (network,) = compose["networks"]["inside"]["ipam"]["config"]
    trusted = compose["services"]["gremium"]["environment"]["DAVSERVER_TRUSTED_PROXIES"]
    assert trusted == network["gateway"]


def test_the_container_copies_what_there_is() -> None:
    """Each source of a COPY is in the checkout, and all packages of the wheel are among them."""
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", shipped("Containerfile").read_text(), re.M)
    named = {name for line in sources for name in line.split()}
    assert {"davserver", "acl", "shareproviders", "config", "pyproject.toml"} <= named
    assert all((ROOT / name).exists() for name in named)
