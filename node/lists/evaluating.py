"""What worker processes compute for a list: tags and sealed labels of a slice, answers to a bank's batch.

Top-level functions of plain values. Secrets reach a worker through its own pipe and live in its memory only.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from node.lists.listfile import CODE_BYTES
from protocols.errors import ParameterError
from protocols.psi.evaluation import evaluate_outputs
from protocols.psi.labels import seal_label, sealed_bytes
from protocols.psi.oprf import Mode, OprfKey
from protocols.psi.tags import TAG, TAG_BYTES, TagSet, ascending, distinct, truncate
from protocols.psi.verifiable import VerifiableServer
from protocols.psi.verifiable_messages import BlindedElements
from protocols.randomness import Randomness, SeededRandomness, SystemRandomness, derive_seed

SLICE_CODES = 4096
_PADDING_DRAWS = 4  # more than one only if a random tag falls on another one


def evaluate_slice(
    key_secret: bytes, codes: bytes, labels: bytes, label_bytes: int, segment: int
) -> tuple[bytes, bytes]:
    """Return the tags of a slice of the list and, where ``label_bytes`` is not 0, its sealed labels, both in order.

    ``codes`` and ``labels`` are the slice's rows one after the other; ``key_secret`` is the SECRET key of the epoch,
    ``segment`` the number that labels are sealed for.
    """
    inputs = np.frombuffer(codes, f"S{CODE_BYTES}").tolist()  # NumPy leaves zeros at the end out
    outputs = evaluate_outputs(key_secret, inputs, Mode.VOPRF)
    tags = truncate(outputs).tobytes()
    if not label_bytes:
        return tags, b""
    randomness = SystemRandomness()
    rows = (labels[at : at + label_bytes] for at in range(0, len(labels), label_bytes))
    sealed = [
        seal_label(one.tobytes(), row.rstrip(b"\x00"), segment=segment, width=label_bytes, randomness=randomness)
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
    order = ascending(whole)
    ordered = whole[order]
    if bool((ordered[1:] == ordered[:-1]).any()) or (label_bytes and len(sealed) != len(tags)):
        raise ParameterError("the tags of a segment are not distinct, or not one label stands beside each")
    if not label_bytes:
        return ordered.tobytes(), b""
    filler = np.frombuffer(randomness.bytes(len(padding) * label_bytes), dtype=np.uint8).reshape(-1, label_bytes)
    return ordered.tobytes(), np.concatenate([sealed, filler])[order].tobytes()


def fresh_tags(tags: NDArray[np.bytes_], wanted: int, randomness: Randomness) -> NDArray[np.bytes_]:
    """Return ``wanted`` random tags, distinct and none of ``tags``.

    Raises:
        ParameterError: the source of randomness repeats itself.
    """
    known = TagSet(distinct(tags))
    found: NDArray[np.bytes_] = np.empty(0, dtype=TAG)
    for _ in range(_PADDING_DRAWS):
        if len(found) == wanted:
            break
        drawn = np.frombuffer(randomness.bytes((wanted - len(found)) * TAG_BYTES), dtype=TAG)
        found = distinct(np.concatenate([found, drawn[~known.held(drawn)]]))
    if len(found) != wanted:
        raise ParameterError("the source of randomness repeats itself")
    return found
