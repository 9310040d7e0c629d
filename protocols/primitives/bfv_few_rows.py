"""The same inner product for a handful of rows, without transforming every column (README §7.6).

A column with n rows is ``x_j(X) = sum_i x_ij X^i``, so ``sum_j c_j x_j = sum_i X^i (sum_j x_ij c_j)``: n sums with
integer factors, then n negacyclic shifts. Residues are split into halves of 25 bits, so that every sum is exact in
float64: 25 bits of a half, 16 of a factor and 10 of the columns are below 53. Work is the same for every value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_packing import Residues
from protocols.primitives.bfv_profile import BFV_8192_1

FEW_ROWS = 16
"""Up to this many rows this way is the faster one; the number of rows is public."""

_HALF_BITS = 25
_SINGLE_THREAD_WORK = 1 << 18
"""Products up to this size stay on one thread of the linear algebra library, whose threads would wait on each other
where several processes share the cores."""
_SHAPE = (2, len(BFV_8192_1.data_primes), BFV_8192_1.degree)
_PRIMES = np.array(BFV_8192_1.data_primes, dtype=np.int64)[:, None]


class HalvedCiphertexts:
    """Ciphertexts in coefficient form as halves of residues, int32: 0.4 MB for each."""

    def __init__(self, count: int) -> None:
        self._halves = np.zeros((2, count, np.prod(_SHAPE)), dtype=np.int32)

    def put(self, place: int, residues: Residues) -> None:
        """Set ciphertext ``place``, residues of shape (2, primes, N)."""
        flat = residues.reshape(-1)
        self._halves[0, place] = flat >> np.uint64(_HALF_BITS)
        self._halves[1, place] = flat & np.uint64((1 << _HALF_BITS) - 1)

    def inner_product(self, columns: NDArray[np.uint16]) -> Residues:
        """Return ``sum_j c_j x_j`` modulo q, shape (2, primes, N), for columns of shape (count, rows)."""
        return _joined(_shifted_sum(self._row_sums(columns)))

    def _row_sums(self, columns: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Return ``sum_j x_ij c_j`` for every half and row, shape (2, rows, 2, primes, N); below 2^51, not reduced."""
        factors = columns.T.astype(np.float64)
        size = self._halves.shape[2]
        width = max(64, _SINGLE_THREAD_WORK // factors.size)
        sums = np.empty((2, columns.shape[1], size), dtype=np.int64)
        for start in range(0, size, width):
            block = self._halves[:, :, start : start + width].astype(np.float64)
            sums[:, :, start : start + width] = factors @ block
        return sums.reshape(2, columns.shape[1], *_SHAPE)


def _shifted_sum(sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``sum_i X^i sums_i`` in the ring, shape (2, 2, primes, N): what passes X^N comes back negative."""
    total = sums[:, 0].copy()
    for row in range(1, sums.shape[1]):
        total[..., row:] += sums[:, row, ..., :-row]
        total[..., :row] -= sums[:, row, ..., -row:]
    return total


def _joined(halves: NDArray[np.int64]) -> Residues:
    """Return ``high 2^25 + low`` modulo each prime; 2^25 in two steps, because 50 + 25 bits do not fit a word."""
    high, low = (np.remainder(half, _PRIMES).astype(np.uint64) for half in halves)
    primes = _PRIMES.astype(np.uint64)
    for bits in (13, 12):
        high = (high << np.uint64(bits)) % primes
    out: Residues = (high + low) % primes
    return out
