"""What both roles compute of codes and elements. README clauses 2 and 3."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.shuffle import permutation
from protocols.psi.tags import TAG_BYTES
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


def tags_of(elements: Rows) -> list[bytes]:
    """Return the first 12 bytes of the hash of every element's encoding, in order."""
    return [hashlib.sha512(_TAG_LABEL + row.tobytes()).digest()[:TAG_BYTES] for row in elements]
