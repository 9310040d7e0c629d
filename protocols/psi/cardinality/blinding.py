"""What both roles compute of codes and elements. README clauses 2 and 3."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.sha512 import hash_messages
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.hashing import join_columns
from protocols.psi.shuffle import permutation
from protocols.psi.tags import truncate
from protocols.randomness import Randomness

# A tag of its own: what a count computes is of no use to any other protocol, whatever its key.
SEPARATION = b"HashToGroup-BANKTAX-COUNT-V1-ristretto255-SHA512"
_TAG_LABEL = b"BANKTAX-COUNT-V1-tag"


def raise_inputs(inputs: Sequence[bytes], scalar: Rows) -> Rows:
    """Return the one ``scalar`` times every input's element, in order."""
    return batch.hash_and_multiply(inputs, SEPARATION, scalar)


def shuffled(elements: Rows, randomness: Randomness) -> Rows:
    """Return the rows in a uniformly random order."""
    return np.ascontiguousarray(elements[permutation(len(elements), randomness)])


def tags_of(elements: Rows) -> NDArray[np.bytes_]:
    """Return the first 12 bytes of the hash of every element's encoding, dtype S12, in order."""
    return truncate(hash_messages(join_columns(_TAG_LABEL, elements)))
