"""A provider of identities for tests that lies as it is told to: discovery, keys and tokens of OpenID Connect."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "gremium", "the secret of the client"


def new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"}, private=True, auto_kid=False)


@dataclass
class LyingProvider:
    """Honest until a test changes a claim, the key, or the whole token."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: new_key("first"))
    signing: RSAKey | None = None
    """Signs in place of what is published."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Over what an honest token says; None takes a claim away."""
    forge: Callable[[dict[str, Any]], str] | None = None
    issuer: str = ""
    """What it calls itself; empty: its address."""
    leaving: str = "/leave"
    """Where people sign out: a path of its own, or a whole address."""
    checks_verifier: bool = True
    ends_codes: bool = True
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Nonce and challenge of each that was not used yet."""
    asked: list[str] = field(default_factory=list)

    def agree(self, address: str) -> dict[str, str]:
        """A person signs in there; what his browser brings back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = f"code-{query['state'][:6]}"
        self.codes[code] = query["nonce"], query["code_challenge"]
        return {"code": code, "state": query["state"]}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer or self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": self.url + self.leaving if self.leaving.startswith("/") else self.leaving,
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Checks client, code and verifier as an honest one does (RFC 6749 §4.1.3, RFC 7636 §4.6)."""
        client = base64.b64decode(authorization.partition(" ")[2]).decode()
        assert client == f"{CLIENT}:{SECRET}", client
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        nonce, challenge = self.codes.get(form["code"], ("", ""))
        if self.ends_codes:
            self.codes.pop(form["code"], None)
        if not challenge or (self.checks_verifier and _letters(verifier) != challenge):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        honest = {"iss": self.url, "aud": CLIENT, "sub": "4711", "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        written = self.forge(claims) if self.forge else self.signed(claims)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": written}

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None) -> str:
        key = key or self.signing or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def unsigned(claims: dict[str, Any]) -> str:
    """`alg: none` (RFC 8725 §2.1)."""
    return _parts({"alg": "none", "typ": "JWT"}, claims) + "."


def with_a_shared_key(key: bytes) -> Callable[[dict[str, Any]], str]:
    """HS256, with a key that everybody knows, or the client itself; by hand, because libraries refuse to."""

    def forge(claims: dict[str, Any]) -> str:
        signed = _parts({"alg": "HS256", "kid": "first"}, claims)
        return f"{signed}.{_letters(hmac.digest(key, signed.encode(), hashlib.sha256))}"

    return forge


def _parts(*parts: dict[str, Any]) -> str:
    return ".".join(_letters(json.dumps(part).encode()) for part in parts)


def _letters(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    """On a free port of this machine."""
    provider = LyingProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            found = provider.keys() if self.path == "/keys" else provider.discovery()
            self._answer(200, found)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, facts: dict[str, Any]) -> None:
            content = json.dumps(facts).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Tests read what it was asked for from `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
