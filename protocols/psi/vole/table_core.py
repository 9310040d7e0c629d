"""What peeling leaves over: a few rows, solved by elimination together with the dense columns. README clause 4.2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.blocks import Blocks
from protocols.psi.vole import table_kernels as kernels
from protocols.psi.vole.table_shape import TableShape

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def positions(places: Blocks, shape: TableShape) -> NDArray[np.int64]:
    """Return (n, 3): the three positions of every row in the whole table."""
    third, bins = np.uint64(shape.third), np.uint64(shape.bins)
    fields = np.stack([places[:, 0] >> _HALF, places[:, 0] & _LOW, places[:, 1] >> _HALF], axis=1)
    base = (((places[:, 1] & _LOW) * bins) >> _HALF) * (np.uint64(3) * third)
    offsets = np.arange(3, dtype=np.uint64) * third
    where: NDArray[np.int64] = (base[:, None] + offsets + ((fields * third) >> _HALF)).astype(np.int64)
    return where


def solve_core(places: Blocks, dense: NDArray[np.uint64], values: Blocks, shape: TableShape, table: Blocks) -> bool:
    """Change ``table`` so that the rows decode to ``values``; return False where rows depend on one another.

    The unknowns are the core's own positions and the dense columns. What is solved for is the DIFFERENCE to the random
    blocks that stand there: a free unknown differs by nothing and so stays random.
    """
    if not len(places):
        return True
    where = positions(places, shape)
    columns, local = np.unique(where, return_inverse=True)
    matrix = _bits(local.reshape(where.shape), len(columns), dense, shape.dense)
    sums = kernels.dense_sums(table[shape.sparse :].copy())
    now = np.empty_like(values)
    kernels.decode_rows(places, dense, shape.bins, shape.third, table, sums, now)
    differences = values ^ now
    pivots = np.empty(len(places), np.int64)
    if kernels.eliminate(matrix, differences, pivots) < len(places):
        return False
    everywhere = np.concatenate([columns, shape.sparse + np.arange(shape.dense)])
    table[everywhere[pivots]] ^= differences
    return True


def _bits(local: NDArray[np.int64], columns: int, dense: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """Return the rows as bits, 64 to a word: first the core's positions, then the dense columns."""
    rows = len(local)
    flags = np.zeros((rows, -(-(columns + width) // 64) * 64), np.uint8)
    flags[np.arange(rows)[:, None], local] = 1
    shifts = np.arange(width, dtype=np.uint64)
    flags[:, columns : columns + width] = (dense[:, None] >> shifts) & np.uint64(1)
    return np.packbits(flags, axis=1, bitorder="little").view(np.uint64)
