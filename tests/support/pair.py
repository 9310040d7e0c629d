"""A bureau and its banks in one process: everything is real but TLS and sockets."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from node.clock import Clock, system_clock
from node.codes import ModelClass, Purpose, Role
from node.compute import ComputePool
from node.demo.synthetic import SyntheticData, make
from node.jobs.bank_runner import Patience
from node.policy.agreement import Agreement, ChannelKind, Limits
from node.policy.consent import ConsentDraft
from node.policy.documents import draft
from node.policy.enterprise import EnterpriseAuthority
from node.policy.strictjson import canonical
from tests.support.power import Fuse
from tests.support.sides import (
    BANK,
    BUREAU,
    RANDOMNESS,
    BankSide,
    BureauSide,
    LinkWrapper,
    Wire,
    party_card,
)

DAY_MS = 86_400_000
ROWS = 7


class Signer:
    """Signs consents of enterprises, each with a key and a certificate of its own."""

    def __init__(self, clock: Clock, fields: tuple[str, ...]) -> None:
        self._clock = clock
        self._fields = fields
        self.authority = EnterpriseAuthority.create("Test authority", RANDOMNESS, clock())

    def sign(self, code: str, **changes: Any) -> str:
        return self.sign_with_id(code, **changes)[0]

    def sign_with_id(self, code: str, **changes: Any) -> tuple[str, bytes]:
        now = self._clock()
        terms = ConsentDraft(
            consent_id=secrets.token_bytes(16),
            uscc=code,
            bank=BANK,
            bureau=BUREAU,
            purposes=(Purpose.LOAN_ORIGINATION,),
            fields=self._fields,
            model_classes=(ModelClass.CREDIT_APPROVAL,),
            not_before_ms=now - DAY_MS,
            expires_ms=now + 30 * DAY_MS,
            maximum_uses=1000,
            notice_sha256="0" * 64,
        )
        terms = replace(terms, **changes)
        return self.authority.issue(code, RANDOMNESS, now).sign(terms, now), terms.consent_id


def agree(bureau: BureauSide, bank: BankSide, catalogue: Mapping[str, Any], **changes: Any) -> None:
    """Have both trust each other and sign an agreement over the whole catalogue."""
    bureau.trust(bank)
    bank.trust(bureau)
    now = datetime.now(UTC)
    body = {**catalogue, "bureau": BUREAU}
    usual: dict[str, Any] = {
        "agreement_id": f"agreement-{bank.party}",
        "bank": bank.party,
        "bureau": BUREAU,
        "channel_kind": ChannelKind.DEDICATED_LINE,
        "peer_networks": ("127.0.0.0/8",),
        "purposes": (Purpose.LOAN_ORIGINATION,),
        "model_classes": (ModelClass.CREDIT_APPROVAL,),
        "catalogue_id": body["catalogue_id"],
        "catalogue_version": 1,
        "fields": tuple(each["id"] for each in body["fields"]),
        "limits": Limits(max_rows_per_job=100_000, alignment_per_day=1_000_000, max_jobs_per_day=100_000),
        "valid_from": now - timedelta(days=1),
        "valid_until": now + timedelta(days=365),
    }
    bureau.documents.import_catalogue(canonical(body))
    bank.documents.import_catalogue(bureau.documents.stored_catalogue(body["catalogue_id"]).document)
    agreement = Agreement(**{**usual, **changes})
    signed = bank.documents.sign_agreement(
        bureau.documents.sign_agreement(draft("agreement", agreement.to_body()).encode())
    )
    bureau.documents.import_agreement(signed)
    bank.documents.import_agreement(signed)


class Pair:
    """A bureau with tax data and a bank with a registered model; consents are the test's business.

    Args:
        folder: where both keep their files; a copy of another pair's ``folder`` continues that pair.
        data: the bureau's table and the bank's scorecard.
    """

    def __init__(
        self,
        folder: Path,
        data: SyntheticData,
        signer: Signer,
        compute: ComputePool,
        clock: Clock,
        *,
        chunk_rows: int = 4,
        bank_fuse: Fuse | None = None,
        bureau_fuse: Fuse | None = None,
        wrap: LinkWrapper = lambda link: link,
        urls: tuple[str | None, str | None] = (None, None),
        allow_uncertified: bool = True,
        patience: Patience | None = None,
    ) -> None:
        self.folder, self.data, self.signer, self.compute, self.clock = folder, data, signer, compute, clock
        self.chunk_rows, self.wrap, self.patience = chunk_rows, wrap, patience
        self._bureau_url, self._bank_url = urls
        self._allow_uncertified = allow_uncertified
        self._restarting = threading.Lock()
        self.restarts = 0
        self.bureau = self._make_bureau(bureau_fuse)
        self.wire = Wire(party_card(BANK, Role.BANK), lambda: self.bureau, self.restart_bureau)
        self.bank = self._make_bank(bank_fuse)

    def _make_bureau(self, fuse: Fuse | None) -> BureauSide:
        folder = self.folder / "bureau"
        return BureauSide(
            folder,
            self.signer.authority,
            self.compute,
            self.clock,
            fuse,
            self._bureau_url,
            allow_uncertified=self._allow_uncertified,
        )

    def _make_bank(self, fuse: Fuse | None) -> BankSide:
        return BankSide(
            self.folder / "bank",
            BANK,
            self.wire,
            self.compute,
            self.clock,
            fuse=fuse,
            chunk_rows=self.chunk_rows,
            wrap=self.wrap,
            url=self._bank_url,
            patience=self.patience,
        )

    def set_up(self) -> None:
        """Import data, agree, build and register the model."""
        agree(self.bureau, self.bank, self.data.catalogue())
        self.bureau.import_table(self.data)
        self.bank.build(self.data.scorecard())

    def restart_bureau(self) -> None:
        """Start a bureau on the files of the one that lost its power."""
        with self._restarting:
            if self.bureau.fuse.blown:
                self.bureau.close()
                self.bureau = self._make_bureau(None)
                self.restarts += 1

    def restart_bank(self) -> None:
        """Start a bank on the files of the present one and go on with its jobs."""
        self.bank.close()
        self.bank = self._make_bank(None)
        self.bank.runner.start()

    def register_all(self, **terms: Any) -> list[bytes]:
        """Sign and register a consent of every enterprise; returns the consents' ids."""
        signed = [self.signer.sign_with_id(code, **terms) for code in self.data.codes]
        states = self.bank.register([token for token, _ in signed])
        assert {state for state, _ in states} == {"registered"}, states
        return [consent_id for _, consent_id in signed]

    @property
    def expected(self) -> dict[str, int]:
        """The scores by the table alone."""
        return dict(zip(self.data.codes, self.data.scores().tolist(), strict=True))

    def close(self) -> None:
        """Stop both sides."""
        self.bank.close()
        self.bureau.close()


@pytest.fixture(scope="session")
def compute() -> Iterator[ComputePool]:
    """Two worker processes."""
    with ComputePool(2, 1024, 60) as pool:
        yield pool


@dataclass(frozen=True)
class Prepared:
    """A pair's files after :meth:`Pair.set_up`: tests continue copies of them."""

    folder: Path
    data: SyntheticData
    signer: Signer


@pytest.fixture(scope="session")
def prepared_pair(tmp_path_factory: pytest.TempPathFactory, compute: ComputePool) -> Prepared:
    """Bureau and bank with data and a registered model, stopped."""
    data = make(ROWS, 8, 31)
    signer = Signer(system_clock, data.field_ids)
    pair = Pair(tmp_path_factory.mktemp("pair"), data, signer, compute, system_clock)
    try:
        pair.set_up()
    finally:
        pair.close()
    return Prepared(pair.folder, data, signer)


class PairMaker(Protocol):
    """Makes pairs that are closed when the test ends."""

    def __call__(self, **options: Any) -> Pair: ...


@pytest.fixture
def make_pair(prepared_pair: Prepared, tmp_path: Path, compute: ComputePool) -> Iterator[PairMaker]:
    """Continue copies of the prepared pair; options are those of :class:`Pair`."""
    made: list[Pair] = []

    def making(**options: Any) -> Pair:
        folder = tmp_path / f"pair-{len(made)}"
        shutil.copytree(prepared_pair.folder, folder)
        own: dict[str, Any] = {"compute": compute, "clock": system_clock} | options
        made.append(Pair(folder, prepared_pair.data, prepared_pair.signer, **own))
        return made[-1]

    yield making
    for pair in made:
        pair.close()


@pytest.fixture
def pair(make_pair: PairMaker) -> Pair:
    """A pair with nothing special about it."""
    return make_pair()
