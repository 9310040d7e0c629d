"""Where loan classes differ: mismatching loans from the set intersection, then the confusion table in one exchange.

Specification: protocols/psi/classes. Two loans' entries, id and pair, were asked for by the protocol before; what is
found of them says which loans mismatch. The table tells no loan; its small cells are suppressed here, before anything
of it is written.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_calls import table_size
from node.jobs.screening_exchange import Exchanged, converse, pack_messages
from node.jobs.screening_files import TABLE
from node.jobs.screening_results import mismatches_csv, table_csv
from node.jobs.screening_task import Outcome, Task
from protocols.psi.classes.client import TableClient
from protocols.psi.classes.entries import CLASSES, Loans, loans_of
from protocols.psi.classes.messages import decode_message
from protocols.psi.classes.suppression import Table, suppress
from protocols.psi.job import JobSeed
from protocols.psi.transcript import part_digest
from protocols.randomness import SeededRandomness

_KEPT = "table"


def outcome(task: Task, found: NDArray[np.bool_], terms: bytes, parts: Mapping[int, bytes]) -> Outcome:
    """Return where classes differ.

    Args:
        task: one screening in mode classes.
        found: which of its entries stand on the bureau's list.
        terms: those of the protocol.
        parts: the protocol's parts of the transcript; the table's part is added behind them.

    Raises:
        Refusal: the bureau's, or ``MALFORMED`` on its side where its list or its answers contradict each other.
    """
    count = len(task.codes) // 2
    held, same = found[:count], found[count:]
    if (same & ~held).any():
        raise _false("the bureau's list has a loan's class and not the loan")
    files, job_id, number = task.parts.files, task.job.job_id, len(parts)
    own = (task.codes[count:].view(np.uint8).reshape(count, -1)[:, 0] - ord("0")).astype(np.int64)
    if not files.keeps(job_id, _KEPT):
        _exchange(task, number, own, held, same)
    kept = files.kept(job_id, _KEPT)
    whole = {**parts, number: part_digest(number, kept[4:36], kept[36:68])}
    return Outcome(
        mismatches_csv(task.codes[count:][held & ~same]), int(same.sum()), task.transcript(None, terms, whole)
    )


def client(loans: Loans, padded: int, seed: JobSeed, attempt: int) -> TableClient:
    """Return the bank's machine of one attempt; made again from the same arguments it sends the same bytes."""
    randomness: SeededRandomness = seed.randomness("classes/table", attempt)
    return TableClient(loans, table_size(padded), randomness)


def _exchange(
    task: Task, number: int, own: NDArray[np.int64], held: NDArray[np.bool_], same: NDArray[np.bool_]
) -> None:
    job, files = task.job, task.parts.files
    minimum = task.link.get_list(job.list_name, job.list_version).terms.minimum_cell
    attempt = task.begin_attempt()
    machine = client(loans_of(task.codes), job.padded_codes, task.seed, attempt)
    with task.link.exchange_table(task.opened.session_id, number, attempt) as talk:
        given = converse(machine, decode_message, talk)
        sent, received = talk.traffic
    _check(given.result, own, held, same)
    files.keep(job.job_id, TABLE, table_csv(suppress(given.result, minimum)))
    files.keep(job.job_id, _KEPT, _packed(attempt, given))
    task.parts.journal.add_traffic(job.job_id, sent, received, 0, attempt)


def _check(table: Table, own: NDArray[np.int64], held: NDArray[np.bool_], same: NDArray[np.bool_]) -> None:
    """Refuse a table that the matches of the first part contradict: loans of both sides, agreeing ones on the diagonal.

    It is what a bureau would have to keep to that answers the two parts from different lists.
    """
    rows = np.bincount(own[held] - 1, minlength=CLASSES)
    diagonal = np.bincount(own[same] - 1, minlength=CLASSES)
    if not (np.array_equal(table.sum(axis=1), rows) and np.array_equal(np.diagonal(table), diagonal)):
        raise _false("the confusion table contradicts the loans that match")


def _packed(attempt: int, given: Exchanged) -> bytes:
    return attempt.to_bytes(4, "big") + given.bank + given.bureau + pack_messages(given.messages)


def _false(detail: str) -> Refusal:
    return Refusal(Code.MALFORMED, detail, side=Side.BUREAU)
