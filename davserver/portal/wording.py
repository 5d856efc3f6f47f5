"""Classes, phases, kinds and rights as plain words with a picture: what templates show of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from acl.labels import Classification, Phase
from acl.meetings import MeetingState
from davserver.portal.language import N_
from shareproviders.contract import Node


class Word(NamedTuple):
    """A text to be translated, and its icon."""

    text: str
    icon: str


CLASSES: Mapping[Classification, Word] = MappingProxyType(
    {
        Classification.PUBLIC: Word(N_("public"), "globe"),
        Classification.RESTRICTED: Word(N_("for the committee only"), "users"),
        Classification.NON_PUBLIC: Word(N_("not public"), "lock"),
        Classification.PERSONAL: Word(N_("not public, about persons"), "user-lock"),
        Classification.OFFICE: Word(N_("for the office only"), "briefcase"),
        Classification.FACTION: Word(N_("for the group only"), "flag"),
    }
)
PHASES: Mapping[Phase, Word] = MappingProxyType(
    {
        Phase.DRAFT: Word(N_("not released yet"), "file-pen"),
        Phase.RELEASED: Word(N_("released"), "circle-check"),
        Phase.CONCLUDED: Word(N_("the meeting is over"), "history"),
        Phase.CLOSED: Word(N_("closed"), "archive"),
        Phase.PUBLISHED: Word(N_("published"), "megaphone"),
    }
)
STATES: Mapping[MeetingState, str] = MappingProxyType(
    {
        MeetingState.PLANNED: N_("The agenda is not out yet"),
        MeetingState.AGENDA_RELEASED: N_("The agenda is out"),
        MeetingState.RUNNING: N_("In session now"),
        MeetingState.CLOSED: N_("Over"),
        MeetingState.MINUTES_APPROVED: N_("Minutes approved"),
        MeetingState.CANCELLED: N_("Cancelled"),
    }
)
RIGHTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "discover": (N_("You see that it is there."), N_("You do not see that it is there.")),
        "view": (N_("You may read it here."), N_("You may not read it here.")),
        "read": (N_("You may download it."), N_("You may not download it.")),
        "write-content": (N_("You may change it."), N_("You may not change it.")),
        "bind": (N_("You may add something here."), N_("You may not add anything here.")),
        "unbind": (
            N_("You may rename, move and delete what lies in here."),
            N_("You may not rename, move or delete what lies in here."),
        ),
        "comment": (N_("You may comment on it."), N_("You may not comment on it.")),
        "share": (N_("You may share it with colleagues."), N_("You may not share it with colleagues.")),
        "link": (N_("You may pass it on outside by a link."), N_("You may not pass it on outside by a link.")),
    }
)
"""What a right means for whoever has it, and for whoever has it not."""
KINDS: Mapping[str, Word] = MappingProxyType(
    {
        "folder": Word(N_("Folder"), "folder"),
        "pdf": Word(N_("PDF document"), "file-text"),
        "text": Word(N_("Text document"), "file-text"),
        "table": Word(N_("Table"), "file-spreadsheet"),
        "slides": Word(N_("Slides"), "presentation"),
        "image": Word(N_("Picture"), "file-image"),
        "audio": Word(N_("Recording"), "file-music"),
        "video": Word(N_("Film"), "file-video"),
        "other": Word(N_("File"), "file"),
    }
)
_BY_PART = (
    ("spreadsheet", "table"),
    ("excel", "table"),
    ("csv", "table"),
    ("presentation", "slides"),
    ("powerpoint", "slides"),
    ("pdf", "pdf"),
    ("word", "text"),
    ("opendocument.text", "text"),
    ("rtf", "text"),
    ("image/", "image"),
    ("audio/", "audio"),
    ("video/", "video"),
    ("text/", "text"),
)


def kind_of(node: Node) -> str:
    """A key of KINDS."""
    if node.is_collection:
        return "folder"
    return next((kind for part, kind in _BY_PART if part in node.media_type), "other")


NAMES = MappingProxyType(
    {"CLASSES": CLASSES, "PHASES": PHASES, "STATES": STATES, "RIGHTS": RIGHTS, "KINDS": KINDS, "kind_of": kind_of}
)
"""For templates."""
