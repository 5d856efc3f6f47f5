"""The media type of a document that came without one, from the ending of its name."""

from __future__ import annotations

import mimetypes
from types import MappingProxyType

OCTETS = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."

BY_ENDING = MappingProxyType(
    {ending.removeprefix("."): media_type for ending, media_type in mimetypes.MimeTypes().types_map[True].items()}
    | {
        "docx": _OFFICE + "wordprocessingml.document",
        "dotx": _OFFICE + "wordprocessingml.template",
        "xlsx": _OFFICE + "spreadsheetml.sheet",
        "xltx": _OFFICE + "spreadsheetml.template",
        "pptx": _OFFICE + "presentationml.presentation",
        "ppsx": _OFFICE + "presentationml.slideshow",
        "odt": _OPEN + "text",
        "ott": _OPEN + "text-template",
        "ods": _OPEN + "spreadsheet",
        "odp": _OPEN + "presentation",
        "odg": _OPEN + "graphics",
        "md": "text/markdown",
        "yaml": "application/yaml",
        "yml": "application/yaml",
        "ics": "text/calendar",
        "vcf": "text/vcard",
        "eml": "message/rfc822",
        "msg": "application/vnd.ms-outlook",
        "webp": "image/webp",
        "heic": "image/heic",
        "avif": "image/avif",
        "flac": "audio/flac",
        "m4a": "audio/mp4",
        "mkv": "video/x-matroska",
        "7z": "application/x-7z-compressed",
        "gz": "application/gzip",
    }
)


def media_type_of(name: str) -> str:
    """Lower case; `application/octet-stream` for an unknown ending or none."""
    stem, dot, ending = name.rpartition(".")
    return BY_ENDING.get(ending.lower(), OCTETS) if dot and stem else OCTETS
