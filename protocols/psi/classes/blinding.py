"""What both roles of a confusion table compute of loans and elements. README clauses 3 and 4."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.classes.messages import ROW_BYTES

# A tag of its own: what a table computes is of no use to any other protocol, whatever its key.
SEPARATION = b"HashToGroup-BANKTAX-CLASSES-V1-ristretto255-SHA512"
_ROW_LABEL = b"BANKTAX-CLASSES-V1-row"
ROW = np.dtype([("tag", "S12"), ("mask", "u1")])
RowArray = NDArray[np.void]


def raise_inputs(inputs: Sequence[bytes], scalars: Rows) -> Rows:
    """Return the scalars times the inputs' elements, in order; one scalar for each input, or a single one for all."""
    return batch.hash_and_multiply(inputs, SEPARATION, scalars)


def rows_of(elements: Rows) -> RowArray:
    """Return for every element its tag of twelve bytes and the mask of its class, the byte behind it (dtype ROW)."""
    return rows_from(b"".join(hashlib.sha512(_ROW_LABEL + row.tobytes()).digest()[:ROW_BYTES] for row in elements))


def rows_from(data: bytes) -> RowArray:
    """Return encoded rows as an array of dtype ROW; writable."""
    return np.frombuffer(bytearray(data), dtype=ROW)
