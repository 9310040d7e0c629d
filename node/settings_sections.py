"""The sections of the settings: every setting with its default, its bounds and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from node.codes import Role
from node.policy.certificates import UsccField
from node.policy.shapes import PartyId


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` (``[::1]:7601`` for IPv6); port 0 asks the system for a free one.

    Raises:
        ValueError: it is not of that form.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("must be host:port, for instance 127.0.0.1:7601")
    return host.strip("[]"), int(port)


def _address(value: str) -> str:
    if value:
        split_address(value)
    return value


Address = Annotated[str, AfterValidator(_address)]
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Section(BaseModel):
    """A part of the settings; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeSection(Section):
    """Who this node is. Changing it later needs a new card at every peer."""

    id: PartyId = Field(description="Party id: lower-case letters, digits and hyphens, as in the card.")
    role: Role = Field(description="bureau, bank or auditor.")
    name_zh: DisplayName = Field(description="Name in Chinese, for people.")
    name_en: DisplayName = Field(description="Name in English, for people.")


class ServerSection(Section):
    """The server that peers dial. A bank needs none: the bank dials, the bureau never dials out."""

    listen: Address = Field(
        default="",
        description="Address and port for peers. Empty at a bank: no peer server. A bureau must set it.",
    )
    endpoint: Address = Field(
        default="",
        description="What the card tells peers to dial, host:port; empty: the same as listen.",
    )
    threads: int = Field(
        default=16, ge=2, le=256, description="Calls that are worked on at the same time; a stream holds one."
    )
    waiting_calls: int = Field(
        default=48, ge=0, le=4096, description="Calls that may wait for a thread; further ones are refused."
    )
    drain_seconds: float = Field(
        default=30,
        ge=0,
        le=3600,
        description="How long a stop waits for running calls before it cuts them off.",
    )


class ControlSection(Section):
    """The control API for this node's own operators, staff and systems."""

    listen: Address = Field(default="127.0.0.1:7602", min_length=1, description="Address and port of the control API.")
    threads: int = Field(
        default=16, ge=2, le=256, description="Control calls at the same time; following a job holds one."
    )


class StorageSection(Section):
    """Where the node keeps its state."""

    url: SecretStr = Field(
        default=SecretStr(""),
        description="SQLAlchemy URL, for instance postgresql+psycopg://banktax@db/banktax. Empty: SQLite in the "
        "data directory. With a password better set as BANKTAX_STORAGE__URL.",
    )
    data_directory: Path = Field(
        default=Path("data"),
        description="Folder of feature sets, models and tags; relative to the node's directory.",
    )


class ComputeSection(Section):
    """The worker processes that run homomorphic encryption."""

    workers: int = Field(default=2, ge=1, le=256, description="Worker processes; one per core is best.")
    memory_limit_mb: int = Field(
        default=1024,
        ge=256,
        le=1 << 20,
        description="Private memory that one worker may take, in MiB. A bfv model that it keeps ready takes 0.8 a "
        "column, 0.4 above 512 columns, beside 160 of its own; the default is enough for every model.",
    )
    chunk_timeout_seconds: float = Field(
        default=100, gt=0, le=3600, description="A worker that takes longer over one chunk is replaced."
    )
    chunk_rows: int = Field(
        default=8184,
        ge=1,
        le=8184,
        description="Bank: most enterprises in one chunk of a job, where the engine takes as many (bfv 8184, paillier "
        "248). Smaller chunks repeat less after a failure and cost more in all.",
    )
    bucket_items: int = Field(
        default=1 << 20,
        ge=1 << 10,
        le=1 << 20,
        description="Bank: most items, on average, of one bucket of a screening on vole. Two buckets are in memory at "
        "a time, at both nodes.",
    )


class LimitsSection(Section):
    """Deadlines and bounds of calls between nodes."""

    unary_seconds: float = Field(default=60, gt=0, le=3600, description="Deadline of a single call.")
    chunk_seconds: float = Field(default=120, gt=0, le=3600, description="Deadline of one chunk of a scoring job.")
    stream_seconds: float = Field(
        default=600,
        gt=0,
        le=86400,
        description="Deadline of a streamed call, from its first to its last message.",
    )
    message_bytes: int = Field(
        default=8 << 20,
        ge=1 << 20,
        le=64 << 20,
        description="Largest message that is sent or accepted, in bytes.",
    )
    clock_tolerance_seconds: float = Field(
        default=60,
        ge=1,
        le=600,
        description="How far a peer's clock may differ before its calls are refused.",
    )
    peer_patience_seconds: float = Field(
        default=600,
        ge=0,
        le=7 * 86400,
        description="Bank: how long a job waits for a bureau that does not answer before it fails; it can be resumed.",
    )
    open_job_days: float = Field(
        default=7,
        gt=0,
        le=365,
        description="Bureau: a job that its bank left open longer is closed and its stored responses are dropped.",
    )
    epoch_overlap_days: float = Field(
        default=7,
        gt=0,
        le=365,
        description="Bureau: a list's replaced key serves screenings that were opened under it for at most so long.",
    )


class SecuritySection(Section):
    """What weakens the node on purpose, and what it warns its operator of."""

    allow_uncertified: bool = Field(
        default=False,
        description="Bureau: evaluate models that no auditor admitted. For trials only; warned of at every start.",
    )
    ledger_alert_models: int = Field(
        default=6,
        ge=1,
        le=10_000,
        description="Bureau: where several banks together used more models than this on one enterprise, the node warns "
        "and `banktax ledger alerts` names it. Nobody is refused for it.",
    )
    ledger_alert_days: int = Field(
        default=365, ge=1, le=3660, description="Bureau: models used within so many days count for that warning."
    )


class AuthoritySection(Section):
    """A certificate authority whose certificates enterprises sign consents with."""

    name: DisplayName = Field(description="Name of the authority, for messages.")
    certificate: Path = Field(description="Its certificate, PEM; relative to the node's directory.")
    uscc_field: UsccField = Field(
        description="Which field of an enterprise's certificate holds its unified social credit code: "
        "organizationIdentifier, serialNumber, uid or commonName.",
    )


class ConsentSection(Section):
    """Whose signatures on consents count."""

    authorities: tuple[AuthoritySection, ...] = Field(
        default=(),
        description="Recognised authorities: [[consent.authorities]] tables of name, certificate, uscc_field.",
    )


class LogSection(Section):
    """What the node writes to standard error. Never values, never identifiers."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Lowest level written.")
    format: Literal["console", "json"] = Field(
        default="console", description="console for people, json for a log collector."
    )
