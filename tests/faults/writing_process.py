"""A process that writes numbered rows as fast as it can until its input closes, and says which were committed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from sqlalchemy import text

from davserver.database import CHECKPOINT_BYTES, Database


def main(directory: Path, name: str) -> None:
    """One transaction for each row; now and then a checkpoint of either kind, as a worker does it."""
    database = Database(directory)
    stopping = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        stopping.set()

    threading.Thread(target=listen, daemon=True).start()
    number = 0
    while not stopping.is_set():
        number += 1
        with database.transaction() as connection:
            row = {"name": name, "number": number, "filling": bytes(number % 3000)}
            connection.execute(text("INSERT INTO written VALUES (:name, :number, :filling)"), row)
        print(number, flush=True)
        if number % 50 == 0:
            database.rewind(CHECKPOINT_BYTES // 64)
        if number % 500 == 0:
            database.checkpoint()
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
