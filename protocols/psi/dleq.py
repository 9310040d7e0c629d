"""Batched proof that many elements were multiplied by one key: RFC 9497 section 2.2, mode VOPRF. README clause 11.

A Chaum-Pedersen proof of log_G(B) = log_M(Z) for random combinations M of the blinded and Z of the evaluated elements
(README clause 17, papers 6 and 7), made non-interactive by hashing.
"""

from __future__ import annotations

import hashlib

import numpy as np

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import SCALAR_BYTES, Point, Scalar, multiply_generator
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.hashing import framed, hash_to_scalars, join_columns
from protocols.psi.oprf import Mode, OprfKey, hash_to_scalar
from protocols.randomness import Randomness

PROOF_BYTES = 2 * SCALAR_BYTES  # c || s, both canonical
MAXIMUM_PROVEN = 2**16 - 1  # section 2.2.1: an element's number has two bytes

_MODE = Mode.VOPRF
_SEPARATION = _MODE.hash_to_scalar
_SEED_SEPARATION = b"Seed-" + _MODE.context
# RFC 9496 section 4: the generator's canonical encoding
GENERATOR = Point(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))


def generate_proof(key: OprfKey, public_key: Point, blinded: Rows, evaluated: Rows, randomness: Randomness) -> bytes:
    """Return the 64-byte proof that ``evaluated[i]`` is the key times ``blinded[i]``: GenerateProof, section 2.2.1.

    ``public_key`` is the key's own. One nonce is drawn from ``randomness``; the same one must never serve two proofs,
    for then anybody computes the key.
    """
    weights = _weights(public_key, blinded, evaluated)
    combined = _element(batch.linear_combination(weights, blinded))
    product = combined.multiply(key.scalar)  # ComputeCompositesFast: the evaluated elements' combination
    nonce = Scalar.random(randomness)
    commitments = multiply_generator(nonce).encoded, combined.multiply(nonce).encoded
    challenge = _challenge(public_key, combined.encoded, product.encoded, *commitments)
    response = nonce.subtract(challenge.multiply(key.scalar))
    return challenge.export_secret() + response.export_secret()


def verify_proof(public_key: Point, blinded: Rows, evaluated: Rows, proof: bytes) -> None:
    """Return if ``proof`` shows that one key, the one of ``public_key``, made all of ``evaluated``: section 2.2.2.

    Rows of both are valid elements, as many as each other.

    Raises:
        PeerProtocolError: it does not, or it is not two canonical scalars.
    """
    challenge, response = _parse(proof)
    weights = _weights(public_key, blinded, evaluated)
    try:
        combined = _element(batch.linear_combination(weights, blinded))
        product = _element(batch.linear_combination(weights, evaluated))
        commitments = (
            _combine(response, GENERATOR, challenge, public_key),
            _combine(response, combined, challenge, product),
        )
        expected = _challenge(public_key, combined.encoded, product.encoded, *commitments)
    except ParameterError:  # the identity where none can be: no honest proof
        raise PeerProtocolError("the proof of the key does not verify") from None
    if expected.export_secret() != challenge.export_secret():
        raise PeerProtocolError("the proof of the key does not verify")


def _weights(public_key: Point, blinded: Rows, evaluated: Rows) -> Rows:
    """Return the scalars d_i of ComputeComposites, section 2.2.1; the two arrays are as long as each other."""
    if blinded.shape != evaluated.shape or not 1 <= len(blinded) <= MAXIMUM_PROVEN:
        raise ParameterError(f"a proof is of 1..{MAXIMUM_PROVEN} pairs")
    seed = hashlib.sha512(_framed(public_key.encoded, _SEED_SEPARATION)).digest()
    numbers = np.arange(len(blinded), dtype=">u2").view(np.uint8).reshape(-1, 2)
    pairs = join_columns(_framed(seed), numbers, framed(blinded), framed(evaluated), b"Composite")
    return hash_to_scalars(pairs, _SEPARATION)


def _challenge(public_key: Point, *elements: bytes) -> Scalar:
    return hash_to_scalar(_framed(public_key.encoded, *elements) + b"Challenge", _SEPARATION)


def _combine(left: Scalar, first: Point, right: Scalar, second: Point) -> bytes:
    scalars = batch.rows(left.export_secret() + right.export_secret())
    return batch.linear_combination(scalars, batch.rows(first.encoded + second.encoded))


def _element(encoded: bytes) -> Point:
    """Return a combination as an element; the identity comes of chosen weights alone, and these are hashes."""
    if not np.frombuffer(encoded, dtype=np.uint8).any():
        raise ParameterError("a combination of elements is the identity")
    return Point(encoded)


def _parse(proof: bytes) -> tuple[Scalar, Scalar]:
    if len(proof) != PROOF_BYTES:
        raise PeerProtocolError(f"a proof has {PROOF_BYTES} bytes")
    try:
        return Scalar(proof[:SCALAR_BYTES]), Scalar(proof[SCALAR_BYTES:])
    except ParameterError:
        raise PeerProtocolError("a proof is not two canonical scalars") from None


def _framed(*parts: bytes) -> bytes:
    """Return every part behind its length in two bytes, I2OSP(len, 2)."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
