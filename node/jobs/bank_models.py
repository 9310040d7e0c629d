"""The bank's own models: built from a scorecard, sealed at rest, registered at one bureau, retired for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Column, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.clock import Clock
from node.codes import Code, Engine
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bank_model_records import (
    ModelMaterial,
    ModelSummary,
    NewModel,
    UsableModel,
    read_master,
    read_secret,
    secret_label,
    summary_of,
)
from node.jobs.bureau_link import BureauLink
from node.jobs.documents import Documents
from node.jobs.model_description import ModelDescription
from node.jobs.model_files import remove_orphans
from node.jobs.work import BuiltModel, build_model
from node.keys import Sealer
from node.scorecards.compile import CompiledScorecard, compile_scorecard
from node.scorecards.format import Scorecard, parse_scorecard
from node.storage.database import Database
from node.storage.durable import rename
from node.storage.schema import bank_models
from protocols.errors import ParameterError
from protocols.randomness import SEED_BYTES, Randomness

PART_BYTES = 1 << 20
PROGRESS_SECONDS = 0.2


class BankModels:
    """All reading and writing of ``bank_models`` and of the encrypted models' files."""

    def __init__(
        self,
        database: Database,
        documents: Documents,
        compute: ComputePool,
        sealer: Sealer,
        folder: Path,
        clock: Clock,
        randomness: Randomness,
        admission_of: Callable[[bytes], bytes] = lambda _: b"",
    ) -> None:
        self._database = database
        self._documents = documents
        self._compute = compute
        self._sealer = sealer
        self._folder = folder
        self._clock = clock
        self._randomness = randomness
        self._admission_of = admission_of
        self._usable: dict[bytes, UsableModel] = {}
        self._barred: set[bytes] = set()

    def remove_orphans(self) -> int:
        """At start: delete files of builds that were cut off; returns how many."""
        return remove_orphans(self._folder, self._database, bank_models)

    # ---- building

    def build(
        self, scorecard: bytes, engine: Engine, bureau: str, progress: Callable[[int, int], None]
    ) -> ModelSummary:
        """Validate, compile and encrypt a scorecard under fresh seeds; the same file again gives the same model.

        Raises:
            Refusal: what is wrong with the file, the fields, the bounds, or ``WRONG_STATE`` where this version exists
                with other content.
        """
        card = parse_scorecard(scorecard)
        existing = self._find(card.name, card.version, engine, bureau)
        if existing is not None:
            return self._same_or_refuse(existing, card)
        compiled = self._compile(card)
        if card.expires_at * 1000 <= self._clock():
            raise Refusal(Code.MODEL_EXPIRED, "expires: the model's validity has ended already")
        return self._save(self._make(card, compiled, engine, bureau, progress))

    def _same_or_refuse(self, existing: RowMapping, card: Scorecard) -> ModelSummary:
        if bytes(existing["scorecard"]) != card.to_json().encode("utf-8"):
            raise Refusal(
                Code.WRONG_STATE,
                f"model {card.name} version {card.version} exists with other content",
                remedy="Give the changed model a version of its own.",
            )
        return summary_of(existing)

    def _compile(self, card: Scorecard) -> CompiledScorecard:
        catalogue = self._documents.catalogue(card.catalogue.id, card.catalogue.version)
        return compile_scorecard(card, catalogue)

    def _make(
        self,
        card: Scorecard,
        compiled: CompiledScorecard,
        engine: Engine,
        bureau: str,
        progress: Callable[[int, int], None],
    ) -> NewModel:
        """Encrypt into a file of the models' folder, under its final name when it is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        master = self._randomness.bytes(SEED_BYTES)
        temporary = self._folder / f".incoming-{self._randomness.bytes(8).hex()}"
        try:
            built = self._encrypt(compiled, engine, master, temporary, progress)
            model = NewModel(card, compiled, engine, bureau, master, built)
            rename(temporary, self._folder / model.file_name)
        finally:
            temporary.unlink(missing_ok=True)
        return model

    def _encrypt(
        self,
        compiled: CompiledScorecard,
        engine: Engine,
        master: bytes,
        file: Path,
        progress: Callable[[int, int], None],
    ) -> BuiltModel:
        """Encrypt in a worker; it tells how far it is through a small file, for pipes to workers carry tasks only."""
        told = self._folder / f".progress-{self._randomness.bytes(8).hex()}"
        model = compiled.secret_model
        task = partial(build_model, engine, master, model.public.encode(), model.weights, file, told)
        try:
            with ThreadPoolExecutor(1) as thread:
                future = thread.submit(self._compute.run, task)
                while not future.done():
                    time.sleep(PROGRESS_SECONDS)
                    _tell(told, progress)
                return future.result()
        except ParameterError as fault:
            raise Refusal(Code.BOUND_EXCEEDED, str(fault)) from None
        finally:
            told.unlink(missing_ok=True)

    def _save(self, model: NewModel) -> ModelSummary:
        sealed = self._sealer.seal(model.export_secret(), secret_label(model.description.model_id))
        try:
            with self._database.write() as connection:
                connection.execute(insert(bank_models), [model.row(sealed, self._clock())])
        except IntegrityError:
            raise Refusal(Code.WRONG_STATE, "this model version was built by another call meanwhile") from None
        return self.find(model.description.model_id.hex())

    # ---- registering

    def register(self, reference: str, link: Callable[[str], BureauLink]) -> ModelSummary:
        """Send a built model to its bureau, with the admission that is held for it; a version that it supersedes is
        retired from new jobs here too.
        """
        row = self._row(reference)
        if row["state"] in ("retired", "superseded"):
            raise Refusal(Code.MODEL_EXPIRED, f"the model is {row['state']}")
        description = ModelDescription.from_json(row["summary"]["description"].encode("utf-8"))
        parts, admission = _parts(self._folder / row["path"]), self._admission_of(description.model_id)
        link(row["bureau"]).register_model(description, parts, admission)
        self._mark_registered(description.model_id)
        if description.supersedes:
            self._supersede(row, description.supersedes)
        return self.find(description.model_id.hex())

    def _mark_registered(self, model_id: bytes) -> None:
        """A key that was retired while its model was on the way to the bureau stays retired."""
        models = bank_models.c
        with self._database.write() as connection:
            changed = connection.execute(
                update(bank_models)
                .where(models.model_id == model_id, models.state.in_(("built", "registered")))
                .values(state="registered", changed_at=self._clock())
            )
        if not changed.rowcount:
            raise Refusal(Code.MODEL_EXPIRED, "the model was retired or superseded meanwhile")

    def _supersede(self, row: RowMapping, version: str) -> None:
        models = bank_models.c
        with self._database.write() as connection:
            connection.execute(
                update(bank_models)
                .where(
                    models.name == row["name"],
                    models.version == version,
                    models.bureau == row["bureau"],
                    models.state != "retired",
                )
                .values(state="superseded", changed_at=self._clock())
            )

    def bar(self, model_id: bytes) -> None:
        """Take a model out of use in this process at once: its key may be known to the bureau."""
        self._barred.add(model_id)
        self._usable.pop(model_id, None)

    # ---- for an auditor

    def material(self, reference: str, engine: str = "") -> ModelMaterial:
        """Return everything that an auditor makes a model again from, its SECRET master seed opened.

        Raises:
            Refusal: ``MODEL_UNKNOWN``, ``MODEL_EXPIRED`` (its key is retired), ``KEY_UNAVAILABLE``.
        """
        row = self._row(reference, engine)
        if row["state"] == "retired":
            raise Refusal(Code.MODEL_EXPIRED, "the model was retired: no auditor has to look at it")
        model_id = bytes(row["model_id"])
        description = row["summary"]["description"]
        supersedes = ModelDescription.from_json(description.encode("utf-8")).supersedes
        before = self._find(row["name"], supersedes, Engine(row["engine"]), row["bureau"]) if supersedes else None
        return ModelMaterial(
            model_id=model_id,
            engine=Engine(row["engine"]),
            bureau=row["bureau"],
            description=description,
            scorecard=bytes(row["scorecard"]),
            master=read_master(self._sealer.open(bytes(row["sealed_secret"]), secret_label(model_id))),
            encrypted=self._folder / row["path"],
            predecessor=b"" if before is None else bytes(before["model_id"]),
        )

    # ---- finding

    def find(self, reference: str, engine: str = "") -> ModelSummary:
        """Return a model by id (hexadecimal), ``name@version`` or ``name`` (its latest registered version).

        ``engine`` narrows the choice where a model was built for several.

        Raises:
            Refusal: ``MODEL_UNKNOWN``.
        """
        return summary_of(self._row(reference, engine))

    def list(self) -> list[ModelSummary]:
        """Return all models, the latest first."""
        query = select(bank_models).order_by(bank_models.c.built_at.desc())
        with self._database.read() as connection:
            return [summary_of(row._mapping) for row in connection.execute(query)]

    def usable(self, model_id: bytes) -> UsableModel:
        """Return a model of a job that exists, with its secret opened, if it may be used now; it may be superseded.

        Raises:
            Refusal: ``MODEL_UNKNOWN``, ``MODEL_EXPIRED``, ``WRONG_STATE`` (not registered), ``KEY_UNAVAILABLE``.
        """
        return self.usable_by(model_id.hex(), though_superseded=lambda: True)

    def usable_by(
        self, reference: str, engine: str = "", *, though_superseded: Callable[[], bool] = lambda: False
    ) -> UsableModel:
        """Return a usable model by what :meth:`find` takes; see :meth:`usable`. State and end are read every time.

        ``though_superseded`` is asked about a model that a later version superseded: a new job may not use it.
        """
        models = bank_models.c
        row = self._row(reference, engine, models.model_id, models.state, models.expires_at)
        model_id = bytes(row["model_id"])
        if row["state"] == "built":
            raise Refusal(
                Code.WRONG_STATE, "the model is not registered", remedy="Register it first: banktax model register."
            )
        if row["state"] == "retired" or model_id in self._barred:
            raise Refusal(Code.MODEL_EXPIRED, "the model was retired")
        if row["state"] == "superseded" and not though_superseded():
            raise Refusal(
                Code.MODEL_EXPIRED,
                "the model was superseded by a later version",
                remedy="Name the latest version: banktax model list.",
            )
        if row["expires_at"] <= self._clock():
            raise Refusal(Code.MODEL_EXPIRED, "the model's validity has ended")
        if model_id not in self._usable:
            self._usable[model_id] = self._open(self._row(model_id.hex()))
        return self._usable[model_id]

    def _open(self, row: RowMapping) -> UsableModel:
        model_id = bytes(row["model_id"])
        secret_key = read_secret(self._sealer.open(bytes(row["sealed_secret"]), secret_label(model_id)))
        card = parse_scorecard(bytes(row["scorecard"]))
        return UsableModel(model_id, card, self._compile(card), Engine(row["engine"]), row["bureau"], secret_key)

    def _find(self, name: str, version: str, engine: Engine, bureau: str) -> RowMapping | None:
        models = bank_models.c
        query = select(bank_models).where(
            models.name == name, models.version == version, models.engine == engine, models.bureau == bureau
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else row._mapping

    def _row(self, reference: str, engine: str = "", *columns: Column[Any]) -> RowMapping:
        query = select(*columns or (bank_models,)).order_by(
            bank_models.c.state != "registered", bank_models.c.built_at.desc()
        )
        if engine:
            query = query.where(bank_models.c.engine == engine)
        with self._database.read() as connection:
            row = connection.execute(query.where(_matches(reference)).limit(1)).first()
        if row is None:
            raise Refusal(Code.MODEL_UNKNOWN, "no model has this name or id here", remedy="banktax model list")
        return row._mapping


def _matches(reference: str) -> Any:
    models = bank_models.c
    if len(reference) == 64 and all(character in "0123456789abcdef" for character in reference):
        return models.model_id == bytes.fromhex(reference)
    name, _, version = reference.partition("@")
    return (models.name == name) & (models.version == version) if version else models.name == name


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part


def _tell(file: Path, progress: Callable[[int, int], None]) -> None:
    try:
        done, total = file.read_text(encoding="ascii").split()
    except (FileNotFoundError, ValueError):  # not begun, or caught while it is written
        return
    progress(int(done), int(total))
