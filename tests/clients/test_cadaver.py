"""cadaver (neon): the commands of its shell, each told to have succeeded and each seen on the server (RFC 4918)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.foreign import need
from tests.running import RunningServer

Shell = Callable[..., str]
# a time of another second, by which cadaver knows that something was edited
EDITOR = '#!/bin/sh\necho "Zusatz von Hand" >> "$1" && touch -d tomorrow "$1"\n'
CUSTOM = "{http://webdav.org/cadaver/custom-properties/}"


@pytest.fixture
def shell(folder: DavClient, server: RunningServer, tmp_path: Path) -> Shell:
    return shell_in(folder, server, tmp_path)


def shell_in(folder: DavClient, server: RunningServer, tmp_path: Path) -> Shell:
    """shell(*commands, user): a session of its own in the folder; what it printed. Files lie in tmp_path."""
    cadaver = need("cadaver")
    editor = tmp_path / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o700)

    def run(*commands: str, user: str = "clara") -> str:
        netrc = tmp_path / ".netrc"
        netrc.write_text(f"machine {folder.host}\nlogin {user}\npassword {server.password(user)}\n")
        netrc.chmod(0o600)
        env = {**os.environ, "HOME": str(tmp_path), "EDITOR": str(editor), "VISUAL": str(editor), "COLUMNS": "500"}
        done = subprocess.run(
            server.told(cadaver, folder.url("/")),
            input="\n".join([*commands, "quit", ""]),
            env=env | {"LC_ALL": "C.UTF-8", "TERM": "dumb"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    return run


def told(output: str, command: str) -> str:
    """What followed the prompt with this command."""
    _, _, rest = output.partition(f"> {command}\n")
    return rest.partition("\ndav:")[0]


@pytest.mark.own_tls
def test_put_get_mkcol_copy_move_delete(shell: Shell, folder: DavClient, tmp_path: Path) -> None:
    """A day's work: every command succeeds, and the bytes that come back are those that went in."""
    (tmp_path / "Prüfung 50% #1.txt").write_text("Grüß Gott\n")
    commands = [
        "mkcol Übung",
        "cd Übung",
        'put "Prüfung 50% #1.txt"',
        'copy "Prüfung 50% #1.txt" kopie.txt',
        "move kopie.txt neu.txt",
        "get neu.txt zurück.txt",
        "mkcol weg",
        "rmcol weg",
        'delete "Prüfung 50% #1.txt"',
    ]
    output = shell(*commands, "ls")
    for command in commands:
        if command != "cd Übung":
            assert "succeeded." in told(output, command), output
    assert "neu.txt" in told(output, "ls")
    assert (tmp_path / "zurück.txt").read_text() == "Grüß Gott\n"
    assert folder.names("/Übung") == ["neu.txt"]
    assert folder.get("/Übung/neu.txt").text == "Grüß Gott\n"


def test_overwrite_and_refusals(shell: Shell, folder: DavClient, tmp_path: Path) -> None:
    """PUT over an old version works; what cannot be done is refused with its status and changes nothing."""
    folder.put("/alt.txt", "alt")
    (tmp_path / "alt.txt").write_text("neu")
    output = shell("put alt.txt", "mkcol alt.txt", "get fehlt.txt", "delete fehlt.txt", "copy fehlt.txt a.txt")
    assert "succeeded." in told(output, "put alt.txt")
    for command in ("mkcol alt.txt", "get fehlt.txt", "delete fehlt.txt", "copy fehlt.txt a.txt"):
        assert "succeeded." not in told(output, command), output
    assert folder.names("") == ["alt.txt"]
    assert folder.get("/alt.txt").text == "neu"


def test_lock_holds_against_others_and_can_be_unlocked(shell: Shell, folder: DavClient, tmp_path: Path) -> None:
    """Inside a locked session the holder writes; another is refused; the session's end unlocks nothing by itself."""
    folder.put("/doc.txt", "alt")
    (tmp_path / "doc.txt").write_text("neu")
    output = shell("lock doc.txt", "showlocks", "discover doc.txt", "put doc.txt")
    assert "succeeded." in told(output, "lock doc.txt"), output
    assert "urn:uuid:" in told(output, "showlocks")
    assert "urn:uuid:" in told(output, "discover doc.txt")
    assert "succeeded." in told(output, "put doc.txt")
    assert folder.get("/doc.txt").text == "neu"
    (tmp_path / "doc.txt").write_text("fremd")
    assert "423" in told(shell("put doc.txt", user="otto"), "put doc.txt")
    assert folder.get("/doc.txt").text == "neu"


def test_steal_is_for_the_owner_of_the_lock(shell: Shell, folder: DavClient, tmp_path: Path) -> None:
    """`steal` finds a lock by lockdiscovery: one's own from another session; tokens of others are not shown."""
    folder.put("/doc.txt", "alt")
    (tmp_path / "doc.txt").write_text("neu")
    shell("lock doc.txt")
    shell("steal doc.txt", "unlock doc.txt", user="otto")
    assert folder.put("/doc.txt", "fremd").status == 423
    output = shell("steal doc.txt", "put doc.txt", "unlock doc.txt")
    assert "urn:uuid:" in told(output, "steal doc.txt"), output
    assert "succeeded." in told(output, "put doc.txt"), output
    assert folder.put("/doc.txt", "frei").status == 204


def test_lock_of_a_collection(shell: Shell, folder: DavClient) -> None:
    """A deep lock keeps others from adding members; unlock gives them back."""
    folder.mkcol("/Mappe")
    output = shell("lock Mappe", "unlock Mappe")
    assert told(output, "lock Mappe").endswith("succeeded."), output
    assert told(output, "unlock Mappe").endswith("succeeded."), output
    shell("lock Mappe")
    assert folder.put("/Mappe/neu.txt", "x").status == 423


def test_properties(shell: Shell, folder: DavClient) -> None:
    """propset, propget, propnames, propdel on a dead property."""
    folder.put("/doc.txt", "x")
    first = shell("propset doc.txt farbe grün", "propget doc.txt farbe", "propnames doc.txt")
    assert "succeeded." in told(first, "propset doc.txt farbe grün"), first
    assert "Value of farbe is: grün" in told(first, "propget doc.txt farbe")
    assert "cadaver/custom-properties/ farbe" in told(first, "propnames doc.txt")
    assert folder.properties("/doc.txt", f"{CUSTOM}farbe").text(f"{CUSTOM}farbe") == "grün"
    second = shell("propdel doc.txt farbe", "propget doc.txt farbe")
    assert "succeeded." in told(second, "propdel doc.txt farbe")
    assert "404" in told(second, "propget doc.txt farbe")


def test_edit_locks_writes_and_unlocks(shell: Shell, folder: DavClient) -> None:
    """`edit` is LOCK, GET, PUT, UNLOCK: what is there, and a document that does not exist yet (RFC 4918 §7.3)."""
    folder.put("/doc.txt", "Zeile\n")
    output = shell("edit doc.txt", "edit neu.txt")
    for command in ("edit doc.txt", "edit neu.txt"):
        told_then = told(output, command)
        assert "Locking" in told_then, output
        assert "Changes were made" in told_then, output
        assert told_then.rstrip().endswith("succeeded."), output
    assert folder.get("/doc.txt").text == "Zeile\nZusatz von Hand\n"
    assert folder.get("/neu.txt").text == "Zusatz von Hand\n"
    for path in ("/doc.txt", "/neu.txt"):
        assert folder.put(path, "frei").status == 204, "the lock is gone"


def test_reader_cannot_change(shell: Shell, folder: DavClient, tmp_path: Path) -> None:
    """A stranger is not told that the folder exists, and nothing changes."""
    folder.put("/doc.txt", "alt")
    (tmp_path / "doc.txt").write_text("fremd")
    output = shell("put doc.txt", user="sam")
    assert "succeeded." not in output
    assert folder.get("/doc.txt").text == "alt"
