"""The papers of a dossier: scorecard, catalogue and agreements, verified against the header and against each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from node.certification.dossier import DossierContent
from node.certification.result import AgreementFacts, Check, Outcome, Subject, ThresholdFacts
from node.codes import Code, Role, Side
from node.errors import Refusal
from node.jobs.model_description import ModelDescription
from node.policy import agreement as agreement_policy
from node.policy import catalogue as catalogue_policy
from node.policy import documents
from node.policy.agreement import Agreement
from node.policy.catalogue import Catalogue
from node.scorecards.compile import CompiledScorecard, compile_scorecard
from node.scorecards.format import Scorecard, parse_scorecard
from protocols.primitives.signing import VerifyKey
from protocols.scoring.model import SecretModel

KeyOf = Callable[[str, Role], VerifyKey]
"""Gives the key of a party of one role that is trusted here; refuses any other."""


@dataclass(frozen=True, repr=False)
class Papers:
    """What a dossier says besides its ciphertexts, verified. SECRET: ``compiled`` holds the points."""

    card: Scorecard
    compiled: CompiledScorecard
    catalogue: Catalogue
    agreements: tuple[Agreement, ...]
    description: ModelDescription

    @property
    def secret_model(self) -> SecretModel:
        """Columns and SECRET weights."""
        return self.compiled.secret_model

    @property
    def thresholds(self) -> ThresholdFacts:
        """The strictest thresholds of the agreements."""
        terms = [agreement.certification for agreement in self.agreements]
        return ThresholdFacts(
            sensitive_gain=min(float(term.sensitive_gain) for term in terms),
            ordinary_gain=min(float(term.ordinary_gain) for term in terms),
            disclosed_share=min(float(term.disclosed_share) for term in terms),
            distinct_scores=min(term.distinct_scores for term in terms),
        )

    @property
    def agreement_facts(self) -> tuple[AgreementFacts, ...]:
        """What of the agreements an admission depends on."""
        return tuple(_facts(agreement) for agreement in self.agreements)


def _facts(agreement: Agreement) -> AgreementFacts:
    terms = agreement.certification
    return AgreementFacts(
        agreement_id=agreement.agreement_id,
        bureau=agreement.bureau,
        auditors=agreement.auditors,
        reviewers=terms.reviewers,
        term_days=terms.term_days,
        max_bits_per_enterprise=terms.max_bits_per_enterprise,
        max_models_per_enterprise=terms.max_models_per_enterprise,
        valid_until=agreement.valid_until,
    )


def read_papers(content: DossierContent, key_of: KeyOf) -> Papers:
    """Verify the papers of a dossier.

    Raises:
        Refusal: ``PEER_UNTRUSTED`` for a signature, ``INVALID_INPUT`` for a scorecard that does not fit the catalogue
            (an edge off the grid, an unknown code) or papers that are not those of the header,
            ``FIELD_NOT_ALLOWED``, ``BOUND_EXCEEDED``.
    """
    catalogue = _catalogue(content, key_of)
    agreements = tuple(_agreements(content, key_of))
    try:
        card = parse_scorecard(content.scorecard)
        compiled = compile_scorecard(card, catalogue)
    except Refusal as refusal:
        raise Refusal(
            refusal.code,
            f"dossier: {refusal.detail}",
            side=Side.BANK,
            remedy="The bank corrects the model, builds it again and writes a new dossier.",
        ) from None
    return Papers(card, compiled, catalogue, agreements, content.description)


def _catalogue(content: DossierContent, key_of: KeyOf) -> Catalogue:
    document = documents.decode(content.catalogue, catalogue_policy.CATALOGUE_KIND)
    if document.digest.hex() != content.header.catalogue_digest:
        raise _other("catalogue")
    bureau = Catalogue.from_body(document.body).bureau
    if (bureau,) != content.header.bureaus:
        raise Refusal(Code.INVALID_INPUT, "dossier: the catalogue is not that of the bureau that the header names")
    return catalogue_policy.verify(document, key_of(bureau, Role.BUREAU))


def _agreements(content: DossierContent, key_of: KeyOf) -> Iterator[Agreement]:
    for data, expected in zip(content.agreements, content.header.agreement_digests, strict=True):
        document = documents.decode(data, agreement_policy.AGREEMENT_KIND)
        if document.digest.hex() != expected:
            raise _other("agreement")
        draft = Agreement.from_body(document.body)
        if draft.bank != content.header.bank or draft.bureau not in content.header.bureaus:
            raise Refusal(Code.INVALID_INPUT, "dossier: an agreement is between other parties than the header names")
        keys = {draft.bank: key_of(draft.bank, Role.BANK), draft.bureau: key_of(draft.bureau, Role.BUREAU)}
        yield agreement_policy.verify(document, keys)


def _other(what: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, f"dossier: the {what} is not the one that the bank signed")


# ---- checks that fail rather than refuse: the report names them all


def check_agreements(papers: Papers, auditor: str, now_ms: int) -> Iterator[Check]:
    """Yield what the agreements say about model, purposes and auditor."""
    for agreement in papers.agreements:
        faults = list(_faults(papers, agreement, auditor, now_ms))
        for fault in faults:
            yield Check(
                subject=Subject.AGREEMENT,
                outcome=Outcome.FAILED,
                text=f"agreement {agreement.agreement_id}: {fault}",
                advice="The parties sign an agreement that allows it, or the bank changes the model.",
            )
        if not faults:
            text = f"agreement {agreement.agreement_id} is in force, names {auditor} and allows this model"
            yield Check(subject=Subject.AGREEMENT, outcome=Outcome.PASSED, text=text)


def _faults(papers: Papers, agreement: Agreement, auditor: str, now_ms: int) -> Iterator[str]:
    card = papers.card
    if (state := agreement.state(now_ms)) != "active":
        yield f"it is {state}"
    if auditor not in agreement.auditors:
        yield f"it does not name {auditor} as an auditor"
    if (agreement.catalogue_id, agreement.catalogue_version) != (
        papers.catalogue.catalogue_id,
        papers.catalogue.version,
    ):
        yield "it is about another catalogue or version than the model"
    if card.model_class not in agreement.model_classes:
        yield f"it does not allow models of the class {card.model_class}"
    for purpose in sorted(set(card.purposes) - set(agreement.purposes)):
        yield f"it does not allow the purpose {purpose}"
    for field in sorted(set(papers.compiled.fields) - set(agreement.fields)):
        yield f"it does not allow the field {field}"


def check_description(papers: Papers, content: DossierContent, now_ms: int) -> Iterator[Check]:
    """Yield whether what the bank registers at the bureau is what the scorecard says, member by member."""
    told = json.loads(content.header.description)
    derived = json.loads(_derived(papers, content).to_json())
    different = sorted(name for name in derived if told.get(name) != derived[name])
    for name in different:
        yield Check(
            subject=Subject.DESCRIPTION,
            outcome=Outcome.FAILED,
            text=f"what the bank would register differs from its scorecard in «{name}»",
            advice="The bank builds the model again from this scorecard.",
        )
    if papers.description.model_id.hex() != content.header.model_id:
        text = "the header names another model id than its description has"
        yield Check(subject=Subject.DESCRIPTION, outcome=Outcome.FAILED, text=text)
    if papers.card.expires_at * 1000 <= now_ms:
        yield Check(subject=Subject.DESCRIPTION, outcome=Outcome.FAILED, text="the model's validity has ended")
    elif not different:
        text = f"{papers.card.name}@{papers.card.version}: fields, edges, purposes and term are the scorecard's"
        yield Check(subject=Subject.DESCRIPTION, outcome=Outcome.PASSED, text=text)


def _derived(papers: Papers, content: DossierContent) -> ModelDescription:
    """Return the description that follows from the scorecard; key and ciphertexts are compared elsewhere."""
    card = papers.card
    return ModelDescription(
        name=card.name,
        version=card.version,
        model_class=card.model_class,
        supersedes=card.supersedes or "",
        catalogue_id=card.catalogue.id,
        catalogue_version=card.catalogue.version,
        fields=papers.compiled.described,
        profile=content.header.profile,
        encrypted_digest=papers.description.encrypted_digest,
        encrypted_bytes=papers.description.encrypted_bytes,
        expires_at=card.expires_at,
        purposes=tuple(card.purposes),
    )
