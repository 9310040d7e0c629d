"""A screening over the oblivious pseudorandom function: batches of blinded codes against downloaded tags.

Every batch is blinded from the job's seed, so that one whose answer was lost is asked again byte for byte. What a batch
gave is on disk before it counts: digests of its two messages, places that matched, and the outputs there, for labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, ScreeningMode, Side
from node.errors import Refusal
from node.jobs.screening_calls import ListEpoch, terms_of
from node.jobs.screening_outcome import matched_outcome
from node.jobs.screening_results import labels_csv
from node.jobs.screening_task import Outcome, Task
from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import Point
from protocols.psi.commitment import CommittedInput, is_dummy
from protocols.psi.hashing import Bytes
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import OUTPUT_BYTES
from protocols.psi.oprf_job import batch_client, batch_count, batch_inputs
from protocols.psi.segments import SegmentedTags
from protocols.psi.tags import check_false_match, truncate
from protocols.psi.transcript import evaluated_digest, messages_digest, part_digest
from protocols.psi.verifiable_messages import EvaluatedElements
from protocols.transcript import DIGEST_BYTES

BATCHES_IN_FLIGHT = 4
"""The bureau evaluates some while the bank blinds and unblinds others: enough for two cores at each side."""
_PLACE = np.dtype("<u2")


@dataclass(frozen=True)
class BatchResult:
    """What one batch gave: digests of both sides' messages, places that matched, the outputs there."""

    blinded: bytes
    evaluated: bytes
    places: NDArray[np.uint16]
    outputs: bytes

    def encode(self) -> bytes:
        """Return it for its file."""
        return (
            self.blinded + self.evaluated + len(self.places).to_bytes(4, "big") + self.places.tobytes() + self.outputs
        )

    @classmethod
    def decode(cls, data: bytes) -> BatchResult:
        """Return what :meth:`encode` wrote."""
        at = 2 * DIGEST_BYTES
        count = int.from_bytes(data[at : at + 4], "big")
        places = np.frombuffer(data, dtype=_PLACE, count=count, offset=at + 4)
        return cls(data[:DIGEST_BYTES], data[DIGEST_BYTES:at], places, data[at + 4 + 2 * count :])


def run(task: Task) -> Outcome:
    """Ask for every batch that is not on disk yet and put the result together.

    Raises:
        Refusal: the bureau's, or ``MALFORMED`` on its side: a proof that fails, elements or tags that are false.
    """
    epoch, job = task.opened.epoch, task.job
    assert epoch is not None
    _check_bound(epoch, job.padded_codes)
    tags = task.parts.tags.tags(
        job.bureau,
        job.list_name,
        epoch,
        lambda segment, first: task.link.download_tags(task.opened.session_id, segment, first),
        task.epochs_in_use(),
    )
    committed = task.committed()
    count = batch_count(committed.padded)
    missing = sorted(set(range(count)) - task.parts.files.steps(job.job_id))
    task.parts.journal.note(job.job_id, done=min(committed.padded, (count - len(missing)) * MAXIMUM_BATCH))
    ask = _Asking(task, epoch, committed, tags)
    with ThreadPoolExecutor(BATCHES_IN_FLIGHT, thread_name_prefix="batch") as threads:
        for _ in threads.map(ask.batch, missing):
            pass
    results = [BatchResult.decode(task.parts.files.step(job.job_id, number)) for number in range(count)]
    return _outcome(task, epoch, committed, tags, results)


class _Asking:
    """Asks for batches of one screening; safe for a few threads at once."""

    def __init__(self, task: Task, epoch: ListEpoch, committed: CommittedInput, tags: SegmentedTags) -> None:
        self._task = task
        self._committed = committed
        self._tags = tags
        self._key = _public_key(epoch)

    def batch(self, number: int) -> None:
        """Ask for one batch, check it and write what it gave."""
        task = self._task
        task.check_running()
        machine = batch_client(self._committed, number, self._key)
        (blinded,) = machine.start()
        evaluated, proof = task.link.evaluate(task.opened.session_id, number * MAXIMUM_BATCH, blinded.encode())
        try:
            machine.receive(EvaluatedElements(evaluated, proof))
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault), side=Side.BUREAU) from None
        outputs = machine.output_rows()
        held = find(self._tags, outputs)
        kept = outputs[held].tobytes() if task.job.mode is ScreeningMode.LABELS else b""
        result = BatchResult(
            messages_digest([blinded.encode()]), evaluated_digest(evaluated, proof), held.astype(_PLACE), kept
        )
        task.parts.files.write_step(task.job.job_id, number, result.encode())
        size = len(blinded.encode())
        task.parts.journal.add_traffic(task.job.job_id, size, size + len(proof), len(outputs))


def find(tags: SegmentedTags, outputs: Bytes) -> NDArray[np.int64]:
    """Return the places of the outputs (n, 64) whose tag the newest segment that has it does not take away."""
    return np.flatnonzero(tags.find(truncate(outputs)).held)


def _outcome(
    task: Task,
    epoch: ListEpoch,
    committed: CommittedInput,
    tags: SegmentedTags,
    results: list[BatchResult],
) -> Outcome:
    parts = {number: part_digest(number, each.blinded, each.evaluated) for number, each in enumerate(results)}
    labelled = task.job.mode is ScreeningMode.LABELS
    terms = terms_of(epoch, labelled=labelled)
    hits = dict(_hits(committed, results))
    if labelled:
        return Outcome(labels_csv(task, epoch, tags, hits), len(hits), task.transcript(committed, terms, parts))
    return matched_outcome(task, np.isin(task.codes, np.array(list(hits), dtype=task.codes.dtype)), terms, parts)


def _hits(committed: CommittedInput, results: list[BatchResult]) -> Iterator[tuple[bytes, bytes]]:
    """Yield every code that matched with its output, which is empty where no labels are wanted."""
    for number, each in enumerate(results):
        inputs = batch_inputs(committed, number) if len(each.places) else []
        for index, place in enumerate(each.places.tolist()):
            if not is_dummy(inputs[place]):
                yield inputs[place], each.outputs[index * OUTPUT_BYTES : (index + 1) * OUTPUT_BYTES]


def _public_key(epoch: ListEpoch) -> Point:
    try:
        return Point(epoch.public_key)
    except PeerProtocolError as fault:
        raise Refusal(Code.MALFORMED, f"the epoch's public key: {fault}", side=Side.BUREAU) from None


def _check_bound(epoch: ListEpoch, queries: int) -> None:
    try:
        check_false_match(epoch.tag_count, queries)
    except ParameterError as fault:
        raise Refusal(Code.BOUND_EXCEEDED, str(fault)) from None
