"""TCP relays between a client and the server: one that breaks connections, one that remembers what is answered."""

from __future__ import annotations

import html
import re
import socket
import threading
import zlib
from contextlib import suppress
from urllib.parse import unquote

GZIP = re.compile(rb"\x1f\x8b\x08")
CHUNK_EDGE = re.compile(rb"\r\n(?:[0-9A-Fa-f]{1,8}\r\n)?")


class Relay:
    """Takes every connection on `port` to the server's, in both directions, until it is closed."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed at the end of the test
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except ConnectionRefusedError:  # it is just being started again
                    client.close()
                    continue
                with self._lock:
                    self._open |= {client, server}
                for source, target, sent in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=(source, target, sent), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, sent: bool) -> None:
        answer = bytearray()
        with suppress(OSError):
            while piece := source.recv(65536):
                if not self.passing(piece, answer, sent=sent):
                    return
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def passing(self, piece: bytes, stream: bytearray, *, sent: bool) -> bool:
        """Asked for each piece before it goes on, to the server if `sent`; False ends it. `stream` is this way's."""
        raise NotImplementedError

    def close_all(self) -> None:
        """All connections that are open; the lock is held."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def close(self) -> None:
        self._listening.close()
        with self._lock:
            self.close_all()


class CuttingRelay(Relay):
    """Cuts all connections once, when so many bytes have gone to the server."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._cut_after = cut_after
        self.sent, self.cuts = 0, 0
        super().__init__(port)

    def passing(self, piece: bytes, stream: bytearray, *, sent: bool) -> bool:
        with self._lock:
            self.sent += len(piece) if sent else 0
            if sent and not self.cuts and self.sent > self._cut_after:
                self.cuts += 1
                self.close_all()
                return False
        return True


class RecordingRelay(Relay):
    """Keeps all answers, byte for byte, until they are taken."""

    def __init__(self, port: int) -> None:
        self._answers: list[bytearray] = []
        super().__init__(port)

    def passing(self, piece: bytes, stream: bytearray, *, sent: bool) -> bool:
        if not sent:
            with self._lock:
                if not any(each is stream for each in self._answers):
                    self._answers.append(stream)
                stream += piece
        return True

    def taken(self) -> list[bytes]:
        """The answers since the last call, one piece for each connection."""
        with self._lock:
            pieces = [bytes(stream) for stream in self._answers]
            for stream in self._answers:
                stream.clear()
            self._answers = []
        return pieces


def unpacked(piece: bytes) -> bytes:
    """Answers with the texts of those that are coded with gzip behind them."""
    texts = []
    for start in (match.start() for match in GZIP.finditer(piece)):
        with suppress(zlib.error):  # a document may hold these bytes by chance
            texts.append(zlib.decompressobj(wbits=31).decompress(piece[start:]))
    return b"\r\n".join((piece, *texts))


def readings(piece: bytes) -> tuple[str, ...]:
    """All that one can read in answers: as they are, unpacked and in one piece, percent-decoded, without the escapes
    of XML.
    """
    piece = unpacked(piece)
    raw, whole = piece.decode("latin-1"), CHUNK_EDGE.sub(b"", piece).decode("latin-1")
    decoded = unquote(whole, encoding="latin-1")
    return raw, whole, decoded, html.unescape(whole), html.unescape(decoded)
