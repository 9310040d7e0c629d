"""The bureau's side of a screening: gate, quota, then the list's epoch or an exchange; closed under both signatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from node.clock import Clock
from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bureau_lists import BureauLists
from node.jobs.gate import Asked, Caller, Gate
from node.jobs.screening_calls import (
    BUCKET_KEY_BYTES,
    PROTOCOLS_OF_MODE,
    SESSION_ID_BYTES,
    ListTerms,
    OpenedScreening,
    ScreeningOpening,
    table_size,
)
from node.jobs.screening_choice import check_buckets
from node.lists.epochs import ListEpochs
from node.lists.evaluating import answer_batch
from node.policy.agreement import Agreement, Screening
from node.policy.authorise import LISTS, SCREENING
from node.policy.loan_classes import LOAN_LIST_KIND
from node.storage.bureau_screenings import BureauScreening, BureauScreenings
from node.storage.screening_lists import ScreeningLists, StoredList
from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi.classes.messages import MAXIMUM_LOANS
from protocols.psi.oprf_job import check_batch
from protocols.psi.transcript import evaluated_digest, messages_digest
from protocols.randomness import Randomness


@dataclass(frozen=True)
class ScreeningService:
    """What the calls of a screening work with."""

    gate: Gate
    lists: BureauLists
    stored: ScreeningLists
    epochs: ListEpochs
    journal: BureauScreenings
    compute: ComputePool
    clock: Clock
    randomness: Randomness

    def authorised(self, caller: Caller, session_id: bytes, protocol: ScreeningProtocol) -> BureauScreening:
        """Return a caller's open screening, asked of the agreement and the list once more.

        Raises:
            Refusal: ``NOT_FOUND``; ``WRONG_STATE``, closed, on another protocol, or its list was withdrawn;
                ``AGREEMENT_INACTIVE``.
        """
        found = self.journal.require_open(caller.bank, session_id, protocol)
        self.stored.published(found.name, found.version)
        self.gate.check(caller, SCREENING, asked_of(found))
        return found


def asked_of(screening: BureauScreening | ScreeningOpening) -> Asked:
    """Return what the agreement is asked about a screening."""
    return Asked(purpose=screening.purpose, rows=screening.charged, mode=screening.mode, security=screening.security)


class BureauScreeningCalls:
    """Answers lists, openings, downloads and evaluations."""

    def __init__(self, service: ScreeningService) -> None:
        self._service = service

    def describe(self, caller: Caller, name: str, version: str) -> tuple[StoredList, ListTerms]:
        """Return a published list and what the agreement lets the bank do with lists; without a version the newest.

        Raises:
            Refusal: ``AGREEMENT_INACTIVE``, ``NOT_FOUND``; ``WRONG_STATE`` for a version that was withdrawn.
        """
        agreement = self._service.gate.check(caller, LISTS)
        stored = self._service.stored.published(name, version)
        section = section_of(agreement)
        used = self._service.journal.used(caller.bank, agreement.agreement_id)
        left = max(0, section.max_codes_per_term - used)
        return stored, ListTerms(
            section.modes,
            section.purposes,
            section.max_codes_per_job,
            left,
            section.minimum_count,
            section.vole_security,
            section.minimum_cell,
        )

    def open(self, caller: Caller, opening: ScreeningOpening) -> OpenedScreening:
        """Open a screening: its codes are charged here, once; the same opening again finds it open.

        Raises:
            Refusal: ``AGREEMENT_INACTIVE``, ``QUOTA_EXCEEDED``, ``NOT_FOUND``, ``WRONG_STATE`` for a list that was
                withdrawn or a closed screening, ``IDEMPOTENCY_CONFLICT``, ``INVALID_INPUT`` for a protocol or a mode
                that the list or the mode does not have, or another number of buckets than the protocol runs in;
                ``BOUND_EXCEEDED`` for sets that are too large for vole.
        """
        service = self._service
        agreement = service.gate.check(caller, SCREENING, asked_of(opening))
        stored = service.stored.published(opening.list_name, opening.list_version)
        _check_fits(opening, stored)
        known = service.journal.of_job(caller.bank, opening.job_id)
        if known is None:
            known = self._open(caller.bank, opening, stored, agreement)
        elif known.asked != _asked(opening):
            raise Refusal(Code.IDEMPOTENCY_CONFLICT, "this job id already stands for another screening")
        service.journal.require_open(caller.bank, known.session_id, known.protocol)
        return self._opened(known, stored)

    def tags(self, caller: Caller, session_id: bytes, first: int) -> Iterator[bytes]:
        """Give the tags of the session's epoch from index ``first``."""
        screening = self._service.authorised(caller, session_id, ScreeningProtocol.OPRF)
        return self._service.epochs.read_tags(caller.bank, _epoch_id(screening), first)

    def labels(self, caller: Caller, session_id: bytes, first: int) -> tuple[int, Iterator[bytes]]:
        """Return the length of a sealed label, and the labels of the session's epoch from index ``first`` in frames.

        They stand in the order of its tags.

        Raises:
            Refusal: ``AGREEMENT_INACTIVE``, the screening is not one of labels; as :meth:`tags` besides.
        """
        screening = self._service.authorised(caller, session_id, ScreeningProtocol.OPRF)
        if screening.mode is not ScreeningMode.LABELS:
            raise Refusal(Code.AGREEMENT_INACTIVE, "the screening was opened without labels")
        epochs, epoch_id = self._service.epochs, _epoch_id(screening)
        return epochs.info(caller.bank, epoch_id).label_bytes, epochs.read_labels(caller.bank, epoch_id, first)

    def evaluate(self, caller: Caller, session_id: bytes, first: int, blinded: bytes) -> tuple[bytes, bytes]:
        """Return a batch's evaluation and its proof. The batch is written down BEFORE it is evaluated.

        The same batch again is evaluated again and counts once; another one at its place is refused.

        Raises:
            Refusal: ``MALFORMED``, ``QUOTA_EXCEEDED``, ``IDEMPOTENCY_CONFLICT``; see
                :meth:`ScreeningService.authorised`.
        """
        service = self._service
        screening = service.authorised(caller, session_id, ScreeningProtocol.OPRF)
        count, rest = divmod(len(blinded), POINT_BYTES)
        try:
            if rest:
                raise PeerProtocolError("a batch of elements is truncated or has trailing bytes")
            number = check_batch(screening.padded_codes, first, count)
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault)) from None
        asked = messages_digest([blinded])
        service.journal.claim_batch(caller.bank, session_id, number, count, asked)
        key = service.epochs.key(caller.bank, _epoch_id(screening))
        try:
            evaluated, proof = service.compute.run(answer_batch, key, blinded)
        except PeerProtocolError as fault:
            service.journal.release_batch(session_id, number)
            raise Refusal(Code.MALFORMED, str(fault)) from None
        service.journal.answered(session_id, number, 0, asked, evaluated_digest(evaluated, proof))
        return evaluated, proof

    def _open(self, bank: str, opening: ScreeningOpening, stored: StoredList, agreement: Agreement) -> BureauScreening:
        service, vole = self._service, opening.protocol is ScreeningProtocol.VOLE
        epoch_id = None
        if opening.protocol is ScreeningProtocol.OPRF:
            epoch_id = service.epochs.epoch_for(bank, stored, lambda: service.lists.content(stored)).epoch_id
        new = BureauScreening(
            session_id=service.randomness.bytes(SESSION_ID_BYTES),
            bank=bank,
            job_id=opening.job_id,
            name=stored.name,
            version=stored.version,
            mode=opening.mode,
            protocol=opening.protocol,
            purpose=opening.purpose,
            agreement_id=agreement.agreement_id,
            padded_codes=opening.padded_codes,
            list_items=stored.padded_count,
            buckets=opening.buckets,
            bucket_key=service.randomness.bytes(BUCKET_KEY_BYTES) if vole else b"",
            commitment=opening.commitment,
            epoch_id=epoch_id,
            opened_at=service.clock(),
            security=opening.security,
        )
        return service.journal.open(new, section_of(agreement).max_codes_per_term)

    def _opened(self, screening: BureauScreening, stored: StoredList) -> OpenedScreening:
        service, epoch = self._service, None
        if screening.protocol is ScreeningProtocol.OPRF:
            epoch = service.epochs.epoch_for(screening.bank, stored, lambda: service.lists.content(stored))
            if epoch.epoch_id != screening.epoch_id:
                raise Refusal(
                    Code.WRONG_STATE,
                    "the list was prepared anew for this bank since the screening was opened",
                    remedy="Begin a new screening.",
                )
            if screening.mode is not ScreeningMode.LABELS:
                epoch = replace(epoch, label_bytes=0, labels_digest=b"")
        return OpenedScreening(
            screening.session_id,
            screening.list_items,
            screening.charged,
            screening.agreement_id,
            screening.opened_at,
            screening.bucket_key,
            epoch,
        )


def section_of(agreement: Agreement) -> Screening:
    """Return the agreement's section on screening, which the gate has asked for."""
    assert agreement.screening is not None
    return agreement.screening


def _asked(opening: ScreeningOpening) -> tuple[object, ...]:
    return (
        opening.list_name,
        opening.list_version,
        opening.mode,
        opening.protocol,
        opening.purpose,
        opening.padded_codes,
        opening.buckets,
        opening.security,
        opening.commitment,
    )


def _check_fits(opening: ScreeningOpening, stored: StoredList) -> None:
    if opening.protocol not in PROTOCOLS_OF_MODE[opening.mode]:
        raise Refusal(Code.INVALID_INPUT, f"mode {opening.mode} does not run on protocol {opening.protocol}")
    if opening.mode is ScreeningMode.LABELS and not stored.label_bytes:
        raise Refusal(Code.INVALID_INPUT, "the list has no labels", remedy="Screen with --mode codes.")
    if (opening.mode is ScreeningMode.CLASSES) != (stored.kind == LOAN_LIST_KIND):
        raise Refusal(Code.INVALID_INPUT, f"a list of kind {stored.kind} is not screened in mode {opening.mode}")
    if opening.mode is ScreeningMode.CLASSES and table_size(opening.padded_codes) > MAXIMUM_LOANS:
        raise Refusal(Code.BOUND_EXCEEDED, f"a comparison takes at most {MAXIMUM_LOANS:,} loans")
    check_buckets(opening.protocol, opening.padded_codes, stored.padded_count, opening.buckets)


def _epoch_id(screening: BureauScreening) -> bytes:
    assert screening.epoch_id is not None
    return screening.epoch_id
