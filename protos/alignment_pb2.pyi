from protos import common_pb2 as _common_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class EpochRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("epoch_id", "tag_count", "tag_bytes", "tags_digest", "suite")
    EPOCH_ID_FIELD_NUMBER: _ClassVar[int]
    TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    TAG_BYTES_FIELD_NUMBER: _ClassVar[int]
    TAGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SUITE_FIELD_NUMBER: _ClassVar[int]
    epoch_id: bytes
    tag_count: int
    tag_bytes: int
    tags_digest: bytes
    suite: str
    def __init__(self, epoch_id: _Optional[bytes] = ..., tag_count: _Optional[int] = ..., tag_bytes: _Optional[int] = ..., tags_digest: _Optional[bytes] = ..., suite: _Optional[str] = ...) -> None: ...

class TagsRequest(_message.Message):
    __slots__ = ("epoch_id", "first")
    EPOCH_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    epoch_id: bytes
    first: int
    def __init__(self, epoch_id: _Optional[bytes] = ..., first: _Optional[int] = ...) -> None: ...

class TagsFrame(_message.Message):
    __slots__ = ("first", "tags")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    first: int
    tags: bytes
    def __init__(self, first: _Optional[int] = ..., tags: _Optional[bytes] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("epoch_id", "blinded")
    EPOCH_ID_FIELD_NUMBER: _ClassVar[int]
    BLINDED_FIELD_NUMBER: _ClassVar[int]
    epoch_id: bytes
    blinded: bytes
    def __init__(self, epoch_id: _Optional[bytes] = ..., blinded: _Optional[bytes] = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("evaluated",)
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    evaluated: bytes
    def __init__(self, evaluated: _Optional[bytes] = ...) -> None: ...
