"""The secrets of one space at work: names, dead properties, keys of blobs, tags of content, MACs of versions."""

from __future__ import annotations

import hmac
import secrets
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from shareproviders.contract import Damaged, Keys
from shareproviders.vault.cobblestone import KEY_BYTES, MessageKeys

BLOB_ID_BYTES = 16

_VERSION = struct.Struct(">qq16sq")
_PROPERTY_NAME = b"property name"
_CHECKSUM = b"checksum"


@dataclass(slots=True, repr=False)
class BlobSecret:
    """What opens one blob."""

    id: bytes
    key: bytes
    context: bytes
    message: bytes | None = None
    """The sealed content itself, if it lies in a row; else it is a file."""
    keys: MessageKeys | None = None
    """What its header led to when it was last read whole or in part; spares the next reader the derivation."""


class Secrets:
    """Seals and opens what the rows of one space hold; AES-SIV (RFC 5297) with the place bound in."""

    def __init__(self, keys: Keys) -> None:
        self._cipher = AESSIV(keys.derive("name", 64))
        self._wrap = keys.derive("wrap", 32)
        self._dedupe = keys.derive("dedupe", 32)
        self._version = HMAC(keys.derive("version", 32), SHA256())
        self._space_id = keys.space_id

    def seal_name(self, name: str, parent: int) -> bytes:
        """Equal names under one parent give equal bytes, so a unique index finds them."""
        return self._cipher.encrypt(name.encode(), [_place(parent)])

    def open_name(self, sealed: bytes, parent: int) -> str:
        """Raises Damaged."""
        try:
            return self._cipher.decrypt(sealed, [_place(parent)]).decode()
        except (InvalidTag, UnicodeDecodeError, ValueError):
            raise Damaged("a name fails its check") from None

    def open_names(self, sealed: list[bytes], parent: int) -> list[str]:
        """The names of members of one collection; raises Damaged."""
        place: list[bytes | bytearray | memoryview] = [_place(parent)]
        decrypt = self._cipher.decrypt
        try:
            return [decrypt(name, place).decode() for name in sealed]
        except (InvalidTag, UnicodeDecodeError, ValueError):
            raise Damaged("a name fails its check") from None

    def seal_property(self, name: str, value: str, node: int) -> tuple[bytes, bytes]:
        """Name and value of a dead property; the value is bound to the name."""
        sealed = self.seal_property_name(name, node)
        return sealed, self._cipher.encrypt(value.encode(), [_place(node), sealed])

    def seal_property_name(self, name: str, node: int) -> bytes:
        return self._cipher.encrypt(name.encode(), [_place(node), _PROPERTY_NAME])

    def open_property(self, name: bytes, value: bytes, node: int) -> tuple[str, str]:
        """Raises Damaged."""
        place = _place(node)
        try:
            opened = self._cipher.decrypt(name, [place, _PROPERTY_NAME])
            return opened.decode(), self._cipher.decrypt(value, [place, name]).decode()
        except (InvalidTag, UnicodeDecodeError, ValueError):
            raise Damaged("a property fails its check") from None

    def new_blob(self) -> tuple[BlobSecret, bytes]:
        """A fresh id and key, and the key as its row keeps it (AES key wrap, RFC 3394)."""
        blob, key = secrets.token_bytes(BLOB_ID_BYTES), secrets.token_bytes(KEY_BYTES)
        return BlobSecret(blob, key, self._context(blob)), aes_key_wrap(self._wrap, key)

    def wrap(self, blob: BlobSecret) -> bytes:
        """The key of a blob as its row keeps it."""
        return aes_key_wrap(self._wrap, blob.key)

    def open_blob(self, blob: bytes, wrapped: bytes, message: bytes | None) -> BlobSecret:
        """By what its rows hold. Raises Damaged."""
        try:
            return BlobSecret(blob, aes_key_unwrap(self._wrap, wrapped), self._context(blob), message)
        except (InvalidUnwrap, ValueError):
            raise Damaged("the key of a stored document fails its check") from None

    def _context(self, blob: bytes) -> bytes:
        return b"gremium-blob-v1" + self._space_id + blob

    def seal_checksum(self, checksum: str, blob: bytes) -> bytes:
        """A checksum tells which content it is, so it is sealed like the content itself."""
        return self._cipher.encrypt(checksum.encode(), [blob, _CHECKSUM])

    def open_checksum(self, sealed: bytes, blob: bytes) -> str:
        """Raises Damaged."""
        try:
            return self._cipher.decrypt(sealed, [blob, _CHECKSUM]).decode()
        except (InvalidTag, UnicodeDecodeError, ValueError):
            raise Damaged("a checksum fails its check") from None

    def content_tag(self) -> hmac.HMAC:
        """Fed with a plaintext, it tells equal contents of this space apart from others, and nobody else anything."""
        return hmac.new(self._dedupe, digestmod="sha256")

    def version_mac(self, node: int, version: int, blob: bytes, size: int) -> bytes:
        mac = self._version.copy()  # a third of the cost of keying one anew, also of the one in `hmac`
        mac.update(_VERSION.pack(node, version, blob, size))
        return mac.finalize()

    def check_version(self, mac: bytes, node: int, version: int, blob: bytes, size: int) -> None:
        """Raises Damaged if the row was altered or belongs elsewhere."""
        if len(blob) != BLOB_ID_BYTES or not hmac.compare_digest(mac, self.version_mac(node, version, blob, size)):
            raise Damaged("the row of a version fails its check")


def _place(node: int) -> bytes:
    return node.to_bytes(8, "big")
