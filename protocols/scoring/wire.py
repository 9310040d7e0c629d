"""The sizes and checks of each profile's wire form (README §5); a profile that is not here does not exist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocols.errors import PeerProtocolError
from protocols.primitives import bfv_keys, paillier
from protocols.primitives.bfv_packing import unpack_polynomials, unpack_residues
from protocols.primitives.bfv_profile import BFV_8192_1

MAX_PROFILE_BYTES = 32


@dataclass(frozen=True)
class WireFormat:
    """What one profile's objects look like, each size exact, each check raising ``PeerProtocolError``."""

    profile: str
    public_key_bytes: int
    ciphertext_bytes: int
    shared_bytes: int
    """Bytes of a response that all its rows share."""
    row_bytes: int
    """Bytes of a response for each row."""
    chunk_rows: int
    """Rows of one evaluation at most, canaries included."""
    check_ciphertexts: Callable[[bytes, Sequence[bytes]], None]
    """Takes the public key and the ciphertexts."""
    check_scores: Callable[[bytes, bytes], None]
    """Takes the shared part and the rows."""


def _check_bfv_ciphertexts(public_key: bytes, ciphertexts: Sequence[bytes]) -> None:
    bfv_keys.BfvPublicKey.decode(public_key)
    for ciphertext in ciphertexts:
        if not unpack_polynomials(ciphertext, 2)[1].any():
            raise PeerProtocolError("a ciphertext is degenerate")


def _check_bfv_scores(shared: bytes, rows: bytes) -> None:
    prime = BFV_8192_1.response_prime
    if not unpack_residues(shared, BFV_8192_1.degree, prime).any():
        raise PeerProtocolError("a response is not encrypted")
    unpack_residues(rows, len(rows) // BFV_8192_1.response_residue_bytes, prime)


def _check_paillier_ciphertexts(public_key: bytes, ciphertexts: Sequence[bytes]) -> None:
    key = paillier.PaillierPublicKey.decode(public_key)
    for ciphertext in ciphertexts:
        key.decode_ciphertext(ciphertext)


def _check_paillier_scores(shared: bytes, rows: bytes) -> None:
    del shared, rows  # the modulus is the receiver's own: its decryptor checks every value


BFV_WIRE = WireFormat(
    profile=BFV_8192_1.name,
    public_key_bytes=bfv_keys.PUBLIC_KEY_BYTES,
    ciphertext_bytes=bfv_keys.CIPHERTEXT_BYTES,
    shared_bytes=BFV_8192_1.degree * BFV_8192_1.response_residue_bytes,
    row_bytes=BFV_8192_1.response_residue_bytes,
    chunk_rows=BFV_8192_1.degree,
    check_ciphertexts=_check_bfv_ciphertexts,
    check_scores=_check_bfv_scores,
)
PAILLIER_WIRE = WireFormat(
    profile=paillier.PROFILE_NAME,
    public_key_bytes=paillier.PUBLIC_KEY_BYTES,
    ciphertext_bytes=paillier.CIPHERTEXT_BYTES,
    shared_bytes=0,
    row_bytes=paillier.CIPHERTEXT_BYTES,
    chunk_rows=256,
    check_ciphertexts=_check_paillier_ciphertexts,
    check_scores=_check_paillier_scores,
)
FORMATS = {wire.profile: wire for wire in (BFV_WIRE, PAILLIER_WIRE)}


def wire_format(profile: str) -> WireFormat:
    """Return the format of a profile that a peer named.

    Raises:
        PeerProtocolError: no such profile.
    """
    try:
        return FORMATS[profile]
    except KeyError:
        raise PeerProtocolError("the profile is unknown") from None
