"""What crosses between bank and bureau in a screening, as values. Specification: protos/screening.proto."""

from __future__ import annotations

from dataclasses import dataclass, replace

from node.codes import Purpose, ScreeningMode, ScreeningProtocol
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.oprf_job import batch_count
from protocols.psi.segments import Segment, check_segments, tag_total
from protocols.psi.transcript import oprf_terms
from protocols.psi.vole.buckets import charged_in_buckets
from protocols.transcript import digest

JOB_ID_BYTES = SESSION_ID_BYTES = EPOCH_ID_BYTES = 16
BUCKET_KEY_BYTES = 32
MAXIMUM_PADDED_CODES = 2**27
MAXIMUM_BUCKETS = 4096
MAXIMUM_ATTEMPTS = 8
PART_BYTES = 1 << 20
"""Of one frame of an exchange."""

PROTOCOLS_OF_MODE = {
    ScreeningMode.CODES: (ScreeningProtocol.OPRF, ScreeningProtocol.VOLE),
    ScreeningMode.LABELS: (ScreeningProtocol.OPRF,),
    ScreeningMode.COUNT: (ScreeningProtocol.CARDINALITY,),
    ScreeningMode.CLASSES: (ScreeningProtocol.OPRF, ScreeningProtocol.VOLE),
}


@dataclass(frozen=True)
class ListTerms:
    """What the agreement lets a bank do with lists, and what is left of it; sizes are padded codes."""

    modes: tuple[ScreeningMode, ...]
    purposes: tuple[Purpose, ...]
    codes_per_job: int
    codes_left: int
    minimum_count: int
    vole_security: SecurityProfile
    minimum_cell: int


@dataclass(frozen=True)
class ScreeningOpening:
    """What a bank opens: ``commitment`` (32 bytes) binds it to its list before anything is answered.

    ``security`` for vole alone.
    """

    job_id: bytes
    list_name: str
    list_version: str
    mode: ScreeningMode
    protocol: ScreeningProtocol
    purpose: Purpose
    padded_codes: int
    commitment: bytes
    buckets: int = 0
    security: SecurityProfile | None = None

    @property
    def charged(self) -> int:
        """What it takes of the quota."""
        return charged_in_buckets(self.security, self.padded_codes, self.buckets)


@dataclass(frozen=True)
class ListEpoch:
    """One VOPRF key of the bureau, of one bank and list, and its segments up to one version of the list.

    Building one from a peer's values checks them; raises :class:`PeerProtocolError`.
    """

    epoch_id: bytes
    public_key: bytes
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        check_segments(self.segments)

    @property
    def tag_count(self) -> int:
        """The tags of all segments together."""
        return tag_total(self.segments)

    def without_labels(self) -> ListEpoch:
        """Return what the epoch is to a job that asks for no labels."""
        return replace(self, segments=tuple(one.without_labels() for one in self.segments))


def terms_of(epoch: ListEpoch, *, labelled: bool) -> bytes:
    """Return what the transcript says of the epoch, at both sides and for an auditor."""
    shown = epoch if labelled else epoch.without_labels()
    return oprf_terms(epoch_id=epoch.epoch_id, public_key=epoch.public_key, segments=shown.segments)


@dataclass(frozen=True)
class OpenedScreening:
    """What the bureau says of an open screening. ``epoch`` for the oprf alone, ``bucket_key`` for vole alone."""

    session_id: bytes
    list_items: int
    charged: int
    agreement_id: str
    opened_at_ms: int
    bucket_key: bytes = b""
    epoch: ListEpoch | None = None


@dataclass(frozen=True)
class ExchangePlace:
    """Which stream of a session: a bucket, and which attempt at it."""

    session_id: bytes
    bucket: int
    attempt: int


def protocol_parts(protocol: ScreeningProtocol, padded_codes: int, buckets: int) -> int:
    """Return how many parts of the transcript a protocol has: batches, or buckets. A confusion table stands behind."""
    return batch_count(padded_codes) if protocol is ScreeningProtocol.OPRF else max(1, buckets)


def table_size(padded_codes: int) -> int:
    """Return the number of elements of a confusion table: two positions of the commitment are one loan."""
    return -(-padded_codes // 2)


def run_name(place: ExchangePlace) -> bytes:
    """Return the 32 bytes that name one run of an exchange, at both sides: session, bucket and attempt."""
    return digest("screening/run", place.session_id, place.bucket.to_bytes(4, "big"), place.attempt.to_bytes(4, "big"))


@dataclass(frozen=True)
class ExchangePart:
    """Part of a protocol message; ``last`` ends the message."""

    part: bytes
    last: bool
