"""TLS 1.3 only, from every way into the package; a process that imported gRPC before is caught at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT

PROGRAM = """
{imports}
import sys
from pathlib import Path
from node.codes import Role
from tests.support.transport import make_party
bureau = make_party(Path(sys.argv[1]) / "bureau", Role.BUREAU, "bureau")
server = bureau.serve([])
try:
    server.start()
    print("started")
finally:
    server.stop()
"""


@pytest.mark.parametrize(
    ("imports", "outcome"),
    [
        ("import node.cli.main", "started"),
        ("import node.client.control", "started"),
        ("import node.keys, grpc", "started"),
        ("import os; os.environ.pop('GRPC_SSL_CIPHER_SUITES', None); import grpc", "TLS 1.2"),
    ],
)
def test_the_way_in(imports: str, outcome: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(imports=imports), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert outcome in done.stdout + done.stderr
    assert (done.returncode == 0) == (outcome == "started")
