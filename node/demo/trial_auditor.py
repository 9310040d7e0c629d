"""The auditor of a trial: a directory of its own, no process; it reviews dossiers, signs what passes, and forgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from node.certification.admitting import AdmissionTerms, admit, revoke
from node.certification.forget import forget
from node.certification.office import open_office
from node.certification.result import Check, ReviewResult
from node.certification.review import ReviewOrder, review
from node.clock import system_clock
from node.codes import Role
from node.initialise import NewNode, initialise
from protocols.randomness import SystemRandomness

AUDITOR = "trial-auditor"
REVIEWER = "Trial Reviewer"


class TrialAuditor:
    """What ``banktax auditor`` does, in one directory.

    Args:
        directory: where it is made; must be empty or absent.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        new = NewNode(Role.AUDITOR, AUDITOR, "试点审核机构", "Trial Auditor")
        initialise(directory, new, randomness=SystemRandomness(), clock=system_clock)

    def trust(self, cards: Sequence[bytes]) -> None:
        """Pin the parties whose papers it reads: the bank that signs dossiers, the bureau that signs frequencies."""
        with open_office(self.directory, system_clock, SystemRandomness()) as office:
            for card in cards:
                office.documents.trust(card)

    def review(
        self,
        dossier: Path,
        frequencies: Sequence[bytes],
        *,
        together: Sequence[Path] = (),
        tell: Callable[[Check], None] = lambda _check: None,
        progress: Callable[[str, int, int], None] = lambda _doing, _done, _total: None,
    ) -> ReviewResult:
        """Review a dossier over frequencies; ``together``: dossiers of models used with it on one enterprise."""
        order = ReviewOrder(dossier, tuple(frequencies), together=tuple(together))
        with open_office(self.directory, system_clock, SystemRandomness()) as office:
            return review(office, order, tell, progress)

    def admit(self, result: ReviewResult) -> bytes:
        """Return the signed admission of a model whose review passed."""
        with open_office(self.directory, system_clock, SystemRandomness()) as office:
            return admit(office, result, AdmissionTerms((REVIEWER,))).encode()

    def revoke(self, admission: bytes, reason: str) -> bytes:
        """Return the signed revocation of an admission."""
        with open_office(self.directory, system_clock, SystemRandomness()) as office:
            return revoke(office, admission, reason).encode()

    def forget(self, dossier: Path) -> None:
        """Destroy a dossier, and log it."""
        with open_office(self.directory, system_clock, SystemRandomness()) as office:
            forget(office, dossier)
