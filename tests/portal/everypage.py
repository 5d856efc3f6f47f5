"""One table of all pages of the portal, for whoever proves something about each of them.

Addresses are made of the application's own routes, filled with things of the town (town.py). A new route is found here
by itself as long as its variables have names that `FILLED` or `OWN` knows; if not, `addresses` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

from flask import Flask
from werkzeug.routing import Rule

from davserver.portal.application import create
from davserver.portal.ground import Ground
from tests.portal.town import ROLES

Things = Mapping[str, str]
"""Name of a thing → its number or token (`Town.things`)."""
FILLED: Mapping[str, str] = MappingProxyType(
    {
        "share": "committee",
        "committee": "committee",
        "meeting": "meeting",
        "node": "paper",
        "token": "link",
        "version": "version",
        "number": "comment",
        "code": "code",
        "system": "=windows",
        "path": "path",
        "filename": "=portal.css",
    }
)
"""Variable of a route → the thing of the town that stands for it; after `=` the text itself."""
OWN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "browsing.folder": {"node": "evening"},
        "browsing.shared": {"committee": "="},
        "changing.new_folder": {"node": "work"},
        "keeping.versions": {"node": "note"},
        "keeping.version": {"node": "note"},
        "keeping.read": {"node": "plan", "version": "plan version"},
        "keeping.pdf": {"node": "plan", "version": "plan version"},
        "keeping.picture": {"node": "plan", "version": "plan version", "number": "=1"},
        "keeping.play": {"node": "recording", "version": "recording version"},
        "commenting.thread": {"node": "note"},
        "commenting.edit": {"node": "note"},
        "landing.inside": {"token": "folder link", "node": "report"},
        "letters.reply": {"token": "reply"},
        "connecting.ask": {"token": "device"},
        "public.place": {"node": "report"},
        "public.download": {"node": "report"},
        "reading.picture": {"number": "=1"},
        "reading.play": {"node": "recording"},
        "stages.foresee": {"meeting": "planned"},
    }
)
"""Of routes that ask for something else."""
QUERIES: Mapping[str, str] = MappingProxyType({"stages.foresee": "?neu=agenda_released", "home.search": "?q=etat"})


def application() -> Flask:
    """The portal on no ground at all: for its routes alone."""
    return create(Ground(**dict.fromkeys(each.name for each in fields(Ground))))  # type: ignore[arg-type]


def rules(method: str) -> list[Rule]:
    """The routes that answer to a method, in the order of their names."""
    found = [rule for rule in application().url_map.iter_rules() if method in (rule.methods or ())]
    return sorted(found, key=lambda rule: (rule.endpoint, rule.rule))


def address(things: Things, rule: Rule) -> str:
    """Raises KeyError for a variable that nobody has told here how to fill."""
    path = rule.rule
    own = OWN.get(rule.endpoint, {})
    for name in rule.arguments:
        thing = own.get(name) or FILLED[name]
        value = thing[1:] if thing.startswith("=") else things[thing]
        path = path.replace(f"<{name}>", value).replace(f"<int:{name}>", value).replace(f"<path:{name}>", value)
    return path + QUERIES.get(rule.endpoint, "")


def addresses(things: Things) -> dict[str, str]:
    """Name of each route that can be opened → where it is."""
    return {rule.endpoint: address(things, rule) for rule in rules("GET")}


def states(things: Things) -> dict[str, str]:
    """What one page can show besides: name → address."""
    at = things["committee"]
    return {
        "a paper to look at": f"/lesen/{at}/{things['secret']}",
        "an office document": f"/lesen/{at}/{things['motion']}",
        "a text": f"/lesen/{at}/{things['note']}",
        "Markdown": f"/lesen/{at}/{things['report']}",
        "a picture": f"/lesen/{at}/{things['photo']}",
        "a recording": f"/lesen/{at}/{things['recording']}",
        "a broken paper": f"/lesen/{at}/{things['broken']}",
        "a published paper, and why": f"/warum/{at}/{things['report']}",
        "a draft": f"/lesen/{at}/{things['draft']}",
        "a folder to write in": f"/ordner/{at}/{things['work']}",
        "an agenda item": f"/ordner/{at}/{things['budget']}",
        "no hit": "/suche?q=gibtsnicht",
        "no query": "/suche",
        "a step taken": f"/ordner/{at}/{things['work']}?getan=uploaded",
        "a link to look at": f"/s/{things['link to look']}",
        "a link to a folder": f"/s/{things['folder link']}",
        "a link with a password": f"/s/{things['locked link']}",
        "a drop": f"/s/{things['drop']}",
        "nothing here": "/gibt-es-nicht",
        "a device": "/verbinden/rclone",
    }


EVERYBODY = frozenset(ROLES)
ACCOUNTS = EVERYBODY - {"citizen"}
INSIDE = frozenset({"clerk", "chair", "member"})
OFFICE = frozenset({"clerk"})
SEEN_BY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "browsing.": INSIDE,
        "browsing.drive": ACCOUNTS,
        "browsing.folder": ACCOUNTS,
        "browsing.shared": ACCOUNTS,
        "changing.": INSIDE,
        "changing.new_folder": INSIDE | {"looker", "recused"},
        "commenting.": INSIDE | {"recused"},
        "commenting.edit": OFFICE,
        "connecting.": ACCOUNTS,
        "defining.": OFFICE,
        "desk.": OFFICE,
        "arriving.": OFFICE,
        "stages.": OFFICE,
        "people.": OFFICE,
        "papers.": OFFICE,
        "papers.waiting": ACCOUNTS,
        "auditing.": frozenset({"auditor"}),
        "auditing.own": ACCOUNTS,
        "elsewhere.": frozenset(),
        "entitling.": OFFICE,
        "excluding.": INSIDE,
        "giving.": INSIDE,
        "giving.mine": ACCOUNTS,
        "home.": ACCOUNTS,
        "home.by_path": ACCOUNTS - {"auditor"},
        "inviting.": EVERYBODY,
        "keeping.": INSIDE | {"recused"},
        "keeping.trash": ACCOUNTS,
        "landing.": EVERYBODY,
        "legal.": EVERYBODY,
        "letters.": EVERYBODY,
        "letters.about": OFFICE,
        "letters.overview": ACCOUNTS,
        "mounting.": ACCOUNTS,
        "public.": EVERYBODY,
        "reading.": INSIDE,
        "reading.play": INSIDE | {"recused"},
        "seconding.": ACCOUNTS,
        "second_step.": ACCOUNTS,
        "signing.": ACCOUNTS,
        "signing.sign_in": EVERYBODY,
        "watching.": OFFICE,
        "static": EVERYBODY,
        "a paper to look at": INSIDE,
        "an office document": INSIDE | {"looker", "recused"},
        "a text": INSIDE | {"looker", "recused"},
        "Markdown": ACCOUNTS,
        "a picture": ACCOUNTS,
        "a recording": INSIDE | {"looker", "recused"},
        "a broken paper": ACCOUNTS,
        "a published paper, and why": ACCOUNTS,
        "a draft": INSIDE | {"recused"},
        "a folder to write in": INSIDE | {"looker", "recused"},
        "an agenda item": INSIDE,
        "no hit": ACCOUNTS,
        "no query": ACCOUNTS,
        "a step taken": INSIDE | {"looker", "recused"},
        "a link to look at": EVERYBODY,
        "a link to a folder": EVERYBODY,
        "a link with a password": EVERYBODY,
        "a drop": EVERYBODY,
        "nothing here": frozenset(),
        "a device": ACCOUNTS,
    }
)
"""Name of a page, or of its blueprint → who sees it. What lies under item 2 is published, so everybody with an account
does; `recused` is excluded from item 1 and N 1."""


def seen_by(name: str) -> frozenset[str]:
    """Raises KeyError for a page of which nobody has said it."""
    return SEEN_BY[name] if name in SEEN_BY else SEEN_BY[name.partition(".")[0] + "."]
