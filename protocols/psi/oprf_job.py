"""An OPRF job in batches: which positions a batch has, its client, and its transcript made again.

README clauses 12, 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import Point
from protocols.psi import batch
from protocols.psi.commitment import CommittedInput
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import Mode
from protocols.psi.transcript import messages_digest, part_digest, transcript_digest
from protocols.psi.verifiable import VerifiableClient
from protocols.psi.verifiable_messages import BlindedElements
from protocols.randomness import SeededRandomness


def batch_count(padded: int) -> int:
    """Return into how many batches ``padded`` positions fall: 4,096 each, the last one what is left."""
    return -(-padded // MAXIMUM_BATCH)


def check_batch(padded: int, first: int, count: int) -> int:
    """Return the number of the batch of ``count`` positions from ``first`` on; for the bureau, before it evaluates.

    Raises:
        PeerProtocolError: it is no batch of a job that committed to ``padded`` positions: it begins elsewhere, has
        another
            size, or asks for more than was committed to.
    """
    number, rest = divmod(first, MAXIMUM_BATCH)
    if rest or not 0 <= number < batch_count(padded):
        raise PeerProtocolError("a batch begins where none does, or beyond what was committed to")
    if count != min(MAXIMUM_BATCH, padded - first):
        raise PeerProtocolError("a batch has another size than the commitment gives it")
    return number


def batch_inputs(committed: CommittedInput, number: int) -> list[bytes]:
    """Return what batch ``number`` asks for, in order: codes and dummies."""
    return committed.inputs(number * MAXIMUM_BATCH, MAXIMUM_BATCH)


def batch_client(committed: CommittedInput, number: int, public_key: Point) -> VerifiableClient:
    """Return the bank's machine for batch ``number``; made again after a restart, it sends the same bytes."""
    return VerifiableClient(batch_inputs(committed, number), public_key, _blinding(committed, number))


def blinded_batch(committed: CommittedInput, number: int) -> bytes:
    """Return the bank's message of batch ``number``, byte for byte, for the one who checks it."""
    inputs = batch_inputs(committed, number)
    blinds = batch.random_scalars(len(inputs), _blinding(committed, number))
    return BlindedElements.computed(batch.hash_and_multiply(inputs, Mode.VOPRF.hash_to_group, blinds)).encode()


def rebuild(
    committed: CommittedInput,
    *,
    session_id: bytes,
    terms: bytes,
    evaluated: Mapping[int, bytes],
    expected: bytes,
    further: Mapping[int, bytes] = MappingProxyType({}),
) -> None:
    """Make the transcript of an opened OPRF job again; return if it is the one that both sides signed.

    ``committed`` is what :func:`~protocols.psi.commitment.verify_opening` gave for the opened set and seed,
    ``evaluated`` the digest of the bureau's message of every batch, which the bank kept, ``expected`` the signed
    transcript digest, ``further`` the digests of parts behind the batches, made again by the
    caller (classes, clause 4).

    Raises:
        PeerProtocolError: the bank's messages were not those of the opened set and seed, or something else differs.
    """
    count = batch_count(committed.padded)
    if sorted(evaluated) != list(range(count)):
        raise PeerProtocolError("the digests of the bureau's answers are not one for each batch")
    parts = {number: _part(committed, number, evaluated[number]) for number in range(count)}
    rebuilt = transcript_digest(
        committed.context,
        root=committed.root,
        padded=committed.padded,
        session_id=session_id,
        terms=terms,
        parts={**parts, **further},
        count=count + len(further),
    )
    if rebuilt != expected:
        raise PeerProtocolError("the opened set and seed do not give the transcript that was signed")


def _part(committed: CommittedInput, number: int, evaluated: bytes) -> bytes:
    return part_digest(number, messages_digest([blinded_batch(committed, number)]), evaluated)


def _blinding(committed: CommittedInput, number: int) -> SeededRandomness:
    return committed.seed.randomness("oprf/blinds", number)
