"""What tests of foreign clients need of the machine: without it they are skipped, or fail where REQUIRE_CLIENTS=1."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need(program: str) -> str:
    """Path of a foreign client."""
    return shutil.which(program) or lacking(f"{program} is not installed")


def lacking(what: str) -> NoReturn:
    """This machine cannot run the test; `what` says why."""
    if os.environ.get("REQUIRE_CLIENTS") == "1":
        pytest.fail(f"{what}, and REQUIRE_CLIENTS=1")
    pytest.skip(what)
