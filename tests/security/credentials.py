"""Every kind of credential that the house knows, and every door at which somebody may show one (security.md B1, S-12).

A credential is what a request carries; a door is an address. Both are made anew for the server that is asked, which
runs as in production: with a public address, a provider of identities and a token for its numbers.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert

from acl.labels import Classification
from acl.links import LinkKind
from acl.principals import Principal, PrincipalKind
from acl.privileges import Rights
from davserver.accounts import PEPPER_SECRET, change_account, create_app_password, revoke_app_password
from davserver.app import forest_of
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.house import House
from davserver.links import PROVED_FOR
from davserver.schema import identity, lock, second_step, throttle
from davserver.tree.opened import open_once
from davserver.tree.seen import Terms
from davserver.tree.sharing import LinkWish
from shareproviders.paths import SharePath
from tests.clients.nginx import free_ports
from tests.dav.doors import door, opened
from tests.davclient import LOCKINFO, Answer, DavClient
from tests.login.provider import LyingProvider, lying_provider
from tests.portal.portalclient import PortalClient
from tests.running import PASSWORD, RunningServer, admit, committee, copied, person, start

Headers = Mapping[str, str]
Place = str | Callable[[], str]

WORD = "Geheim-Wort-77"
METRICS = "a-token-of-forty-letters-for-the-numbers"
WORK, CELL, KEPT = ("ba05", "Arbeitsordner"), "Zelle.docx", "Fest.docx"
WRITING = Rights.READ | Rights.BIND | Rights.WRITE_CONTENT
DAYS = 86_400_000_000
PEOPLE = person("vera", "Vera Vorsitz") + person("kurt", "Kurt Kanzlei") + person("rita", "Rita Rat")
PEOPLE += person("gerd", "Gerd Gegangen")
FACTS = 'provider = "vault"\nquota = "20 GiB"\nhas_meetings = false'
OFFICES = ("clara:clerk", "kurt:clerk", "vera:member", "rita:member", "gerd:member")
PATCH = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">v</x></D:prop></D:set></D:propertyupdate>'
REPORT = '<D:expand-property xmlns:D="DAV:"><D:property name="displayname"/></D:expand-property>'
UNKNOWN_LOCK = "<urn:uuid:00000000-0000-4000-8000-000000000000>"

# Method → its body, and its headers beside the credential. {target} is where COPY and MOVE go.
METHODS: Mapping[str, tuple[str | None, Headers]] = {
    "OPTIONS": (None, {}),
    "GET": (None, {}),
    "HEAD": (None, {}),
    "POST": ("name=x", {"Content-Type": "application/x-www-form-urlencoded"}),
    "PUT": ("new", {}),
    "DELETE": (None, {}),
    "MKCOL": (None, {}),
    "PROPFIND": (None, {"Depth": "0"}),
    "PROPPATCH": (PATCH, {}),
    "COPY": (None, {"Destination": "{target}"}),
    "MOVE": (None, {"Destination": "{target}"}),
    "LOCK": (LOCKINFO.format(scope="exclusive", owner="x"), {"Depth": "0"}),
    "UNLOCK": (None, {"Lock-Token": UNKNOWN_LOCK}),
    "REPORT": (REPORT, {}),
    "ACL": ('<D:acl xmlns:D="DAV:"/>', {}),
    "TRACE": (None, {}),
}
FEW = ("GET", "PUT", "PROPFIND", "MOVE", "LOCK")
"""Where a door differs from another by who comes in, not by what he then may do."""
BROWSERS = ("GET", "POST", "PROPFIND")
"""What is asked of pages: the verbs of WebDAV are the same there for everybody."""


def basic(user: str, password: str) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class City:
    """The running server, its house beside it, and what was made there."""

    server: RunningServer
    house: House
    credentials: dict[str, Headers] = field(default_factory=dict)
    doors: dict[str, Place] = field(default_factory=dict)
    """Name → path; what holds for one use is made when it is asked for."""

    def ask(self, client: DavClient, method: str, path: str, credential: Headers) -> Answer:
        body, headers = METHODS[method]
        target = path.rstrip("/") + "-anders"
        sent = {name: value.format(target=target) for name, value in headers.items()}
        return client.request(method, "", body, {**sent, **credential}, raw_target=path)

    def calm(self) -> None:
        """Nobody is throttled, nothing is locked."""
        with self.house.database.transaction() as connection:
            for each in (throttle, lock):
                connection.execute(delete(each))

    def set_back(self) -> None:
        """The documents stand where they stood."""
        tree, folder = door(self.house, "clara"), SharePath((*WORK, "Zellen"))
        names = {seen.node.name for seen in tree.children(tree.stat(folder))}
        for name in names - {CELL, KEPT}:
            tree.delete(folder / name, Terms())
        if CELL not in names:
            tree.put(folder / CELL, tree.stage(folder / CELL, [b"cell"]), Terms())


@contextmanager
def city(template: Path, directory: Path) -> Iterator[City]:
    """One server of one process."""
    data = copied(template, directory)
    (data / "metrics.token").write_text(METRICS)
    (data / "oidc.secret").write_text("x" * 32)
    (port,) = free_ports(1)
    with opened(data) as house, lying_provider() as provider:
        people = parse_declaration(PEOPLE + committee("ba05", "BA 5 Au-Haidhausen", FACTS, *OFFICES))
        declare(house, people, "tests")
        admit(house, ("vera", "kurt", "rita", "gerd"))
        env = {
            "DAVSERVER_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "DAVSERVER_METRICS_TOKEN": "metrics.token",
            "DAVSERVER_OIDC_ISSUER": provider.url,
            "DAVSERVER_OIDC_NAME": "Stadtkonto",
            "DAVSERVER_OIDC_CLIENT_ID": "gremium",
            "DAVSERVER_OIDC_CLIENT_SECRET": "oidc.secret",
        }
        with start(data, workers=1, port=port, env=env) as server:
            made = City(server, house)
            _fill(made)
            _of_devices(made)
            _of_accounts(made)
            _of_links(made)
            _of_browsers(made, provider)
            _of_others(made, provider)
            yield made


def _fill(made: City) -> None:
    """The documents, and the addresses of each."""
    tree = door(made.house, "clara")
    work = SharePath(WORK)
    for name in ("Zellen", "Einwurf", "Nachbar"):
        tree.make_collection(work / name, Terms())
    for path in (work / "Zellen" / CELL, work / "Zellen" / KEPT, work / "Nachbar" / "Nachbar.docx"):
        tree.put(path, tree.stage(path, [b"cell"]), Terms())
    node = {name: tree.stat(work / "Zellen" / name).node.id for name in (CELL, KEPT)}
    folder = tree.stat(work / "Zellen").node.id
    drive, below = "/ba05/Arbeitsordner", f"/ba05/Arbeitsordner/Zellen/{CELL}"
    made.doors |= {
        "drive: a document": f"/dav{below}",
        "drive: beside the scope": f"/dav{drive}/Nachbar/Nachbar.docx",
        "drive: absent": f"/dav{drive}/Zellen/nirgends.docx",
        "drive: the top": "/dav/",
        "drive: shared with me": "/dav/geteilt/",
        "Nextcloud: files of otto": f"/remote.php/dav/files/otto{below}",
        "Nextcloud: webdav": f"/remote.php/webdav{below}",
        "Nextcloud: uploads of otto": "/remote.php/dav/uploads/otto/",
        "Nextcloud: trash of otto": "/remote.php/dav/trashbin/otto/trash/",
        "Nextcloud: versions of otto": "/remote.php/dav/versions/otto/versions/",
        "Nextcloud: OCS, who am I": "/ocs/v2.php/cloud/user",
        "Nextcloud: OCS, capabilities": "/ocs/v1.php/cloud/capabilities",
        "Nextcloud: status.php": "/status.php",
        "Nextcloud: a device polls": "/index.php/login/v2/poll",
        "portal: first page": "/",
        "portal: a folder": f"/ordner/ba05/{folder}",
        "portal: a document": f"/lesen/ba05/{node[KEPT]}",
        "portal: its bytes": f"/herunterladen/ba05/{node[KEPT]}",
        "portal: its rights": f"/rechte/ba05/{node[KEPT]}",
        "portal: the desk": "/geschaeftsstelle/ba05",
        "portal: own sessions": "/anmeldungen",
        "portal: signing in": "/anmelden",
        "portal: coming back from elsewhere": "/anmelden/extern/zurueck",
        "portal: the public board": "/oeffentlich/ba05",
        "portal: its feed": "/oeffentlich/ba05/atom.xml",
        "metrics": "/metrics",
        "health": "/healthz",
        "readiness": "/healthz/ready",
        "nothing": "/gibt-es-nicht",
    }


def _app_password(made: City, user: str, **wishes: Any) -> tuple[str, str]:
    house = made.house
    with house.database.transaction() as connection:
        pepper = house.keys.secret(PEPPER_SECRET)
        new = create_app_password(connection, pepper, user, "tests", house.clock(), **wishes)
    return new.id, new.shown


def _of_devices(made: City) -> None:
    house = made.house
    folder = door(house, "clara").stat(SharePath((*WORK, "Zellen"))).node.id
    made.credentials["none"] = {}
    made.credentials["app password"] = basic("otto", _app_password(made, "otto")[1])
    made.credentials["app password, read only"] = basic("otto", _app_password(made, "otto", read_only=True)[1])
    scoped = _app_password(made, "otto", scopes=[("ba05", folder)])[1]
    made.credentials["app password, one folder"] = basic("otto", scoped)
    faction = _app_password(made, "otto", max_class=Classification.PUBLIC)[1]
    made.credentials["app password, public papers"] = basic("otto", faction)
    ended, shown = _app_password(made, "otto")
    with house.database.transaction() as connection:
        revoke_app_password(connection, ended, house.clock())
    made.credentials["app password, revoked"] = basic("otto", shown)
    made.credentials["app password, expired"] = basic("otto", _app_password(made, "otto", expires=house.clock())[1])
    made.credentials["app password of sam, a stranger"] = basic("sam", _app_password(made, "sam")[1])
    made.credentials["app password under another's name"] = basic("clara", _app_password(made, "otto")[1])
    made.credentials["app password as a Bearer"] = bearer(_app_password(made, "otto")[1])
    for user, ago in (("vera", 31), ("kurt", 1)):
        _pin(made, user, ago)
        state = "asleep" if user == "vera" else "awake"
        made.credentials[f"app password of the city's account, {state}"] = basic(user, _app_password(made, user)[1])
    shown = _app_password(made, "gerd")[1]
    with house.database.transaction() as connection:
        change_account(connection, "gerd", active=False)
    made.credentials["app password of a closed account"] = basic("gerd", shown)


def _pin(made: City, user: str, days: int) -> None:
    """Known at the provider since then, and not seen since."""
    at = made.house.clock() - days * DAYS
    row = {"user": user, "issuer": "https://login.example.org", "subject": user, "since": at, "signed_in": at}
    with made.house.database.transaction() as connection:
        connection.execute(insert(identity).values(**row))


def _of_accounts(made: City) -> None:
    with made.house.database.transaction() as connection:
        at = made.house.clock()
        connection.execute(insert(second_step).values(user="rita", secret=b"sealed", since=at, last_count=0))
    made.credentials["account password"] = basic("otto", PASSWORD)
    made.credentials["account password, with a second step"] = basic("rita", PASSWORD)
    made.credentials["account password of the city's account"] = basic("kurt", PASSWORD)
    made.credentials["account password of a closed account"] = basic("gerd", PASSWORD)
    made.credentials["not Basic at all"] = {"Authorization": "Basic ???"}


def _link(made: City, path: SharePath, password: str | None = None, **wish: Any) -> tuple[int, str]:
    secret = made.house.links.new_secret(password)
    link = door(made.house, "clara").make_link(path, LinkWish(secret.digest, password=secret.password, **wish))
    return link.id, secret.token


def _of_links(made: City) -> None:
    work = SharePath(WORK)
    now = made.house.clock()
    _, free = _link(made, work / "Zellen", rights=WRITING)
    _, other = _link(made, work / "Zellen", WORD + "x")
    node = door(made.house, "clara").stat(work / "Zellen" / KEPT).node.id
    _, locked = _link(made, work / "Zellen", WORD)
    _, drop = _link(made, work / "Einwurf", kind=LinkKind.DROP)
    _, expired = _link(made, work / "Zellen", start=now - 2 * DAYS, end=now - DAYS)
    letters, written = _link(made, work / "Zellen" / KEPT, rights=Rights.READ | Rights.COMMENT)
    assert letters
    citizen = PortalClient(made.server.url)
    page = citizen.submit(citizen.get(f"/s/{written}/schreiben"), f"/s/{written}/schreiben", text="Wann?")
    reply = str(page.tree.xpath("//input[@id='url']/@value")[0]).rpartition("/")[2]
    unlocked = PortalClient(made.server.url)
    unlocked.submit(unlocked.get(f"/s/{locked}"), f"/s/{locked}", password=WORD)
    made.credentials |= {
        "token of a link as password": basic("link", free),
        "token of a link as a Bearer": bearer(free),
        "password of a link": basic("x", WORD),
        "password of another link": basic("x", WORD + "x"),
        "cookie of a link": {"Cookie": f"gremium-link={unlocked.cookies['gremium-link']}"},
        "token of a drop as password": basic("drop", drop),
        "token of a reply as a Bearer": bearer(reply),
    }
    made.doors |= {
        "link on a drive": f"/dav-link/{free}/{CELL}",
        "link on a drive, with a password": f"/dav-link/{locked}/{CELL}",
        "link on a drive, expired": f"/dav-link/{expired}/{CELL}",
        "link in a browser": f"/s/{free}",
        "link in a browser, with a password": f"/s/{locked}/{node}",
        "link in a browser, with another password": f"/s/{other}/{node}",
        "link in a browser, expired": f"/s/{expired}",
        "drop on a drive": f"/dav-link/{drop}/Einwurf.txt",
        "drop in a browser": f"/s/{drop}",
        "reply to a letter": f"/antwort/{reply}",
        "one-time address": lambda: _opening(made),
    }


def _opening(made: City) -> str:
    otto = Principal(PrincipalKind.USER, "otto")
    path = SharePath((*WORK, "Zellen", KEPT))
    return open_once(forest_of(made.house), made.house.openings, otto, path).path


def _of_browsers(made: City, provider: LyingProvider) -> None:
    """Sessions; and what a browser holds that is only on its way to one."""
    visitors = {name: PortalClient(made.server.url) for name in ("otto", "clara", "ended", "half", "gone")}
    for name, user in (("otto", "otto"), ("clara", "clara"), ("ended", "otto")):
        assert visitors[name].sign_in(user).status == 303
    visitors["ended"].lose_session()
    half = visitors["half"].sign_in("rita")
    asked = str(half.tree.xpath("//input[@name='asked']/@value")[0])
    gone = visitors["gone"]
    departing = gone.submit(gone.get("/anmelden"), "/anmelden/extern", weiter="/")
    assert departing.status == 200 and "/authorize" in departing.body.decode()
    cookies = {name: one.cookies["gremium"] for name, one in visitors.items()}
    made.credentials |= {
        "session": {"Cookie": f"gremium={cookies['otto']}"},
        "session of a clerk": {"Cookie": f"gremium={cookies['clara']}"},
        "session, signed out": {"Cookie": f"gremium={cookies['ended']}"},
        "session as a Bearer": bearer(cookies["otto"]),
        "session as password": basic("otto", cookies["otto"]),
        "before the second step": {"Cookie": f"gremium={cookies['half']}"},
        "before the second step, its proof as a Bearer": bearer(asked),
        "on the way to the provider": {"Cookie": f"gremium={cookies['gone']}"},
    }
    claims = {"iss": provider.url, "aud": "gremium", "sub": "vera", "iat": int(time.time()), "exp": 4_000_000_000}
    made.credentials["ID token of the provider as a Bearer"] = bearer(provider.signed(claims))


def _of_others(made: City, provider: LyingProvider) -> None:
    citizen = PortalClient(made.server.url)
    waiting = json.loads(citizen.request("POST", "/index.php/login/v2", b"").body)
    with made.house.database.transaction() as connection:
        code = made.house.invitations.invite(connection, "sam", "user:clara")
    opening = re.findall("/dav-open/([^/]+)/", _opening(made))[0]
    made.credentials |= {
        "token of a waiting device as a Bearer": bearer(waiting["poll"]["token"]),
        "code of a letter as password": basic("sam", code),
        "token of a one-time address as password": basic("otto", opening),
        "token of the numbers": bearer(METRICS),
        "token of the numbers as password": basic("prometheus", METRICS),
    }
    assert PROVED_FOR > DAYS / 100  # the proof of a link's password outlives the test
