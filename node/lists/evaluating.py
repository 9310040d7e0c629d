"""What worker processes compute for a list: tags and sealed labels of a slice, answers to a bank's batch.

Top-level functions of plain values. Secrets reach a worker through its own pipe and live in its memory only.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from node.lists.listfile import CODE_BYTES
from protocols.errors import ParameterError
from protocols.psi import batch
from protocols.psi.labels import seal_label, sealed_bytes
from protocols.psi.oprf import Mode, OprfKey, output
from protocols.psi.tags import TAG_BYTES, tag
from protocols.psi.verifiable import VerifiableServer
from protocols.psi.verifiable_messages import BlindedElements
from protocols.randomness import Randomness, SeededRandomness, SystemRandomness, derive_seed

SLICE_CODES = 4096
_PADDING_DRAWS = 4  # more than one only if a random tag falls on another one
_TAG = np.dtype(f"S{TAG_BYTES}")


def evaluate_slice(
    key_secret: bytes, codes: bytes, labels: bytes, label_bytes: int, segment: int
) -> tuple[bytes, bytes]:
    """Return the tags of a slice of the list and, where ``label_bytes`` is not 0, its sealed labels, both in order.

    ``codes`` and ``labels`` are the slice's rows one after the other; ``key_secret`` is the SECRET key of the epoch,
    ``segment`` the number that labels are sealed for.
    """
    inputs = [codes[at : at + CODE_BYTES].rstrip(b"\x00") for at in range(0, len(codes), CODE_BYTES)]
    elements = batch.hash_and_multiply(inputs, Mode.VOPRF.hash_to_group, batch.rows(key_secret))
    outputs = [output(data, element.tobytes()) for data, element in zip(inputs, elements, strict=True)]
    tags = b"".join(map(tag, outputs))
    if not label_bytes:
        return tags, b""
    randomness = SystemRandomness()
    rows = (labels[at : at + label_bytes] for at in range(0, len(labels), label_bytes))
    sealed = [
        seal_label(one, row.rstrip(b"\x00"), segment=segment, width=label_bytes, randomness=randomness)
        for one, row in zip(outputs, rows, strict=True)
    ]
    return tags, b"".join(sealed)


def answer_batch(key_secret: bytes, blinded: bytes) -> tuple[bytes, bytes]:
    """Return the evaluation of a blinded batch and the proof of its key: the same bytes for the same batch.

    The proof's nonce follows from key and batch, as RFC 6979 section 3.2 does it for signatures: the batch that was
    lost on its way is proven alike, so that both sides have one transcript, and no nonce serves two batches.

    Raises:
        PeerProtocolError: the batch is malformed: an invalid element, the identity, one that stands twice.
    """
    nonce = SeededRandomness(derive_seed(key_secret, "screening/proof", hashlib.sha256(blinded).digest()))
    (answer,) = VerifiableServer(OprfKey(key_secret), nonce).receive(BlindedElements(blinded))
    return answer.encoded, answer.proof


def sealed_length(label_bytes: int) -> int:
    """Return the bytes of one sealed label, 0 without labels."""
    return sealed_bytes(label_bytes) if label_bytes else 0


def assemble(
    tags: NDArray[np.bytes_],
    sealed: NDArray[np.uint8],
    padding: NDArray[np.bytes_],
    label_bytes: int,
    randomness: Randomness,
) -> tuple[bytes, bytes]:
    """Return ``tags`` and ``padding`` in ascending order, and their sealed labels, random bytes beside padding.

    ``label_bytes`` is the length of one sealed label. Without the key a random tag cannot be told from a real one,
    nor random bytes from a sealed label.

    Raises:
        ParameterError: a tag stands twice, or not one label stands beside each.
    """
    whole = np.concatenate([tags, padding])
    if len(np.unique(whole)) != len(whole) or (label_bytes and len(sealed) != len(tags)):
        raise ParameterError("the tags of a segment are not distinct, or not one label stands beside each")
    order = np.argsort(whole, kind="stable")
    if not label_bytes:
        return whole[order].tobytes(), b""
    filler = np.frombuffer(randomness.bytes(len(padding) * label_bytes), dtype=np.uint8).reshape(-1, label_bytes)
    return whole[order].tobytes(), np.concatenate([sealed, filler])[order].tobytes()


def fresh_tags(tags: NDArray[np.bytes_], wanted: int, randomness: Randomness) -> NDArray[np.bytes_]:
    """Return ``wanted`` random tags, distinct and none of ``tags``.

    Raises:
        ParameterError: the source of randomness repeats itself.
    """
    found: NDArray[np.bytes_] = np.empty(0, dtype=_TAG)
    for _ in range(_PADDING_DRAWS):
        drawn = np.frombuffer(randomness.bytes((wanted - len(found)) * TAG_BYTES), dtype=_TAG)
        found = np.setdiff1d(np.unique(np.concatenate([found, drawn])), tags)
    if len(found) != wanted:
        raise ParameterError("the source of randomness repeats itself")
    return found
