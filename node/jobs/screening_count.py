"""A screening that tells a number alone: Diffie-Hellman cardinality. Specification: protocols/psi/cardinality.

The bank's node itself holds to the smallest size and the difference rule (:mod:`node.jobs.screening_count_rules`).
"""

from __future__ import annotations

from node.codes import ScreeningProtocol
from node.jobs.screening_exchange import converse, pack_messages
from node.jobs.screening_results import count_csv
from node.jobs.screening_task import Outcome, Task
from protocols.psi.cardinality.client import CountClient
from protocols.psi.cardinality.messages import decode_message
from protocols.psi.commitment import CommittedInput
from protocols.psi.transcript import count_terms, part_digest


def run(task: Task) -> Outcome:
    """Hold the conversation, unless its end is on disk, and return how many codes matched."""
    job, files = task.job, task.parts.files
    if 0 not in files.steps(job.job_id):
        _exchange(task)
    stored = files.step(job.job_id, 0)
    matched = int.from_bytes(files.kept(job.job_id, "found"), "big")
    parts = {0: part_digest(0, stored[4:36], stored[36:68])}
    transcript = task.transcript(None, count_terms(list_items=task.opened.list_items), parts)
    return Outcome(count_csv(len(task.codes), matched), matched, transcript)


def client(committed: CommittedInput, attempt: int) -> CountClient:
    """Return the bank's machine of one attempt; made again from the same arguments it sends the same bytes."""
    return CountClient(committed.inputs(0, committed.padded), committed.seed.randomness("count", attempt))


def _exchange(task: Task) -> None:
    job, files = task.job, task.parts.files
    attempt = task.begin_attempt()
    with task.link.exchange(ScreeningProtocol.CARDINALITY, task.opened.session_id, 0, attempt) as talk:
        given = converse(client(task.committed(), attempt), decode_message, talk)
        sent, received = talk.traffic
    files.keep(job.job_id, "found", int(given.result).to_bytes(8, "big"))
    head = attempt.to_bytes(4, "big") + given.bank + given.bureau
    files.write_step(job.job_id, 0, head + pack_messages(given.messages))
    task.parts.journal.add_traffic(job.job_id, sent, received, job.padded_codes, attempt)
