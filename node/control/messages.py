"""The domain's values as messages of the control API, and back. The only place of the service that knows both."""

from __future__ import annotations

from collections.abc import Iterator

from node.codes import Code, Reason
from node.data.importer import ImportProgress
from node.errors import Refusal
from node.jobs.bank_consents import RegisterVerdict
from node.jobs.bank_intake import ListRow, Submission
from node.jobs.bank_model_records import ModelSummary
from node.jobs.bank_records import Counts, ResultRow, StoredJob
from node.jobs.bureau_journal import BureauJob
from node.policy.agreement import Agreement
from node.policy.card import PartyCard
from node.policy.catalogue import Catalogue
from node.policy.consent import term_fault
from node.storage.agreements import StoredAgreement
from node.storage.catalogues import StoredCatalogue
from node.storage.consents import ConsentStatus, StoredConsent
from node.storage.features import StoredFeatureSet
from node.storage.parties import StoredParty
from protos import control_pb2 as pb

MAXIMUM_ROWS_IN_FRAME = 10_000


def party(stored: StoredParty, card: PartyCard) -> pb.Party:
    """Return a pinned party."""
    return pb.Party(
        party_id=stored.party_id,
        role=stored.role,
        name_zh=card.name_zh,
        name_en=card.name_en,
        endpoint=card.endpoint,
        state=stored.state,
        signing_key_fingerprint=card.signing_key_fingerprint,
        certificate_fingerprints=card.certificate_fingerprints,
    )


def catalogue(stored: StoredCatalogue, parsed: Catalogue) -> pb.CatalogueSummary:
    """Return a catalogue version."""
    return pb.CatalogueSummary(
        catalogue_id=stored.catalogue_id,
        version=stored.version,
        bureau=stored.bureau,
        fields=len(parsed.fields),
        digest=stored.digest.hex(),
    )


def agreement(stored: StoredAgreement, parsed: Agreement, now_ms: int) -> pb.AgreementSummary:
    """Return an agreement."""
    return pb.AgreementSummary(
        agreement_id=stored.agreement_id,
        bank=stored.bank,
        bureau=stored.bureau,
        state=stored.state(now_ms),
        valid_from=stored.valid_from // 1000,
        valid_until=stored.valid_until // 1000,
        purposes=parsed.purposes,
        digest=stored.digest.hex(),
    )


_TERM_STATES = {None: "valid", Reason.CONSENT_NOT_YET_VALID: "not_yet_valid", Reason.CONSENT_EXPIRED: "expired"}


def consent(stored: StoredConsent, status: ConsentStatus, now_ms: int) -> pb.ConsentSummary:
    """Return a consent with what became of it."""
    state = _TERM_STATES[term_fault(stored, now_ms)]
    if status.revoked_at is not None:
        state = "revoked"
    elif state == "valid" and status.uses >= stored.maximum_uses:
        state = "exhausted"
    return pb.ConsentSummary(
        consent_id=stored.consent_id.hex(),
        uscc=stored.uscc,
        bank=stored.bank,
        bureau=stored.bureau,
        purposes=stored.purposes,
        fields=stored.fields,
        model_classes=stored.model_classes,
        not_before=stored.not_before_ms // 1000,
        expires=stored.expires_ms // 1000,
        maximum_uses=stored.maximum_uses,
        uses=status.uses,
        state=state,
        notice_sha256=stored.notice_sha256,
        revoked_at=(status.revoked_at or 0) // 1000,
    )


def verdict(outcome: RegisterVerdict) -> pb.ConsentVerdict:
    """Return what became of one consent that was handed in."""
    reason = outcome.registration.reason
    return pb.ConsentVerdict(
        consent_id="" if outcome.consent_id is None else outcome.consent_id.hex(),
        uscc=outcome.uscc,
        state=outcome.registration.state,
        reason=reason or "",
    )


def feature_set(stored: StoredFeatureSet) -> pb.FeatureSet:
    """Return a feature set."""
    return pb.FeatureSet(
        feature_set=stored.feature_set,
        name=stored.name,
        as_of=stored.as_of,
        catalogue_id=stored.catalogue_id,
        catalogue_version=stored.catalogue_version,
        rows=stored.rows,
        fields=stored.fields,
        digest=stored.digest.hex(),
        imported_at=stored.imported_at // 1000,
        state=stored.state,
    )


def data_progress(step: ImportProgress) -> pb.DataProgress:
    """Return how far an import is."""
    rejects = [pb.DataReject(row=each.row, field=each.field, reason=each.reason) for each in step.rejects]
    return pb.DataProgress(rows=step.rows, accepted=step.accepted, rejected=step.rejected, rejects=rejects)


def model(summary: ModelSummary) -> pb.Model:
    """Return a model; no points."""
    return pb.Model(
        model_id=summary.model_id.hex(),
        name=summary.name,
        version=summary.version,
        model_class=summary.model_class,
        engine=summary.engine,
        profile=summary.profile,
        bureau=summary.bureau,
        columns=summary.columns,
        score_low=summary.score_low,
        score_high=summary.score_high,
        noise_distance_log2=summary.noise_distance_log2,
        expires_at=summary.expires_at,
        state=summary.state,
        fields=summary.fields,
    )


def job(stored: StoredJob, counts: Counts, used: ModelSummary) -> pb.Job:
    """Return a job with its counts."""
    return pb.Job(
        job_id=stored.job_id.hex(),
        state=stored.state,
        model=f"{used.name}@{used.version}",
        engine=used.engine,
        purpose=stored.purpose,
        idempotency_key=stored.idempotency_key,
        rows=stored.rows,
        finished=counts.finished,
        scored=counts.scored,
        refused=counts.refused,
        not_held=counts.not_held,
        feature_set=stored.feature_set,
        as_of=stored.as_of,
        created_at=stored.created_at // 1000,
        updated_at=stored.updated_at // 1000,
        error_code=stored.error_code,
        error_detail=stored.error_detail,
        label=stored.label,
        bytes_sent=stored.bytes_sent,
        bytes_received=stored.bytes_received,
        aligned=stored.aligned,
    )


def bureau_job(job: BureauJob, released: int, refused: int) -> pb.Job:
    """Return a bank's job as the bureau sees it: how many enterprises were released and refused, not which."""
    return pb.Job(
        job_id=job.job_id.hex(),
        state=job.state,
        model=job.model_id.hex(),
        purpose=job.purpose,
        idempotency_key=job.idempotency_key,
        rows=job.enterprises,
        finished=released + refused,
        scored=released,
        feature_set=job.feature_set,
        created_at=job.opened_at // 1000,
        updated_at=job.opened_at // 1000,
        label=job.bank,
    )


def score_row(stored: StoredJob, row: ResultRow) -> pb.ScoreRow:
    """Return one row of a result; the score, its parts and the set stand there only where there is a score."""
    scored = row.score is not None
    return pb.ScoreRow(
        uscc=row.uscc,
        status=row.status or "",
        reason=row.reason or "",
        score=row.score,
        bank_part=row.bank_part if scored else None,
        tax_part=row.tax_part,
        feature_set=stored.feature_set if scored else "",
        as_of=stored.as_of if scored else "",
        job_id=stored.job_id.hex(),
    )


def submission(header: pb.ScoreHeader) -> Submission:
    """Return what a list is submitted with."""
    return Submission(
        model=header.model,
        engine=header.engine,
        purpose=header.purpose,
        idempotency_key=header.idempotency_key,
        bank_fields=tuple(header.bank_fields),
        label=header.label,
    )


def list_rows(frames: Iterator[pb.ScoreFrame]) -> Iterator[ListRow]:
    """Return the rows of a streamed list.

    Raises:
        Refusal: ``MALFORMED``, also for a list that ends without its last frame: its sender was cut off.
    """
    last = False
    for frame in frames:
        if frame.WhichOneof("part") != "rows" or len(frame.rows.rows) > MAXIMUM_ROWS_IN_FRAME:
            raise Refusal(Code.MALFORMED, f"after the header come frames of at most {MAXIMUM_ROWS_IN_FRAME} rows")
        for row in frame.rows.rows:
            yield ListRow(row.uscc, tuple(row.values))
        last = frame.rows.last
    if not last:
        raise Refusal(Code.MALFORMED, "the list ended without its last frame: it was cut off")
