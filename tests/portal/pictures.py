"""`make docs-pictures`: a picture of every page of the portal, as the demo shows it, on a phone and on a desktop.

The pages are those of everypage.py, so a new one is here by itself; its name is made of its address. Each is shown to
whoever it is for: to people without an account, to the clerk, or to whom alone may see it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from acl.labels import Classification, Label
from acl.links import LinkKind
from acl.privileges import Rights
from acl.store import set_label
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from tests.dav.doors import door, opened
from tests.portal.chromium import DESKTOP, PHONE, Browser, browser
from tests.portal.everypage import EVERYBODY, address, rules, seen_by
from tests.portal.portalclient import PortalClient
from tests.portal.town import link, use

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
COMMITTEE = "ba05"
PEOPLE: Mapping[str, str] = {"clerk": "anna", "chair": "viktoria", "member": "otto", "auditor": "renate", "citizen": ""}
"""As in town.py, but those of the demo."""
NAMES: Mapping[str, str] = {"": "meine-gremien", "s": "link", "index-php-login-v2-flow": "geraet-anmelden"}
"""Where the address says too little."""
MISSING = "nicht-gefunden"


@contextmanager
def demo() -> Iterator[tuple[str, Path]]:
    """The demo on a free port; its address, and where its data are."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        words = [sys.executable, "-m", "davserver", "demo", "--data", str(data), "--port", "0"]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "DAVSERVER_LOG": "json"}
        )
        assert process.stdout is not None
        try:
            yield next(line.split("url=")[1].split()[0] for line in process.stdout if "event=ready" in line), data
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def sign_in(url: str, role: str) -> PortalClient:
    user = PEOPLE[role]
    return PortalClient.signed_in(url, user, password=f"Demo-{user}-2026") if user else PortalClient(url)


def things_of(url: str, data: Path) -> dict[str, str]:
    """What pages are to show: meetings, papers, versions, something shared, thrown away, commented and written."""
    with opened(data) as house:
        tree, drive = door(house, PEOPLE["clerk"]), SharePath((COMMITTEE,))
        meetings = [seen for seen in tree.children(tree.stat(drive)) if re.match("20..-", seen.display_name)]
        today = date.today().isoformat()  # noqa: DTZ011 (a day of the calendar)
        evening, planned = (seen for seen in meetings if seen.display_name >= today)
        published = next(seen for seen in tree.children(meetings[0]) if seen.node.is_collection)
        item = next(seen for seen in tree.children(evening) if seen.node.is_collection)
        secret = next(seen for seen in tree.children(evening) if seen.display_name.startswith("N "))
        paper = next(seen for seen in tree.children(item) if not seen.node.is_collection)
        work = SharePath((COMMITTEE, "Arbeitsordner"))
        for text in ("Erster Entwurf", "Zweiter Entwurf"):
            _put(tree, work / "Stellungnahme.txt", text)
        _put(tree, work / "Alter Entwurf.txt", "weg")
        tree.delete(work / "Alter Entwurf.txt", Terms())
        note = tree.stat(work / "Stellungnahme.txt")
        tree.share_inside(note.path, "user:elif", Rights.READ, None, None)
        with house.database.transaction() as connection:
            code = house.invitations.invite(connection, "bruno", f"user:{PEOPLE['clerk']}")
            set_label(connection, COMMITTEE, secret.node.id, Label(Classification.NON_PUBLIC, house.clock()))
        found = {
            "committee": COMMITTEE,
            "path": f"{COMMITTEE}/Arbeitsordner",
            "meeting": evening.display_name[:10],
            "planned": planned.display_name[:10],
            "code": code,
            "version": str(tree.versions(note)[-1].id),
            "link": link(house, tree, note.path, rights=Rights.READ | Rights.COMMENT),
            "link to look": link(house, tree, paper.path, rights=Rights.VIEW),
            "folder link": link(house, tree, work),
            "locked link": link(house, tree, work, password="Geheim-Wort-77"),
            "drop": link(house, tree, work, kind=LinkKind.DROP),
            "secret": str(next(seen for seen in tree.children(secret) if not seen.node.is_collection).node.id),
        }
        nodes = {"evening": evening, "item": item, "paper": paper, "work": tree.stat(work), "note": note}
        nodes["report"] = tree.children(published)[0]
        found |= {name: str(seen.node.id) for name, seen in nodes.items()} | {"recording": found["secret"]}
        found |= {"plan": found["note"], "plan version": found["version"], "recording version": found["version"]}
    use(found, sign_in(url, "clerk"), sign_in(url, "citizen"))
    return found


def _put(tree: GuardedTree, path: SharePath, text: str) -> None:
    tree.put(path, tree.stage(path, [text.encode()]), Terms())


def pages(things: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(name of the picture, who looks, path)."""
    at = things["committee"]
    for rule in rules("GET"):
        words = re.sub(r"<[^>]*>", "", rule.rule).replace(".", "-")
        name = "-".join(word for word in words.split("/") if word)
        sees = seen_by(rule.endpoint)
        who = "citizen" if sees == EVERYBODY else next((role for role in PEOPLE if role in sees), "")
        if who:
            yield NAMES.get(name, name), who, address(things, rule)
    yield "ordner-tagesordnungspunkt", "clerk", f"/ordner/{at}/{things['item']}"
    yield "lesen-nur-ansehen", "member", f"/lesen/{at}/{things['secret']}"
    yield "link-nur-ansehen", "citizen", f"/s/{things['link to look']}"
    yield "link-ordner", "citizen", f"/s/{things['folder link']}"
    yield "link-mit-passwort", "citizen", f"/s/{things['locked link']}"
    yield "briefkasten", "citizen", f"/s/{things['drop']}"
    yield MISSING, "clerk", "/gibt-es-nicht"


def settled(here: Browser) -> None:
    """Until the viewer has drawn what is to be seen."""
    if here.all(".viewer[data-source]"):
        here.wait(lambda _: bool(here.all(".sheet canvas, .refused:not([hidden])")))
        canvases = "[...document.querySelectorAll('.sheet canvas')]"
        drawn = f"return {canvases}.every((one) => one.parentElement.state === 'drawn')"
        here.wait(lambda driver: driver.execute_script(drawn))


def shared(here: Browser, things: Mapping[str, str]) -> Iterator[str]:
    """From the form of sharing to the link, each by its name while it is open."""
    here.open(f"/teilen/{things['committee']}/{things['work']}")
    here.all("main form button.main")[1].click()
    here.wait(lambda _: len(here.all("main form button.main")) == 1)
    yield "teilen-wer-es-sehen-wird"
    here.one("main form button.main").click()
    here.wait(lambda _: bool(here.all("#url")))
    yield "teilen-link"


def decided(here: Browser, things: Mapping[str, str]) -> Iterator[str]:
    """What the desk shows before something changes rights: an office that is about to be given."""
    here.open(f"/geschaeftsstelle/{things['committee']}/personen")
    here.one("#user").send_keys("bruno")
    here.driver.execute_script("document.querySelector('#give-begin').value = '2026-05-01'")
    here.one("#user").submit()
    here.wait(lambda _: bool(here.all("[name=yes]")))
    yield "geschaeftsstelle-entscheidung"


def destroyed(here: Browser, _: Mapping[str, str]) -> Iterator[str]:
    """What is shown before something goes for good."""
    here.open("/papierkorb")
    here.one("form[action$='/vernichten'] button").click()
    here.wait(lambda _: bool(here.all("[name=yes]")))
    yield "papierkorb-vernichten"


def audited(here: Browser, _: Mapping[str, str]) -> Iterator[str]:
    """The auditors' page, with what was read."""
    here.open("/protokoll")
    here.driver.execute_script("document.querySelector('#purpose').value = 'check'")
    here.fill("reference", "Az 17/2026")
    here.one("#reference").submit()
    here.wait(lambda _: bool(here.all("#found")))
    yield "protokoll-gefunden"


def main() -> int:
    with demo() as (url, data), browser(url) as here:
        things = things_of(url, data)
        visitors = {role: sign_in(url, role) for role in PEOPLE}
        shown = dict[str, tuple[str, str]]()
        for name, who, path in pages(things):
            answer = visitors[who].get(path)
            if answer.headers.get_content_type() == "text/html" and answer.status == (404 if name == MISSING else 200):
                shown[f"{name}-2" if name in shown else name] = who, path
        for old in PICTURES.glob("*.png"):
            old.unlink()
        for size, measures in SIZES.items():
            here.resize(measures)
            for name, (who, path) in shown.items():
                here.become(visitors[who].cookies)
                here.open(path)
                settled(here)
                here.picture(PICTURES / f"{name}-{size}.png")
            for who, steps in (("clerk", shared), ("clerk", decided), ("clerk", destroyed), ("auditor", audited)):
                here.become(visitors[who].cookies)
                for name in steps(here, things):
                    here.picture(PICTURES / f"{name}-{size}.png")
    print(json.dumps({"pictures": len(list(PICTURES.glob("*.png")))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
