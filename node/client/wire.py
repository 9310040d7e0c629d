"""Protocol buffers <-> dataclasses: the only module of the client that knows the generated types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from node.client import results
from node.codes import Code, JobState
from node.errors import Refusal
from protos import control_pb2 as pb


def moment(seconds: int) -> datetime | None:
    """Return Unix seconds as an aware UTC datetime; zero means that the moment is not set."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def status(message: pb.Status) -> results.Status:
    """Return the node's own status."""
    return results.Status(
        party_id=message.party_id,
        role=message.role,
        version=message.version,
        listen=message.listen,
        started_at=moment(message.started_at),
        warnings=tuple(message.warnings),
        running_jobs=message.running_jobs,
        bytes_sent=message.bytes_sent,
        bytes_received=message.bytes_received,
    )


def party(message: pb.Party) -> results.Party:
    """Return one trusted party."""
    return results.Party(
        party_id=message.party_id,
        role=message.role,
        name_zh=message.name_zh,
        name_en=message.name_en,
        endpoint=message.endpoint,
        state=message.state,
        signing_key_fingerprint=message.signing_key_fingerprint,
        certificate_fingerprints=tuple(message.certificate_fingerprints),
    )


def catalogue(message: pb.CatalogueSummary) -> results.CatalogueSummary:
    """Return one catalogue's summary."""
    return results.CatalogueSummary(
        catalogue_id=message.catalogue_id,
        version=message.version,
        bureau=message.bureau,
        fields=message.fields,
        digest=message.digest,
    )


def agreement(message: pb.AgreementSummary) -> results.AgreementSummary:
    """Return one agreement's summary."""
    return results.AgreementSummary(
        agreement_id=message.agreement_id,
        bank=message.bank,
        bureau=message.bureau,
        state=message.state,
        valid_from=moment(message.valid_from),
        valid_until=moment(message.valid_until),
        purposes=tuple(message.purposes),
        digest=message.digest,
    )


def admission(message: pb.AdmissionSummary) -> results.Admission:
    """Return one admission."""
    return results.Admission(
        admission_id=message.admission_id,
        auditors=tuple(message.auditors),
        bank=message.bank,
        bureaus=tuple(message.bureaus),
        model_id=message.model_id,
        model=_versioned(message.name, message.version),
        state=message.state,
        reviewed_at=moment(message.reviewed_at),
        review_by=moment(message.review_by),
        expires_at=moment(message.expires_at),
        distinct_scores=message.distinct_scores,
        score_bits=message.score_bits_milli / 1000,
        combinations=message.combinations,
        supersedes=message.supersedes,
        revoked_at=moment(message.revoked_at),
        revoked_by=message.revoked_by,
        reason=message.revocation_reason,
        digest=message.digest,
    )


def ledger_entry(message: pb.LedgerEntry) -> results.LedgerEntry:
    """Return one debit of the extraction ledger."""
    return results.LedgerEntry(
        uscc=message.uscc,
        bank=message.bank,
        model_id=message.model_id,
        model=_versioned(message.name, message.version),
        bits=message.milli_bits / 1000,
        debited_at=moment(message.debited_at),
        used_at=moment(message.used_at),
    )


def ledger_alert(message: pb.LedgerAlert) -> results.LedgerAlert:
    """Return one enterprise that stands out."""
    return results.LedgerAlert(message.uscc, message.banks, message.models, moment(message.latest_at))


def _versioned(name: str, version: str) -> str:
    return f"{name}@{version}" if name else ""


def consent(message: pb.ConsentSummary) -> results.ConsentSummary:
    """Return one registered consent."""
    return results.ConsentSummary(
        consent_id=message.consent_id,
        uscc=message.uscc,
        bank=message.bank,
        bureau=message.bureau,
        purposes=tuple(message.purposes),
        fields=tuple(message.fields),
        model_classes=tuple(message.model_classes),
        not_before=moment(message.not_before),
        expires=moment(message.expires),
        maximum_uses=message.maximum_uses,
        uses=message.uses,
        state=message.state,
        notice_sha256=message.notice_sha256,
        revoked_at=moment(message.revoked_at),
    )


def verdicts(message: pb.ConsentVerdicts) -> tuple[results.ConsentVerdict, ...]:
    """Return the verdicts of one frame, in the order of its consents."""
    return tuple(
        results.ConsentVerdict(item.consent_id, item.uscc, item.state, item.reason) for item in message.verdicts
    )


def feature_set(message: pb.FeatureSet) -> results.FeatureSet:
    """Return one feature set's description."""
    return results.FeatureSet(
        feature_set=message.feature_set,
        name=message.name,
        as_of=message.as_of,
        catalogue_id=message.catalogue_id,
        catalogue_version=message.catalogue_version,
        rows=message.rows,
        fields=message.fields,
        digest=message.digest,
        imported_at=moment(message.imported_at),
        state=message.state,
    )


def screening_list(message: pb.ListSummary) -> results.ScreeningListSummary:
    """Return one version of a bureau's list."""
    return results.ScreeningListSummary(
        name=message.name,
        version=message.version,
        kind=message.kind,
        state=message.state,
        codes=message.codes,
        padded_count=message.padded_count,
        labels=tuple(message.labels),
        digest=message.digest,
        published_at=moment(message.published_at),
        screenings=message.screenings,
        withdrawn_reason=message.withdrawn_reason,
    )


def list_progress(message: pb.PublishListProgress) -> results.ListProgress:
    """Return how far a publication is."""
    return results.ListProgress(
        rows=message.rows,
        accepted=message.accepted,
        rejected=message.rejected,
        rejects=tuple(results.DataReject(each.row, each.field, each.reason) for each in message.rejects),
        published=screening_list(message.list) if message.HasField("list") else None,
    )


def data_progress(message: pb.DataProgress) -> results.DataProgress:
    """Return how far an import is."""
    return results.DataProgress(
        rows=message.rows,
        accepted=message.accepted,
        rejected=message.rejected,
        repeated_rows=message.repeated_rows,
        rejects=tuple(results.DataReject(item.row, item.field, item.reason) for item in message.rejects),
        feature_set=feature_set(message.feature_set) if message.HasField("feature_set") else None,
    )


def model(message: pb.Model) -> results.Model:
    """Return one model version."""
    return results.Model(
        model_id=message.model_id,
        name=message.name,
        version=message.version,
        model_class=message.model_class,
        engine=message.engine,
        profile=message.profile,
        bureau=message.bureau,
        columns=message.columns,
        score_low=message.score_low,
        score_high=message.score_high,
        noise_distance_log2=message.noise_distance_log2,
        expires_at=moment(message.expires_at),
        state=message.state,
        fields=tuple(message.fields),
    )


def build_progress(message: pb.BuildProgress) -> results.BuildProgress:
    """Return how many columns are encrypted."""
    built = model(message.model) if message.HasField("model") else None
    return results.BuildProgress(message.columns_done, message.columns, built)


def score_row(message: pb.ScoreRow) -> results.ScoreRow:
    """Return one line of a result; numbers that are not set are ``None``, never zero."""
    return results.ScoreRow(
        uscc=message.uscc,
        status=message.status,
        reason=message.reason,
        score=message.score if message.HasField("score") else None,
        bank_part=message.bank_part if message.HasField("bank_part") else None,
        tax_part=message.tax_part if message.HasField("tax_part") else None,
        feature_set=message.feature_set,
        as_of=message.as_of,
        job_id=message.job_id,
    )


def score_inputs(rows: Iterable[results.Applicant], *, last: bool = False) -> pb.ScoreFrame:
    """Return one frame of a list, in the order given; ``last`` says that the list is whole."""
    inputs = [pb.ScoreInput(uscc=row.uscc, values=row.values) for row in rows]
    return pb.ScoreFrame(rows=pb.ScoreInputs(rows=inputs, last=last))


def consent_frame(consents: Sequence[str], bureau: str = "") -> pb.ConsentFrame:
    """Return one frame of compact JWS; ``bureau`` only in the first frame, only at a bank."""
    return pb.ConsentFrame(consents=consents, bureau=bureau)


def job(message: pb.Job) -> results.Job:
    """Return one job.

    Raises:
        Refusal: ``VERSION_UNSUPPORTED`` where the node names a state that this client does not know.
    """
    return results.Job(
        job_id=message.job_id,
        state=_job_state(message.state),
        model=message.model,
        engine=message.engine,
        purpose=message.purpose,
        idempotency_key=message.idempotency_key,
        rows=message.rows,
        finished=message.finished,
        scored=message.scored,
        refused=dict(message.refused),
        not_held=message.not_held,
        aligned=message.aligned,
        feature_set=message.feature_set,
        as_of=message.as_of,
        created_at=moment(message.created_at),
        updated_at=moment(message.updated_at),
        error_code=message.error_code,
        error_detail=message.error_detail,
        label=message.label,
        bytes_sent=message.bytes_sent,
        bytes_received=message.bytes_received,
    )


def _job_state(name: str) -> JobState:
    try:
        return JobState(name)
    except ValueError:
        raise Refusal(Code.VERSION_UNSUPPORTED, f"the node names a job state «{name[:40]}»") from None
