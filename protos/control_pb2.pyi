from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Status(_message.Message):
    __slots__ = ("party_id", "role", "version", "listen", "started_at", "warnings", "running_jobs", "bytes_sent", "bytes_received")
    PARTY_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    party_id: str
    role: str
    version: str
    listen: str
    started_at: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    running_jobs: int
    bytes_sent: int
    bytes_received: int
    def __init__(self, party_id: _Optional[str] = ..., role: _Optional[str] = ..., version: _Optional[str] = ..., listen: _Optional[str] = ..., started_at: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ..., running_jobs: _Optional[int] = ..., bytes_sent: _Optional[int] = ..., bytes_received: _Optional[int] = ...) -> None: ...

class TrustPartyRequest(_message.Message):
    __slots__ = ("card",)
    CARD_FIELD_NUMBER: _ClassVar[int]
    card: bytes
    def __init__(self, card: _Optional[bytes] = ...) -> None: ...

class SuspendPartyRequest(_message.Message):
    __slots__ = ("party_id", "resume")
    PARTY_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    party_id: str
    resume: bool
    def __init__(self, party_id: _Optional[str] = ..., resume: _Optional[bool] = ...) -> None: ...

class ListPartiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Party(_message.Message):
    __slots__ = ("party_id", "role", "name_zh", "name_en", "endpoint", "state", "signing_key_fingerprint", "certificate_fingerprints")
    PARTY_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    party_id: str
    role: str
    name_zh: str
    name_en: str
    endpoint: str
    state: str
    signing_key_fingerprint: str
    certificate_fingerprints: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, party_id: _Optional[str] = ..., role: _Optional[str] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., endpoint: _Optional[str] = ..., state: _Optional[str] = ..., signing_key_fingerprint: _Optional[str] = ..., certificate_fingerprints: _Optional[_Iterable[str]] = ...) -> None: ...

class Parties(_message.Message):
    __slots__ = ("parties",)
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    parties: _containers.RepeatedCompositeFieldContainer[Party]
    def __init__(self, parties: _Optional[_Iterable[_Union[Party, _Mapping]]] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class CatalogueKey(_message.Message):
    __slots__ = ("catalogue_id", "version")
    CATALOGUE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    catalogue_id: str
    version: int
    def __init__(self, catalogue_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ListCataloguesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CatalogueSummary(_message.Message):
    __slots__ = ("catalogue_id", "version", "bureau", "fields", "digest")
    CATALOGUE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    catalogue_id: str
    version: int
    bureau: str
    fields: int
    digest: str
    def __init__(self, catalogue_id: _Optional[str] = ..., version: _Optional[int] = ..., bureau: _Optional[str] = ..., fields: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class Catalogues(_message.Message):
    __slots__ = ("catalogues",)
    CATALOGUES_FIELD_NUMBER: _ClassVar[int]
    catalogues: _containers.RepeatedCompositeFieldContainer[CatalogueSummary]
    def __init__(self, catalogues: _Optional[_Iterable[_Union[CatalogueSummary, _Mapping]]] = ...) -> None: ...

class AgreementKey(_message.Message):
    __slots__ = ("agreement_id",)
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    agreement_id: str
    def __init__(self, agreement_id: _Optional[str] = ...) -> None: ...

class ListAgreementsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AgreementSummary(_message.Message):
    __slots__ = ("agreement_id", "bank", "bureau", "state", "valid_from", "valid_until", "purposes", "digest")
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    agreement_id: str
    bank: str
    bureau: str
    state: str
    valid_from: int
    valid_until: int
    purposes: _containers.RepeatedScalarFieldContainer[str]
    digest: str
    def __init__(self, agreement_id: _Optional[str] = ..., bank: _Optional[str] = ..., bureau: _Optional[str] = ..., state: _Optional[str] = ..., valid_from: _Optional[int] = ..., valid_until: _Optional[int] = ..., purposes: _Optional[_Iterable[str]] = ..., digest: _Optional[str] = ...) -> None: ...

class Agreements(_message.Message):
    __slots__ = ("agreements",)
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    agreements: _containers.RepeatedCompositeFieldContainer[AgreementSummary]
    def __init__(self, agreements: _Optional[_Iterable[_Union[AgreementSummary, _Mapping]]] = ...) -> None: ...

class AdmissionKey(_message.Message):
    __slots__ = ("admission_id",)
    ADMISSION_ID_FIELD_NUMBER: _ClassVar[int]
    admission_id: str
    def __init__(self, admission_id: _Optional[str] = ...) -> None: ...

class ListAdmissionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AdmissionSummary(_message.Message):
    __slots__ = ("admission_id", "auditors", "bank", "bureaus", "model_id", "name", "version", "state", "reviewed_at", "review_by", "expires_at", "distinct_scores", "score_bits_milli", "combinations", "supersedes", "revoked_at", "revoked_by", "revocation_reason", "digest")
    ADMISSION_ID_FIELD_NUMBER: _ClassVar[int]
    AUDITORS_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    BUREAUS_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVIEWED_AT_FIELD_NUMBER: _ClassVar[int]
    REVIEW_BY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_SCORES_FIELD_NUMBER: _ClassVar[int]
    SCORE_BITS_MILLI_FIELD_NUMBER: _ClassVar[int]
    COMBINATIONS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_AT_FIELD_NUMBER: _ClassVar[int]
    REVOKED_BY_FIELD_NUMBER: _ClassVar[int]
    REVOCATION_REASON_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    admission_id: str
    auditors: _containers.RepeatedScalarFieldContainer[str]
    bank: str
    bureaus: _containers.RepeatedScalarFieldContainer[str]
    model_id: str
    name: str
    version: str
    state: str
    reviewed_at: int
    review_by: int
    expires_at: int
    distinct_scores: int
    score_bits_milli: int
    combinations: int
    supersedes: str
    revoked_at: int
    revoked_by: str
    revocation_reason: str
    digest: str
    def __init__(self, admission_id: _Optional[str] = ..., auditors: _Optional[_Iterable[str]] = ..., bank: _Optional[str] = ..., bureaus: _Optional[_Iterable[str]] = ..., model_id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., state: _Optional[str] = ..., reviewed_at: _Optional[int] = ..., review_by: _Optional[int] = ..., expires_at: _Optional[int] = ..., distinct_scores: _Optional[int] = ..., score_bits_milli: _Optional[int] = ..., combinations: _Optional[int] = ..., supersedes: _Optional[str] = ..., revoked_at: _Optional[int] = ..., revoked_by: _Optional[str] = ..., revocation_reason: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class Admissions(_message.Message):
    __slots__ = ("admissions",)
    ADMISSIONS_FIELD_NUMBER: _ClassVar[int]
    admissions: _containers.RepeatedCompositeFieldContainer[AdmissionSummary]
    def __init__(self, admissions: _Optional[_Iterable[_Union[AdmissionSummary, _Mapping]]] = ...) -> None: ...

class ConsentFrame(_message.Message):
    __slots__ = ("consents", "bureau")
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    consents: _containers.RepeatedScalarFieldContainer[str]
    bureau: str
    def __init__(self, consents: _Optional[_Iterable[str]] = ..., bureau: _Optional[str] = ...) -> None: ...

class ConsentVerdict(_message.Message):
    __slots__ = ("consent_id", "uscc", "state", "reason")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    USCC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    consent_id: str
    uscc: str
    state: str
    reason: str
    def __init__(self, consent_id: _Optional[str] = ..., uscc: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ConsentVerdicts(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[ConsentVerdict]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[ConsentVerdict, _Mapping]]] = ...) -> None: ...

class RevokeConsentRequest(_message.Message):
    __slots__ = ("consent_id", "reason")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    consent_id: str
    reason: str
    def __init__(self, consent_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListConsentsRequest(_message.Message):
    __slots__ = ("uscc", "consent_id", "limit")
    USCC_FIELD_NUMBER: _ClassVar[int]
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    uscc: str
    consent_id: str
    limit: int
    def __init__(self, uscc: _Optional[str] = ..., consent_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ConsentSummary(_message.Message):
    __slots__ = ("consent_id", "uscc", "bank", "bureau", "purposes", "fields", "model_classes", "not_before", "expires", "maximum_uses", "uses", "state", "notice_sha256", "revoked_at")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    USCC_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASSES_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_USES_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    NOTICE_SHA256_FIELD_NUMBER: _ClassVar[int]
    REVOKED_AT_FIELD_NUMBER: _ClassVar[int]
    consent_id: str
    uscc: str
    bank: str
    bureau: str
    purposes: _containers.RepeatedScalarFieldContainer[str]
    fields: _containers.RepeatedScalarFieldContainer[str]
    model_classes: _containers.RepeatedScalarFieldContainer[str]
    not_before: int
    expires: int
    maximum_uses: int
    uses: int
    state: str
    notice_sha256: str
    revoked_at: int
    def __init__(self, consent_id: _Optional[str] = ..., uscc: _Optional[str] = ..., bank: _Optional[str] = ..., bureau: _Optional[str] = ..., purposes: _Optional[_Iterable[str]] = ..., fields: _Optional[_Iterable[str]] = ..., model_classes: _Optional[_Iterable[str]] = ..., not_before: _Optional[int] = ..., expires: _Optional[int] = ..., maximum_uses: _Optional[int] = ..., uses: _Optional[int] = ..., state: _Optional[str] = ..., notice_sha256: _Optional[str] = ..., revoked_at: _Optional[int] = ...) -> None: ...

class Consents(_message.Message):
    __slots__ = ("consents",)
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    consents: _containers.RepeatedCompositeFieldContainer[ConsentSummary]
    def __init__(self, consents: _Optional[_Iterable[_Union[ConsentSummary, _Mapping]]] = ...) -> None: ...

class DataHeader(_message.Message):
    __slots__ = ("name", "as_of", "catalogue_id", "catalogue_version", "format", "postgresql_url", "postgresql_query", "encoding", "ignore_extra", "allow_missing_fields")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_ID_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    POSTGRESQL_URL_FIELD_NUMBER: _ClassVar[int]
    POSTGRESQL_QUERY_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    IGNORE_EXTRA_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MISSING_FIELDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    as_of: str
    catalogue_id: str
    catalogue_version: int
    format: str
    postgresql_url: str
    postgresql_query: str
    encoding: str
    ignore_extra: bool
    allow_missing_fields: bool
    def __init__(self, name: _Optional[str] = ..., as_of: _Optional[str] = ..., catalogue_id: _Optional[str] = ..., catalogue_version: _Optional[int] = ..., format: _Optional[str] = ..., postgresql_url: _Optional[str] = ..., postgresql_query: _Optional[str] = ..., encoding: _Optional[str] = ..., ignore_extra: _Optional[bool] = ..., allow_missing_fields: _Optional[bool] = ...) -> None: ...

class DataFrame(_message.Message):
    __slots__ = ("header", "content", "last")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    header: DataHeader
    content: bytes
    last: bool
    def __init__(self, header: _Optional[_Union[DataHeader, _Mapping]] = ..., content: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class DataReject(_message.Message):
    __slots__ = ("row", "field", "reason")
    ROW_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    row: int
    field: str
    reason: str
    def __init__(self, row: _Optional[int] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DataProgress(_message.Message):
    __slots__ = ("rows", "accepted", "rejected", "rejects", "repeated_rows", "feature_set")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    REPEATED_ROWS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    rows: int
    accepted: int
    rejected: int
    rejects: _containers.RepeatedCompositeFieldContainer[DataReject]
    repeated_rows: int
    feature_set: FeatureSet
    def __init__(self, rows: _Optional[int] = ..., accepted: _Optional[int] = ..., rejected: _Optional[int] = ..., rejects: _Optional[_Iterable[_Union[DataReject, _Mapping]]] = ..., repeated_rows: _Optional[int] = ..., feature_set: _Optional[_Union[FeatureSet, _Mapping]] = ...) -> None: ...

class ListDataRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FeatureSetKey(_message.Message):
    __slots__ = ("feature_set",)
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    feature_set: str
    def __init__(self, feature_set: _Optional[str] = ...) -> None: ...

class FeatureSet(_message.Message):
    __slots__ = ("feature_set", "name", "as_of", "catalogue_id", "catalogue_version", "rows", "fields", "digest", "imported_at", "state")
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_ID_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    feature_set: str
    name: str
    as_of: str
    catalogue_id: str
    catalogue_version: int
    rows: int
    fields: int
    digest: str
    imported_at: int
    state: str
    def __init__(self, feature_set: _Optional[str] = ..., name: _Optional[str] = ..., as_of: _Optional[str] = ..., catalogue_id: _Optional[str] = ..., catalogue_version: _Optional[int] = ..., rows: _Optional[int] = ..., fields: _Optional[int] = ..., digest: _Optional[str] = ..., imported_at: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class FeatureSets(_message.Message):
    __slots__ = ("feature_sets",)
    FEATURE_SETS_FIELD_NUMBER: _ClassVar[int]
    feature_sets: _containers.RepeatedCompositeFieldContainer[FeatureSet]
    def __init__(self, feature_sets: _Optional[_Iterable[_Union[FeatureSet, _Mapping]]] = ...) -> None: ...

class FrequenciesRequest(_message.Message):
    __slots__ = ("auditor", "feature_set")
    AUDITOR_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    auditor: str
    feature_set: str
    def __init__(self, auditor: _Optional[str] = ..., feature_set: _Optional[str] = ...) -> None: ...

class FrequenciesFrame(_message.Message):
    __slots__ = ("done", "total", "content", "last")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    content: bytes
    last: bool
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., content: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class PublishListHeader(_message.Message):
    __slots__ = ("name", "version", "kind", "reason", "code_column", "label_columns", "format", "encoding", "postgresql_url", "postgresql_query", "class_column")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CODE_COLUMN_FIELD_NUMBER: _ClassVar[int]
    LABEL_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    POSTGRESQL_URL_FIELD_NUMBER: _ClassVar[int]
    POSTGRESQL_QUERY_FIELD_NUMBER: _ClassVar[int]
    CLASS_COLUMN_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    kind: str
    reason: str
    code_column: str
    label_columns: _containers.RepeatedScalarFieldContainer[str]
    format: str
    encoding: str
    postgresql_url: str
    postgresql_query: str
    class_column: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., kind: _Optional[str] = ..., reason: _Optional[str] = ..., code_column: _Optional[str] = ..., label_columns: _Optional[_Iterable[str]] = ..., format: _Optional[str] = ..., encoding: _Optional[str] = ..., postgresql_url: _Optional[str] = ..., postgresql_query: _Optional[str] = ..., class_column: _Optional[str] = ...) -> None: ...

class PublishListFrame(_message.Message):
    __slots__ = ("header", "content", "last")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    header: PublishListHeader
    content: bytes
    last: bool
    def __init__(self, header: _Optional[_Union[PublishListHeader, _Mapping]] = ..., content: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class PublishListProgress(_message.Message):
    __slots__ = ("rows", "accepted", "rejected", "rejects", "list")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    rows: int
    accepted: int
    rejected: int
    rejects: _containers.RepeatedCompositeFieldContainer[DataReject]
    list: ListSummary
    def __init__(self, rows: _Optional[int] = ..., accepted: _Optional[int] = ..., rejected: _Optional[int] = ..., rejects: _Optional[_Iterable[_Union[DataReject, _Mapping]]] = ..., list: _Optional[_Union[ListSummary, _Mapping]] = ...) -> None: ...

class ListListsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListKey(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class WithdrawListRequest(_message.Message):
    __slots__ = ("name", "version", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListSummary(_message.Message):
    __slots__ = ("name", "version", "kind", "state", "codes", "padded_count", "labels", "digest", "published_at", "screenings", "withdrawn_reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    PADDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    SCREENINGS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    kind: str
    state: str
    codes: int
    padded_count: int
    labels: _containers.RepeatedScalarFieldContainer[str]
    digest: str
    published_at: int
    screenings: int
    withdrawn_reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., kind: _Optional[str] = ..., state: _Optional[str] = ..., codes: _Optional[int] = ..., padded_count: _Optional[int] = ..., labels: _Optional[_Iterable[str]] = ..., digest: _Optional[str] = ..., published_at: _Optional[int] = ..., screenings: _Optional[int] = ..., withdrawn_reason: _Optional[str] = ...) -> None: ...

class ListSummaries(_message.Message):
    __slots__ = ("lists",)
    LISTS_FIELD_NUMBER: _ClassVar[int]
    lists: _containers.RepeatedCompositeFieldContainer[ListSummary]
    def __init__(self, lists: _Optional[_Iterable[_Union[ListSummary, _Mapping]]] = ...) -> None: ...

class LedgerKey(_message.Message):
    __slots__ = ("uscc", "bank")
    USCC_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    uscc: str
    bank: str
    def __init__(self, uscc: _Optional[str] = ..., bank: _Optional[str] = ...) -> None: ...

class LedgerEntry(_message.Message):
    __slots__ = ("uscc", "bank", "model_id", "name", "version", "milli_bits", "debited_at", "used_at")
    USCC_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MILLI_BITS_FIELD_NUMBER: _ClassVar[int]
    DEBITED_AT_FIELD_NUMBER: _ClassVar[int]
    USED_AT_FIELD_NUMBER: _ClassVar[int]
    uscc: str
    bank: str
    model_id: str
    name: str
    version: str
    milli_bits: int
    debited_at: int
    used_at: int
    def __init__(self, uscc: _Optional[str] = ..., bank: _Optional[str] = ..., model_id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., milli_bits: _Optional[int] = ..., debited_at: _Optional[int] = ..., used_at: _Optional[int] = ...) -> None: ...

class LedgerEntries(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LedgerEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[LedgerEntry, _Mapping]]] = ...) -> None: ...

class ListLedgerAlertsRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class LedgerAlert(_message.Message):
    __slots__ = ("uscc", "banks", "models", "latest_at")
    USCC_FIELD_NUMBER: _ClassVar[int]
    BANKS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    LATEST_AT_FIELD_NUMBER: _ClassVar[int]
    uscc: str
    banks: int
    models: int
    latest_at: int
    def __init__(self, uscc: _Optional[str] = ..., banks: _Optional[int] = ..., models: _Optional[int] = ..., latest_at: _Optional[int] = ...) -> None: ...

class LedgerAlerts(_message.Message):
    __slots__ = ("alerts",)
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedCompositeFieldContainer[LedgerAlert]
    def __init__(self, alerts: _Optional[_Iterable[_Union[LedgerAlert, _Mapping]]] = ...) -> None: ...

class BuildModelRequest(_message.Message):
    __slots__ = ("scorecard", "engine", "bureau")
    SCORECARD_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    scorecard: bytes
    engine: str
    bureau: str
    def __init__(self, scorecard: _Optional[bytes] = ..., engine: _Optional[str] = ..., bureau: _Optional[str] = ...) -> None: ...

class BuildProgress(_message.Message):
    __slots__ = ("columns_done", "columns", "model")
    COLUMNS_DONE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    columns_done: int
    columns: int
    model: Model
    def __init__(self, columns_done: _Optional[int] = ..., columns: _Optional[int] = ..., model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...

class RegisterModelRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class DossierRequest(_message.Message):
    __slots__ = ("model", "auditor")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    AUDITOR_FIELD_NUMBER: _ClassVar[int]
    model: str
    auditor: str
    def __init__(self, model: _Optional[str] = ..., auditor: _Optional[str] = ...) -> None: ...

class DossierFrame(_message.Message):
    __slots__ = ("content", "last")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    last: bool
    def __init__(self, content: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Model(_message.Message):
    __slots__ = ("model_id", "name", "version", "model_class", "engine", "profile", "bureau", "columns", "score_low", "score_high", "noise_distance_log2", "expires_at", "state", "fields")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SCORE_LOW_FIELD_NUMBER: _ClassVar[int]
    SCORE_HIGH_FIELD_NUMBER: _ClassVar[int]
    NOISE_DISTANCE_LOG2_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    name: str
    version: str
    model_class: str
    engine: str
    profile: str
    bureau: str
    columns: int
    score_low: int
    score_high: int
    noise_distance_log2: float
    expires_at: int
    state: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model_id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., model_class: _Optional[str] = ..., engine: _Optional[str] = ..., profile: _Optional[str] = ..., bureau: _Optional[str] = ..., columns: _Optional[int] = ..., score_low: _Optional[int] = ..., score_high: _Optional[int] = ..., noise_distance_log2: _Optional[float] = ..., expires_at: _Optional[int] = ..., state: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class Models(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class ScoreHeader(_message.Message):
    __slots__ = ("model", "engine", "purpose", "idempotency_key", "bank_fields", "label")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELDS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    engine: str
    purpose: str
    idempotency_key: str
    bank_fields: _containers.RepeatedScalarFieldContainer[str]
    label: str
    def __init__(self, model: _Optional[str] = ..., engine: _Optional[str] = ..., purpose: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., bank_fields: _Optional[_Iterable[str]] = ..., label: _Optional[str] = ...) -> None: ...

class ScoreInput(_message.Message):
    __slots__ = ("uscc", "values")
    USCC_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    uscc: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, uscc: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class ScoreFrame(_message.Message):
    __slots__ = ("header", "rows")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    header: ScoreHeader
    rows: ScoreInputs
    def __init__(self, header: _Optional[_Union[ScoreHeader, _Mapping]] = ..., rows: _Optional[_Union[ScoreInputs, _Mapping]] = ...) -> None: ...

class ScoreInputs(_message.Message):
    __slots__ = ("rows", "last")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ScoreInput]
    last: bool
    def __init__(self, rows: _Optional[_Iterable[_Union[ScoreInput, _Mapping]]] = ..., last: _Optional[bool] = ...) -> None: ...

class ScoreOneRequest(_message.Message):
    __slots__ = ("model", "purpose", "uscc", "bank_values", "consent", "idempotency_key")
    class BankValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    USCC_FIELD_NUMBER: _ClassVar[int]
    BANK_VALUES_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    model: str
    purpose: str
    uscc: str
    bank_values: _containers.ScalarMap[str, str]
    consent: str
    idempotency_key: str
    def __init__(self, model: _Optional[str] = ..., purpose: _Optional[str] = ..., uscc: _Optional[str] = ..., bank_values: _Optional[_Mapping[str, str]] = ..., consent: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ScoreRow(_message.Message):
    __slots__ = ("uscc", "status", "reason", "score", "bank_part", "tax_part", "feature_set", "as_of", "job_id")
    USCC_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BANK_PART_FIELD_NUMBER: _ClassVar[int]
    TAX_PART_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    uscc: str
    status: str
    reason: str
    score: int
    bank_part: int
    tax_part: int
    feature_set: str
    as_of: str
    job_id: str
    def __init__(self, uscc: _Optional[str] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., score: _Optional[int] = ..., bank_part: _Optional[int] = ..., tax_part: _Optional[int] = ..., feature_set: _Optional[str] = ..., as_of: _Optional[str] = ..., job_id: _Optional[str] = ...) -> None: ...

class JobKey(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("limit", "state")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    limit: int
    state: str
    def __init__(self, limit: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("job_id", "state", "model", "engine", "purpose", "idempotency_key", "rows", "finished", "scored", "refused", "not_held", "feature_set", "as_of", "created_at", "updated_at", "error_code", "error_detail", "label", "bytes_sent", "bytes_received", "aligned")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    SCORED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    NOT_HELD_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_DETAIL_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ALIGNED_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    state: str
    model: str
    engine: str
    purpose: str
    idempotency_key: str
    rows: int
    finished: int
    scored: int
    refused: _containers.ScalarMap[str, int]
    not_held: int
    feature_set: str
    as_of: str
    created_at: int
    updated_at: int
    error_code: str
    error_detail: str
    label: str
    bytes_sent: int
    bytes_received: int
    aligned: int
    def __init__(self, job_id: _Optional[str] = ..., state: _Optional[str] = ..., model: _Optional[str] = ..., engine: _Optional[str] = ..., purpose: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., rows: _Optional[int] = ..., finished: _Optional[int] = ..., scored: _Optional[int] = ..., refused: _Optional[_Mapping[str, int]] = ..., not_held: _Optional[int] = ..., feature_set: _Optional[str] = ..., as_of: _Optional[str] = ..., created_at: _Optional[int] = ..., updated_at: _Optional[int] = ..., error_code: _Optional[str] = ..., error_detail: _Optional[str] = ..., label: _Optional[str] = ..., bytes_sent: _Optional[int] = ..., bytes_received: _Optional[int] = ..., aligned: _Optional[int] = ...) -> None: ...

class Jobs(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ...) -> None: ...

class ResultFrame(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ScoreRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[ScoreRow, _Mapping]]] = ...) -> None: ...

class ScreeningHeader(_message.Message):
    __slots__ = ("bureau", "list", "version", "purpose", "mode", "protocol", "idempotency_key", "label", "security")
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    bureau: str
    list: str
    version: str
    purpose: str
    mode: str
    protocol: str
    idempotency_key: str
    label: str
    security: str
    def __init__(self, bureau: _Optional[str] = ..., list: _Optional[str] = ..., version: _Optional[str] = ..., purpose: _Optional[str] = ..., mode: _Optional[str] = ..., protocol: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., label: _Optional[str] = ..., security: _Optional[str] = ...) -> None: ...

class ScreeningCodes(_message.Message):
    __slots__ = ("codes", "last")
    CODES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    codes: bytes
    last: bool
    def __init__(self, codes: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class ScreeningFrame(_message.Message):
    __slots__ = ("header", "codes")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    header: ScreeningHeader
    codes: ScreeningCodes
    def __init__(self, header: _Optional[_Union[ScreeningHeader, _Mapping]] = ..., codes: _Optional[_Union[ScreeningCodes, _Mapping]] = ...) -> None: ...

class ListScreeningsRequest(_message.Message):
    __slots__ = ("limit", "state")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    limit: int
    state: str
    def __init__(self, limit: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class Screening(_message.Message):
    __slots__ = ("job_id", "state", "bureau", "list", "version", "purpose", "mode", "protocol", "idempotency_key", "label", "rows", "codes", "bad_codes", "duplicates", "padded_codes", "list_tags", "done", "matched", "retries", "bytes_sent", "bytes_received", "commitment", "transcript_digest", "created_at", "updated_at", "error_code", "error_detail", "security", "estimated_oprf_ms", "estimated_vole_ms", "line_round_trip_us", "line_bytes_a_second")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    BUREAU_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    BAD_CODES_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    PADDED_CODES_FIELD_NUMBER: _ClassVar[int]
    LIST_TAGS_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_DETAIL_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_OPRF_MS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_VOLE_MS_FIELD_NUMBER: _ClassVar[int]
    LINE_ROUND_TRIP_US_FIELD_NUMBER: _ClassVar[int]
    LINE_BYTES_A_SECOND_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    state: str
    bureau: str
    list: str
    version: str
    purpose: str
    mode: str
    protocol: str
    idempotency_key: str
    label: str
    rows: int
    codes: int
    bad_codes: int
    duplicates: int
    padded_codes: int
    list_tags: int
    done: int
    matched: int
    retries: int
    bytes_sent: int
    bytes_received: int
    commitment: str
    transcript_digest: str
    created_at: int
    updated_at: int
    error_code: str
    error_detail: str
    security: str
    estimated_oprf_ms: int
    estimated_vole_ms: int
    line_round_trip_us: int
    line_bytes_a_second: int
    def __init__(self, job_id: _Optional[str] = ..., state: _Optional[str] = ..., bureau: _Optional[str] = ..., list: _Optional[str] = ..., version: _Optional[str] = ..., purpose: _Optional[str] = ..., mode: _Optional[str] = ..., protocol: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., label: _Optional[str] = ..., rows: _Optional[int] = ..., codes: _Optional[int] = ..., bad_codes: _Optional[int] = ..., duplicates: _Optional[int] = ..., padded_codes: _Optional[int] = ..., list_tags: _Optional[int] = ..., done: _Optional[int] = ..., matched: _Optional[int] = ..., retries: _Optional[int] = ..., bytes_sent: _Optional[int] = ..., bytes_received: _Optional[int] = ..., commitment: _Optional[str] = ..., transcript_digest: _Optional[str] = ..., created_at: _Optional[int] = ..., updated_at: _Optional[int] = ..., error_code: _Optional[str] = ..., error_detail: _Optional[str] = ..., security: _Optional[str] = ..., estimated_oprf_ms: _Optional[int] = ..., estimated_vole_ms: _Optional[int] = ..., line_round_trip_us: _Optional[int] = ..., line_bytes_a_second: _Optional[int] = ...) -> None: ...

class Screenings(_message.Message):
    __slots__ = ("screenings",)
    SCREENINGS_FIELD_NUMBER: _ClassVar[int]
    screenings: _containers.RepeatedCompositeFieldContainer[Screening]
    def __init__(self, screenings: _Optional[_Iterable[_Union[Screening, _Mapping]]] = ...) -> None: ...

class ScreeningPart(_message.Message):
    __slots__ = ("content", "last")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    last: bool
    def __init__(self, content: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...
