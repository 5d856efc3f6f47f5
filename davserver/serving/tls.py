"""TLS for small installations without a proxy: 1.2 and 1.3, ECDHE with AES-GCM only (BSI TR-02102-2)."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """Certificate chain and key in PEM; the key without passphrase."""

    certificate: Path
    key: Path


class LazyTLS:
    """Wraps accepted sockets without a handshake: that is done step by step by the threads that serve connections."""

    def __init__(self, files: TLSFiles) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_ciphers("ECDHE+AESGCM")
        self.context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.load_cert_chain(files.certificate, files.key)

    def wrap(self, sock: socket.socket) -> ssl.SSLSocket:
        """The same connection as a TLS server; nothing has been read or written yet."""
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
