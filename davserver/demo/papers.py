"""Fills the demo's papers with text and makes the documents: the same paper always says the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import PurePosixPath

from davserver.demo import documents
from davserver.demo.documents import Text
from davserver.demo.meetings import Paper

SENTENCES = (
    "Der Bezirksausschuss hat sich mit dem Thema „{topic}“ bereits in der vergangenen Wahlperiode befasst.",
    "Die Verwaltung bittet um Stellungnahme innerhalb der Anhörungsfrist von sechs Wochen.",
    "Bei der Ortsbegehung wurde vor allem die fehlende Barrierefreiheit bemängelt.",
    "Die Kosten trägt zu zwei Dritteln die Stadt; für den Rest wird das Stadtbezirksbudget vorgeschlagen.",
    "Mehrere Anwohnerinnen und Anwohner wünschen sich mehr Bäume und weniger abgestellte Fahrzeuge.",
    "Die Schulwegsicherheit ist während der gesamten Bauzeit zu gewährleisten.",
    "Es wird vorgeschlagen, der Vorlage mit den nachstehenden Maßgaben zuzustimmen.",
    "Der Unterausschuss empfiehlt einstimmig, die Entscheidung bis zur nächsten Sitzung zu vertagen.",
    "Ersatzpflanzungen erfolgen in der auf die Fällung folgenden Pflanzperiode, spätestens bis Ende November.",
    "Die Ergebnisse der Beteiligung sind als Anlage beigefügt und werden in der Sitzung vorgestellt.",
    "Zum Punkt „{topic}“ liegen vier Schreiben aus der Bürgerschaft vor, davon drei zustimmend.",
    "Das Baureferat sagt zu, die Beschilderung vor Beginn der Maßnahme gemeinsam abzustimmen.",
    "Eine Prüfung durch die Straßenverkehrsbehörde steht noch aus.",
    "Die Mittel sind im Haushalt eingeplant; über die Freigabe entscheidet der Stadtrat.",
)
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "odt": "application/vnd.oasis.opendocument.text",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
}
POSTS = ("Planung", "Tiefbau", "Möblierung", "Begrünung", "Beleuchtung", "Öffentlichkeitsarbeit", "Unvorhergesehenes")


def seed_of(place: str, paper: Paper) -> str:
    """What the paper's chance depends on."""
    return f"{place}/{paper.name}"


def say(committee: str, place: str, paper: Paper) -> Text:
    """The text of a paper at `place` (the folders above it)."""
    draw = random.Random(seed_of(place, paper))  # noqa: S311 (filler text, not a secret) # nosec B311
    title = PurePosixPath(paper.name).stem
    topic = place.rpartition("/")[2]
    paragraphs = [
        " ".join(sentence.format(topic=topic) for sentence in draw.sample(SENTENCES, draw.randint(3, 5)))
        for _ in range(draw.randint(3, 6))
    ]
    rows = [("Posten", "Menge", "Betrag in Euro")]
    rows += [(post, str(draw.randint(1, 12)), f"{draw.randint(4, 900) * 50}.00") for post in POSTS]
    return Text(title, f"{committee} · {topic}", paragraphs, rows)


def make(committee: str, place: str, paper: Paper) -> bytes:
    """The document, in the format that its name's ending says."""
    content, seed = say(committee, place, paper), seed_of(place, paper)
    makers: dict[str, Callable[[], bytes]] = {
        ".pdf": lambda: documents.pdf(content, paper.pages),
        ".odt": lambda: documents.odt(content),
        ".docx": lambda: documents.word(content),
        ".xlsx": lambda: documents.sheet(content),
        ".png": lambda: documents.png(content, seed),
    }
    if paper.is_scan:
        return documents.scan(content, seed, paper.pages)
    return makers[PurePosixPath(paper.name).suffix]()
