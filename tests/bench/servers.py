"""Starts one server on loopback over an empty directory: ours as users run it, each peer as its manual says."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import configurations
from tests.bench.configurations import PASSWORD, USER, Place

START_SECONDS = 60


class StartError(Exception):
    """The server ended or stayed silent; the text names its log."""


@dataclass
class Server:
    """One running server; its tree begins at `base`."""

    name: str
    port: int
    base: str
    process: subprocess.Popen[bytes]
    notes: list[str] = field(default_factory=list)

    def path(self, below: str) -> str:
        return f"{self.base}/{below}"

    def url(self, below: str) -> str:
        return f"http://127.0.0.1:{self.port}{self.path(below)}"

    def stop(self) -> None:
        """End the process group that was started for it, in peace first."""
        for wish in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, wish)
                self.process.wait(15)
            except ProcessLookupError:
                self.process.wait()
                return
            except subprocess.TimeoutExpired:
                continue
            else:
                return


def ours(place: Place) -> list[str]:
    """An initialised data directory with one committee and its clerk, served by two workers."""
    davserver = [sys.executable, "-m", "davserver"]
    declaration = place.scratch / "committees.toml"
    declaration.write_text(configurations.committee())
    directory = ["--data", str(place.root / "data")]
    steps: list[tuple[list[str], str]] = [
        (["init", *directory], ""),
        (["apply", str(declaration), *directory], ""),
        (["user", "passwd", USER, "--password-stdin", *directory], PASSWORD + "\n"),
    ]
    for arguments, text in steps:
        subprocess.run([*davserver, *arguments], input=text.encode(), stdout=place.log, stderr=place.log, check=True)
    return [*davserver, "serve", *directory, "--port", str(place.port), "--workers", "2"]


def granian(place: Place) -> list[str]:
    """The same as ours, with Granian as the engine."""
    return [*ours(place), "--server", "granian"]


def wsgidav(place: Place) -> list[str]:
    configuration = place.write("wsgidav.yaml", configurations.wsgidav(place))
    return [sys.executable, "-m", "wsgidav.server.server_cli", "--config", configuration, "--server", "cheroot", "-q"]


def copyparty(place: Place) -> list[str]:
    address = ["-i", "127.0.0.1", "-p", str(place.port)]
    volume = ["-a", f"{USER}:{PASSWORD}", "--usernames", "-v", f"{place.root}::rwmda,{USER}"]
    return [sys.executable, "-m", "copyparty", *address, *volume, "--daw", "--dav-auth", "-q", "-j", "2"]


def rclone(place: Place) -> list[str]:
    login = ["--user", USER, "--pass", PASSWORD]
    cache = ["--vfs-cache-mode", "writes", "--cache-dir", str(place.scratch / "cache"), "--dir-cache-time", "1s"]
    address = ["--addr", f"127.0.0.1:{place.port}"]
    return ["rclone", "serve", "webdav", str(place.root), *address, *login, *cache, "--config", os.devnull]


def apache(place: Place) -> list[str]:
    (place.scratch / "locks").mkdir()
    passwords = place.scratch / "passwords"
    subprocess.run(["htpasswd", "-bcs", passwords, USER, PASSWORD], stderr=place.log, check=True)
    configuration = place.write("apache.conf", configurations.apache(place, passwords))
    for directory in (place.root, place.scratch, place.scratch / "locks"):
        directory.chmod(0o777)  # the children of a server started by root give up their rights
    return ["apache2", "-f", configuration, "-DFOREGROUND"]


def lighttpd(place: Place) -> list[str]:
    passwords = place.write("passwords", f"{USER}:{PASSWORD}\n")
    return ["lighttpd", "-D", "-f", place.write("lighttpd.conf", configurations.lighttpd(place, passwords))]


def nginx(place: Place) -> list[str]:
    passwords = place.write("passwords", f"{USER}:{{PLAIN}}{PASSWORD}\n")
    return ["nginx", "-c", place.write("nginx.conf", configurations.nginx(place, passwords))]


def _module(name: str) -> Callable[[], bool]:
    return lambda: (
        subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0
    )


def _program(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) or Path(name).exists() for name in names)


KNOWN: dict[str, tuple[Callable[[Place], list[str]], Callable[[], bool]]] = {
    "ours": (ours, lambda: True),
    "granian": (granian, _module("granian")),
    "wsgidav": (wsgidav, _module("wsgidav")),
    "rclone": (rclone, _program("rclone")),
    "copyparty": (copyparty, _module("copyparty")),
    "apache": (apache, _program("apache2", "htpasswd", f"{configurations.APACHE_MODULES}/mod_dav.so")),
    "lighttpd": (lighttpd, _program("lighttpd", "/usr/lib/lighttpd/mod_webdav.so")),
    "nginx": (nginx, _program("nginx", configurations.NGINX_DAV_MODULE)),
}


OURS = frozenset({"ours", "granian"})
"""Their tree begins at our drive."""


def is_installed(name: str) -> bool:
    return KNOWN[name][1]()


def launch(name: str, work: Path) -> Server:
    """Start it and wait until it takes connections; raises StartError."""
    place = Place.make(work / name)
    command = KNOWN[name][0](place)
    process = subprocess.Popen(
        command, stdout=place.log, stderr=place.log, start_new_session=True, env=place.environment()
    )
    place.log.close()
    server = Server(name, place.port, "/dav/bench" if name in OURS else "", process)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", place.port), 1).close()
        except OSError:
            if process.poll() is not None:
                raise StartError(f"{name} ended at start, see {place.scratch}/log") from None
            time.sleep(0.1)
        else:
            return server
    server.stop()
    raise StartError(f"{name} did not answer for {START_SECONDS} s, see {place.scratch}/log")
