"""RFC 9497, modes OPRF and VOPRF, suite ristretto255-SHA512: the functions, named as there. README clauses 3, 4, 11."""

from __future__ import annotations

import hashlib
from enum import Enum

from protocols.errors import LocalProtocolError, ParameterError
from protocols.primitives.ristretto import UNIFORM_BYTES, Point, Scalar, multiply_generator
from protocols.randomness import Randomness

SUITE = "OPRF(ristretto255, SHA-512)"
VERIFIABLE_SUITE = "VOPRF(ristretto255, SHA-512)"
OUTPUT_BYTES = 64
SEED_BYTES = 32
MAXIMUM_INPUT_BYTES = 2**16 - 2  # RFC 9497 section 5.1: smaller than 2^16 - 1
MAXIMUM_INFO_BYTES = 2**16 - 1  # section 3.2.1


class Mode(Enum):
    """Mode of RFC 9497 section 3.1; the value is the byte in the context string."""

    OPRF = 0x00
    VOPRF = 0x01  # with a proof that the published key was used: protocols/psi/dleq.py

    @property
    def context(self) -> bytes:
        """CreateContextString, section 3.1: "OPRFV1-" || I2OSP(mode, 1) || "-" || identifier."""
        return b"OPRFV1-" + bytes([self.value]) + b"-ristretto255-SHA512"

    @property
    def hash_to_group(self) -> bytes:
        """The domain separation tag of HashToGroup, section 4.1."""
        return b"HashToGroup-" + self.context

    @property
    def hash_to_scalar(self) -> bytes:
        """The domain separation tag of HashToScalar, section 4.1."""
        return b"HashToScalar-" + self.context

    @property
    def derive_key_pair(self) -> bytes:
        """The domain separation tag of DeriveKeyPair, section 3.2.1: without a hyphen there."""
        return b"DeriveKeyPair" + self.context


CONTEXT = Mode.OPRF.context

_SHA512_BLOCK_BYTES = 128
_PADDED = hashlib.sha512(bytes(_SHA512_BLOCK_BYTES))


def expand_message_xmd(message: bytes, separation: bytes) -> bytes:
    """Return 64 uniform bytes: ``expand_message_xmd`` of RFC 9380 section 5.3.1 with SHA-512, one block.

    ``separation`` is the domain separation tag, at most 255 bytes.
    """
    if len(separation) > 255:
        raise ParameterError("a domain separation tag has at most 255 bytes")
    tag = separation + bytes([len(separation)])
    first = _PADDED.copy()  # the state after Z_pad is the same every time
    first.update(message + UNIFORM_BYTES.to_bytes(2, "big") + b"\x00" + tag)
    return hashlib.sha512(first.digest() + b"\x01" + tag).digest()


def hash_to_group(data: bytes, mode: Mode = Mode.OPRF) -> Point:
    """Return HashToGroup(data), RFC 9497 section 4.1.

    Raises:
        LocalProtocolError: the input is longer than 65,534 bytes.
    """
    if len(data) > MAXIMUM_INPUT_BYTES:
        raise LocalProtocolError(f"an input has at most {MAXIMUM_INPUT_BYTES} bytes")
    return Point.from_uniform(expand_message_xmd(data, mode.hash_to_group))


def hash_to_scalar(data: bytes, separation: bytes) -> Scalar:
    """Return HashToScalar(data) under the given domain separation tag, RFC 9497 section 4.1."""
    return Scalar.from_uniform(expand_message_xmd(data, separation))


class OprfKey:
    """The bureau's SECRET key of one bank and epoch; opaque, never pickled, exported only by :meth:`export_secret`."""

    __slots__ = ("scalar",)

    def __init__(self, secret: bytes) -> None:
        """Take the 32 bytes that :meth:`export_secret` gave; raises :class:`ParameterError` for any others."""
        self.scalar = Scalar(secret)

    def export_secret(self) -> bytes:
        """Return the SECRET scalar, 32 little-endian bytes, for sealing it at rest or handing it to a worker."""
        return self.scalar.export_secret()

    def public_key(self) -> Point:
        """Return the public key, ``k`` times the generator: what a VOPRF proof is checked against."""
        return multiply_generator(self.scalar)

    def __repr__(self) -> str:
        return "OprfKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("an OPRF key cannot be pickled")


def derive_key_pair(seed: bytes, info: bytes, mode: Mode = Mode.OPRF) -> OprfKey:
    """Return the secret key of DeriveKeyPair, RFC 9497 section 3.2.1. Mode OPRF never publishes the public one.

    Raises:
        ParameterError: the seed has not 32 bytes or ``info`` more than 65,535.
    """
    if len(seed) != SEED_BYTES or len(info) > MAXIMUM_INFO_BYTES:
        raise ParameterError("a key is derived from a seed of 32 bytes and at most 65,535 bytes of info")
    prefix = seed + len(info).to_bytes(2, "big") + info
    for counter in range(256):
        try:
            return OprfKey(hash_to_scalar(prefix + bytes([counter]), mode.derive_key_pair).export_secret())
        except ParameterError:  # the zero scalar, 2^-252: section 3.2.1 counts on
            continue
    raise ParameterError("no key comes of this seed")  # pragma: no cover


def blind(data: bytes, randomness: Randomness, mode: Mode = Mode.OPRF) -> tuple[Scalar, Point]:
    """Return (blind, blinded element) of Blind(data), RFC 9497 section 3.3.1; a fresh blind for every call."""
    scalar = Scalar.random(randomness)
    return scalar, hash_to_group(data, mode).multiply(scalar)


def blind_evaluate(key: OprfKey, blinded: Point) -> Point:
    """Return BlindEvaluate(key, blinded), RFC 9497 section 3.3.1."""
    return blinded.multiply(key.scalar)


def finalize(data: bytes, inverse_blind: Scalar, evaluated: Point) -> bytes:
    """Return the 64-byte output of Finalize, RFC 9497 section 3.3.1; takes the blind INVERTED already.

    Inverting a whole batch at once is five times as cheap, see :func:`protocols.primitives.ristretto.invert_all`.
    """
    return output(data, evaluated.multiply(inverse_blind).encoded)


def evaluate(key: OprfKey, data: bytes, mode: Mode = Mode.OPRF) -> bytes:
    """Return the 64-byte output of Evaluate(key, data), RFC 9497 section 3.3.1: what the key's holder computes."""
    return output(data, hash_to_group(data, mode).multiply(key.scalar).encoded)


def output(data: bytes, unblinded: bytes) -> bytes:
    """Return the 64 bytes of an input and its unblinded element's encoding: the hash of Finalize, section 3.3.1."""
    framed = len(data).to_bytes(2, "big") + data + len(unblinded).to_bytes(2, "big") + unblinded
    return hashlib.sha512(framed + b"Finalize").digest()
