"""The compression function of SHA-512 on eight states and eight blocks at once (FIPS 180-4, section 6.4.2).

One lane of a vector belongs to one message. The vectors are LLVM's own of eight 64-bit words, so the same text becomes
AVX-512 where the processor has it, two or four shorter vectors elsewhere. The eighty rounds are written out: there is
no branch, no table and no index in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled
from protocols.primitives.sha2_constants import cube_roots
from protocols.primitives.sha2_vectors import VectorWords

LANES = 8
_ROUNDS = cube_roots(80, 64)
_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, LANES)
_Words = NDArray[np.uint64]


class _Rounds(VectorWords):
    """Emits the rounds."""

    def __init__(self, builder: Any) -> None:
        super().__init__(builder, 64, LANES)

    def run(self, state: Sequence[Any], block: Sequence[Any]) -> list[Any]:
        """Return the eight words of the next state, from eight of the state and sixteen of the block."""
        words = list(block)
        a, b, c, d, e, f, g, h = state
        for turn in range(80):
            if turn >= 16:
                near, far = self.mix(words[-2], 19, 61, shift=6), self.mix(words[-15], 1, 8, shift=7)
                words.append(self.add(near, words[-7], far, words[-16]))
            first = self.add(h, self.constant(_ROUNDS[turn]), words[turn])
            first = self.add(first, self.mix(e, 14, 18, 41), self.choose(e, f, g))
            second = self.add(self.mix(a, 28, 34, 39), self.majority(a, b, c))
            h, g, f, e = g, f, e, self.add(d, first)
            d, c, b, a = c, b, a, self.add(first, second)
        return [self.add(old, new) for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


if TYPE_CHECKING:

    def _compress_lanes(states: Any, blocks: Any) -> None:
        """Take eight blocks (16, 8) into eight states (8, 8)."""
        raise NotImplementedError
else:

    @intrinsic
    def _compress_lanes(_context: Any, states: Any, blocks: Any) -> Any:
        """Take eight blocks (16, 8) into eight states (8, 8)."""

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            places = [
                context.make_array(kind)(context, builder, value).data
                for kind, value in zip(signature.args, arguments, strict=True)
            ]
            vectors = [builder.bitcast(place, _VECTOR.as_pointer()) for place in places]

            def row(which: int, number: int) -> Any:
                return builder.gep(vectors[which], [ir.Constant(_WORD, number)])

            state, block = ([builder.load(row(which, at), align=8) for at in range(8 + 8 * which)] for which in (0, 1))
            for at, value in enumerate(_Rounds(builder).run(state, block)):
                builder.store(value, row(0, at), align=8)
            return context.get_dummy_value()

        return types.void(states, blocks), emit


@compiled("void(uint64[:,::1], uint64[:,::1])")
def compress_eight(states: _Words, blocks: _Words) -> None:
    """Take a block of each of eight messages (16, 8) into their states (8, 8), one message a column."""
    _compress_lanes(states, blocks)


@compiled("void(uint64[:,:,::1], uint64[:,::1])")
def compress(blocks: _Words, states: _Words) -> None:
    """Take the blocks (n, k, 16) of n messages, one after the other, into their states (n, 8).

    The last lanes of an incomplete eight repeat the last message.
    """
    count = blocks.shape[0]
    lanes, words = np.empty((8, LANES), np.uint64), np.empty((16, LANES), np.uint64)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            row = min(first + lane, count - 1)
            for at in range(8):
                lanes[at, lane] = states[row, at]
        for turn in range(blocks.shape[1]):
            for lane in range(LANES):
                row = min(first + lane, count - 1)
                for at in range(16):
                    words[at, lane] = blocks[row, turn, at]
            compress_eight(lanes, words)
        for lane in range(min(LANES, count - first)):
            for at in range(8):
                states[first + lane, at] = lanes[at, lane]
