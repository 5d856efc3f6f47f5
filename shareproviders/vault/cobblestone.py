"""Random access to one Cobblestone-256 message (C2SP chunked-encryption: HKDF-SHA-512, AES-256-GCM, 16 KiB chunks).

A message is `salt(24) | commitment(32) | chunk …`, each chunk 16 KiB of plaintext and its tag, the last one shorter
than that (empty if need be). The writer is `cryptography.cobblestone.Cobblestone256Encryptor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from shareproviders.contract import Damaged

SALT_BYTES = 24
HEADER_BYTES = 56
CHUNK_BYTES = 16384
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
KEY_BYTES = 32
PIECE_CHUNKS = 16
PIECE_BYTES = PIECE_CHUNKS * CHUNK_BYTES

_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"

ReadAt = Callable[[int, int], bytes]
"""(offset, count) → the bytes there; fewer only where the message ends."""


def sealed_size(size: int) -> int:
    """Bytes of the message that holds `size` bytes of plaintext."""
    return HEADER_BYTES + size + TAG_BYTES * (size // CHUNK_BYTES + 1)


class MessageKeys:
    """What key, context and header of a message lead to; `Damaged` if they do not belong together.

    Chunked-encryption leaves the hash of its HKDF open; Cobblestone is SHA-512, the published vectors are SHA-256.
    """

    __slots__ = ("_cipher", "_nonce", "header")

    def __init__(self, key: bytes, context: bytes, header: bytes, algorithm: type[HashAlgorithm] = SHA512) -> None:
        if len(key) != KEY_BYTES or len(header) != HEADER_BYTES:
            raise Damaged("a stored document has a length that no complete one has")
        self.header = header
        derived = HKDFExpand(algorithm(), 76, _LABEL + header[:SALT_BYTES] + context).derive(key)
        if not bytes_eq(header[SALT_BYTES:], derived[44:]):
            raise Damaged("a stored document does not belong to its key and place")
        self._cipher = AESGCM(derived[:32])
        self._nonce = int.from_bytes(derived[32:44], "big")

    def open(self, number: int, sealed: bytes | memoryview) -> bytes:
        """The plaintext of a chunk. Raises Damaged."""
        try:
            return self._cipher.decrypt((self._nonce ^ number).to_bytes(12, "big"), sealed, None)
        except InvalidTag:
            raise Damaged("a part of a stored document fails its check") from None


class Message:
    """One message under its keys, of so many bytes; every chunk is checked before any of its plaintext leaves."""

    __slots__ = ("_keys", "_last", "_read_at", "_tail", "_tail_bytes")

    def __init__(self, keys: MessageKeys, read_at: ReadAt, message_size: int) -> None:
        self._last, self._tail_bytes = divmod(message_size - HEADER_BYTES, SEALED_CHUNK_BYTES)
        if message_size < HEADER_BYTES + TAG_BYTES or self._tail_bytes < TAG_BYTES:
            raise Damaged("a stored document has a length that no complete one has")
        self._keys, self._read_at = keys, read_at
        self._tail: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of plaintext, vouched for by the last chunk. Raises Damaged."""
        return self._last * CHUNK_BYTES + len(self._end())

    def _end(self) -> bytes:
        if self._tail is None:
            self._tail = self._keys.open(self._last, self._read(self._last, self._tail_bytes))
        return self._tail

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Plaintext [start, stop) in pieces, each checked before it leaves; raises Damaged.

        The first is of up to 256 KiB, as somebody waits for it; then of up to 512, so that the network seldom waits.
        """
        chunks = PIECE_CHUNKS
        while start < stop:
            first = start // CHUNK_BYTES
            beyond = min(first + chunks, (stop - 1) // CHUNK_BYTES + 1)
            chunks = 2 * PIECE_CHUNKS
            piece = self._chunks(first, beyond)
            base = first * CHUNK_BYTES
            end = min(stop, beyond * CHUNK_BYTES)
            whole = start == base and end - base == len(piece)
            yield piece if whole else piece[start - base : end - base]
            start = end

    def _chunks(self, first: int, beyond: int) -> bytes:
        inner = min(beyond, self._last)
        opened = []
        if inner > first:
            sealed = memoryview(self._read(first, (inner - first) * SEALED_CHUNK_BYTES))
            for number in range(first, inner):
                offset = (number - first) * SEALED_CHUNK_BYTES
                opened.append(self._keys.open(number, sealed[offset : offset + SEALED_CHUNK_BYTES]))
        if beyond > self._last:
            opened.append(self._end())
        return opened[0] if len(opened) == 1 else b"".join(opened)

    def _read(self, first: int, count: int) -> bytes:
        sealed = self._read_at(HEADER_BYTES + first * SEALED_CHUNK_BYTES, count)
        if len(sealed) != count:
            raise Damaged("a stored document ends too early")
        return sealed
