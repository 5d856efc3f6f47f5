"""The published chunked-encryption vectors (C2SP) hold for our range reader, and the library's writer agrees with it.

The vectors derive with HKDF-SHA-256 (the scheme leaves the hash open), Cobblestone with SHA-512: the range reader is
tried with both, the library, which knows Cobblestone only, with the payloads of the vectors.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import random
import zlib
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm

from shareproviders.contract import Damaged
from shareproviders.vault.cobblestone import CHUNK_BYTES, HEADER_BYTES, Message, MessageKeys, sealed_size


def _vectors() -> list[dict[str, Any]]:
    path = Path(cryptography_vectors.__file__).parent / "chunked-encryption" / "vectors.json"
    return [v for v in json.loads(path.read_text())["vectors"] if v["aead"] == "AEAD_AES_256_GCM"]


def _sealed(vector: dict[str, Any]) -> bytes:
    raw = base64.b64decode(vector["ciphertext"] or "")
    if not vector.get("compressed"):
        return raw
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else zlib.decompress(raw)


def _open(key: bytes, context: bytes, sealed: bytes, algorithm: type[HashAlgorithm] = SHA512) -> Message:
    keys = MessageKeys(key, context, sealed[:HEADER_BYTES], algorithm)
    return Message(keys, lambda offset, count: sealed[offset : offset + count], len(sealed))


@pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: str(vector["name"]))
def test_the_range_reader_agrees_with_every_vector(vector: dict[str, Any]) -> None:
    """What the vectors call a success opens to their payload; all else is refused."""
    key, context, sealed = bytes.fromhex(vector["key"]), vector["context"].encode(), _sealed(vector)
    if vector["expect"] == "success":
        message = _open(key, context, sealed, SHA256)
        plain = b"".join(message.pieces(0, message.size))
        assert len(plain) == vector["payload_length"]
        assert hashlib.sha256(plain).hexdigest() == vector["payload_sha256"]
        assert sealed_size(len(plain)) == len(sealed)
    else:
        with pytest.raises(Damaged):
            message = _open(key, context, sealed, SHA256)
            list(message.pieces(0, message.size))


@pytest.mark.parametrize(
    "vector", [v for v in _vectors() if v["expect"] == "success"], ids=lambda vector: str(vector["name"])
)
def test_writer_reader_and_library_agree_on_the_payload_of_every_vector(vector: dict[str, Any]) -> None:
    """Cobblestone-256: what the library writes, the library's own reader and our range reader open alike."""
    key, context, sealed = bytes.fromhex(vector["key"]), vector["context"].encode(), _sealed(vector)
    published = _open(key, context, sealed, SHA256)
    plain = b"".join(published.pieces(0, published.size))
    writer, reader = Cobblestone256Encryptor(key, context), Cobblestone256Decryptor(key, context)
    ours = writer.update(plain) + writer.finalize()
    assert len(ours) == len(sealed)
    assert reader.update(ours) + reader.finalize() == plain
    assert b"".join(_open(key, context, ours).pieces(0, len(plain))) == plain
    with pytest.raises(Damaged):
        _open(key, context + b"x", ours)


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 16 * CHUNK_BYTES, 40 * CHUNK_BYTES + 7]
)
def test_any_range_of_what_the_writer_wrote_equals_the_plaintext(size: int) -> None:
    """Writer and range reader meet: 60 random ranges per size, and the whole."""
    key, context, plain = os.urandom(32), b"context", os.urandom(size)
    writer = Cobblestone256Encryptor(key, context)
    sealed = writer.update(plain) + writer.finalize()
    assert len(sealed) == sealed_size(size)
    message = _open(key, context, sealed)
    assert message.size == size
    chance = random.Random(size)
    for _ in range(60):
        start, stop = sorted((chance.randint(0, size), chance.randint(0, size)))
        assert b"".join(message.pieces(start, stop)) == plain[start:stop]
    assert b"".join(message.pieces(0, size)) == plain
