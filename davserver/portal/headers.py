"""The security headers of every answer of the portal: one table, set by one function (security.md S-25)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import Response

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " media-src 'self'; worker-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
"""Of the worker that reads PDFs in the browser, and of it alone: the decoders of scanned pages are WebAssembly."""
EVERYWHERE: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",  # under `no-referrer` browsers send our own forms with `Origin: null` (Fetch)
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
PRIVATE = "no-store"
"""Cache-Control of pages; only what says something else itself (files of the design) may be kept."""
OVER_TLS: Mapping[str, str] = MappingProxyType({"Strict-Transport-Security": "max-age=31536000"})
SANDBOXED = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of documents that people have put here: never a page of ours."""


def protect(response: Response, *, secure: bool) -> Response:
    """Set what is missing; a view may have set a stricter value itself."""
    for name, value in {**EVERYWHERE, **(OVER_TLS if secure else {})}.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", PRIVATE)
    return response
