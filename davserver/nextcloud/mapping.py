"""Our resources in the words of Nextcloud: file ids, permission letters, who holds a lock.

A file id is 62 bits of a keyed permutation of the node id, another one in each share: as opaque as a MAC over both,
and the server can go back from it to the node (docs/decisions/0024).
"""

from __future__ import annotations

import hashlib
import re
from html import unescape

from acl.privileges import Rights
from davserver.tree.seen import Lock, Seen
from davserver.tree.shared import SHARED

HALF_BITS = 31
ROUNDS = 4
_HALF = (1 << HALF_BITS) - 1
_MARKUP = re.compile(r"<[^<>]*>")


class FileIds:
    """File ids of one installation; `secret` never leaves the house, `instance` goes into every long id."""

    def __init__(self, secret: bytes, instance: str) -> None:
        self._secret, self._instance = secret, instance

    def _round(self, share: str, number: int, half: int) -> int:
        text = f"{share}\0{number}\0{half}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4, key=self._secret).digest(), "big") & _HALF

    def number(self, share: str, node: int) -> int:
        """The file id of a node (ids below 2^62)."""
        left, right = node >> HALF_BITS, node & _HALF
        for each in range(ROUNDS):
            left, right = right, left ^ self._round(share, each, right)
        return left << HALF_BITS | right

    def node(self, share: str, number: int) -> int:
        """The node that would have this file id in this share; most numbers belong to no node at all."""
        left, right = number >> HALF_BITS & _HALF, number & _HALF
        for each in reversed(range(ROUNDS)):
            left, right = right ^ self._round(share, each, left), left
        return left << HALF_BITS | right

    def of(self, seen: Seen) -> int:
        """The file id of what somebody sees; collections without a drive have one by their path."""
        if seen.share:
            return self.number(seen.share, seen.node.id)
        path = hashlib.blake2b(str(seen.path).encode(), digest_size=8).digest()
        return self.number("", int.from_bytes(path, "big") >> 2)

    def long(self, seen: Seen) -> str:
        """`oc:id`: the number with at least eight digits, then the installation's name, which begins with a letter."""
        return f"{self.of(seen):08d}oc{self._instance}"


def permissions(seen: Seen, above: Rights) -> str:
    """The letters of `oc:permissions`; `above`: what the reader may do to the list that it stands in.

    S shared with me · R may share · M mounted · G readable · D delete · N rename · V move · W write a document ·
    C and K make documents and folders in it. Clients delete their copy of what lacks G, so what is shown has it.
    """
    may = seen.rights
    letters = "S" if seen.path.segments[:1] == (SHARED,) and seen.share else ""
    letters += "R" if Rights.SHARE in may else ""
    letters += "M" if seen.share and len(seen.path.segments) == 1 else ""
    letters += "G"
    if seen.instead is not None:  # stands for a paper; it is none
        return letters.replace("R", "")
    letters += "D" if Rights.UNBIND in above else ""
    letters += "N" if Rights.UNBIND | Rights.BIND in above else ""
    letters += "V" if Rights.UNBIND in above else ""
    if not seen.node.is_collection:
        return letters + ("W" if Rights.WRITE_CONTENT in may else "")
    return letters + ("CK" if seen.share and Rights.BIND in may else "")


def holder(lock: Lock) -> str:
    """Whom people see as the owner of a lock: the words of the client's <owner>, else the account."""
    words = " ".join(unescape(_MARKUP.sub(" ", lock.owner)).split())
    return words or lock.principal.partition(":")[2]
