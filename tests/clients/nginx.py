"""The shipped config/nginx.conf in front of a server, on loopback, without any right of root.

What an operator replaces in the file is replaced here, and nothing else: name, certificate, ports, the server's
address, and where the log goes, as this nginx may not write to /var/log.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from davserver.settings import shipped
from tests.certificates import NAME, Authority
from tests.clients.mounts import room
from tests.foreign import need

START_SECONDS = 10
NOBODY = ("nobody", "nogroup")
# what Debian's own nginx.conf has around conf.d/*.conf, as far as it matters; every place to write is below the prefix
MAIN = """
daemon off;
worker_processes 2;
pid {prefix}/pid;
error_log {prefix}/start.log;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path {prefix}/spool/body;
    proxy_temp_path {prefix}/spool/proxy;
    fastcgi_temp_path {prefix}/spool/fastcgi;
    uwsgi_temp_path {prefix}/spool/uwsgi;
    scgi_temp_path {prefix}/spool/scgi;
    access_log {prefix}/other.log;
    gzip on;
    include {prefix}/gremium.conf;
}}
"""


@dataclass(frozen=True)
class Front:
    """A running nginx."""

    prefix: Path
    port: int
    plain_port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/"

    @property
    def log(self) -> str:
        return (self.prefix / "gremium.log").read_text()

    def written(self) -> dict[str, bytes]:
        """Every file below the prefix that is no configuration."""
        paths = (path for path in self.prefix.rglob("*") if path.is_file() and path.suffix not in (".conf", ".pem"))
        return {str(path.relative_to(self.prefix)): path.read_bytes() for path in paths}


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nothing listens on now."""
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in with_ports]
    for each in with_ports:
        each.close()
    return ports


def configuration(replaced: Mapping[str, str]) -> str:
    """The shipped file, as an operator fills it in; without IPv6 where this machine has none, as it says."""
    text = shipped("nginx.conf").read_text(encoding="utf-8")
    for placeholder, value in replaced.items():
        assert placeholder in text, f"config/nginx.conf does not name {placeholder} any more"
        text = text.replace(placeholder, value)
    if has_ipv6():
        return text
    return "".join(line for line in text.splitlines(keepends=True) if "[::1]" not in line)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@contextmanager
def nginx(authority: Authority, ports: tuple[int, int], server_port: int) -> Iterator[Front]:
    """Run it on `ports` (TLS, plain) before the server on `server_port`; end it in any case."""
    program, (port, plain_port) = need("nginx"), ports
    with room() as prefix:
        replaced = {
            "gremium.example.org": NAME,
            "/etc/ssl/gremium/chain.pem": str(prefix / "chain.pem"),
            "/etc/ssl/gremium/key.pem": str(prefix / "key.pem"),
            "127.0.0.1:8080": f"127.0.0.1:{server_port}",
            "0.0.0.0:443": f"127.0.0.1:{port}",
            "[::]:443": f"[::1]:{port}",
            "0.0.0.0:80": f"127.0.0.1:{plain_port}",
            "[::]:80": f"[::1]:{plain_port}",
            "/var/log/nginx": str(prefix),
        }
        (prefix / "gremium.conf").write_text(configuration(replaced), encoding="utf-8")
        (prefix / "nginx.conf").write_text(MAIN.format(prefix=prefix), encoding="utf-8")
        (prefix / "spool").mkdir()
        for source, name in ((authority.certificate, "chain.pem"), (authority.key, "key.pem")):
            shutil.copy(source, prefix / name)
        process = unprivileged(prefix, program, "-p", str(prefix), "-c", str(prefix / "nginx.conf"))
        try:
            front = Front(prefix, port, plain_port, process)
            wait_for(front)
            yield front
        finally:
            process.terminate()
            process.wait(30)


def unprivileged(prefix: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start it as whoever runs the tests or, if that is root, as nobody, to whom the prefix is given."""
    errors = prefix / "said"
    with errors.open("wb") as said:
        if os.geteuid() != 0:
            return subprocess.Popen(words, stdout=said, stderr=said)
        for path in (prefix, *prefix.rglob("*")):
            shutil.chown(path, *NOBODY)
        user, group = NOBODY
        return subprocess.Popen(words, stdout=said, stderr=said, user=user, group=group, extra_groups=[])


def wait_for(front: Front) -> None:
    """Until it accepts connections."""
    end = time.monotonic() + START_SECONDS
    while True:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", front.port), timeout=1).close()
            return
        told = {name: content for name, content in front.written().items() if name in ("said", "start.log")}
        assert front.process.poll() is None and time.monotonic() < end, told
        time.sleep(0.05)
