"""Signed windows of four bits: a scalar as 64 digits in -8..7, and the multiple of a point that a digit names.

Secret digits choose nothing by address or branch: all eight multiples are read, and masks keep the one that is wanted.
"""

from __future__ import annotations

from llvmlite import ir

from protocols.primitives.ristretto_kernels.encodings import ENCODED_WORDS
from protocols.primitives.ristretto_kernels.field import INTEGER, LIMBS, STORED_LIMIT, Element, Field, Word
from protocols.primitives.ristretto_kernels.memory import (
    POINT_WORDS,
    Index,
    Point,
    Pointer,
    at,
    load_point,
    load_word,
    store_point,
    store_word,
)
from protocols.primitives.ristretto_kernels.points import (
    CACHED_IDENTITY,
    Cached,
    add,
    cached,
    double,
    negate_cached_where,
)

WINDOW_BITS = 4
DIGITS_IN_A_WORD = 64 // WINDOW_BITS
MULTIPLES = 2 ** (WINDOW_BITS - 1)
TABLE_WORDS = MULTIPLES * POINT_WORDS
_EIGHTS = 0x8888_8888_8888_8888


def write_multiples(field: Field, point: Point, table: Pointer) -> None:
    """Store the point's multiples 1 .. 8 in cached form."""
    first = cached(field, point)
    store_point(field, first, table)
    known = {1: point}
    for factor in range(2, MULTIPLES + 1):
        if factor % 2:
            known[factor] = _point(add(field, known[factor - 1], load_point(field, table)))
        else:
            x, y, z, _ = known[factor // 2]
            known[factor] = _point(double(field, x, y, z, with_t=True))
        store_point(field, cached(field, known[factor]), at(field, table, POINT_WORDS * (factor - 1)))


def _point(coordinates: tuple[Element, ...]) -> Point:
    x, y, z, t = coordinates
    return x, y, z, t


def write_shifted(field: Field, scalar: Pointer, shifted: Pointer) -> None:
    """Store s + 8 (16^0 + .. + 16^63) of the scalar s, below 2^256 as s is below 2^253: four words.

    Its hexadecimal digits less eight are the signed digits of s.
    """
    builder = field.builder
    carry = field.integer(0)
    eights = field.integer(_EIGHTS)
    for number in range(ENCODED_WORDS):
        word = load_word(field, scalar, number)
        total = builder.add(builder.add(word, eights), carry)
        # the carry out of the topmost bit, from the bits: a comparison might become a branch
        passed = builder.and_(builder.or_(word, eights), builder.not_(total))
        carry = builder.lshr(builder.or_(builder.and_(word, eights), passed), field.integer(63))
        store_word(field, total, shifted, number)


def signed_digit(field: Field, shifted: Pointer, number: Index, place: Index) -> Word:
    """Return digit ``place``, 0..15 from the lowest on, of the word ``number``: -8..7 in every lane."""
    word = load_word(field, shifted, number)
    shift = field.builder.mul(place, ir.Constant(INTEGER, WINDOW_BITS))
    nibble = field.builder.and_(field.builder.lshr(word, field.broadcast(shift)), field.integer(15))
    return field.builder.sub(nibble, field.integer(MULTIPLES))


def choose_multiple(field: Field, table: Pointer, digit: Word) -> Cached:
    """Return the digit's multiple of the point that ``table`` is of, by masks over all of it."""
    builder = field.builder
    sign = field.barrier(builder.ashr(digit, field.integer(63)))
    size = builder.sub(builder.xor(digit, sign), sign)
    zero = field.is_zero_word(size)
    chosen = [_kept(field, zero, limb) for coordinate in CACHED_IDENTITY for limb in field.constant(coordinate).limbs]
    for factor in range(1, MULTIPLES + 1):
        mask = field.is_zero_word(builder.xor(size, field.integer(factor)))
        for index in range(POINT_WORDS):
            word = load_word(field, table, POINT_WORDS * (factor - 1) + index)
            chosen[index] = builder.or_(chosen[index], builder.and_(mask, word))
    y_minus_x, y_plus_x, t_2d, z_2 = (
        Element(tuple(chosen[start : start + LIMBS]), (STORED_LIMIT - 1,) * LIMBS)
        for start in range(0, POINT_WORDS, LIMBS)
    )
    return negate_cached_where(field, sign, (y_minus_x, y_plus_x, t_2d, z_2))


def _kept(field: Field, mask: Word, limb: Word) -> Word:
    return field.builder.and_(mask, limb)
