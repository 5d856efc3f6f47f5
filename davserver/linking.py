"""Tokens of links and drops: 128 random bits, shown once, kept as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets

TOKEN_BYTES = 16


def new_token() -> str:
    """22 letters that fit into a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(pepper: bytes, token: str) -> bytes:
    """What is stored and looked up: HMAC-SHA-256 under the pepper; so many random bits need no slow hash."""
    return hmac.digest(pepper, b"link\0" + token.encode(), hashlib.sha256)


def link_urls(public_url: str, token: str) -> tuple[str, str]:
    """(page for browsers, WebDAV); paths only while no public URL is set."""
    return f"{public_url.rstrip('/')}/s/{token}", f"{public_url.rstrip('/')}/dav-link/{token}/"
