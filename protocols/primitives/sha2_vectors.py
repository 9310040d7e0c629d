"""The functions of SHA-2 on vectors, one lane a message, emitted as LLVM's instructions: FIPS 180-4 section 4.1.

LLVM turns its vectors into whatever vectors the processor has. There is no branch, no table and no index in what is
emitted.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir


class VectorWords:
    """Emits for one builder of LLVM's instructions; every value is a vector of ``lanes`` words of ``bits``."""

    def __init__(self, builder: Any, bits: int, lanes: int) -> None:
        self._builder = builder
        self._word = ir.IntType(bits)
        self._lanes = lanes
        self.vector = ir.VectorType(self._word, lanes)
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        self._rotate = builder.module.declare_intrinsic(f"llvm.fshr.v{lanes}i{bits}", (), kind)

    def constant(self, word: int) -> Any:
        """Return a word in all lanes."""
        return ir.Constant(self.vector, [ir.Constant(self._word, word)] * self._lanes)

    def add(self, *values: Any) -> Any:
        """Return the sum."""
        total = values[0]
        for value in values[1:]:
            total = self._builder.add(total, value)
        return total

    def mix(self, value: Any, *turns: int, shift: int = 0) -> Any:
        """Return the sum modulo 2 of ``value`` rotated to the right by every one of ``turns``, and shifted if asked."""
        build = self._builder
        parts = [build.call(self._rotate, [value, value, self.constant(turn)]) for turn in turns]
        if shift:
            parts.append(build.lshr(value, self.constant(shift)))
        total = parts[0]
        for part in parts[1:]:
            total = build.xor(total, part)
        return total

    def choose(self, which: Any, one: Any, other: Any) -> Any:
        """Ch: bits of ``one`` where ``which`` has a one, of ``other`` elsewhere."""
        build = self._builder
        return build.xor(other, build.and_(which, build.xor(one, other)))

    def majority(self, one: Any, other: Any, third: Any) -> Any:
        """Maj."""
        build = self._builder
        return build.or_(build.and_(one, other), build.and_(third, build.or_(one, other)))
