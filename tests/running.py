"""Installs and starts the real server for tests: init, apply, serve, by its own commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from davserver import settings
from davserver.accounts import Passwords, change_account
from davserver.founding import default_key
from davserver.house import House
from tests.certificates import Authority
from tests.davclient import DavClient

PROGRAM = (sys.executable, "-m", "davserver")
PASSWORD = "Korrekt-Pferd-Batterie-1"
FOLLOW_SECONDS = 5  # a program that outlives the server may hold its output open
START_SECONDS = 60
QUICK_HASHES = {"DAVSERVER_ARGON2_MEMORY_KIB": "64", "DAVSERVER_ARGON2_PASSES": "1", "DAVSERVER_ARGON2_LANES": "1"}


def person(user: str, name: str, *, pledged: bool = True) -> str:
    """Somebody, as a declaration names him."""
    pledge = "undertaking = 2020-05-12\n" if pledged else ""
    return f'[[person]]\nuser = "{user}"\nname = "{name}"\n{pledge}\n'


def committee(share: str, name: str, facts: str, *offices: str) -> str:
    """A committee of public papers, as a declaration names it; `offices` as `clara:clerk` or `edda:clerk:2024-05-01`,
    from 2020 on, where the last part is the day on which it ended.
    """
    told = f'[[committee]]\nid = "{share}"\nname = "{name}"\ndefault_class = "public"\n{facts}\n\n'
    for office in offices:
        user, role, *ended = office.split(":")
        end = f"  end = {ended[0]}\n" if ended else ""
        told += f'  [[committee.mandate]]\n  user = "{user}"\n  role = "{role}"\n  start = 2020-05-01\n{end}\n'
    return told


DECLARATIONS = (
    person("clara", "Clara Clerk")
    + person("otto", "Otto Maier")
    + person("edda", "Edda Ehemals")
    + person("sam", "Sam Stranger", pledged=False)
    + committee(
        "ba05",
        "BA 5 Au-Haidhausen",
        'provider = "vault"\nquota = "20 GiB"\nhas_meetings = false',
        *("clara:clerk", "otto:member", "edda:clerk:2024-05-01"),
    )
    + committee(
        "archiv",
        "Archiv",
        'provider = "filesystem"\noptions = { path = "archive" }\nhas_meetings = false',
        *("clara:clerk", "otto:member"),
    )
)


def command(
    *words: str,
    data: Path,
    text: str = "",
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
) -> str:
    """Run one `davserver` command in a process of its own; its standard output. Fails loudly."""
    done = subprocess.run(
        [*program, *words, "--data", str(data)],
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, **QUICK_HASHES, **(env or {})},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"davserver {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(directory: Path) -> Path:
    """A data directory with two committees (`ba05` vault, `archiv` filesystem) and four people; the directory."""
    data = directory / "data"
    command("init", data=data)
    (data / "archive").mkdir()  # the filesystem drive
    declare(data, DECLARATIONS, "clara", "otto", "edda", "sam")
    return data


def declare(data: Path, declarations: str, *users: str) -> None:
    """`apply` what stands there, and give these users their password."""
    declared = data.parent / "committees.toml"
    declared.write_text(declarations, encoding="utf-8")
    command("apply", str(declared), data=data)
    house = House.open(data, default_key(data), settings.load(data, {**os.environ, **QUICK_HASHES}))
    admit(house, users)
    house.close()


def admit(house: House, users: Iterable[str]) -> None:
    """Let them sign in with `PASSWORD`: one hash for all, and no process for each as `user passwd` is."""
    hashed = Passwords(house.settings).hash(PASSWORD)
    with house.database.transaction() as connection:
        for user in users:
            change_account(connection, user, password=hashed)


def copied(template: Path, directory: Path) -> Path:
    """A copy of an installed directory with a key of its own.

    The files of the filesystem drive are new ones in the copy, so they have new ids, and no entry holds for them.
    """
    shutil.copytree(template.parent, directory, dirs_exist_ok=True, symlinks=True)
    return directory / "data"


@dataclass
class RunningServer:
    """One server process (with its workers) on loopback."""

    data: Path
    process: subprocess.Popen[str]
    url: str
    port: int
    log: list[str] = field(default_factory=list)
    authority: Authority | None = None
    """Who signed its certificate, if it is reached over TLS."""
    passwords: Mapping[str, str] = field(default_factory=dict)
    """App passwords, where account passwords open no drive."""
    follower: threading.Thread | None = None
    """Takes what the process says into `log`, until it ends."""

    def client(self, user: str = "", base: str = "") -> DavClient:
        context = None if self.authority is None else self.authority.context
        return DavClient(self.url, user, self.password(user) if user else "", base, context)

    def password(self, user: str) -> str:
        """What opens a drive."""
        return self.passwords.get(user, PASSWORD)

    def address(self, scheme: str, path: str, user: str = "") -> str:
        """As clients with schemes of their own want it: `dav`, or `davs` over TLS."""
        place = self.url.rstrip("/").partition("://")[2]
        return f"{scheme}{'s' if self.authority else ''}://{user}{'@' if user else ''}{place}{path}"

    def told(self, *words: str) -> list[str]:
        """The command of a client without an option for it, on a machine that trusts who signed."""
        return list(words) if self.authority is None else self.authority.machine_wide(*words)

    def stop(self) -> int:
        """SIGTERM, as an operator would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._close()
        return code

    def kill(self) -> None:
        """SIGKILL to the whole group that this test started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self._close()

    def _close(self) -> None:
        if self.follower is not None:
            self.follower.join(FOLLOW_SECONDS)
        for stream in (self.process.stdout, self.process.stdin):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        else:
            self._close()


def start(
    data: Path,
    *,
    workers: int = 2,
    env: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
    port: int = 0,
    program: Sequence[str] = PROGRAM,
    authority: Authority | None = None,
    inherit: tuple[int, ...] = (),
) -> RunningServer:
    """`davserver serve` on a free port, over TLS with an authority; returns when it says that it is ready.

    `inherit` are descriptors that the program gets, too.
    """
    words = [*program, "serve", "--data", str(data), "--host", "127.0.0.1"]
    words += ["--port", str(port), "--workers", str(workers), *options]
    if authority is not None:
        words += ["--tls-cert", str(authority.certificate), "--tls-key", str(authority.key)]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, **QUICK_HASHES, **(env or {})},
        pass_fds=inherit,
    )
    lines: list[str] = []
    ready = threading.Event()
    found: dict[str, Any] = {}

    def follow() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if not found and '"ready"' in line:
                found.update(json.loads(line))
                ready.set()
        ready.set()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    if not ready.wait(START_SECONDS) or not found:
        process.kill()
        process.wait()
        raise AssertionError("the server did not start:\n" + "".join(lines))
    url = str(found["url"])
    number = int(url.rstrip("/").rpartition(":")[2])
    return RunningServer(data, process, url, number, lines, authority, follower=follower)
