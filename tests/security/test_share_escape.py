"""No share leads to what lies beside it, however the way is spelled (security.md B3, B8; bar S-13).

2,000 mutations for each kind of share: of a folder, of a document, and a drop that only takes. Links and what is shared
inside take turns, and so do both providers. Nothing of the neighbours comes out, and nothing outside has changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acl.links import LinkKind
from acl.privileges import Rights
from davserver.house import House
from davserver.tree.seen import Terms
from davserver.tree.sharing import LinkWish
from shareproviders.paths import SharePath
from tests.dav.doors import door, opened
from tests.davclient import LOCKINFO
from tests.running import RunningServer, copied, start
from tests.security.credentials import PATCH, basic
from tests.security.escapes import Mutation, Share, mutations
from tests.serving.raw import Answer, Line
from tests.soaking import SOAK

MUTATIONS = 10_000 if SOAK else 2_000
PAIRS = 200
TOKEN = re.compile(r"[\w-]{40,}")
"""Of the visitor's own forms; another one in each answer."""
CANARY, UNNAMED = b"Geheimbytes-7f3a", b"Verborgen-9c1e"
"""What every neighbour holds, and how one is called of whom no request knows the name."""
SIBLINGS = ("a2/Kanarie.txt", "a.txt", "b.txt2", "b.txt.bak", "b2.txt", "geheim/Kanarie.txt", "geheim/", "a2", "")
ABSENT = ("z2/Nirgend.txt", "z.txt", "z.txt2", "z.txt.bak", "z2.txt", "nirgen/Nirgend.txt", "nirgen/", "z2", "")
"""For each of them a name of the same length that nothing has."""
ROOT = ("ba05", "archiv")
WRITING = Rights.READ | Rights.BIND | Rights.WRITE_CONTENT
CHANGES = Rights.READ | Rights.WRITE
SYNC = '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>'
BODIES = {"PUT": "Einbruch", "PROPPATCH": PATCH, "REPORT": SYNC, "LOCK": LOCKINFO.format(scope="exclusive", owner="x")}


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("escape")), workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        for drive in ROOT:
            furnish(house, SharePath((drive,)))
        yield house


def furnish(house: House, drive: SharePath) -> None:
    """`a/` and `b.txt` are shared and `Einwurf/` is a drop; everything beside them is a neighbour."""
    tree, place = door(house, "clara"), drive / "Haus"
    for folder in (place, place / "a", place / "a2", place / "geheim", place / "Einwurf"):
        tree.make_collection(folder, Terms())
    told = {"a/innen.txt": b"inside", "b.txt": b"shared"}
    told |= {name: CANARY for name in SIBLINGS if name.endswith(("txt", "2", "bak")) and name != "a2"}
    told |= {"Einwurf/schon-da.txt": CANARY, f"{UNNAMED.decode()}.txt": CANARY, f"geheim/{UNNAMED.decode()}": CANARY}
    for name, content in told.items():
        path = SharePath((*place.segments, *name.split("/")))
        tree.put(path, tree.stage(path, [content]), Terms())


def linked(house: House, path: SharePath, **wish: object) -> str:
    secret = house.links.new_secret()
    door(house, "clara").make_link(path, LinkWish(secret.digest, **wish))  # type: ignore[arg-type]
    return f"/dav-link/{secret.token}"


def folders(house: House, drive: str) -> list[Share]:
    path, place = SharePath((drive, "Haus", "a")), f"/dav/{drive}/Haus"
    door(house, "clara").share_inside(path, "user:sam", CHANGES, None, None)
    roots = (linked(house, path, rights=WRITING), f"/dav/geteilt/{drive}/a", f"{place}/a")
    return [Share(root, "innen.txt", SIBLINGS, place) for root in roots]


def documents(house: House, drive: str) -> list[Share]:
    path, place = SharePath((drive, "Haus", "b.txt")), f"/dav/{drive}/Haus"
    door(house, "clara").share_inside(path, "user:sam", Rights.READ | Rights.WRITE_CONTENT, None, None)
    link = linked(house, path, rights=Rights.READ | Rights.WRITE_CONTENT)
    return [Share(link, "b.txt", SIBLINGS, place), Share(f"/dav/geteilt/{drive}", "b.txt", SIBLINGS, place)]


def drops(house: House, drive: str) -> list[Share]:
    link = linked(house, SharePath((drive, "Haus", "Einwurf")), kind=LinkKind.DROP)
    return [Share(link, "neu.txt", (*SIBLINGS, "Einwurf/schon-da.txt"), f"/dav/{drive}/Haus")]


KINDS: dict[str, Callable[[House, str], list[Share]]] = {"folder": folders, "document": documents, "drop": drops}
OWN = {"folder": "a", "document": "b.txt", "drop": "Einwurf"}
"""What may change while somebody is let in."""


def sent(mutation: Mutation, credential: dict[str, str]) -> bytes:
    """As it goes over the wire, with whatever the target holds."""
    body = BODIES.get(mutation.method, "")
    lines = [f"{mutation.method} {mutation.target} HTTP/1.1", "Host: test", *mutation.fields]
    lines += [f"{name}: {value}" for name, value in credential.items()]
    lines += [] if any(line.startswith("Depth") for line in mutation.fields) else ["Depth: 1"]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join([*lines, "", ""]) + body).encode("latin-1")


def outside(house: House, own: str) -> dict[str, object]:
    """All that lies in both drives but the shared thing itself: what it is, its tag, its locks, its bytes."""
    tree, found = door(house, "clara"), dict[str, object]()
    waiting = [SharePath((drive,)) for drive in ROOT]
    while waiting:
        for seen in tree.children(tree.stat(waiting.pop())):
            path, node = seen.path, seen.node
            if path.segments[1:] == ("Haus", own):
                found[str(path)] = (node.id, node.is_collection)
                continue
            waiting += [path] if node.is_collection else []
            content = b"" if node.is_collection else b"".join(tree.read(seen))
            found[str(path)] = (node.id, node.entity_tag, tree.locks([seen]), content)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_way_leads_out(served: RunningServer, house: House, kind: str) -> None:
    """0 canaries, 0 changes outside, 0 answers of 500 and more."""
    shares = [share for both in zip(*(KINDS[kind](house, drive) for drive in ROOT), strict=True) for share in both]
    credential = dict(basic("sam", served.password("sam")))
    statuses: Counter[int] = Counter()
    before, files = outside(house, OWN[kind]), on_disk(served.data)
    assert len(before) > 20
    with Line(served.port) as line:
        for number, share in enumerate(shares):
            for mutation in mutations(share, -(-MUTATIONS // len(shares)), number):
                login = credential if share.root.startswith("/dav/") else {}
                statuses[judge(mutation, line.ask(sent(mutation, login), head_only=mutation.method == "HEAD"))] += 1
    assert sum(statuses[each] for each in (200, 201, 204, 207)) > MUTATIONS // 100, "nobody came in at all"
    assert outside(house, OWN[kind]) == before
    assert on_disk(served.data) == files


@pytest.mark.parametrize("kind", ["folder", "document"])
def test_neighbours_are_told_from_nothing_by_no_way(served: RunningServer, house: House, kind: str) -> None:
    """Law 3: each mutation that names a neighbour is answered as one that names nothing, to the byte."""
    shares = KINDS[kind](house, "ba05")
    credential, compared = dict(basic("sam", served.password("sam"))), 0
    with Line(served.port) as line:
        for number, share in enumerate(shares):
            twin = share._replace(siblings=ABSENT)
            pairs = zip(mutations(share, PAIRS, number + 100), mutations(twin, PAIRS, number + 100), strict=True)
            for there, nowhere in pairs:
                if there == nowhere or (there.target == nowhere.target and there.method in BODIES | {"DELETE": ""}):
                    continue  # one and the same, or the second would meet what the first has made
                login, compared = (credential if share.root.startswith("/dav/") else {}), compared + 1
                answers = [line.ask(sent(each, login), head_only=each.method == "HEAD") for each in (there, nowhere)]
                if there.method == "MOVE" and answers[0].status in (201, 204):
                    continue  # within the share; so the second finds nothing there any more
                assert plain(answers[0]) == plain(answers[1]), (there, nowhere)
    assert compared > PAIRS


def plain(answer: Answer) -> tuple[object, ...]:
    """What it tells, with the names of the one as those of the other."""
    if answer.status in (201, 204):
        return (answer.status,)  # written inside, with a tag and time of its own
    page = answer.headers.get("content-type", "").startswith("text/html")  # has its own address in it, and a token
    told = [repr(answer.headers | {"date": ""}), str(len(answer.body)) if page else answer.body.decode()]
    for name, absent in sorted(zip(SIBLINGS, ABSENT, strict=True), key=lambda pair: -len(pair[0])):
        told = [TOKEN.sub("", text.replace(name, absent) if name else text) for text in told]
    return answer.status, *told


def judge(mutation: Mutation, answer: Answer) -> int:
    """Its status, if it tells nothing of the neighbours."""
    told = answer.body + repr(answer.headers).encode()
    assert CANARY not in told, mutation
    assert UNNAMED not in told, mutation
    assert answer.status < 500 or answer.status in (501, 502, 507), (mutation, answer)
    return answer.status


def on_disk(data: Path) -> set[str]:
    """Files of the data directory that no share may add to, and those of the plain drive beside what is shared."""
    free = ("a/", "Einwurf/")
    found = {str(path.relative_to(data)) for path in data.glob("*")}
    plain = {str(path.relative_to(data / "archive" / "Haus")) for path in (data / "archive" / "Haus").rglob("*")}
    return found | {name for name in plain if not name.startswith(free)}
