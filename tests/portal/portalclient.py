"""A browser without script for tests: cookies, forms as the pages made them, and nothing that a test does not say."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from lxml import html

from tests.davclient import DavClient
from tests.running import PASSWORD

BOUNDARY = "gremium-test-boundary"
COOKIE = "gremium"


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    path: str

    @property
    def tree(self) -> html.HtmlElement:
        return html.fromstring(self.body.decode())

    @property
    def text(self) -> str:
        """All that a person reads on it, in one line."""
        return " ".join(self.tree.find("body").text_content().split())

    @property
    def title(self) -> str:
        return str(self.tree.findtext(".//h1")).strip()

    @property
    def onward(self) -> str:
        """The path that a redirect names."""
        return str(self.headers["Location"])

    def token(self) -> str:
        return str(self.tree.xpath("//input[@name='token']/@value")[0])

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form with this action, as they stand."""
        form = next(each for each in self.tree.forms if (each.get("action") or self.path.partition("?")[0]) == action)
        return {name: value or "" for name, value in form.form_values()}

    def links(self) -> dict[str, str]:
        """Text → path of each link in the main part."""
        return {" ".join(link.text_content().split()): link.get("href") for link in self.tree.xpath("//main//a")}


class PortalClient:
    """One visitor of the portal."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.origin = f"http://{self.host}:{self.port}"
        self.cookies: dict[str, str] = {}
        self.language = "de"

    @classmethod
    def signed_in(cls, url: str, user: str, language: str = "de", password: str = PASSWORD) -> PortalClient:
        """Somebody who has signed in already."""
        client = cls(url)
        client.language = language
        assert client.sign_in(user, password).status == 303
        return client

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        sent = {"Accept-Language": self.language, "Accept": "text/html", **(headers or {})}
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            page = Page(response.status, response.headers, response.read(), path)
        finally:
            connection.close()
        for line in page.headers.get_all("Set-Cookie") or ():
            self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        return page

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        """One page; redirects are not followed."""
        return self.request("GET", path, headers=headers)

    def open(self, path: str) -> Page:
        """As a person opens it: redirects are followed."""
        page = self.get(path)
        for _ in range(5):
            if page.status != 303:
                break
            page = self.get(page.onward)
        return page

    def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Page:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, urlencode(fields).encode(), {**kind, **(headers or {})})

    def submit(self, page: Page, action: str, **fields: str) -> Page:
        """Send a form of a page with some fields filled in, as a browser does."""
        return self.post(action, page.form(action) | fields, {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"})

    def upload(self, path: str, token: str, documents: Sequence[tuple[str, bytes]]) -> Page:
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Origin": self.origin}
        return self.request("POST", path, multipart(token, documents), kind)

    def sign_in(self, user: str, password: str = PASSWORD) -> Page:
        return self.submit(self.get("/anmelden"), "/anmelden", name=user, password=password)

    def lose_session(self) -> None:
        """It ends, and the browser does not know that."""
        kept = dict(self.cookies)
        self.submit(self.get("/anmeldungen"), "/abmelden")
        self.cookies = kept

    def dav(self) -> DavClient:
        """A drive's client that has nothing but this visitor's cookies to show."""
        return DavClient(self.origin)


def multipart(token: str, documents: Sequence[tuple[str, bytes]]) -> bytes:
    """A form as browsers send it: the token, then the documents."""
    parts = [("token", "", token.encode())] if token else []
    parts += [("documents", name, content) for name, content in documents]
    body = b""
    for field, name, content in parts:
        file = f'; filename="{name}"\r\nContent-Type: application/octet-stream' if name else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"{file}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()
