"""Labels of a list's codes, sealed so that only the output of the code's own evaluation opens them. README clause 14.

The bank downloads all of them and opens those of its matches: the bureau does not learn which. One key a label, from
all 64 bytes of the output (the tag shows twelve of them, the others stay unknown to whoever did not ask for the code).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.oprf import OUTPUT_BYTES
from protocols.randomness import Randomness
from protocols.transcript import bind

MAXIMUM_LABEL_BYTES = 1024
KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12
SEAL_BYTES = 16
_LENGTH_BYTES = 2


def sealed_bytes(width: int) -> int:
    """Return the size of a sealed label for labels of at most ``width`` bytes: all of a segment have the same.

    Raises:
        ParameterError: ``width`` is outside of 1..1024.
    """
    if not 1 <= width <= MAXIMUM_LABEL_BYTES:
        raise ParameterError(f"labels have at most 1..{MAXIMUM_LABEL_BYTES} bytes")
    return NONCE_BYTES + _LENGTH_BYTES + width + SEAL_BYTES


def seal_label(output: bytes, label: bytes, *, segment: int, width: int, randomness: Randomness) -> bytes:
    """Return ``label`` (0..``width`` bytes) sealed for segment number ``segment`` under the code's 64-byte output.

    The nonce is random: a label that changes is sealed anew under the same key, in this segment or another.

    Raises:
        ParameterError: the label is longer than ``width``.
    """
    size = sealed_bytes(width)
    if len(label) > width:
        raise ParameterError(f"a label has at most {width} bytes")
    plain = len(label).to_bytes(_LENGTH_BYTES, "big") + label.ljust(width, b"\x00")
    nonce = randomness.bytes(NONCE_BYTES)
    sealed = nonce + _cipher(output, segment).encrypt(nonce, plain, _associated(segment))
    assert len(sealed) == size
    return sealed


def open_label(output: bytes, sealed: bytes, *, segment: int, width: int) -> bytes:
    """Return the label that was sealed for segment ``segment`` under the code's 64-byte output.

    Raises:
        PeerProtocolError: it was not: another code's, another segment's, changed, or of another size.
    """
    if len(sealed) != sealed_bytes(width):
        raise PeerProtocolError("a sealed label has another size than its segment's")
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        plain = _cipher(output, segment).decrypt(nonce, body, _associated(segment))
    except InvalidTag:
        raise PeerProtocolError("a label does not open under its code's output and segment") from None
    length, padded = int.from_bytes(plain[:_LENGTH_BYTES], "big"), plain[_LENGTH_BYTES:]
    if length > width or any(padded[length:]):
        raise PeerProtocolError("a label is not padded as it has to be")
    return padded[:length]


def decoy_label(width: int, randomness: Randomness) -> bytes:
    """Return what stands beside a padding tag: random bytes, which nobody can tell from a sealed label."""
    return randomness.bytes(sealed_bytes(width))


def _cipher(output: bytes, segment: int) -> AESGCM:
    """HKDF-SHA256 (RFC 5869) from the output, uniform to whoever does not know it; AES-256-GCM (SP 800-38D)."""
    if len(output) != OUTPUT_BYTES:
        raise ParameterError(f"an OPRF output has {OUTPUT_BYTES} bytes")
    info = bind("psi/label/key", segment.to_bytes(4, "big"))
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(output))


def _associated(segment: int) -> bytes:
    return bind("psi/label", segment.to_bytes(4, "big"))
