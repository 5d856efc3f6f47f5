"""The child process: `python -I -m davserver.rendering.child BYTES SECONDS WORK …`; a document in, the result out.

It gives everything up first and only then looks at the document. Exit status: 0 made, 4 cannot be opened, 5 is
protected by a password, 6 not confined enough for this work; anything else: died of it.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from davserver.rendering.confinement import MIB, Holds, give_up_privileges, leave_files, leave_network, limit

MADE, DAMAGED, PROTECTED, NOT_CONFINED = 0, 4, 5, 6
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts")
PROGRAMS = (
    *("/usr", "/lib", "/lib64", "/var/lib/libreoffice", "/var/spool/libreoffice"),
    *("/etc/fonts", "/etc/ld.so.cache", "/etc/libreoffice", "/etc/localtime", "/etc/locale.alias", "/etc/alternatives"),
    *("/dev/urandom", "/proc/self", "/sys/devices/system/cpu"),
)
"""What LibreOffice reads of a machine that has it from its distribution; the program's own directory comes with it."""
SCRATCH = "/tmp"  # noqa: S108 (a file system of this child alone) # nosec B108
OFFICE_NEEDS = Holds.NO_NETWORK | Holds.OWN_MEMORY | Holds.NO_FILES
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>1</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""  # noqa: E501 (the form that LibreOffice writes)


class Allowed(NamedTuple):
    """What the work may take."""

    memory: int
    """Bytes of address space."""
    seconds: int
    """Of a processor."""


def _shut_in(allowed: Allowed) -> io.FileIO:
    """The document, for those who look at it with PDFium and Pillow alone."""
    import PIL  # noqa: PLC0415 (what the other work does not need)
    import pypdfium2  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    Image.init()
    document = io.FileIO(0, closefd=False)
    leave_network()
    limit(*allowed, open_files=64, processes=0, file_bytes=0)
    give_up_privileges()
    libraries = [str(Path(str(library.__file__)).parent) for library in (PIL, pypdfium2, os)]
    leave_files((*FONTS, *libraries))
    return document


def draw(allowed: Allowed, kind: str, width: str, *numbers: str) -> int:
    """Pages of a PDF, or a picture: a header in JSON behind its length, then the pixels of each page."""
    from davserver.rendering import drawing  # noqa: PLC0415 (as above)

    document = _shut_in(allowed)
    try:
        if kind == "picture":
            count, pages = drawing.draw_picture(document, int(width))
        else:
            count, pages = drawing.draw_pdf(document, [int(each) for each in numbers], int(width))
        made = list(pages)
    except drawing.Unreadable as why:
        return PROTECTED if why.reason == "protected" else DAMAGED
    header = json.dumps({"count": count, "pages": [told for told, _ in made]}).encode()
    with io.FileIO(1, "w", closefd=False) as plain, io.BufferedWriter(plain) as answer:
        answer.write(struct.pack(">I", len(header)) + header)
        for _, pixels in made:
            answer.write(pixels)
    return MADE


def words(allowed: Allowed) -> int:
    """The text of each page of a PDF, in JSON."""
    from davserver.rendering import drawing  # noqa: PLC0415 (as above)

    document = _shut_in(allowed)
    try:
        found = drawing.words_of(document)
    except drawing.Unreadable as why:
        return PROTECTED if why.reason == "protected" else DAMAGED
    with io.FileIO(1, "w", closefd=False) as plain, io.BufferedWriter(plain) as answer:
        answer.write(json.dumps(found).encode())
    return MADE


def convert(allowed: Allowed, program: str, ending: str) -> int:
    """An office document as PDF."""
    holds = leave_network()
    if Holds.OWN_MEMORY not in holds:
        return NOT_CONFINED
    pid = os.fork()  # the first process of the new namespace; with it everything in there ends
    if pid:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status if status >= 0 else 128 - status
    os._exit(_convert(allowed, program, ending, holds))


def probe(_: Allowed) -> int:
    """Would an office document be shut in here?"""
    holds = leave_network()
    give_up_privileges()
    return MADE if OFFICE_NEEDS in holds | leave_files(()) else NOT_CONFINED


def _convert(allowed: Allowed, program: str, ending: str, holds: Holds) -> int:
    limit(*allowed, open_files=512, processes=128, file_bytes=256 * MIB)
    give_up_privileges()
    holds |= leave_files((*PROGRAMS, program.rpartition("/program/")[0] or program), (SCRATCH, "/dev/null"))
    if OFFICE_NEEDS not in holds:
        return NOT_CONFINED
    os.chdir(SCRATCH)
    profile = Path("profile/user")
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(PROFILE, "utf-8")
    with io.FileIO(0, closefd=False) as document:
        Path(f"document.{ending}").write_bytes(document.readall())
    words = [program, f"-env:UserInstallation=file://{SCRATCH}/profile", "--headless", "--norestore", "--nologo"]
    words += ["--nodefault", "--nolockcheck", "--convert-to", "pdf", "--outdir", "made", f"document.{ending}"]
    silence = os.open("/dev/null", os.O_RDWR)
    pid = os.posix_spawn(
        program,
        words,
        {"HOME": SCRATCH, "TMPDIR": SCRATCH, "LANG": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"},
        file_actions=[(os.POSIX_SPAWN_DUP2, silence, number) for number in (0, 1, 2)],
    )
    os.waitpid(pid, 0)
    try:
        made = io.FileIO("made/document.pdf")
    except FileNotFoundError:
        return DAMAGED
    with made:
        while piece := made.read(MIB):
            os.write(1, piece)
    return MADE


WORKS: Mapping[str, Callable[..., int]] = MappingProxyType(
    {"draw": draw, "words": words, "convert": convert, "probe": probe}
)


def main(words: Sequence[str]) -> int:
    """BYTES and SECONDS, then `draw KIND WIDTH PAGE…`, `words`, `convert PROGRAM ENDING` or `probe`."""
    memory, seconds, work, *rest = words
    return WORKS[work](Allowed(int(memory), int(seconds)), *rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
