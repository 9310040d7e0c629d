"""From a review that passed to what the auditor signs: an admission, a second signature, a revocation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from node.certification.office import AuditorOffice
from node.certification.office_log import Deed
from node.certification.result import CombinationFigures, FieldFigures, ReviewResult, ViewFigures
from node.codes import Code, Role
from node.errors import Refusal
from node.policy import admission as admissions
from node.policy.admission import EXACT, Admission, Revocation
from node.policy.documents import SignedDocument
from protocols.leakage.thresholds import View
from protocols.primitives.signing import VerifyKey
from protocols.transcript import digest

REVIEW_DAYS = 180
"""Days until the next review is due, where the reviewer names no date (clause 2.2 of the notice asks for reviews)."""
TOLERANCE = 0.005
"""How far a second auditor's own figure may lie above the one that it countersigns: what sampling leaves open."""


@dataclass(frozen=True)
class AdmissionTerms:
    """What the reviewer decides besides the figures."""

    reviewers: tuple[str, ...]
    review_by: datetime | None = None
    expires_at: datetime | None = None


def admit(office: AuditorOffice, result: ReviewResult, terms: AdmissionTerms) -> SignedDocument:
    """Sign the admission of a model whose review passed, and log it.

    Raises:
        Refusal: ``MODEL_NOT_ADMITTED``: the review failed; ``INVALID_INPUT``: dates that do not follow each other, or
            beyond the model's or the agreement's term.
    """
    if not result.passed:
        raise Refusal(
            Code.MODEL_NOT_ADMITTED,
            f"the review failed: {result.failures[0].text}",
            remedy="Send the report to the bank; it changes the model and writes a new dossier.",
        )
    now = datetime.fromtimestamp(office.clock() // 1000, UTC)
    body = {**_model(result), **_figures(result), **_dates(result, terms, now)}
    number = digest("certification/admission-id", bytes.fromhex(result.dossier), now.isoformat().encode()).hex()[:16]
    admission: Admission = Admission.from_body(
        body | {"admission_id": f"adm-{number}", "auditor": office.party_id, "reviewers": list(terms.reviewers)}
    )
    signed = admissions.sign(admission, office.keys.signing)
    office.note(Deed.ADMITTED, result, admission.admission_id)
    return signed


def _model(result: ReviewResult) -> dict[str, Any]:
    facts = result.facts
    return {
        "bank": facts.bank,
        "bureaus": list(facts.bureaus),
        "model_id": facts.model_id,
        "name": facts.name,
        "version": facts.version,
        "model_class": facts.model_class,
        "engine": facts.engine,
        "profile": facts.profile,
        "engine_library_sha256": facts.engine_library_sha256,
        "public_key_digest": facts.public_key_digest,
        "ciphertext_digests": list(facts.ciphertext_digests),
        "encrypted_digest": facts.encrypted_digest,
        "catalogue": {"id": facts.catalogue_id, "version": facts.catalogue_version},
        "fields": admissions.field_bodies(facts.fields),
        "purposes": list(facts.purposes),
        "supersedes": facts.predecessor,
    }


def _figures(result: ReviewResult) -> dict[str, Any]:
    thresholds = result.thresholds
    distance = result.noise.distance_log2
    # Rounded towards the worse: a figure here is never better than the one that was found.
    return {
        "noise": {
            "distance_log2": EXACT if distance is None else f"{math.ceil(distance * 100) / 100:.2f}",
            "total_bound": result.noise.total_bound,
        },
        "leakage": {
            "fields": list(_fields(result)),
            "distinct_scores": max(view.distinct_scores for view in result.views),
            "score_bits_milli": max(view.score_bits_milli for view in result.views),
        },
        "thresholds": {
            "sensitive_gain": f"{thresholds.sensitive_gain:.4f}",
            "ordinary_gain": f"{thresholds.ordinary_gain:.4f}",
            "disclosed_share": f"{thresholds.disclosed_share:.4f}",
            "distinct_scores": thresholds.distinct_scores,
        },
        "frequencies_digests": list(result.frequencies_digests),
        "combinations": [_combination(each) for each in result.combinations],
    }


def _fields(result: ReviewResult) -> Iterator[dict[str, str]]:
    """Yield the worst figures of every field over all frequencies; a field that the bank holds itself gives nothing."""
    independent = _worst(result.views, View.INDEPENDENT)
    correlated, given = _worst(result.views, View.CORRELATED), _worst(result.views, View.GIVEN_BANK_FIELDS)
    known = {name for view in result.views for name in view.known}
    for name, figures in independent.items():
        views = [each[name] for each in (independent, correlated, given) if name in each]
        without = 0.0 if name in known else given.get(name, figures).gain
        yield {
            "field": name,
            "sensitivity": figures.sensitivity,
            "gain": share_text(figures.gain),
            "gain_correlated": share_text(correlated[name].gain),
            "gain_given_bank_fields": share_text(without),
            "disclosed_share": share_text(max(each.disclosed_share for each in views)),
        }


def _worst(views: Iterable[ViewFigures], view: View) -> dict[str, FieldFigures]:
    """Return for every field the figures of the bureau's frequencies under which most is given away."""
    found: dict[str, FieldFigures] = {}
    for each in views:
        if each.view != view:
            continue
        for field in each.fields:
            if field.field not in found or field.gain > found[field.field].gain:
                found[field.field] = field
    return found


def _combination(combination: CombinationFigures) -> dict[str, Any]:
    worst = _worst(combination.views, View.COMBINATION)
    return {
        "model_ids": list(combination.model_ids),
        "fields": [
            {
                "field": name,
                "sensitivity": figures.sensitivity,
                "gain": share_text(figures.gain),
                "gain_correlated": share_text(figures.gain),
                "gain_given_bank_fields": share_text(figures.gain),
                "disclosed_share": share_text(figures.disclosed_share),
            }
            for name, figures in worst.items()
        ],
        "distinct_scores": max(view.distinct_scores for view in combination.views),
        "score_bits_milli": max(view.score_bits_milli for view in combination.views),
    }


def share_text(value: float) -> str:
    """Return a share as documents write it: four decimals, rounded up, so that nothing is signed as less than it is."""
    return f"{min(math.ceil(round(value * 10_000, 6)) / 10_000, 1.0):.4f}"


def _dates(result: ReviewResult, terms: AdmissionTerms, now: datetime) -> dict[str, str]:
    latest = min(
        result.facts.expires_at,
        *(agreement.valid_until for agreement in result.agreements),
        now + timedelta(days=min(agreement.term_days for agreement in result.agreements)),
    )
    expires = terms.expires_at or latest
    if expires > latest:
        raise Refusal(
            Code.INVALID_INPUT,
            f"expires: not after {latest:%Y-%m-%d}, where the model, the agreement or its certification term ends",
        )
    review_by = terms.review_by or min(now + timedelta(days=REVIEW_DAYS), expires)
    return {
        name: moment.astimezone(UTC).replace(microsecond=0).isoformat()
        for name, moment in (("reviewed_at", result.reviewed_at), ("review_by", review_by), ("expires_at", expires))
    }


# ---- a second auditor


def countersign(office: AuditorOffice, data: bytes, result: ReviewResult) -> SignedDocument:
    """Add this auditor's signature to another's admission, once it says what this auditor's own review found.

    Raises:
        Refusal: ``MODEL_NOT_ADMITTED``: the own review failed, or the admission differs from it; ``PEER_UNTRUSTED``:
            not signed by an auditor that is trusted here; ``WRONG_STATE``: signed here already.
    """
    admission, document = admissions.read(data)
    keys = {signer: _key(office, signer) for signer in document.signers}
    admissions.verify(document, keys, document.signers, 1)
    differences = list(_differences(admission, result))
    if not result.passed:
        differences.insert(0, f"the own review failed: {result.failures[0].text}")
    if differences:
        raise Refusal(
            Code.MODEL_NOT_ADMITTED,
            f"the admission is not what this auditor's review found: {'; '.join(differences[:4])}",
            remedy="Review the same dossier over the same frequencies, or ask the other auditor.",
        )
    signed = admissions.countersign(document, office.keys.signing, office.party_id)
    office.note(Deed.COUNTERSIGNED, result, admission.admission_id)
    return signed


def _key(office: AuditorOffice, signer: str) -> VerifyKey:
    own = office.party_id == signer
    return office.keys.signing.verify_key if own else office.key_of(signer, Role.AUDITOR)


def _differences(admission: Admission, result: ReviewResult) -> Iterator[str]:
    """Yield what an admission says otherwise: facts exactly, figures where they are LESS than what was found here."""
    told, found = admission.to_body(), {**_model(result), **_figures(result)}
    for name in (*_model(result), "thresholds", "noise"):
        if told.get(name, "") != found[name]:
            yield name
    if [each.field for each in admission.leakage.fields] != [each["field"] for each in found["leakage"]["fields"]]:
        yield "leakage.fields"
        return
    yield from _lower(told["leakage"], found["leakage"], "leakage")
    own = {frozenset(each["model_ids"]): each for each in found["combinations"]}
    for place, combination in enumerate(told.get("combinations", [])):
        mine = own.get(frozenset(combination["model_ids"]))
        if mine is None:
            yield f"combinations[{place}]: not reviewed here"
        else:
            yield from _lower(combination, mine, f"combinations[{place}]")


def _lower(told: dict[str, Any], found: dict[str, Any], path: str) -> Iterator[str]:
    if told["score_bits_milli"] < found["score_bits_milli"]:
        yield f"{path}.score_bits_milli"
    mine = {each["field"]: each for each in found["fields"]}
    for field in told["fields"]:
        for name in ("gain", "gain_correlated", "gain_given_bank_fields", "disclosed_share"):
            if float(field[name]) + TOLERANCE < float(mine.get(field["field"], field)[name]):
                yield f"{path}: {name} of {field['field']}"


# ---- taking it back


def revoke(office: AuditorOffice, data: bytes, reason: str) -> SignedDocument:
    """Sign the revocation of an admission that this auditor signed, and log it.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED``: this auditor did not sign it.
    """
    admission, document = admissions.read(data)
    if office.party_id not in document.signers:
        raise Refusal(Code.PEER_UNTRUSTED, f"{office.party_id} did not sign this admission and cannot revoke it")
    now = datetime.fromtimestamp(office.clock() // 1000, UTC)
    revocation = Revocation(admission_id=admission.admission_id, auditor=office.party_id, reason=reason, revoked_at=now)
    signed = admissions.sign_revocation(revocation, office.keys.signing)
    office.log.append(
        Deed.REVOKED,
        bank=admission.bank,
        model=f"{admission.name}@{admission.version}",
        model_id=admission.model_id,
        dossier="",
        detail=admission.admission_id,
    )
    return signed
