"""The provider of identities that the settings name: OpenID Connect Core 1.0, authorization code flow with PKCE.

The only room that knows Authlib. It talks to the provider and says what its answer proves; who that is here, and
whether he may come in, is asked in identities.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from davserver.settings import Settings
from davserver.throttle import SECOND
from shareproviders.contract import Unavailable

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Signatures of a key pair alone: `none` and HMAC, whose key the client knows, prove nothing (RFC 8725 §3.1)."""
TIMEOUT = 5.0
AT_A_TIME = 4
"""In one process: a provider that hangs must not keep the threads from everybody else."""
KEPT_FOR = 60 * 60 * SECOND
ASKED_AGAIN_AFTER = 60 * SECOND
LEEWAY = 60
"""Seconds that the provider's clock may differ."""
MAX_SUBJECT = 255  # OpenID Connect Core 1.0 §2


class NoProof(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """What came back proves nothing; the text says why, for the log."""


class Proved(NamedTuple):
    """What the provider vouches for."""

    issuer: str
    subject: str
    claim: str
    """What finds the person the first time; empty where the provider does not say it, or has not verified it."""


class _Provider(NamedTuple):
    """What the provider publishes about itself."""

    authorization: str
    token: str
    leaving: str
    """Where people sign out of it; empty if it names none that a browser may be sent to."""
    methods: tuple[str, ...]
    keys: KeySet
    asked: int


class Provider:
    """One provider; safe for many threads. `back` is our address to which browsers come back."""

    def __init__(self, settings: Settings, secret: str, back: str, clock: Callable[[], int]) -> None:
        self._settings, self._secret, self._back, self._clock = settings, secret, back, clock
        self._published: _Provider | None = None
        self._seats = threading.BoundedSemaphore(AT_A_TIME)

    @property
    def issuer(self) -> str:
        """Its name, and where what it publishes is found."""
        return self._settings.oidc_issuer

    @property
    def name(self) -> str:
        """What people call it."""
        return self._settings.oidc_name

    @property
    def finds_by_email(self) -> bool:
        """Else by login name."""
        return self._settings.oidc_claim == "email"

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to. Raises Unavailable."""
        with self._asking() as session:
            authorization = self._known(session).authorization
            url, _ = session.create_authorization_url(authorization, state=state, nonce=nonce, code_verifier=verifier)
        return str(url)

    def leaving(self, back: str) -> str:
        """Where a browser is sent to sign out there too; '' if there is no such page. Raises NoProof, Unavailable.

        OpenID Connect RP-Initiated Logout 1.0 §2, without `id_token_hint`: no token is kept, so the provider asks once.
        """
        with self._asking() as session:
            address = self._known(session).leaving
        asked = urlencode({"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back})
        return f"{address}{'&' if '?' in address else '?'}{asked}" if address else ""

    def proved(self, code: str, nonce: str, verifier: str) -> Proved:
        """What the code stands for that a browser came back with. Raises NoProof, Unavailable."""
        with self._asking() as session:
            known = self._known(session)
            session.token_endpoint_auth_method = self._method(known)
            token = session.fetch_token(
                known.token, grant_type="authorization_code", code=code, code_verifier=verifier, allow_redirects=False
            )
            claims = self._claims(session, str(token.get("id_token", "")), nonce, str(token.get("access_token", "")))
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise NoProof("sub is no subject")
        return Proved(self.issuer, subject, self._finding(claims))

    def _finding(self, claims: Mapping[str, Any]) -> str:
        """An address that the provider has not verified is what somebody typed there (OpenID Connect Core 1.0 §5.7)."""
        name = self._settings.oidc_claim
        found = claims.get(name, "")
        verified = not self.finds_by_email or claims.get("email_verified") is True
        return found if isinstance(found, str) and verified else ""

    def _claims(self, session: OAuth2Session, token: str, nonce: str, access_token: str) -> dict[str, Any]:
        """All of OpenID Connect Core 1.0 §3.1.3.7. A key that nobody has heard of is asked for once a minute."""
        try:
            signed = jwt.decode(token, self._known(session).keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as unknown_key:
            if not self._ask_again(session):
                raise NoProof(f"signature: {type(unknown_key).__name__}") from None
            signed = jwt.decode(token, self._known(session).keys, algorithms=ALGORITHMS)
        client = self._settings.oidc_client_id
        options = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": client}}
        params = {"nonce": nonce, "client_id": client, "access_token": access_token}
        claims = CodeIDToken(signed.claims, signed.header, options, params)
        claims.validate(now=self._clock() // SECOND, leeway=LEEWAY)
        return dict(claims)

    @contextmanager
    def _asking(self) -> Iterator[OAuth2Session]:
        """A connection to the provider, and its errors as ours."""
        if not self._seats.acquire(blocking=False):
            raise Unavailable("many people sign in through the provider at this moment; try again in a few seconds")
        try:
            with OAuth2Session(
                self._settings.oidc_client_id,
                self._secret,
                scope="openid email" if self.finds_by_email else "openid profile",
                redirect_uri=self._back,
                code_challenge_method="S256",
                default_timeout=TIMEOUT,
            ) as session:
                yield session
        except requests.RequestException as error:
            raise Unavailable(f"the provider of identities does not answer: {type(error).__name__}") from None
        except (AuthlibBaseError, JoseError, ValueError, KeyError) as error:
            raise NoProof(f"{type(error).__name__}: {error}") from None
        finally:
            self._seats.release()

    def _known(self, session: OAuth2Session) -> _Provider:
        """What it publishes, as asked within the last hour."""
        known = self._published
        if known is None or not 0 <= self._clock() - known.asked < KEPT_FOR:
            known = self._published = self._ask(session)
        return known

    def _ask_again(self, session: OAuth2Session) -> bool:
        """Its keys may have changed; False where that was asked just now."""
        known = self._published
        if known is not None and 0 <= self._clock() - known.asked < ASKED_AGAIN_AFTER:
            return False
        self._published = self._ask(session)
        return True

    def _ask(self, session: OAuth2Session) -> _Provider:
        """OpenID Connect Discovery 1.0 §4; whoever names another issuer is somebody else (§4.3)."""
        found = self._get(session, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found["issuer"] != self.issuer:
            raise NoProof("the provider names another issuer")
        addresses = [str(found[name]) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if self.issuer.startswith("https:") and not all(each.startswith("https:") for each in addresses):
            raise NoProof("the provider names an address without TLS")
        authorization, token, keys = addresses
        methods = tuple(found.get("token_endpoint_auth_methods_supported", ()))
        leaving = str(found.get("end_session_endpoint", ""))
        if not leaving.startswith(self.issuer.partition("//")[0] + "//"):
            leaving = ""  # without TLS, or no address at all: nobody is sent there
        return _Provider(
            authorization, token, leaving, methods, KeySet.import_key_set(self._get(session, keys)), self._clock()
        )

    @staticmethod
    def _get(session: OAuth2Session, url: str) -> Any:
        answer = session.get(url, withhold_token=True, allow_redirects=False)
        if answer.status_code != 200:
            raise requests.HTTPError(f"{answer.status_code}")
        return answer.json()

    def _method(self, known: _Provider) -> str:
        """How we prove to be the client: Basic is the default (OpenID Connect Discovery 1.0 §3)."""
        if not self._secret:
            return "none"
        posted = "client_secret_post" in known.methods and "client_secret_basic" not in known.methods
        return "client_secret_post" if posted else "client_secret_basic"
