"""`SOAK=1` (make soak): tests that have a long form run it; there is no other value."""

from __future__ import annotations

import os

SOAK = os.environ.get("SOAK") == "1"
