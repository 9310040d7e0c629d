"""What a model's score gives away over a bureau's frequencies, beside the thresholds (docs/certification.md).

Views: the fields independent of each other; correlated as the bureau's ranks are; given the fields that the bank holds
itself; and together with other models on one enterprise. Sampling is seeded by the model, so that every auditor who has
the same dossier and the same frequencies gets the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from node.certification.comparison import bin_names
from node.certification.result import (
    BinFigures,
    Check,
    CombinationFigures,
    FieldFigures,
    Histogram,
    Outcome,
    Subject,
    ThresholdFacts,
    ViewFigures,
)
from node.codes import Code, Role, Side
from node.errors import Refusal
from node.policy import frequencies as frequencies_policy
from node.policy.catalogue import Catalogue
from node.policy.frequencies import Frequencies
from node.policy.frequency_cells import field_cells, rank_correlation
from node.scorecards.public import DescribedField, DescribedLinear
from protocols.errors import ParameterError
from protocols.leakage.cells import FieldCells
from protocols.leakage.copula import measure_correlated
from protocols.leakage.correlation import RankCorrelation
from protocols.leakage.distribution import ScoreDistribution
from protocols.leakage.figures import FieldLeakage
from protocols.leakage.joint import JointLeakage, measure_joint
from protocols.leakage.measure import Leakage, measure
from protocols.leakage.population import FieldPoints, Sensitivity, field_points
from protocols.leakage.thresholds import Finding, Thresholds, View, judge
from protocols.primitives.signing import VerifyKey
from protocols.randomness import SeededRandomness
from protocols.scoring.model import SecretModel
from protocols.transcript import digest

BARS = 60
"""Bars of the score distribution at most."""
LeakageProgress = Callable[[str, int, int], None]
"""Told (what is measured, done, all)."""
_ADVICE = "Ask the bureau for frequencies of the model's catalogue: banktax data frequencies."


@dataclass(frozen=True)
class Population:
    """One bureau's frequencies, verified and fitted to its catalogue."""

    frequencies: Frequencies
    digest: str
    cells: Mapping[str, FieldCells]
    correlation: RankCorrelation


def read_population(data: bytes, catalogue: Catalogue, key_of: Callable[[str, Role], VerifyKey]) -> Population:
    """Verify the frequencies of a file against a catalogue.

    Raises:
        Refusal: ``INVALID_INPUT``: malformed, counts that do not sum to the enterprises, an edge off the grid, another
            catalogue or bureau; ``PEER_UNTRUSTED``: not signed by a bureau that is trusted here.
    """
    draft, document = frequencies_policy.read(data)
    frequencies = frequencies_policy.verify(document, key_of(draft.bureau, Role.BUREAU))
    cells = field_cells(frequencies, catalogue)
    return Population(frequencies, document.digest.hex(), cells, rank_correlation(frequencies))


@dataclass(frozen=True, repr=False)
class LeakageQuestion:
    """What is measured: one model of a catalogue and what the bank knows besides. SECRET: the model's points."""

    model: SecretModel
    described: tuple[DescribedField, ...]
    sensitivity: Mapping[str, Sensitivity]
    known: frozenset[str]
    thresholds: ThresholdFacts
    seed: bytes
    """32 bytes that every auditor of this model derives alike."""

    def thresholds_for_judging(self) -> Thresholds:
        """The thresholds as :func:`protocols.leakage.thresholds.judge` takes them."""
        return Thresholds(**self.thresholds.model_dump())


def sensitivities(catalogue: Catalogue) -> dict[str, Sensitivity]:
    """Return how closely each field of a catalogue is guarded."""
    return {field.id: Sensitivity(str(field.sensitivity)) for field in catalogue.fields}


def measure_views(
    question: LeakageQuestion, population: Population, progress: LeakageProgress
) -> tuple[list[ViewFigures], list[Check], Histogram | None]:
    """Return the figures of one model in every view, what the thresholds say of them, and the score distribution.

    Raises:
        Refusal: ``INVALID_INPUT``: the frequencies do not count a field of the model.
    """
    figures, checks, histogram = [], [], None
    for view, leakage in _guarded(_views(question, population, progress)):
        known = sorted(question.known) if view is View.GIVEN_BANK_FIELDS else []
        figures.append(_figures(view, leakage, population, known))
        checks += _judged(leakage, question, view, population)
        if view is View.INDEPENDENT:
            histogram = _histogram(leakage.distribution)
    return figures, checks, histogram


def _views(
    question: LeakageQuestion, population: Population, progress: LeakageProgress
) -> Iterator[tuple[View, Leakage]]:
    fields = _named(field_points(question.model, population.cells, question.sensitivity), question.described)

    def told(what: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(what, done, total)

    yield View.INDEPENDENT, measure(fields, (), told("independent fields"))
    randomness = SeededRandomness(digest("certification/sampling", question.seed, b"correlated"))
    correlated = measure_correlated(fields, population.correlation, randomness, progress=told("correlated fields"))
    yield View.CORRELATED, correlated
    if question.known:
        yield View.GIVEN_BANK_FIELDS, measure(fields, question.known, told("given the bank's fields"))


def _named(fields: Sequence[FieldPoints], described: Sequence[DescribedField]) -> tuple[FieldPoints, ...]:
    """Return the fields with their bins called as the model file calls them: decimals and codes, not ticks."""
    return tuple(
        field if isinstance(told, DescribedLinear) else replace(field, labels=_labels(field, bin_names(told)))
        for field, told in zip(fields, described, strict=True)
    )


def _labels(field: FieldPoints, names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) == len(field.labels) + 1:  # groups that leave no code over: nobody can be in «other»
        return (*names[:-2], names[-1])
    return names


def measure_together(
    question: LeakageQuestion,
    others: Sequence[tuple[str, str, SecretModel]],
    own: tuple[str, str],
    populations: Sequence[Population],
    maximum_bits: int,
    progress: LeakageProgress,
) -> tuple[CombinationFigures, list[Check]]:
    """Return the figures of several models on one enterprise, and what the thresholds say of them.

    Args:
        question: the model under review.
        others: model id, name and SECRET model of each other one.
        own: model id and name of the model under review.
        populations: over which frequencies.
        maximum_bits: what the agreement's ledger allows on one enterprise.
        progress: told of fields.
    """
    models = [question.model, *(model for _, _, model in others)]
    views: list[ViewFigures] = []
    checks: list[Check] = []
    for population in populations:
        randomness = SeededRandomness(digest("certification/sampling", question.seed, b"joint"))
        with_progress = _told(progress, "models together")
        try:
            joint = measure_joint(
                models,
                population.cells,
                question.sensitivity,
                randomness,
                tuple(question.known),
                progress=with_progress,
            )
        except ParameterError as fault:
            raise _misfit(fault) from None
        views.append(_figures(View.COMBINATION, joint.leakage, population, sorted(question.known)))
        checks += _judged_together(joint.leakage, question, population, maximum_bits)
    combination = CombinationFigures(
        model_ids=(own[0], *(model_id for model_id, _, _ in others)),
        models=(own[1], *(name for _, name, _ in others)),
        rank=joint.rank,
        unknowns=joint.unknowns,
        views=tuple(views),
    )
    return combination, [*checks, _rank_check(joint)]


def _told(progress: LeakageProgress, what: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)


def _guarded(views: Iterator[tuple[View, Leakage]]) -> Iterator[tuple[View, Leakage]]:
    try:
        yield from views
    except ParameterError as fault:
        raise _misfit(fault) from None


def _misfit(fault: ParameterError) -> Refusal:
    return Refusal(Code.INVALID_INPUT, f"frequencies: {fault}", side=Side.BUREAU, remedy=_ADVICE)


# ---- figures


def _figures(view: View, leakage: Leakage, population: Population, known: Sequence[str]) -> ViewFigures:
    return ViewFigures(
        view=str(view),
        bureau=population.frequencies.bureau,
        feature_set=population.frequencies.feature_set,
        method=str(leakage.method),
        samples=leakage.samples,
        distinct_scores=leakage.distinct_scores,
        score_bits_milli=leakage.score_bits_milli,
        known=tuple(known),
        fields=tuple(map(_field, leakage.fields)),
    )


def _field(found: FieldLeakage) -> FieldFigures:
    """Keep the figures and not the points."""
    return FieldFigures(
        field=found.field,
        sensitivity=str(found.sensitivity),
        largest_prior=found.largest_prior,
        gain=max(found.gain, found.run_gain),
        standard_error=found.standard_error,
        disclosed_share=max(found.disclosed_share, found.run_share),
        worst_bin=found.worst_bin,
        worst_posterior=found.worst_posterior,
        uncertain_share=found.uncertain_share,
        bins=tuple(
            BinFigures(
                label=each.label,
                prior=each.prior,
                disclosed_share=each.disclosed_share,
                worst_posterior=each.worst_posterior,
            )
            for each in found.bins
        ),
    )


def _histogram(distribution: ScoreDistribution) -> Histogram | None:
    if not distribution.scores.size:
        return None
    low, high = int(distribution.scores[0]), int(distribution.scores[-1])
    width = max(-(-(high - low + 1) // BARS), 1)
    places = (distribution.scores - low) // width
    shares = np.bincount(places, distribution.probabilities, int(places[-1]) + 1)
    return Histogram(low=low, width=width, shares=tuple(shares.tolist()))


# ---- checks


def _judged(leakage: Leakage, question: LeakageQuestion, view: View, population: Population) -> list[Check]:
    findings = judge(leakage, question.thresholds_for_judging(), view)
    where = f"{_WORDS[view]}, over {population.frequencies.feature_set} of {population.frequencies.bureau}"
    if not findings:
        return [Check(subject=Subject.LEAKAGE, outcome=Outcome.PASSED, text=f"{where}: within every threshold")]
    return [_finding_check(finding, Subject.LEAKAGE) for finding in findings]


def _judged_together(
    leakage: Leakage, question: LeakageQuestion, population: Population, maximum_bits: int
) -> list[Check]:
    """Judge gains and shares; how many scores there are together is a matter of the ledger's bits."""
    findings = judge(leakage, question.thresholds_for_judging(), View.COMBINATION)
    checks = [_finding_check(each, Subject.COMBINATION) for each in findings if each.figure != "distinct_scores"]
    bits = leakage.score_bits_milli / 1000
    if leakage.score_bits_milli > 1000 * maximum_bits:
        checks.append(
            Check(
                subject=Subject.COMBINATION,
                outcome=Outcome.FAILED,
                text="the models together carry more bits than the agreement allows on one enterprise",
                value=f"{bits:.3f}",
                threshold=str(maximum_bits),
                advice="Coarser points, or fewer models together.",
            )
        )
    if checks:
        return checks
    text = f"together, over {population.frequencies.feature_set} of {population.frequencies.bureau}: {bits:.3f} bits"
    return [Check(subject=Subject.COMBINATION, outcome=Outcome.PASSED, text=f"{text}, within every threshold")]


def _rank_check(joint: JointLeakage) -> Check:
    """The rank says how much linear algebra alone can solve for; it is a warning, never a threshold."""
    outcome = Outcome.WARNING if joint.rank >= joint.unknowns else Outcome.PASSED
    return Check(subject=Subject.COMBINATION, outcome=outcome, text=joint.warning)


def _finding_check(finding: Finding, subject: Subject) -> Check:
    whole = finding.figure == "distinct_scores"
    return Check(
        subject=subject,
        outcome=Outcome.FAILED,
        text=finding.text,
        value=f"{finding.value:.0f}" if whole else f"{finding.value:.4f}",
        threshold=f"{finding.threshold:.0f}" if whole else f"{finding.threshold:.4f}",
        advice=finding.advice,
    )


_WORDS = {
    View.INDEPENDENT: "fields independent",
    View.CORRELATED: "fields correlated as the bureau's are",
    View.GIVEN_BANK_FIELDS: "given the fields that the bank holds itself",
}
