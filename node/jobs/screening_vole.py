"""A screening over a vector OLE, bucket by bucket, one conversation each. Specification: protocols/psi/vole.

The machine's randomness derives from the job's seed, so that an auditor can make the bank's messages again. An attempt
that broke off is begun anew under the next number and a fresh seed; the bureau keeps nothing of it. A bucket that is
done is on disk, and is not asked about again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial

import numpy as np
from numpy.typing import NDArray

from node.codes import JobState, ScreeningProtocol
from node.errors import Refusal
from node.jobs.bucket_file import BucketFile, split
from node.jobs.screening_calls import ExchangePlace, run_name
from node.jobs.screening_exchange import Exchanged, bucket_plan, converse, pack_messages
from node.jobs.screening_outcome import matched_outcome
from node.jobs.screening_records import StoredScreening
from node.jobs.screening_task import Outcome, Task
from protocols.primitives.blocks import Blocks
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.job import JobSeed
from protocols.psi.transcript import part_digest, vole_terms
from protocols.psi.vole.buckets import BucketPlan
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import MaskedTable, Message, decode_message
from protocols.psi.vole.receiver import VoleIntersectionReceiver

BUCKETS_AT_ONCE = 2
"""While the bureau works at one bucket, the bank works at the next; as many as a bureau answers at once."""
_HEAD = 4 + 32 + 32  # attempt, digests of the bank's and of the bureau's messages


def run(task: Task) -> Outcome:
    """Hold the conversations whose end is not on disk yet, and return which codes matched."""
    job, files, opened = task.job, task.parts.files, task.opened
    buckets = _Buckets(task)
    try:
        done = files.steps(job.job_id)
        buckets.exchange([number for number in range(opened.buckets) if number not in done])
        found = buckets.found()
    except Refusal:
        if task.parts.journal.get(job.job_id).state is JobState.CANCELLED:
            files.items(job.job_id).unlink(missing_ok=True)
        raise
    files.items(job.job_id).unlink(missing_ok=True)
    heads = {number: files.step(job.job_id, number, _HEAD) for number in range(opened.buckets)}
    parts = {number: part_digest(number, head[4:36], head[36:]) for number, head in heads.items()}
    terms = vole_terms(
        list_items=opened.list_items, buckets=opened.buckets, bucket_key=opened.bucket_key, security=_security(job)
    )
    return matched_outcome(task, found, terms, parts)


def receiver(items: Blocks, plan: BucketPlan, place: ExchangePlace, seed: JobSeed) -> VoleIntersectionReceiver:
    """Return the bank's machine of one attempt at a bucket; from the same arguments it sends the same bytes."""
    randomness = seed.randomness("vole", place.bucket, place.attempt)
    return VoleIntersectionReceiver(items, plan.parameters(run_name(place)), randomness)


def unpack_step(data: bytes) -> tuple[int, bytes, bytes, bytes]:
    """Return attempt, digests of the bank's and of the bureau's messages, and the bureau's messages, packed."""
    return int.from_bytes(data[:4], "big"), data[4:36], data[36:_HEAD], data[_HEAD:]


class _Buckets:
    """The buckets of one screening: their items, and the conversations about them."""

    def __init__(self, task: Task) -> None:
        job, opened = task.job, task.opened
        self._task = task
        key, security = opened.bucket_key, _security(job)
        self._plan = bucket_plan(job.padded_codes, opened.list_items, opened.buckets, key, security)
        self._file: BucketFile | None = None
        if self._plan.buckets > 1:
            where = task.parts.files.items(job.job_id)
            self._file = split(where, task.codes, self._plan, self._plan.receiver_capacity)

    def exchange(self, numbers: Sequence[int]) -> None:
        """Hold the conversations about some buckets; each that ends is on disk, also where another one fails."""
        with ThreadPoolExecutor(BUCKETS_AT_ONCE, thread_name_prefix="bucket") as pool:
            running = [pool.submit(self._exchange, number) for number in numbers]
            wait(running, return_when=FIRST_EXCEPTION)
            for each in running:
                each.cancel()
        for each in running:
            if not each.cancelled():
                each.result()

    def found(self) -> NDArray[np.bool_]:
        """Return for every code whether it matched, once all buckets are done."""
        files, job_id = self._task.parts.files, self._task.job.job_id
        found = np.zeros(len(self._task.codes), np.bool_)
        for number in range(self._plan.buckets):
            bits = np.frombuffer(files.kept(job_id, _found(number)), np.uint8)
            places = slice(None) if self._file is None else self._file.places(number)
            found[places] = np.unpackbits(bits, count=found[places].size)
        return found

    def _exchange(self, number: int) -> None:
        task = self._task
        job, files, session_id = task.job, task.parts.files, task.opened.session_id
        attempt = task.begin_attempt(number)
        items = pack(task.codes) if self._file is None else self._file.items(number)
        machine = receiver(items, self._plan, ExchangePlace(session_id, number, attempt), task.seed)
        with task.link.exchange(ScreeningProtocol.VOLE, session_id, number, attempt) as talk:
            given = converse(machine, decode_message, talk, partial(_work_ahead, machine))
            sent, received = talk.traffic
        files.keep(job.job_id, _found(number), np.packbits(given.result).tobytes())
        files.write_step(job.job_id, number, _packed(attempt, given))
        codes = self._share(number + 1) - self._share(number)
        task.parts.journal.add_traffic(job.job_id, sent, received, codes, attempt + machine.failed_seeds)

    def _share(self, buckets: int) -> int:
        return self._task.job.padded_codes * buckets // self._plan.buckets


def _work_ahead(machine: VoleIntersectionReceiver, sent: Message) -> None:
    """Compute the bank's own tags while the bureau works at the table that was sent."""
    if isinstance(sent, MaskedTable):
        machine.work_ahead()


def _found(number: int) -> str:
    return f"found-{number:06d}"


def _security(job: StoredScreening) -> SecurityProfile:
    assert job.security is not None
    return job.security


def _packed(attempt: int, given: Exchanged) -> bytes:
    return attempt.to_bytes(4, "big") + given.bank + given.bureau + pack_messages(given.messages)
