"""The models that banks registered at a bureau: received in parts, checked in a worker, kept by their digest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, update

from node.clock import Clock
from node.codes import Code, ModelClass, Purpose
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.documents import Documents
from node.jobs.gate import Asked, Caller, Gate
from node.jobs.model_description import ENGINE_OF_PROFILE, ModelDescription
from node.jobs.model_files import remove_orphans
from node.jobs.work import check_model
from node.policy.authorise import CONNECTION, MODEL
from node.scorecards.public import public_model
from node.storage.database import Database, insert_ignore
from node.storage.durable import rename, write_new
from node.storage.schema import bureau_models
from protocols.errors import ParameterError, PeerProtocolError
from protocols.randomness import Randomness
from protocols.scoring.engine import encoded_model_bytes
from protocols.scoring.model import PublicModel


@dataclass(frozen=True)
class RegisteredModel:
    """A model of a bank, as a job uses it. ``path``: its ciphertexts in the node's data folder."""

    model_id: bytes
    bank: str
    description: ModelDescription
    public: PublicModel
    path: Path
    state: str


_MODEL = select(bureau_models).where(
    bureau_models.c.model_id == bindparam("model"), bureau_models.c.bank == bindparam("bank")
)


class BureauModels:
    """Registers models and finds them for jobs."""

    def __init__(
        self,
        database: Database,
        documents: Documents,
        gate: Gate,
        compute: ComputePool,
        folder: Path,
        clock: Clock,
        randomness: Randomness,
        *,
        allow_uncertified: bool,
    ) -> None:
        self._database = database
        self._documents = documents
        self._gate = gate
        self._compute = compute
        self._folder = folder
        self._clock = clock
        self._randomness = randomness
        self._allow_uncertified = allow_uncertified
        self._parsed: dict[bytes, tuple[ModelDescription, PublicModel]] = {}  # by id, which stands for the content

    def remove_orphans(self) -> int:
        """At start: delete files of registrations that were cut off; returns how many."""
        return remove_orphans(self._folder, self._database, bureau_models)

    def register(self, caller: Caller, description: ModelDescription, parts: Iterator[bytes]) -> bytes:
        """Check and keep a model; returns its id. The same model again changes nothing.

        Raises:
            Refusal: ``MODEL_NOT_ADMITTED``, ``FIELD_NOT_ALLOWED``, ``PROFILE_UNKNOWN``, ``BOUND_EXCEEDED``,
                ``MODEL_EXPIRED``, ``MALFORMED`` or what the agreement refuses.
        """
        public = self._check(caller, description)
        path = self._folder / f"{description.encrypted_digest.hex()}.model"
        temporary = self._folder / f".incoming-{self._randomness.bytes(8).hex()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_new(temporary, _exactly(parts, description.encrypted_bytes))
            self._compute.run(
                check_model, temporary, description.encrypted_digest, description.profile, public.encode()
            )
            rename(temporary, path)
        except (PeerProtocolError, ParameterError) as fault:
            code = Code.BOUND_EXCEEDED if isinstance(fault, ParameterError) else Code.MALFORMED
            raise Refusal(code, f"the encrypted model: {fault}") from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        self._save(caller.bank, description, path)
        return description.model_id

    def _check(self, caller: Caller, description: ModelDescription) -> PublicModel:
        """Everything that can be refused before a byte of ciphertext is taken."""
        self._gate.check(caller, CONNECTION)
        if not self._allow_uncertified:
            raise Refusal(Code.MODEL_NOT_ADMITTED, "this bureau takes no model without an admission")
        if description.profile not in ENGINE_OF_PROFILE:
            raise Refusal(Code.PROFILE_UNKNOWN, f"profile {description.profile[:40]!r} is not known here")
        _check_codes(description)
        if description.expires_at * 1000 <= self._clock():
            raise Refusal(Code.MODEL_EXPIRED, "the model's validity has ended")
        agreement = self._gate.check(caller, MODEL, asked_of(description))
        self._check_room(caller.bank, description, agreement.limits.max_models)
        catalogue = self._documents.catalogue(description.catalogue_id, description.catalogue_version)
        public = public_model(description.fields, catalogue)
        if description.encrypted_bytes != encoded_model_bytes(description.profile, public.column_count):
            raise Refusal(Code.MALFORMED, "the encrypted model has the wrong size for its columns")
        return public

    def _check_room(self, bank: str, description: ModelDescription, limit: int) -> None:
        """A model takes up to 0.3 GB: a bank keeps no more in force than agreed; one that is here costs nothing."""
        models = bureau_models.c
        others = select(func.count()).where(
            models.bank == bank,
            models.model_id != description.model_id,
            models.state == "registered",
            models.expires_at > self._clock(),
            ~((models.name == description.name) & (models.version == description.supersedes)),
        )
        with self._database.read() as connection:
            if connection.execute(others).scalar_one() >= limit:
                raise Refusal(Code.QUOTA_EXCEEDED, f"the agreement's max_models is {limit}")

    def _save(self, bank: str, description: ModelDescription, path: Path) -> None:
        now = self._clock()
        row = {
            "model_id": description.model_id,
            "bank": bank,
            "name": description.name,
            "version": description.version,
            "model_class": description.model_class,
            "header": description.to_json(),
            "path": path.name,
            "state": "registered",
            "expires_at": description.expires_at * 1000,
            "registered_at": now,
        }
        with self._database.write() as connection:
            if not insert_ignore(connection, bureau_models, [row]):
                _require_own(connection, bank, description.model_id)
            if description.supersedes:
                connection.execute(
                    update(bureau_models)
                    .where(
                        bureau_models.c.bank == bank,
                        bureau_models.c.name == description.name,
                        bureau_models.c.version == description.supersedes,
                    )
                    .values(state="superseded")
                )

    def get(self, bank: str, model_id: bytes, *, running: bool = False) -> RegisteredModel:
        """Return a bank's model, usable now; another bank's model is unknown. A running job may end on a model that
        was superseded after the job was opened.

        Raises:
            Refusal: ``MODEL_UNKNOWN``, ``MODEL_EXPIRED`` or ``MODEL_NOT_ADMITTED``.
        """
        with self._database.read() as connection:
            row = connection.execute(_MODEL, {"model": model_id, "bank": bank}).first()
        if row is None:
            raise Refusal(Code.MODEL_UNKNOWN, "this bank registered no such model here")
        if row.state == "superseded" and not running:
            raise Refusal(Code.MODEL_EXPIRED, "the model was superseded by a later version")
        if row.expires_at <= self._clock():
            raise Refusal(Code.MODEL_EXPIRED, "the model's validity has ended")
        if not self._allow_uncertified:
            raise Refusal(Code.MODEL_NOT_ADMITTED, "the model carries no admission")
        if model_id not in self._parsed:
            self._parsed[model_id] = self._parse(bytes(row.header))
        return RegisteredModel(model_id, bank, *self._parsed[model_id], self._folder / row.path, row.state)

    def _parse(self, header: bytes) -> tuple[ModelDescription, PublicModel]:
        description = ModelDescription.from_json(header)
        catalogue = self._documents.catalogue(description.catalogue_id, description.catalogue_version)
        return description, public_model(description.fields, catalogue)


def _require_own(connection: Connection, bank: str, model_id: bytes) -> None:
    """A model that is here already is the bank's own: two banks never make the same, for their keys differ."""
    query = select(bureau_models.c.bank).where(bureau_models.c.model_id == model_id)
    if connection.execute(query).scalar_one() != bank:
        raise Refusal(Code.IDEMPOTENCY_CONFLICT, "another bank registered this very model")


def asked_of(description: ModelDescription, purpose: str | None = None, rows: int = 0) -> Asked:
    """Return what an agreement has to cover for a model, and for a job of it."""
    return Asked(
        purpose=purpose,
        model_class=description.model_class,
        fields=description.field_ids,
        catalogue_id=description.catalogue_id,
        catalogue_version=description.catalogue_version,
        rows=rows,
    )


def _check_codes(description: ModelDescription) -> None:
    if description.model_class not in ModelClass.__members__.values():
        raise Refusal(Code.MALFORMED, "the model's class is not one of ours")
    if not description.purposes or not set(description.purposes) <= set(Purpose):
        raise Refusal(Code.MALFORMED, "the model's purposes are not ours")


def _exactly(parts: Iterator[bytes], expected: int) -> Iterator[bytes]:
    """Yield the parts, never more than the header announced and not less."""
    received = 0
    for part in parts:
        received += len(part)
        if received > expected:
            raise Refusal(Code.MALFORMED, "the encrypted model is longer than announced")
        yield part
    if received != expected:
        raise Refusal(Code.MALFORMED, "the encrypted model is shorter than announced")
