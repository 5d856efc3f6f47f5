"""What one report may cost (docs/operations.md, Limits): hits of a search, rows of a sync-collection."""

from __future__ import annotations

import pytest

from davserver.dav import reports
from davserver.tree import syncing
from tests.dav.inside import InsideClient, Worker
from tests.mirror import listing, report, sync_body, token_of

EVERYBODY = (
    '<D:principal-property-search xmlns:D="DAV:"><D:property-search><D:prop><D:displayname/></D:prop>'
    "<D:match></D:match></D:property-search></D:principal-property-search>"
)


def test_a_search_has_so_many_hits(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 3744 §9.4: as many as the limit are told; one more is refused with its precondition."""
    clara = worker.client("clara", "/dav/.principals")
    hits = len(clara.request("REPORT", "", EVERYBODY).members())
    assert hits >= 2
    monkeypatch.setattr(reports, "MAX_MATCHES", hits)
    assert len(clara.request("REPORT", "", EVERYBODY).members()) == hits
    monkeypatch.setattr(reports, "MAX_MATCHES", hits - 1)
    refused = clara.request("REPORT", "", EVERYBODY)
    assert (refused.status, refused.condition()) == (403, "{DAV:}number-of-matches-within-limits")


@pytest.mark.parametrize("asked", [None, 1_000_000])
def test_a_sync_has_so_many_rows(clerk: InsideClient, monkeypatch: pytest.MonkeyPatch, asked: int | None) -> None:
    """RFC 6578 §3.6: also where the client asks for more, or for no number; page by page it gets everything."""
    for number in range(7):
        clerk.put(f"/d/{number}", b"1")
    whole, since, found = set(listing(clerk)), "", set[str]()
    monkeypatch.setattr(syncing, "MOST_ROWS", 3)
    for _ in range(len(whole)):
        answer = report(clerk, "", sync_body(since, limit=asked))
        told = answer.members()
        since = token_of(answer)
        found |= {href.removeprefix(clerk.base) for href in told if href != clerk.base}
        assert len(told) <= 3 + 1
        if clerk.base not in told:
            break
        assert told[clerk.base].status == 507
    assert found == whole
