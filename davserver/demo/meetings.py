"""What the demo's committees deal with: standing folders, meetings with their agenda, and the papers under each."""

from __future__ import annotations

from typing import NamedTuple


class Paper(NamedTuple):
    """A document to make; its kind follows from the name."""

    name: str
    pages: int = 1
    classification: str = ""
    """Its own class; empty: that of its folder."""
    is_scan: bool = False
    """Pages as pictures: 3 MB each."""


class Point(NamedTuple):
    """An agenda item."""

    number: str
    title: str
    papers: tuple[Paper, ...]
    matter: str = ""
    part: str = "public"


class Meeting(NamedTuple):
    """A sitting `days` from today."""

    title: str
    days: int
    state: str
    agenda: tuple[Point, ...]
    papers: tuple[Paper, ...] = ()


class Folder(NamedTuple):
    """A folder that belongs to no meeting."""

    name: str
    classification: str
    papers: tuple[Paper, ...]


class Committee(NamedTuple):
    """A drive of the demo."""

    id: str
    name: str
    clerk: str
    meetings: tuple[Meeting, ...]
    folders: tuple[Folder, ...]


AU_HAIDHAUSEN = Committee(
    "ba05",
    "BA 5 Au-Haidhausen",
    "anna",
    (
        Meeting(
            "Vollgremium",
            -63,
            "minutes_approved",
            (
                Point("2.1", "Bericht der Vorsitzenden", (Paper("Bericht der Vorsitzenden.odt"),)),
                Point(
                    "4.1",
                    "Umgestaltung Weißenburger Straße: Zwischenstand",
                    (
                        Paper("Beschlussvorlage Umgestaltung Weißenburger Straße.pdf", 4),
                        Paper("Anlage 1 – Lageplan Weißenburger Platz.png"),
                        Paper("Anlage 2 – Kostenschätzung.xlsx"),
                    ),
                    "26-32 / V 00412",
                ),
                Point(
                    "N 1",
                    "Vergabe einer Erbbaurechtsfläche",
                    (Paper("Vorlage Erbbaurecht.pdf", 3), Paper("Bewertung der Angebote.xlsx", 1, "personal")),
                    "26-32 / V 00398",
                    "non_public",
                ),
            ),
            (Paper("Einladung und Tagesordnung.pdf", 2), Paper("Niederschrift öffentlicher Teil.pdf", 5)),
        ),
        Meeting(
            "Unterausschuss Mobilität",
            -14,
            "closed",
            (
                Point(
                    "1",
                    "Fahrradstraße Wörthstraße/Preysingstraße",
                    (
                        Paper("Antrag Fahrradstraße Wörthstraße.docx"),
                        Paper("Verkehrszählung Preysingstraße.xlsx"),
                        Paper(
                            "Stellungnahme der Anwohnerinnen und Anwohner zur geplanten Neuordnung des "
                            "ruhenden Verkehrs zwischen Orleansplatz, Rosenheimer Platz und Gasteig mit "
                            "Anmerkungen zum Baumschutz und zur Schulwegsicherheit (überarbeitet).odt"
                        ),
                    ),
                    "26-32 / B 00117",
                ),
            ),
            (Paper("Einladung und Tagesordnung.pdf", 2), Paper("Entwurf der Niederschrift.docx", 1, "restricted")),
        ),
        Meeting(
            "Vollgremium",
            14,
            "agenda_released",
            (
                Point(
                    "3.1",
                    "Anhörung Baumschutz: Fällung von drei Linden am Bordeauxplatz",
                    (
                        Paper("Anhörungsschreiben Baumschutz.pdf", 3),
                        Paper("Baumgutachten Bordeauxplatz.pdf", 8),
                        Paper("Lageplan der Linden.png"),
                    ),
                    "26-32 / V 00531",
                ),
                Point(
                    "4.2.1",
                    "Sanierung der Müllerschen Brücke: Planunterlagen",
                    (
                        Paper("Beschlussvorlage Brückensanierung.pdf", 6),
                        Paper("Anlage 3 – Planunterlagen als Scan (groß).pdf", 18, is_scan=True),
                        Paper("Bauzeitenplan.xlsx"),
                    ),
                    "26-32 / V 00540",
                ),
                Point(
                    "4.3",
                    "Budget: Zuschuss für das Sommerfest „Au in Bewegung“",
                    (Paper("Zuschussantrag Sommerfest.docx"), Paper("Finanzierungsplan Sommerfest.xlsx")),
                    "26-32 / B 00129",
                ),
                Point(
                    "N 1",
                    "Ehrung verdienter Bürgerinnen und Bürger",
                    (Paper("Vorschläge zur Ehrung.docx"), Paper("Lebensläufe der Vorgeschlagenen.pdf", 4, "personal")),
                    "26-32 / B 00131",
                    "non_public",
                ),
            ),
            (Paper("Einladung und Tagesordnung.pdf", 2),),
        ),
        Meeting(
            "Vollgremium",
            49,
            "planned",
            (Point("4.1", "Neue Sitzbänke am Isarhochufer", (Paper("Entwurf der Beschlussvorlage.odt"),)),),
        ),
    ),
    (
        Folder(
            "Arbeitsordner/Radverkehr",
            "restricted",
            (
                Paper("Ideensammlung Radverkehr.odt"),
                Paper("Übersicht Abstellanlagen.xlsx"),
                Paper("Skizze Querung.png"),
            ),
        ),
        Folder("Interna der Geschäftsstelle", "office", (Paper("Vertretungsplan.xlsx"),)),
    ),
)

SENDLING = Committee(
    "ba06",
    "BA 6 Sendling",
    "karl",
    (
        Meeting(
            "Vollgremium",
            -35,
            "minutes_approved",
            (
                Point(
                    "3.1",
                    "Spielplatz am Südpark: Beteiligung der Kinder",
                    (
                        Paper("Ergebnisse der Kinderbeteiligung.pdf", 5),
                        Paper("Entwurf Spielplatz Südpark.png"),
                        Paper("Begleitschreiben Gartenbau.docx"),
                    ),
                    "26-32 / V 00377",
                ),
                Point(
                    "4.1",
                    "Marktstände am Harras",
                    (Paper("Antrag Wochenmarkt Harras.odt"), Paper("Flächenübersicht Marktstände.xlsx")),
                    "26-32 / B 00098",
                ),
                Point(
                    "N 2",
                    "Mietangelegenheit Bürgerbüro",
                    (Paper("Mietvertrag (Entwurf).docx"), Paper("Kostenvergleich Bürgerbüro.xlsx")),
                    "",
                    "non_public",
                ),
            ),
            (Paper("Einladung und Tagesordnung.pdf", 2), Paper("Niederschrift öffentlicher Teil.pdf", 4)),
        ),
        Meeting(
            "Vollgremium",
            7,
            "agenda_released",
            (
                Point(
                    "2.1",
                    "Trambahn Westtangente: Bauabschnitt Fürstenrieder Straße",
                    (
                        Paper("Unterrichtung Trambahn Westtangente.pdf", 7),
                        Paper("Umleitungsplan während der Bauzeit.png"),
                        Paper("Fragen des Bezirksausschusses an die Stadtwerke.odt"),
                    ),
                    "26-32 / V 00502",
                ),
                Point(
                    "4.2",
                    "Kulturtage Sendling: „Kunst im Hinterhof“",
                    (Paper("Konzept Kunst im Hinterhof.docx"), Paper("Kostenplan Kulturtage.xlsx")),
                    "26-32 / B 00140",
                ),
                Point(
                    "N 1",
                    "Grundstücksangelegenheit Implerstraße",
                    (Paper("Vorlage Grundstück Implerstraße.pdf", 3),),
                    "26-32 / V 00519",
                    "non_public",
                ),
            ),
            (Paper("Einladung und Tagesordnung.pdf", 2),),
        ),
        Meeting(
            "Unterausschuss Soziales und Jugend",
            28,
            "planned",
            (Point("1", "Öffnungszeiten des Jugendtreffs", (Paper("Bericht Jugendtreff (Entwurf).odt"),)),),
        ),
    ),
    (
        Folder("Arbeitsordner/Stadtteilspaziergang", "restricted", (Paper("Route Stadtteilspaziergang.odt"),)),
        Folder(
            "Arbeitsordner/Vorlagen", "restricted", (Paper("Vorlage Antrag.docx"), Paper("Vorlage Tischvorlage.odt"))
        ),
    ),
)

COMMITTEES = (AU_HAIDHAUSEN, SENDLING)
