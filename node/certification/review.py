"""A review: everything that an auditor checks of one dossier, in order, each check told as it is made.

What makes a dossier unreadable is refused; what makes a model unfit is a check that failed, with all the others beside
it, so that one report names everything at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter

from node.certification.comparison import Comparison, compare
from node.certification.dossier import DossierReader
from node.certification.engine_library import CERTIFIED, EngineLibrary, inspect
from node.certification.leakage import (
    LeakageQuestion,
    Population,
    measure_together,
    measure_views,
    read_population,
    sensitivities,
)
from node.certification.office import AuditorOffice
from node.certification.papers import Papers, check_agreements, check_description, read_papers
from node.certification.result import (
    Check,
    CombinationFigures,
    Histogram,
    ModelFacts,
    Outcome,
    ReviewResult,
    Subject,
    ViewFigures,
)
from node.codes import Code, Engine, Role, Side
from node.errors import Refusal
from node.jobs.model_description import ModelDescription
from node.policy.admission import AdmittedField
from protocols.scoring.model import SecretModel
from protocols.transcript import digest

_ADMITTED_FIELDS: TypeAdapter[tuple[AdmittedField, ...]] = TypeAdapter(tuple[AdmittedField, ...])
Tell = Callable[[Check], None]
Progress = Callable[[str, int, int], None]
"""Told (what is done, done, all)."""


@dataclass(frozen=True)
class ReviewOrder:
    """What is to be reviewed."""

    dossier: Path
    frequencies: tuple[bytes, ...]
    """Signed frequencies, of the model's bureau; several where it has several feature sets."""
    known: tuple[str, ...] = ()
    """Catalogue fields that the bank holds itself, besides those that its own model file names."""
    together: tuple[Path, ...] = ()
    """Dossiers of models that may be used with this one on one enterprise."""


@dataclass
class _Findings:
    """Checks as they come."""

    tell: Tell
    checks: list[Check] = field(default_factory=list)

    def add(self, *checks: Check) -> None:
        for check in checks:
            self.checks.append(check)
            self.tell(check)


@dataclass(frozen=True)
class _Measured:
    views: tuple[ViewFigures, ...]
    histogram: Histogram | None
    combinations: tuple[CombinationFigures, ...]
    digests: tuple[str, ...]


def review(office: AuditorOffice, order: ReviewOrder, tell: Tell, progress: Progress) -> ReviewResult:
    """Review a dossier and keep what was found; the log says that it was reviewed, whether it passed or not.

    Args:
        office: who reviews.
        order: what.
        tell: gets every check as it is made; a library that is not the profile's comes before anything else.
        progress: told of columns and fields.

    Raises:
        Refusal: ``INVALID_INPUT``, ``PEER_UNTRUSTED``, ``FIELD_NOT_ALLOWED``, ``BOUND_EXCEEDED``: a file cannot be
            reviewed at all; whose fault it is, is named.
    """
    findings = _Findings(tell)
    libraries = {engine: inspect(engine) for engine in Engine}
    broken = {engine: check for engine, library in libraries.items() if (check := _library_fault(library))}
    findings.add(*broken.values())
    with ExitStack() as opened:
        reader = _open(office, order.dossier, opened)
        papers = read_papers(reader.content, office.key_of)
        populations = [read_population(data, papers.catalogue, office.key_of) for data in order.frequencies]
        others = [_other(office, path, opened, progress) for path in order.together]
        header = reader.content.header
        if header.engine not in broken:
            findings.add(_library_check(libraries[header.engine], header.engine_library_sha256))
        findings.add(*check_agreements(papers, office.party_id, office.clock()))
        findings.add(*check_description(papers, reader.content, office.clock()))
        comparison = compare(reader, papers, lambda done, total: progress("columns", done, total))
    findings.add(*comparison.checks)
    measured = _measure(reader, papers, populations, others, order, findings, progress)
    result = ReviewResult(
        dossier=reader.digest,
        auditor=office.party_id,
        reviewed_at=datetime.fromtimestamp(office.clock() // 1000, UTC),
        facts=_facts(reader, papers, comparison, libraries[header.engine]),
        agreements=papers.agreement_facts,
        thresholds=papers.thresholds,
        checks=tuple(findings.checks),
        noise=comparison.noise,
        histogram=measured.histogram,
        views=measured.views,
        combinations=measured.combinations,
        frequencies_digests=measured.digests,
    )
    office.record(result)
    return result


def _open(office: AuditorOffice, path: Path, opened: ExitStack) -> DossierReader:
    try:
        file: BinaryIO = opened.enter_context(path.open("rb"))
    except OSError as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {error.strerror}") from None
    return DossierReader(file, office.party_id, office.encryption_key, lambda bank: office.key_of(bank, Role.BANK))


# ---- the library


def _library_fault(library: EngineLibrary) -> Check | None:
    if library.certified:
        return None
    if library.changed:
        what = f"files differ from the installed package: {', '.join(library.changed)}"
    elif not library.answers_right:
        what = "the known answer does not come out"
    else:
        what = f"this build of {library.versions} is not one that the profile was verified with"
    return Check(
        subject=Subject.LIBRARY,
        outcome=Outcome.FAILED,
        text=f"engine library of {library.engine}: {what}",
        value=library.sha256,
        advice="Install this release with the hashes of requirements/runtime.txt, on a machine of its own.",
    )


def _library_check(library: EngineLibrary, of_bank: str) -> Check:
    if of_bank == library.sha256:
        text = f"engine library: {library.versions}, known answer right, the same build as at the bank"
        return Check(subject=Subject.LIBRARY, outcome=Outcome.PASSED, text=text, value=library.sha256)
    if of_bank in CERTIFIED[library.engine]:  # another Python's wheel of the same release: it computes the same
        text = f"engine library: {library.versions}, known answer right; the bank has another certified build of it"
        return Check(
            subject=Subject.LIBRARY, outcome=Outcome.PASSED, text=text, value=of_bank, threshold=library.sha256
        )
    return Check(
        subject=Subject.LIBRARY,
        outcome=Outcome.FAILED,
        text=f"engine library: the bank made the model with another build than {library.versions}",
        value=of_bank,
        threshold=library.sha256,
        advice="The bank installs this release with the hashes of requirements/runtime.txt and builds the model again.",
    )


# ---- leakage


def _other(office: AuditorOffice, path: Path, opened: ExitStack, progress: Progress) -> tuple[str, str, SecretModel]:
    """Return id, name and SECRET points of a model that is used together with the one under review.

    Its ciphertexts are compared as well: else nothing would tie the points of this file to the model's id.
    """
    reader = _open(office, path, opened)
    papers = read_papers(reader.content, office.key_of)
    compared = compare(reader, papers, lambda done, total: progress(f"columns of {path.name}", done, total))
    checks = [*check_description(papers, reader.content, office.clock()), *compared.checks]
    for check in checks:
        if check.outcome is Outcome.FAILED:
            raise Refusal(
                Code.INVALID_INPUT, f"{path.name}, a model to be used with this one: {check.text}", side=Side.BANK
            )
    return reader.content.header.model_id, f"{papers.card.name}@{papers.card.version}", papers.secret_model


def _measure(
    reader: DossierReader,
    papers: Papers,
    populations: Sequence[Population],
    others: Sequence[tuple[str, str, SecretModel]],
    order: ReviewOrder,
    findings: _Findings,
    progress: Progress,
) -> _Measured:
    question = _question(reader, papers, order)
    findings.add(*_check_populations(populations))
    views: list[ViewFigures] = []
    histogram = None
    for population in populations:
        figures, checks, histogram = measure_views(question, population, progress)
        views += figures
        findings.add(*checks)
    combinations = []
    if others:
        own = (reader.content.header.model_id, f"{papers.card.name}@{papers.card.version}")
        bits = min(agreement.certification.max_bits_per_enterprise for agreement in papers.agreements)
        combination, checks = measure_together(question, others, own, populations, bits, progress)
        combinations.append(combination)
        findings.add(*checks)
    findings.add(*_check_predecessor(reader.content.header.predecessor, papers.description, others))
    return _Measured(tuple(views), histogram, tuple(combinations), tuple(each.digest for each in populations))


def _question(reader: DossierReader, papers: Papers, order: ReviewOrder) -> LeakageQuestion:
    read = set(papers.compiled.fields)
    own = {each.field for each in papers.card.bank_fields}
    if strange := sorted(set(order.known) - set(papers.catalogue.by_id)):
        raise Refusal(Code.INVALID_INPUT, f"known: {strange[0]} is no field of the catalogue")
    return LeakageQuestion(
        model=papers.secret_model,
        described=papers.compiled.described,
        sensitivity=sensitivities(papers.catalogue),
        known=frozenset((set(order.known) | own) & read),
        thresholds=papers.thresholds,
        seed=digest("certification/sampling-seed", bytes.fromhex(reader.content.header.model_id)),
    )


def _check_populations(populations: Sequence[Population]) -> list[Check]:
    return [
        Check(
            subject=Subject.FREQUENCIES,
            outcome=Outcome.PASSED,
            text=f"frequencies of {each.frequencies.feature_set}, signed by {each.frequencies.bureau}: "
            f"{each.frequencies.rows:,} enterprises as of {each.frequencies.as_of}",
        )
        for each in populations
    ]


def _check_predecessor(
    predecessor: str, description: ModelDescription, others: Sequence[tuple[str, str, SecretModel]]
) -> list[Check]:
    """A successor of a model without a joint figure replaces it on new enterprises only."""
    if not description.supersedes or any(model_id == predecessor for model_id, _, _ in others):
        return []
    return [
        Check(
            subject=Subject.COMBINATION,
            outcome=Outcome.WARNING,
            text=f"it supersedes version {description.supersedes} and carries no joint figure with it: an enterprise "
            "that was scored with that version within the agreement's term gets no score from this one",
            advice="Review again with --with and that version's dossier, if both are to be used on one enterprise.",
        )
    ]


def _facts(reader: DossierReader, papers: Papers, comparison: Comparison, library: EngineLibrary) -> ModelFacts:
    header, card = reader.content.header, papers.card
    described = json.loads(papers.description.to_json())["fields"]
    return ModelFacts(
        bank=header.bank,
        bureaus=header.bureaus,
        model_id=header.model_id,
        name=card.name,
        version=card.version,
        model_class=card.model_class,
        purposes=card.purposes,
        engine=header.engine,
        profile=header.profile,
        engine_library_sha256=library.sha256,
        public_key_digest=comparison.public_key_digest,
        ciphertext_digests=comparison.ciphertext_digests,
        encrypted_digest=comparison.encrypted_digest,
        catalogue_id=papers.catalogue.catalogue_id,
        catalogue_version=papers.catalogue.version,
        fields=_ADMITTED_FIELDS.validate_json(json.dumps(described)),
        predecessor=header.predecessor,
        expires_at=datetime.fromtimestamp(card.expires_at, UTC),
    )
