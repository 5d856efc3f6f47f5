"""One serving process: cheroot binds, starts and stops; how connections wait, are read and answered is ours."""

from __future__ import annotations

import logging
import sys
import time
from email.utils import formatdate

from cheroot.server import HTTPServer

from davserver.serving.arrivals import Arrivals
from davserver.serving.connections import Connection
from davserver.serving.crew import Crew
from davserver.serving.limits import Limits
from davserver.serving.numbers import Numbers
from davserver.serving.repeats import Repeats, repeats_of
from davserver.serving.requests import Head
from davserver.serving.responses import App, Environ, Whole
from davserver.serving.tally import Board, Tally
from davserver.serving.tls import LazyTLS

_log = logging.getLogger("davserver.serving")


class Server(HTTPServer):
    """Serves one WSGI application on one address; prepare(), then serve() in a thread, then stop()."""

    _connections: Arrivals  # cheroot's name for its connection manager, which prepare() replaces

    def __init__(
        self,
        app: App,
        address: tuple[str, int],
        *,
        threads: int,
        limits: Limits,
        tls: LazyTLS | None = None,
        reuse_port: bool = False,
        stop_seconds: int = 30,
        tally: Tally | None = None,
    ) -> None:
        super().__init__(address, gateway=None, server_name="Gremium", reuse_port=reuse_port)
        self.app = app
        self.limits = limits
        self.tls = tls
        self.tally = tally or Board.create(1).tally(0)
        self.numbers = Numbers()
        self.repeats: Repeats[Whole | Head] = repeats_of(app)
        self.crew = Crew(threads, limits.most_threads)
        self.requests = self.crew  # cheroot's name for what it starts and stops
        self.request_queue_size = limits.backlog
        self.shutdown_timeout = stop_seconds
        self.software = "Gremium"
        self.environ: Environ = {}
        self._date = (0, "")

    def prepare(self) -> None:
        """Binds and listens; `bind_addr` is the real address afterwards."""
        super().prepare()
        self._connections.close()
        self._connections = Arrivals(self, self.socket)
        self.bind_addr = host, port = self.socket.getsockname()[:2]
        self.environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_SOFTWARE": "Gremium",
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": self.reuse_port,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "http" if self.tls is None else "https",
            "wsgi.version": (1, 0),
        }
        if self.tls is not None:
            self.environ["HTTPS"] = "on"

    def put_conn(self, conn: Connection) -> None:
        """Lets a connection wait for its next request; also while we stop, when it gets the last answer."""
        self._connections.put(conn)

    def forget(self, connection: Connection) -> None:
        """Told by a connection just before it closes."""
        self._connections.forget(connection)

    def may_keep(self) -> bool:
        """Whether a connection may stay open after its answer."""
        return bool(self.ready) and self.open_connections <= self.limits.kept_connections

    @property
    def open_connections(self) -> int:
        """How many connections are open, waiting or served."""
        return len(self._connections)

    def date(self) -> str:
        """The Date field's value, made once a second (RFC 9110 §6.6.1)."""
        now = int(time.time())
        made, text = self._date
        if made != now:
            text = formatdate(now, usegmt=True)
            self._date = (now, text)
        return text

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Where cheroot reports; ours is Python's logging."""
        _log.log(level, "%s", msg, exc_info=traceback)
