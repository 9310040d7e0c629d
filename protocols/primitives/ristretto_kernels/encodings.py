"""Decoding, encoding and the map from uniform bytes: RFC 9496 sections 4.3.1, 4.3.2 and 4.3.4, in their names."""

from __future__ import annotations

from protocols.primitives.ristretto_kernels.constants import (
    D_MINUS_ONE_SQ,
    INVSQRT_A_MINUS_D,
    ONE_MINUS_D_SQ,
    SQRT_AD_MINUS_ONE,
    SQRT_M1,
    D,
)
from protocols.primitives.ristretto_kernels.field import LIMB_BITS, LIMB_MASK, LIMBS, Element, Field, Word
from protocols.primitives.ristretto_kernels.memory import Point
from protocols.primitives.ristretto_kernels.roots import inverse_square_root, square_ratio

ENCODED_WORDS = 4
_WORD_BITS = 64


def limbs_of(field: Field, words: list[Word]) -> Element:
    """Return a number of 256 bits, four words from the lowest on, as limbs; the last may have 52 bits."""
    limbs = []
    for limb in range(LIMBS):
        number, shift = divmod(LIMB_BITS * limb, _WORD_BITS)
        piece = field.builder.lshr(words[number], field.integer(shift))
        if shift + LIMB_BITS > _WORD_BITS and number + 1 < ENCODED_WORDS:
            above = field.builder.shl(words[number + 1], field.integer(_WORD_BITS - shift))
            piece = field.builder.or_(piece, above)
        limbs.append(piece if limb == LIMBS - 1 else field.builder.and_(piece, field.integer(LIMB_MASK)))
    return Element(tuple(limbs), (*[LIMB_MASK] * (LIMBS - 1), 2 * LIMB_MASK + 1))


def words_of(field: Field, element: Element) -> list[Word]:
    """Return the least representation as four words, from the lowest on."""
    limbs = field.freeze(element).limbs
    words = []
    for number in range(ENCODED_WORDS):
        limb, shift = divmod(_WORD_BITS * number, LIMB_BITS)
        low = field.builder.lshr(limbs[limb], field.integer(shift))
        words.append(field.builder.or_(low, field.builder.shl(limbs[limb + 1], field.integer(LIMB_BITS - shift))))
    return words


def decode(field: Field, words: list[Word]) -> tuple[Word, Point]:
    """Return a mask and points: ones where the words are canonical and not the identity's; other points mean nothing.

    The topmost bit is part of the number, so that one more encoding of every element is refused.
    """
    builder = field.builder
    s = limbs_of(field, words)
    canonical = field.same_limbs(s, field.freeze(s))
    refused = builder.or_(field.is_negative(s), field.is_zero(s))
    s = field.stored(s)
    one, ss = field.constant(1), field.square(s)
    u1, u2 = field.stored(field.subtract(one, ss)), field.stored(field.add(one, ss))
    u2_sqr = field.square(u2)
    v = field.stored(field.negate(field.add(field.multiply(field.constant(D), field.square(u1)), u2_sqr)))
    was_square, inverse = inverse_square_root(field, field.multiply(v, u2_sqr))
    den_x = field.multiply(inverse, u2)
    den_y = field.multiply(field.multiply(inverse, den_x), v)
    x = field.stored(field.absolute(field.multiply(field.add(s, s), den_x)))
    y = field.multiply(u1, den_y)
    t = field.multiply(x, y)
    refused = builder.or_(refused, builder.or_(field.is_negative(t), field.is_zero(y)))
    accepted = builder.and_(builder.and_(canonical, was_square), builder.not_(refused))
    return accepted, (x, y, one, t)


def encode(field: Field, point: Point) -> list[Word]:
    """Return the canonical encoding as four words."""
    x0, y0, z0, t0 = point
    u1 = field.multiply(field.add(z0, y0), field.subtract(z0, y0))
    u2 = field.multiply(x0, y0)
    _, inverse = inverse_square_root(field, field.multiply(u1, field.square(u2)))
    den1, den2 = field.multiply(inverse, u1), field.multiply(inverse, u2)
    z_inv = field.multiply(field.multiply(den1, den2), t0)
    rotate = field.is_negative(field.multiply(t0, z_inv))
    sqrt_m1 = field.constant(SQRT_M1)
    x = field.select(rotate, field.multiply(y0, sqrt_m1), x0)
    y = field.select(rotate, field.multiply(x0, sqrt_m1), y0)
    den_inv = field.select(rotate, field.multiply(den1, field.constant(INVSQRT_A_MINUS_D)), den2)
    y = field.negate_where(field.is_negative(field.multiply(x, z_inv)), y)
    return words_of(field, field.absolute(field.multiply(den_inv, field.subtract(z0, y))))


def map_to_point(field: Field, words: list[Word]) -> Point:
    """Return MAP of 32 uniform bytes, of which the topmost bit is ignored."""
    low_bits = field.integer(2**63 - 1)
    t = field.stored(limbs_of(field, [*words[:-1], field.builder.and_(words[-1], low_bits)]))
    one = field.constant(1)
    r = field.multiply(field.constant(SQRT_M1), field.square(t))
    u = field.multiply(field.add(r, one), field.constant(ONE_MINUS_D_SQ))
    v = field.multiply(
        field.negate(field.add(one, field.multiply(r, field.constant(D)))), field.add(r, field.constant(D))
    )
    was_square, s = square_ratio(field, u, v)
    s_prime = field.negate(field.absolute(field.multiply(s, t)))
    s = field.stored(field.select(was_square, s, s_prime))
    c = field.select(was_square, field.negate(one), r)
    product = field.multiply(field.multiply(c, field.subtract(r, one)), field.constant(D_MINUS_ONE_SQ))
    n = field.subtract(product, v)
    w0 = field.multiply(field.add(s, s), v)
    w1 = field.multiply(n, field.constant(SQRT_AD_MINUS_ONE))
    ss = field.square(s)
    w2, w3 = field.stored(field.subtract(one, ss)), field.stored(field.add(one, ss))
    return field.multiply(w0, w3), field.multiply(w2, w1), field.multiply(w1, w3), field.multiply(w0, w2)
