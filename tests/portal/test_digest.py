"""The daily mail: off by default, how much is new for each reader and no title, sent by one of all (portal.md §6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from davserver import settings
from davserver.digest import DAY
from davserver.settings import SettingsError
from tests.portal.mails import Sink, digests, receiving, run
from tests.running import command, start

ADDRESSES = """
[[person]]
user = "clara"
name = "Clara Clerk"
email = "clara@example.org"

[[person]]
user = "otto"
name = "Otto Maier"
email = "otto@example.org"

[[person]]
user = "sam"
name = "Sam Stranger"
email = "sam@example.org"
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with receiving() as sink:
        yield sink


def test_the_digest_tells_how_much_and_no_title(own_data: Path, sink: Sink) -> None:
    """Rights are asked when it is sent; who sees nothing new gets no mail; it is sent once a day, by one process."""
    (own_data.parent / "people.toml").write_text(ADDRESSES, encoding="utf-8")
    command("apply", str(own_data.parent / "people.toml"), data=own_data)
    assert run(own_data, sink) == 0  # the first look only notes how far everything has come
    with start(own_data, workers=1) as server, server.client("clara", "/dav/ba05/Arbeitsordner") as clerk:
        for name in ("canary-eins.txt", "canary-zwei.txt", "canary-geheim.txt"):
            assert clerk.put(f"/{name}", b"x").status == 201
        command("label", "ba05/Arbeitsordner/canary-geheim.txt", "--class", "office", data=own_data)
    assert run(own_data, sink) == 0
    assert run(own_data, sink, DAY + 1_000_000) == 2
    assert run(own_data, sink, DAY + 2_000_000) == 0
    mails = {str(mail["To"]): mail for mail in sink.mails}
    assert set(mails) == {"clara@example.org", "otto@example.org"}
    otto, clara = (mails[f"{user}@example.org"].get_content() for user in ("otto", "clara"))
    assert "BA 5 Au-Haidhausen: 2 Unterlagen, 0 Anmerkungen" in otto
    assert "BA 5 Au-Haidhausen: 3 Unterlagen, 0 Anmerkungen" in clara
    assert "https://gremium.example.org/" in otto
    assert "canary" not in otto + clara + str(mails)
    assert mails["otto@example.org"]["Auto-Submitted"] == "auto-generated"
    assert run(own_data, sink, 2 * DAY + 3_000_000) == 0  # nothing has happened since


def test_a_mail_server_that_is_away_stops_nothing(own_data: Path, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    """The refusal is a line in the log without an address; the next one comes a day later."""
    (own_data.parent / "people.toml").write_text(ADDRESSES, encoding="utf-8")
    command("apply", str(own_data.parent / "people.toml"), data=own_data)
    assert run(own_data, sink) == 0
    with start(own_data, workers=1) as server, server.client("clara", "/dav/ba05/Arbeitsordner") as clerk:
        assert clerk.put("/neu.txt", b"x").status == 201
    with digests(own_data, sink, DAY + 1_000_000) as those:
        sink.shutdown()
        sink.server_close()
        assert those.run(lambda: False) == 0
    assert "the mail server did not take a message" in caplog.text
    assert "example.org" not in caplog.text


def test_mail_is_off_by_default_and_needs_its_neighbours(tmp_path: Path) -> None:
    """A server without sender or public address is refused at the start."""
    plain: Any = settings.load(tmp_path, {})
    assert plain.mail_server == ""
    with pytest.raises(SettingsError, match="mail_from"):
        settings.load(tmp_path, {"DAVSERVER_MAIL_SERVER": "mail.example.org"})
