"""The oblivious key-value store: pairs of blocks in, a table out that decodes key to value. README clause 4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError
from protocols.primitives.blocks import Blocks, permute
from protocols.psi.vole import table_kernels as kernels
from protocols.psi.vole.table_core import solve_core
from protocols.psi.vole.table_shape import CORE_LIMIT, TableShape
from protocols.randomness import Randomness
from protocols.transcript import digest

SEED_BYTES = 16
MAXIMUM_SEEDS = 16
"""A seed fails with 2^-40: sixteen in a row mean two equal keys, or a source of randomness that repeats itself."""
_WORD = np.dtype("<u8")


@dataclass(frozen=True)
class EncodedTable:
    """A table, the seed of its hash functions, and how many seeds failed before."""

    seed: bytes
    blocks: Blocks
    failed_seeds: int


@dataclass(frozen=True)
class Rows:
    """Where every key of a list stands in a table: its positions and its dense bits under one seed."""

    places: Blocks
    """(n, 2): four 32-bit fields, README clause 4.1."""
    dense: NDArray[np.uint64]
    """(n,)"""


def rows_of(keys: Blocks, shape: TableShape, seed: bytes) -> Rows:
    """Return the rows of ``keys`` (n, 2) under a seed of 16 bytes."""
    if len(seed) != SEED_BYTES:
        raise ParameterError(f"a seed has {SEED_BYTES} bytes")
    expanded = digest("psi/vole/rows", seed)
    places, second = permute(expanded[:16], keys), permute(expanded[16:], keys)
    mask = np.uint64((1 << shape.dense) - 1)
    return Rows(places, second[:, 0] & mask)


def encode(keys: Blocks, values: Blocks, shape: TableShape, randomness: Randomness) -> EncodedTable:
    """Return a table of ``shape.size`` blocks with ``values`` at ``keys`` and random blocks wherever it is free.

    ``keys`` and ``values`` are (n, 2) with n at most ``shape.items``; the keys are distinct. A seed that fails is
    thrown away and a fresh one drawn. Neither the number of pairs nor the keys can be told from the table where the
    values are random.

    Raises:
        ParameterError: more pairs than the shape takes, or not as many values as keys.
        LocalProtocolError: no seed works.
    """
    if len(keys) > shape.items or keys.shape != values.shape:
        raise ParameterError("the pairs do not fit the table")
    for failed in range(MAXIMUM_SEEDS):
        seed = randomness.bytes(SEED_BYTES)
        blocks = _random_blocks(shape.size, randomness)
        if _Encoding(keys, values, shape, seed).write(blocks):
            return EncodedTable(seed, blocks, failed)
    raise LocalProtocolError("no seed encodes the table: a key stands twice, or the randomness repeats itself")


def decode(blocks: Blocks, keys: Blocks, shape: TableShape, seed: bytes) -> Blocks:
    """Return the value (n, 2) of every key: linear in ``blocks``, and random where the key was not encoded."""
    if blocks.shape != (shape.size, 2):
        raise ParameterError("the table has another shape")
    rows = rows_of(keys, shape, seed)
    values = np.empty((len(keys), 2), np.uint64)
    table = np.ascontiguousarray(blocks, dtype=np.uint64)
    sums = kernels.dense_sums(table[shape.sparse :].copy())
    kernels.decode_rows(rows.places.copy(), rows.dense, shape.bins, shape.third, table, sums, values)
    return values


class _Encoding:
    """One attempt with one seed: the rows sorted into their bins, peeled, the core solved, the rest substituted."""

    def __init__(self, keys: Blocks, values: Blocks, shape: TableShape, seed: bytes) -> None:
        self._shape = shape
        rows = rows_of(keys, shape, seed)
        places, values = rows.places.copy(), np.ascontiguousarray(values, dtype=np.uint64)
        loads = kernels.bin_loads(places, shape.bins)
        self._overfull = bool((loads > shape.bin_capacity).any())
        ends = np.cumsum(loads)
        self._bounds = [0, *(int(end) for end in ends)]
        self._places, self._dense, self._values = places, rows.dense, values
        if shape.bins > 1:
            self._sort(ends - loads)
        self._order = np.empty(len(keys), np.uint32)
        self._pivots = np.empty(len(keys), np.uint32)

    def _sort(self, starts: NDArray[np.uint64]) -> None:
        places, dense, values = (np.empty_like(one) for one in (self._places, self._dense, self._values))
        kernels.sort_by_bin(self._places, self._dense, self._values, starts, places, dense, values)
        self._places, self._dense, self._values = places, dense, values

    def write(self, table: Blocks) -> bool:
        """Write the pairs into a table of random blocks; return False where the seed fails."""
        if self._overfull:
            return False
        gone = self._peel_all()
        core = self._core_rows(gone)
        if len(core) > CORE_LIMIT or not self._solve(core, table):
            return False
        sums = kernels.dense_sums(table[self._shape.sparse :].copy())
        bin_size = 3 * self._shape.third
        for index, (start, end) in enumerate(zip(self._bounds, self._bounds[1:], strict=False)):
            part = slice(start, end)
            kernels.substitute(
                self._places[part],
                self._dense[part],
                self._values[part],
                self._shape.third,
                self._order[part],
                self._pivots[start : start + gone[index]],
                sums,
                table[index * bin_size : (index + 1) * bin_size],
            )
        return True

    def _peel_all(self) -> list[int]:
        third = self._shape.third
        cells, stack = np.empty((3 * third, 2), np.uint32), np.empty(3 * third, np.uint32)
        pieces = (slice(start, end) for start, end in zip(self._bounds, self._bounds[1:], strict=False))
        return [
            kernels.peel(self._places[one], third, cells, stack, self._order[one], self._pivots[one]) for one in pieces
        ]

    def _core_rows(self, gone: list[int]) -> NDArray[np.int64]:
        """Return which of the sorted rows no bin could peel, and write them behind the others in their bin's order."""
        found = [np.empty(0, np.int64)]
        for start, end, peeled in zip(self._bounds, self._bounds[1:], gone, strict=False):
            if peeled < end - start:
                order = self._order[start:end]
                kernels.find_core(order, peeled, np.empty_like(order))
                found.append(start + order[peeled:].astype(np.int64))
        return np.concatenate(found)

    def _solve(self, core: NDArray[np.int64], table: Blocks) -> bool:
        return solve_core(self._places[core], self._dense[core], self._values[core], self._shape, table)


def _random_blocks(count: int, randomness: Randomness) -> Blocks:
    return np.frombuffer(randomness.bytes(16 * count), dtype=_WORD).reshape(-1, 2).astype(np.uint64)
