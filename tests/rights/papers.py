"""What a paper is at an instant, by `design/rights.md` §1 and without a line of the product: class, dates, phase.

A world is plain dicts: `at` · `committees` {share: facts} · `nodes` {id: share, parent, name, folder, empty} ·
`labels` {id: class, release, close, publish} · `mandates` · `pledged` {person: since} · `admins` · `entries` (also
inboxes, and inside shares with their `maker`) · `meetings` · `points` {agenda item: share, meeting, folder, matter,
public} · `bound` {node: agenda items} · `recusals` · `holds` · `links`. Who may what with it is in `oracle`, what a
verb answers in `answers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

World = dict[str, Any]
CLASSES = ("public", "restricted", "non_public", "personal", "office", "faction")
NEVER = 1 << 63


def lineage(w: World, node: int) -> list[int]:
    above = w["nodes"][node]["parent"]
    return [node] if above is None else [*lineage(w, above), node]


def points(w: World, node: int) -> set[int]:
    """§1: the agenda items of a paper: of its folders, and those it is bound to."""
    places = lineage(w, node)
    return {p for p, facts in w["points"].items() if facts["folder"] in places}.union(
        *(w["bound"].get(place, ()) for place in places)
    )


@cache
def next_day(at: int, hour: int) -> int:
    day = datetime.fromtimestamp(at / 1e6, ZoneInfo("Europe/Berlin")).date() + timedelta(days=1)
    return int(datetime.combine(day, time(hour), ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000


def label(w: World, node: int) -> dict[str, Any]:
    """Each part from the nearest ancestor that has it, else what the committee says; then what items and meetings add:
    `over` when the latest one that takes place is, `ended` from the midnight after its minutes were approved (§1).
    """
    share, concerned = w["nodes"][node]["share"], points(w, node)
    committee, places = w["committees"][share], lineage(w, node)
    found = {"class": committee["class"], "release": NEVER if committee["meetings"] else 0}
    found |= dict.fromkeys(("close", "publish", "over", "ended"), NEVER)
    for place in places:
        found |= w["labels"].get(place, {})
    if any(not w["points"][p]["public"] for p in concerned):
        found["class"] = max(found["class"], "non_public", key=CLASSES.index)
    own = {(share, w["points"][p]["meeting"]) for p in concerned if w["points"][p]["share"] == share}
    all_own = [m for m in w["meetings"] if m["folder"] in places or (m["share"], m["id"]) in own]
    held = [m for m in all_own if m["state"] != "cancelled"]
    if held:
        last = max(held, key=lambda m: (m["start"], m["id"]))
        found["over"] = min(last["closed"] or NEVER, next_day(last["end"], 6))
        found["ended"] = NEVER if last["approved"] is None else next_day(last["approved"], 0)
    return found


def phase(w: World, node: int) -> str:
    """§1: draft before release; of closing and publication, the later one that has passed; minutes close no
    publication.
    """
    own, at = label(w, node), w["at"]
    publish = own["publish"]
    if w["committees"][w["nodes"][node]["share"]]["publishes"] and own["class"] == "public" and own["release"]:
        publish = min(publish, own["release"])
    if at < own["release"]:
        return "draft"
    if publish <= at and not publish <= own["close"] <= at:
        return "published"
    if min(own["close"], own["ended"]) <= at:
        return "closed"
    return "concluded" if own["over"] <= at else "released"


def members(w: World, node: int) -> Iterator[int]:
    return (other for other, facts in w["nodes"].items() if facts["parent"] == node)
