"""The extraction ledger's rules: which models a bank may use on one enterprise within the agreement's term.

Every certified model counts once for each (enterprise, bank), whatever the feature set, until a whole term has passed
since its last use; using it again meanwhile debits nothing. Another model is debited only where the models together
stay within the agreement's number and bits, and where an admission names them together. What is refused spends nothing.
Models of several banks on one enterprise raise an alert for the operator and refuse nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from node.jobs.bureau_admissions import Certificate
from node.logs import get_logger
from node.policy.agreement import Agreement
from node.storage.ledger import Ledger

DAY_MS = 86_400_000
RENEWED_AFTER_MS = DAY_MS
"""A use is written down anew once a day at most: a term is kept to within a day."""
_log = get_logger("ledger")


@dataclass(frozen=True)
class LedgerTerms:
    """A certified model's use by a bank, and what the agreement allows of such uses."""

    bank: str
    certificate: Certificate
    maximum_models: int
    maximum_milli_bits: int
    term_ms: int

    @classmethod
    def of(cls, bank: str, certificate: Certificate, agreement: Agreement) -> LedgerTerms:
        """Return the terms of a model under an agreement."""
        limits = agreement.certification
        return cls(
            bank,
            certificate,
            limits.max_models_per_enterprise,
            limits.max_bits_per_enterprise * 1000,
            limits.term_days * DAY_MS,
        )

    def allows_beside(self, earlier: frozenset[tuple[bytes, int]]) -> bool:
        """Whether the model may be used beside ``earlier``: (model, thousandths of a bit) of this bank's others.

        Together they tell what a combination says jointly, and never more than the sum.
        """
        models = frozenset((self.certificate.model_id, *(model_id for model_id, _ in earlier)))
        bits = self.certificate.milli_bits + sum(milli_bits for _, milli_bits in earlier)
        if earlier:
            named = [each.milli_bits for each in self.certificate.together if models <= each.models]
            if not named:
                return False
            bits = min(bits, *named)
        return len(models) <= self.maximum_models and bits <= self.maximum_milli_bits


@dataclass(frozen=True)
class FirstLook:
    """What the ledger says before anything is computed. ``settled``: the model was used on these lately, which nobody
    takes back; they need no second look.
    """

    refused: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Judgement:
    """What the ledger says of enterprises: refused ones, ones to debit, ones whose last use is to be written anew."""

    refused: frozenset[str] = frozenset()
    to_debit: frozenset[str] = frozenset()
    to_renew: frozenset[str] = frozenset()
    alerting: frozenset[str] = frozenset()
    """Of those to debit: on these several banks' models would pass the alert's number."""


class _Used:
    """What was used on one enterprise before: by this bank (model, thousandths of a bit), by others (bank, model)."""

    __slots__ = ("others", "own")

    def __init__(self) -> None:
        self.own: set[tuple[bytes, int]] = set()
        self.others: set[tuple[str, bytes]] = set()


class ExtractionLedger:
    """Judges and debits, inside the transaction that releases.

    Args:
        storage: the ledger's tables.
        alert_models: so many models of several banks on one enterprise are no reason for an alert, one more is.
        alert_days: models used within so many days count for it.
    """

    def __init__(self, storage: Ledger, *, alert_models: int, alert_days: int) -> None:
        self._storage = storage
        self._alert_models = alert_models
        self._alert_ms = alert_days * DAY_MS

    def first_look(self, conn: Connection, terms: LedgerTerms, codes: Sequence[str], now: int) -> FirstLook:
        """Say what :meth:`judge` would refuse now, and hold nothing: to do no work for what cannot be released.

        One statement where the model was used on all of them lately.
        """
        new, stale, settled = self._sorted(conn, terms, codes, now)
        refused = self._judge_new(conn, terms, new, stale, now).refused if new else frozenset()
        return FirstLook(refused, settled)

    def judge(self, conn: Connection, terms: LedgerTerms, codes: Sequence[str], now: int) -> Judgement:
        """Judge the use of a model on enterprises that no first look settled; true until the transaction ends."""
        if not codes:
            return Judgement()
        self._storage.hold(conn, terms.bank, codes, now)
        new, stale, _ = self._sorted(conn, terms, codes, now)
        return self._judge_new(conn, terms, new, stale, now) if new else Judgement(to_renew=stale)

    def _sorted(
        self, conn: Connection, terms: LedgerTerms, codes: Sequence[str], now: int
    ) -> tuple[list[str], frozenset[str], frozenset[str]]:
        """Return on which the model is new, on which its last use is to be written anew, and on which all is done."""
        model_id = terms.certificate.model_id
        used = self._storage.used(conn, terms.bank, model_id, codes, now - terms.term_ms)
        stale = frozenset(code for code, used_at in used.items() if used_at <= now - RENEWED_AFTER_MS)
        return [code for code in codes if code not in used], stale, frozenset(used) - stale

    def _judge_new(
        self, conn: Connection, terms: LedgerTerms, new: Collection[str], stale: frozenset[str], now: int
    ) -> Judgement:
        earlier = self._earlier(conn, terms, new, now)
        alone = terms.allows_beside(frozenset())
        verdicts: dict[frozenset[tuple[bytes, int]], bool] = {frozenset(): alone}
        refused, to_debit, alerting = set(), set(), set()
        for code in new:
            found = earlier.get(code)
            own = frozenset(found.own) if found else frozenset()
            if any(model_id == terms.certificate.model_id for model_id, _ in own):
                continue  # debited between two statements of a first look, which holds nothing
            if own not in verdicts:
                verdicts[own] = terms.allows_beside(own)
            if not verdicts[own]:
                refused.add(code)
                continue
            to_debit.add(code)
            if found and found.others and len(own) + 1 + len(found.others) > self._alert_models:
                alerting.add(code)
        return Judgement(frozenset(refused), frozenset(to_debit), stale, frozenset(alerting))

    def _earlier(self, conn: Connection, terms: LedgerTerms, codes: Collection[str], now: int) -> dict[str, _Used]:
        """Return what was used on those enterprises on which anything was."""
        own_since, alert_since = now - terms.term_ms, now - self._alert_ms
        found: defaultdict[str, _Used] = defaultdict(_Used)
        for uscc, bank, model_id, milli_bits, used_at in self._storage.debits(conn, codes, min(own_since, alert_since)):
            if bank != terms.bank:
                if used_at > alert_since:
                    found[uscc].others.add((bank, model_id))
            elif used_at > own_since:
                found[uscc].own.add((model_id, milli_bits))
        return found

    def debit(
        self, conn: Connection, terms: LedgerTerms, judgement: Judgement, released: Iterable[str], now: int
    ) -> None:
        """Debit the enterprises that are really released, in the transaction that judged them."""
        codes = frozenset(released)
        certificate = terms.certificate
        line = (terms.bank, certificate.model_id, certificate.milli_bits)
        if debited := judgement.to_debit & codes:
            self._storage.debit(conn, *line, debited, now)
        if renewed := judgement.to_renew & codes:
            self._storage.renew(conn, *line, renewed, now)
        if alerting := judgement.alerting & codes:
            _log.warning(
                "several banks use many models on the same enterprises: banktax ledger alerts names them",
                enterprises=len(alerting),
                more_than=self._alert_models,
            )
