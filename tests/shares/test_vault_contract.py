"""The vault passes the contract suite that every provider passes."""

from __future__ import annotations

from shareproviders.contract import Ground, ShareProvider
from shareproviders.testing import ProviderContract
from shareproviders.vault.schema import metadata
from shareproviders.vault.share import Vault


class TestVault(ProviderContract):
    """Default provider, all optional abilities."""

    tables = metadata

    def make_provider(self, ground: Ground) -> ShareProvider:
        return Vault(ground)
