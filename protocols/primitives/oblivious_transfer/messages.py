"""The two messages: a type byte, then fields of fixed length, nothing trailing. README clause 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from protocols.encoding import Reader, Writer
from protocols.errors import PeerProtocolError
from protocols.primitives.blocks import BLOCK_BYTES, Blocks
from protocols.primitives.oblivious_transfer.base_ot import REPLY_BYTES, REQUEST_BYTES
from protocols.primitives.oblivious_transfer.bit_matrix import COLUMNS

_WORD = np.dtype("<u8")


@dataclass(frozen=True)
class BaseRequest:
    """Sender to receiver: the pairs of elements of the 128 base transfers, whose choices are the bits of Δ."""

    request: bytes
    kind: ClassVar[int] = 1

    def encode(self) -> bytes:
        """Return the canonical encoding, 8,193 bytes."""
        return Writer().uint(self.kind, 1).fixed(self.request, REQUEST_BYTES).finish()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what a peer sent.

        Raises:
            PeerProtocolError: another type or length. The elements are checked where they are used.
        """
        reader = _opened(data, cls.kind)
        message = cls(reader.fixed(REQUEST_BYTES))
        reader.finish()
        return message


@dataclass(frozen=True)
class Extension:
    """Receiver to sender: the reply of the base transfers, the corrections of the columns, the proof of consistency."""

    reply: bytes
    columns: bytes
    """128 columns of whole blocks, one after the other."""
    choices_hash: bytes
    columns_hash: bytes
    kind: ClassVar[int] = 2

    def encode(self) -> bytes:
        """Return the canonical encoding, ``6,161 + 2,048 blocks`` bytes."""
        return b"".join([bytes([self.kind]), self.reply, self.columns, self.choices_hash, self.columns_hash])

    @classmethod
    def decode(cls, data: bytes, blocks: int) -> Self:
        """Read what a peer sent, for columns of ``blocks`` blocks.

        Raises:
            PeerProtocolError: another type or length.
        """
        reader = _opened(data, cls.kind)
        message = cls(
            reader.fixed(REPLY_BYTES),
            reader.fixed(COLUMNS * BLOCK_BYTES * blocks),
            reader.fixed(BLOCK_BYTES),
            reader.fixed(BLOCK_BYTES * COLUMNS),
        )
        reader.finish()
        return message


def words(data: bytes, rows: int) -> NDArray[np.uint64]:
    """Return bytes as ``rows`` rows of 64-bit words, little-endian."""
    return np.frombuffer(data, dtype=_WORD).reshape(rows, -1).astype(np.uint64)


def encode_words(array: NDArray[np.uint64] | Blocks) -> bytes:
    """Return words as bytes, little-endian."""
    return array.astype(_WORD).tobytes()


def _opened(data: bytes, kind: int) -> Reader:
    reader = Reader(data)
    if reader.uint(1, 255) != kind:
        raise PeerProtocolError("a message of the oblivious transfer is of another kind than is due")
    return reader
