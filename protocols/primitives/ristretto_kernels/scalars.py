"""Arithmetic modulo the group's order L, as LLVM instructions on four words of 64 bits, one scalar at a time.

Montgomery 1985 (Modular Multiplication Without Trial Division), the products interleaved with the reduction: a * b / R
modulo L for R = 2^256. Operands are below 2 L; so is a result, as (4 L^2 + R L) / R < 2 L for 4 L < R. A sum that
is carried on is below 3 L + 2^192 + 1, so within four words.
"""

from __future__ import annotations

from llvmlite import ir

from protocols.primitives.ristretto import ORDER
from protocols.primitives.ristretto_kernels.field import INTEGER, Builder, Field, Word
from protocols.primitives.ristretto_kernels.memory import Pointer, at, load_word, store_word

SCALAR_WORDS = 4
Scalar = list[Word]
_WIDE = ir.IntType(128)
_WHOLE = ir.IntType(256)
_ORDER = [INTEGER(ORDER >> 64 * number & (2**64 - 1)) for number in range(SCALAR_WORDS)]
_NEGATIVE_INVERSE = INTEGER(-pow(ORDER, -1, 2**64) % 2**64)


def multiply(field: Field, left: Scalar, right: Scalar) -> Scalar:
    """Return left * right / 2^256 modulo L, below 2 L as both are."""
    builder = field.builder
    total: Scalar = [INTEGER(0)] * SCALAR_WORDS
    for factor in right:
        total, over = _plus_product(builder, total, factor, left)
        quotient = builder.mul(total[0], _NEGATIVE_INVERSE)  # which makes the lowest word zero
        total, more = _plus_product(builder, total, quotient, _ORDER)
        total = [*total[1:], builder.add(over, more)]
    return total


def reduced(field: Field, scalar: Scalar) -> Scalar:
    """Return the scalar, below 2 L, modulo L."""
    builder = field.builder
    whole = builder.sub(_joined(builder, scalar), _WHOLE(ORDER))
    topmost = builder.trunc(builder.lshr(whole, _WHOLE(192)), INTEGER)
    below = field.barrier(builder.ashr(topmost, INTEGER(63)))
    whole = builder.add(whole, builder.and_(builder.sext(below, _WHOLE), _WHOLE(ORDER)))
    return [builder.trunc(builder.lshr(whole, _WHOLE(64 * number)), INTEGER) for number in range(SCALAR_WORDS)]


def load_scalar(field: Field, scalars: Pointer, index: Word) -> Scalar:
    """Return the scalar number ``index``."""
    start = at(field, scalars, field.builder.mul(index, INTEGER(SCALAR_WORDS)))
    return [load_word(field, start, number) for number in range(SCALAR_WORDS)]


def store_scalar(field: Field, scalar: Scalar, scalars: Pointer, index: Word) -> None:
    """Store the scalar number ``index``."""
    start = at(field, scalars, field.builder.mul(index, INTEGER(SCALAR_WORDS)))
    for number, word in enumerate(scalar):
        store_word(field, word, start, number)


def _plus_product(builder: Builder, total: Scalar, factor: Word, other: Scalar) -> tuple[Scalar, Word]:
    """Return total + factor * other as four words, and what is above them."""
    words = []
    over = INTEGER(0)
    for word, digit in zip(total, other, strict=True):
        product = builder.mul(builder.zext(factor, _WIDE), builder.zext(digit, _WIDE))
        # (2^64 - 1)^2 + 2 (2^64 - 1) < 2^128
        wide = builder.add(builder.add(product, builder.zext(word, _WIDE)), builder.zext(over, _WIDE))
        words.append(builder.trunc(wide, INTEGER))
        over = builder.trunc(builder.lshr(wide, _WIDE(64)), INTEGER)
    return words, over


def _joined(builder: Builder, scalar: Scalar) -> Word:
    whole = builder.zext(scalar[0], _WHOLE)
    for number, word in enumerate(scalar[1:], 1):
        whole = builder.or_(whole, builder.shl(builder.zext(word, _WHOLE), _WHOLE(64 * number)))
    return whole
