"""What each server is told: one folder, one login, as many workers as the machine has cores."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import IO

USER = "bench"
PASSWORD = "Correct-horse-9"
APACHE_MODULES = "/usr/lib/apache2/modules"
NGINX_DAV_MODULE = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"


@dataclass
class Place:
    """Where one server lives."""

    root: Path
    """The tree that it serves (ours: above its data directory)."""
    scratch: Path
    port: int
    log: IO[bytes]

    @classmethod
    def make(cls, directory: Path) -> Place:
        root, scratch = directory / "tree", directory / "scratch"
        root.mkdir(parents=True)
        scratch.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        return cls(root, scratch, port, (scratch / "log").open("ab"))

    def write(self, name: str, text: str) -> str:
        path = self.scratch / name
        path.write_text(text)
        return str(path)

    def environment(self) -> dict[str, str]:
        """Ours with a home of its own, so that no server finds or leaves settings elsewhere."""
        return os.environ | {"HOME": str(self.scratch), "XDG_CONFIG_HOME": str(self.scratch)}


def committee() -> str:
    return f"""
[[person]]
user = "{USER}"
name = "Bench Clerk"
undertaking = 2026-01-01

[[committee]]
id = "bench"
name = "Bench"
provider = "vault"

  [[committee.mandate]]
  user = "{USER}"
  role = "clerk"
  start = 2026-01-01
"""


def wsgidav(place: Place) -> str:
    return json.dumps(
        {
            "host": "127.0.0.1",
            "port": place.port,
            "provider_mapping": {"/": str(place.root)},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "property_manager": True,
            "lock_storage": True,
            "verbose": 1,
        }
    )


def apache(place: Place, passwords: Path) -> str:
    modules = (
        "mpm_event",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "auth_basic",
        "dav",
        "dav_fs",
        "mime",
    )
    loading = "\n".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in modules)
    return f"""{loading}
ServerName localhost
Listen 127.0.0.1:{place.port}
ServerRoot {place.scratch}
PidFile {place.scratch}/pid
ErrorLog {place.scratch}/errors
User www-data
Group www-data
TypesConfig /etc/mime.types
MaxKeepAliveRequests 0
DAVLockDB {place.scratch}/locks/db
DocumentRoot {place.root}
<Directory {place.root}>
  Dav On
  AuthType Basic
  AuthName bench
  AuthUserFile {passwords}
  Require valid-user
</Directory>
"""


def lighttpd(place: Place, passwords: str) -> str:
    return f"""
server.modules = ("mod_auth", "mod_authn_file", "mod_webdav")
server.bind = "127.0.0.1"
server.port = {place.port}
server.document-root = "{place.root}"
server.max-keep-alive-requests = 1000000000
webdav.activate = "enable"
webdav.sqlite-db-name = "{place.scratch}/properties.db"
auth.backend = "plain"
auth.backend.plain.userfile = "{passwords}"
auth.require = ("/" => ("method" => "basic", "realm" => "bench", "require" => "valid-user"))
"""


def nginx(place: Place, passwords: str) -> str:
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
load_module {NGINX_DAV_MODULE};
daemon off; worker_processes 2; {user}
pid {place.scratch}/pid; error_log {place.scratch}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path {place.scratch}/bodies; client_body_buffer_size 64k;
  dav_ext_lock_zone zone=locks:10m;
  server {{
    listen 127.0.0.1:{place.port};
    root {place.root};
    location / {{
      auth_basic bench; auth_basic_user_file {passwords};
      dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
      dav_ext_lock zone=locks;
    }}
  }}
}}
"""
