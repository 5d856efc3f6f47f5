"""An address on loopback that nobody should ask for: whoever does has been talked into it by a document."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CANARY = "KanarienvogelImRatskeller"


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """An address on loopback, and what has come in there."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                try:
                    caller, _ = server.accept()
                except TimeoutError:
                    continue
                with caller:
                    heard.append(caller.recv(1000))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/{CANARY}", heard
        finally:
            ended.set()
            thread.join()
