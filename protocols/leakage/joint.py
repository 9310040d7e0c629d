"""What the scores of several models together say about each field (README §6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from protocols.errors import ParameterError
from protocols.leakage.cells import FieldCells
from protocols.leakage.combination import combine, independent_models, most_combinations, pack, unknowns
from protocols.leakage.distribution import EMPTY, TooManyScoresError
from protocols.leakage.measure import Leakage, Method, Progress, bound, check, measure
from protocols.leakage.population import FieldPoints, Sensitivity, populate
from protocols.leakage.sampled import sampled_fields
from protocols.randomness import Randomness
from protocols.scoring.model import SecretModel

DEFAULT_SAMPLES = 2**10


@dataclass(frozen=True)
class JointLeakage:
    """The figures of ``models`` models together, on the common refinement of their bins.

    The distribution, and the points of the bins, are those of the models' scores packed into one number. ``rank``: how
    many of the models are linearly independent; ``unknowns``: free bins of all fields, which as many of them solve.
    """

    leakage: Leakage
    models: int
    rank: int
    unknowns: int

    @property
    def warning(self) -> str:
        """One sentence for people on the rank."""
        return (
            f"{self.rank} of {self.models} models are independent; "
            f"{self.unknowns} independent models give away every bin of every field"
        )


def measure_joint(
    models: Sequence[SecretModel],
    cells: Mapping[str, FieldCells],
    sensitivity: Mapping[str, Sensitivity],
    randomness: Randomness,
    known: Collection[str] = (),
    samples: int = DEFAULT_SAMPLES,
    progress: Progress | None = None,
) -> JointLeakage:
    """Return what all scores of ``models`` on one enterprise say about each field, the fields being independent.

    Exact where the scores reach few enough combinations; else averaged over ``samples`` sampled ones, with a standard
    error; else the worst conceivable. ``distinct_scores`` counts combinations.

    Raises:
        ParameterError: no models, or as :func:`~protocols.leakage.population.field_points` and
            :func:`~protocols.leakage.measure.measure`.
    """
    if not models:
        raise ParameterError("a combination has at least one model")
    fields = combine(models)
    packed = pack(fields)
    sums = [field.points[0] for field in fields] if packed is None else packed
    populated = [
        populate(field.field, field.parts, tuple(points.tolist()), cells, sensitivity)
        for field, points in zip(fields, sums, strict=True)
    ]
    check(populated, known)
    leakage = bound(populated, known) if packed is None else _measured(populated, randomness, known, samples, progress)
    if leakage.method is not Method.EXACT:
        leakage = replace(leakage, distinct_scores=most_combinations(fields))
    return JointLeakage(leakage, len(models), independent_models(fields), unknowns(fields))


def _measured(
    fields: Sequence[FieldPoints],
    randomness: Randomness,
    known: Collection[str],
    samples: int,
    progress: Progress | None,
) -> Leakage:
    exact = measure(fields, known, progress)
    unknown = [field for field in fields if field.field not in known]
    if exact.method is Method.EXACT or not unknown:
        return exact
    try:
        figures, drawn = sampled_fields(unknown, randomness, samples)
    except TooManyScoresError:
        return exact
    return Leakage(Method.MONTE_CARLO, EMPTY, figures, exact.distinct_scores, drawn)
