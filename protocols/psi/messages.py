"""The two messages of a round: blinded elements and their evaluations. README clause 5.

Encoding: n x 32 bytes, the elements one after the other in their canonical form, n in 1..4096, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES, Point
from protocols.psi import batch
from protocols.psi.batch import Rows

MAXIMUM_BATCH = 4096


@dataclass(frozen=True)
class _Batch:
    """Between 1 and 4,096 group elements in order."""

    elements: tuple[Point, ...]
    _name: ClassVar[str] = "batch"

    def __post_init__(self) -> None:
        if not 1 <= len(self.elements) <= MAXIMUM_BATCH:
            raise ParameterError(f"a {self._name} has 1..{MAXIMUM_BATCH} elements")

    def encode(self) -> bytes:
        """Return the canonical encoding, 32 bytes an element."""
        return b"".join([element.encoded for element in self.elements])

    @property
    def rows(self) -> Rows:
        """The elements as rows, for arithmetic on all of them."""
        return batch.rows(self.encode())

    @classmethod
    def computed(cls, elements: Rows) -> Self:
        """Wrap what this side computed from valid elements: checked by construction."""
        return cls(tuple(Point.trusted(row.tobytes()) for row in elements))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decode what a peer sent.

        Raises:
            PeerProtocolError: no whole elements, none or too many of them, or one that is invalid or the identity.
        """
        # Sizes first: no element is touched before the batch as a whole is known to be in bounds.
        if not POINT_BYTES <= len(data) <= MAXIMUM_BATCH * POINT_BYTES:
            raise PeerProtocolError(f"a {cls._name} has 1..{MAXIMUM_BATCH} elements")
        if len(data) % POINT_BYTES:
            raise PeerProtocolError(f"a {cls._name} is truncated or has trailing bytes")
        elements = batch.rows(bytes(data))
        if not batch.decode_check(elements).all():
            raise PeerProtocolError("an element is the identity or not canonically encoded")
        return cls.computed(elements)


@dataclass(frozen=True)
class BlindedBatch(_Batch):
    """Round 1, bank to bureau: one blinded element per enterprise."""

    _name: ClassVar[str] = "blinded batch"


@dataclass(frozen=True)
class EvaluatedBatch(_Batch):
    """Round 2, bureau to bank: one evaluated element per blinded one, in the same order."""

    _name: ClassVar[str] = "evaluated batch"
