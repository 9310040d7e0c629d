from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SignedMessage(_message.Message):
    __slots__ = ("payload", "signature", "nonce", "sender", "receiver", "version", "sent_at_ms")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    nonce: bytes
    sender: str
    receiver: str
    version: int
    sent_at_ms: int
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., sender: _Optional[str] = ..., receiver: _Optional[str] = ..., version: _Optional[int] = ..., sent_at_ms: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "detail", "side", "remedy")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    side: str
    remedy: str
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., side: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...
