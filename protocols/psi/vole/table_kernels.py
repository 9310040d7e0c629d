"""The loops of the key-value store over many items, compiled. README clause 4.

Arrays of one item a row: ``places`` (n, 2) holds the four 32-bit fields of an item's first block, ``dense`` (n,) its
dense bits. The positions read and written follow from hashes of the items: this is local work on a party's own
set, and neither its running time nor its memory accesses hide anything from somebody who can watch them (README
clause 8).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled

_Blocks = NDArray[np.uint64]
_Words = NDArray[np.uint64]
_Indices = NDArray[np.uint32]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_BYTE = np.uint64(0xFF)
_EIGHT = np.uint64(8)
_ONE = np.uint64(1)
_AT_ONCE = 256


@compiled("uint64[::1](uint64[:,::1], int64)")
def bin_loads(places: _Blocks, bins: int) -> _Words:
    """Return how many items fall into each bin."""
    loads = np.zeros(bins, np.uint64)
    for row in range(places.shape[0]):
        loads[((places[row, 1] & _LOW) * np.uint64(bins)) >> _HALF] += _ONE
    return loads


@compiled("void(uint64[:,::1], uint64[::1], uint64[:,::1], uint64[::1], uint64[:,::1], uint64[::1], uint64[:,::1])")
def sort_by_bin(
    places: _Blocks,
    dense: _Words,
    values: _Blocks,
    starts: _Words,
    sorted_places: _Blocks,
    sorted_dense: _Words,
    sorted_values: _Blocks,
) -> None:
    """Copy all rows bin by bin; ``starts`` (one a bin) says where each bin begins and is CHANGED to where it ends."""
    bins = np.uint64(starts.shape[0])
    for row in range(places.shape[0]):
        into = ((places[row, 1] & _LOW) * bins) >> _HALF
        at = starts[into]
        starts[into] = at + _ONE
        sorted_places[at, 0] = places[row, 0]
        sorted_places[at, 1] = places[row, 1]
        sorted_dense[at] = dense[row]
        sorted_values[at, 0] = values[row, 0]
        sorted_values[at, 1] = values[row, 1]


@compiled("int64(uint64[:,::1], int64, uint32[:,::1], uint32[::1], uint32[::1], uint32[::1])")
def peel(
    places: _Blocks, third: int, cells: NDArray[np.uint32], stack: _Indices, order: _Indices, pivots: _Indices
) -> int:
    """Take away, again and again, an item that alone holds some position; return how many went.

    ``places`` is one bin's. ``order`` gets the items as they went and behind them the rest, the core; ``pivots`` the
    position that each held alone. ``cells`` (3 third, 2) is scratch: items at a position, xor of their numbers.
    ``stack`` is scratch of 3 third.
    """
    wide = np.uint64(third)
    cells[:, :] = 0
    for row in range(places.shape[0]):
        for part in range(3):
            word = places[row, 0] if part < 2 else places[row, 1]
            field = word & _LOW if part == 1 else word >> _HALF
            place = np.uint64(part) * wide + ((field * wide) >> _HALF)
            cells[place, 0] += np.uint32(1)
            cells[place, 1] ^= np.uint32(row)
    height = 0
    for at in range(3 * third):
        if cells[at, 0] == 1:
            stack[height] = at
            height += 1
    gone = 0
    while height > 0:
        height -= 1
        pivot = stack[height]
        if cells[pivot, 0] != 1:
            continue
        alone = cells[pivot, 1]
        order[gone] = alone
        pivots[gone] = pivot
        gone += 1
        for part in range(3):
            word = places[alone, 0] if part < 2 else places[alone, 1]
            field = word & _LOW if part == 1 else word >> _HALF
            place = np.uint64(part) * wide + ((field * wide) >> _HALF)
            cells[place, 0] -= np.uint32(1)
            cells[place, 1] ^= alone
            if cells[place, 0] == 1:
                stack[height] = place
                height += 1
    return gone


@compiled("void(uint32[::1], int64, uint32[::1])")
def find_core(order: _Indices, gone: int, marks: _Indices) -> None:
    """Write the items that peeling left over behind the ``gone`` ones in ``order``; ``marks`` (n,) is scratch."""
    marks[:] = 0
    for index in range(gone):
        marks[order[index]] = 1
    at = gone
    for row in range(order.shape[0]):
        if marks[row] == 0:
            order[at] = row
            at += 1


@compiled("uint64[:,:,::1](uint64[:,::1])")
def dense_sums(columns: _Blocks) -> NDArray[np.uint64]:
    """Return (d/8, 256, 2): for every eight dense columns the sums of all of their subsets."""
    groups = columns.shape[0] // 8
    sums = np.zeros((groups, 256, 2), np.uint64)
    for group in range(groups):
        for chosen in range(1, 256):
            lowest = 0
            while not (chosen >> lowest) & 1:
                lowest += 1
            rest = chosen & (chosen - 1)
            sums[group, chosen, 0] = sums[group, rest, 0] ^ columns[8 * group + lowest, 0]
            sums[group, chosen, 1] = sums[group, rest, 1] ^ columns[8 * group + lowest, 1]
    return sums


@compiled(
    "void(uint64[:,::1], uint64[::1], uint64[:,::1], int64, uint32[::1], uint32[::1], uint64[:,:,::1], uint64[:,::1])"
)
def substitute(
    places: _Blocks,
    dense: _Words,
    values: _Blocks,
    third: int,
    order: _Indices,
    pivots: _Indices,
    sums: NDArray[np.uint64],
    table: _Blocks,
) -> None:
    """Set the pivots of one bin in the reverse of ``order``, one for each of ``pivots``: every item decodes."""
    wide = np.uint64(third)
    for index in range(pivots.shape[0] - 1, -1, -1):
        row = order[index]
        first, second = places[row, 0], places[row, 1]
        a = ((first >> _HALF) * wide) >> _HALF
        b = wide + (((first & _LOW) * wide) >> _HALF)
        c = wide + wide + (((second >> _HALF) * wide) >> _HALF)
        pivot = pivots[index]
        # The pivot's own old block cancels: it is in the sum of the three and taken out again.
        low = values[row, 0] ^ table[a, 0] ^ table[b, 0] ^ table[c, 0] ^ table[pivot, 0]
        high = values[row, 1] ^ table[a, 1] ^ table[b, 1] ^ table[c, 1] ^ table[pivot, 1]
        bits = dense[row]
        for group in range(sums.shape[0]):
            low ^= sums[group, bits & _BYTE, 0]
            high ^= sums[group, bits & _BYTE, 1]
            bits >>= _EIGHT
        table[pivot, 0] = low
        table[pivot, 1] = high


@compiled("void(uint64[:,::1], uint64[::1], int64, int64, uint64[:,::1], uint64[:,:,::1], uint64[:,::1])")
def decode_rows(
    places: _Blocks, dense: _Words, bins: int, third: int, table: _Blocks, sums: NDArray[np.uint64], values: _Blocks
) -> None:
    """Write to ``values`` (n, 2) the sum of the table's blocks at every item's positions and dense columns.

    In two loops over a few items at a time: the first does nothing but wait for memory, for many items at once.
    """
    wide = np.uint64(third)
    many = np.uint64(bins)
    for start in range(0, places.shape[0], _AT_ONCE):
        end = min(start + _AT_ONCE, places.shape[0])
        for row in range(start, end):
            first, second = places[row, 0], places[row, 1]
            base = (((second & _LOW) * many) >> _HALF) * (wide + wide + wide)
            a = base + (((first >> _HALF) * wide) >> _HALF)
            b = base + wide + (((first & _LOW) * wide) >> _HALF)
            c = base + wide + wide + (((second >> _HALF) * wide) >> _HALF)
            values[row, 0] = table[a, 0] ^ table[b, 0] ^ table[c, 0]
            values[row, 1] = table[a, 1] ^ table[b, 1] ^ table[c, 1]
        for row in range(start, end):
            low, high = values[row, 0], values[row, 1]
            bits = dense[row]
            for group in range(sums.shape[0]):
                low ^= sums[group, bits & _BYTE, 0]
                high ^= sums[group, bits & _BYTE, 1]
                bits >>= _EIGHT
            values[row, 0] = low
            values[row, 1] = high


@compiled("int64(uint64[:,::1], uint64[:,::1], int64[::1])")
def eliminate(matrix: NDArray[np.uint64], values: _Blocks, pivots: NDArray[np.int64]) -> int:
    """Reduce (rows, words) of bits to reduced echelon form in place, ``values`` along with it; return the rank.

    ``pivots[r]`` is the column of row r's pivot, for r below the rank. Stops at the first row that depends on others.
    """
    rows, words = int(matrix.shape[0]), int(matrix.shape[1])
    for row in range(rows):
        column = -1
        for word in range(words):
            bits = matrix[row, word]
            if bits != 0:
                bit = 0
                while not (bits >> np.uint64(bit)) & _ONE:
                    bit += 1
                column = 64 * word + bit
                break
        if column < 0:
            return row
        pivots[row] = column
        for other in range(rows):
            if other != row and (matrix[other, column >> 6] >> np.uint64(column & 63)) & _ONE:
                for word in range(words):
                    matrix[other, word] ^= matrix[row, word]
                values[other, 0] ^= values[row, 0]
                values[other, 1] ^= values[row, 1]
    return rows
