"""The compression function of SHA-256 on sixteen blocks side by side: FIPS 180-4 section 6.2.2, emitted as vectors.

One intrinsic writes all 64 rounds in LLVM's vectors of sixteen 32-bit words; LLVM turns them into whatever vectors the
processor has. Straight-line code: there is nothing that could branch on a message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES = 16
_ROUNDS = 64
_WORD = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, LANES)
_ROTATE = f"llvm.fshr.v{LANES}i32"


def _compress(_context: Any, _words: Any, _constants: Any, _state: Any) -> Any:
    signature = types.void(types.uintp, types.uintp, types.uintp)

    def emit(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Sequence[Any]) -> Any:
        _Emitter(builder, *arguments).emit()
        return context.get_dummy_value()

    return signature, emit


compress_lanes = cast(Callable[[int, int, int], None], intrinsic(_compress))
"""Compress sixteen blocks into the initial state.

Three addresses: of the blocks' words (16, LANES), big-endian words as numbers; of the 64 round constants with the
eight words of the initial state behind them; and of the state that comes of it (8, LANES).
"""


class _Emitter:
    """Emits the rounds; names as in section 6.2.2."""

    def __init__(self, builder: ir.IRBuilder, words: Any, constants: Any, state: Any) -> None:
        self._builder = builder
        self._words = builder.inttoptr(words, _VECTOR.as_pointer())
        self._constants = builder.inttoptr(constants, _WORD.as_pointer())
        self._state = builder.inttoptr(state, _VECTOR.as_pointer())
        rotation = ir.FunctionType(_VECTOR, (_VECTOR,) * 3)
        self._rotate: Any = builder.module.globals.get(_ROTATE) or ir.Function(builder.module, rotation, _ROTATE)

    def emit(self) -> None:
        """Emit 64 rounds over a ring of sixteen words, and add the initial state."""
        builder = self._builder
        ring = [builder.load(self._at(self._words, place), align=4) for place in range(16)]
        start = [self._constant(_ROUNDS + place) for place in range(8)]
        a, b, c, d, e, f, g, h = start
        for turn in range(_ROUNDS):
            if turn >= 16:
                ring[turn & 15] = self._sum(
                    ring[turn & 15],
                    self._mix(ring[(turn + 1) & 15], 7, 18, shift=3),
                    ring[(turn + 9) & 15],
                    self._mix(ring[(turn + 14) & 15], 17, 19, shift=10),
                )
            choice = builder.xor(g, builder.and_(e, builder.xor(f, g)))
            first = self._sum(h, self._mix(e, 6, 11, 25), choice, self._constant(turn), ring[turn & 15])
            majority = builder.xor(builder.and_(builder.xor(a, b), builder.xor(b, c)), b)
            second = builder.add(self._mix(a, 2, 13, 22), majority)
            a, b, c, d, e, f, g, h = builder.add(first, second), a, b, c, builder.add(d, first), e, f, g
        for place, (old, new) in enumerate(zip(start, (a, b, c, d, e, f, g, h), strict=True)):
            builder.store(builder.add(old, new), self._at(self._state, place), align=4)

    def _at(self, base: Any, place: int) -> Any:
        return self._builder.gep(base, [ir.Constant(ir.IntType(64), place)])

    def _constant(self, place: int) -> Any:
        """Return a constant in all lanes."""
        builder = self._builder
        one = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), builder.load(self._at(self._constants, place)), ir.Constant(_WORD, 0)
        )
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_VECTOR, None))

    def _mix(self, word: Any, *rotations: int, shift: int = 0) -> Any:
        """Return the exclusive or of the word's rotations to the right, and of its shift where there is one."""
        parts = [self._builder.call(self._rotate, [word, word, _everywhere(by)]) for by in rotations]
        if shift:
            parts.append(self._builder.lshr(word, _everywhere(shift)))
        mixed = parts[0]
        for part in parts[1:]:
            mixed = self._builder.xor(mixed, part)
        return mixed

    def _sum(self, *parts: Any) -> Any:
        total = parts[0]
        for part in parts[1:]:
            total = self._builder.add(total, part)
        return total


def _everywhere(number: int) -> Any:
    return ir.Constant(_VECTOR, [number] * LANES)
