"""How one client writes names: as they are, or as Windows can hold them (docs/decisions/0027).

Windows forbids some characters in names that every other system writes. To its WebClient each of them appears as the
character U+F000 above it, the manner of Samba, NTFS-3G and Cygwin; what the client sends back is read the same way.
No name can hold such a character itself (`shareproviders.paths`), so both directions need no table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shareproviders.paths import STAND_INS

_ABOVE = STAND_INS.start - 1
_FORBIDDEN = re.compile(r'["*:<>?\\|]|[. ]\Z')
_STAND_IN = re.compile(f"[{chr(STAND_INS.start)}-{chr(STAND_INS.stop - 1)}]")
_WEBCLIENT = ("microsoft-webdav-miniredir/", "davclnt")


class Spelling(NamedTuple):
    """Both directions; `meant(shown(name)) == name` for every clean name."""

    shown: Callable[[str], str]
    """A clean name as the client is to see it."""
    meant: Callable[[str], str]
    """What the client sent, still to be cleaned."""


def windows_shown(name: str) -> str:
    """A name with nothing in it that Windows refuses: forbidden characters, and a dot or space at its end."""
    return _FORBIDDEN.sub(lambda match: chr(ord(match[0]) + _ABOVE), name)


def windows_meant(name: str) -> str:
    """The name that Windows means; it may hold what no name can, a slash perhaps."""
    return _STAND_IN.sub(lambda match: chr(ord(match[0]) - _ABOVE), name)


PLAIN = Spelling(str, str)
WINDOWS = Spelling(windows_shown, windows_meant)


def is_webclient(environ: Mapping[str, Any]) -> bool:
    """True if Windows' own WebDAV client asks: it names itself, before and after its service has started."""
    agent: str = environ.get("HTTP_USER_AGENT") or ""
    return agent.lower().startswith(_WEBCLIENT)


def spelling_of(environ: Mapping[str, Any]) -> Spelling:
    """That of whoever sent the request with this environ."""
    return WINDOWS if is_webclient(environ) else PLAIN


def called(now: str, before: str) -> Spelling:
    """Of a client that knows a document by the name that it had before."""
    if now == before:
        return PLAIN
    return Spelling(lambda name: before if name == now else name, lambda name: now if name == before else name)
