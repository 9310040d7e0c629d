"""RFC 9497's mode VOPRF in plain integers: an independent check of the vectors and of the batched proof.

Written from RFC 9497 sections 2.2, 3.2.1 and 3.3.2 over the group of ``ristretto_reference``; shares no code with the
package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tests.support import ristretto_reference as group
from tests.support.ristretto_reference import Element, L

GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
_CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"


def element(encoded: bytes) -> Element:
    """Decode an encoding that is known to be valid."""
    decoded = group.decode(encoded)
    assert decoded is not None
    return decoded


def hash_to_group(data: bytes) -> Element:
    return group.from_uniform(group.expand_message_xmd(data, b"HashToGroup-" + _CONTEXT, 64))


def derive_secret(seed: bytes, info: bytes) -> int:
    """DeriveKeyPair; the first counter that gives no zero."""
    data = seed + len(info).to_bytes(2, "big") + info
    drawn = (_scalar(data + bytes([counter]), b"DeriveKeyPair" + _CONTEXT) for counter in range(256))
    return next(secret for secret in drawn if secret)


def public_key(secret: int) -> bytes:
    return group.encode(group.multiply(secret, element(GENERATOR)))


def generate_proof(secret: int, blinded: Sequence[bytes], evaluated: Sequence[bytes], nonce: int) -> bytes:
    """GenerateProof of section 2.2.1 with the random scalar given."""
    public = public_key(secret)
    m, z = _composites(public, blinded, evaluated)
    t2 = group.encode(group.multiply(nonce, element(GENERATOR)))
    t3 = group.encode(group.multiply(nonce, m))
    c = _challenge(public, group.encode(m), group.encode(z), t2, t3)
    return c.to_bytes(32, "little") + ((nonce - c * secret) % L).to_bytes(32, "little")


def verify_proof(public: bytes, blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes) -> bool:
    """VerifyProof of section 2.2.2."""
    c, s = int.from_bytes(proof[:32], "little"), int.from_bytes(proof[32:], "little")
    m, z = _composites(public, blinded, evaluated)
    t2 = group.add(group.multiply(s, element(GENERATOR)), group.multiply(c, element(public)))
    t3 = group.add(group.multiply(s, m), group.multiply(c, z))
    expected = _challenge(public, group.encode(m), group.encode(z), group.encode(t2), group.encode(t3))
    return max(c, s) < L and expected == c


def _composites(public: bytes, blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> tuple[Element, Element]:
    seed = hashlib.sha512(_framed(public) + _framed(b"Seed-" + _CONTEXT)).digest()
    m, z = group.IDENTITY, group.IDENTITY
    for index, (before, after) in enumerate(zip(blinded, evaluated, strict=True)):
        data = _framed(seed) + index.to_bytes(2, "big") + _framed(before) + _framed(after) + b"Composite"
        weight = _scalar(data, b"HashToScalar-" + _CONTEXT)
        m = group.add(group.multiply(weight, element(before)), m)
        z = group.add(group.multiply(weight, element(after)), z)
    return m, z


def _challenge(*elements: bytes) -> int:
    return _scalar(b"".join(map(_framed, elements)) + b"Challenge", b"HashToScalar-" + _CONTEXT)


def _scalar(data: bytes, separation: bytes) -> int:
    return int.from_bytes(group.expand_message_xmd(data, separation, 64), "little") % L


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
