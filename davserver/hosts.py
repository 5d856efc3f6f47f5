"""The Host header: where a public address is configured, requests for any other are not ours (RFC 9110 §7.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

_DEFAULT_PORTS = MappingProxyType({"http": ":80", "https": ":443"})
_BODY = b"this server answers under its public address only\n"


class Hosts:
    """Knows the one host of the public address; without such an address every host is right."""

    def __init__(self, public_url: str) -> None:
        url = urlsplit(public_url)
        self._port = _DEFAULT_PORTS.get(url.scheme, "")
        self._host = self._normal(url.netloc)

    def is_ours(self, environ: Mapping[str, Any]) -> bool:
        """A name that an attacker lets point here, or sends along, is no name of ours: links and cookies follow it."""
        return not self._host or self._normal(environ.get("HTTP_HOST", "")) == self._host

    def refuse(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """421 (RFC 9110 §15.5.20)."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(_BODY)))]
        start_response("421 Misdirected Request", [*headers, ("Cache-Control", "no-store")])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else _BODY]

    def _normal(self, host: str) -> str:
        return host.lower().removesuffix(self._port) if self._port else host.lower()


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
