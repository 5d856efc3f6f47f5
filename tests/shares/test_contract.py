"""Every provider passes the contract suite; one class each."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from shareproviders.contract import Ground, ShareProvider
from shareproviders.testing import ProviderContract

MODULE = Path(__file__).parents[2] / "docs" / "examples" / "memory_share" / "memory_share.py"


class TestMemoryShare(ProviderContract):
    """The third-party provider of the docs, loaded from its file."""

    lasting = False

    def make_provider(self, ground: Ground) -> ShareProvider:
        spec = importlib.util.spec_from_file_location("memory_share", MODULE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["memory_share"] = module
        spec.loader.exec_module(module)
        provider: ShareProvider = module.MemoryShare(ground)
        return provider
