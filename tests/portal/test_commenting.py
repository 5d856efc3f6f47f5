"""Comments on documents over HTTP: who sees, changes and removes them; they follow the rights (portal.md §6)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from davserver.house import House
from davserver.schema import comment
from tests.dav.doors import door, tree_path
from tests.davclient import DavClient
from tests.portal.portalclient import Page, PortalClient
from tests.running import PASSWORD, RunningServer, command

Visitors = Callable[[str], PortalClient]


def thread_of(client: PortalClient, folder: DavClient, name: str = "Vorlage.txt") -> Page:
    """The thread of a document, from its page."""
    page = client.open(f"/pfad{folder.base.removeprefix('/dav')}/{name}")
    return client.get(page.links()["Anmerkungen"])


def write(client: PortalClient, thread: Page, text: str) -> Page:
    sent = client.submit(thread, thread.path.partition("?")[0], text=text)
    return client.get(sent.onward) if sent.status == 303 else sent


def said(page: Page) -> list[str]:
    return [str(each.text_content()) for each in page.tree.xpath("//p[@class='said']")]


def removals(page: Page) -> list[str]:
    return [str(path) for path in page.tree.xpath("//main//form/@action") if str(path).endswith("/entfernen")]


def test_a_thread_is_written_by_several_and_read_by_all_of_them(visitors: Visitors, folder: DavClient) -> None:
    """Names and order; text stays text; one's own can be changed and removed, by oneself."""
    folder.put("/Vorlage.txt", b"x")
    otto, clara = visitors("otto"), visitors("clara")
    page = write(otto, thread_of(otto, folder), "  Zu teuer.\r\nBitte <b>prüfen</b>. ")
    assert "Ihre Anmerkung steht jetzt hier" in page.text
    page = write(clara, thread_of(clara, folder), "Wird geprüft.")
    assert said(page) == ["Zu teuer.\nBitte <b>prüfen</b>.", "Wird geprüft."]
    assert "Otto Maier" in page.text
    links = thread_of(otto, folder).links()
    mine = otto.get(next(path for words, path in links.items() if words.startswith("Ändern")).partition("#")[0])
    page = write(otto, mine, "Doch nicht teuer.")
    assert said(page) == ["Doch nicht teuer.", "Wird geprüft."]
    assert "geändert" in page.text
    page = otto.get(otto.submit(page, removals(page)[0]).onward)
    assert said(page) == ["Wird geprüft."]


def test_a_comment_outlives_the_session_in_which_it_was_written(visitors: Visitors, folder: DavClient) -> None:
    """An hour's work on a text: sent too late, it is there again after the new login, and stands after one click."""
    folder.put("/Vorlage.txt", b"x")
    otto = visitors("otto")
    thread = thread_of(otto, folder)
    otto.lose_session()
    late = write(otto, thread, "Erstens: zu teuer.\n\nZweitens: <b>zu spät</b> & „falsch“.")
    assert (late.status, "Ihre Eingabe ist noch da" in late.text) == (403, True)
    back = otto.submit(late, "/anmelden", name="otto", password=PASSWORD)
    assert said(thread_of(otto, folder)) == [], "nothing is sent by itself: somebody else might have signed in"
    sent = otto.submit(back, thread.path.partition("?")[0])
    assert sent.status == 303
    assert said(thread_of(otto, folder)) == ["Erstens: zu teuer.\n\nZweitens: <b>zu spät</b> & „falsch“."]


def test_nobody_writes_in_anothers_name_and_the_office_moderates(visitors: Visitors, folder: DavClient) -> None:
    """Changing another's is 404, removing it needs the office; what it takes away leaves its place without text."""
    folder.put("/Vorlage.txt", b"x")
    folder.put("/Andere.txt", b"x")
    otto, clara = visitors("otto"), visitors("clara")
    write(clara, thread_of(clara, folder), "Amtlich.")
    page = write(otto, thread_of(otto, folder), "Unverschämtheit!")
    clerks, ottos = removals(thread_of(clara, folder))
    assert removals(page) == [ottos]
    token = page.token()
    assert otto.post(clerks, {"token": token}).status == 403
    assert otto.post(clerks.removesuffix("/entfernen"), {"token": token, "text": "x"}).status == 404
    assert otto.get(clerks.removesuffix("/entfernen")).status == 404
    other = thread_of(otto, folder, "Andere.txt").path
    number = ottos.removesuffix("/entfernen").rpartition("/")[2]
    for path in (f"{other}/{number}/entfernen", f"{other}/{2**80}/entfernen", f"{other}/0/entfernen"):
        assert otto.post(path, {"token": token}).status == 404
    assert clara.submit(thread_of(clara, folder), ottos).status == 303
    page = thread_of(otto, folder)
    assert said(page) == ["Amtlich."]
    assert "Die Geschäftsstelle hat diese Anmerkung entfernt" in page.text
    assert otto.post(ottos.removesuffix("/entfernen"), {"token": token, "text": "x"}).status == 404


def test_empty_and_too_long_are_told_in_words(visitors: Visitors, folder: DavClient) -> None:
    """WCAG §3.3.1: what was wrong stands at the field, and what was written stays in it."""
    folder.put("/Vorlage.txt", b"x")
    otto = visitors("otto")
    thread = thread_of(otto, folder)
    for text in (" \r\n ", "ä" * 4001):
        page = write(otto, thread, text)
        assert page.status == 400
        assert page.tree.xpath("//textarea[@aria-invalid='true']")
    assert said(thread_of(otto, folder)) == []


def test_hidden_with_the_document_and_gone_with_it(
    visitors: Visitors, folder: DavClient, server: RunningServer, house: House
) -> None:
    """Rights are asked at each look: who may not see the paper sees no word about it, his own neither (law 3)."""
    folder.put("/Vorlage.txt", b"x")
    otto, sam = visitors("otto"), visitors("sam")
    page = write(otto, thread_of(otto, folder), "canary-Geheimnis")
    path, token = page.path.partition("?")[0], page.token()
    assert (sam.get(path).status, sam.get(path).body) == (404, sam.get("/anmerkungen/ba05/1").body)
    command("label", folder.base.removeprefix("/dav/") + "/Vorlage.txt", "--class", "office", data=server.data)
    hidden = otto.get(path)
    assert (hidden.status, hidden.body) == (404, otto.get("/anmerkungen/ba05/1").body)
    assert otto.post(path, {"token": token, "text": "x"}).status == 404
    assert said(thread_of(visitors("clara"), folder)) == ["canary-Geheimnis"]
    with house.database.read() as connection:
        rows = connection.execute(select(comment)).all()
    assert rows
    assert all(b"canary" not in bytes(row.text or b"") for row in rows)
    node = int(path.rpartition("/")[2])
    tree = door(house, "clara")
    seen = tree.stat(tree_path(folder, "/Vorlage.txt"))
    folder.delete("/Vorlage.txt")
    assert sam.get(path).status == otto.get(path).status == 404
    tree = door(house, "clara")
    tree.purge("ba05", seen.node.id)
    with house.database.read() as connection:
        assert not connection.execute(select(comment).where(comment.c.node == node)).all()


def test_folders_have_no_thread(visitors: Visitors, folder: DavClient) -> None:
    folder.put("/Vorlage.txt", b"x")
    clara = visitors("clara")
    page = clara.open(f"/pfad{folder.base.removeprefix('/dav')}")
    assert "Anmerkungen" not in page.links()
    assert clara.get(f"/anmerkungen/ba05/{page.path.rpartition('/')[2]}").status == 409


def test_whoever_is_excluded_reads_no_word(visitors: Visitors, folder: DavClient, server: RunningServer) -> None:
    """Art. 49 GO: a recusal hides the thread with the paper, one's own comments too; the others go on."""
    folder.put("/Vorlage.txt", b"x")
    otto, matter = visitors("otto"), f"20-26 / V {int(folder.base[-4:], 16)}"
    page = write(otto, thread_of(otto, folder), "Mein Grundstück grenzt daran.")
    command("label", folder.base.removeprefix("/dav/") + "/Vorlage.txt", "--matter", matter, data=server.data)
    command("recuse", "otto", matter, data=server.data)
    path = page.path.partition("?")[0]
    assert (otto.get(path).status, otto.get(path).body) == (404, otto.get("/anmerkungen/ba05/1").body)
    assert otto.post(path, {"token": page.token(), "text": "x"}).status == 404
    assert said(thread_of(visitors("clara"), folder)) == ["Mein Grundstück grenzt daran."]
