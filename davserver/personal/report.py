"""The answer to somebody who asks what is stored about him: `data.json` for programs, `Auskunft.txt` to read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from davserver.instants import shown
from davserver.personal.gathering import Sections

INTRODUCTION = """Auskunft nach Art. 15 DSGVO / Information under Art. 15 GDPR
{name} ({user}), {at}

Das ist alles, was dieser Server über Sie gespeichert hat. Passwörter, Schlüssel und Prüfwerte stehen nicht darin. Namen
von Unterlagen stehen nur da, wo Sie sie heute sehen dürfen; sonst steht ihre Nummer. Wer für das Gremium gehandelt hat,
steht nicht dabei. Ältere Sicherungskopien und das Betriebsprotokoll des Servers kommen hinzu; fragen Sie danach.

This is all that this server keeps about you. Passwords, keys and digests are not in it. Papers are named only where you
may see them today; else there is their number. Who acted for the committee is not told. Older backups and the server's
operating log come on top of it; please ask for them.
"""
TITLES = {
    "account": "Konto / Account",
    "person": "Person / Person",
    "identity": "Anmeldung über die Stadt / Signing in with the city's account",
    "second_step": "Zweiter Schritt / Second step",
    "recovery_code": "Wiederherstellungscodes / Recovery codes",
    "app_password": "Geräte / Devices",  # nosec B105 (a heading)
    "device_login": "Wartende Geräte / Waiting devices",
    "session": "Anmeldungen / Sessions",
    "opening": "Einmal-Adressen / One-time addresses",
    "invitation": "Briefe mit Code / Letters with a code",
    "reset": "Zurückgesetzte Zugänge / Credentials that were reset",
    "mandate": "Ämter / Offices",
    "undertaking": "Verpflichtung / Pledge of secrecy",
    "recusal": "Ausschlüsse / Recusals",
    "entry": "Einzelne Rechte und Freigaben / Single rights and shares",
    "link": "Links / Links",
    "hold": "Sperrvermerke / Legal holds",
    "proposal": "Vorschläge / Proposals",
    "comment": "Anmerkungen / Comments",
    "lock": "Sperren beim Bearbeiten / Locks",
    "departure": "Namen, die eben frei wurden / Names that were just left",
    "visit": "Besuche im Portal / Visits to the portal",
    "bookmark": "Lesestellen / Reading positions",
    "files": "Geschriebene und gelöschte Unterlagen / Papers written and deleted",
    "log": "Protokoll: was Sie getan haben / Log: what you did",
    "log-about": "Protokoll: was Sie betrifft / Log: what concerns you",
}


def write(target: Path, user: str, sections: Sections, at: int) -> None:
    """A zip with both forms, for its owner alone. Raises FileExistsError, OSError; then nothing is left there."""
    with target.open("xb") as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
                data = {"user": user, "at": shown(at), **sections}
                into.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=2))
                into.writestr("Auskunft.txt", "\n".join(_text(user, sections, at)) + "\n")
        except BaseException:
            target.unlink()
            raise


def _text(user: str, sections: Sections, at: int) -> Iterator[str]:
    name = next((str(row["name"]) for row in sections["person"]), user)
    yield INTRODUCTION.format(name=name, user=user, at=shown(at))
    for key, rows in sections.items():
        title = f"{TITLES[key]} ({len(rows)})"
        yield from (title, "-" * len(title))
        for row in rows:
            yield "; ".join(f"{name}: {_word(value)}" for name, value in row.items())
        yield ""


def _word(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "ja / yes" if value else "nein / no"
    return " ".join(str(value).split())
