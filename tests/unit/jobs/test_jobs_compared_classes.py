"""A bureau whose lists have loan classes: what it refuses, and a bank that cheats with it until an audit."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node.certification.opened_set import audit_opened_set
from node.codes import Code, Purpose, ScreeningMode, ScreeningProtocol
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bureau_lists import ListDraft
from node.jobs.screening_calls import ExchangePlace, OpenedScreening, ScreeningOpening, table_size, terms_of
from node.jobs.screening_classes import client
from node.jobs.screening_exchange import Exchanged, converse, pack_messages
from node.jobs.screening_link import Opened
from node.policy import documents
from node.policy.loan_classes import LOAN_LIST_KIND
from node.policy.screening_record import RECORD_KIND, ScreeningRecord, size_class
from protocols.primitives.ristretto import Point
from protocols.psi.classes.entries import Loans, loans_of
from protocols.psi.classes.messages import MAXIMUM_LOANS, decode_message
from protocols.psi.commitment import CommittedInput
from protocols.psi.job import JobContext, JobSeed
from protocols.psi.oprf_job import batch_client
from protocols.psi.tags import TagSet, tag
from protocols.psi.transcript import evaluated_digest, messages_digest, part_digest, transcript_digest
from protocols.psi.verifiable_messages import EvaluatedElements
from tests.support.loans import confusion, loans, some
from tests.support.policy import BANK, BUREAU, party_key
from tests.support.screening_lists import table
from tests.unit.jobs.test_jobs_bureau_screening import CALLER, OPENING, Bureau

NAME = "loan-classes"
HELD = {"SECRET": 4, **some(10)}
WORDS = ("正常", "关注", "次级", "可疑", "损失")
SEED = bytes(range(32))


@pytest.fixture
def bureau(tmp_path: Path, compute: ComputePool) -> Iterator[Bureau]:
    made = Bureau(tmp_path, compute)
    rows = [(loan, WORDS[level - 1]) for loan, level in HELD.items()]
    made.publisher.publish(ListDraft(NAME, "1", LOAN_LIST_KIND), table(tmp_path, rows, "loan_id,loan_class"))
    yield made
    made.database.dispose()


def opening(entries: Sequence[bytes]) -> tuple[ScreeningOpening, CommittedInput]:
    """Return what a bank opens for entries, and its commitment to them."""
    context = JobContext(b"j" * 16, BANK, BUREAU, NAME, "1", "oprf", "classes", Purpose.PORTFOLIO_SCREENING)
    committed = CommittedInput(context, JobSeed(SEED), entries)
    return (
        ScreeningOpening(
            context.job_id,
            NAME,
            "1",
            ScreeningMode.CLASSES,
            ScreeningProtocol.OPRF,
            Purpose.PORTFOLIO_SCREENING,
            committed.padded,
            committed.root,
        ),
        committed,
    )


class _Talk:
    """One conversation with the bureau's machine, without a line between them."""

    def __init__(self, bureau: Bureau, place: ExchangePlace) -> None:
        self._bureau, self._place = bureau, place
        self._answers: Iterator[bytes] = iter(())

    def send(self, message: bytes) -> None:
        self._answers = self._bureau.exchange.table(CALLER, self._place, [message])

    def receive(self) -> bytes:
        return next(self._answers)

    @property
    def traffic(self) -> tuple[int, int]:
        return 0, 0


def compare(bureau: Bureau, opened: OpenedScreening, known: Loans, padded: int, part: int = 1) -> Exchanged:
    """Hold the conversation of a confusion table for these loans."""
    machine = client(known, padded, JobSeed(SEED), 0)
    return converse(machine, decode_message, _Talk(bureau, ExchangePlace(opened.session_id, part, 0)))


def find(bureau: Bureau, opened: OpenedScreening, committed: CommittedInput) -> tuple[set[bytes], bytes, bytes]:
    """Ask for the one batch of a job; return what matched and the digests of both sides' messages."""
    assert opened.epoch is not None
    machine = batch_client(committed, 0, Point(opened.epoch.public_key))
    (blinded,) = machine.start()
    evaluated, proof = bureau.calls.evaluate(CALLER, opened.session_id, 0, blinded.encode())
    machine.receive(EvaluatedElements(evaluated, proof))
    tags = TagSet.from_bytes(b"".join(bureau.calls.tags(CALLER, opened.session_id, 0, 0)))
    held = tags.contains(list(map(tag, machine.result())))
    matched = {data for data, found in zip(committed.inputs(0, committed.padded), held, strict=True) if found}
    return matched, messages_digest([blinded.encode()]), evaluated_digest(evaluated, proof)


def close(bureau: Bureau, opened: OpenedScreening, committed: CommittedInput, parts: dict[int, bytes]) -> bytes:
    """Return the record of a job under both signatures: the bureau signs what equals its own digest alone."""
    assert opened.epoch is not None
    digest = transcript_digest(
        committed.context,
        root=committed.root,
        padded=committed.padded,
        session_id=opened.session_id,
        terms=terms_of(opened.epoch, labelled=False),
        parts=parts,
        count=len(parts),
    )
    record = ScreeningRecord(
        job_id=committed.context.job_id.hex(),
        session_id=opened.session_id.hex(),
        bank=BANK,
        bureau=BUREAU,
        agreement_id=opened.agreement_id,
        list_name=NAME,
        list_version="1",
        list_digest=bureau.publisher.store.get(NAME, "1").digest.hex(),
        mode=ScreeningMode.CLASSES,
        protocol=ScreeningProtocol.OPRF,
        purpose=Purpose.PORTFOLIO_SCREENING,
        padded_codes=committed.padded,
        size_class=size_class(committed.padded),
        list_items=opened.list_items,
        commitment=committed.root.hex(),
        transcript_digest=digest.hex(),
        opened_at=datetime.fromtimestamp(opened.opened_at_ms / 1000, UTC),
    )
    own = documents.sign(RECORD_KIND, record.to_body(), party_key(BANK), BANK)
    return bureau.closing.close(CALLER, opened.session_id, own.encode(), cancelled=False)


def run(bureau: Bureau, folder: Path, entries: list[bytes], known: Loans) -> tuple[set[bytes], Exchanged, Path]:
    """Run a whole job over ``entries``, with a table over ``known``; return matches, table and opened set."""
    asked, committed = opening(entries)
    opened = bureau.calls.open(CALLER, asked)
    matched, blinded, evaluated = find(bureau, opened, committed)
    given = compare(bureau, opened, known, committed.padded)
    parts = {0: part_digest(0, blinded, evaluated), 1: part_digest(1, given.bank, given.bureau)}
    record = close(bureau, opened, committed, parts)
    names = ("session_id", "list_items", "agreement_id", "opened_at_ms", "bucket_key")
    said: dict[str, Any] = {name: getattr(opened, name) for name in names}
    file = folder / "opened"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("record.json", record)
        archive.writestr("opened.json", Opened(**said, buckets=0, list_digest="", epoch=opened.epoch).encode())
        archive.writestr("seed", SEED)
        archive.writestr("codes", np.array(entries, dtype="S18").tobytes())
        archive.writestr("parts", evaluated)
        archive.writestr("bureau/table", bytes(4) + given.bank + given.bureau + pack_messages(given.messages))
    return matched, given, file


def audit(file: Path) -> Any:
    return asdict(audit_opened_set(file, lambda party, _role: party_key(party).verify_key))


def test_an_honest_comparison_is_audited(bureau: Bureau, tmp_path: Path) -> None:
    bank = loans({"SECRET": 1, **some(6, step=3)})
    matched, given, file = run(bureau, tmp_path, bank.entries().tolist(), bank)
    assert b"0SECRET" in matched
    assert b"1SECRET" not in matched
    assert (given.result == confusion({"SECRET": 1, **some(6, step=3)}, HELD)).all()
    assert audit(file)["codes"] == 7


def test_a_bank_that_asks_for_all_five_classes_of_a_loan_is_found_by_the_audit(bureau: Bureau, tmp_path: Path) -> None:
    """It finds the bureau's class: nothing on the line tells. Its commitment does, when the set is opened."""
    honest = loans({"SECRET": 1, **some(6)})
    entries = [*honest.entries().tolist(), *(b"%dSECRET" % level for level in range(2, 6))]
    matched, _, file = run(bureau, tmp_path, entries, honest)
    assert b"4SECRET" in matched, "the bank cheated in vain"
    with pytest.raises(Refusal) as caught:
        audit(file)
    assert (caught.value.code, caught.value.detail) == (
        Code.RESULT_REJECTED,
        "a loan does not stand with exactly one class",
    )


def test_a_bank_that_opens_less_than_it_asked_for_is_found_too(bureau: Bureau, tmp_path: Path) -> None:
    honest = loans({"SECRET": 1, **some(6)})
    _, _, file = run(bureau, tmp_path, [*honest.entries().tolist(), b"4SECRET"], honest)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part if name != "codes" else part[:-18])
    with pytest.raises(Refusal, match="not the committed one"):
        audit(file)


def test_a_table_over_other_classes_than_committed_is_found(bureau: Bureau, tmp_path: Path) -> None:
    honest = loans({"SECRET": 1, **some(6)})
    other = loans({"SECRET": 2, **some(6)})
    _, _, file = run(bureau, tmp_path, honest.entries().tolist(), other)
    with pytest.raises(Refusal, match="do not give the transcript"):
        audit(file)


# ---- what the bureau refuses


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mode": ScreeningMode.CODES}, Code.INVALID_INPUT),
        ({"mode": ScreeningMode.COUNT, "protocol": ScreeningProtocol.CARDINALITY}, Code.INVALID_INPUT),
        ({"protocol": ScreeningProtocol.CARDINALITY}, Code.INVALID_INPUT),
        ({"purpose": Purpose.CLASS_CONSISTENCY}, Code.AGREEMENT_INACTIVE),
        ({"padded_codes": 2 * MAXIMUM_LOANS + 1}, Code.BOUND_EXCEEDED),
        ({"list_name": OPENING.list_name}, Code.INVALID_INPUT),
    ],
    ids=str,
)
def test_an_opening_that_cannot_be(bureau: Bureau, changes: dict[str, Any], code: Code) -> None:
    asked, _ = opening(loans(some(3)).entries().tolist())
    with pytest.raises(Refusal) as caught:
        bureau.calls.open(CALLER, replace(asked, **changes))
    assert caught.value.code is code
    assert bureau.used() == 0


def test_a_table_at_another_place_again_or_for_another_screening(bureau: Bureau) -> None:
    bank = loans(some(3))
    asked, committed = opening(bank.entries().tolist())
    opened = bureau.calls.open(CALLER, asked)
    for part in (0, 2):
        with pytest.raises(Refusal) as caught:
            compare(bureau, opened, bank, committed.padded, part)
        assert caught.value.code is Code.MALFORMED
    compare(bureau, opened, bank, committed.padded)
    with pytest.raises(Refusal) as again:
        compare(bureau, opened, bank, committed.padded)
    assert again.value.code is Code.WRONG_STATE
    plain = bureau.calls.open(CALLER, replace(OPENING, job_id=b"k" * 16))
    with pytest.raises(Refusal) as other:
        compare(bureau, plain, bank, committed.padded)
    assert (other.value.code, other.value.detail) == (Code.WRONG_STATE, "the screening does not compare classes")


def test_a_table_of_more_loans_than_were_opened(bureau: Bureau) -> None:
    bank = loans(some(3))
    asked, committed = opening(bank.entries().tolist())
    opened = bureau.calls.open(CALLER, asked)
    assert table_size(committed.padded) == 32
    with pytest.raises(Refusal) as caught:
        compare(bureau, opened, bank, 2 * committed.padded)
    assert caught.value.code is Code.MALFORMED


def test_a_further_table_is_charged_anew(bureau: Bureau) -> None:
    bank = loans(some(3))
    asked, committed = opening(bank.entries().tolist())
    opened = bureau.calls.open(CALLER, asked)
    for attempt in range(2):
        (blinded,) = client(bank, committed.padded, JobSeed(SEED), attempt).start()
        place = ExchangePlace(opened.session_id, 1, attempt)
        assert len(list(bureau.exchange.table(CALLER, place, [blinded.encode()]))) == 2
        assert bureau.used() == (attempt + 1) * committed.padded


def test_a_comparison_without_its_table_is_not_closed(bureau: Bureau) -> None:
    bank = loans(some(3))
    asked, committed = opening(bank.entries().tolist())
    opened = bureau.calls.open(CALLER, asked)
    _, blinded, evaluated = find(bureau, opened, committed)
    with pytest.raises(Refusal) as caught:
        close(bureau, opened, committed, {0: part_digest(0, blinded, evaluated)})
    assert caught.value.code is Code.WRONG_STATE


# ---- publishing


def test_a_list_of_loans_counts_once_and_rejects_what_is_in_conflict(bureau: Bureau, tmp_path: Path) -> None:
    rows = [("a-1", "正常"), ("A-1", "normal"), ("B", "Loss"), ("B", "doubtful"), ("C D", "loss"), ("E", "so-so")]
    stored = bureau.publisher.publish(ListDraft(NAME, "2", LOAN_LIST_KIND), table(tmp_path, rows, "借据号,五级分类"))
    content = bureau.publisher.lists.content(stored)
    assert content.codes.tolist() == [b"0A-1", b"1A-1"]
    assert loans_of(content.codes.tolist()).ids.tolist() == [b"A-1"]


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"label_columns": ("loan_class",)}, "loan_id,loan_class"),
        ({"kind": "abnormal", "class_column": "loan_class"}, "loan_id,loan_class"),
        ({}, "loan_id,level"),
        ({}, "uscc,loan_class"),
        ({"class_column": "other"}, "loan_id,loan_class"),
    ],
    ids=str,
)
def test_columns_that_do_not_fit(bureau: Bureau, tmp_path: Path, changes: dict[str, Any], header: str) -> None:
    wanted = replace(ListDraft(NAME, "2", LOAN_LIST_KIND), **changes)
    with pytest.raises(Refusal) as caught:
        bureau.publisher.publish(wanted, table(tmp_path, [("A", "loss")], header))
    assert caught.value.code is Code.INVALID_INPUT
    assert json.dumps([each.version for each in bureau.publisher.store.list() if each.name == NAME]) == '["1"]'
