"""Titles that are for others only (rights.md §1, §3): whoever may know that a paper is there need not know its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.portal.portalclient import PortalClient
from tests.running import RunningServer, command, committee, declare, person, start

SECRET = "Kündigung Musterfrau"
MEETING = "2099-12-07"
DECLARATIONS = (
    person("clara", "Clara Clerk")
    + person("cora", "Cora Chair")
    + person("otto", "Otto Maier")
    + committee("ba06", "BA 6 Sendling", 'provider = "vault"', "clara:clerk", "cora:chair", "otto:member")
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A committee with a meeting whose agenda has a non-public item and is not out yet."""
    data = tmp_path_factory.mktemp("titles") / "data"
    command("init", data=data)
    declare(data, DECLARATIONS, "clara", "cora", "otto")
    times = ("--start", f"{MEETING}T19:00", "--end", f"{MEETING}T22:00")
    command("meeting", "add", "ba06", MEETING, "--title", "Vollgremium", *times, data=data)
    command("item", "add", "ba06", MEETING, "N 3", SECRET, "--part", "non_public", data=data)
    with start(data, workers=1) as running:
        yield running


def numbers(client: PortalClient) -> tuple[str, str]:
    """Of the meeting's folder and of the item's, as the clerk finds them."""
    meeting = client.get("/").links()["Vollgremium"]
    item = next(path for words, path in client.get(meeting).links().items() if SECRET in words)
    return meeting.rpartition("/")[2], item.rpartition("/")[2]


def test_a_title_is_told_to_those_only_who_may_view_it(served: RunningServer) -> None:
    """The chair sees `N 3` and nothing of the name: on no page, in no search, in no form, and not by guessing."""
    clerk = PortalClient.signed_in(served.url, "clara")
    meeting, folder = numbers(clerk)
    page = clerk.get(f"/ordner/ba06/{folder}")
    assert clerk.upload(f"/ordner/ba06/{folder}/hochladen", page.token(), [(f"{SECRET}.txt", b"x")]).status == 303
    document = next(path for path in clerk.get(f"/ordner/ba06/{folder}").links().values() if "/lesen/" in path)
    node = document.rpartition("/")[2]
    chair = PortalClient.signed_in(served.url, "cora")
    listing = chair.get(f"/ordner/ba06/{meeting}")
    assert "N 3, nichtöffentlich" in listing.text
    paths = ["/", "/suche?q=N+3", "/suche?q=musterfrau", "/papierkorb", f"/ordner/ba06/{meeting}"]
    for number in (folder, node):
        paths += [
            f"/{name}/ba06/{number}" for name in ("ordner", "lesen", "warum", "umbenennen", "loeschen", "verschieben")
        ]
    for path in paths:
        shown = chair.open(path)
        assert shown.status == 200, path
        assert "Musterfrau" not in shown.body.decode().replace('value="musterfrau"', ""), path
    assert "0 Treffer" in chair.get("/suche?q=musterfrau").text
    name = page.title
    guesses = [
        f"/pfad/ba06/{MEETING}%20Vollgremium/{name.replace(' ', '%20')}",
        f"/pfad/ba06/{MEETING}%20Vollgremium/x",
    ]
    answers = [chair.get(guess.replace("ü", "%C3%BC")) for guess in guesses]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body
    assert clerk.get(guesses[0].replace("ü", "%C3%BC")).status == 303
    chair_delete = chair.get(f"/loeschen/ba06/{node}")
    assert chair.submit(chair_delete, f"/loeschen/ba06/{node}").status == 403
    member = PortalClient.signed_in(served.url, "otto")
    assert {member.get(f"/{name}/ba06/{node}").status for name in ("lesen", "warum", "loeschen")} == {404}
    asking = clerk.get(f"/loeschen/ba06/{node}")
    assert clerk.submit(asking, f"/loeschen/ba06/{node}").status == 303
    assert "Musterfrau" not in chair.get("/papierkorb").text
    assert f"{SECRET}.txt" in clerk.get("/papierkorb").text
