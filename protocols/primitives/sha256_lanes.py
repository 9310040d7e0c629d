"""The compression function of SHA-256 on sixteen blocks side by side: FIPS 180-4 section 6.2.2, emitted as vectors.

One intrinsic writes all 64 rounds. Straight-line code: there is nothing that could branch on a message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from protocols.primitives.sha2_constants import cube_roots, square_roots
from protocols.primitives.sha2_vectors import VectorWords

LANES = 16
_ROUNDS = cube_roots(64, 32)
_START = square_roots(8, 32)


def _compress(_context: Any, _words: Any, _state: Any) -> Any:
    signature = types.void(types.uintp, types.uintp)

    def emit(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Sequence[Any]) -> Any:
        _Rounds(builder).emit(*arguments)
        return context.get_dummy_value()

    return signature, emit


compress_lanes = cast(Callable[[int, int], None], intrinsic(_compress))
"""Compress sixteen blocks into the initial state.

Two addresses: of the blocks' words (16, LANES), big-endian words as numbers; of the state that comes of it (8, LANES).
"""


class _Rounds(VectorWords):
    """Emits the rounds; names as in section 6.2.2."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        super().__init__(builder, 32, LANES)

    def emit(self, words: Any, state: Any) -> None:
        """Emit 64 rounds over a ring of sixteen words, and add the initial state."""
        ring = [self._builder.load(self._at(words, place), align=4) for place in range(16)]
        start = [self.constant(word) for word in _START]
        a, b, c, d, e, f, g, h = start
        for turn in range(64):
            if turn >= 16:
                near = self.mix(ring[(turn + 14) & 15], 17, 19, shift=10)
                far = self.mix(ring[(turn + 1) & 15], 7, 18, shift=3)
                ring[turn & 15] = self.add(ring[turn & 15], near, ring[(turn + 9) & 15], far)
            first = self.add(h, self.constant(_ROUNDS[turn]), ring[turn & 15])
            first = self.add(first, self.mix(e, 6, 11, 25), self.choose(e, f, g))
            second = self.add(self.mix(a, 2, 13, 22), self.majority(a, b, c))
            h, g, f, e = g, f, e, self.add(d, first)
            d, c, b, a = c, b, a, self.add(first, second)
        for place, (old, new) in enumerate(zip(start, (a, b, c, d, e, f, g, h), strict=True)):
            self._builder.store(self.add(old, new), self._at(state, place), align=4)

    def _at(self, address: Any, place: int) -> Any:
        """Return a pointer to one vector of those that follow each other from ``address`` on."""
        base = self._builder.inttoptr(address, self.vector.as_pointer())
        return self._builder.gep(base, [ir.Constant(ir.IntType(64), place)])
