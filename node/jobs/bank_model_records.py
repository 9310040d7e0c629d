"""What the bank knows of its models: a new one as it is stored, a listed one, and one that a job may use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping

from node.codes import Engine
from node.jobs.calls import chunk_binding
from node.jobs.model_description import ModelDescription
from node.jobs.work import CANARIES, BuiltModel, DecryptTask
from node.scorecards.compile import CompiledScorecard
from node.scorecards.format import Scorecard
from protocols.encoding import Reader, Writer
from protocols.randomness import SEED_BYTES
from protocols.scoring.engines import ENGINES

MAXIMUM_SECRET_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelSummary:
    """A model as it is listed; no points."""

    model_id: bytes
    name: str
    version: str
    model_class: str
    engine: Engine
    profile: str
    bureau: str
    columns: int
    score_low: int
    score_high: int
    noise_distance_log2: float
    expires_at: int
    state: str
    fields: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class UsableModel:
    """A registered model with its opened secret, as a job uses it."""

    model_id: bytes
    card: Scorecard
    compiled: CompiledScorecard
    engine: Engine
    bureau: str
    secret_key: bytes

    @property
    def field_ids(self) -> tuple[str, ...]:
        """The catalogue fields that a consent must cover."""
        return self.compiled.fields

    @property
    def model_class(self) -> str:
        """The model's class."""
        return self.card.model_class

    @property
    def chunk_rows(self) -> int:
        """Enterprises in one chunk, beside the canaries."""
        return ENGINES[self.engine].chunk_rows - CANARIES

    def task(self, job_id: bytes, chunk: int, canary_seed: bytes, rows: int) -> DecryptTask:
        """Return what a worker needs for one chunk."""
        return DecryptTask(
            engine=self.engine,
            model_id=self.model_id,
            secret_key=self.secret_key,
            public=self.compiled.secret_model.public.encode(),
            weights=self.compiled.secret_model.weights,
            binding=chunk_binding(job_id, chunk),
            rows=rows,
            canary_seed=canary_seed,
        )


@dataclass(frozen=True, repr=False)
class NewModel:
    """A model that was just encrypted, with its SECRET master seed and key."""

    card: Scorecard
    compiled: CompiledScorecard
    engine: Engine
    bureau: str
    master: bytes
    built: BuiltModel

    @cached_property
    def description(self) -> ModelDescription:
        """What the bureau is told of it."""
        return ModelDescription(
            name=self.card.name,
            version=self.card.version,
            model_class=self.card.model_class,
            supersedes=self.card.supersedes or "",
            catalogue_id=self.card.catalogue.id,
            catalogue_version=self.card.catalogue.version,
            fields=self.compiled.described,
            profile=ENGINES[self.engine].profile,
            encrypted_digest=self.built.encrypted_digest,
            encrypted_bytes=self.built.encrypted_bytes,
            expires_at=self.card.expires_at,
            purposes=tuple(self.card.purposes),
        )

    @property
    def file_name(self) -> str:
        """The name of the file with the encrypted model."""
        return f"{self.built.encrypted_digest.hex()}.model"

    def export_secret(self) -> bytes:
        """Return the SECRET master seed and key as bytes, for sealing them at rest; :func:`read_secret` reads them."""
        return Writer().fixed(self.master, SEED_BYTES).blob(self.built.secret_key).finish()

    def row(self, sealed_secret: bytes, now: int) -> dict[str, Any]:
        """Return the row of ``bank_models``, built at ``now`` (Unix milliseconds)."""
        return {
            "model_id": self.description.model_id,
            "name": self.card.name,
            "version": self.card.version,
            "engine": self.engine,
            "bureau": self.bureau,
            "scorecard": self.card.to_json().encode("utf-8"),
            "catalogue_id": self.card.catalogue.id,
            "catalogue_version": self.card.catalogue.version,
            "sealed_secret": sealed_secret,
            "path": self.file_name,
            "summary": self._summary(),
            "state": "built",
            "expires_at": self.card.expires_at * 1000,
            "built_at": now,
            "changed_at": now,
        }

    def _summary(self) -> dict[str, Any]:
        public = self.compiled.secret_model.public
        return {
            "model_class": self.card.model_class,
            "profile": self.description.profile,
            "description": self.description.to_json().decode("utf-8"),
            "columns": public.column_count,
            "score_low": self.compiled.total_range.low,
            "score_high": self.compiled.total_range.high,
            "noise_distance_log2": ENGINES[self.engine].noise_distance_log2(public),
            "fields": list(self.compiled.fields),
        }


@dataclass(frozen=True, repr=False)
class ModelMaterial:
    """What a dossier is made of, with the SECRET master seed."""

    model_id: bytes
    engine: Engine
    bureau: str
    description: str
    """What the bureau is told (JSON)."""
    scorecard: bytes
    master: bytes
    encrypted: Path
    """The file with the encrypted model."""
    predecessor: bytes
    """Model id of the version that this one supersedes; empty where there is none here."""

    def __repr__(self) -> str:
        return f"ModelMaterial({self.model_id.hex()[:12]}, <redacted>)"


def secret_label(model_id: bytes) -> str:
    """Return the label under which a model's secret is sealed."""
    return f"bank-model/{model_id.hex()}"


def read_secret(secret: bytes) -> bytes:
    """Return the SECRET key out of what :meth:`NewModel.export_secret` made; the master seed is not for a job.

    Raises:
        PeerProtocolError: the bytes are others.
    """
    return _secret_parts(secret)[1]


def read_master(secret: bytes) -> bytes:
    """Return the SECRET master seed out of what :meth:`NewModel.export_secret` made, for a dossier alone.

    Raises:
        PeerProtocolError: the bytes are others.
    """
    return _secret_parts(secret)[0]


def _secret_parts(secret: bytes) -> tuple[bytes, bytes]:
    reader = Reader(secret)
    parts = reader.fixed(SEED_BYTES), reader.blob(MAXIMUM_SECRET_BYTES)
    reader.finish()
    return parts


def summary_of(row: RowMapping) -> ModelSummary:
    """Return the summary of a row of ``bank_models``."""
    told = row["summary"]
    return ModelSummary(
        model_id=bytes(row["model_id"]),
        name=row["name"],
        version=row["version"],
        model_class=told["model_class"],
        engine=Engine(row["engine"]),
        profile=told["profile"],
        bureau=row["bureau"],
        columns=told["columns"],
        score_low=told["score_low"],
        score_high=told["score_high"],
        noise_distance_log2=told["noise_distance_log2"],
        expires_at=row["expires_at"] // 1000,
        state=row["state"],
        fields=tuple(told["fields"]),
    )
