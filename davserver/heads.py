"""Tells the head of the audit log outside: whoever can write to the database cannot take back what others have read.

A line `audit-head line=N hash=…` in the server's own log, and in syslog (RFC 3164, facility authpriv) where the
settings name one. `davserver audit verify --heads FILE` holds the log against such lines.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from logging.handlers import SysLogHandler

from davserver.audit import Audit, Head

EVENT = "audit-head"
_LINE = re.compile(EVENT + r"\W+line\W+([0-9]{1,18})\W+hash\W+([0-9a-f]{64})")
_log = logging.getLogger(__name__)


def written(head: Head) -> str:
    """As it stands in logs."""
    return f"{EVENT} line={head.seq} hash={head.hash.hex()}"


def heads_in(lines: Iterable[str]) -> Iterator[Head]:
    """Those that lines of any log tell, be it syslog, the journal, or our JSON."""
    for line in lines:
        for found in _LINE.finditer(line):
            yield Head(int(found[1]), bytes.fromhex(found[2]))


class _Syslog(SysLogHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        _log.warning("the head of the audit log did not reach syslog")


class Heads:
    """Tells it whenever it has moved; `syslog` is a path such as /dev/log, HOST:PORT (UDP), or empty."""

    def __init__(self, audit: Audit, log: Callable[[Mapping[str, object]], None], syslog: str) -> None:
        self._audit, self._log, self._syslog = audit, log, syslog
        self._told: Head | None = None

    def tell(self) -> None:
        """Nothing if it is where it was. Raises Unavailable; never for a syslog that is away, which is warned of."""
        head = self._audit.head()
        if head == self._told:
            return
        self._log({"event": EVENT, "line": head.seq, "hash": head.hash.hex()})
        if self._syslog:
            self._send(written(head))
        self._told = head

    def _send(self, text: str) -> None:
        host, colon, port = self._syslog.rpartition(":")
        address: str | tuple[str, int] = (host, int(port)) if colon else self._syslog
        try:
            handler = _Syslog(address, SysLogHandler.LOG_AUTHPRIV)
        except OSError:
            _log.warning("the head of the audit log did not reach syslog")
            return
        handler.ident = "gremium: "
        handler.emit(logging.LogRecord("gremium", logging.INFO, "", 0, text, None, None))
        handler.close()
