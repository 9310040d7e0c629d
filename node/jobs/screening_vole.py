"""A screening over a vector OLE: both whole lists at once, in one conversation. Specification: protocols/psi/vole.

The machine's randomness derives from the job's seed, so that an auditor can make the bank's messages again. An attempt
that broke off is begun anew under the next number and a fresh seed; the bureau keeps nothing of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from node.codes import ScreeningProtocol
from node.jobs.screening_calls import ExchangePlace
from node.jobs.screening_exchange import Exchanged, converse, pack_messages, vole_parameters
from node.jobs.screening_outcome import matched_outcome
from node.jobs.screening_task import Outcome, Task
from protocols.psi.job import JobSeed
from protocols.psi.transcript import part_digest, vole_terms
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import decode_message
from protocols.psi.vole.receiver import VoleIntersectionReceiver

_HEAD = 4 + 32 + 32  # attempt, digests of the bank's and of the bureau's messages


def run(task: Task) -> Outcome:
    """Hold the conversation, unless its end is on disk, and return which codes matched."""
    job, files = task.job, task.parts.files
    if 0 not in files.steps(job.job_id):
        _exchange(task)
    stored = files.step(job.job_id, 0)
    found = np.unpackbits(np.frombuffer(files.kept(job.job_id, "found"), np.uint8), count=len(task.codes)).astype(bool)
    terms = vole_terms(
        list_items=task.opened.list_items, buckets=task.opened.buckets, bucket_key=task.opened.bucket_key
    )
    parts = {0: part_digest(0, stored[4:36], stored[36:_HEAD])}
    return matched_outcome(task, found, terms, parts)


def receiver(
    codes: NDArray[np.bytes_], padded: int, list_items: int, session_id: bytes, seed: JobSeed, attempt: int
) -> VoleIntersectionReceiver:
    """Return the bank's machine of one attempt; made again from the same arguments it sends the same bytes."""
    parameters = vole_parameters(padded, list_items, ExchangePlace(session_id, 0, attempt))
    return VoleIntersectionReceiver(pack(codes), parameters, seed.randomness("vole", 0, attempt))


def unpack_step(data: bytes) -> tuple[int, bytes, bytes, bytes]:
    """Return attempt, digests of the bank's and of the bureau's messages, and the bureau's messages, packed."""
    return int.from_bytes(data[:4], "big"), data[4:36], data[36:_HEAD], data[_HEAD:]


def _exchange(task: Task) -> None:
    job, files = task.job, task.parts.files
    attempt = task.begin_attempt()
    machine = receiver(task.codes, job.padded_codes, task.opened.list_items, task.opened.session_id, task.seed, attempt)
    with task.link.exchange(ScreeningProtocol.VOLE, task.opened.session_id, 0, attempt) as talk:
        given = converse(machine, decode_message, talk)
        sent, received = talk.traffic
    files.keep(job.job_id, "found", np.packbits(given.result).tobytes())
    files.write_step(job.job_id, 0, _packed(attempt, given))
    task.parts.journal.add_traffic(job.job_id, sent, received, job.padded_codes, attempt + machine.failed_seeds)


def _packed(attempt: int, given: Exchanged) -> bytes:
    return attempt.to_bytes(4, "big") + given.bank + given.bureau + pack_messages(given.messages)
