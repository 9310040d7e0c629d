"""Why a seed fails with at most 2^-λ: the three ways in which it can, each with its bound. README clause 4.3.

1. *Dependent rows.* An item's row over GF(2) has one random position in each of three thirds of its bin, and random
   bits in the dense columns. The system has a solution for all values iff no set of rows sums to zero. By linearity of
   expectation the expected number of such sets of s rows within one bin is ``C(n, s) p_s^3 2^-dense``, with ``p_s`` the
   probability that s balls fill every one of b places evenly (:func:`dependent_sets`); no experiment is extrapolated.
   This is the first-moment argument of Garimella, Pinkas, Rosulek, Trieu and Yanai (eprint 2021/883, section 4.1) for
   binary dense columns.
2. *A bin too full.* Chernoff's bound in its relative-entropy form (:func:`fullest_bin`).
3. *A core too large.* What peeling leaves over is eliminated, up to a limit. Below the peeling threshold the core is
   empty or tiny but for a probability that Raghuraman and Rindal measured (eprint 2022/320, section 3.2, weight 3):
   :func:`large_core_expansion`. It is the only one of the three that rests on an experiment, theirs.
"""

from __future__ import annotations

from math import ceil, log, log2

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

_PEELING_THRESHOLD = 1.223
"""eprint 2022/320, section 3.2: e* for weight 3; the exact threshold of random 3-uniform hypergraphs is 1.2218."""
_BITS_AT_THRESHOLD = -9.2
"""The same section: λ where the line of λ over e meets e*."""


def large_core_expansion(items: int, bits: float) -> float:
    """Return the positions per item at which peeling leaves a large core with at most ``2^-bits``.

    eprint 2022/320, section 3.2, weight w = 3: ``λ = a (e - 1.223) - 9.2`` with
    ``log2 a = 0.555 log2 n + 0.093 (log2 w)^3 - 1.01 (log2 w)^2 + 2.925 log2 w - 0.133``.
    """
    weight = log2(3)
    log_slope = 0.555 * log2(items) + 0.093 * weight**3 - 1.01 * weight**2 + 2.925 * weight - 0.133
    return float(_PEELING_THRESHOLD + (bits - _BITS_AT_THRESHOLD) / 2**log_slope)


def fullest_bin(items: int, bins: int, bits: float) -> int:
    """Return a load that the fullest of ``bins`` bins exceeds with at most ``2^-bits``, ``items`` thrown uniformly.

    Chernoff: ``Pr[Bin(n, p) >= n q] <= exp(-n KL(q || p))`` for q > p, times the number of bins. The places are
    drawn from 32 bits by a multiplication, which makes none likelier than ``(1 + bins 2^-32) / bins``.
    """
    if bins == 1:
        return items
    probability = (1 + bins * 2.0**-32) / bins
    wanted = (bits + log2(bins)) * log(2)
    low, high = ceil(items * probability), items
    while low < high:
        middle = (low + high) // 2
        if items * _relative_entropy((middle + 1) / items, probability) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def dependent_sets(items: int, third: int) -> float:
    """Return a bound on the expected number of sets of rows whose SPARSE parts sum to zero, one bin of ``items``.

    ``p_s = s! [x^s] cosh(x)^b / b^s``. Two and four balls exactly: ``1/b`` and ``(3b - 2)/b^3``; six and more by
    ``[x^s] f(x) <= f(x) / x^s``, which holds for every x > 0 (x is near the best one, any would be right). Odd sets
    cannot sum to zero. A place is drawn from 32 bits, so that none is likelier than ``(1 + b 2^-32) / b``.
    """
    sizes = np.arange(2, items + 1, 2, dtype=np.float64)
    if not len(sizes):
        return 0.0
    log_even = _log_even_by_saddle(sizes, third)
    log_even[0] = -log(third)
    log_even[1:2] = log(3 * third - 2) - 3 * log(third)
    log_even = np.minimum(log_even, 0.0) + sizes * np.log1p(third * 2.0**-32)
    return float(np.exp(_log_choose(items, sizes) + 3 * log_even).sum())


def dependence_log2(items_of_bins: int, bins: int, third: int, dense: int) -> float:
    """Return log2 of the bound on the probability that rows depend: ``(prod (1 + E_bin) - 1) 2^-dense``.

    A set sums to zero iff its part in every bin does, and the dense bits of all of it together do.
    """
    expected = dependent_sets(items_of_bins, third)
    if expected == 0:
        return float("-inf")
    together = np.expm1(bins * np.log1p(expected))
    return float(np.log2(together)) - dense


def _log_even_by_saddle(sizes: _Floats, third: int) -> _Floats:
    """Return log of ``s! cosh(x)^b / (x b)^s`` at an x with ``b x tanh(x)`` near s."""
    x = np.maximum(np.sqrt(sizes / third), sizes / third)
    for _ in range(60):  # a damped fixed point; the bound holds wherever it stops
        x = 0.5 * (x + sizes / (third * np.tanh(x)))
    log_cosh = x + np.log1p(np.exp(-2 * x)) - log(2)
    factorials = _log_factorials(int(sizes[-1]))[sizes.astype(np.int64)]
    bound: _Floats = factorials + third * log_cosh - sizes * np.log(x * third)
    return bound


def _log_choose(items: int, sizes: _Floats) -> _Floats:
    factorials = _log_factorials(items)
    chosen = sizes.astype(np.int64)
    choices: _Floats = factorials[items] - factorials[chosen] - factorials[items - chosen]
    return choices


def _log_factorials(largest: int) -> _Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1, dtype=np.float64)))])


def _relative_entropy(q: float, p: float) -> float:
    """Return KL(q || p) of two coins in nats; zero where q is not above p, so that the bound says nothing."""
    if q <= p:
        return 0.0
    if q >= 1:
        return -log(p)
    return q * log(q / p) + (1 - q) * log((1 - q) / (1 - p))
