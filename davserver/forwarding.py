"""Forwarding headers count only from configured proxies (protocol.md §2); from anybody else they are only noticed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, ClassVar

_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
)


class Forwarding:
    """Puts the true client and scheme into the environ of each request."""

    SEEN: ClassVar[str] = "gremium.forwarded"
    """Environ key: the request carries a forwarding header, from whomever."""

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies = tuple(ipaddress.ip_network(proxy) for proxy in proxies)

    def apply(self, environ: dict[str, Any]) -> None:
        """Believe a configured proxy: the last address it names that is no proxy itself, and the scheme it names."""
        environ[self.SEEN] = not environ.keys().isdisjoint(_HEADERS)
        if not self._proxies or not self._is_proxy(environ["REMOTE_ADDR"]):
            return
        hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        for hop in reversed(hops):
            if not _is_address(hop):
                break
            environ["REMOTE_ADDR"] = hop
            if not self._is_proxy(hop):
                break
        if environ.get("HTTP_X_FORWARDED_PROTO") in ("http", "https"):
            environ["wsgi.url_scheme"] = environ["HTTP_X_FORWARDED_PROTO"]

    def _is_proxy(self, address: str) -> bool:
        if not _is_address(address):
            return False
        one = ipaddress.ip_address(address)
        return any(one in network for network in self._proxies)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
