"""The digest of all that was said in a screening job, which both sides sign. README clause 13.

A job's messages fall into numbered parts: a batch of an OPRF job, a bucket of a vole job, the one exchange of a count.
Parts may be in flight together and survive a restart, so the digest is over the parts in their order, not over time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from protocols.errors import LocalProtocolError, ParameterError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.job import JobContext
from protocols.psi.segments import Segment
from protocols.transcript import DIGEST_BYTES, bind, digest

SESSION_BYTES = 16


class MessagesDigest:
    """SHA-256 over one side's messages of one part, each behind its length: for a stream of them."""

    def __init__(self) -> None:
        self._running = hashlib.sha256()

    def add(self, message: bytes) -> None:
        """Take the side's next whole message."""
        self._running.update(len(message).to_bytes(8, "big"))
        self._running.update(message)

    def digest(self) -> bytes:
        """Return the digest of the messages so far, 32 bytes."""
        return self._running.digest()


def messages_digest(messages: Iterable[bytes]) -> bytes:
    """Return :class:`MessagesDigest` of all ``messages`` of one side in one part."""
    running = MessagesDigest()
    for message in messages:
        running.add(message)
    return running.digest()


def part_digest(number: int, bank: bytes, bureau: bytes) -> bytes:
    """Return the digest of part ``number`` from the digests of both sides' messages, 32 bytes each.

    The bank keeps ``bureau`` of every part: with it an auditor needs the bank's messages alone to get the same digest.
    """
    if len(bank) != DIGEST_BYTES or len(bureau) != DIGEST_BYTES:
        raise ParameterError(f"a digest has {DIGEST_BYTES} bytes")
    return digest("psi/transcript/part", number.to_bytes(4, "big"), bank, bureau)


def batch_digest(number: int, blinded: bytes, evaluated: bytes, proof: bytes) -> bytes:
    """Return the digest of one batch of an OPRF job from its two messages."""
    return part_digest(number, messages_digest([blinded]), evaluated_digest(evaluated, proof))


def evaluated_digest(evaluated: bytes, proof: bytes) -> bytes:
    """Return the digest of the bureau's message of one batch: what the bank keeps of it for an audit."""
    return messages_digest([evaluated + proof])


def oprf_terms(*, epoch_id: bytes, public_key: bytes, segments: Sequence[Segment]) -> bytes:
    """Return what an OPRF job ran under, encoded: the epoch, its key, and every segment that was published in it.

    Where no labels are asked for, :meth:`Segment.without_labels` gives what each segment is.
    """
    return bind("psi/terms/oprf", epoch_id, public_key, *(one.encode() for one in segments))


def vole_terms(
    *, list_items: int, buckets: int, bucket_key: bytes, security: SecurityProfile = SecurityProfile.SEMI_HONEST
) -> bytes:
    """Return what a vole job ran under, encoded."""
    counts = list_items.to_bytes(8, "big"), buckets.to_bytes(4, "big")
    return bind("psi/terms/vole", *counts, bucket_key, security.encode("ascii"))


def count_terms(*, list_items: int) -> bytes:
    """Return what a counting job ran under, encoded."""
    return bind("psi/terms/count", list_items.to_bytes(8, "big"))


def transcript_digest(
    context: JobContext,
    *,
    root: bytes,
    padded: int,
    session_id: bytes,
    terms: bytes,
    parts: Mapping[int, bytes],
    count: int,
) -> bytes:
    """Return the digest that both sides sign.

    ``root`` and ``padded`` are those of the bank's commitment, ``terms`` what one of the functions above gave,
    ``parts`` the digest of every part by its number.

    Raises:
        LocalProtocolError: ``parts`` are not numbers 0..count-1, all of them.
    """
    if len(session_id) != SESSION_BYTES or len(root) != DIGEST_BYTES:
        raise ParameterError("a session's id or a commitment has another length")
    if len(parts) != count or any(number not in parts for number in range(count)):
        raise LocalProtocolError("parts of the job are missing: it is not done")
    ordered = b"".join(parts[number] for number in range(count))
    head = context.encode(), session_id, root, padded.to_bytes(4, "big"), terms
    return digest("psi/transcript", *head, count.to_bytes(4, "big"), ordered)
