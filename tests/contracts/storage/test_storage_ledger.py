"""The extraction ledger on both databases: what is debited, refused and free, under many threads as alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import event, func, select

from node.jobs.bureau_admissions import Certificate, Together
from node.jobs.bureau_ledger import DAY_MS, ExtractionLedger, LedgerTerms
from node.policy.uscc import valid_code
from node.storage.database import Database
from node.storage.ledger import Ledger
from node.storage.schema import extraction_ledger
from tests.contracts.storage.test_storage_lock_order import at_once

NOW, TERM = 1_800_000_000_000, 365 * DAY_MS
BANK, OTHER, THIRD = "bank-a", "bank-b", "bank-c"
CODE = valid_code(1)


def model(number: int) -> bytes:
    return number.to_bytes(32, "big")


def together(*numbers: int, bits: int = 12_000) -> Together:
    return Together(frozenset(map(model, numbers)), bits)


def terms(number: int, *allowed: Together, bank: str = BANK, bits: int = 10_000) -> LedgerTerms:
    return LedgerTerms(bank, Certificate(model(number), bits, allowed), 3, 24_000, TERM)


@pytest.fixture
def ledger(database: Database) -> ExtractionLedger:
    return ExtractionLedger(Ledger(database), alert_models=2, alert_days=365)


Use = Callable[..., list[str]]


@pytest.fixture
def use(database: Database, ledger: ExtractionLedger) -> Use:
    """Use a model on enterprises as a release does; returns those that are refused."""

    def using(wanted: LedgerTerms, codes: Iterable[str] = (CODE,), now: int = NOW) -> list[str]:
        asked = list(codes)
        with database.read() as conn:
            foreseen = ledger.first_look(conn, wanted, asked, now)
        with database.write() as conn:
            judgement = ledger.judge(conn, wanted, [code for code in asked if code not in foreseen.settled], now)
            ledger.debit(conn, wanted, judgement, set(asked) - judgement.refused, now)
        assert foreseen.refused <= judgement.refused
        return sorted(judgement.refused)

    return using


def debits(database: Database, bank: str = BANK) -> dict[int, int]:
    """Bits by model of one enterprise."""
    entries = Ledger(database).entries(CODE, bank)
    return {int.from_bytes(each.model_id, "big"): each.milli_bits for each in entries}


def test_a_model_is_debited_once_and_then_free(database: Database, use: Use) -> None:
    assert use(terms(1)) == use(terms(1)) == use(terms(1), now=NOW + TERM - 1) == []
    assert debits(database) == {1: 10_000}
    assert use(terms(1), codes=[CODE, valid_code(2)]) == []
    assert [each.uscc for each in Ledger(database).entries(valid_code(2))] == [valid_code(2)]


def test_a_second_model_needs_an_admission_that_names_both(database: Database, use: Use) -> None:
    assert use(terms(1)) == []
    assert use(terms(2)) == [CODE]
    assert use(terms(2, together(2, 3))) == [CODE]
    assert debits(database) == {1: 10_000}, "what is refused debits nothing"
    assert use(terms(2, together(1, 2))) == []
    assert debits(database) == {1: 10_000, 2: 10_000}
    assert use(terms(1)) == [], "what was debited stays free"


def test_a_part_of_a_named_combination_is_allowed_and_more_is_not(use: Use) -> None:
    wide = together(1, 2, 3, bits=15_000)
    assert use(terms(1)) == use(terms(3, wide)) == []
    assert use(terms(4, together(1, 4))) == [CODE], "1, 3 and 4 are named nowhere together"
    assert use(terms(2, wide)) == []


def test_a_fourth_model_passes_the_number(use: Use) -> None:
    wide = together(1, 2, 3, 4, bits=13_000)
    assert [use(terms(number, wide)) for number in (1, 2, 3, 4)] == [[], [], [], [CODE]]
    assert use(replace(terms(4, wide), maximum_models=4)) == []


def test_bits_are_the_joint_ones_or_the_sum_where_that_is_less(use: Use) -> None:
    assert use(replace(terms(9), maximum_milli_bits=9_999), codes=[valid_code(9)]) == [valid_code(9)]
    assert use(terms(1)) == []
    assert use(replace(terms(2, together(1, 2, bits=24_001)), maximum_milli_bits=19_999)) == [CODE]
    assert use(replace(terms(2, together(1, 2, bits=24_001)), maximum_milli_bits=20_000)) == []
    assert use(replace(terms(3, together(1, 2, 3, bits=24_001)))) == [CODE]
    assert use(replace(terms(3, together(1, 2, 3, bits=24_000)))) == []


def test_a_term_ends_after_the_last_use(database: Database, use: Use) -> None:
    assert use(terms(1)) == []
    assert use(terms(1), now=NOW + DAY_MS) == [], "used again a day later, which is written down"
    assert use(terms(2), now=NOW + TERM) == [CODE]
    assert use(terms(2), now=NOW + DAY_MS + TERM) == []
    assert use(terms(1), now=NOW + DAY_MS + TERM) == [CODE], "now the other one counts"
    assert debits(database) == {1: 10_000, 2: 10_000}


def test_a_debit_begins_anew_after_its_term(database: Database, use: Use) -> None:
    assert use(terms(1)) == use(terms(1, bits=11_000), now=NOW + TERM) == []
    (entry,) = Ledger(database).entries(CODE)
    assert (entry.debited_at, entry.used_at, entry.milli_bits) == (NOW + TERM, NOW + TERM, 11_000)


def test_banks_do_not_limit_each_other_but_raise_an_alert(
    database: Database, use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    both = together(1, 2)
    assert use(terms(1, both)) == use(terms(2, both)) == []
    assert use(terms(7, bank=OTHER), codes=[valid_code(5)]) == []
    assert Ledger(database).alerts(NOW - TERM, 2, 10) == []
    assert use(terms(8, bank=OTHER)) == []
    (alert,) = Ledger(database).alerts(NOW - TERM, 2, 10)
    assert (alert.uscc, alert.banks, alert.models) == (CODE, 2, 3)
    assert Ledger(database).alerts(NOW - TERM, 3, 10) == []
    assert debits(database, OTHER) == {8: 10_000}


def test_one_bank_alone_raises_no_alert(database: Database, use: Use) -> None:
    wide = together(1, 2, 3)
    assert [use(terms(number, wide)) for number in (1, 2, 3)] == [[], [], []]
    assert Ledger(database).alerts(NOW - TERM, 2, 10) == []


def test_what_a_judgement_allowed_and_nobody_released_is_not_debited(
    database: Database, ledger: ExtractionLedger
) -> None:
    with database.write() as conn:
        judgement = ledger.judge(conn, terms(1), [CODE, valid_code(2)], NOW)
        ledger.debit(conn, terms(1), judgement, [valid_code(2)], NOW)
    assert debits(database) == {}


def test_a_transaction_that_fails_debits_nothing(database: Database, ledger: ExtractionLedger) -> None:
    def failing() -> None:
        with database.write() as conn:
            ledger.debit(conn, terms(1), ledger.judge(conn, terms(1), [CODE], NOW), [CODE], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert debits(database) == {}


def test_a_hundred_models_at_once_on_one_enterprise_and_one_is_used(database: Database, use: Use) -> None:
    ready = threading.Barrier(20)

    def wanting(number: int) -> list[str]:
        if number < 20:
            ready.wait(60)
        return use(terms(number))

    with ThreadPoolExecutor(20) as threads:
        refused = list(threads.map(wanting, range(100)))
    assert sorted(map(len, refused)) == [0] + [1] * 99
    assert len(debits(database)) == 1


def test_a_hundred_jobs_of_one_model_at_once_debit_it_once(database: Database, use: Use) -> None:
    with ThreadPoolExecutor(20) as threads:
        refused = list(threads.map(lambda _: use(terms(1)), range(100)))
    assert refused == [[]] * 100
    assert debits(database) == {1: 10_000}


def test_jobs_of_two_models_over_the_same_enterprises_in_other_orders(database: Database, use: Use) -> None:
    """Both are named together: the question is whether the database has to end one of them."""
    both = together(1, 2)
    number = count()

    def write(rows: list[int]) -> None:
        use(terms(1 + next(number) % 2, both), codes=[valid_code(row) for row in rows])

    at_once(write)


def test_uses_that_are_written_down_anew_in_other_orders(database: Database, use: Use) -> None:
    days = count()
    codes = [valid_code(row) for row in range(400)]
    assert use(terms(1), codes) == []
    with ThreadPoolExecutor(4) as threads:
        orders = [codes, codes[::-1]] * 8
        assert not any(threads.map(lambda order: use(terms(1), order, now=NOW + 2 * DAY_MS * next(days)), orders))


def test_a_whole_chunk_in_a_few_statements(database: Database, ledger: ExtractionLedger, use: Use) -> None:
    codes = [valid_code(number) for number in range(8190)]
    statements: list[str] = []
    assert use(terms(1, together(1, 2)), codes) == []
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(extraction_ledger)).scalar_one() == 8190
    postgresql = database.engine.dialect.name == "postgresql"
    slices = 1 if postgresql else 10  # of 900 keys each
    with database.read() as conn:
        event.listen(conn.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        assert ledger.first_look(conn, terms(1), codes, NOW).settled == set(codes)
    assert sum("extraction" in each for each in statements) == slices, "an earlier use costs one question"
    assert use(terms(2, together(1, 2)), codes) == []
    assert use(terms(3), codes) == sorted(codes)
