"""The processor's product of two words over GF(2), for compiled loops; the same time for all values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

AVAILABLE = bool(llvmlite.binding.get_host_cpu_features().get("pclmul", False))
_WORD = ir.IntType(64)
_BLOCK = ir.VectorType(_WORD, 2)
_BYTE = ir.IntType(8)
_NAME = "llvm.x86.pclmulqdq"


def _multiply(_context: Any, _left: Any, _right: Any) -> Any:
    signature = cast(Any, types.UniTuple)(types.uint64, 2)(types.uint64, types.uint64)

    def emit(context: Any, builder: ir.IRBuilder, found: Any, arguments: Sequence[Any]) -> Any:
        kind = ir.FunctionType(_BLOCK, (_BLOCK, _BLOCK, _BYTE))
        instruction: Any = builder.module.globals.get(_NAME) or ir.Function(builder.module, kind, _NAME)
        first = ir.Constant(_WORD, 0)
        left, right = (builder.insert_element(ir.Constant(_BLOCK, ir.Undefined), each, first) for each in arguments)
        product = builder.call(instruction, [left, right, ir.Constant(_BYTE, 0)])
        words = [builder.extract_element(product, ir.Constant(_WORD, place)) for place in range(2)]
        return context.make_tuple(builder, found.return_type, words)

    return signature, emit


multiply = cast(Callable[[np.uint64, np.uint64], tuple[np.uint64, np.uint64]], intrinsic(_multiply))
"""Multiply two words as polynomials over GF(2) in a compiled loop; returns low and high word."""
