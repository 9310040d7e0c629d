"""The hashes of :mod:`protocols.psi.oprf` for a whole batch at once; that module's plain functions say the same.

Inputs of one length are hashed together, so a batch's time depends on its lengths, and on nothing else of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.primitives.ristretto import UNIFORM_BYTES
from protocols.primitives.scalar_reduction import reduce_uniform
from protocols.primitives.sha512 import BLOCK_BYTES, DIGEST_BYTES, Midstate, hash_messages

Bytes = NDArray[np.uint8]
"""Byte strings of one length: shape (n, length)."""

_MAXIMUM_SEPARATION = 255
_AFTER_PADDING = Midstate(bytes(BLOCK_BYTES))  # the state after Z_pad is the same every time


def expand_messages(messages: Sequence[bytes], separation: bytes) -> Bytes:
    """Return 64 uniform bytes a message, (n, 64): :func:`~protocols.psi.oprf.expand_message_xmd` of every one."""
    expanded = np.empty((len(messages), UNIFORM_BYTES), np.uint8)
    for places, rows in _by_length(messages):
        expanded[places] = expand_rows(rows, separation)
    return expanded


def expand_rows(rows: Bytes, separation: bytes) -> Bytes:
    """Return 64 uniform bytes a row, (n, 64): ``expand_message_xmd`` of RFC 9380 section 5.3.1 with SHA-512.

    Raises:
        ParameterError: the domain separation tag ``separation`` is longer than 255 bytes.
    """
    if len(separation) > _MAXIMUM_SEPARATION:
        raise ParameterError(f"a domain separation tag has at most {_MAXIMUM_SEPARATION} bytes")
    tag = separation + bytes([len(separation)])
    first = hash_messages(join_columns(rows, UNIFORM_BYTES.to_bytes(2, "big") + b"\x00" + tag), _AFTER_PADDING)
    return hash_messages(join_columns(first, b"\x01" + tag))


def hash_to_scalars(rows: Bytes, separation: bytes) -> Bytes:
    """Return HashToScalar of every row, RFC 9497 section 4.1: little-endian scalars (n, 32).

    Raises:
        ParameterError: one is zero (probability 2^-252).
    """
    return reduce_uniform(expand_rows(rows, separation))


def hash_outputs(inputs: Sequence[bytes], unblinded: Bytes) -> Bytes:
    """Return :func:`~protocols.psi.oprf.output` of every input and its unblinded element (n, 32): (n, 64).

    Inputs have at most 65,534 bytes.
    """
    outputs = np.empty((len(inputs), DIGEST_BYTES), np.uint8)
    for places, rows in _by_length(inputs):
        outputs[places] = hash_messages(join_columns(framed(rows), framed(unblinded[places]), b"Finalize"))
    return outputs


def framed(rows: Bytes) -> Bytes:
    """Return every row behind its length in two bytes, I2OSP(len, 2)."""
    return join_columns(rows.shape[1].to_bytes(2, "big"), rows)


def join_columns(*parts: Bytes | bytes) -> Bytes:
    """Return rows one behind the other; what is ``bytes`` stands in every row. One part at least has rows."""
    columns = [np.frombuffer(part, np.uint8)[np.newaxis] if isinstance(part, bytes) else part for part in parts]
    count = next(len(part) for part in parts if not isinstance(part, bytes))
    return np.concatenate([np.broadcast_to(part, (count, part.shape[1])) for part in columns], axis=1)


def _by_length(messages: Sequence[bytes]) -> Iterator[tuple[NDArray[np.int64], Bytes]]:
    """Give, for every length that occurs, the places of its messages and the messages as rows."""
    lengths = np.fromiter(map(len, messages), np.int64, len(messages))
    characters = np.frombuffer(b"".join(messages), np.uint8)
    starts = np.cumsum(lengths) - lengths
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        yield places, characters[starts[places, np.newaxis] + np.arange(length)]
