"""The bureau's side of a screening: gate, quota, then the list's epoch or an exchange; closed under both signatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

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
    ListEpoch,
    ListTerms,
    OpenedScreening,
    ScreeningOpening,
    table_size,
)
from node.jobs.screening_choice import check_buckets
from node.lists.epochs import ListEpochs
from node.lists.evaluating import answer_batch
from node.lists.listfile import ListContent
from node.policy import documents
from node.policy.agreement import Agreement, Screening
from node.policy.authorise import LISTS, SCREENING
from node.policy.loan_classes import LOAN_LIST_KIND
from node.policy.screening_list import LIST_KIND, ScreeningList
from node.storage.bureau_screenings import BureauScreening, BureauScreenings
from node.storage.screening_lists import ScreeningLists, StoredList
from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi.classes.messages import MAXIMUM_LOANS
from protocols.psi.oprf_job import check_batch
from protocols.psi.segments import Segment
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

    def earlier(self, stored: StoredList, version: str) -> ListContent | None:
        """Return an earlier version's content for a delta to ``stored``, or nothing where its labels are others."""
        before = self.stored.get(stored.name, version)
        named = [ScreeningList.from_body(documents.decode(one.document, LIST_KIND).body) for one in (before, stored)]
        return self.lists.content(before) if named[0].labels == named[1].labels else None


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
        return self._opened(known)

    def tags(self, caller: Caller, session_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give the tags of a segment of the session's epoch from index ``first``.

        Raises:
            Refusal: ``INVALID_INPUT``, the session's version has no such segment; see
                :meth:`ScreeningService.authorised` and :meth:`ListEpochs.read_tags`.
        """
        screening = self._service.authorised(caller, session_id, ScreeningProtocol.OPRF)
        self._segment(screening, segment)
        return self._service.epochs.read_tags(caller.bank, _epoch_id(screening), segment, first)

    def labels(self, caller: Caller, session_id: bytes, segment: int, first: int) -> tuple[int, Iterator[bytes]]:
        """Return the length of a sealed label, and a segment's labels from index ``first`` in frames.

        They stand in the order of the segment's tags.

        Raises:
            Refusal: ``AGREEMENT_INACTIVE``, the screening is not one of labels; as :meth:`tags` besides.
        """
        screening = self._service.authorised(caller, session_id, ScreeningProtocol.OPRF)
        if screening.mode is not ScreeningMode.LABELS:
            raise Refusal(Code.AGREEMENT_INACTIVE, "the screening was opened without labels")
        width = self._segment(screening, segment).label_bytes
        return width, self._service.epochs.read_labels(caller.bank, _epoch_id(screening), segment, first)

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

    def _segment(self, screening: BureauScreening, number: int) -> Segment:
        epoch = self._service.epochs.info(screening.bank, _epoch_id(screening), screening.version)
        if number >= len(epoch.segments):
            raise Refusal(Code.INVALID_INPUT, "the screening's version of the list has no such segment")
        return epoch.segments[number]

    def _open(self, bank: str, opening: ScreeningOpening, stored: StoredList, agreement: Agreement) -> BureauScreening:
        service, vole = self._service, opening.protocol is ScreeningProtocol.VOLE
        epoch_id = None
        if opening.protocol is ScreeningProtocol.OPRF:
            earlier = partial(service.earlier, stored) if section_of(agreement).key_across_versions else None
            epoch = service.epochs.epoch_for(bank, stored, lambda: service.lists.content(stored), earlier)
            epoch_id = epoch.epoch_id
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

    def _opened(self, screening: BureauScreening) -> OpenedScreening:
        service, epoch = self._service, None
        if screening.protocol is ScreeningProtocol.OPRF:
            epoch = _still(service.epochs, screening)
            if screening.mode is not ScreeningMode.LABELS:
                epoch = epoch.without_labels()
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


def _still(epochs: ListEpochs, screening: BureauScreening) -> ListEpoch:
    try:
        return epochs.info(screening.bank, _epoch_id(screening), screening.version)
    except Refusal as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        raise Refusal(
            Code.WRONG_STATE,
            "the key that the screening was opened under is gone",
            remedy="Begin a new screening.",
        ) from None


def _epoch_id(screening: BureauScreening) -> bytes:
    assert screening.epoch_id is not None
    return screening.epoch_id
