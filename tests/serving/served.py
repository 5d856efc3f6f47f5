"""Runs serve() in a process of its own for test_workers: `python -m tests.serving.served WORKERS [BREAK]`."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from davserver.serving import ServingProblem, ServingSettings, Tally, serve


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Application:
    """Tells its process; `/sleep?seconds` takes its time, `/exit` dies."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/sleep":
            time.sleep(float(environ["QUERY_STRING"]))
        elif environ["PATH_INFO"] == "/exit":
            os._exit(7)
        start("200 OK", [("Content-Type", "text/plain")])
        return [f"{os.getpid()} {environ['wsgi.multiprocess']}".encode()]

    def close(self) -> None:
        say("closed")


def make(_tally: Tally) -> Application:
    if "break" in sys.argv:
        raise LookupError("no database")
    return Application()


def main() -> int:
    logging.basicConfig(level=logging.INFO)
    port = int(os.environ.get("PORT", "0"))
    settings = ServingSettings(
        port=port, workers=int(sys.argv[1]), threads=4, stop_seconds=5, engine=os.environ["ENGINE"]
    )
    try:
        serve(make, settings, lambda host, port: say(f"ready {host} {port} {os.getpid()}"))
    except ServingProblem as problem:
        say(f"problem {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
