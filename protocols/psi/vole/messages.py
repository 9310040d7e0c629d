"""The messages of a run: three, and three of the coin in the profile against malicious parties. README clause 5.

Encoding: kind in one byte, the 16 bytes of the run, then the message's own fields; nothing trailing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.vole.parameters import MAXIMUM_SIZE, RUN_BYTES
from protocols.transcript import DIGEST_BYTES

BLOCK_BYTES = 16
SEED_BYTES = 16
MAXIMUM_TAG_BYTES = 16
MAXIMUM_FRAME_BYTES = 2**26
MAXIMUM_BLOCKS = 2 * MAXIMUM_SIZE
_BLOCK = np.dtype("<u8")


@dataclass(frozen=True)
class VoleFrame:
    """Either way: one message of the vector OLE, encoded as its own specification says."""

    run: bytes
    payload: bytes
    kind: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check_run(self.run)
        if not 1 <= len(self.payload) <= MAXIMUM_FRAME_BYTES:
            raise ParameterError(f"a frame of the vector OLE has 1..{MAXIMUM_FRAME_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return Writer().uint(self.kind, 1).fixed(self.run, RUN_BYTES).blob(self.payload).finish()

    @classmethod
    def read(cls, run: bytes, reader: Reader) -> Self:
        """Read what follows kind and run."""
        return cls(run, reader.blob(MAXIMUM_FRAME_BYTES))


@dataclass(frozen=True)
class MaskedTable:
    """Receiver to sender: the seed of the table's hash functions, and the table plus the receiver's mask."""

    run: bytes
    seed: bytes
    table: bytes
    """Blocks of 16 bytes, little-endian."""
    kind: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check_run(self.run)
        if len(self.seed) != SEED_BYTES:
            raise ParameterError(f"a seed has {SEED_BYTES} bytes")
        if len(self.table) % BLOCK_BYTES or not 1 <= len(self.table) // BLOCK_BYTES <= MAXIMUM_BLOCKS:
            raise ParameterError(f"a table has 1..{MAXIMUM_BLOCKS} whole blocks")

    @property
    def blocks(self) -> NDArray[np.uint64]:
        """The blocks, (n, 2), read-only and not copied."""
        return np.frombuffer(self.table, dtype=_BLOCK).reshape(-1, 2)

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        writer = Writer().uint(self.kind, 1).fixed(self.run, RUN_BYTES).fixed(self.seed, SEED_BYTES)
        return writer.uint(len(self.table) // BLOCK_BYTES, 4).raw(self.table).finish()

    @classmethod
    def read(cls, run: bytes, reader: Reader) -> Self:
        """Read what follows kind and run."""
        seed = reader.fixed(SEED_BYTES)
        count = reader.uint(4, MAXIMUM_BLOCKS, minimum=1)
        return cls(run, seed, reader.fixed(count * BLOCK_BYTES))


@dataclass(frozen=True)
class TagList:
    """Sender to receiver: its tags, strictly ascending as byte strings, as many as its padded size."""

    run: bytes
    width: int
    """Bytes of a tag, 1..16."""
    tags: bytes
    kind: ClassVar[int] = 3

    def __post_init__(self) -> None:
        _check_run(self.run)
        if not 1 <= self.width <= MAXIMUM_TAG_BYTES:
            raise ParameterError(f"a tag has 1..{MAXIMUM_TAG_BYTES} bytes")
        if len(self.tags) % self.width or not 1 <= len(self) <= MAXIMUM_SIZE:
            raise ParameterError(f"a list has 1..{MAXIMUM_SIZE} whole tags")

    def __len__(self) -> int:
        return len(self.tags) // self.width

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        writer = Writer().uint(self.kind, 1).fixed(self.run, RUN_BYTES).uint(self.width, 1)
        return writer.uint(len(self), 4).raw(self.tags).finish()

    @classmethod
    def read(cls, run: bytes, reader: Reader) -> Self:
        """Read what follows kind and run."""
        width = reader.uint(1, MAXIMUM_TAG_BYTES, minimum=1)
        count = reader.uint(4, MAXIMUM_SIZE, minimum=1)
        return cls(run, width, reader.fixed(count * width))


@dataclass(frozen=True)
class CoinCommitment:
    """Sender to receiver, first of all: the hash of its share of the coin."""

    run: bytes
    commitment: bytes
    kind: ClassVar[int] = 4

    def __post_init__(self) -> None:
        _check_run(self.run)
        if len(self.commitment) != DIGEST_BYTES:
            raise ParameterError(f"a commitment has {DIGEST_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return Writer().uint(self.kind, 1).fixed(self.run, RUN_BYTES).fixed(self.commitment, DIGEST_BYTES).finish()

    @classmethod
    def read(cls, run: bytes, reader: Reader) -> Self:
        """Read what follows kind and run."""
        return cls(run, reader.fixed(DIGEST_BYTES))


@dataclass(frozen=True)
class _Share:
    run: bytes
    share: bytes
    kind: ClassVar[int]

    def __post_init__(self) -> None:
        _check_run(self.run)
        if len(self.share) != BLOCK_BYTES:
            raise ParameterError(f"a share has {BLOCK_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return Writer().uint(self.kind, 1).fixed(self.run, RUN_BYTES).fixed(self.share, BLOCK_BYTES).finish()

    @classmethod
    def read(cls, run: bytes, reader: Reader) -> Self:
        """Read what follows kind and run."""
        return cls(run, reader.fixed(BLOCK_BYTES))


@dataclass(frozen=True)
class CoinShare(_Share):
    """Receiver to sender, before the masked table: its share of the coin, in the clear."""

    kind: ClassVar[int] = 5


@dataclass(frozen=True)
class CoinOpening(_Share):
    """Sender to receiver, before the tags: the share that it committed to."""

    kind: ClassVar[int] = 6


Message = VoleFrame | MaskedTable | TagList | CoinCommitment | CoinShare | CoinOpening
_KINDS: dict[int, type[Message]] = {
    message.kind: message for message in (VoleFrame, MaskedTable, TagList, CoinCommitment, CoinShare, CoinOpening)
}


def decode_message(data: bytes | memoryview) -> Message:
    """Decode what a peer sent.

    Raises:
        PeerProtocolError: the bytes are not the one encoding of a message.
    """
    reader = Reader(data)
    kind = _KINDS.get(reader.uint(1, 255))
    if kind is None:
        raise PeerProtocolError("a message of the intersection is of no known kind")
    try:
        message = kind.read(reader.fixed(RUN_BYTES), reader)
    except ParameterError as error:
        raise PeerProtocolError(str(error)) from None
    reader.finish()
    return message


def check_run(message: Message, run: bytes) -> None:
    """Return if ``message`` belongs to ``run``; a replayed one, or one of another bucket, does not.

    Raises:
        PeerProtocolError: it belongs to another run.
    """
    if message.run != run:
        raise PeerProtocolError("a message belongs to another run of the intersection")


def _check_run(run: bytes) -> None:
    if len(run) != RUN_BYTES:
        raise ParameterError(f"a run is named by {RUN_BYTES} bytes")
