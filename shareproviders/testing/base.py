"""What the rules of the contract suite share: the provider under test and short words for its verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from sqlalchemy import MetaData

from shareproviders.contract import Expected, Ground, Node, NotFound, ShareProvider, Writing
from shareproviders.paths import ROOT, SharePath

GroundFactory = Callable[..., Ground]
"""`make_ground(tables: MetaData, quota: int | None, options: Mapping[str, Any]) -> Ground` on a database of its own."""

ANY = Expected()
ABSENT = Expected(absent=True)


def at(raw: str) -> SharePath:
    return SharePath.parse(raw)


class Contract:
    """Base of all rules; a provider's test says how the provider is made."""

    lasting: ClassVar[bool] = True
    """False for a provider that forgets everything with its process."""

    tables: ClassVar[MetaData] = MetaData()
    """The provider's own tables, none for one that keeps its state elsewhere."""

    def make_provider(self, ground: Ground) -> ShareProvider:
        raise NotImplementedError

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        """The provider's own options; override where it needs some."""
        return {}

    @pytest.fixture
    def ground(self, make_ground: GroundFactory, options: Mapping[str, Any]) -> Ground:
        return make_ground(self.tables, None, options)

    @pytest.fixture
    def provider(self, ground: Ground) -> ShareProvider:
        provider = self.make_provider(ground)
        with ground.begin_transaction():
            provider.prepare()
        return provider


def writing(**fields: Any) -> Writing:
    """A fixed author and instant, so that nothing can hang on time passing between two writes."""
    return Writing(**{"by": "user:anna", "at": 1_750_000_000_000_000, **fields})


def put(provider: ShareProvider, raw: str, body: bytes, expected: Expected = ANY, **fields: Any) -> Node:
    node, _ = provider.put(at(raw), provider.stage([body] if body else []), expected, writing(**fields))
    return node


def make(provider: ShareProvider, raw: str) -> Node:
    return provider.make_collection(at(raw), writing())


def content(provider: ShareProvider, node: Node | str, start: int = 0, length: int | None = None) -> bytes:
    found = provider.stat(at(node)) if isinstance(node, str) else node
    return b"".join(provider.read(found, start, length))


def exists(provider: ShareProvider, raw: str) -> bool:
    try:
        provider.stat(at(raw))
    except NotFound:
        return False
    return True


def tree(provider: ShareProvider, node: Node | None = None, prefix: str = "") -> dict[str, tuple[int, str, bytes]]:
    """Everything beneath: path → (id, entity tag, bytes); two equal trees are the same state."""
    found: dict[str, tuple[int, str, bytes]] = {}
    for member in provider.children(node or provider.stat(ROOT)):
        path = f"{prefix}/{member.name}"
        body = b"" if member.is_collection else content(provider, member)
        found[path] = (member.id, member.entity_tag, body)
        if member.is_collection:
            found |= tree(provider, member, path)
    return found
