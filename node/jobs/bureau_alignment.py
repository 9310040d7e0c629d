"""The bureau's side of the private alignment: gate, then the standing set."""

from __future__ import annotations

from collections.abc import Iterator

from node.alignment.epoch import EpochInfo, StandingCodes
from node.alignment.standing import StandingSet
from node.jobs.gate import Caller, Gate
from node.policy.authorise import CONNECTION
from node.storage.features import FeatureStore


class BureauAlignment:
    """Answers epochs, tags and evaluations of the codes in all active feature sets."""

    def __init__(self, gate: Gate, standing: StandingSet, features: FeatureStore) -> None:
        self._gate = gate
        self._standing = standing
        self._features = features

    def epoch(self, caller: Caller) -> EpochInfo:
        """Return the bank's epoch for the present standing set, built if need be."""
        self._gate.check(caller, CONNECTION)
        return self.prepare(caller.bank)

    def prepare(self, bank: str) -> EpochInfo:
        """Build the bank's epoch ahead of its next call."""
        codes = StandingCodes(self._features.standing_version(), self._features.standing_codes)
        return self._standing.epoch_for(bank, codes)

    def tags(self, caller: Caller, epoch_id: bytes, first: int) -> Iterator[bytes]:
        """Give the epoch's tags from index ``first``."""
        self._gate.check(caller, CONNECTION)
        return self._standing.read_tags(caller.bank, epoch_id, first)

    def evaluate(self, caller: Caller, epoch_id: bytes, blinded: bytes) -> bytes:
        """Evaluate a blinded batch, charged to the day's quota first."""
        agreement = self._gate.check(caller, CONNECTION)
        return self._standing.evaluate(caller.bank, epoch_id, blinded, agreement.limits.alignment_per_day)
