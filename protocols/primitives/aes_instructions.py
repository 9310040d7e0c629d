"""AES-128 (FIPS 197) one block at a time inside compiled loops, by the processor's own instructions.

For hashing in bulk under public keys: a loop that keeps a block in a register spares the memory traffic of separate
passes. The instructions take the same time for all values. Where the processor lacks them
:mod:`protocols.primitives.blocks` goes through ``cryptography`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

AVAILABLE = bool(llvmlite.binding.get_host_cpu_features().get("aes", False))
KEY_BYTES = 16
_ROUNDS = 10
_WORD = ir.IntType(64)
_BLOCK = ir.VectorType(_WORD, 2)

RoundKeys = NDArray[np.uint64]
"""The round keys of one key, (11, 2), low word first."""


def round_keys(key: bytes) -> RoundKeys:
    """Return the key schedule of a PUBLIC key of 16 bytes (FIPS 197 section 5.2)."""
    words = [int.from_bytes(key[at : at + 4], "big") for at in range(0, KEY_BYTES, 4)]
    constant = 1
    for number in range(4, 4 * (_ROUNDS + 1)):
        word = words[-1]
        if number % 4 == 0:
            word = _substituted((word << 8 | word >> 24) & 0xFFFFFFFF) ^ constant << 24
            constant = _doubled(constant)
        words.append(words[-4] ^ word)
    schedule = b"".join(word.to_bytes(4, "big") for word in words)
    return np.frombuffer(schedule, "<u8").reshape(_ROUNDS + 1, 2).astype(np.uint64)


def _doubled(value: int) -> int:
    """Return x times an element of GF(2^8), modulo x^8 + x^4 + x^3 + x + 1 (section 4.2.1)."""
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def _substitution() -> bytes:
    """Return the table of SubBytes: the inverse in GF(2^8), then an affine map (section 5.1.1)."""
    powers = [1]
    while len(powers) < 255:
        powers.append(powers[-1] ^ _doubled(powers[-1]))  # powers of x + 1, which generates all elements but zero
    inverses = [0] * 256
    for exponent, value in enumerate(powers):
        inverses[value] = powers[-exponent % 255]
    return bytes(_affine(value) for value in inverses)


def _affine(value: int) -> int:
    turned = value
    for _ in range(4):
        turned = (turned << 1 | turned >> 7) & 0xFF
        value ^= turned
    return value ^ 0x63


_SUBSTITUTION = _substitution()


def _substituted(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "big").translate(_SUBSTITUTION), "big")


def _encrypt(_context: Any, _keys: Any, _low: Any, _high: Any) -> Any:
    signature = cast(Any, types.UniTuple)(types.uint64, 2)(types.uintp, types.uint64, types.uint64)

    def emit(context: Any, builder: ir.IRBuilder, found: Any, arguments: Sequence[Any]) -> Any:
        address, low, high = arguments
        keys = builder.inttoptr(address, _BLOCK.as_pointer())
        block = ir.Constant(_BLOCK, ir.Undefined)
        block = builder.insert_element(block, low, ir.Constant(_WORD, 0))
        block = builder.insert_element(block, high, ir.Constant(_WORD, 1))
        block = builder.xor(block, _round_key(builder, keys, 0))
        for number in range(1, _ROUNDS + 1):
            name = "llvm.x86.aesni.aesenclast" if number == _ROUNDS else "llvm.x86.aesni.aesenc"
            block = builder.call(_instruction(builder, name), [block, _round_key(builder, keys, number)])
        words = [builder.extract_element(block, ir.Constant(_WORD, place)) for place in range(2)]
        return context.make_tuple(builder, found.return_type, words)

    return signature, emit


def _round_key(builder: ir.IRBuilder, keys: Any, number: int) -> Any:
    return builder.load(builder.gep(keys, [ir.Constant(_WORD, number)]), align=8)


def _instruction(builder: ir.IRBuilder, name: str) -> Any:
    kind = ir.FunctionType(_BLOCK, (_BLOCK, _BLOCK))
    return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)


encrypt = cast(Callable[[int, np.uint64, np.uint64], tuple[np.uint64, np.uint64]], intrinsic(_encrypt))
"""Encrypt one block of two words, low first, in a compiled loop; the first argument is the round keys' address."""
