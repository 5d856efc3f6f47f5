"""What was drawn is kept encrypted, by version, bounded, and goes with its document (decision 33; security.md S-28)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from davserver.house import RENDERED, House, Settings
from davserver.tree.rendered import BY, LIFE, Kept
from shareproviders.contract import Damaged, Expected, NotFound, Writing
from shareproviders.paths import ROOT, SharePath
from tests.portal.portalclient import PortalClient
from tests.rendering import documents
from tests.running import RunningServer, command, start
from tests.sealed import Sealed, sealed
from tests.security.canaries import Canaries


@pytest.fixture
def house(own_data: Path) -> Iterator[House]:
    opened = House.open(own_data, own_data.with_name("data.key"), Settings())
    yield opened
    opened.close()


@pytest.fixture
def own_server(own_data: Path) -> Iterator[RunningServer]:
    with start(own_data, workers=1) as running:
        yield running


def read(server: RunningServer, *texts: str) -> list[str]:
    """Put documents with these texts and look at each; their addresses."""
    clerk = server.client("clara", "/dav/ba05/gelesen")
    clerk.mkcol("")
    reader = PortalClient(server.url)
    reader.sign_in("otto")
    addresses = []
    for number, text in enumerate(texts):
        assert clerk.put(f"/{number}.pdf", documents.pdf(2, text + " {}")).status == 201
        page = reader.open("/pfad/ba05/gelesen")
        addresses.append(str(page.tree.xpath(f"//a[@class='name'][contains(., '{number}.pdf')]/@href")[0]))
        assert reader.get(addresses[-1]).status == 200
        assert reader.get(f"{addresses[-1]}/seite/1").status == 200
    clerk.close()
    return addresses


def homes(house: House) -> list[str]:
    return [home.name for home in house.rendered.children(house.rendered.stat(ROOT))]


def test_nothing_of_it_can_be_read_on_the_disk(own_server: RunningServer, tmp_path: Path) -> None:
    """Neither words nor pictures, in blobs, database or what the children leave behind."""
    canaries = Canaries("Kanarienvogelschwarm")
    read(own_server, canaries.new("text"))
    assert own_server.stop() == 0
    assert canaries.in_files(own_server.data) == []
    blobs = [path for path in own_server.data.rglob("*") if path.is_file() and path.stat().st_size > 20_000]
    assert blobs
    for path in blobs:
        raw = path.read_bytes()
        assert not any(sign in raw for sign in (b"WEBPVP8", b"IHDR", b"%PDF-1.", b'"lines"')), path


def test_it_goes_with_its_document_and_with_its_version(own_server: RunningServer, house: House) -> None:
    """DSGVO Art. 17, CON.6: a changed or deleted document leaves no page behind after the next upkeep."""
    read(own_server, "bleibt", "aendert sich", "geht")
    assert len(homes(house)) == 3
    with own_server.client("clara", "/dav/ba05/gelesen") as clerk:
        assert clerk.put("/1.pdf", documents.pdf(1, "neu")).status == 204
        assert clerk.delete("/2.pdf").status == 204
    command("gc", data=own_server.data)
    assert len(homes(house)) == 1
    assert house.rendered.trashed() == []


def test_it_goes_by_age_and_when_it_is_too_much(own_server: RunningServer, house: House) -> None:
    """The oldest first, until there is room again; after 30 days all of it."""
    read(own_server, "eins", "zwei", "drei")
    oldest, *_, newest = sorted(house.rendered.children(house.rendered.stat(ROOT)), key=lambda home: home.created)
    most = house.rendered.stat(ROOT).size - 1
    bounded = Kept(house.rendered, house.clock, house.database.transaction, most_bytes=most)
    assert bounded.shrink() >= 1
    assert oldest.name not in homes(house)
    assert newest.name in homes(house)
    later = Kept(house.rendered, lambda: house.clock() + LIFE + 1, house.database.transaction, most_bytes=most)
    assert later.sweep(house.shares) >= 1
    assert homes(house) == []


def test_a_second_look_draws_nothing(own_server: RunningServer, house: House) -> None:
    """The page of before is there again, whoever looks, and one more that was drawn ahead."""
    (address,) = read(own_server, uuid.uuid4().hex)
    before = house.rendered.stat(ROOT).change
    other = PortalClient(own_server.url)
    other.sign_in("clara")
    for path in (address, f"{address}/seite/1", f"{address}/seite/2"):
        assert other.get(path).status == 200
    assert house.rendered.stat(ROOT).change == before


def kept(house: House) -> dict[bytes, Sealed]:
    """The blobs of what was drawn, of pages and of their words: most in files, some in rows."""
    return sealed(house.directory, RENDERED)


def test_what_is_damaged_is_drawn_anew(own_server: RunningServer, house: House) -> None:
    """It is no original: whoever looks next sees the page, from bytes that are whole again."""
    (address,) = read(own_server, uuid.uuid4().hex)
    assert own_server.stop() == 0
    before = kept(house)
    assert len(before) >= 2
    for place in before.values():
        raw = bytearray(place.read())
        raw[len(raw) // 2] ^= 1
        place.write(bytes(raw))
    with start(house.directory, workers=1) as again:
        reader = PortalClient(again.url)
        reader.sign_in("otto")
        assert [reader.get(f"{address}/seite/{number}").status for number in (1, 2, 1)] == [200, 200, 200]
    assert house.rendered.trashed() == []
    whole = [blob for blob in kept(house) if blob not in before]
    assert len(whole) >= 2


def test_a_damaged_copy_goes_when_it_is_read(own_server: RunningServer, house: House) -> None:
    """Where its bytes go out piece by piece the reader gets an error once; then it is not there, and is made anew."""
    read(own_server, "eins")
    (home,) = house.rendered.children(house.rendered.stat(ROOT))
    with house.database.transaction():
        staged = house.rendered.stage([bytes(range(256)) * 4000])
        path = SharePath((home.name, "copy-x"))
        made, _ = house.rendered.put(path, staged, Expected(), Writing(BY, house.clock()))
    (place,) = [each for each in kept(house).values() if len(each.read()) > 1_000_000]
    raw = bytearray(place.read())
    raw[700_000] ^= 1
    place.write(bytes(raw))
    opens = house.kept.reads(made)
    assert b"".join(opens(0, 1000)) == (bytes(range(256)) * 4)[:1000]
    with pytest.raises(Damaged):
        b"".join(opens(0, None))
    with pytest.raises(NotFound):
        house.rendered.stat(path)
