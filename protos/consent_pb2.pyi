from protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterFrame(_message.Message):
    __slots__ = ("sequence", "consents")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    consents: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sequence: _Optional[int] = ..., consents: _Optional[_Iterable[str]] = ...) -> None: ...

class VerdictFrame(_message.Message):
    __slots__ = ("sequence", "verdicts")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    verdicts: bytes
    def __init__(self, sequence: _Optional[int] = ..., verdicts: _Optional[bytes] = ...) -> None: ...

class RevokeRequest(_message.Message):
    __slots__ = ("consent_id", "reason")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    consent_id: str
    reason: str
    def __init__(self, consent_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevokeResponse(_message.Message):
    __slots__ = ("revoked_at_ms",)
    REVOKED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    revoked_at_ms: int
    def __init__(self, revoked_at_ms: _Optional[int] = ...) -> None: ...
