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
from node.jobs.bureau_admissions import BureauAdmissions, Certificate, ModelAtHand
from node.jobs.documents import Documents
from node.jobs.gate import Asked, Caller, Gate
from node.jobs.model_description import ENGINE_OF_PROFILE, ModelDescription
from node.jobs.model_files import remove_orphans
from node.jobs.work import check_model
from node.policy.agreement import Agreement
from node.policy.authorise import CONNECTION, MODEL
from node.scorecards.public import public_model
from node.storage.admissions import NEWEST_FIRST, STANDING_COLUMNS, Standing, standings_of, with_standings
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
    parts_digest: bytes
    standings: tuple[Standing, ...]
    """What stood of the admissions that name it when it was looked up."""

    @property
    def at_hand(self) -> ModelAtHand:
        """What an admission of it has to name."""
        return ModelAtHand(self.bank, self.description, self.parts_digest)


# The model and what decides about its admissions: one question for every call.
_MODEL = (
    select(
        bureau_models.c.state,
        bureau_models.c.expires_at,
        bureau_models.c.path,
        bureau_models.c.parts_digest,
        *STANDING_COLUMNS,
    )
    .select_from(with_standings(bureau_models, bureau_models.c.model_id, bureau_models.c.bank))
    .where(bureau_models.c.model_id == bindparam("model"), bureau_models.c.bank == bindparam("bank"))
    .order_by(*NEWEST_FIRST)
)
_HEADER = select(bureau_models.c.header).where(bureau_models.c.model_id == bindparam("model"))


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
        admissions: BureauAdmissions,
    ) -> None:
        self._database = database
        self._documents = documents
        self._gate = gate
        self._compute = compute
        self._folder = folder
        self._clock = clock
        self._randomness = randomness
        self._admissions = admissions
        self._parsed: dict[bytes, tuple[ModelDescription, PublicModel]] = {}  # by id, which stands for the content

    def remove_orphans(self) -> int:
        """At start: delete files of registrations that were cut off; returns how many."""
        return remove_orphans(self._folder, self._database, bureau_models)

    def register(
        self, caller: Caller, description: ModelDescription, parts: Iterator[bytes], admission: bytes = b""
    ) -> tuple[bytes, bool]:
        """Check and keep a model with the admission that came along; returns its id, and whether it is certified.

        The same model again changes nothing, but for its admission.

        Raises:
            Refusal: ``MODEL_NOT_ADMITTED``, ``FIELD_NOT_ALLOWED``, ``PROFILE_UNKNOWN``, ``BOUND_EXCEEDED``,
                ``MODEL_EXPIRED``, ``MALFORMED`` or what the agreement refuses.
        """
        public, agreement = self._check(caller, description)
        self._admit(caller.bank, description, None, agreement, admission)  # before a byte of ciphertext is taken
        path = self._folder / f"{description.encrypted_digest.hex()}.model"
        temporary = self._folder / f".incoming-{self._randomness.bytes(8).hex()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_new(temporary, _exactly(parts, description.encrypted_bytes))
            digest = self._compute.run(
                check_model, temporary, description.encrypted_digest, description.profile, public.encode()
            )
            certificate = self._admit(caller.bank, description, digest, agreement)
            rename(temporary, path)
        except (PeerProtocolError, ParameterError) as fault:
            code = Code.BOUND_EXCEEDED if isinstance(fault, ParameterError) else Code.MALFORMED
            raise Refusal(code, f"the encrypted model: {fault}") from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        self._save(caller.bank, description, path, digest)
        return description.model_id, certificate is not None

    def _admit(
        self,
        bank: str,
        description: ModelDescription,
        digest: bytes | None,
        agreement: Agreement,
        document: bytes = b"",
    ) -> Certificate | None:
        """Look whether an admission allows the model, first keeping the one that came along; running jobs end."""
        model = ModelAtHand(bank, description, digest)
        if document:
            self._admissions.take(model, document)
        standings = self._admissions.standings(bank, description.model_id)
        return self._admissions.certificate(model, standings, agreement, running=False)

    def _check(self, caller: Caller, description: ModelDescription) -> tuple[PublicModel, Agreement]:
        """Everything that the description alone can be refused for."""
        self._gate.check(caller, CONNECTION)
        if description.profile not in ENGINE_OF_PROFILE:
            raise Refusal(Code.PROFILE_UNKNOWN, f"profile {description.profile[:40]!r} is not known here")
        _check_codes(description)
        if description.expires_at * 1000 <= self._clock():
            raise Refusal(Code.MODEL_EXPIRED, "the model's validity has ended")
        agreement = self._gate.check(caller, MODEL, asked_of(description))
        self._check_room(caller.bank, description, agreement.limits.max_models)
        self._check_not_overtaken(caller.bank, description)
        catalogue = self._documents.catalogue(description.catalogue_id, description.catalogue_version)
        public = public_model(description.fields, catalogue)
        if description.encrypted_bytes != encoded_model_bytes(description.profile, public.column_count):
            raise Refusal(Code.MALFORMED, "the encrypted model has the wrong size for its columns")
        return public, agreement

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

    def _check_not_overtaken(self, bank: str, description: ModelDescription) -> None:
        """A version that comes in after the one that supersedes it is not taken; one that is here changes nothing."""
        models = bureau_models.c
        versions = select(models.model_id, models.header).where(models.bank == bank, models.name == description.name)
        with self._database.read() as connection:
            known = {bytes(row.model_id): bytes(row.header) for row in connection.execute(versions)}
        if description.model_id in known:
            return
        if any(ModelDescription.from_json(header).supersedes == description.version for header in known.values()):
            raise Refusal(Code.MODEL_EXPIRED, "a version that supersedes this one is registered here")

    def _save(self, bank: str, description: ModelDescription, path: Path, digest: bytes) -> None:
        now = self._clock()
        row = {
            "model_id": description.model_id,
            "bank": bank,
            "name": description.name,
            "version": description.version,
            "model_class": description.model_class,
            "header": description.to_json(),
            "path": path.name,
            "parts_digest": digest,
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
        """Return a bank's model, in force now; another bank's model is unknown. A running job may end on a model that
        was superseded after the job was opened. Whether it may be evaluated is :meth:`certificate`'s to say.

        Raises:
            Refusal: ``MODEL_UNKNOWN`` or ``MODEL_EXPIRED``.
        """
        with self._database.read() as connection:
            rows = connection.execute(_MODEL, {"model": model_id, "bank": bank}).all()
        if not rows:
            raise Refusal(Code.MODEL_UNKNOWN, "this bank registered no such model here")
        row = rows[0]
        if row.state == "superseded" and not running:
            raise Refusal(Code.MODEL_EXPIRED, "the model was superseded by a later version")
        if row.expires_at <= self._clock():
            raise Refusal(Code.MODEL_EXPIRED, "the model's validity has ended")
        if model_id not in self._parsed:
            self._parsed[model_id] = self._parse(self._header(model_id))
        return RegisteredModel(
            model_id,
            bank,
            *self._parsed[model_id],
            self._folder / row.path,
            row.state,
            bytes(row.parts_digest),
            standings_of(rows),
        )

    def certificate(self, model: RegisteredModel, agreement: Agreement, *, running: bool) -> Certificate | None:
        """Return under what a model may be evaluated; see :meth:`BureauAdmissions.certificate`."""
        return self._admissions.certificate(model.at_hand, model.standings, agreement, running=running)

    def _header(self, model_id: bytes) -> bytes:
        with self._database.read() as connection:
            return bytes(connection.execute(_HEADER, {"model": model_id}).scalar_one())

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
