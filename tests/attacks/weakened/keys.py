"""A key generator that draws everything from one stream, as libraries do that take one seed for a whole context."""

from __future__ import annotations

import numpy as np

from protocols.primitives.bfv_keys import BfvPublicKey
from protocols.primitives.bfv_packing import Residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_sampling import Small, centred_binomial, ternary, uniform_element
from protocols.primitives.bfv_seal import ring
from protocols.randomness import SeededRandomness

_PRIMES = np.array(BFV_8192_1.data_primes, dtype=np.int64)[:, None]


def one_seed_key(master: bytes) -> BfvPublicKey:
    """Return a public key whose a is expanded from the very seed that its s came of."""
    secret, error = ternary(SeededRandomness(master)), centred_binomial(SeededRandomness(master))
    product = _product(uniform_element(master), secret)
    b = np.remainder(error - product.astype(np.int64), _PRIMES).astype(np.uint64)
    return BfvPublicKey(master, b)


def _product(element: Residues, small: Small) -> Residues:
    pair = ring().transform(ring().pair(np.stack([element, element])))
    out: Residues = ring().residues(ring().restore(ring().product(pair, ring().plain(small))))[0]
    return out
