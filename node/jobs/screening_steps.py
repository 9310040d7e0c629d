"""The steps of a bank's screening. Each is repeated safely: what was done before is found in journal and files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from node.codes import Code, JobState, Purpose, ScreeningMode, ScreeningProtocol, Side
from node.errors import Refusal
from node.jobs.bank_steps import Stopped
from node.jobs.screening_calls import PROTOCOLS_OF_MODE, ListTerms, ScreeningOpening
from node.jobs.screening_choice import choose_buckets, choose_protocol, choose_security
from node.jobs.screening_class_rules import check_comparable
from node.jobs.screening_cost import Estimate, Sizes, estimate, rates_here
from node.jobs.screening_count_rules import check_allowed
from node.jobs.screening_intake import SEED_LABEL
from node.jobs.screening_link import Opened, ScreeningLink
from node.jobs.screening_records import StoredScreening, entries_of
from node.jobs.screening_task import Outcome, ScreeningParts, Task, commit, context_of
from node.logs import get_logger
from node.policy import documents, screening_list, screening_record
from node.policy.loan_classes import LOAN_LIST_KIND
from node.policy.screening_list import ScreeningList
from node.policy.screening_record import RECORD_KIND, ScreeningRecord
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.commitment import padded_size
from protocols.psi.job import JobSeed

_log = get_logger("screenings")


class ScreeningSteps:
    """Opens, computes and closes one screening against one bureau."""

    def __init__(self, parts: ScreeningParts, link: ScreeningLink, stopping: threading.Event) -> None:
        self._parts = parts
        self._link = link
        self._stopping = stopping

    def advance(self, job: StoredScreening) -> None:
        """Take a screening from the state that the journal has to the end."""
        journal = self._parts.journal
        if job.state is JobState.QUEUED:
            job = journal.move(job.job_id, JobState.ADMITTING)
        if job.state is JobState.ADMITTING:
            job = self._admit(job)
        if job.state is JobState.COMPUTING:
            job = self._compute(job)
        if job.state is JobState.RELEASING:
            record = self._sign(job, Opened.decode(job.opened))
            journal.move(job.job_id, JobState.DONE, record=record)

    # ---- admitting

    def _admit(self, job: StoredScreening) -> StoredScreening:
        """Look the list up, choose a protocol, and open the session under a commitment to the bank's own list."""
        journal = self._parts.journal
        listed, digest, terms = self._list(job)
        if job.list_version != listed.version:
            job = journal.note(job.job_id, list_version=listed.version)
        job, protocol = self._choose(job, listed.padded_count)
        security = self._security(job, terms) if protocol is ScreeningProtocol.VOLE else None
        if job.security != security:
            job = journal.note(job.job_id, security=security or "")
        if not job.commitment:
            codes = self._parts.files.codes(job.job_id)
            committed = commit(context_of(job, self._parts.bank), self._seed(job), codes)
            job = journal.note(job.job_id, commitment=committed.root, padded_codes=committed.padded)
        if job.mode is ScreeningMode.COUNT:
            check_allowed(job, self._parts, terms.minimum_count)
        if job.mode is ScreeningMode.CLASSES:
            check_comparable(job, self._parts, terms.minimum_cell)
        self._check_running(job.job_id)
        opening = ScreeningOpening(
            job.job_id,
            job.list_name,
            job.list_version,
            job.mode,
            protocol,
            Purpose(job.purpose),
            job.padded_codes,
            job.commitment,
            self._buckets(job, protocol, listed.padded_count),
            security,
        )
        opened = self._link.open_screening(opening, digest)
        try:
            return journal.move(job.job_id, JobState.COMPUTING, opened=opened.encode(), list_items=opened.list_items)
        except Refusal:
            if journal.get(job.job_id).state is JobState.CANCELLED:  # while the bureau opened it: nobody else says so
                self._link.close_screening(opened.session_id, cancelled=True, record=b"")
            raise

    def _choose(self, job: StoredScreening, list_items: int) -> tuple[StoredScreening, ScreeningProtocol]:
        """Return the job with its protocol, chosen unless the bank named one, and what either would take."""
        open_choice = len(PROTOCOLS_OF_MODE[job.mode]) > 1
        if job.protocol is not None and (not open_choice or job.line_bytes_a_second):
            return job, job.protocol
        observer = self._parts.lines.of(job.bureau)
        if open_choice and observer.fresh:
            self._link.get_list(job.list_name, job.list_version)
        held = self._parts.journal.has_tags(job.bureau, job.list_name, job.list_version)
        sizes, line = Sizes(padded_size(entries_of(job)), list_items, held), observer.line()
        protocol = job.protocol or choose_protocol(job.mode, sizes, line, rates_here())
        weighed = estimate(sizes, line, rates_here()) if open_choice else None
        _log_choice(job, protocol, sizes, weighed)
        return self._parts.journal.choose(job.job_id, protocol, weighed), protocol

    def _buckets(self, job: StoredScreening, protocol: ScreeningProtocol, list_items: int) -> int:
        """Return the number of buckets; one that was opened keeps its own, whatever the settings say by now."""
        if job.opened:
            return Opened.decode(job.opened).buckets
        return choose_buckets(protocol, job.padded_codes, list_items, self._parts.bucket_items)

    def _list(self, job: StoredScreening) -> tuple[ScreeningList, str, ListTerms]:
        """Return the list, its document's digest in hexadecimal, and what the agreement allows."""
        offer = self._link.get_list(job.list_name, job.list_version)
        card = self._parts.documents.trusted_card(job.bureau)
        listed = screening_list.parse(offer.document, job.bureau, card.verify_key)
        if listed.name != job.list_name or job.list_version not in {"", listed.version}:
            raise Refusal(Code.MALFORMED, "the bureau described another list", side=Side.BUREAU)
        if job.mode is ScreeningMode.LABELS and not listed.labels:
            raise Refusal(Code.INVALID_INPUT, "the list has no labels", remedy="Screen with --mode codes.")
        if (job.mode is ScreeningMode.CLASSES) != (listed.kind == LOAN_LIST_KIND):
            raise Refusal(Code.INVALID_INPUT, f"a list of kind {listed.kind} is not screened in mode {job.mode}")
        return listed, documents.decode(offer.document, screening_list.LIST_KIND).digest.hex(), offer.terms

    def _security(self, job: StoredScreening, terms: ListTerms) -> SecurityProfile:
        agreements = self._parts.documents.agreements_in_force(self._parts.bank, job.bureau)
        return choose_security(job.security, terms.vole_security, agreements)

    # ---- computing

    def _compute(self, job: StoredScreening) -> StoredScreening:
        parts = self._parts
        task = Task(
            job,
            Opened.decode(job.opened),
            self._seed(job),
            parts.files.codes(job.job_id),
            self._list(job)[0].labels if job.mode is ScreeningMode.LABELS else (),
            parts,
            self._link,
            lambda: self._check_running(job.job_id),
        )
        outcome = _protocol(job)(task)
        self._check_running(job.job_id)
        parts.files.write_result(job.job_id, outcome.result)
        return parts.journal.move(
            job.job_id,
            JobState.RELEASING,
            matched=outcome.matched,
            transcript_digest=outcome.transcript_digest,
            done=job.padded_codes,
        )

    # ---- releasing

    def _sign(self, job: StoredScreening, opened: Opened) -> bytes:
        """Return the record that both sides signed."""
        parts = self._parts
        record = record_of(job, opened, parts.bank)
        own = documents.sign(RECORD_KIND, record.to_body(), parts.signing_key, parts.bank)
        answer = self._link.close_screening(opened.session_id, cancelled=False, record=own.encode())
        keys = {
            parts.bank: parts.signing_key.verify_key,
            job.bureau: parts.documents.trusted_card(job.bureau).verify_key,
        }
        signed = documents.decode(answer, RECORD_KIND)
        if screening_record.verify(signed, keys, frozenset(keys)) != record:
            raise Refusal(Code.MALFORMED, "the bureau signed another record", side=Side.BUREAU)
        return answer

    # ---- all

    def _seed(self, job: StoredScreening) -> JobSeed:
        return JobSeed(self._parts.sealer.open(job.sealed_seed, SEED_LABEL))

    def _check_running(self, job_id: bytes) -> None:
        if self._stopping.is_set():
            raise Stopped
        if self._parts.journal.get(job_id).state is JobState.CANCELLED:
            raise Refusal(Code.WRONG_STATE, "the screening was cancelled")


def record_of(job: StoredScreening, opened: Opened, bank: str) -> ScreeningRecord:
    """Return what both sides sign of a screening: sizes and digests, no code, no result."""
    assert job.protocol is not None
    return ScreeningRecord(
        job_id=job.job_id.hex(),
        session_id=opened.session_id.hex(),
        bank=bank,
        bureau=job.bureau,
        agreement_id=opened.agreement_id,
        list_name=job.list_name,
        list_version=job.list_version,
        list_digest=opened.list_digest,
        mode=job.mode,
        protocol=job.protocol,
        security=job.security,
        purpose=Purpose(job.purpose),
        padded_codes=job.padded_codes,
        size_class=screening_record.size_class(job.padded_codes),
        list_items=job.list_items,
        buckets=opened.buckets,
        attempts=job.retries,
        commitment=job.commitment.hex(),
        transcript_digest=job.transcript_digest.hex(),
        opened_at=datetime.fromtimestamp(opened.opened_at_ms / 1000, UTC),
    )


def _log_choice(job: StoredScreening, protocol: ScreeningProtocol, sizes: Sizes, weighed: Estimate | None) -> None:
    """Log padded sizes alone: the node's log is not for how many customers a bank has."""
    seconds = (
        {} if weighed is None else {"oprf": round(weighed.oprf_seconds, 3), "vole": round(weighed.vole_seconds, 3)}
    )
    _log.info(
        "protocol chosen",
        job=job.job_id.hex(),
        protocol=protocol.value,
        named=job.protocol is not None,
        codes=sizes.codes,
        list_items=sizes.list_items,
        tags_held=sizes.tags_held,
        **seconds,
    )


def _protocol(job: StoredScreening) -> Callable[[Task], Outcome]:
    match job.protocol:
        case ScreeningProtocol.OPRF:
            from node.jobs.screening_oprf import run
        case ScreeningProtocol.VOLE:
            from node.jobs.screening_vole import run
        case _:
            from node.jobs.screening_count import run
    return run
