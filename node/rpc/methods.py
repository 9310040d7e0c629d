"""Every call between two nodes: name, direction of its streams, and the types of its payloads.

The .proto files carry signed envelopes, so a payload's type stands there in a comment only; here it is code, used by
clients and servers alike, so that the two cannot disagree. A test compares this table with the .proto files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from protos import alignment_pb2, consent_pb2, control_pb2, scoring_pb2, screening_pb2

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

SCORING = "banktax.scoring.v1.Scoring"
CONSENT = "banktax.consent.v1.Consent"
ALIGNMENT = "banktax.alignment.v1.Alignment"
SCREENING = "banktax.screening.v1.Screening"
CONTROL = "banktax.control.v1.Control"


class Kind(Enum):
    """Which sides stream: (requests, responses)."""

    UNARY = (False, False)
    SERVER_STREAM = (False, True)
    CLIENT_STREAM = (True, False)
    BIDIRECTIONAL = (True, True)

    @property
    def streams_requests(self) -> bool:
        """Whether the caller sends more than one message."""
        return bool(self.value[0])

    @property
    def streams_responses(self) -> bool:
        """Whether the caller gets more than one message."""
        return bool(self.value[1])


class Pace(Enum):
    """Which of the settings' deadlines a call has."""

    UNARY = "unary_seconds"
    CHUNK = "chunk_seconds"
    STREAM = "stream_seconds"


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One call."""

    service: str
    name: str
    kind: Kind
    pace: Pace
    request: type[RequestT]
    response: type[ResponseT]

    @property
    def path(self) -> str:
        """Its gRPC path, which envelopes are bound to."""
        return f"/{self.service}/{self.name}"


REGISTER_MODEL = Method(
    SCORING, "RegisterModel", Kind.CLIENT_STREAM, Pace.STREAM, scoring_pb2.ModelFrame, scoring_pb2.ModelRegistered
)
OPEN_JOB = Method(SCORING, "OpenJob", Kind.UNARY, Pace.UNARY, scoring_pb2.OpenJobRequest, scoring_pb2.OpenJobResponse)
SCORE_CHUNK = Method(
    SCORING, "ScoreChunk", Kind.UNARY, Pace.CHUNK, scoring_pb2.ScoreChunkRequest, scoring_pb2.ScoreChunkResponse
)
CLOSE_JOB = Method(
    SCORING, "CloseJob", Kind.UNARY, Pace.UNARY, scoring_pb2.CloseJobRequest, scoring_pb2.CloseJobResponse
)
SCORE_ONE = Method(
    SCORING, "ScoreOne", Kind.UNARY, Pace.UNARY, scoring_pb2.ScoreOneRequest, scoring_pb2.ScoreOneResponse
)
REGISTER_CONSENTS = Method(
    CONSENT, "Register", Kind.BIDIRECTIONAL, Pace.STREAM, consent_pb2.RegisterFrame, consent_pb2.VerdictFrame
)
REVOKE_CONSENT = Method(
    CONSENT, "Revoke", Kind.UNARY, Pace.UNARY, consent_pb2.RevokeRequest, consent_pb2.RevokeResponse
)
GET_EPOCH = Method(ALIGNMENT, "GetEpoch", Kind.UNARY, Pace.STREAM, alignment_pb2.EpochRequest, alignment_pb2.Epoch)
DOWNLOAD_TAGS = Method(
    ALIGNMENT, "DownloadTags", Kind.SERVER_STREAM, Pace.STREAM, alignment_pb2.TagsRequest, alignment_pb2.TagsFrame
)
EVALUATE = Method(
    ALIGNMENT, "Evaluate", Kind.UNARY, Pace.CHUNK, alignment_pb2.EvaluateRequest, alignment_pb2.EvaluateResponse
)
GET_LIST = Method(
    SCREENING, "GetList", Kind.UNARY, Pace.UNARY, screening_pb2.ListRequest, screening_pb2.ListDescription
)
OPEN_SCREENING = Method(  # the first one of a bank and version evaluates the whole list
    SCREENING,
    "OpenScreening",
    Kind.UNARY,
    Pace.STREAM,
    screening_pb2.OpenScreeningRequest,
    screening_pb2.OpenScreeningResponse,
)
DOWNLOAD_LIST_TAGS = Method(
    SCREENING,
    "DownloadTags",
    Kind.SERVER_STREAM,
    Pace.STREAM,
    screening_pb2.SegmentRequest,
    screening_pb2.SegmentFrame,
)
DOWNLOAD_LABELS = Method(
    SCREENING,
    "DownloadLabels",
    Kind.SERVER_STREAM,
    Pace.STREAM,
    screening_pb2.SegmentRequest,
    screening_pb2.SegmentFrame,
)
EVALUATE_LIST = Method(
    SCREENING,
    "EvaluateList",
    Kind.UNARY,
    Pace.CHUNK,
    screening_pb2.EvaluateListRequest,
    screening_pb2.EvaluateListResponse,
)
EXCHANGE_VOLE = Method(
    SCREENING,
    "ExchangeVole",
    Kind.BIDIRECTIONAL,
    Pace.STREAM,
    screening_pb2.ExchangeFrame,
    screening_pb2.ExchangeFrame,
)
EXCHANGE_COUNT = Method(
    SCREENING,
    "ExchangeCount",
    Kind.BIDIRECTIONAL,
    Pace.STREAM,
    screening_pb2.ExchangeFrame,
    screening_pb2.ExchangeFrame,
)
EXCHANGE_TABLE = Method(
    SCREENING,
    "ExchangeTable",
    Kind.BIDIRECTIONAL,
    Pace.STREAM,
    screening_pb2.ExchangeFrame,
    screening_pb2.ExchangeFrame,
)
CLOSE_SCREENING = Method(
    SCREENING,
    "CloseScreening",
    Kind.UNARY,
    Pace.UNARY,
    screening_pb2.CloseScreeningRequest,
    screening_pb2.CloseScreeningResponse,
)

PEER_METHODS: tuple[Method[Any, Any], ...] = (
    REGISTER_MODEL,
    OPEN_JOB,
    SCORE_CHUNK,
    CLOSE_JOB,
    SCORE_ONE,
    REGISTER_CONSENTS,
    REVOKE_CONSENT,
    GET_EPOCH,
    DOWNLOAD_TAGS,
    EVALUATE,
    GET_LIST,
    OPEN_SCREENING,
    DOWNLOAD_LIST_TAGS,
    DOWNLOAD_LABELS,
    EVALUATE_LIST,
    EXCHANGE_VOLE,
    EXCHANGE_COUNT,
    EXCHANGE_TABLE,
    CLOSE_SCREENING,
)


def control_methods() -> dict[str, Method[Any, Any]]:
    """Return the methods of the control API by name, read from its .proto file."""
    service = control_pb2.DESCRIPTOR.services_by_name["Control"]
    return {
        method.name: Method(
            CONTROL,
            method.name,
            Kind((method.client_streaming, method.server_streaming)),
            Pace.STREAM,
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
        )
        for method in service.methods
    }
