"""What a score says where fields go together: a Gaussian copula over the same frequencies, sampled (README §5).

Independence understates: fields that move together give each other away. Each field keeps its frequencies, each pair
of fields its rank correlation, and samples from a seed replace the convolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.leakage.correlation import RankCorrelation, latent_factor, normal_quantile, normals
from protocols.leakage.distribution import BLOCK, collect, score_count
from protocols.leakage.figures import Block, FieldLeakage, field_leakage
from protocols.leakage.measure import Leakage, Method, Progress, check
from protocols.leakage.population import FieldPoints
from protocols.randomness import Randomness

DEFAULT_SAMPLES = 2**18


@dataclass(frozen=True, eq=False)
class _Sample:
    """Drawn enterprises: the bin of each field, shape (samples,), and where each score stands among those drawn."""

    bins: tuple[NDArray[np.integer], ...]
    positions: NDArray[np.intp]
    size: int


def measure_correlated(
    fields: Sequence[FieldPoints],
    correlation: RankCorrelation,
    randomness: Randomness,
    samples: int = DEFAULT_SAMPLES,
    progress: Progress | None = None,
) -> Leakage:
    """Return what the score says about each field where the fields' ranks go together as ``correlation`` says.

    ``gain`` takes the likeliest bin from the samples that it is judged on, so it errs upwards; ``gain_low`` takes it
    from the other half of the samples and errs downwards. The truth lies between them, up to the standard error.

    Raises:
        ParameterError: as :func:`~protocols.leakage.measure.measure`; a field that the correlations do not name;
            fewer than 1,024 samples.
    """
    check(fields, ())
    if samples < 1024:
        raise ParameterError("the copula needs 1,024 samples at least")
    factor = latent_factor(correlation.among([field.field for field in fields]))
    drawn, scores = _draw(fields, factor, randomness, samples)
    distribution = collect(scores, np.full(samples, 1 / samples))
    sample = _Sample(drawn, distribution.positions(scores), distribution.size)
    measured = tuple(_fields(fields, sample, progress))
    return Leakage(
        Method.MONTE_CARLO, distribution, measured, score_count([field.points_array for field in fields]), samples
    )


def _draw(
    fields: Sequence[FieldPoints], factor: NDArray[np.float64], randomness: Randomness, samples: int
) -> tuple[tuple[NDArray[np.integer], ...], NDArray[np.int64]]:
    """Return the bins of every field and the scores of ``samples`` enterprises."""
    limits = [_limits(field) for field in fields]
    bins = tuple(np.empty(samples, dtype=np.min_scalar_type(len(field.points))) for field in fields)
    scores = np.zeros(samples, dtype=np.int64)
    step = max(BLOCK // len(fields), 1)
    for start in range(0, samples, step):
        part = slice(start, min(start + step, samples))
        latent = factor @ normals(randomness, len(fields), part.stop - start)
        for field, (cuts, by_rank), out, row in zip(fields, limits, bins, latent, strict=True):
            out[part] = by_rank[np.searchsorted(cuts, row)]
            scores[part] += field.points_array[out[part]]
    return bins, scores


def _limits(field: FieldPoints) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return where one bin ends and the next begins on the latent scale, and the bins by rank."""
    by_rank = np.argsort(np.array(field.order or range(len(field.points))))
    below = np.cumsum(np.array(field.prior)[by_rank])[:-1]
    return np.array([normal_quantile(share) for share in below.tolist()]), by_rank


def _fields(fields: Sequence[FieldPoints], sample: _Sample, progress: Progress | None) -> Iterator[FieldLeakage]:
    for done, (field, bins) in enumerate(zip(fields, sample.bins, strict=True), start=1):
        yield _field(field, bins.astype(np.intp), sample)
        if progress is not None:
            progress(done, len(fields))


def _field(field: FieldPoints, bins: NDArray[np.intp], sample: _Sample) -> FieldLeakage:
    block = _counted(bins, sample.positions, sample.size)
    found = field_leakage(field, lambda: iter((block,)), sample.size, bins.size)
    return replace(found, gain_low=min(_gain_low(field, bins, sample), found.gain))


def _counted(bins: NDArray[np.intp], positions: NDArray[np.intp], size: int) -> Block:
    """Return the pairs of bin and position that were drawn, with their share of all samples."""
    pairs, counts = np.unique(bins * size + positions, return_counts=True)
    return pairs // size, pairs % size, counts / bins.size


def _gain_low(field: FieldPoints, bins: NDArray[np.intp], sample: _Sample) -> float:
    """Return the gain of a guesser who learned from one half of the samples and is judged on the other."""
    halves, hits = (slice(0, None, 2), slice(1, None, 2)), 0
    for learned, judged in (halves, halves[::-1]):
        of_pair, at, counts = _counted(bins[learned], sample.positions[learned], sample.size)
        ascending = np.argsort(counts, kind="stable")
        guess = np.full(sample.size, int(np.argmax(field.prior)))
        guess[at[ascending]] = of_pair[ascending]  # the last one written, the most frequent, stays
        hits += int(np.count_nonzero(guess[sample.positions[judged]] == bins[judged]))
    return max(hits / bins.size - max(field.prior), 0.0)
