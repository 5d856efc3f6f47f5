"""A LibreOffice of one person, without a screen, worked by commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.mounts import room
from tests.foreign import lacking, need
from tests.running import RunningServer

DRIVER = Path(__file__).with_name("libreoffice_driver.py")
SYSTEM_PYTHON = "/usr/bin/python3"


class Office:
    """Sends commands to the driver; an office that has crashed shows as a driver that ends."""

    def __init__(self, driver: subprocess.Popen[str], said: Path) -> None:
        self._driver, self._said = driver, said

    def do(self, verb: str, **words: str) -> dict[str, Any]:
        """One command; what the driver answers (see there)."""
        assert self._driver.stdin is not None
        self._driver.stdin.write(json.dumps({"do": verb, **words}) + "\n")
        self._driver.stdin.flush()
        return self.answer()

    def done(self, verb: str, **words: str) -> dict[str, Any]:
        """One command that must succeed."""
        answer = self.do(verb, **words)
        assert "failed" not in answer, (verb, answer)
        return answer

    def answer(self) -> dict[str, Any]:
        assert self._driver.stdout is not None
        line = self._driver.stdout.readline()
        assert line, f"LibreOffice or its driver ended:\n{self._said.read_text()}"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer


def available() -> bool:
    """LibreOffice, and UNO for the system's Python."""
    if shutil.which("soffice") is None or not Path(SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", "import uno"], capture_output=True, check=False).returncode == 0


def need_office() -> str:
    """Path of soffice; without it or UNO skip, or fail where REQUIRE_CLIENTS=1."""
    soffice = need("soffice")
    if not available():
        lacking("python3-uno is not installed")
    return soffice


@contextmanager
def office(user: str, server: RunningServer) -> Iterator[Office]:
    """Start LibreOffice with a profile of its own and this person's password for the server; end it in any case."""
    soffice, pipe = need_office(), f"gremium-{uuid.uuid4().hex[:12]}"
    with room() as home, (home / "said").open("w") as said:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
        options = ["--headless", "--norestore", "--nologo", "--nodefault", f"--accept=pipe,name={pipe};urp;"]
        words = server.told(soffice, f"-env:UserInstallation=file://{home}/profile", *options)
        suite = subprocess.Popen(words, stdout=said, stderr=said, env=environment, start_new_session=True)
        try:
            yield from driven(pipe, user, server.password(user), home / "said", environment)
            suite.wait(30)
        finally:
            if suite.poll() is None:
                os.killpg(suite.pid, signal.SIGKILL)
                suite.wait(30)
            for left in Path("/tmp").glob(
                f"OSL_PIPE_*_{pipe}"
            ):  # where LibreOffice makes its pipes, whatever TMPDIR says
                left.unlink()


def driven(pipe: str, user: str, password: str, said: Path, environment: dict[str, str]) -> Iterator[Office]:
    with (
        said.open("a") as errors,
        subprocess.Popen(
            [SYSTEM_PYTHON, str(DRIVER), pipe, user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        ) as driver,
    ):
        assert driver.stdin is not None
        driver.stdin.write(password + "\n")
        driver.stdin.flush()
        found = Office(driver, said)
        try:
            assert found.answer() == {"ready": True}
            yield found
            found.do("quit")
        finally:
            driver.kill()
