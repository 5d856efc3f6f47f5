"""Paths that want out of a share: every spelling of a way upwards that some server once believed (security.md B3, B8).

A mutation is a request: a method, a raw target, and the fields beside it. They are drawn from a seeded source, so that
the same number gives the same list.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

UP = (
    *(
        "..",
        "%2e%2e",
        ".%2e",
        "%2E.",
        "%252e%252e",
        "%25252e%25252e",
        "..%00",
        "%00..",
        "..%01",
        "..%20",
        "%20..",
        "...",
    ),
    *("..;", "..;v=1", "%2e%2e;", "%c0%ae%c0%ae", "%c0%2e%c0%2e", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae%f0%80%80%ae"),
    *("%u002e%u002e", "%uff0e%uff0e", "%ef%bc%8e%ef%bc%8e", "%e2%80%a4%e2%80%a4", "%e2%80%a5", "%ef%b8%b0"),
    *("..%e2%80%8b", "%ef%bb%bf..", "..%cc%81", "..%0d%0a", "..%09", ".%00.", "%ff%2e%2e", "....", "..%ed%a0%80"),
    *("..%3a", "..::$DATA", "..%3f", "..%23", "~", "%7e", "..\\..", "C:", "*", "%2a", "..%ef%80%ae"),
)
APART = (
    *("/", "%2f", "%2F", "%252f", "%25252f", "\\", "%5c", "%255c", "//", "/./", "/%2e/", "/.//", ";/", "%00/"),
    *("%c0%af", "%e0%80%af", "%c1%9c", "%ef%bc%8f", "%e2%81%84", "%e2%88%95", "%ef%bc%bc", "%u2215", "/%20/", "%0a/"),
)
AROUND = ("", "%00", "%00.txt", "%20", ".", "%2e", "/", "/.", "/..", "::$DATA", "%3a%3a$DATA", ";x=1", "?x=..", "~1")
"""After the name of what is wanted."""
INSIDE = (
    ".trash",
    ".versions",
    "@eaDir",
    ".DAV",
    ".svn",
    "%24RECYCLE.BIN",
    ".git",
    "trash",
    "versions",
    "~",
    ".~lock.x%23",
)
METHODS = ("GET", "GET", "GET", "HEAD", "PROPFIND", "PROPFIND", "PUT", "DELETE", "MKCOL", "LOCK", "PROPPATCH", "REPORT")
FORWARDED = (
    *("X-Original-URL", "X-Rewrite-URL", "X-Accel-Redirect", "X-Sendfile", "X-Forwarded-Prefix", "X-Forwarded-Path"),
    *("X-Forwarded-Uri", "X-Http-Path-Override", "Content-Location", "Referer", "Translate", "X-Original-Host"),
)


class Share(NamedTuple):
    """One share as its visitor knows it, and what he would like to have."""

    root: str
    """Raw path under which it lies for him, such as `/dav-link/<token>`."""
    own: str
    """A document inside, below the root; empty where there is none."""
    siblings: tuple[str, ...]
    """Raw names beside the shared thing, such as `a2/Kanarie.txt`."""
    place: str
    """Raw path of the shared thing's parent in its owner's drive, such as `/dav/ba05/x`."""


class Mutation(NamedTuple):
    method: str
    target: str
    fields: tuple[str, ...]


def mutations(share: Share, count: int, seed: int) -> Iterator[Mutation]:
    """So many requests, no two alike."""
    drawn, seen = random.Random(seed), set[Mutation]()
    families = (_upwards, _upwards, _upwards, _upwards, _beside, _whole, _to, _to, _tagged, _forwarded, _kept, _long)
    while len(seen) < count:
        made = drawn.choice(families)(drawn, share)
        if made not in seen:
            seen.add(made)
            yield made


def _escape(drawn: random.Random, share: Share) -> str:
    """From the root of the share to something beside it, or to the top and down again."""
    apart, up = drawn.choice(APART), drawn.choice(UP)
    wanted = drawn.choice(share.siblings)
    depth = drawn.choice((1, 1, 1, 2, 2, 3, 4, 6))
    if depth > 1:
        wanted = share.place.strip("/") + "/" + wanted
        wanted = drawn.choice((wanted, wanted.partition("/")[2]))
    if drawn.random() < 0.5:
        wanted = wanted.replace("/", apart)
    before = drawn.choice(("", "", share.own, "nirgends"))
    middle = apart.join([up] * depth) + apart
    start = f"/{before}{apart}" if before else drawn.choice(("/", "/", apart, ""))
    return share.root + start + middle + wanted + drawn.choice(AROUND)


def _upwards(drawn: random.Random, share: Share) -> Mutation:
    return Mutation(drawn.choice(METHODS), _escape(drawn, share), ())


def _beside(drawn: random.Random, share: Share) -> Mutation:
    """The share's own address with something at its end: a sibling whose name begins alike."""
    ends = (
        "2",
        "%32",
        ".txt",
        "%2etxt",
        "%00",
        ".",
        "%20",
        "%C2%A0",
        ";",
        "~",
        "%cc%88",
        ":",
        "%ef%bc%92",
        "-",
        "%0a2",
    )
    wanted = drawn.choice((*share.siblings, "", share.own))
    root = share.root if drawn.random() < 0.7 else share.root.swapcase()
    return Mutation(drawn.choice(METHODS), root + drawn.choice(ends) + drawn.choice(APART) + wanted, ())


def _whole(drawn: random.Random, share: Share) -> Mutation:
    """The owner's own address, in every form that a target can have."""
    path = f"{share.place}/{drawn.choice(share.siblings)}"
    forms = (path, f"http://test{path}", f"HTTP://test{path}", f"//test{path}", f"//{path}", f"{share.root}{path}")
    forms += (f"{share.root}/{path}", f"{share.root}?{path}", f"{share.root}/http://test{path}", f"/{path.lower()}")
    forms += (f"/./{path}", f"{share.root}/%2f{path}", f"/dav{share.root}{path}", f"/remote.php/webdav{path[4:]}")
    return Mutation(drawn.choice(METHODS), drawn.choice(forms) + drawn.choice(AROUND), ())


def _to(drawn: random.Random, share: Share) -> Mutation:
    """COPY and MOVE: what lies outside into the share, and what lies inside over what lies outside."""
    method = drawn.choice(("COPY", "MOVE"))
    outside = drawn.choice((_escape(drawn, share), f"{share.place}/{drawn.choice(share.siblings)}"))
    host = drawn.choice(("", "http://test", "//test", "http://test:80", "http://user@test"))
    over = drawn.choice(("Overwrite: T", "Overwrite: F", "X-Nothing: 1"))
    if drawn.random() < 0.5:
        return Mutation(method, outside, (f"Destination: {host}{share.root}/Beute-{drawn.getrandbits(40):x}", over))
    return Mutation(method, f"{share.root}/{share.own}", (f"Destination: {host}{outside}", over, "Depth: infinity"))


def _tagged(drawn: random.Random, share: Share) -> Mutation:
    """`If` names another resource: whether it exists, or what its tag is, must not be told, nor its lock be taken."""
    outside = drawn.choice((_escape(drawn, share), f"{share.place}/{drawn.choice(share.siblings)}"))
    state = drawn.choice(("(<DAV:no-lock>)", "(Not <DAV:no-lock>)", '(["x"])', '(Not ["x"])', "(<urn:uuid:1>)"))
    return Mutation("PROPFIND", f"{share.root}/", (f"If: <http://test{outside}> {state}", "Depth: 1"))


def _forwarded(drawn: random.Random, share: Share) -> Mutation:
    outside = drawn.choice((f"{share.place}/{drawn.choice(share.siblings)}", _escape(drawn, share)))
    fields = (f"{drawn.choice(FORWARDED)}: {outside}", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: test")
    return Mutation(drawn.choice(METHODS), f"{share.root}/{drawn.choice((share.own, ''))}", fields)


def _kept(drawn: random.Random, share: Share) -> Mutation:
    """Where servers keep what is past, or their own."""
    inner, wanted = drawn.choice(INSIDE), drawn.choice(share.siblings)
    path = f"{share.root}/{inner}{drawn.choice(APART)}{wanted}"
    others = (
        path,
        f"/remote.php/dav/trashbin/clara/trash/{wanted}",
        f"/remote.php/dav/files/clara{share.place[4:]}/{wanted}",
    )
    return Mutation(drawn.choice(METHODS), drawn.choice(others), ())


def _long(drawn: random.Random, share: Share) -> Mutation:
    """Deep, and long: something is cut off somewhere."""
    many, up = drawn.choice((40, 63, 64, 65, 300)), drawn.choice(UP)
    wanted = drawn.choice(share.siblings)
    ways = ("/x" * many + f"/{up}" * many, "/" + "x" * 4 * many, f"/{up}" * many, "/x/%2e%2e" * many)
    return Mutation(drawn.choice(METHODS), share.root + drawn.choice(ways) + "/" + wanted, ())
