"""The extraction ledger: which models a bank used on an enterprise, whatever the feature set.

Locks are taken in one order: a job's row, then its consents by their ids (:mod:`node.storage.consents`), then the
accounts of enterprises by their codes. An account's row stands for one enterprise and bank: who holds it, alone reads
and writes that enterprise's debits of that bank, so that two jobs never judge the same state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from node.storage.database import Database, SelectIn, upsert
from node.storage.schema import bureau_models, extraction_accounts, extraction_ledger


class Debit(NamedTuple):
    """One model that a bank used on an enterprise. ``used_at``: the last use, Unix milliseconds."""

    uscc: str
    bank: str
    model_id: bytes
    milli_bits: int
    used_at: int


@dataclass(frozen=True)
class LedgerEntry:
    """A debit as it is listed, with the model's name and version where it is registered still."""

    uscc: str
    bank: str
    model_id: bytes
    milli_bits: int
    debited_at: int
    used_at: int
    name: str
    version: str


@dataclass(frozen=True)
class LedgerAlert:
    """An enterprise on which several banks together used many models; ``latest_at``: the last use of one of them."""

    uscc: str
    banks: int
    models: int
    latest_at: int


_L = extraction_ledger.c
_USED = SelectIn(
    select(_L.uscc, _L.used_at).where(
        _L.bank == bindparam("by"), _L.model_id == bindparam("model"), _L.used_at > bindparam("since")
    ),
    _L.uscc,
)
_DEBITS = SelectIn(
    select(_L.uscc, _L.bank, _L.model_id, _L.milli_bits, _L.used_at).where(_L.used_at > bindparam("since")), _L.uscc
)
_RENEWED = ["used_at"]
_DEBITED = ["milli_bits", "debited_at", "used_at"]


class Ledger:
    """The tables of accounts and debits. Functions that take a connection belong into the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def used(self, conn: Connection, bank: str, model_id: bytes, codes: Collection[str], since: int) -> dict[str, int]:
        """Return those of ``codes`` that the model was used on after ``since``, with the last use."""
        return dict(_USED(conn, codes, by=bank, model=model_id, since=since))

    def hold(self, conn: Connection, bank: str, codes: Iterable[str], now: int) -> None:
        """Until the transaction ends nobody else changes these enterprises' debits of ``bank``.

        Writing an account locks it, whether it stood there or not; a row that does not exist cannot be locked
        otherwise. In the order of the codes. Costs nothing on SQLite, where a writing transaction is alone already.
        """
        if conn.dialect.name != "sqlite":
            rows = [{"uscc": code, "bank": bank, "changed_at": now} for code in sorted(codes)]
            upsert(conn, extraction_accounts, rows, ["changed_at"])

    def debits(self, conn: Connection, codes: Collection[str], since: int) -> Iterator[Debit]:
        """Yield what all banks used on ``codes`` after ``since``. Call :meth:`hold` first where it decides."""
        for uscc, bank, model_id, milli_bits, used_at in _DEBITS(conn, codes, since=since):
            yield Debit(uscc, bank, bytes(model_id), milli_bits, used_at)

    def debit(
        self, conn: Connection, bank: str, model_id: bytes, milli_bits: int, codes: Iterable[str], now: int
    ) -> None:
        """Debit a model to enterprises; a debit whose term is over begins anew."""
        upsert(conn, extraction_ledger, _rows(bank, model_id, milli_bits, codes, now), _DEBITED)

    def renew(
        self, conn: Connection, bank: str, model_id: bytes, milli_bits: int, codes: Iterable[str], now: int
    ) -> None:
        """Write down that a model was used again on enterprises that it is debited to."""
        upsert(conn, extraction_ledger, _rows(bank, model_id, milli_bits, codes, now), _RENEWED)

    def entries(self, uscc: str, bank: str = "") -> list[LedgerEntry]:
        """Return everything that was ever debited to an enterprise, of one bank or of all, the last use first."""
        query = (
            select(extraction_ledger, bureau_models.c.name, bureau_models.c.version)
            .select_from(extraction_ledger.outerjoin(bureau_models, bureau_models.c.model_id == _L.model_id))
            .where(_L.uscc == uscc)
            .order_by(_L.used_at.desc(), _L.bank, _L.model_id)
        )
        if bank:
            query = query.where(_L.bank == bank)
        with self._database.read() as conn:
            return [_entry(row._mapping) for row in conn.execute(query)]

    def alerts(self, since: int, models: int, limit: int) -> list[LedgerAlert]:
        """Return enterprises on which SEVERAL banks together used more than ``models`` models after ``since``."""
        count = func.count()
        query = (
            select(_L.uscc, func.count(_L.bank.distinct()), count, func.max(_L.used_at))
            .where(_L.used_at > since)
            .group_by(_L.uscc)
            .having(count > models, func.count(_L.bank.distinct()) > 1)
            .order_by(count.desc(), _L.uscc)
            .limit(limit)
        )
        with self._database.read() as conn:
            return [LedgerAlert(*row) for row in conn.execute(query)]


def _rows(bank: str, model_id: bytes, milli_bits: int, codes: Iterable[str], now: int) -> list[dict[str, Any]]:
    same = {"bank": bank, "model_id": model_id, "milli_bits": milli_bits, "debited_at": now, "used_at": now}
    return [{"uscc": code, **same} for code in sorted(codes)]


def _entry(row: RowMapping) -> LedgerEntry:
    return LedgerEntry(
        row["uscc"],
        row["bank"],
        bytes(row["model_id"]),
        row["milli_bits"],
        row["debited_at"],
        row["used_at"],
        row["name"] or "",
        row["version"] or "",
    )
