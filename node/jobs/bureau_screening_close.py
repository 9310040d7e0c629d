"""The end of a screening at the bureau: its transcript is compared with the bank's, then the record countersigned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.bureau_screening import ScreeningService
from node.jobs.documents import Documents
from node.jobs.gate import Caller
from node.jobs.screening_calls import protocol_parts, terms_of
from node.policy import documents, screening_record
from node.policy.screening_record import RECORD_KIND, ScreeningRecord
from node.storage.bureau_screenings import CANCELLED, OPEN, BureauScreening, Step
from protocols.errors import LocalProtocolError
from protocols.primitives.signing import SigningKey
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.job import JobContext
from protocols.psi.transcript import count_terms, part_digest, transcript_digest, vole_terms

_CHECKED = (
    "job_id",
    "session_id",
    "bank",
    "bureau",
    "agreement_id",
    "list_name",
    "list_version",
    "list_digest",
    "mode",
    "protocol",
    "security",
    "purpose",
    "padded_codes",
    "list_items",
    "buckets",
    "commitment",
    "transcript_digest",
)
"""What a record has to say as the bureau knows it; attempts are the bank's own word, the time is compared apart."""


class BureauScreeningClose:
    """Closes screenings."""

    def __init__(self, service: ScreeningService, own: Documents, bureau: str, key: SigningKey) -> None:
        self._service = service
        self._documents = own
        self._bureau = bureau
        self._key = key

    def close(self, caller: Caller, session_id: bytes, record: bytes, *, cancelled: bool) -> bytes:
        """End a screening and return the record under both signatures, or nothing where it was cancelled.

        Closing twice is closing once. A cancelled screening keeps its charge: what was answered was answered.

        Raises:
            Refusal: ``NOT_FOUND``; ``WRONG_STATE``, it was closed the other way, or parts of it are missing;
                ``PEER_UNTRUSTED`` and ``INVALID_INPUT`` for the record itself; ``RESULT_REJECTED``, it says something
                else than this bureau's own journal.
        """
        journal = self._service.journal
        screening = journal.get(caller.bank, session_id)
        if screening.state == OPEN and cancelled:
            screening = journal.close(caller.bank, session_id, None)
            self._service.epochs.remove_retired()
        if cancelled:
            self._service.stored.split_path(session_id).unlink(missing_ok=True)
        if screening.state != OPEN:
            return _closed(screening, cancelled=cancelled)
        document = documents.decode(record, RECORD_KIND)
        keys = {caller.bank: self._documents.trusted_card(caller.bank).verify_key}
        self._check(screening_record.verify(document, keys, frozenset(keys)), screening)
        signed = documents.add_signature(document, self._key, self._bureau).encode()
        closed = journal.close(caller.bank, session_id, signed)
        self._service.stored.split_path(session_id).unlink(missing_ok=True)
        self._service.epochs.remove_retired()
        return _closed(closed, cancelled=False)

    def _check(self, record: ScreeningRecord, screening: BureauScreening) -> None:
        expected = self._expected(screening)
        for name in _CHECKED:
            if getattr(record, name) != expected[name]:
                raise Refusal(
                    Code.RESULT_REJECTED,
                    f"the record's {name} is not what this bureau has in its journal",
                    remedy="The bank and the bureau have to find out what was changed between them.",
                )
        if round(record.opened_at.timestamp() * 1000) != screening.opened_at:
            raise Refusal(Code.RESULT_REJECTED, "the record's opened_at is not when the screening was opened")

    def _expected(self, screening: BureauScreening) -> Mapping[str, object]:
        stored = self._service.stored.get(screening.name, screening.version)
        return {
            "job_id": screening.job_id.hex(),
            "session_id": screening.session_id.hex(),
            "bank": screening.bank,
            "bureau": self._bureau,
            "agreement_id": screening.agreement_id,
            "list_name": screening.name,
            "list_version": screening.version,
            "list_digest": stored.digest.hex(),
            "mode": screening.mode,
            "protocol": screening.protocol,
            "security": screening.security,
            "purpose": screening.purpose,
            "padded_codes": screening.padded_codes,
            "list_items": screening.list_items,
            "buckets": screening.buckets,
            "commitment": screening.commitment.hex(),
            "transcript_digest": self._transcript(screening).hex(),
        }

    def _transcript(self, screening: BureauScreening) -> bytes:
        """Return the digest of all that was said, as this side has it."""
        context = JobContext(
            screening.job_id,
            screening.bank,
            self._bureau,
            screening.name,
            screening.version,
            screening.protocol,
            screening.mode,
            screening.purpose,
        )
        parts = _parts(self._service.journal.steps(screening.session_id))
        count = protocol_parts(screening.protocol, screening.padded_codes, screening.buckets)
        count += screening.mode is ScreeningMode.CLASSES  # the confusion table
        try:
            return transcript_digest(
                context,
                root=screening.commitment,
                padded=screening.padded_codes,
                session_id=screening.session_id,
                terms=self._terms(screening),
                parts=parts,
                count=count,
            )
        except LocalProtocolError:
            raise Refusal(Code.WRONG_STATE, "parts of the screening are missing: it is not done") from None

    def _terms(self, screening: BureauScreening) -> bytes:
        if screening.protocol is ScreeningProtocol.VOLE:
            return vole_terms(
                list_items=screening.list_items,
                buckets=screening.buckets,
                bucket_key=screening.bucket_key,
                security=screening.security or SecurityProfile.SEMI_HONEST,
            )
        if screening.epoch_id is None:
            return count_terms(list_items=screening.list_items)
        epoch = self._service.epochs.info(screening.bank, screening.epoch_id, screening.version)
        return terms_of(epoch, labelled=screening.mode is ScreeningMode.LABELS)


def _parts(steps: Sequence[Step]) -> dict[int, bytes]:
    """Return the digest of every part; of several answered attempts at a bucket the last one counts."""
    return {
        step.step: part_digest(step.step, step.request_digest, step.response_digest)
        for step in steps
        if step.request_digest is not None and step.response_digest is not None
    }


def _closed(screening: BureauScreening, *, cancelled: bool) -> bytes:
    if (screening.state == CANCELLED) != cancelled:
        raise Refusal(Code.WRONG_STATE, f"the screening is {screening.state}")
    return screening.record or b""
