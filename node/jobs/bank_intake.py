"""Takes lists in: every row checked and priced on the bank's own side before anything is asked of anyone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from node.codes import Code, Engine, Purpose, Reason
from node.errors import Refusal
from node.jobs.bank_journal import SLICE_ROWS, BankJournal
from node.jobs.bank_model_records import UsableModel
from node.jobs.bank_models import BankModels
from node.jobs.bank_records import NewJob, PreparedRow, StoredJob
from node.jobs.calls import JOB_ID_BYTES
from node.policy.uscc import check_many, normalise
from node.scorecards.bank_side import bank_parts
from protocols.randomness import Randomness
from protocols.transcript import digest

ItemT = TypeVar("ItemT")
MAXIMUM_CODE_CHARACTERS = 64
MAXIMUM_KEY_CHARACTERS = 100
MAXIMUM_LABEL_CHARACTERS = 200


@dataclass(frozen=True)
class ListRow:
    """One row of a list as it came: the code and the bank's own values, in the header's order."""

    uscc: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """What a list is submitted with. An empty idempotency key: the node makes one."""

    model: str
    engine: str
    purpose: str
    idempotency_key: str
    bank_fields: tuple[str, ...]
    label: str


class BankIntake:
    """Turns a submitted list into a journalled job."""

    def __init__(self, journal: BankJournal, models: BankModels, randomness: Randomness) -> None:
        self._journal = journal
        self._models = models
        self._randomness = randomness

    def take(self, submission: Submission, rows: Iterable[ListRow]) -> StoredJob:
        """Journal a job; the same key with the same content gives the job that exists.

        Raises:
            Refusal: ``INVALID_INPUT`` (an empty list, a missing column), ``MODEL_UNKNOWN``, ``MODEL_EXPIRED``,
                ``IDEMPOTENCY_CONFLICT``.
        """
        model = self.model_for(submission)
        job_id = self._randomness.bytes(JOB_ID_BYTES)
        content = hashlib.sha256()
        total = 0
        try:
            for prepared, raw in self._prepare(model, submission.bank_fields, rows):
                self._journal.stage_rows(job_id, total, prepared)
                content.update(raw)
                total += len(prepared)
            if not total:
                raise Refusal(Code.INVALID_INPUT, "the list is empty")
            return self._journal.create(self.new_job(job_id, model, submission, content.digest(), total))
        except BaseException:
            self._journal.discard_staged_unless_created(job_id)
            raise

    def model_for(self, submission: Submission) -> UsableModel:
        """Return the model that a submission names, once everything around it is checked."""
        if submission.purpose not in list(Purpose):
            raise Refusal(Code.INVALID_INPUT, "purpose: not one of " + ", ".join(Purpose))
        if len(submission.idempotency_key) > MAXIMUM_KEY_CHARACTERS or len(submission.label) > MAXIMUM_LABEL_CHARACTERS:
            raise Refusal(Code.INVALID_INPUT, "idempotency_key or label: too long")
        if not (submission.idempotency_key + submission.label).isprintable():
            raise Refusal(Code.INVALID_INPUT, "idempotency_key or label: holds a character that does not print")
        if submission.engine and submission.engine not in list(Engine):
            raise Refusal(Code.INVALID_INPUT, "engine: not one of " + ", ".join(Engine))
        key = submission.idempotency_key
        model = self._models.usable_by(
            submission.model, submission.engine, though_superseded=lambda: self._is_known(key)
        )
        if submission.purpose not in model.card.purposes:
            raise Refusal(Code.INVALID_INPUT, "purpose: the model was not made for it")
        return model

    def _is_known(self, idempotency_key: str) -> bool:
        """A submission that is repeated finds its job, whatever became of the model: nothing new is asked for."""
        return bool(idempotency_key) and self._journal.find_by_key(idempotency_key) is not None

    def new_job(
        self, job_id: bytes, model: UsableModel, submission: Submission, rows_digest: bytes, rows: int
    ) -> NewJob:
        """Return the journal's entry; its content digest is what an idempotency key stands for."""
        content = digest(
            "job-content",
            model.model_id,
            submission.purpose.encode("utf-8"),
            "\x1f".join(submission.bank_fields).encode("utf-8"),
            rows_digest,
        )
        return NewJob(
            job_id=job_id,
            idempotency_key=submission.idempotency_key or job_id.hex(),
            content_digest=content,
            model_id=model.model_id,
            bureau=model.bureau,
            purpose=submission.purpose,
            label=submission.label,
            rows=rows,
        )

    def _prepare(
        self, model: UsableModel, bank_fields: tuple[str, ...], rows: Iterable[ListRow]
    ) -> Iterator[tuple[list[PreparedRow], bytes]]:
        seen: set[str] = set()
        for part in _slices(rows, SLICE_ROWS):
            raw = "".join("\x1f".join((row.uscc, *row.values)) + "\x1e" for row in part)
            yield prepare_rows(model, bank_fields, part, seen), raw.encode("utf-8")


def prepare_rows(
    model: UsableModel, bank_fields: tuple[str, ...], rows: Sequence[ListRow], seen: set[str]
) -> list[PreparedRow]:
    """Check codes, find repetitions (also of ``seen``, which grows) and add up the bank's own points.

    Raises:
        Refusal: ``INVALID_INPUT``: a row has another number of values than the header, or a field is missing.
    """
    if any(len(row.values) != len(bank_fields) for row in rows):
        raise Refusal(Code.INVALID_INPUT, "a row has another number of values than the list has columns")
    columns = {name: [row.values[place] for row in rows] for place, name in enumerate(bank_fields)}
    parts, faults = bank_parts(model.card, columns, len(rows))
    # What is no code is shown again, but for the one character that a database's text cannot hold.
    codes = [normalise(row.uscc).replace("\0", "\ufffd")[:MAXIMUM_CODE_CHARACTERS] for row in rows]
    valid = check_many(codes)
    prepared = []
    for code, good, part, fault in zip(codes, valid.tolist(), parts.tolist(), faults, strict=True):
        reason = Reason.BAD_CODE if not good else Reason.DUPLICATE if code in seen else fault
        if good:
            seen.add(code)
        prepared.append(PreparedRow(code, None if reason else part, reason))
    return prepared


def _slices(rows: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    iterator = iter(rows)
    while part := list(islice(iterator, size)):
        yield part
