"""Counting the zeros below the lowest bit that is one: LLVM's ``cttz``, which compiled loops may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

if TYPE_CHECKING:

    def trailing_zeros(word: Any) -> Any:
        """Return the index of the lowest one of an integer other than zero."""
        raise NotImplementedError
else:

    @intrinsic
    def trailing_zeros(_context: Any, word: Any) -> Any:
        """Return the index of the lowest one of an integer other than zero."""
        if not isinstance(word, types.Integer):
            return None

        def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            counted = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
            return builder.zext(counted, ir.IntType(64)) if word.bitwidth < 64 else counted

        return types.int64(word), emit
