"""Two nodes that the tests of this folder may kill as they like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.demo.trial import BANK
from tests.support.trial import ReadyTrial, ready_trial_in


@pytest.fixture(scope="session")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadyTrial]:
    """A ready trial of its own; a test leaves both nodes running."""
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "120"}}
    with ready_trial_in(tmp_path_factory.mktemp("doomed") / "nodes", environment=environment) as ready:
        yield ready
