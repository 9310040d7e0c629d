"""The check that a sender's corrections belong to one vector, whatever the receiver's positions are. README clause 8.

Random weights, drawn by the receiver once the corrections are there, sum all positions of ``c = e Δ + b`` up to one
block: ``Σ w c = Δ Σ w e + Σ w b``. The receiver masks ``Σ w e`` with a block whose product with Δ both share, and
the sender shows that it knows the rest, by a hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np

from protocols.errors import PeerProtocolError
from protocols.primitives.blocks import BLOCK_BYTES, Blocks, decode_blocks, encode_blocks, random_blocks
from protocols.primitives.gf128 import scale
from protocols.primitives.oblivious_transfer.consistency import universal_hash
from protocols.primitives.vole.consistency_kernels import combine_trees
from protocols.primitives.vole.parameters import VoleParameters
from protocols.randomness import SEED_BYTES, Randomness, SeededRandomness
from protocols.transcript import digest

COLLISION_BITS = 127
"""Two vectors that differ have the same sum with at most ``2^-128`` in each of two steps."""


def soundness_bits(collision_bits: int = COLLISION_BITS) -> float:
    """Return λ: with at most ``2^-λ`` a run passes whose sender is not bound to one vector. README clause 8.2.

    Vectors of different positions that have one sum weigh ``2^-collision_bits`` on average, so more than ``2^-s`` times
    as much with at most ``2^(s - collision_bits)``; then all but the heaviest of those that one proof fits weigh at
    most the root of it. The two are made equal.
    """
    share = collision_bits / 3
    return -log2(2**-share + 2 ** (-(collision_bits - share) / 2))


@dataclass(frozen=True)
class Challenge:
    """Receiver to sender: the ``seed`` of the weights (32 bytes), and ``masked``, the receiver's sum under its mask."""

    seed: bytes
    masked: Blocks

    def encode(self) -> bytes:
        """Return 48 bytes."""
        return self.seed + encode_blocks(self.masked)

    @classmethod
    def decode(cls, encoded: bytes) -> Challenge:
        """Read what a receiver sent.

        Raises:
            PeerProtocolError: another length.
        """
        if len(encoded) != SEED_BYTES + BLOCK_BYTES:
            raise PeerProtocolError("the challenge of the vector OLE has another length")
        return cls(encoded[:SEED_BYTES], decode_blocks(encoded[SEED_BYTES:]))


def challenge(
    noise: Blocks, mask: Blocks, product: Blocks, parameters: VoleParameters, session: bytes, randomness: Randomness
) -> tuple[Challenge, bytes]:
    """Return the receiver's challenge, and the proof (32 bytes) that an honest sender answers with.

    Args:
        noise: e and c side by side, (trees, leaves, 4).
        mask: a SECRET uniform block (2,).
        product: the receiver's share of ``mask`` times Δ, (2,).
        parameters: of the run.
        session: names the run.
        randomness: gives the weights' seed; called after the corrections are there.
    """
    seed = randomness.bytes(SEED_BYTES)
    masked, own = _sums(noise, np.stack([mask, product]), parameters, seed)
    return Challenge(seed, masked.reshape(1, 2)), _proof(session, own)


def proof(
    asked: Challenge, leaves: Blocks, product: Blocks, delta: Blocks, parameters: VoleParameters, session: bytes
) -> bytes:
    """Return the sender's answer, 32 bytes, from its ``leaves`` (trees, leaves, 2) and share of the mask's product.

    Only its hash leaves the sender: the sum itself would tell Δ to a receiver that masked something else.
    """
    (own,) = _sums(leaves, product.reshape(1, 2), parameters, asked.seed)
    return _proof(session, own ^ scale(asked.masked, delta)[0])


def require_proof(expected: bytes, given: bytes) -> None:
    """Return if the sender's proof is the one expected.

    Raises:
        PeerProtocolError: it is not; nothing is said about what is false.
    """
    if given != expected:
        raise PeerProtocolError("the check of the vector OLE failed")


def _sums(rows: Blocks, last: Blocks, parameters: VoleParameters, seed: bytes) -> Blocks:
    """Return for each of k vectors its weighted sum plus its ``last`` block, (k, 2).

    ``rows`` (trees, leaves, 2 k). Position i of tree j weighs ``ρ_j σ_i``: ρ first, then σ, from ``seed``.
    """
    stream = SeededRandomness(seed)
    of_trees, of_places = random_blocks(parameters.trees, stream), random_blocks(parameters.leaves, stream)
    summed = np.empty((parameters.leaves, rows.shape[2]), np.uint64)
    combine_trees(rows.reshape(parameters.trees, -1), of_trees, summed.reshape(-1))
    vectors = summed.reshape(parameters.leaves, -1, 2).swapaxes(0, 1)
    columns = np.concatenate([vectors, last[:, None]], axis=1)
    return universal_hash(columns.reshape(len(last), -1), of_places)


def _proof(session: bytes, total: Blocks) -> bytes:
    return digest("vole/check", session, encode_blocks(total))
