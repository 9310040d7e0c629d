"""Frequencies as a bureau issues them: real feature set, real workers, real database; who may ask, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node.clock import system_clock
from node.codes import Code, Role
from node.compute import ComputePool
from node.demo.synthetic import SyntheticData, make
from node.demo.trial import card_of
from node.errors import Refusal
from node.jobs.bureau_frequencies import BureauFrequencies, Step
from node.policy import card as card_policy
from node.policy.agreement import Certification
from node.policy.card import PartyCard
from node.policy.enterprise import EnterpriseAuthority
from node.policy.frequencies import check_against, parse
from node.storage.frequencies import FrequenciesStore, StoredFrequencies
from tests.support.pair import agree
from tests.support.policy import party_key
from tests.support.sides import BANK, BUREAU, RANDOMNESS, BankSide, BureauSide, Wire, party_card
from tests.support.trial import ReadyTrial

AUDITOR = "auditor-1"
ROWS = 300


def auditor_card(party: str = AUDITOR) -> PartyCard:
    card = party_card(party, Role.BUREAU)
    return card.model_copy(update={"role": Role.AUDITOR, "endpoint": "", "encryption_key": "5a" * 32})


class Bureau:
    """A bureau with tax data and an agreement that names an auditor."""

    def __init__(self, folder: Path, compute: ComputePool, **certification: Any) -> None:
        self.data: SyntheticData = make(ROWS, 8, seed=3)
        authority = EnterpriseAuthority.create("Test authority", RANDOMNESS, system_clock())
        self.side = BureauSide(folder / "bureau", authority, compute, system_clock)
        wire = Wire(party_card(BANK, Role.BANK), lambda: self.side)
        self.bank = BankSide(folder / "bank", BANK, wire, compute, system_clock)
        self.trust(auditor_card())
        terms = Certification(**certification)
        agree(self.side, self.bank, self.data.catalogue(), auditors=(AUDITOR,), certification=terms)
        self.side.import_table(self.data)
        self.store = FrequenciesStore(self.side.database)
        self.frequencies = BureauFrequencies(
            self.store, self.side.documents, self.side.features, compute, party_key(BUREAU), system_clock
        )

    def trust(self, card: PartyCard) -> None:
        self.side.documents.trust(card.sign(party_key(card.party_id)).encode())

    def issue(self, auditor: str = AUDITOR, feature_set: str = "") -> tuple[list[Step], StoredFrequencies]:
        steps, seen = self.frequencies.issue(auditor, feature_set), []
        while True:
            try:
                seen.append(next(steps))
            except StopIteration as finished:
                return seen, finished.value

    def close(self) -> None:
        self.side.close()
        self.bank.close()


def agree_again(bureau: Bureau, auditor: str, **changes: Any) -> None:
    """Sign one more agreement between the same two."""
    agree(bureau.side, bureau.bank, bureau.data.catalogue(), agreement_id="second", auditors=(auditor,), **changes)


@pytest.fixture
def bureau(tmp_path: Path, compute: ComputePool) -> Iterator[Bureau]:
    made = Bureau(tmp_path, compute)
    yield made
    made.close()


def test_what_is_issued_is_signed_counted_and_on_the_grid(bureau: Bureau) -> None:
    steps, issued = bureau.issue()
    assert steps[0] == Step(0, steps[-1].total)
    assert steps[-1].done == steps[-1].total
    frequencies = parse(issued.document, bureau.side.card.verify_key)
    check_against(frequencies, bureau.side.documents.catalogue("synthetic"))
    (stored,) = bureau.side.features.list()
    assert (frequencies.feature_set, frequencies.rows, frequencies.as_of) == (stored.feature_set, ROWS, "2026-03-31")
    for place, field in enumerate(frequencies.fields):
        values = bureau.data.values[:, place]
        assert field.cells[0].missing
        for cell in field.cells[1:]:
            inside = (values >= int(cell.low or 0)) & (values < int(cell.high or 10_000))
            assert cell.count == int(np.count_nonzero(inside)) >= 20


def test_every_answer_is_the_same_to_the_byte(bureau: Bureau) -> None:
    other = "auditor-2"
    bureau.trust(auditor_card(other))
    agree_again(bureau, other)
    _, first = bureau.issue()
    steps, second = bureau.issue(other, first.feature_set)
    assert steps == []
    assert second == first


def test_two_who_ask_at_once_are_given_one_document(bureau: Bureau) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: bureau.issue()[1], range(2))
    assert first == second


def test_a_newer_set_is_taken_and_an_older_one_can_be_named(bureau: Bureau) -> None:
    _, old = bureau.issue()
    bureau.data.values[:, 0] = np.roll(bureau.data.values[:, 0], 1)
    bureau.side.import_table(bureau.data)
    _, new = bureau.issue()
    assert new.feature_set != old.feature_set
    assert bureau.issue(feature_set=old.feature_set)[1] == old
    bureau.side.features.drop(old.feature_set, system_clock())
    assert bureau.issue(feature_set=old.feature_set)[1] == old, "what was counted is not counted again"


@pytest.mark.parametrize(("changed", "allowed"), [(0, True), (1, False), (19, False), (20, True)])
def test_a_set_that_differs_in_few_enterprises_is_not_counted_beside_the_other(
    bureau: Bureau, changed: int, allowed: bool
) -> None:
    _, first = bureau.issue()
    values = bureau.data.values
    values[:changed, 0] = np.where(values[:changed, 0] == 500, 501, 500)
    bureau.side.import_table(bureau.data)
    if allowed:
        assert bureau.issue()[1].feature_set != first.feature_set
        return
    with pytest.raises(Refusal, match=f"differs from {first.feature_set}") as caught:
        bureau.issue()
    assert caught.value.code is Code.WRONG_STATE


def test_the_day_has_an_end(tmp_path: Path, compute: ComputePool) -> None:
    bureau = Bureau(tmp_path, compute, frequencies_per_day=2)
    for _ in range(2):
        bureau.issue()
    with pytest.raises(Refusal, match="2 frequencies a day") as caught:
        bureau.issue()
    assert caught.value.code is Code.QUOTA_EXCEEDED
    bureau.close()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"auditor": "auditor-9"}, Code.PEER_UNTRUSTED),
        ({"auditor": BANK}, Code.WRONG_ROLE),
        ({"feature_set": "2026-03-31-000000000000"}, Code.NOT_FOUND),
    ],
)
def test_who_and_what_is_unknown_is_refused_and_costs_nothing(
    bureau: Bureau, asked: dict[str, str], code: Code
) -> None:
    with pytest.raises(Refusal) as caught:
        bureau.issue(**asked)
    assert caught.value.code is code
    bureau.issue()


def test_an_auditor_that_no_agreement_names_is_refused(bureau: Bureau) -> None:
    bureau.trust(auditor_card("auditor-2"))
    with pytest.raises(Refusal) as caught:
        bureau.issue("auditor-2")
    assert caught.value.code is Code.AGREEMENT_INACTIVE


def test_an_agreement_that_has_ended_names_nobody(bureau: Bureau, compute: ComputePool) -> None:
    later = BureauFrequencies(
        bureau.store,
        bureau.side.documents,
        bureau.side.features,
        compute,
        party_key(BUREAU),
        lambda: system_clock() + 400 * 86_400_000,
    )
    with pytest.raises(Refusal) as caught:
        next(later.issue(AUDITOR))
    assert caught.value.code is Code.AGREEMENT_INACTIVE


def test_a_suspended_auditor_is_refused(bureau: Bureau) -> None:
    bureau.side.documents.suspend(AUDITOR, resume=False)
    with pytest.raises(Refusal, match="suspended"):
        bureau.issue()


def test_nineteen_enterprises_are_too_few(bureau: Bureau) -> None:
    small = make(19, 8, seed=3)
    bureau.side.import_table(small)
    with pytest.raises(Refusal, match="fewer than 20") as caught:
        bureau.issue()
    assert caught.value.code is Code.WRONG_STATE


def test_thresholds_that_no_model_can_meet_are_not_signed(bureau: Bureau) -> None:
    with pytest.raises(Refusal, match="max_models_per_enterprise"):
        agree_again(bureau, AUDITOR, certification=Certification(max_models_per_enterprise=0))


def test_two_real_processes_give_them_over_the_control_api(ready_trial: ReadyTrial) -> None:
    first, second = ready_trial.trial.frequencies(), ready_trial.trial.frequencies()
    assert first == second
    card = card_policy.parse(card_of(ready_trial.bureau.directory))
    frequencies = parse(first, card.verify_key)
    assert (frequencies.bureau, frequencies.rows) == (card.party_id, len(ready_trial.data.codes))
