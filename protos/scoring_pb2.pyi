from protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelHeader(_message.Message):
    __slots__ = ("name", "version", "model_class", "supersedes", "catalogue_id", "catalogue_version", "fields", "profile", "encrypted_digest", "encrypted_bytes", "expires_at", "purposes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_CLASS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_ID_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    model_class: str
    supersedes: str
    catalogue_id: str
    catalogue_version: int
    fields: _containers.RepeatedCompositeFieldContainer[PublicField]
    profile: str
    encrypted_digest: bytes
    encrypted_bytes: int
    expires_at: int
    purposes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., model_class: _Optional[str] = ..., supersedes: _Optional[str] = ..., catalogue_id: _Optional[str] = ..., catalogue_version: _Optional[int] = ..., fields: _Optional[_Iterable[_Union[PublicField, _Mapping]]] = ..., profile: _Optional[str] = ..., encrypted_digest: _Optional[bytes] = ..., encrypted_bytes: _Optional[int] = ..., expires_at: _Optional[int] = ..., purposes: _Optional[_Iterable[str]] = ...) -> None: ...

class PublicField(_message.Message):
    __slots__ = ("field", "bins", "groups", "linear")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    LINEAR_FIELD_NUMBER: _ClassVar[int]
    field: str
    bins: Bins
    groups: Groups
    linear: Linear
    def __init__(self, field: _Optional[str] = ..., bins: _Optional[_Union[Bins, _Mapping]] = ..., groups: _Optional[_Union[Groups, _Mapping]] = ..., linear: _Optional[_Union[Linear, _Mapping]] = ...) -> None: ...

class Bins(_message.Message):
    __slots__ = ("edges",)
    EDGES_FIELD_NUMBER: _ClassVar[int]
    edges: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, edges: _Optional[_Iterable[str]] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("codes",)
    CODES_FIELD_NUMBER: _ClassVar[int]
    codes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, codes: _Optional[_Iterable[str]] = ...) -> None: ...

class Groups(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[Group]
    def __init__(self, groups: _Optional[_Iterable[_Union[Group, _Mapping]]] = ...) -> None: ...

class Linear(_message.Message):
    __slots__ = ("low", "high", "quantum")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    QUANTUM_FIELD_NUMBER: _ClassVar[int]
    low: str
    high: str
    quantum: str
    def __init__(self, low: _Optional[str] = ..., high: _Optional[str] = ..., quantum: _Optional[str] = ...) -> None: ...

class ModelFrame(_message.Message):
    __slots__ = ("header", "encrypted", "admission")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    header: ModelHeader
    encrypted: bytes
    admission: bytes
    def __init__(self, header: _Optional[_Union[ModelHeader, _Mapping]] = ..., encrypted: _Optional[bytes] = ..., admission: _Optional[bytes] = ...) -> None: ...

class ModelRegistered(_message.Message):
    __slots__ = ("model_id", "certified")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_FIELD_NUMBER: _ClassVar[int]
    model_id: bytes
    certified: bool
    def __init__(self, model_id: _Optional[bytes] = ..., certified: _Optional[bool] = ...) -> None: ...

class OpenJobRequest(_message.Message):
    __slots__ = ("job_id", "idempotency_key", "content_digest", "model_id", "purpose", "enterprises")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ENTERPRISES_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    idempotency_key: str
    content_digest: bytes
    model_id: bytes
    purpose: str
    enterprises: int
    def __init__(self, job_id: _Optional[bytes] = ..., idempotency_key: _Optional[str] = ..., content_digest: _Optional[bytes] = ..., model_id: _Optional[bytes] = ..., purpose: _Optional[str] = ..., enterprises: _Optional[int] = ...) -> None: ...

class OpenJobResponse(_message.Message):
    __slots__ = ("feature_set", "as_of")
    FEATURE_SET_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    feature_set: str
    as_of: str
    def __init__(self, feature_set: _Optional[str] = ..., as_of: _Optional[str] = ...) -> None: ...

class ScoreChunkRequest(_message.Message):
    __slots__ = ("job_id", "chunk", "codes", "consent_ids", "request")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    CONSENT_IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    chunk: int
    codes: bytes
    consent_ids: bytes
    request: bytes
    def __init__(self, job_id: _Optional[bytes] = ..., chunk: _Optional[int] = ..., codes: _Optional[bytes] = ..., consent_ids: _Optional[bytes] = ..., request: _Optional[bytes] = ...) -> None: ...

class ScoreChunkResponse(_message.Message):
    __slots__ = ("job_id", "chunk", "refused", "response")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    chunk: int
    refused: bytes
    response: bytes
    def __init__(self, job_id: _Optional[bytes] = ..., chunk: _Optional[int] = ..., refused: _Optional[bytes] = ..., response: _Optional[bytes] = ...) -> None: ...

class CloseJobRequest(_message.Message):
    __slots__ = ("job_id", "cancelled")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    cancelled: bool
    def __init__(self, job_id: _Optional[bytes] = ..., cancelled: _Optional[bool] = ...) -> None: ...

class CloseJobResponse(_message.Message):
    __slots__ = ("released", "refused")
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    released: int
    refused: int
    def __init__(self, released: _Optional[int] = ..., refused: _Optional[int] = ...) -> None: ...

class ScoreOneRequest(_message.Message):
    __slots__ = ("open", "chunk")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    open: OpenJobRequest
    chunk: ScoreChunkRequest
    def __init__(self, open: _Optional[_Union[OpenJobRequest, _Mapping]] = ..., chunk: _Optional[_Union[ScoreChunkRequest, _Mapping]] = ...) -> None: ...

class ScoreOneResponse(_message.Message):
    __slots__ = ("open", "chunk")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    open: OpenJobResponse
    chunk: ScoreChunkResponse
    def __init__(self, open: _Optional[_Union[OpenJobResponse, _Mapping]] = ..., chunk: _Optional[_Union[ScoreChunkResponse, _Mapping]] = ...) -> None: ...
