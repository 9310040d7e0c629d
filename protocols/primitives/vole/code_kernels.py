"""The loops of the code, compiled, for rows of one block and of two. All positions are public.

Written out for either width: a loop over the words of a row would keep none of them in a register.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled
from protocols.primitives.vole.trailing import trailing_zeros

_Wide = NDArray[np.uint64]
_Draws = NDArray[np.uint32]
_ONE = np.uint32(1)
_HALF = np.uint64(32)


@compiled("void(uint64[:,::1], uint32[::1])")
def convolve_2(rows: _Wide, taps: _Draws) -> None:
    """Add to every row those before it that its taps name, in place."""
    for row in range(rows.shape[0]):
        tap = np.uint32(taps[row])
        a, b = rows[row, 0], rows[row, 1]
        while tap:
            other = row - 1 - np.int64(trailing_zeros(tap))
            tap &= tap - _ONE
            a ^= rows[other, 0]
            b ^= rows[other, 1]
        rows[row, 0], rows[row, 1] = a, b


@compiled("void(uint64[:,::1], uint32[::1])")
def convolve_4(rows: _Wide, taps: _Draws) -> None:
    """Do as :func:`convolve_2` for rows of two blocks."""
    for row in range(rows.shape[0]):
        tap = np.uint32(taps[row])
        a, b, c, d = rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3]
        while tap:
            other = row - 1 - np.int64(trailing_zeros(tap))
            tap &= tap - _ONE
            a ^= rows[other, 0]
            b ^= rows[other, 1]
            c ^= rows[other, 2]
            d ^= rows[other, 3]
        rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3] = a, b, c, d


@compiled("void(uint64[:,::1], uint32[::1], uint64[:,::1])")
def expand_2(part: _Wide, draws: _Draws, out: _Wide) -> None:
    """Add to every row of ``out`` the row of ``part`` that its draw names."""
    size = np.uint64(part.shape[0])
    for row in range(out.shape[0]):
        at = np.uint64(draws[row]) * size >> _HALF
        out[row, 0] ^= part[at, 0]
        out[row, 1] ^= part[at, 1]


@compiled("void(uint64[:,::1], uint32[::1], uint64[:,::1])")
def expand_4(part: _Wide, draws: _Draws, out: _Wide) -> None:
    """Do as :func:`expand_2` for rows of two blocks."""
    size = np.uint64(part.shape[0])
    for row in range(out.shape[0]):
        at = np.uint64(draws[row]) * size >> _HALF
        out[row, 0] ^= part[at, 0]
        out[row, 1] ^= part[at, 1]
        out[row, 2] ^= part[at, 2]
        out[row, 3] ^= part[at, 3]


@compiled("void(uint64[:,:,::1], uint64[:,::1])")
def sum_rows(rows: _Wide, out: _Wide) -> None:
    """Add to ``out`` (t, k) the sums of ``rows`` (t, w, k) over w, k being 2 or 4."""
    width = rows.shape[2]
    for tree in range(rows.shape[0]):
        for word in range(0, width, 2):
            a, b = out[tree, word], out[tree, word + 1]
            for row in range(rows.shape[1]):
                a ^= rows[tree, row, word]
                b ^= rows[tree, row, word + 1]
            out[tree, word], out[tree, word + 1] = a, b
