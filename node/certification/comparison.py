"""Key and ciphertexts of a dossier beside those that its seed gives, with what is wrong in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from node.certification.digests import ciphertext_digest, public_key_digest
from node.certification.dossier import DossierReader
from node.certification.papers import Papers
from node.certification.result import Check, NoiseFigures, Outcome, Subject
from node.codes import Code, Engine, Side
from node.errors import Refusal
from node.scorecards.public import DescribedBins, DescribedField, DescribedGroups
from protocols.encoding import Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.scoring import bounds
from protocols.scoring.engine import SecretKeyMaterial, encoded_model_bytes
from protocols.scoring.engines import ENGINES, engine_of_profile
from protocols.scoring.remake import ColumnReview, ColumnState, noise_of, review_columns
from protocols.scoring.wire import wire_format
from protocols.transcript import RunningDigest

MOST_NAMED = 8
"""Columns that one check names; the rest is counted."""
_WORDS = {
    ColumnState.OTHER_WEIGHT: "does not hold the points that the scorecard says",
    ColumnState.OTHER_RANDOMNESS: "holds its points, but not under the randomness of the seed",
    ColumnState.MALFORMED: "is no canonical ciphertext",
}
_ADVICE = "The bank builds the model again with banktax model build and writes a new dossier of what that made."

ColumnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Comparison:
    """What became of it: the digests of what was GIVEN, and every check."""

    public_key_digest: str
    ciphertext_digests: tuple[str, ...]
    encrypted_digest: str
    noise: NoiseFigures
    checks: tuple[Check, ...]


def compare(reader: DossierReader, papers: Papers, progress: ColumnProgress) -> Comparison:
    """Make key and ciphertexts again and compare, one column at a time: memory does not grow with the model.

    Raises:
        Refusal: ``INVALID_INPUT``: the file is truncated or was changed, its seed makes no key, or it has another
            number of ciphertexts than the model has columns.
    """
    header, model = reader.content.header, papers.secret_model
    key = _key(header.engine, reader.content.master)
    public_key, count = reader.public_key_and_count()
    if count != model.public.column_count:
        raise _bank_fault(f"{count} ciphertexts for {model.public.column_count} columns")
    checks = list(_check_key(header.engine, key, public_key))
    running = _encrypted_digest(header.profile, public_key, count)
    digests: list[str] = []

    def given() -> Iterator[bytes]:
        for ciphertext in reader.ciphertexts(count):
            running.update(ciphertext)
            digests.append(ciphertext_digest(ciphertext))
            yield ciphertext

    reviews = []
    for review in review_columns(header.profile, key, model, given()):
        reviews.append(review)
        progress(len(reviews), count)
    checks += _check_columns(reviews, _column_names(papers.compiled.described))
    checks += _check_randomness(reviews)
    checks.append(_check_digest(running.digest().hex(), papers.description.encrypted_digest.hex()))
    noise = _noise(header.profile, papers, reviews)
    checks.append(_check_noise(noise))
    return Comparison(public_key_digest(public_key), tuple(digests), running.digest().hex(), noise, tuple(checks))


def _key(engine: Engine, master: bytes) -> SecretKeyMaterial:
    try:
        return ENGINES[engine].generate(master)
    except ParameterError as fault:
        raise _bank_fault(str(fault)) from None


def _encrypted_digest(profile: str, public_key: bytes, count: int) -> RunningDigest:
    """Begin the digest of the encrypted model's canonical encoding (``EncryptedModel.digest``)."""
    running = RunningDigest("scoring/encrypted-model", encoded_model_bytes(profile, count))
    running.update(Writer().text(profile).uint(count, 4).finish())
    running.update(public_key)
    return running


def _check_key(engine: Engine, key: SecretKeyMaterial, given: bytes) -> Iterator[Check]:
    try:
        wire_format(ENGINES[engine].profile).check_ciphertexts(given, ())
    except PeerProtocolError as fault:
        yield _failed(Subject.PUBLIC_KEY, f"the public key cannot be used: {fault}")
        return
    if ENGINES[engine].public_key(key) == given:
        what = "modulus and primes are" if engine is Engine.PAILLIER else "public key is"
        yield _passed(Subject.PUBLIC_KEY, f"the {what} what the seed gives, bit for bit")
    else:
        yield _failed(Subject.PUBLIC_KEY, "the public key is not the one that the seed gives")


def _check_columns(reviews: Sequence[ColumnReview], names: Sequence[str]) -> Iterator[Check]:
    for state, words in _WORDS.items():
        places = [place for place, review in enumerate(reviews) if review.state is state]
        if not places:
            continue
        listed = "; ".join(f"column {place} ({names[place]})" for place in places[:MOST_NAMED])
        more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
        yield _failed(Subject.CIPHERTEXTS, f"{listed}{more}: {words}", f"{len(places)} of {len(reviews)} columns")
    if all(review.state is ColumnState.SAME for review in reviews):
        yield _passed(Subject.CIPHERTEXTS, f"all {len(reviews)} ciphertexts are what the seed gives, bit for bit")


def _check_randomness(reviews: Sequence[ColumnReview]) -> Iterator[Check]:
    """Two ciphertexts under the same randomness differ by the difference of their weights, in the clear."""
    first: dict[bytes, int] = {}
    shared = []
    for place, review in enumerate(reviews):
        if review.randomness and (before := first.setdefault(review.randomness, place)) != place:
            shared.append((before, place))
    if not shared:
        yield _passed(Subject.RANDOMNESS, "no two ciphertexts share their randomness")
        return
    listed = "; ".join(f"columns {before} and {place}" for before, place in shared[:MOST_NAMED])
    more = f" and {len(shared) - MOST_NAMED} more pairs" if len(shared) > MOST_NAMED else ""
    yield _failed(Subject.RANDOMNESS, f"{listed}{more} use the same randomness", f"{len(shared)} pairs")


def _check_digest(found: str, announced: str) -> Check:
    if found == announced:
        return _passed(Subject.DIGEST, "the digest of key and ciphertexts is the one that the bank registers")
    return _failed(Subject.DIGEST, "key and ciphertexts have another digest than the one that the bank registers")


def _noise(profile: str, papers: Papers, reviews: Sequence[ColumnReview]) -> NoiseFigures:
    norms = tuple(review.noise_norm for review in reviews)
    found = noise_of(profile, papers.secret_model, norms)
    worst = engine_of_profile(profile).noise_distance_log2(papers.secret_model.public)
    return NoiseFigures(
        distance_log2=found.distance_log2 if math.isfinite(found.distance_log2) else None,
        worst_case_log2=worst if math.isfinite(worst) else None,
        total_bound=math.ceil(found.total_bound),
        largest_coefficient=max(review.largest_coefficient for review in reviews),
        norms=norms,
    )


def _check_noise(noise: NoiseFigures) -> Check:
    if noise.distance_log2 is None:
        return _passed(Subject.NOISE, "a response is re-randomised: it shows the score and nothing else")
    figures = {"value": f"2^{noise.distance_log2:.2f}", "threshold": f"2^{bounds.DISTANCE_LIMIT_LOG2:.0f}"}
    if noise.distance_log2 <= bounds.DISTANCE_LIMIT_LOG2:
        text = "from the real errors, one response is that close to showing the score alone"
        return Check(subject=Subject.NOISE, outcome=Outcome.PASSED, text=text, **figures)
    text = "the noise of a response could show more than the score"
    advice = "Fewer columns, or coarser quanta of the linear fields."
    return Check(subject=Subject.NOISE, outcome=Outcome.FAILED, text=text, advice=advice, **figures)


def _column_names(fields: Sequence[DescribedField]) -> list[str]:
    return [f"{field.field}, {name}" for field in fields for name in bin_names(field)]


def bin_names(field: DescribedField) -> tuple[str, ...]:
    """Return what a person calls the columns of a field, in order."""
    match field:
        case DescribedBins():
            cuts = field.edges
            if not cuts:
                return ("any value", "missing")
            middle = (f"[{low}, {high})" for low, high in itertools.pairwise(cuts))
            return (f"below {cuts[0]}", *middle, f"{cuts[-1]} and above", "missing")
        case DescribedGroups():
            return (*(", ".join(group) for group in field.groups), "other", "missing")
        case _:
            return ("value", "missing")


def _passed(subject: Subject, text: str) -> Check:
    return Check(subject=subject, outcome=Outcome.PASSED, text=text)


def _failed(subject: Subject, text: str, value: str = "") -> Check:
    return Check(subject=subject, outcome=Outcome.FAILED, text=text, value=value, advice=_ADVICE)


def _bank_fault(detail: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, f"dossier: {detail}", side=Side.BANK, remedy=_ADVICE)
