"""What a bank asks of a bureau, as calls of plain values; ``node.rpc.bureau_client`` fulfils it over mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from node.codes import Reason
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening, OpenedJob
from node.jobs.model_description import ModelDescription


class BureauLink(Protocol):
    """One bureau, as this bank reaches it. Every call has a deadline and raises ``Refusal``."""

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes (sent, received) by this thread's calls since it last began to count; see ``begin_count``."""
        ...

    def begin_count(self) -> None:
        """Set this thread's count of bytes to zero."""
        ...

    def align(self, codes: Sequence[str]) -> Mapping[str, bool]:
        """Tell privately which of ``codes`` the bureau holds."""
        ...

    def register_consents(self, consents: Sequence[str]) -> Sequence[Reason | None]:
        """Present compact JWS; one verdict each."""
        ...

    def revoke_consent(self, consent_id: bytes, reason: str) -> int:
        """Withdraw a consent; returns when it took effect (Unix milliseconds)."""
        ...

    def register_model(self, description: ModelDescription, encrypted: Iterator[bytes], admission: bytes = b"") -> bool:
        """Send a model, with its admission if there is one; returns whether the bureau holds it as certified."""
        ...

    def open_job(self, opening: JobOpening) -> OpenedJob:
        """Open a job, or find it open."""
        ...

    def score_chunk(self, call: ChunkCall) -> ChunkReply:
        """Have one chunk scored; the same call again gives the same reply."""
        ...

    def score_one(self, opening: JobOpening, call: ChunkCall) -> tuple[OpenedJob, ChunkReply]:
        """Open a job and have its only chunk scored in one call."""
        ...

    def close_job(self, job_id: bytes, *, cancelled: bool) -> None:
        """Tell the bureau that it may forget the job's responses."""
        ...
