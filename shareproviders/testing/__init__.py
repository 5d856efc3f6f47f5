"""The contract suite: what every share provider must show. A provider's test is a subclass of a handful of lines.

    class TestMyShare(ProviderContract):
        def make_provider(self, ground: Ground) -> ShareProvider:
            return MyShare(ground)

The fixture `make_ground(tables, quota, options)` comes from the tests that use the suite (a `conftest.py`): it gives
a `Ground` on a fresh database. Failures are readable after `pytest.register_assert_rewrite("shareproviders.testing")`.
"""

from __future__ import annotations

from shareproviders.testing.abilities import AbilityRules
from shareproviders.testing.base import GroundFactory
from shareproviders.testing.documents import DocumentRules
from shareproviders.testing.ending import WholeRules
from shareproviders.testing.folders import FolderRules
from shareproviders.testing.placing import PlacingRules
from shareproviders.testing.transactions import TransactionRules

__all__ = ["GroundFactory", "ProviderContract"]


class ProviderContract(DocumentRules, FolderRules, PlacingRules, TransactionRules, AbilityRules, WholeRules):
    """All rules of `shareproviders.contract`; those of abilities that the provider lacks are skipped."""
