"""A job over the OPRF in batches, and its transcript, which an auditor makes again from the opened set and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.ristretto import Scalar
from protocols.psi import oprf
from protocols.psi.commitment import CommittedInput, verify_opening
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import Mode, derive_key_pair
from protocols.psi.oprf_job import batch_client, batch_count, batch_inputs, blinded_batch, check_batch, rebuild
from protocols.psi.segments import Segment, SegmentKind
from protocols.psi.transcript import (
    MessagesDigest,
    batch_digest,
    count_terms,
    evaluated_digest,
    messages_digest,
    oprf_terms,
    part_digest,
    transcript_digest,
    vole_terms,
)
from protocols.psi.verifiable import VerifiableServer
from protocols.randomness import SeededRandomness
from tests.support import psi_commitment_reference as reference
from tests.support.psi_jobs import CONTEXT, SEED, codes, committed

KEY = derive_key_pair(bytes(32), b"an epoch", Mode.VOPRF)
SESSION = bytes(range(16))
EPOCH: dict[str, Any] = {
    "epoch_id": bytes(16),
    "public_key": KEY.public_key().encoded,
    "segments": (Segment(0, SegmentKind.BASE, 1024, bytes(range(32))),),
}


def segments(**changes: Any) -> tuple[Segment, ...]:
    """Return the epoch's one segment with members that are otherwise."""
    return (replace(EPOCH["segments"][0], **changes),)


@dataclass(frozen=True)
class _Run:
    """What a job left behind on both sides."""

    committed: CommittedInput
    evaluated: Mapping[int, bytes]
    outputs: tuple[bytes, ...]
    transcript: bytes


def _run(given: CommittedInput) -> _Run:
    parts: dict[int, bytes] = {}
    evaluated: dict[int, bytes] = {}
    outputs: list[bytes] = []
    for number in range(batch_count(given.padded)):
        client = batch_client(given, number, KEY.public_key())
        (blinded,) = client.start()
        (answer,) = VerifiableServer(KEY, SeededRandomness(bytes([number] * 32))).receive(blinded)
        client.receive(answer)
        outputs.extend(client.result())
        parts[number] = batch_digest(number, blinded.encode(), answer.encoded, answer.proof)
        evaluated[number] = evaluated_digest(answer.encoded, answer.proof)
    return _Run(given, evaluated, tuple(outputs), _digest(given, parts))


def _digest(given: CommittedInput, parts: Mapping[int, bytes]) -> bytes:
    return transcript_digest(
        given.context,
        root=given.root,
        padded=given.padded,
        session_id=SESSION,
        terms=oprf_terms(**EPOCH),
        parts=parts,
        count=batch_count(given.padded),
    )


def _rebuild(run: _Run, **change: Any) -> None:
    given: dict[str, Any] = {
        "session_id": SESSION,
        "terms": oprf_terms(**EPOCH),
        "evaluated": run.evaluated,
        "expected": run.transcript,
    }
    rebuild(change.pop("committed", run.committed), **{**given, **change})


@pytest.fixture(scope="module")
def run() -> _Run:
    return _run(committed(codes(50)))


@pytest.fixture(scope="module")
def long_run() -> _Run:
    """Two batches, the last one of a single position; what the bureau said is bytes to a transcript, whichever."""
    given = committed(codes(4000), MAXIMUM_BATCH + 1)
    said = {0: b"first answer", 1: b"second answer"}
    parts = {
        number: batch_digest(number, blinded_batch(given, number), each, b"proof") for number, each in said.items()
    }
    evaluated = {number: evaluated_digest(each, b"proof") for number, each in said.items()}
    return _Run(given, evaluated, (), _digest(given, parts))


def test_the_outputs_are_what_the_keys_holder_computes(run: _Run) -> None:
    inputs = batch_inputs(run.committed, 0)
    assert run.outputs == tuple(oprf.evaluate(KEY, data, Mode.VOPRF) for data in inputs)


def test_an_opened_set_and_seed_rebuild_the_transcript(run: _Run) -> None:
    opened = verify_opening(CONTEXT, run.committed.root, run.committed.padded, SEED, codes(50)[::-1])
    _rebuild(run, committed=opened)


def test_several_batches_rebuild_and_none_may_be_missing_or_exchanged(long_run: _Run) -> None:
    _rebuild(long_run)
    zero, one = long_run.evaluated[0], long_run.evaluated[1]
    for evaluated in ({}, {0: zero}, {1: one}, {0: zero, 1: one, 2: one}, {0: zero, 2: one}):
        with pytest.raises(PeerProtocolError, match="one for each batch"):
            _rebuild(long_run, evaluated=evaluated)
    with pytest.raises(PeerProtocolError, match="do not give the transcript"):
        _rebuild(long_run, evaluated={0: one, 1: zero})


def test_a_batch_is_blinded_alike_after_a_restart_and_for_the_auditor(long_run: _Run) -> None:
    again = committed(codes(4000)[::-1], MAXIMUM_BATCH + 1)
    (blinded,) = batch_client(again, 1, KEY.public_key()).start()
    assert blinded.encode() == blinded_batch(long_run.committed, 1)
    assert len(blinded) == 1
    assert batch_inputs(again, 0) + batch_inputs(again, 1) == long_run.committed.inputs(0, MAXIMUM_BATCH + 1)


def test_a_batch_is_blinded_from_the_seed_as_the_reference_does(run: _Run) -> None:
    drawn = reference.stream(SEED, "psi/job/oprf/blinds", 64 * 64, 0)
    expected = b""
    for place, data in enumerate(batch_inputs(run.committed, 0)):
        scalar = Scalar.from_uniform(drawn[64 * place : 64 * (place + 1)])
        expected += oprf.hash_to_group(data, Mode.VOPRF).multiply(scalar).encoded
    assert blinded_batch(run.committed, 0) == expected


def test_no_two_batches_or_jobs_share_a_blind() -> None:
    # One code in one batch each: the elements are equal exactly if the blinds are.
    alone = [committed([b"A"], 1, seed) for seed in (SEED, bytes(32))]
    assert blinded_batch(alone[0], 0) != blinded_batch(alone[1], 0)
    streams = {alone[0].seed.randomness("oprf/blinds", number).bytes(64) for number in range(3)}
    assert len(streams) == 3


def test_another_set_seed_job_or_answer_does_not_rebuild(run: _Run) -> None:
    others = [
        committed(codes(51)),
        committed([*codes(49), b"91350100M00000000X"]),
        committed(codes(50), seed=bytes(32)),
        CommittedInput(replace(CONTEXT, purpose="another"), run.committed.seed, codes(50)),
        committed(codes(50), 65),
    ]
    for other in others:
        with pytest.raises(PeerProtocolError, match="do not give the transcript"):
            _rebuild(run, committed=other)
    changes: list[dict[str, Any]] = [
        {"evaluated": {0: bytes(32)}},
        {"session_id": bytes(16)},
        {"terms": oprf_terms(**{**EPOCH, "segments": segments(number=2)})},
        {"expected": bytes(32)},
    ]
    for change in changes:
        with pytest.raises(PeerProtocolError, match="do not give the transcript"):
            _rebuild(run, **change)


def test_a_message_that_was_not_the_seeds_does_not_rebuild(run: _Run) -> None:
    # The bank slipped one more code in, in a dummy's place: its message is another one than the opened set gives.
    client = batch_client(run.committed, 0, KEY.public_key())
    (honest,) = client.start()
    element = oprf.hash_to_group(b"somebody else", Mode.VOPRF).encoded
    sent = element + honest.encode()[32:]
    part = part_digest(0, messages_digest([sent]), run.evaluated[0])
    with pytest.raises(PeerProtocolError, match="do not give the transcript"):
        _rebuild(run, expected=_digest(run.committed, {0: part}))


@pytest.mark.parametrize(
    "change",
    [
        {"epoch_id": bytes([1] * 16)},
        {"public_key": bytes(32)},
        {"segments": segments(count=1025)},
        {"segments": segments(tags_digest=bytes(32))},
        {"segments": segments(number=2)},
        {"segments": segments(kind=SegmentKind.REMOVED)},
        {"segments": segments(labels_digest=bytes(32), label_bytes=46)},
        {"segments": segments() * 2},
        {"segments": ()},
    ],
    ids=["epoch id", "key", "count", "digest", "number", "kind", "labels", "one more", "none"],
)
def test_the_terms_of_an_oprf_job_show_every_part(change: dict[str, Any]) -> None:
    assert oprf_terms(**{**EPOCH, **change}) != oprf_terms(**EPOCH)


def test_the_terms_of_the_protocols_are_never_alike() -> None:
    terms = [
        oprf_terms(**EPOCH),
        vole_terms(list_items=1, buckets=1, bucket_key=bytes(32)),
        vole_terms(list_items=2, buckets=1, bucket_key=bytes(32)),
        vole_terms(list_items=1, buckets=2, bucket_key=bytes(32)),
        vole_terms(list_items=1, buckets=1, bucket_key=bytes([1] * 32)),
        count_terms(list_items=1),
        count_terms(list_items=2),
    ]
    assert len(set(terms)) == len(terms)


TRANSCRIPT: dict[str, Any] = {
    "context": CONTEXT,
    "root": bytes(32),
    "padded": 64,
    "session_id": SESSION,
    "terms": count_terms(list_items=5),
    "parts": {0: bytes([1] * 32), 1: bytes([2] * 32)},
    "count": 2,
}


@pytest.mark.parametrize(
    "change",
    [
        {"context": replace(CONTEXT, bank="another")},
        {"context": replace(CONTEXT, job_id=bytes(16))},
        {"root": bytes([1] * 32)},
        {"padded": 65},
        {"session_id": bytes(16)},
        {"terms": count_terms(list_items=6)},
        {"parts": {0: bytes([2] * 32), 1: bytes([1] * 32)}},
        {"parts": {0: bytes([1] * 32), 1: bytes([3] * 32)}},
        {"parts": {0: bytes([1] * 32)}, "count": 1},
        {"parts": {}, "count": 0},
    ],
)
def test_the_transcript_digest_changes_with_every_part(change: dict[str, Any]) -> None:
    assert transcript_digest(**{**TRANSCRIPT, **change}) != transcript_digest(**TRANSCRIPT)


def test_the_transcript_digest_is_the_plain_references() -> None:
    terms = TRANSCRIPT["terms"]
    expected = reference.bound(
        "psi/transcript",
        CONTEXT.encode(),
        SESSION,
        bytes(32),
        (64).to_bytes(4, "big"),
        terms,
        (2).to_bytes(4, "big"),
        bytes([1] * 32 + [2] * 32),
    )
    assert transcript_digest(**TRANSCRIPT) == expected
    parts = {1: TRANSCRIPT["parts"][1], 0: TRANSCRIPT["parts"][0]}
    assert transcript_digest(**{**TRANSCRIPT, "parts": parts}) == expected  # over the numbers, not over time
    bank = hashlib.sha256((3).to_bytes(8, "big") + b"abc").digest()
    bureau = hashlib.sha256((5).to_bytes(8, "big") + b"defgh").digest()
    assert batch_digest(7, b"abc", b"de", b"fgh") == reference.bound(
        "psi/transcript/part", (7).to_bytes(4, "big"), bank, bureau
    )


@pytest.mark.parametrize(
    "change",
    [{"parts": {0: bytes(32)}}, {"parts": {0: bytes(32), 2: bytes(32)}}, {"count": 1}, {"count": 3}],
)
def test_a_transcript_with_parts_missing_or_left_over_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError, match="missing"):
        transcript_digest(**{**TRANSCRIPT, **change})


@pytest.mark.parametrize("change", [{"session_id": bytes(15)}, {"root": bytes(31)}])
def test_a_transcript_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="another length"):
        transcript_digest(**{**TRANSCRIPT, **change})
    with pytest.raises(ParameterError, match="32 bytes"):
        part_digest(0, bytes(31), bytes(32))
    with pytest.raises(ParameterError, match="32 bytes"):
        part_digest(0, bytes(32), b"")


def test_messages_are_told_apart_by_content_order_and_borders() -> None:
    sequences = [[], [b""], [b"", b""], [b"ab"], [b"a", b"b"], [b"b", b"a"], [b"", b"ab"], [b"ab", b""]]
    assert len({messages_digest(each) for each in sequences}) == len(sequences)
    running = MessagesDigest()
    running.add(b"a")
    running.add(b"b")
    assert running.digest() == messages_digest([b"a", b"b"])


def test_a_part_is_told_apart_by_number_and_side() -> None:
    one, two = bytes(32), bytes([1] * 32)
    assert len({part_digest(0, one, two), part_digest(1, one, two), part_digest(0, two, one)}) == 3


@pytest.mark.parametrize(("padded", "count"), [(1, 1), (4095, 1), (4096, 1), (4097, 2), (8192, 2), (8193, 3)])
def test_how_many_batches(padded: int, count: int) -> None:
    assert batch_count(padded) == count


def test_exactly_the_batches_of_a_job_are_let_through() -> None:
    padded = 2 * MAXIMUM_BATCH + 128
    allowed = {(0, 4096): 0, (4096, 4096): 1, (8192, 128): 2}
    for (first, count), number in allowed.items():
        assert check_batch(padded, first, count) == number
    firsts = (-4096, -1, 0, 1, 4095, 4096, 8192, 8193, 12_288, 2**40)
    counts = (-1, 0, 1, 127, 128, 129, 4095, 4096, 4097)
    for pair in ((first, count) for first in firsts for count in counts):
        if pair not in allowed:
            with pytest.raises(PeerProtocolError, match="a batch"):
                check_batch(padded, *pair)
