"""A bureau's exchanges bucket by bucket: which bucket, how often, what it costs, and what stays on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node.codes import Code
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bureau_vole import KEPT_FILES
from node.jobs.screening_calls import ExchangePlace, OpenedScreening, run_name
from node.policy.uscc import valid_code
from protocols.errors import PeerProtocolError
from protocols.psi.vole.buckets import BucketPlan
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import decode_message
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.randomness import SeededRandomness
from tests.support.policy import BANK
from tests.support.screening_lists import code_table, draft
from tests.unit.jobs.test_jobs_bureau_screening import CALLER, OPENING, PADDED, Bureau

LISTED, BUCKETS = 2_900, 2
ASKED = [*range(LISTED - 20, LISTED + 20)]
BUCKETED = replace(OPENING, list_version="2", buckets=BUCKETS)


@pytest.fixture
def bureau(tmp_path: Path, compute: ComputePool) -> Iterator[Bureau]:
    made = Bureau(tmp_path, compute)
    made.publisher.publish(draft("2"), code_table(tmp_path, LISTED))
    yield made
    made.database.dispose()


def exchange(
    bureau: Bureau,
    opened: OpenedScreening,
    bucket: int,
    attempt: int = 0,
    named: int | None = None,
    buckets: int = BUCKETS,
    careless: bool = False,
) -> list[int]:
    """Run one bucket as a bank does and return the numbers of the codes that matched.

    It may name another bucket than it works at, split into another number, or not look for which run the bureau speaks.
    """
    plan = BucketPlan(PADDED, opened.list_items, buckets, opened.bucket_key)
    items = pack(np.array([valid_code(number) for number in ASKED], dtype="S18"))
    mine = plan.assign(items) == bucket
    own_place = ExchangePlace(opened.session_id, bucket, attempt)
    parameters = plan.parameters(run_name(own_place))
    machine = VoleIntersectionReceiver(items[mine], parameters, SeededRandomness(bytes(32)))
    waiting = deque(message.encode() for message in machine.start())

    def speak() -> Iterator[bytes]:
        while waiting:
            yield waiting.popleft()

    place = replace(own_place, bucket=bucket if named is None else named)
    for data in bureau.exchange.vole(CALLER, place, speak()):
        message = decode_message(data)
        answers = machine.receive(replace(message, run=parameters.run) if careless else message)
        waiting.extend(answer.encode() for answer in answers)
    return [ASKED[place] for place in np.flatnonzero(mine)[machine.result()]]


def split_files(bureau: Bureau) -> list[str]:
    return sorted(path.name for path in bureau.publisher.store.folder.glob("*.items"))


def refused(bureau: Bureau, opened: OpenedScreening, bucket: int, **others: Any) -> Code:
    with pytest.raises(Refusal) as caught:
        exchange(bureau, opened, bucket, **others)
    return caught.value.code


def test_the_buckets_together_give_the_matches_and_each_leaves_its_part(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, BUCKETED)
    matched = sorted(number for bucket in (1, 0) for number in exchange(bureau, opened, bucket))
    assert matched == [number for number in ASKED if number < LISTED]
    assert [(step.step, step.codes) for step in bureau.journal.steps(opened.session_id)] == [
        (0, PADDED // BUCKETS),
        (1, PADDED // BUCKETS),
    ]
    assert bureau.used() == PADDED
    assert split_files(bureau) == [f"{opened.session_id.hex()}.items"]


def test_a_bucket_that_is_not_there_or_was_asked_for_already_is_refused(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, BUCKETED)
    assert refused(bureau, opened, 0, named=BUCKETS) is Code.MALFORMED
    exchange(bureau, opened, 0)
    assert refused(bureau, opened, 0) is Code.WRONG_STATE
    assert bureau.used() == PADDED
    exchange(bureau, opened, 0, attempt=1)
    assert bureau.used() == PADDED + PADDED // BUCKETS


def test_the_messages_of_one_bucket_do_not_pass_for_another_one(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, BUCKETED)
    with pytest.raises(PeerProtocolError):
        exchange(bureau, opened, 0, named=1)
    assert refused(bureau, opened, 0, attempt=1, named=1, careless=True) is Code.MALFORMED


def test_a_bank_that_splits_into_another_number_is_refused(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, BUCKETED)
    assert refused(bureau, opened, 0, buckets=1, careless=True) is Code.MALFORMED
    for buckets in (0, 4, 4096):
        with pytest.raises(Refusal) as at_opening:
            bureau.calls.open(CALLER, replace(BUCKETED, job_id=b"o" * 16, buckets=buckets))
        assert at_opening.value.code is Code.INVALID_INPUT
    with pytest.raises(Refusal) as changed:
        bureau.calls.open(CALLER, replace(BUCKETED, buckets=1))
    assert changed.value.code is Code.IDEMPOTENCY_CONFLICT


def test_a_split_list_is_gone_with_a_start_and_made_again_when_it_is_needed(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, BUCKETED)
    first = exchange(bureau, opened, 0)
    torn = bureau.publisher.store.folder / ".abc.items.new"
    torn.write_bytes(b"torn by a power cut")
    bureau.publisher.store.clean()
    assert split_files(bureau) == []
    assert not torn.exists()
    assert sorted(first + exchange(bureau, opened, 1)) == [number for number in ASKED if number < LISTED]
    assert len(split_files(bureau)) == 1


def test_only_so_many_split_lists_are_kept(bureau: Bureau) -> None:
    folder = bureau.publisher.store.folder
    for number in range(KEPT_FILES + 3):
        (folder / f"{number:032x}.items").write_bytes(b"")
    opened = bureau.calls.open(CALLER, BUCKETED)
    exchange(bureau, opened, 0)
    assert len(split_files(bureau)) == KEPT_FILES
    assert f"{opened.session_id.hex()}.items" in split_files(bureau)


def test_a_withdrawn_list_is_not_split(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, BUCKETED)
    bureau.publisher.lists.withdraw(BUCKETED.list_name, "2", "an error")
    assert refused(bureau, opened, 0) is Code.WRONG_STATE
    assert split_files(bureau) == []
    assert bureau.journal.get(BANK, opened.session_id).buckets == BUCKETS
