"""The messages of a confusion table. README clause 5.

One byte of kind, then a body: 1 blinded set and 2 evaluated set as in a count (protocols/psi/cardinality), 4 rows
(number of all rows in four bytes, then 1..65,536 x 13). Nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.cardinality.messages import MAXIMUM_COUNTED, BlindedSet, EvaluatedSet, TagPart
from protocols.psi.cardinality.messages import decode_message as decode_set
from protocols.psi.tags import TAG_BYTES

MAXIMUM_LOANS = MAXIMUM_COUNTED
"""Of the bank, with filling."""
MAXIMUM_LIST = 2**23
"""Loans of the bureau, padded: two entries each."""
ROW_BYTES = TAG_BYTES + 1
ROWS_A_PART = 65_536
_ROWS = 4


@dataclass(frozen=True)
class RowPart:
    """Bureau to bank: the next of the ``total`` rows of its list, a tag and a masked class each, tags ascending."""

    total: int
    rows: bytes  # k x 13

    def __post_init__(self) -> None:
        count, rest = divmod(len(self.rows), ROW_BYTES)
        if rest or not 1 <= count <= min(ROWS_A_PART, self.total) or self.total > MAXIMUM_LIST:
            raise ParameterError(f"a part has 1..{ROWS_A_PART} whole rows of at most {MAXIMUM_LIST}")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return Writer().uint(_ROWS, 1).uint(self.total, 4).raw(self.rows).finish()


Message = BlindedSet | EvaluatedSet | RowPart


def decode_message(data: bytes) -> Message:
    """Decode what a peer sent.

    Raises:
        PeerProtocolError: another kind, no whole elements or rows, none or too many, an element twice, invalid or the
            identity.
    """
    if data[:1] == bytes([_ROWS]):
        total = Reader(data[1:]).uint(4, MAXIMUM_LIST, 1)
        try:
            return RowPart(total, bytes(data[5:]))
        except ParameterError as fault:
            raise PeerProtocolError(str(fault)) from None
    found = decode_set(data)
    if isinstance(found, TagPart):
        raise PeerProtocolError("tags without classes belong to a count")
    return found
