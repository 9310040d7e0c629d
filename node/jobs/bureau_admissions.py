"""What a bureau evaluates: a model that a valid admission names exactly, under the agreement that covers the call.

A signed admission is read and verified once for an agreement and the auditors' present cards, then kept. What may
change at any moment (a revocation, an auditor's suspension, the time) is looked at in every call.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from node.certification.digests import parts_digest
from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from node.jobs.admissions import HeldAdmissions
from node.jobs.documents import Documents
from node.jobs.model_description import ENGINE_OF_PROFILE, ModelDescription
from node.policy import admission as policy
from node.policy.admission import Admission, AppliedThresholds, FieldLeakage
from node.policy.agreement import Agreement, Certification
from node.policy.catalogue import Sensitivity
from node.policy.documents import SignedDocument
from node.storage.admissions import Admissions, Standing

KEPT = 4096


@dataclass(frozen=True)
class Together:
    """Models that an admission allows on one enterprise together, and what their scores tell jointly."""

    models: frozenset[bytes]
    milli_bits: int


@dataclass(frozen=True)
class Certificate:
    """What the ledger needs to know of an admitted model: what its scores tell, and beside which models it may be
    used, by its own admission or another valid one of the bank.
    """

    model_id: bytes
    milli_bits: int
    together: tuple[Together, ...]


@dataclass(frozen=True)
class ModelAtHand:
    """The model that an admission has to name. ``parts``: over its key and ciphertexts; none before they are here."""

    bank: str
    description: ModelDescription
    parts: bytes | None


@dataclass(frozen=True)
class _Read:
    """An admission as far as it does not change: ``fault`` says why it never counts under its agreement."""

    admission: Admission | None
    fault: str
    signers: frozenset[str]
    fields: str = ""
    parts: bytes = b""
    together: tuple[Together, ...] = ()


class BureauAdmissions:
    """Decides whether a model may be evaluated.

    Args:
        allow_uncertified: take models that NO admission names as well.
    """

    def __init__(
        self,
        storage: Admissions,
        held: HeldAdmissions,
        own_documents: Documents,
        bureau: str,
        clock: Clock,
        *,
        allow_uncertified: bool,
    ) -> None:
        self._storage = storage
        self._held = held
        self._documents = own_documents
        self._bureau = bureau
        self._clock = clock
        self._allow_uncertified = allow_uncertified
        self._lock = threading.Lock()
        self._known: dict[tuple[bytes, str, tuple[tuple[str, int], ...]], _Read] = {}

    def take(self, model: ModelAtHand, document: bytes) -> None:
        """Keep the admission that a bank sends along with its model.

        Raises:
            Refusal: what :meth:`HeldAdmissions.add` refuses; ``MODEL_NOT_ADMITTED`` where it is for another model.
        """
        admission, _ = policy.read(document)
        if fault := _other_model(admission, model):
            raise Refusal(Code.MODEL_NOT_ADMITTED, fault)
        self._held.add_admission(document)

    def standings(self, bank: str, model_id: bytes) -> tuple[Standing, ...]:
        """Return what stands of the admissions that name a model."""
        return self._storage.standings(bank, model_id)

    def certificate(
        self, model: ModelAtHand, standings: Sequence[Standing], agreement: Agreement, *, running: bool
    ) -> Certificate | None:
        """Return under what a model may be evaluated now; none for an uncertified one, where these are allowed.

        Args:
            model: the model that is to be evaluated.
            standings: of every admission that names it.
            agreement: what covers the call.
            running: whether a job runs already: that ends also when the review is overdue.

        Raises:
            Refusal: ``MODEL_NOT_ADMITTED`` with the reason of the admission imported last.
        """
        now, model_id = self._clock(), model.description.model_id
        first_fault, own = "", None
        together: list[Together] = []
        for standing in standings:
            read = self._read(standing, agreement)
            fault = read.fault or _ended(standing, read, agreement, now)
            if read.admission is not None and read.admission.model_id == model_id.hex():
                fault = fault or _other_parts(read, model) or _overdue(read.admission, now, running=running)
                first_fault = first_fault or fault
                own = own or (read.admission if not fault else None)
            if not fault:
                together += read.together
        if own is not None:
            return Certificate(model_id, own.leakage.score_bits_milli, tuple(together))
        if first_fault or not self._allow_uncertified:
            _refuse(first_fault or "the model carries no admission")
        return None

    def _read(self, standing: Standing, agreement: Agreement) -> _Read:
        key = (standing.file_digest, agreement.agreement_id, tuple(sorted(standing.trusted.items())))
        with self._lock:
            found = self._known.get(key)
        if found is None:
            found = self._verify(standing, agreement)
            with self._lock:
                if len(self._known) >= KEPT:
                    self._known.clear()
                self._known[key] = found
        return found

    def _verify(self, standing: Standing, agreement: Agreement) -> _Read:
        data = self._storage.document(standing.file_digest)
        if data is None:  # a signature was added between two statements
            raise Refusal(Code.STORAGE_UNAVAILABLE, "the admission was replaced at this moment; ask again")
        admission, document = policy.read(data)
        return _Read(
            admission,
            self._fault(document, standing, agreement),
            document.signers,
            json.dumps(policy.field_bodies(admission.fields), sort_keys=True),
            parts_digest(admission.public_key_digest, admission.ciphertext_digests),
            tuple(
                Together(frozenset(map(bytes.fromhex, each.model_ids)), each.score_bits_milli)
                for each in admission.combinations
            ),
        )

    def _fault(self, document: SignedDocument, standing: Standing, agreement: Agreement) -> str:
        """Why an admission never counts here under an agreement, whatever the time."""
        keys = {party: key for party, key in self._documents.auditor_keys().items() if party in standing.trusted}
        try:
            admission = policy.verify(document, keys, frozenset(agreement.auditors), agreement.certification.reviewers)
            if self._bureau not in admission.bureaus:
                return "the admission does not name this bureau"
            if laxer := _laxer(admission.thresholds, agreement.certification):
                return f"the admission was signed under a laxer {laxer} than the agreement's"
            return self._passed(admission, agreement.certification)
        except Refusal as refusal:
            return refusal.detail

    def _passed(self, admission: Admission, limits: Certification) -> str:
        """Name a figure of the admission that passes the agreement's threshold; by the catalogue's sensitivity."""
        if admission.leakage.distinct_scores > limits.distinct_scores:
            return f"distinct_scores: {admission.leakage.distinct_scores}, the agreement's is {limits.distinct_scores}"
        catalogue = self._documents.catalogue(admission.catalogue.id, admission.catalogue.version)
        for field in admission.leakage.fields:
            sensitivity = catalogue.field(field.field).sensitivity
            if sensitivity is not Sensitivity.DISCLOSABLE and (fault := _given_away(field, sensitivity, limits)):
                return fault
        return ""


def _given_away(field: FieldLeakage, sensitivity: Sensitivity, limits: Certification) -> str:
    gain = limits.sensitive_gain if sensitivity is Sensitivity.SENSITIVE else limits.ordinary_gain
    for name, limit in (
        ("gain", gain),
        ("gain_correlated", gain),
        ("gain_given_bank_fields", gain),
        ("disclosed_share", limits.disclosed_share),
    ):
        if Decimal(getattr(field, name)) > Decimal(limit):
            return f"{name} of field {field.field}: {getattr(field, name)}, the agreement's limit is {limit}"
    return ""


def _laxer(applied: AppliedThresholds, limits: Certification) -> str:
    """Return the name of a threshold that the auditor applied less strictly than agreed."""
    if applied.distinct_scores > limits.distinct_scores:
        return "distinct_scores"
    names = ("sensitive_gain", "ordinary_gain", "disclosed_share")
    return next((name for name in names if Decimal(getattr(applied, name)) > Decimal(getattr(limits, name))), "")


def _ended(standing: Standing, read: _Read, agreement: Agreement, now: int) -> str:
    """Why an admission counts no longer. Whoever signed it may revoke it, and every auditor of the agreement."""
    if standing.revoked_by & read.signers.union(agreement.auditors):
        return "the admission was revoked"
    if read.admission is not None and read.admission.is_expired(now):
        return "the admission has expired"
    return ""


def _overdue(admission: Admission, now: int, *, running: bool) -> str:
    return "" if running or not admission.is_overdue(now) else "the model's review is overdue: no new job may start"


def _other_parts(read: _Read, model: ModelAtHand) -> str:
    """Why an admission that bears a model's id is not for exactly this model."""
    assert read.admission is not None
    if fault := _other_model(read.admission, model):
        return fault
    if read.fields != _fields_of(model.description):
        return "the admission is for other fields or bins"
    if model.parts is not None and model.parts != read.parts:
        return "the admission names other ciphertexts, or the same ones in another order"
    return ""


def _other_model(admission: Admission, model: ModelAtHand) -> str:
    described = model.description
    if admission.bank != model.bank:
        return "the admission is for another bank"
    named = (admission.model_id, admission.encrypted_digest, admission.profile, admission.engine)
    found = (
        described.model_id.hex(),
        described.encrypted_digest.hex(),
        described.profile,
        ENGINE_OF_PROFILE.get(described.profile),
    )
    meant = (admission.name, admission.version, admission.model_class, set(admission.purposes))
    used = (described.name, described.version, described.model_class, set(described.purposes))
    catalogue = (admission.catalogue.id, admission.catalogue.version)
    if (named, meant, catalogue) != (found, used, (described.catalogue_id, described.catalogue_version)):
        return "the admission is for another model"
    return ""


def _fields_of(description: ModelDescription) -> str:
    return json.dumps(json.loads(description.to_json())["fields"], sort_keys=True)


def _refuse(fault: str) -> NoReturn:
    raise Refusal(
        Code.MODEL_NOT_ADMITTED,
        fault,
        remedy="Have an auditor of the agreement review the model, import its admission, register the model again.",
    )
