"""Jobs and codes for tests of set intersection."""

from __future__ import annotations

from protocols.psi.commitment import CommittedInput
from protocols.psi.job import JobContext, JobSeed

CONTEXT = JobContext(
    job_id=bytes(range(16)),
    bank="city-bank",
    bureau="tax-bureau",
    list_name="abnormal-enterprises",
    list_version="2026-06",
    protocol="oprf",
    mode="codes",
    purpose="portfolio_screening",
)
SEED = bytes(range(100, 132))


def codes(count: int, first: int = 0) -> list[bytes]:
    """Distinct codes of 18 characters."""
    return [f"91350100M{number:09d}".encode() for number in range(first, first + count)]


def committed(given: list[bytes] | None = None, padded: int | None = None, seed: bytes = SEED) -> CommittedInput:
    return CommittedInput(CONTEXT, JobSeed(seed), codes(10) if given is None else given, padded)
