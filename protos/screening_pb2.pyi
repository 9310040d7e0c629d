from protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListRequest(_message.Message):
    __slots__ = ("list", "version")
    LIST_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    list: str
    version: str
    def __init__(self, list: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ListDescription(_message.Message):
    __slots__ = ("document", "terms")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    terms: ScreeningTerms
    def __init__(self, document: _Optional[bytes] = ..., terms: _Optional[_Union[ScreeningTerms, _Mapping]] = ...) -> None: ...

class ScreeningTerms(_message.Message):
    __slots__ = ("modes", "purposes", "codes_per_job", "codes_left", "minimum_count", "vole_security", "minimum_cell")
    MODES_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    CODES_PER_JOB_FIELD_NUMBER: _ClassVar[int]
    CODES_LEFT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COUNT_FIELD_NUMBER: _ClassVar[int]
    VOLE_SECURITY_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_CELL_FIELD_NUMBER: _ClassVar[int]
    modes: _containers.RepeatedScalarFieldContainer[str]
    purposes: _containers.RepeatedScalarFieldContainer[str]
    codes_per_job: int
    codes_left: int
    minimum_count: int
    vole_security: str
    minimum_cell: int
    def __init__(self, modes: _Optional[_Iterable[str]] = ..., purposes: _Optional[_Iterable[str]] = ..., codes_per_job: _Optional[int] = ..., codes_left: _Optional[int] = ..., minimum_count: _Optional[int] = ..., vole_security: _Optional[str] = ..., minimum_cell: _Optional[int] = ...) -> None: ...

class OpenScreeningRequest(_message.Message):
    __slots__ = ("job_id", "list", "version", "mode", "protocol", "purpose", "padded_codes", "commitment", "size_class", "buckets", "security")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PADDED_CODES_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_CLASS_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    list: str
    version: str
    mode: str
    protocol: str
    purpose: str
    padded_codes: int
    commitment: bytes
    size_class: int
    buckets: int
    security: str
    def __init__(self, job_id: _Optional[bytes] = ..., list: _Optional[str] = ..., version: _Optional[str] = ..., mode: _Optional[str] = ..., protocol: _Optional[str] = ..., purpose: _Optional[str] = ..., padded_codes: _Optional[int] = ..., commitment: _Optional[bytes] = ..., size_class: _Optional[int] = ..., buckets: _Optional[int] = ..., security: _Optional[str] = ...) -> None: ...

class OpenScreeningResponse(_message.Message):
    __slots__ = ("session_id", "list_items", "charged", "bucket_key", "epoch", "agreement_id", "opened_at_ms")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LIST_ITEMS_FIELD_NUMBER: _ClassVar[int]
    CHARGED_FIELD_NUMBER: _ClassVar[int]
    BUCKET_KEY_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    list_items: int
    charged: int
    bucket_key: bytes
    epoch: ListEpoch
    agreement_id: str
    opened_at_ms: int
    def __init__(self, session_id: _Optional[bytes] = ..., list_items: _Optional[int] = ..., charged: _Optional[int] = ..., bucket_key: _Optional[bytes] = ..., epoch: _Optional[_Union[ListEpoch, _Mapping]] = ..., agreement_id: _Optional[str] = ..., opened_at_ms: _Optional[int] = ...) -> None: ...

class ListEpoch(_message.Message):
    __slots__ = ("epoch_id", "suite", "public_key", "tag_bytes", "segments")
    EPOCH_ID_FIELD_NUMBER: _ClassVar[int]
    SUITE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    TAG_BYTES_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    epoch_id: bytes
    suite: str
    public_key: bytes
    tag_bytes: int
    segments: _containers.RepeatedCompositeFieldContainer[ListSegment]
    def __init__(self, epoch_id: _Optional[bytes] = ..., suite: _Optional[str] = ..., public_key: _Optional[bytes] = ..., tag_bytes: _Optional[int] = ..., segments: _Optional[_Iterable[_Union[ListSegment, _Mapping]]] = ...) -> None: ...

class ListSegment(_message.Message):
    __slots__ = ("number", "kind", "count", "tags_digest", "label_bytes", "labels_digest")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TAGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    LABEL_BYTES_FIELD_NUMBER: _ClassVar[int]
    LABELS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    number: int
    kind: str
    count: int
    tags_digest: bytes
    label_bytes: int
    labels_digest: bytes
    def __init__(self, number: _Optional[int] = ..., kind: _Optional[str] = ..., count: _Optional[int] = ..., tags_digest: _Optional[bytes] = ..., label_bytes: _Optional[int] = ..., labels_digest: _Optional[bytes] = ...) -> None: ...

class SegmentRequest(_message.Message):
    __slots__ = ("session_id", "first", "segment")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    first: int
    segment: int
    def __init__(self, session_id: _Optional[bytes] = ..., first: _Optional[int] = ..., segment: _Optional[int] = ...) -> None: ...

class SegmentFrame(_message.Message):
    __slots__ = ("first", "items")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    first: int
    items: bytes
    def __init__(self, first: _Optional[int] = ..., items: _Optional[bytes] = ...) -> None: ...

class EvaluateListRequest(_message.Message):
    __slots__ = ("session_id", "first", "blinded")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    BLINDED_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    first: int
    blinded: bytes
    def __init__(self, session_id: _Optional[bytes] = ..., first: _Optional[int] = ..., blinded: _Optional[bytes] = ...) -> None: ...

class EvaluateListResponse(_message.Message):
    __slots__ = ("evaluated", "proof")
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    evaluated: bytes
    proof: bytes
    def __init__(self, evaluated: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class ExchangeFrame(_message.Message):
    __slots__ = ("header", "part", "last")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    header: ExchangeHeader
    part: bytes
    last: bool
    def __init__(self, header: _Optional[_Union[ExchangeHeader, _Mapping]] = ..., part: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class ExchangeHeader(_message.Message):
    __slots__ = ("session_id", "bucket", "attempt")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    bucket: int
    attempt: int
    def __init__(self, session_id: _Optional[bytes] = ..., bucket: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class CloseScreeningRequest(_message.Message):
    __slots__ = ("session_id", "cancelled", "record")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    cancelled: bool
    record: bytes
    def __init__(self, session_id: _Optional[bytes] = ..., cancelled: _Optional[bool] = ..., record: _Optional[bytes] = ...) -> None: ...

class CloseScreeningResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    def __init__(self, record: _Optional[bytes] = ...) -> None: ...
