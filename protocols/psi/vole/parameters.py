"""Two padded sizes and a session -> everything else of a run; κ = 128, λ = 40. README clause 2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, e, log2

from protocols.errors import ParameterError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.tags import padded_count
from protocols.psi.vole.table_shape import TableShape
from protocols.transcript import digest

COMPUTATIONAL_BITS = 128
"""κ: blocks of the field, keys of the block cipher, noise of the vector OLE."""
STATISTICAL_BITS = 40
"""λ: nothing that is left to chance goes wrong in a run with more than 2^-λ."""
MAXIMUM_STATISTICAL_BITS = 60
"""λ of one bucket among many, see :mod:`protocols.psi.vole.buckets`."""
MAXIMUM_SIZE = 2**24
"""Items of one side in one run; larger lists go bucket by bucket."""
SESSION_BYTES = 32
RUN_BYTES = 16
ORACLE_QUERIES_BITS = 64
"""Base-2 logarithm of how many codes a malicious receiver is taken to hash for one run."""


def padded_size(count: int) -> int:
    """Return the size that a side shows for ``count`` items: rounded up to one part in sixteen, never below 1,024.

    Raises:
        ParameterError: more than ``MAXIMUM_SIZE`` come of it.
    """
    padded = padded_count(count)
    if padded > MAXIMUM_SIZE:
        raise ParameterError(f"a run takes at most {MAXIMUM_SIZE} items of a side: use buckets")
    return padded


def charged_codes(security: SecurityProfile, padded: int, statistical_bits: int = STATISTICAL_BITS) -> int:
    """Return what one run over ``padded`` codes takes of a quota: they, or as many as fit into their table.

    A receiver that does not follow the protocol can solve for a table that holds a code in each of its blocks.
    """
    if security is SecurityProfile.SEMI_HONEST:
        return padded
    return TableShape.for_items(padded, statistical_bits).size


def overfitting_limit(size: int, queries_bits: float = ORACLE_QUERIES_BITS) -> int:
    """Return how many codes a table of ``size`` blocks holds at most, whatever its maker does, but with 2^-λ.

    A table is one of ``2^(κ size)``. Each fits a given set of k codes with ``2^(-κ k)``, the values being a random
    oracle's, and of ``2^queries_bits`` codes there are at most ``(2^queries_bits e / k)^k`` sets of k: the least k with
    ``k (κ - queries_bits - log2 e + log2 k) >= κ size + λ``. Known ways of solving for a table reach ``size``.
    """
    low, high = size, size * COMPUTATIONAL_BITS
    while low < high:
        middle = (low + high) // 2
        each = COMPUTATIONAL_BITS - queries_bits - log2(e) + log2(middle)
        if middle * each >= COMPUTATIONAL_BITS * size + STATISTICAL_BITS:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True)
class VoleIntersectionParameters:
    """What both sides agree upon before the first message; all else is derived, the same at both."""

    receiver_size: int
    """Padded number of the receiver's items, 1..MAXIMUM_SIZE."""
    sender_size: int
    """Padded number of the sender's items, 1..MAXIMUM_SIZE: so many tags are sent."""
    session: bytes
    """32 bytes that name this run alone (job, bucket, attempt); public, and never used for two runs."""
    statistical_bits: int = STATISTICAL_BITS
    """λ, 40..60."""
    security: SecurityProfile = SecurityProfile.SEMI_HONEST

    def __post_init__(self) -> None:
        if not (1 <= self.receiver_size <= MAXIMUM_SIZE and 1 <= self.sender_size <= MAXIMUM_SIZE):
            raise ParameterError(f"a run takes 1..{MAXIMUM_SIZE} items of a side: use buckets")
        if len(self.session) != SESSION_BYTES:
            raise ParameterError(f"a session is named by {SESSION_BYTES} bytes")
        if not STATISTICAL_BITS <= self.statistical_bits <= MAXIMUM_STATISTICAL_BITS:
            raise ParameterError(f"λ is {STATISTICAL_BITS}..{MAXIMUM_STATISTICAL_BITS}")

    @classmethod
    def for_counts(
        cls,
        receiver_items: int,
        sender_items: int,
        session: bytes,
        security: SecurityProfile = SecurityProfile.SEMI_HONEST,
    ) -> VoleIntersectionParameters:
        """Pad both counts to their steps."""
        return cls(padded_size(receiver_items), padded_size(sender_items), session, security=security)

    @property
    def malicious(self) -> bool:
        """Whether the run is in the profile against parties that do anything, README clause 9."""
        return self.security is SecurityProfile.MALICIOUS

    @cached_property
    def shape(self) -> TableShape:
        """The receiver's table."""
        return TableShape.for_items(self.receiver_size, self.statistical_bits)

    @cached_property
    def tag_bytes(self) -> int:
        """Bytes of a tag: one of ``n_x n_y`` pairs matches falsely with at most ``n_x n_y 2^(-8 bytes) <= 2^-λ``.

        A malicious sender can look for codes whose tags are the same, so that one tag stands for several: κ bits.
        """
        if self.malicious:
            return COMPUTATIONAL_BITS // 8
        return ceil((self.statistical_bits + log2(self.receiver_size) + log2(self.sender_size)) / 8)

    @cached_property
    def run(self) -> bytes:
        """16 bytes that stand before every message: another session, size, λ or profile gives others."""
        numbers = (self.receiver_size, self.sender_size, self.statistical_bits)
        encoded = b"".join(number.to_bytes(4, "big") for number in numbers)
        return digest("psi/vole/run", self.session, encoded, self.security.encode("ascii"))[:RUN_BYTES]

    def key(self, purpose: str, *context: bytes) -> bytes:
        """Return a public 128-bit cipher key of this run for one purpose, README clause 3."""
        return digest(f"psi/vole/key/{purpose}", self.run, *context)[:16]
