"""Chunked upload, version 2 (reference: clients §11.6): parts, resume, putting together, limits."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from davserver.house import UPLOADS
from davserver.tree.uploads import LIFE, sweep
from tests.dav.doors import opened
from tests.davclient import Answer, DavClient
from tests.nextcloud.conftest import FILES, OC, Sync
from tests.running import PASSWORD, RunningServer, start
from tests.sealed import sealed

Syncs = Callable[[str], Sync]
BODY = random.Random(1).randbytes(256_000)


class Upload:
    """One upload of a user, as his client makes it."""

    def __init__(self, user: str, client: DavClient) -> None:
        self.user, self.client = user, client
        self.base = f"/remote.php/dav/uploads/{user}/{uuid.uuid4().hex}"

    def begin(self, **headers: str) -> Answer:
        return self.client.mkcol(self.base, **headers)

    def part(self, name: str, content: bytes, **headers: str) -> Answer:
        return self.client.put(f"{self.base}/{name}", content, **headers)

    def finish(self, target: str, **headers: str) -> Answer:
        sent = {
            "Destination": quote(f"{FILES}/{self.user}{target}"),
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        return self.client.request("MOVE", f"{self.base}/.file", headers=sent)

    def parts(self) -> dict[str, str | None]:
        """Lengths by name, as a client asks before it goes on."""
        members = self.client.propfind(self.base, "1").members()
        return {
            href.rpartition("/")[2]: one.text("getcontentlength") for href, one in members.items() if href != self.base
        }


@pytest.fixture
def upload(sync: Syncs) -> Upload:
    return Upload("otto", sync("otto").client)


def begun(upload: Upload, parts: int = 4) -> Upload:
    assert upload.begin().status == 201
    step = len(BODY) // parts
    for number in range(parts):
        assert upload.part(f"{number:05}", BODY[number * step : (number + 1) * step]).status == 201
    return upload


NAMINGS = {
    "numbers of Nextcloud 3.7": lambda start, _: f"{start // 64000:016}",
    "numbers of Nextcloud 3.9": lambda start, _: f"{start // 64000 + 1:05}",
    "offsets of ownCloud": lambda start, _: f"{start:016}",
    "ranges of rclone": lambda start, end: f"{start:015}-{end:015}",
}


@pytest.mark.parametrize("naming", NAMINGS.values(), ids=list(NAMINGS))
def test_parts_become_a_document(upload: Upload, sync: Syncs, place: str, naming: Callable[[int, int], str]) -> None:
    """In the order of their names, whichever came first; with time, checksum and the headers of a PUT."""
    upload.begin(OC_Total_Length=str(len(BODY)))
    for offset in (64000, 0, 192000, 128000):
        end = offset + 64000
        assert upload.part(naming(offset, end), BODY[offset:end]).status == 201
    checksum = f"SHA1:{hashlib.sha1(BODY, usedforsecurity=False).hexdigest()}"
    facts = {"OC_Total_Length": str(len(BODY)), "OC_Checksum": checksum, "X_OC_Mtime": "1600000000"}
    done = upload.finish(f"{place}/groß.bin", **facts)
    otto = sync("otto")
    assert (done.status, done.headers["X-OC-MTime"], done.headers["OC-Checksum"]) == (201, "accepted", checksum)
    assert done.etag == done.headers["OC-ETag"] == otto.etag(f"{place}/groß.bin")
    assert done.headers["OC-FileId"] == otto.text(f"{place}/groß.bin", f"{OC}id")
    got = otto.client.get(otto.at(f"{place}/groß.bin"))
    assert got.body == BODY
    assert got.headers["Last-Modified"] == "Sun, 13 Sep 2020 12:26:40 GMT"
    assert upload.client.propfind(upload.base).status == 404, "the parts are gone"


def test_resume(upload: Upload, place: str) -> None:
    """PROPFIND tells what has arrived; a part may come again or be removed."""
    begun(upload)
    assert upload.parts() == {f"{number:05}": "64000" for number in range(4)}
    assert upload.part("00003", BODY[192000:]).status == 201
    assert upload.part("zuviel", b"x").status == 201
    assert upload.client.delete(f"{upload.base}/zuviel").status == 204
    assert upload.finish(f"{place}/a.bin", OC_Total_Length=str(len(BODY))).status == 201


def test_a_cut_part_is_not_kept(upload: Upload) -> None:
    """A part that differs from its checksum leaves nothing (protocol.md §1)."""
    upload.begin()
    assert upload.part("00001", b"x", OC_Checksum="SHA1:" + "0" * 40).status == 400
    assert upload.parts() == {}


def test_nothing_happens_unless_all_is_there(upload: Upload, sync: Syncs, place: str) -> None:
    """Wrong length, wrong checksum: 400, the document stays as it was, the parts stay for another try."""
    otto = sync("otto")
    otto.put(f"{place}/a.bin", b"alt")
    begun(upload)
    assert upload.finish(f"{place}/a.bin", OC_Total_Length="1").status == 400
    assert upload.finish(f"{place}/a.bin", OC_Checksum="SHA1:" + "0" * 40).status == 400
    assert otto.client.get(otto.at(f"{place}/a.bin")).body == b"alt"
    assert upload.finish(f"{place}/a.bin").status == 204


def test_conditions_are_about_the_destination(upload: Upload, sync: Syncs, place: str) -> None:
    """`If` with a tag, If-Match, Overwrite: what the desktop clients send with the MOVE."""
    otto = sync("otto")
    tag = otto.put(f"{place}/a.bin", b"alt").etag
    other = otto.put(f"{place}/b.bin", b"alt").etag
    begun(upload)
    url = otto.at(f"{place}/a.bin")
    assert upload.finish(f"{place}/a.bin", If=f"<{url}> ([{other}])").status == 412
    assert upload.finish(f"{place}/a.bin", If_Match=str(other)).status == 412
    assert upload.finish(f"{place}/a.bin", Overwrite="F").status == 412
    assert otto.client.get(url).body == b"alt"
    assert upload.finish(f"{place}/a.bin", If=f"<{url}> ([{tag}])").status == 204
    assert otto.client.get(url).body == BODY


def test_admission_is_asked_early_and_late(upload: Upload, sync: Syncs, place: str) -> None:
    """Rights, locks and quota: at MKCOL where the place is named, and always before anything is put together."""
    begun(upload)
    late = upload.finish("/ba05/verboten.bin")
    assert (late.status, late.condition()) == (403, "{DAV:}need-privileges")
    early = Upload("otto", upload.client)
    assert early.begin(Destination=f"{FILES}/otto/ba05/verboten.bin").status == 403
    assert early.begin(Destination=f"{FILES}/otto{place}/a.bin", OC_Total_Length=str(10**15)).status == 507
    clara = sync("clara")
    clara.put(f"{place}/offen.bin", b"offen")
    clara.client.lock(clara.at(f"{place}/offen.bin"))
    assert early.begin(Destination=f"{FILES}/otto{place}/offen.bin").status == 423
    assert upload.finish(f"{place}/offen.bin").status == 423
    assert upload.client.propfind(early.base).status == 404, "what was refused was not begun"


def test_uploads_belong_to_one_user(upload: Upload, sync: Syncs) -> None:
    """Another's uploads are as absent as none; nor can his name be used."""
    begun(upload)
    clara = sync("clara").client
    assert {clara.propfind(f"/remote.php/dav/uploads/{name}/x").status for name in ("otto", "niemand")} == {404}
    assert clara.get(f"{upload.base}/00000").status == 404
    assert clara.propfind(upload.base.replace("/otto/", "/clara/")).status == 404
    assert clara.request("MOVE", f"{upload.base}/.file", headers={"Destination": f"{FILES}/clara/ba05/x"}).status == 404


def test_what_cannot_be_done_there(upload: Upload) -> None:
    """Each address has its verbs; the rest is 405 with what is allowed."""
    upload.begin()
    assert upload.begin().status == 405
    assert upload.client.get(upload.base).status == 405
    assert upload.part("a", b"x").status == 201
    answer = upload.client.get(f"{upload.base}/a")
    assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, PROPFIND, PUT, DELETE")
    assert upload.part(".file", b"x").status == 405
    assert upload.client.put(f"{upload.base}x/00001", b"x").status == 404, "the upload was not begun"
    assert upload.client.put(f"{upload.base}/a/b", b"x").status == 404
    assert upload.client.delete(upload.base).status == 204
    assert upload.client.propfind(upload.base).status == 404


def test_parts_survive_a_restart_and_end_after_a_day(own_data: Path) -> None:
    """Kept for every worker and over a restart; given up a day after the newest part."""
    with start(own_data, workers=2) as running:
        with running.client("otto") as client:
            upload = begun(Upload("otto", client))
        assert running.stop() == 0
    with opened(own_data) as house:
        assert sweep(house.uploads, house.clock() + LIFE // 2) == 0
    with start(own_data, workers=2) as running, running.client("otto") as client:
        upload.client = client
        assert len(upload.parts()) == 4
        assert upload.finish("/ba05/Arbeitsordner/a.bin").status == 201
        begun(upload)
    with opened(own_data) as house:
        assert len(sealed(house.directory, UPLOADS)) == 4
        assert sweep(house.uploads, house.clock() + LIFE + 1) == 1
        assert sealed(house.directory, UPLOADS) == {}
        blobs = house.directory / "vault" / house.uploads._ground.keys.space_id.hex() / "blobs"
        assert [path for path in blobs.rglob("*") if path.is_file()] == [], "nothing is left on the disk"
        assert list(house.uploads.check()) == []


def test_one_user_cannot_fill_the_disk(own_data: Path) -> None:
    """The parts of one user are bounded; refused before they are read, and in the middle where no length was told."""
    with start(own_data, env={"DAVSERVER_UPLOAD_BYTES": str(1024 * 1024)}) as running, running.client("otto") as client:
        upload = begun(Upload("otto", client))
        assert upload.part("00009", b"x" * 900_000).status == 507
        assert upload.client.put(f"{upload.base}/00009", iter([b"x" * 90_000] * 10)).status == 507
        assert len(upload.parts()) == 4
        other = Upload("clara", DavClient(running.url, "clara", PASSWORD))
        assert begun(other).parts(), "each has his own bound"
        other.client.close()


def test_the_log_names_no_upload(server: RunningServer, upload: Upload, place: str) -> None:
    """Node ids, never names."""
    begun(upload)
    upload.finish(f"{place}/Geheimname.bin")
    assert not [line for line in server.log if "Geheimname" in line or upload.base.rpartition("/")[2] in line]
