"""Reason codes as sentences for people, in German and English; the one table of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Language = Literal["de", "en"]

SENTENCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "mandate": (
            "Das folgt aus dem Amt {title} im Gremium {place}.",
            "It follows from the office {title} in {place}.",
        ),
        "mandate:none": ("Es besteht keine Zugehörigkeit zum Gremium {place}.", "There is no mandate in {place}."),
        "mandate:ended": (
            "Die Zugehörigkeit zum Gremium {place} ist beendet.",
            "The mandate in {place} has ended.",
        ),
        "mandate:future": (
            "Die Zugehörigkeit zum Gremium {place} beginnt erst.",
            "The mandate in {place} has not begun yet.",
        ),
        "role:citizen": ("Es ist veröffentlicht.", "It is published."),
        "role": ("Das steht jeder Person als {title} zu.", "Everybody who is {title} has it."),
        "acting": (
            "Der Vorsitz im Gremium {place} ist hier ausgeschlossen, die Stellvertretung handelt für ihn.",
            "The chair of {place} is recused here, and the vice-chair acts.",
        ),
        "entry": ("Der Eintrag {tail} gibt dieses Recht.", "Entry {tail} gives this right."),
        "deny": ("Der Eintrag {tail} verbietet es.", "Entry {tail} denies it."),
        "cut": (
            "Der Eintrag {tail} beendet hier, was weiter oben gegeben wurde.",
            "Entry {tail} ends here what was given further up.",
        ),
        "maker": (
            "Wer es mit Eintrag {tail} weitergegeben hat, darf es hier selbst nicht.",
            "Whoever shared it by entry {tail} may not do so here himself.",
        ),
        "link:ended": ("Der Link ist abgelaufen oder widerrufen.", "The link has expired or was revoked."),
        "link:unknown": ("Diesen Link gibt es nicht.", "There is no such link."),
        "link:": ("Der Link {tail} gibt dieses Recht.", "Link {tail} gives this right."),
        "link": ("Der Link gibt dieses Recht hier nicht.", "The link does not give this right here."),
        "policy": ("Die Regel {tail} bestimmt es so.", "The policy {tail} says so."),
        "container": (
            "Nur als Weg zu etwas, das darin sichtbar ist.",
            "Only as the way to something in it that may be seen.",
        ),
        "undertaking": (
            "Die Verpflichtung auf Verschwiegenheit fehlt; ohne sie öffnet sich nichts Nichtöffentliches.",
            "The undertaking of secrecy is missing; nothing non-public opens without it.",
        ),
        "anonymous": ("Dafür ist eine Anmeldung nötig.", "This needs a login."),
        "ceiling:class": (
            "Die Klasse des Papiers lässt es nicht zu, gleich wer das Recht gibt.",
            "The class of the paper does not allow it, whoever gives the right.",
        ),
        "ceiling:title": (
            "Der Name würde einen nichtöffentlichen Titel verraten.",
            "The name would tell a non-public title.",
        ),
        "ceiling:link-class": (
            "Für diese Klasse gilt der Link nicht.",
            "The link does not hold for this class.",
        ),
        "ceiling:app-password": (
            "Das App-Passwort erlaubt es nicht.",
            "The app password does not allow it.",
        ),
        "ceiling:copy": (
            "So geheime Papiere legt nur ein Gerät als Kopie ab, das dafür freigegeben wurde.",
            "Only a device that was approved for it keeps copies of papers this secret.",
        ),
        "ceiling:dav": ("Auf dem Laufwerk ist es nicht möglich.", "It is not possible on a drive."),
        "ceiling:portal": ("Im Portal ist es nicht möglich.", "It is not possible in the portal."),
        "ceiling:link": ("Über einen Link ist es nicht möglich.", "It is not possible through a link."),
        "ceiling:export": ("Beim Export ist es nicht möglich.", "It is not possible in an export."),
        "ceiling": ("Diese Anmeldung erlaubt es hier nicht.", "This login does not allow it here."),
        "inbox": (
            "In diesem Eingang sieht jede Person nur, was sie selbst gebracht hat.",
            "In this inbox everybody sees only what he brought himself.",
        ),
        "hold": (
            "Es unterliegt einer Aufbewahrungssperre und bleibt so, wie es ist; lesen darf man es weiterhin.",
            "It is under a legal hold and stays as it is; reading goes on.",
        ),
        "recusal:item": (
            "Es besteht ein Ausschluss wegen persönlicher Beteiligung bei diesem Tagesordnungspunkt.",
            "There is a recusal from this agenda item for personal involvement.",
        ),
        "recusal:matter": (
            "Es besteht ein Ausschluss wegen persönlicher Beteiligung an diesem Vorgang.",
            "There is a recusal from this matter for personal involvement.",
        ),
        "phase:draft": ("Das Papier ist noch nicht freigegeben.", "The paper is not released yet."),
        "phase:released": (
            "Nach der Freigabe ist es so nicht möglich.",
            "It is not possible this way after the release.",
        ),
        "phase:concluded": ("Nach der Sitzung ist es nicht möglich.", "It is not possible after the meeting."),
        "phase:closed": ("Das Papier ist geschlossen.", "The paper is closed."),
        "phase:published": ("Nach der Veröffentlichung ist es nicht möglich.", "It is not possible after publication."),
        "class": ("Das Amt reicht nicht für die Klasse {tail}.", "The office does not suffice for the class {tail}."),
        "office": ("Das Amt {title} hat dieses Recht nie.", "The office {title} never has this right."),
        "error": (
            "Es konnte nicht entschieden werden, und im Zweifel heißt das nein.",
            "It could not be decided, and then the answer is no.",
        ),
    }
)
"""By whole code, by its first two words, or by its kind alone; `link:` is any link that is named."""


CLASSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "public": ("öffentlich", "public"),
        "restricted": ("gremienintern", "restricted"),
        "non_public": ("nichtöffentlich", "non-public"),
        "personal": ("nichtöffentlich mit Personendaten", "non-public with personal data"),
        "office": ("nur Geschäftsstelle", "office only"),
        "faction": ("nur Fraktion", "faction only"),
    }
)
"""Classes in words for people."""


def sentence(code: str, language: Language = "de", titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """One reason for people. `titles` names offices, role → title; raises KeyError for a code that nobody gives."""
    kind, _, tail = code.partition(":")
    word, _, place = tail.partition("@")
    for key in (code, f"{kind}:{word}", f"{kind}:" if tail else kind, kind):
        if key in SENTENCES:
            german, english = SENTENCES[key]
            text = german if language == "de" else english
            if kind == "class":
                tail = f"„{CLASSES[tail][0]}“" if language == "de" else f"“{CLASSES[tail][1]}”"
            return text.format(tail=tail, place=place, title=titles.get(word, word.replace("_", " ")))
    raise KeyError(code)
