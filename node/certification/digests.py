"""The digests that an admission names a model's key and ciphertexts by."""

from __future__ import annotations

from collections.abc import Sequence

from node.policy.admission import Admission
from protocols.scoring.engine import EncryptedModel
from protocols.transcript import digest


def public_key_digest(public_key: bytes) -> str:
    """Return the digest of a public key in its canonical form, 64 hexadecimal digits."""
    return digest("certification/public-key", public_key).hex()


def ciphertext_digest(ciphertext: bytes) -> str:
    """Return the digest of one ciphertext in its canonical form, 64 hexadecimal digits."""
    return digest("certification/ciphertext", ciphertext).hex()


def ciphertext_digests(encrypted: EncryptedModel) -> tuple[str, ...]:
    """Return the digest of every ciphertext, in the order of the columns."""
    return tuple(ciphertext_digest(ciphertext) for ciphertext in encrypted.ciphertexts)


def parts_digest(public_key: str, ciphertexts: Sequence[str]) -> bytes:
    """Return one digest over those of a public key and of ciphertexts in order; 32 bytes."""
    return digest("certification/parts", *map(bytes.fromhex, (public_key, *ciphertexts)))


def names_exactly(admission: Admission, encrypted: EncryptedModel) -> bool:
    """Whether an admission names this public key and these ciphertexts in this order, and no others."""
    return (
        admission.profile == encrypted.profile
        and admission.encrypted_digest == encrypted.digest().hex()
        and admission.public_key_digest == public_key_digest(encrypted.public_key)
        and admission.ciphertext_digests == ciphertext_digests(encrypted)
    )
