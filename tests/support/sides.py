"""A bureau and a bank as ``node.app`` wires them, in one process; only TLS and sockets are left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from google.protobuf.message import Message

from node.alignment.memory import AlignmentMemory
from node.alignment.standing import StandingSet
from node.clock import Clock, system_clock
from node.codes import Code, Engine, Purpose, Role
from node.compute import ComputePool
from node.data.files import CsvSource
from node.data.importer import iterate_import
from node.demo.synthetic import SyntheticData
from node.errors import Refusal
from node.jobs.admissions import HeldAdmissions
from node.jobs.bank_consents import BankConsents
from node.jobs.bank_intake import BankIntake, ListRow, Submission
from node.jobs.bank_journal import BankJournal
from node.jobs.bank_models import BankModels
from node.jobs.bank_online import BankOnline, OnlineRequest
from node.jobs.bank_records import StoredJob
from node.jobs.bank_runner import BankRunner, Patience
from node.jobs.bank_steps import BankParts
from node.jobs.bureau_admissions import BureauAdmissions
from node.jobs.bureau_alignment import BureauAlignment
from node.jobs.bureau_consents import BureauConsents
from node.jobs.bureau_journal import BureauJournal
from node.jobs.bureau_ledger import ExtractionLedger
from node.jobs.bureau_link import BureauLink
from node.jobs.bureau_models import BureauModels
from node.jobs.bureau_scoring import BureauParts, BureauScoring
from node.jobs.documents import Documents
from node.jobs.gate import Gate
from node.jobs.states import FINAL
from node.keys import Sealer
from node.policy.card import PartyCard
from node.policy.consent import VerifierConfig
from node.policy.enterprise import EnterpriseAuthority
from node.rpc.bureau_client import BureauClient
from node.rpc.bureau_services import AlignmentService, ConsentService, ScoringService
from node.rpc.certificates import Usage, make_certificate, server_name
from node.rpc.client import PeerClient
from node.rpc.exchange import CallContext, Deadline
from node.rpc.methods import Method
from node.storage.admissions import Admissions
from node.storage.agreements import Agreements
from node.storage.catalogues import Catalogues
from node.storage.consents import Consents
from node.storage.database import Database, open_database
from node.storage.features import FeatureStore
from node.storage.ledger import Ledger
from node.storage.parties import Parties
from node.storage.registrations import Registrations
from protocols.randomness import SystemRandomness
from tests.support.policy import party_key
from tests.support.power import Fuse, FusedDatabase, PowerCut

BUREAU, BANK, OTHER_BANK = "bureau-zj", "bank-a", "bank-b"
RANDOMNESS = SystemRandomness()
JOB_SECONDS = 60.0
ALERT_MODELS = 2


@cache
def party_card(party: str, role: Role) -> PartyCard:
    """A card with a usable certificate; the same one however often a party is restarted."""
    identity = make_certificate(
        party,
        (Usage.SERVER, Usage.CLIENT),
        server_name=server_name(party),
        now_ms=system_clock(),
        randomness=RANDOMNESS,
        days=10,
    )
    return PartyCard(
        party_id=party,
        role=role,
        name_zh=f"{party}名",
        name_en=party,
        endpoint="127.0.0.1:1" if role is Role.BUREAU else "",
        server_names=(server_name(party),),
        certificates=(identity.certificate_pem.decode(),),
        signing_key=party_key(party).verify_key.encoded.hex(),
        encryption_key="5" * 64 if role is Role.AUDITOR else "",
    )


class _Side:
    """What both sides stand on."""

    def __init__(
        self,
        folder: Path,
        party: str,
        role: Role,
        compute: ComputePool,
        clock: Clock,
        fuse: Fuse | None,
        url: str | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.party, self.compute, self.clock = folder, party, compute, clock
        self.fuse = fuse or Fuse()
        plain = open_database(url or f"sqlite:///{folder / 'node.db'}")
        plain.upgrade()
        self.database: Database = FusedDatabase(plain, self.fuse)
        self.card = party_card(party, role)
        self.parties = Parties(self.database)
        self.documents = Documents(
            self.parties, Catalogues(self.database), Agreements(self.database), self.card, party_key(party), clock
        )
        self.admissions = Admissions(self.database)
        self.held_admissions = HeldAdmissions(self.admissions, self.documents, party, role, clock)
        self.consents = Consents(self.database)
        self.sealer = Sealer(party.encode().ljust(32, b"."), RANDOMNESS)

    def trust(self, other: _Side) -> None:
        self.documents.trust(other.card.sign(party_key(other.party)).encode())

    def close(self) -> None:
        self.database.dispose()


class BureauSide(_Side):
    """The bureau as ``node.bureau_wiring`` wires it, behind its services."""

    def __init__(
        self,
        folder: Path,
        authority: EnterpriseAuthority,
        compute: ComputePool,
        clock: Clock,
        fuse: Fuse | None = None,
        url: str | None = None,
        *,
        allow_uncertified: bool = True,
    ) -> None:
        super().__init__(folder, BUREAU, Role.BUREAU, compute, clock, fuse, url)
        gate = Gate(self.documents, BUREAU, clock)
        self.features = FeatureStore(self.database, folder)
        self.features.clean()
        standing = StandingSet(self.database, folder, self.sealer, clock, RANDOMNESS)
        standing.remove_orphans()
        admitting = BureauAdmissions(
            self.admissions,
            self.held_admissions,
            self.documents,
            BUREAU,
            clock,
            allow_uncertified=allow_uncertified,
        )
        self.models = BureauModels(
            self.database, self.documents, gate, compute, folder / "models", clock, RANDOMNESS, admitting
        )
        self.models.remove_orphans()
        verifier = VerifierConfig(BUREAU, (authority.authority("Test"),))
        self.registrar = BureauConsents(self.database, self.consents, gate, compute, verifier, clock)
        self.journal = BureauJournal(self.database, clock)
        self.ledger = Ledger(self.database)
        limits = ExtractionLedger(self.ledger, alert_models=ALERT_MODELS, alert_days=365)
        self.scoring = BureauScoring(
            BureauParts(
                self.database, self.journal, self.models, self.consents, self.features, gate, compute, clock, limits
            )
        )
        alignment = BureauAlignment(gate, standing, self.features)
        self.handlers = {
            method.path: handler
            for service in (
                AlignmentService(alignment).service(),
                ConsentService(self.registrar).service(),
                ScoringService(self.models, self.scoring).service(),
            )
            for method, handler in service.handlers
        }

    def import_table(self, data: SyntheticData) -> None:
        """Import the data as ``banktax data import`` does."""
        path = self.folder / "tax.csv"
        data.write_csv(path)
        self.import_file(path)

    def import_file(self, path: Path) -> None:
        """Import a CSV file; it supersedes what was imported before."""
        for _ in iterate_import(
            CsvSource(path),
            self.documents.catalogue("synthetic"),
            self.features,
            name="tax",
            as_of="2026-03-31",
            clock=self.clock,
        ):
            pass

    def uses(self, consent_ids: Iterable[bytes]) -> list[int]:
        ids = list(consent_ids)
        with self.database.read() as connection:
            statuses = self.consents.statuses(connection, ids)
        return [statuses[each].uses for each in ids]


@dataclass
class Wire:
    """Stands where :class:`node.rpc.client.PeerClient` stands: carries serialised messages to the bureau's services.

    A bureau whose power is cut in mid-call is restarted by ``restart``; the bank sees ``PEER_UNREACHABLE``.
    """

    bank: PartyCard
    bureau: Callable[[], BureauSide]
    restart: Callable[[], None] = lambda: None
    fuse: Fuse = field(default_factory=Fuse)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    """What the bureau received: (method, bytes)."""

    def call(self, method: Method[Any, Any], message: Message, timeout: float | None = None) -> Any:
        with self._power():
            return self._answer(method, self._handler(method)(self._context(), self._carry(method, message)))

    def download(self, method: Method[Any, Any], message: Message, timeout: float | None = None) -> Iterator[Any]:
        with self._power():
            for answer in self._handler(method)(self._context(), self._carry(method, message)):
                yield self._answer(method, answer)

    def upload(self, method: Method[Any, Any], messages: Iterable[Message], timeout: float | None = None) -> Any:
        with self._power():
            requests = (self._carry(method, message) for message in messages)
            return self._answer(method, self._handler(method)(self._context(), requests))

    def converse(
        self, method: Method[Any, Any], messages: Iterable[Message], timeout: float | None = None
    ) -> Iterator[Any]:
        with self._power():
            requests = (self._carry(method, message) for message in messages)
            for answer in self._handler(method)(self._context(), requests):
                yield self._answer(method, answer)

    @contextmanager
    def _power(self) -> Iterator[None]:
        self.fuse.step()  # cut before the request left
        try:
            yield
        except PowerCut:
            self.fuse.check()
            self.restart()
            raise Refusal(Code.PEER_UNREACHABLE, "the bureau lost its power") from None
        self.fuse.step()  # cut before the answer arrived

    def _handler(self, method: Method[Any, Any]) -> Callable[[CallContext, Any], Any]:
        return self.bureau().handlers[method.path]

    def _context(self) -> CallContext:
        return CallContext(self.bank, ip_address("127.0.0.1"), "0" * 16, Deadline(time.monotonic() + 60))

    def _carry(self, method: Method[Any, Any], message: Message) -> Message:
        data = message.SerializeToString(deterministic=True)
        self.received.append((method.path, data))
        return cast(Message, method.request.FromString(data))

    def _answer(self, method: Method[Any, Any], answer: Message) -> Message:
        return cast(Message, method.response.FromString(answer.SerializeToString()))


LinkWrapper = Callable[[BureauLink], BureauLink]


class BankSide(_Side):
    """A bank as ``node.app`` wires it. ``wrap`` may put a lying bureau between it and the real one."""

    def __init__(
        self,
        folder: Path,
        party: str,
        wire: Wire,
        compute: ComputePool,
        clock: Clock,
        *,
        fuse: Fuse | None = None,
        chunk_rows: int = 4,
        wrap: LinkWrapper = lambda link: link,
        url: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(folder, party, Role.BANK, compute, clock, fuse, url)
        self.wire = wire
        wire.fuse = self.fuse
        memory = AlignmentMemory(self.database, folder)
        self.link = wrap(BureauClient(BUREAU, cast(PeerClient, wire), memory, RANDOMNESS))
        self.registrations = Registrations(self.database)
        self.bank_consents = BankConsents(self.database, self.consents, self.registrations, party, clock)
        self.models = BankModels(
            self.database,
            self.documents,
            compute,
            self.sealer,
            folder / "models",
            clock,
            RANDOMNESS,
            self.held_admissions.to_send,
        )
        self.models.remove_orphans()
        self.journal = BankJournal(self.database, clock)
        parts = BankParts(self.journal, self.bank_consents, self.models, compute, RANDOMNESS, chunk_rows=chunk_rows)
        self.runner = BankRunner(parts, lambda _: self.link, patience=patience or Patience(0.01, 0.05, 20.0))
        self.intake = BankIntake(self.journal, self.models, RANDOMNESS)
        self.online = BankOnline(parts, self.intake, self.runner, lambda _: self.link)

    def build(self, scorecard: bytes, engine: str = "bfv") -> str:
        """Build and register a model; returns its name."""
        summary = self.models.build(scorecard, Engine(engine), BUREAU, lambda done, total: None)
        self.models.register(summary.model_id.hex(), lambda _: self.link)
        return summary.name

    def register(self, tokens: Sequence[str]) -> list[tuple[str, str | None]]:
        """Register consents; returns (state, reason) of each."""
        outcomes = self.bank_consents.register(tokens, BUREAU, self.link)
        return [(each.registration.state, each.registration.reason) for each in outcomes]

    def keep(self, tokens: Sequence[str]) -> None:
        """Keep consents without the bureau hearing of them: as if it had not answered when they came in."""
        with suppress(Refusal):
            self.bank_consents.register(tokens, BUREAU, cast(BureauLink, _Silence()))

    def take(self, codes: Sequence[str], model: str = "synthetic-card", key: str = "") -> StoredJob:
        """Journal a list as a job; nothing runs yet."""
        submission = Submission(model, "", Purpose.LOAN_ORIGINATION, key, (), "")
        return self.intake.take(submission, [ListRow(code, ()) for code in codes])

    def one(self, code: str, *, consent: str = "", key: str = "", model: str = "synthetic-card") -> StoredJob:
        """Score one enterprise."""
        submission = Submission(model, "", Purpose.LOAN_ORIGINATION, key, (), "")
        return self.online.score(OnlineRequest(submission, ListRow(code, ()), consent))

    def run(self, codes: Sequence[str], model: str = "synthetic-card", key: str = "") -> StoredJob:
        """Submit a list and wait for its end."""
        job = self.take(codes, model, key)
        self.runner.submit(job.job_id)
        return self.wait(job.job_id)

    def wait(self, job_id: bytes, seconds: float = JOB_SECONDS) -> StoredJob:
        """Return the job once it is final and no thread works on it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.journal.get(job_id)
            if job.state in FINAL and not self.runner.active:
                return job
            time.sleep(0.01)
        raise AssertionError(f"the job is still {self.journal.get(job_id).state}")

    def rows(self, job_id: bytes) -> list[dict[str, Any]]:
        """Return all rows of a job in order."""
        return [row._asdict() for part in self.journal.results(job_id) for row in part]

    def outcome(self, job_id: bytes) -> dict[str, int | str | None]:
        """Return score, or reason, by code."""
        return {row["uscc"]: row["score"] if row["score"] is not None else row["reason"] for row in self.rows(job_id)}

    def close(self) -> None:
        self.runner.stop()
        super().close()


class _Silence:
    def align(self, codes: Sequence[str]) -> Mapping[str, bool]:
        raise Refusal(Code.PEER_UNREACHABLE, "no answer")
