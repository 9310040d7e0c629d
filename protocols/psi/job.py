"""What one screening job is, and the one seed that all of the bank's randomness in it derives from.

README clause 12.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.errors import ParameterError
from protocols.randomness import SEED_BYTES, Randomness, SeededRandomness, derive_seed
from protocols.transcript import bind, digest

JOB_ID_BYTES = 16
MAXIMUM_POSITIONS = 2**27


@dataclass(frozen=True)
class JobContext:
    """Names what a commitment and a transcript are of: they fit no other job, list, party, protocol or purpose."""

    job_id: bytes  # 16 random bytes
    bank: str
    bureau: str
    list_name: str
    list_version: str
    protocol: str  # oprf, vole, cardinality
    mode: str  # codes, labels, count, classes
    purpose: str

    def __post_init__(self) -> None:
        if len(self.job_id) != JOB_ID_BYTES:
            raise ParameterError(f"a job's id has {JOB_ID_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        names = (self.bank, self.bureau, self.list_name, self.list_version, self.protocol, self.mode, self.purpose)
        return bind("psi/job", self.job_id, *(name.encode("utf-8") for name in names))


class JobSeed:
    """The SECRET 32 bytes of one job; opaque, never pickled, exported only by :meth:`export_secret`.

    Belongs to ONE job: two commitments or two sets of blinds under one seed tell the bureau what they have in common.
    """

    __slots__ = ("_seed",)

    def __init__(self, seed: bytes) -> None:
        """Take what :meth:`export_secret` gave; raises :class:`ParameterError` for another length."""
        if len(seed) != SEED_BYTES:
            raise ParameterError(f"a job's seed has {SEED_BYTES} bytes")
        self._seed = seed

    @classmethod
    def generate(cls, randomness: Randomness) -> JobSeed:
        """Draw a fresh seed."""
        return cls(randomness.bytes(SEED_BYTES))

    def randomness(self, purpose: str, *numbers: int) -> SeededRandomness:
        """Return the job's stream for one purpose, for instance ``("vole", bucket, attempt)``; always the same."""
        context = (number.to_bytes(4, "big") for number in numbers)
        return SeededRandomness(derive_seed(self._seed, f"psi/job/{purpose}", *context))

    def commitment(self) -> bytes:
        """Return a hash that binds to the seed and hides it, for it is 32 uniform bytes."""
        return digest("psi/job-seed", self._seed)

    def export_secret(self) -> bytes:
        """Return the SECRET seed, for sealing it at rest and for opening the job to an auditor."""
        return self._seed

    def __repr__(self) -> str:
        return "JobSeed(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a job's seed cannot be pickled")
