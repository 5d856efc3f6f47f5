"""Every provider passes the contract suite; one class each."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shareproviders.contract import Ground, ShareProvider
from shareproviders.filesystem.schema import metadata as filesystem_metadata
from shareproviders.filesystem.share import FilesystemShare
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


class TestFilesystemShare(ProviderContract):
    tables = filesystem_metadata

    @pytest.fixture
    def options(self, tmp_path: Path) -> Mapping[str, Any]:
        directory = tmp_path / "disk"
        directory.mkdir()
        return {"path": str(directory)}

    def make_provider(self, ground: Ground) -> ShareProvider:
        return FilesystemShare(ground)
