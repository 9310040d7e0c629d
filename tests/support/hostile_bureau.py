"""A whole bureau as ``banktax serve`` runs it (database, workers, gRPC over mutual TLS), whose clock a test moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from node.app import Node
from node.client.control import ControlClient
from node.client.data import DataImport
from node.clock import system_clock
from node.codes import Code, ModelClass, Purpose, Role, Side
from node.compute import ComputePool
from node.config import load
from node.errors import Refusal
from node.initialise import NewNode, initialise
from node.jobs.work import evaluate_chunk
from node.keys import load_keys, open_sealer
from node.own_card import own_card
from node.policy import documents
from node.policy.agreement import Agreement, ChannelKind, Limits
from node.policy.enterprise import EnterpriseAuthority, EnterpriseCredentials
from node.policy.strictjson import canonical
from node.rundir import RunDirectory
from node.storage.consents import Consents
from node.storage.database import open_database
from tests.support.hostile_models import AGREED, BUREAU, CODES, ELSEWHERE, catalogue_body, table
from tests.support.transport import DAY_MS, RANDOMNESS, MovableClock, Party

HOUR_MS = 3_600_000
USCC_LIKE = re.compile(r"[0-9A-Z]{18}")


@dataclass
class Bureau:
    """The running bureau with its operator's client and a look into its database."""

    folder: Path
    clock: MovableClock = field(default_factory=MovableClock)
    allow_uncertified: bool = True

    def start(self) -> None:
        self.authority = EnterpriseAuthority.create("Test authority", RANDOMNESS, self.clock())
        directory = self.folder / "bureau"
        new = NewNode(Role.BUREAU, BUREAU, "税务局", "Bureau", listen="127.0.0.1:0", control_listen="127.0.0.1:0")
        initialise(directory, new, randomness=RANDOMNESS, clock=system_clock)
        (directory / "authority.pem").write_bytes(self.authority.certificate_pem())
        entry = {"name": "Test", "certificate": "authority.pem", "uscc_field": self.authority.uscc_field}
        security = {"allow_uncertified": self.allow_uncertified}
        self.settings = load(directory, security=security, consent={"authorities": [entry]})
        self.keys = load_keys(directory, open_sealer(directory, RANDOMNESS, {}))
        self.node = Node(self.settings, clock=self.clock)
        self.node.start()
        run = RunDirectory(directory)
        self.port = run.port("server")
        self.control = ControlClient.for_directory(directory)
        self.database = open_database(self.settings.database_url)
        self.card = own_card(self.settings, self.keys).model_copy(update={"endpoint": f"127.0.0.1:{self.port}"})
        self._import()

    def _import(self) -> None:
        for version in (1, 2):
            self.control.catalogues.add(canonical(catalogue_body(version)))
        for name, content in (("older", table([ELSEWHERE])), ("newest", table(CODES))):
            what = DataImport(name, "2026-03-31", "base", 1, allow_missing_fields=True)
            *_, last = self.control.data.load(what, [content])
            assert last.rejected == 0

    def stop(self) -> None:
        self.control.close()
        self.node.stop()
        self.database.dispose()

    def agree(self, party: Party, **changes: Any) -> None:
        """Trust a bank and put an agreement in force that both signed."""
        self.control.parties.trust(party.card().sign(party.signing).encode())
        draft = agreement_draft(party.party_id, self.clock(), **changes)
        signed = self.control.agreements.sign(draft.encode())
        both = documents.add_signature(documents.decode(signed, "agreement"), party.signing, party.party_id)
        self.control.agreements.add(both.encode())

    @contextmanager
    def later(self, milliseconds: int) -> Iterator[None]:
        """Everybody's clock goes ahead."""
        self.clock.shift_ms += milliseconds
        try:
            yield
        finally:
            self.clock.shift_ms -= milliseconds

    def uses(self, *consent_ids: bytes) -> list[int]:
        with self.database.read() as connection:
            statuses = Consents(self.database).statuses(connection, consent_ids)
        return [statuses[each].uses for each in consent_ids]

    def count(self, statement: Any) -> int:
        with self.database.read() as connection:
            return int(connection.execute(statement).scalar_one())

    def files(self) -> set[str]:
        """The names of all files of models, half received ones too."""
        return {path.name for path in (self.settings.data_directory / "models").glob("*")}


def agreement_draft(bank: str, now_ms: int, **changes: Any) -> documents.SignedDocument:
    """An unsigned agreement over everything but the field ``spare``."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    usual: dict[str, Any] = {
        "agreement_id": f"agreement-{bank}",
        "bank": bank,
        "bureau": BUREAU,
        "channel_kind": ChannelKind.DEDICATED_LINE,
        "peer_networks": ("127.0.0.0/8",),
        "purposes": (Purpose.LOAN_ORIGINATION,),
        "model_classes": (ModelClass.CREDIT_APPROVAL,),
        "catalogue_id": "base",
        "catalogue_version": 1,
        "fields": AGREED,
        "limits": Limits(max_rows_per_job=1000),
        "valid_from": now - timedelta(days=1),
        "valid_until": now + timedelta(days=365),
    }
    return documents.draft("agreement", Agreement(**{**usual, **changes}).to_body())


_ISSUED: dict[tuple[int, str], EnterpriseCredentials] = {}


def credentials(bureau: Bureau, code: str) -> EnterpriseCredentials:
    """The credentials that the test authority issued to an enterprise; kept, for a key takes a while."""
    key = id(bureau.authority), code
    if key not in _ISSUED:
        _ISSUED[key] = bureau.authority.issue(code, RANDOMNESS, system_clock() - DAY_MS // 2)
    return _ISSUED[key]


@contextmanager
def after_evaluation(action: Callable[[], object]) -> Iterator[None]:
    """Do something at the bureau between a chunk's computation and its release."""
    run = ComputePool.run

    def run_and_act(pool: ComputePool, function: Callable[..., Any], *arguments: Any, batch: bool = False) -> Any:
        done = run(pool, function, *arguments, batch=batch)
        if function is evaluate_chunk:
            action()
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ComputePool, "run", run_and_act)
        yield


def refused(action: Callable[[], object], code: Code, *words: str, side: Side | None = None) -> Refusal:
    """Check that a call is refused with a code and a text that names the fault, shows no identifier, fits one line."""
    with pytest.raises(Refusal) as caught:
        action()
    refusal = caught.value
    assert refusal.code is code, str(refusal)
    for word in words:
        assert word in refusal.detail, refusal.detail
    if side is not None:
        assert refusal.side is side, str(refusal)
    assert refusal.detail
    assert refusal.remedy
    assert refusal.detail.isprintable()
    assert not USCC_LIKE.search(refusal.detail), "an identifier in a refusal"
    return refusal
