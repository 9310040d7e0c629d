"""One world of parties for all tests of the package; a test changes dossiers, not the parties."""

from __future__ import annotations

import pytest

from node.certification.result import ReviewResult
from tests.support.certification import AUDITOR, SECOND, CertificationWorld, Dossier


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> CertificationWorld:
    """Two auditors, and a model of 12 fields that passes every threshold."""
    return CertificationWorld(tmp_path_factory.mktemp("certified"), 48, (AUDITOR, SECOND), reviewers=2)


@pytest.fixture(scope="session")
def honest(world: CertificationWorld) -> Dossier:
    """The honest dossier."""
    return world.dossier()


@pytest.fixture(scope="session")
def passed(world: CertificationWorld, honest: Dossier) -> ReviewResult:
    """The review of the honest dossier."""
    return world.review(world.written(honest))
