"""Admissions at a node of either role: verified when they come in, shown with what became of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from node.clock import Clock
from node.codes import Code, Role
from node.errors import Refusal
from node.jobs.documents import Documents
from node.policy import admission as policy
from node.policy import documents
from node.policy.admission import ADMISSION_KIND, REVOCATION_KIND, Admission, Revocation
from node.policy.documents import SignedDocument
from node.policy.strictjson import JsonFault, parse_object
from node.storage.admissions import Admissions, StoredAdmission, StoredRevocation


@dataclass(frozen=True)
class HeldAdmission:
    """An admission as it is shown; of one that was revoked before it came, the id and the revocation alone."""

    admission_id: str
    state: str
    """valid, overdue, expired, revoked, or untrusted: an auditor that signed it is not trusted here now."""
    auditors: tuple[str, ...] = ()
    admission: Admission | None = None
    digest: bytes = b""
    revocation: StoredRevocation | None = None


class HeldAdmissions:
    """The admissions and revocations of one node."""

    def __init__(self, storage: Admissions, own_documents: Documents, own_id: str, role: Role, clock: Clock) -> None:
        self._storage = storage
        self._documents = own_documents
        self._own_id = own_id
        self._role = role
        self._clock = clock

    # ---- coming in

    def add(self, data: bytes) -> HeldAdmission:
        """Keep an admission or a revocation that a trusted auditor signed; the same file again changes nothing.

        Raises:
            Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for its signatures, ``MODEL_NOT_ADMITTED`` where
                it is another bank's or for other bureaus, ``WRONG_STATE`` where its id stands for something else.
        """
        if _kind(data) == REVOCATION_KIND:
            return self._find(self._add_revocation(data).admission_id)
        return self._find(self.add_admission(data).admission_id)

    def add_admission(self, data: bytes) -> Admission:
        """Keep an admission; see :meth:`add`."""
        admission, document = policy.read(data)
        keys = self._documents.auditor_keys()
        policy.verify(document, keys, keys.keys(), 1)
        self._require_ours(admission)
        stored = self._stored(document)
        self._storage.save(stored, _named(admission), lambda old, new: self._stored(_merged(old, new)))
        return admission

    def _require_ours(self, admission: Admission) -> None:
        if self._role is Role.BANK and admission.bank != self._own_id:
            raise Refusal(Code.MODEL_NOT_ADMITTED, f"the admission is for {admission.bank}, another bank")
        if self._role is Role.BUREAU and self._own_id not in admission.bureaus:
            raise Refusal(Code.MODEL_NOT_ADMITTED, "the admission does not name this bureau")

    def _add_revocation(self, data: bytes) -> Revocation:
        """A revocation is heard from a suspended auditor as well: it takes away and never gives."""
        _, document = policy.read_revocation(data)
        keys = self._documents.auditor_keys(though_suspended=True)
        revocation = policy.verify_revocation(document, keys, keys.keys())
        if "\0" in revocation.reason:  # the one character that a database's text cannot hold
            raise Refusal(Code.INVALID_INPUT, "reason: holds a null character")
        self._storage.save_revocation(
            StoredRevocation(
                revocation.admission_id,
                revocation.auditor,
                document.encode(),
                revocation.reason,
                round(revocation.revoked_at.timestamp() * 1000),
                self._clock(),
            )
        )
        return revocation

    def _stored(self, document: SignedDocument) -> StoredAdmission:
        admission = Admission.from_body(document.body)
        encoded = document.encode()
        return StoredAdmission(
            admission.admission_id,
            admission.bank,
            bytes.fromhex(admission.model_id),
            encoded,
            document.digest,
            hashlib.sha256(encoded).digest(),
            self._clock(),
        )

    # ---- looking

    def list(self) -> list[HeldAdmission]:
        """Return all admissions, the one imported last first, then the revocations of admissions that never came."""
        revocations = self._storage.revocations()
        trusted = self._documents.auditor_keys().keys()
        held = []
        for stored in self._storage.list():
            admission, document = policy.read(stored.document)
            heard = document.signers | self._named_by_agreements(admission.bank)
            revocation = next(
                (each for each in revocations if each.admission_id == stored.admission_id and each.auditor in heard),
                None,
            )
            state = _state(admission, self._clock(), trusted=document.signers <= trusted)
            held.append(
                HeldAdmission(
                    stored.admission_id,
                    "revoked" if revocation else state,
                    tuple(signature.party for signature in document.signatures),
                    admission,
                    stored.digest,
                    revocation,
                )
            )
        known = {each.admission_id for each in held}
        early = [each for each in revocations if each.admission_id not in known]
        return held + [HeldAdmission(each.admission_id, "revoked", revocation=each) for each in early]

    def _named_by_agreements(self, bank: str) -> set[str]:
        """Return the auditors of a bank's agreements: each of them may revoke, also what another one signed."""
        agreements = (agreement for _, agreement in self._documents.agreements())
        return {auditor for agreement in agreements if agreement.bank == bank for auditor in agreement.auditors}

    def _find(self, admission_id: str) -> HeldAdmission:
        return next(each for each in self.list() if each.admission_id == admission_id)

    def document(self, admission_id: str) -> bytes:
        """Return a signed admission.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        stored = self._storage.get(admission_id)
        if stored is None:
            raise Refusal(Code.NOT_FOUND, "no admission with this id is here")
        return stored.document

    def to_send(self, model_id: bytes) -> bytes:
        """Return the admission that a bank registers a model with: of those not expired the last one; or nothing."""
        now = self._clock()
        for stored in self._storage.list(model_id):
            if not policy.read(stored.document)[0].is_expired(now):
                return stored.document
        return b""


def _kind(data: bytes) -> str:
    """Return which of the two kinds a file claims to be; what is neither is read, and refused, as an admission."""
    try:
        return str(parse_object(data, documents.MAXIMUM_DOCUMENT_BYTES).get("kind", ADMISSION_KIND))
    except JsonFault:
        return ADMISSION_KIND


def _named(admission: Admission) -> set[bytes]:
    beside = {each for combination in admission.combinations for each in combination.model_ids}
    return {bytes.fromhex(each) for each in {admission.model_id, *beside}}


def _merged(old: bytes, new: bytes) -> SignedDocument:
    """Return the body with the signatures of both files; of a party that signed both the new one."""
    kept, added = (policy.read(data)[1] for data in (old, new))
    signatures = {each.party: each for each in (*kept.signatures, *added.signatures)}
    return SignedDocument(kept.kind, kept.canonical_body, tuple(signatures.values()))


def _state(admission: Admission, now: int, *, trusted: bool) -> str:
    if admission.is_expired(now):
        return "expired"
    if not trusted:
        return "untrusted"
    return "overdue" if admission.is_overdue(now) else "valid"
