"""The shipped TLS configuration as `testssl.sh` sees it (S-59): the list of BSI TR-02102-2 and nothing else.

Here protocols and suites; SOAK=1 adds lists of weak suites, curves, and the known attacks, which takes a minute or two.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.certificates import NAME
from tests.clients.nginx import Front
from tests.foreign import need
from tests.running import RunningServer
from tests.soaking import SOAK

SECONDS = 600
ASKED = ("--protocols", "--server-preference", *(("--std", "--fs", "--vulnerable") if SOAK else ()))
FOUND = {
    "SSLv2": "not offered",
    "SSLv3": "not offered",
    "TLS1": "not offered",
    "TLS1_1": "not offered",
    "TLS1_2": "offered",
    "TLS1_3": "offered with final",
    "cipher_order": "server",
    "cipherorder_TLSv1_2": "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES128-GCM-SHA256",
    "cipherorder_TLSv1_3": "TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256",
}
CURVES = {"PFS_ECDHE_curves": "prime256v1 secp384r1"}
WEAK = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}


def test_testssl_finds_the_list_of_the_bsi_and_nothing_else(
    behind: tuple[RunningServer, Front], tmp_path: Path
) -> None:
    """Nothing older, no other suite, and nothing that it calls weak."""
    out = tmp_path / "found.json"
    words = (
        "--ip",
        "127.0.0.1",
        "--nodns",
        "none",
        "--warnings",
        "off",
        "--color",
        "0",
        "--quiet",
        "--jsonfile",
        str(out),
    )
    program, target = need("testssl"), f"{NAME}:{behind[1].port}"
    subprocess.run([program, *words, *ASKED, target], stdout=subprocess.DEVNULL, timeout=SECONDS, check=False)
    told = {one["id"]: one for one in json.loads(out.read_text())}
    expected = FOUND | CURVES if SOAK else FOUND
    assert {name: told[name]["finding"] for name in expected} == expected
    assert [one for one in told.values() if one["severity"] in WEAK] == []
