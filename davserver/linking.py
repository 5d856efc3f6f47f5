"""Tokens of links, drops and waiting devices: 131 random bits, shown once, kept as a keyed hash; codes on paper."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string

ALPHABET = string.digits + string.ascii_letters
TOKEN_LETTERS = 22


def new_token() -> str:
    """Letters and digits only: whole words to every mail program and double click."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LETTERS))


def token_hash(pepper: bytes, token: str, kind: str = "link") -> bytes:
    """What is stored and looked up: HMAC-SHA-256 under the pepper; so many random bits need no slow hash."""
    return hmac.digest(pepper, f"{kind}\0{token}".encode("utf-8", "replace"), hashlib.sha256)


def in_groups(letters: str, size: int) -> str:
    """A code as it stands on paper, with hyphens."""
    return "-".join(letters[start : start + size] for start in range(0, len(letters), size))


def typed_letters(code: str, most: int) -> str:
    """The letters (base32) of a code as typed with hyphens, blanks, capitals; digits that it never has are letters."""
    kept = code[: 4 * most].replace("-", "").replace(" ", "").lower()
    return kept.translate(str.maketrans("018", "olb"))


def link_urls(public_url: str, token: str) -> tuple[str, str]:
    """(page for browsers, WebDAV); paths only while no public URL is set."""
    return f"{public_url.rstrip('/')}/s/{token}", f"{public_url.rstrip('/')}/dav-link/{token}/"


def reply_url(public_url: str, token: str) -> str:
    """The page of an answer."""
    return f"{public_url.rstrip('/')}/antwort/{token}"


def label_place(digest: bytes) -> str:
    """Where the label of a link stands, for its sealer: no other link's label opens in its place."""
    return f"link {digest.hex()}"
