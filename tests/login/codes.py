"""An authenticator app for tests, written from RFC 6238 and RFC 4226 alone."""

from __future__ import annotations

import base64
import hashlib
import hmac


def app_code(secret: str, now: int) -> str:
    """The code that an app shows at an instant (microseconds) for a secret in base32."""
    count = now // 1_000_000 // 30
    digest = hmac.digest(base64.b32decode(secret), count.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
