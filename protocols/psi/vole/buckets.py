"""Two sets split into buckets by a hash under the session's key, each bucket a run of its own. README clause 11.

Equal items fall into equal buckets at both sides, so the intersection is that of the buckets together. How many items
of a side a bucket has says something about them: each is padded to a capacity that follows from the sizes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError
from protocols.primitives.blocks import Blocks, permute
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.parameters import STATISTICAL_BITS, VoleIntersectionParameters, charged_codes
from protocols.psi.vole.table_bounds import fullest_bin
from protocols.transcript import digest

BUCKET_ITEMS = 2**20
"""Items of the larger side in a bucket on average, at most: a run of so many takes about 300 MB of a side."""
SMALLEST_BUCKET_ITEMS = 2**10
"""Nobody has to run more buckets than ones of so many items of the larger side."""
MAXIMUM_BUCKETS = 2**12
MAXIMUM_BUCKETED_SIZE = 2**27
"""Items of one side in all buckets together."""
BUCKET_KEY_BYTES = 32
_HALF = np.uint64(32)
_LOW = np.uint64(2**32 - 1)


class BucketOverflowError(LocalProtocolError):
    """A bucket has more items than its capacity: nothing may be sent. At most 2^-40 for a key drawn after the sets."""


def bucket_count(receiver_size: int, sender_size: int, bucket_items: int = BUCKET_ITEMS) -> int:
    """Return how many buckets two padded sizes make, of ``bucket_items`` items of the larger side at most on average.

    Raises:
        ParameterError: a size is outside 1..2^27, or ``bucket_items`` outside 2^10..2^20.
    """
    if not SMALLEST_BUCKET_ITEMS <= bucket_items <= BUCKET_ITEMS:
        raise ParameterError(f"a bucket has {SMALLEST_BUCKET_ITEMS}..{BUCKET_ITEMS} items on average")
    if not (1 <= receiver_size <= MAXIMUM_BUCKETED_SIZE and 1 <= sender_size <= MAXIMUM_BUCKETED_SIZE):
        raise ParameterError(f"a side has 1..{MAXIMUM_BUCKETED_SIZE} items")
    return min(MAXIMUM_BUCKETS, -(-max(receiver_size, sender_size) // bucket_items))


def check_bucket_count(receiver_size: int, sender_size: int, buckets: int) -> None:
    """Return if two padded sizes may be split into so many buckets, else raise :class:`ParameterError`.

    Fewer than :func:`bucket_count` says take too much memory; more than buckets of ``SMALLEST_BUCKET_ITEMS`` nothing
    but time.
    """
    least = bucket_count(receiver_size, sender_size)
    most = bucket_count(receiver_size, sender_size, SMALLEST_BUCKET_ITEMS)
    if not least <= buckets <= most:
        raise ParameterError(f"sets of these sizes are split into {least}..{most} buckets")


@dataclass(frozen=True)
class BucketPlan:
    """How two sets are split; all of it is public and the same at both sides."""

    receiver_size: int
    """Padded number of all of the receiver's items, 1..2^27."""
    sender_size: int
    """Padded number of all of the sender's items, 1..2^27."""
    buckets: int
    key: bytes
    """32 bytes, drawn at random when both sets are fixed already."""
    security: SecurityProfile = SecurityProfile.SEMI_HONEST

    def __post_init__(self) -> None:
        check_bucket_count(self.receiver_size, self.sender_size, self.buckets)
        if len(self.key) != BUCKET_KEY_BYTES:
            raise ParameterError(f"a key of buckets has {BUCKET_KEY_BYTES} bytes")

    @cached_property
    def statistical_bits(self) -> int:
        """λ of one bucket: what can go wrong in any of them does with at most ``buckets 2^-λ <= 2^-40``."""
        return _bits(self.buckets)

    @cached_property
    def receiver_capacity(self) -> int:
        """Items of the receiver in one bucket, padded."""
        return _capacity(self.receiver_size, self.buckets)

    @cached_property
    def sender_capacity(self) -> int:
        """Items of the sender in one bucket, padded."""
        return _capacity(self.sender_size, self.buckets)

    def parameters(self, session: bytes) -> VoleIntersectionParameters:
        """Return the parameters of the run over one bucket; ``session`` names bucket and attempt as well."""
        return VoleIntersectionParameters(
            self.receiver_capacity, self.sender_capacity, session, self.statistical_bits, self.security
        )

    def assign(self, items: Blocks) -> NDArray[np.uint32]:
        """Return the bucket 0 ..< ``buckets`` of every item (n, 2): ``⌊h buckets / 2^32⌋``, h the low 32 bits of AES.

        AES-128 under a key that is independent of the items is a pseudorandom function of them, the same on every
        machine.
        """
        low = permute(self._cipher_key, items)[:, 0] & _LOW
        return ((low * np.uint64(self.buckets)) >> _HALF).astype(np.uint32)

    def check_loads(self, loads: NDArray[np.int64], capacity: int) -> None:
        """Return if no bucket of a side has more items than its ``capacity``.

        Raises:
            BucketOverflowError: one has. The sets are split anew under a fresh key, which is a fresh session.
        """
        if loads.max(initial=0) > capacity:
            raise BucketOverflowError("a bucket has more items than its capacity")

    @cached_property
    def _cipher_key(self) -> bytes:
        return digest("psi/vole/buckets", self.key)[:16]

    def __repr__(self) -> str:
        return f"BucketPlan({self.buckets} buckets of {self.receiver_capacity} x {self.sender_capacity} items)"


def charged_in_buckets(security: SecurityProfile | None, padded: int, buckets: int) -> int:
    """Return what a set in ``buckets`` runs, 0 for one, takes of a quota; no profile: another protocol, ``padded``."""
    if security is not SecurityProfile.MALICIOUS:
        return padded
    runs = max(1, buckets)
    return runs * charged_codes(security, _capacity(padded, runs), _bits(runs))


def _bits(buckets: int) -> int:
    return STATISTICAL_BITS + ceil(log2(buckets))


def _capacity(size: int, buckets: int) -> int:
    """A bucket of either side overflows with at most 2^-41: both together keep 2^-40."""
    return fullest_bin(size, buckets, STATISTICAL_BITS + 1)
