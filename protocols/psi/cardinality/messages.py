"""The messages of a count. README clause 4.

One byte of kind, then a body: 1 blinded set (n x 32), 2 evaluated set (n x 32), 3 tags (number of all tags in four
bytes, then 1..65,536 x 12). Nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.tags import TAG_BYTES
from protocols.psi.verifiable_messages import check_elements

MAXIMUM_COUNTED = 2**20  # 32 MiB a message
MAXIMUM_LIST = 2**24  # 192 MiB of tags
TAGS_A_PART = 65_536

_BLINDED, _EVALUATED, _TAGS = 1, 2, 3


@dataclass(frozen=True)
class BlindedSet:
    """Bank to bureau: every position of the bank's list, blinded, all different."""

    encoded: bytes  # n x 32

    @property
    def elements(self) -> Rows:
        """The elements as rows, without a copy."""
        return batch.rows(self.encoded)

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return bytes([_BLINDED]) + self.encoded


@dataclass(frozen=True)
class EvaluatedSet:
    """Bureau to bank: the same elements under the bureau's key, in a random order."""

    encoded: bytes  # n x 32

    @property
    def elements(self) -> Rows:
        """The elements as rows, without a copy."""
        return batch.rows(self.encoded)

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return bytes([_EVALUATED]) + self.encoded


@dataclass(frozen=True)
class TagPart:
    """Bureau to bank: the next of the ``total`` tags of its list, in ascending order over all parts."""

    total: int
    tags: bytes  # k x 12

    def __post_init__(self) -> None:
        count, rest = divmod(len(self.tags), TAG_BYTES)
        if rest or not 1 <= count <= min(TAGS_A_PART, self.total) or self.total > MAXIMUM_LIST:
            raise ParameterError(f"a part has 1..{TAGS_A_PART} whole tags of at most {MAXIMUM_LIST}")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return Writer().uint(_TAGS, 1).uint(self.total, 4).raw(self.tags).finish()


Message = BlindedSet | EvaluatedSet | TagPart


def decode_message(data: bytes) -> Message:
    """Decode what a peer sent.

    Raises:
        PeerProtocolError: another kind, no whole elements or tags, none or too many, an element twice, invalid or the
            identity.
    """
    reader = Reader(data)
    kind = reader.uint(1, _TAGS, _BLINDED)
    body = bytes(data[1:])
    if kind == _TAGS:
        return _tag_part(body)
    if len(body) % POINT_BYTES == 0 and len(body) > MAXIMUM_COUNTED * POINT_BYTES:
        raise PeerProtocolError(f"a set that is counted has at most {MAXIMUM_COUNTED} elements")
    check_elements(body, MAXIMUM_COUNTED)
    return BlindedSet(body) if kind == _BLINDED else EvaluatedSet(body)


def _tag_part(body: bytes) -> TagPart:
    total = Reader(body).uint(4, MAXIMUM_LIST, 1)
    try:
        return TagPart(total, body[4:])
    except ParameterError as fault:
        raise PeerProtocolError(str(fault)) from None
