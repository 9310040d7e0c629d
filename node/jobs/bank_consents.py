"""The bank's consents: which it holds, which the bureau knows, and how one is presented without revealing too much.

A consent reaches the bureau only after the private alignment said that the bureau holds the enterprise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from node.clock import Clock
from node.codes import Code, Reason
from node.errors import Refusal
from node.jobs.calls import check_reason
from node.policy.consent import ConsentFault, ConsentTerms, covers, read_unverified, term_fault
from node.storage.consents import Consents, StoredConsent
from node.storage.database import Database
from node.storage.grants import Grant, grants_for
from node.storage.registrations import Registration, Registrations, RegistrationState

REGISTERED = Registration(RegistrationState.REGISTERED)
NOT_HELD = Registration(RegistrationState.NOT_HELD)
FRAME_CONSENTS = 256
_FOR_GOOD = {Reason.CONSENT_EXHAUSTED, Reason.CONSENT_REVOKED}
_Key = tuple[bytes, bytes]
"""Consent id and digest of what the consent says."""


class BureauRegistrar(Protocol):
    """The bureau as far as consents go."""

    def align(self, codes: Sequence[str]) -> Mapping[str, bool]:
        """Tell privately which of ``codes`` the bureau holds."""
        ...

    def register_consents(self, consents: Sequence[str]) -> Sequence[Reason | None]:
        """Present compact JWS; one verdict each."""
        ...


class OneMoment:
    """A bureau within one request: what it said of an enterprise is not asked for again."""

    def __init__(self, registrar: BureauRegistrar) -> None:
        self._registrar = registrar
        self._held: dict[str, bool] = {}

    def align(self, codes: Sequence[str]) -> Mapping[str, bool]:
        """Tell privately which of ``codes`` the bureau holds."""
        fresh = [code for code in codes if code not in self._held]
        if fresh:
            self._held.update(self._registrar.align(fresh))
        return self._held

    def register_consents(self, consents: Sequence[str]) -> Sequence[Reason | None]:
        """Present compact JWS; one verdict each."""
        return self._registrar.register_consents(consents)


@dataclass(frozen=True)
class Use:
    """What a consent is needed for."""

    bureau: str
    purpose: str
    fields: tuple[str, ...]
    model_class: str


@dataclass(frozen=True)
class Choice:
    """The consent that will be presented for an enterprise, or why there is none."""

    consent_id: bytes | None
    reason: Reason | None = None


@dataclass(frozen=True)
class RegisterVerdict:
    """What became of one consent that was handed in."""

    consent_id: bytes | None
    uscc: str
    registration: Registration


class BankConsents:
    """Registers consents at a bureau and chooses one for every enterprise of a job."""

    def __init__(
        self,
        database: Database,
        consents: Consents,
        registrations: Registrations,
        bank: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._consents = consents
        self._registrations = registrations
        self._bank = bank
        self._clock = clock

    def register(self, jws: Sequence[str], bureau: str, registrar: BureauRegistrar) -> list[RegisterVerdict]:
        """Keep a frame of consents, align their enterprises, present those that are held; one verdict each."""
        read = [self._read(each, bureau) for each in jws]
        terms = {_key(item): item for item in read if isinstance(item, ConsentTerms)}
        refused = self._keep(list(terms.values()))
        outcomes = self._present([item for key, item in terms.items() if key not in refused], registrar)
        self._registrations.set(outcomes, self._clock())
        return [_verdict(item, outcomes, refused) for item in read]

    def _read(self, jws: str, bureau: str) -> ConsentTerms | Reason:
        try:
            terms = read_unverified(jws)
        except ConsentFault as fault:
            return fault.reason
        return terms if (terms.bank, terms.bureau) == (self._bank, bureau) else Reason.CONSENT_WRONG_PARTY

    def _keep(self, terms: Sequence[ConsentTerms]) -> dict[_Key, Registration]:
        """Store consents; return those that the bank itself refuses (another one under the same id, or revoked)."""
        with self._database.write() as connection:
            faults = self._consents.register(connection, terms, self._clock())
        return {
            _key(item): Registration(RegistrationState.REFUSED, fault)
            for item, fault in zip(terms, faults, strict=True)
            if fault is not None
        }

    def _present(self, terms: Sequence[ConsentTerms | Grant], registrar: BureauRegistrar) -> dict[bytes, Registration]:
        if not terms:
            return {}
        held = registrar.align([item.uscc for item in terms])
        outcomes = {item.consent_id: NOT_HELD for item in terms if not held[item.uscc]}
        presented = [item for item in terms if held[item.uscc]]
        if presented:
            faults = registrar.register_consents(self._texts(presented))
            outcomes.update({item.consent_id: _outcome(fault) for item, fault in zip(presented, faults, strict=True)})
        return outcomes

    def _texts(self, terms: Sequence[ConsentTerms | Grant]) -> list[str]:
        stored = self._consents.get_many([item.consent_id for item in terms if isinstance(item, Grant)])
        return [stored[item.consent_id].jws if isinstance(item, Grant) else item.jws for item in terms]

    def choose(self, codes: Sequence[str], use: Use, registrar: BureauRegistrar) -> dict[str, Choice]:
        """Choose for every enterprise a consent that the bureau has registered; register what is not yet.

        An enterprise without a consent for this use is neither aligned nor sent.
        """
        allows = cache(lambda scope: covers(scope, use.purpose, use.fields, use.model_class))
        with self._database.read() as connection:
            held = grants_for(connection, codes, bank=self._bank, bureau=use.bureau)
            ids = [item.consent_id for found in held.values() for item in found]
            known = self._registrations.get(ids, connection)
            revoked = self._consents.revoked(connection, ids)
        fitting = {code: [item for item in found if allows(item.scope)] for code, found in held.items()}
        late = self._register_late(fitting, known, revoked, registrar)
        known = {**known, **late}
        now = self._clock()
        choices = {code: _choose(held.get(code, []), fitting.get(code, []), known, revoked, now) for code in codes}
        return self._still_held(choices, registrar)

    def _still_held(self, choices: dict[str, Choice], registrar: BureauRegistrar) -> dict[str, Choice]:
        """The bureau's set may have changed since a consent was registered: what it no longer holds stays here."""
        chosen = [code for code, choice in choices.items() if choice.consent_id is not None]
        held = registrar.align(chosen) if chosen else {}
        gone = {code: Choice(None, Reason.NOT_HELD) for code in chosen if not held[code]}
        return {**choices, **gone}

    def _register_late(
        self,
        fitting: Mapping[str, Sequence[Grant]],
        known: Mapping[bytes, Registration],
        revoked: set[bytes],
        registrar: BureauRegistrar,
    ) -> dict[bytes, Registration]:
        """Present consents that the bureau has not heard of, or whose enterprise it did not hold then."""
        waiting = [
            item
            for found in fitting.values()
            for item in found
            if item.consent_id not in revoked
            and known.get(item.consent_id, NOT_HELD).state is RegistrationState.NOT_HELD
        ]
        outcomes: dict[bytes, Registration] = {}
        for start in range(0, len(waiting), FRAME_CONSENTS):
            outcomes.update(self._present(waiting[start : start + FRAME_CONSENTS], registrar))
        if outcomes:
            self._registrations.set(outcomes, self._clock())
        return outcomes

    def remember_spent(self, refused: Mapping[bytes, Reason]) -> None:
        """Keep what a bureau said of consents that it refused for good, so that another one is chosen next time."""
        lasting = {consent_id: _outcome(reason) for consent_id, reason in refused.items() if reason in _FOR_GOOD}
        if lasting:
            self._registrations.set(lasting, self._clock())

    def revoke(self, consent_id: bytes, reason: str, at_bureau: Callable[[bytes, str], int | None]) -> None:
        """Record a withdrawal here first, so that nothing more is asked for, then at the bureau if it may know of it.

        A consent whose presenting broke off is withdrawn there too; that the bureau never heard of it is no failure.
        """
        check_reason(reason)
        self._consents.revoke(consent_id, self._bank, reason, self._clock())
        known = self._registrations.get([consent_id]).get(consent_id, REGISTERED)
        if known.state is not RegistrationState.REGISTERED:
            return
        try:
            at_bureau(consent_id, reason)
        except Refusal as refusal:
            if refusal.code is not Code.NOT_FOUND:
                raise

    def get(self, consent_id: bytes) -> StoredConsent:
        """Return a consent that the bank holds.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        found = self._consents.get_many([consent_id])
        if consent_id not in found:
            raise Refusal(Code.NOT_FOUND, "no consent with this id is held here")
        return found[consent_id]


def _choose(
    held: Sequence[Grant],
    fitting: Sequence[Grant],
    known: Mapping[bytes, Registration],
    revoked: set[bytes],
    now: int,
) -> Choice:
    """The longest-lived usable consent, one in its term first; else the most telling reason why there is none."""
    live = [item for item in fitting if item.consent_id not in revoked]
    live.sort(key=lambda item: term_fault(item, now) is not None)  # a renewal signed in advance waits for its turn
    for item in live:
        if known[item.consent_id].state is RegistrationState.REGISTERED:
            return Choice(item.consent_id)
    for item in live:
        registration = known[item.consent_id]
        if registration.state is RegistrationState.NOT_HELD:
            return Choice(None, Reason.NOT_HELD)
        return Choice(None, registration.reason)
    if fitting:
        return Choice(None, Reason.CONSENT_REVOKED)
    if held:
        refused = [known[item.consent_id].reason for item in held if item.consent_id in known]
        return Choice(None, next((reason for reason in refused if reason), Reason.CONSENT_OUT_OF_SCOPE))
    return Choice(None, Reason.NO_CONSENT)


def _outcome(fault: Reason | None) -> Registration:
    return REGISTERED if fault is None else Registration(RegistrationState.REFUSED, fault)


def _key(terms: ConsentTerms) -> _Key:
    """Two consents of one id are two: the one that came first counts, whatever else bears its id."""
    return terms.consent_id, terms.digest


def _verdict(
    item: ConsentTerms | Reason, outcomes: Mapping[bytes, Registration], refused: Mapping[_Key, Registration]
) -> RegisterVerdict:
    if isinstance(item, Reason):
        return RegisterVerdict(None, "", Registration(RegistrationState.REFUSED, item))
    outcome = refused.get(_key(item)) or outcomes[item.consent_id]
    return RegisterVerdict(item.consent_id, item.uscc, outcome)
