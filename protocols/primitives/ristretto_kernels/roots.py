"""Powers and inverse square roots in the field: SQRT_RATIO_M1 of RFC 9496 section 4.2."""

from __future__ import annotations

from protocols.primitives.ristretto_kernels.constants import SQRT_M1
from protocols.primitives.ristretto_kernels.field import INTEGER, LIMBS, Element, Field, Word
from protocols.primitives.ristretto_kernels.memory import (
    Index,
    Pointer,
    call,
    load_element,
    local,
    loop,
    store_element,
)


def square_ratio(field: Field, numerator: Element, denominator: Element) -> tuple[Word, Element]:
    """Return whether u/v is a square, as a mask, and the nonnegative root of u/v, or of i u/v where it is none.

    The root is zero where u or v is; the mask has ones where u is zero, zeros where only v is.
    """
    u, v = field.stored(numerator), field.stored(denominator)
    v3 = field.multiply(field.square(v), v)
    uv3 = field.multiply(u, v3)
    uv7 = field.multiply(field.multiply(uv3, v3), v)
    root = field.multiply(uv3, _power(field, uv7))
    check = field.multiply(v, field.square(root))
    correct = field.equal(check, u)
    flipped = field.is_zero(field.add(check, u))
    sqrt_m1 = field.constant(SQRT_M1)
    flipped_i = field.is_zero(field.add(check, field.multiply(u, sqrt_m1)))
    wrong = field.builder.or_(flipped, flipped_i)
    root = field.select(wrong, field.multiply(root, sqrt_m1), root)
    return field.builder.or_(correct, flipped), field.absolute(root)


def inverse_square_root(field: Field, operand: Element) -> tuple[Word, Element]:
    """Return :func:`square_ratio` of one and ``operand``."""
    return square_ratio(field, field.constant(1), operand)


def _power(field: Field, operand: Element) -> Element:
    """Return the operand to the power (p - 5) / 8 = 2^252 - 3."""
    cell = local(field, LIMBS)
    store_element(field, operand, cell)
    call(field, "power", _write_power, cell)
    return load_element(field, cell)


def _write_power(field: Field, cell: Pointer) -> None:
    """Raise what is in ``cell``: x^(2^n - 1) for n = 1, 2, 4, 5, 10 .. 250, each from two before it."""
    powers = {1: load_element(field, cell)}
    for bits, left, right in (
        (2, 1, 1),
        (4, 2, 2),
        (5, 4, 1),
        (10, 5, 5),
        (20, 10, 10),
        (40, 20, 20),
        (50, 40, 10),
        (100, 50, 50),
        (200, 100, 100),
        (250, 200, 50),
    ):
        powers[bits] = field.multiply(_squared(field, powers[left], right), powers[right])
    # 2^252 - 3 = 4 (2^250 - 1) + 1
    store_element(field, field.multiply(_squared(field, powers[250], 2), powers[1]), cell)


def _squared(field: Field, operand: Element, times: int) -> Element:
    cell = local(field, LIMBS)
    store_element(field, operand, cell)
    call(field, "square_times", _write_square_times, cell, count=INTEGER(times))
    return load_element(field, cell)


def _write_square_times(field: Field, cell: Pointer, times: Index) -> None:
    """Square what is in ``cell`` again and again; ``times`` is public."""
    inside = local(field, LIMBS)  # which becomes registers
    store_element(field, load_element(field, cell), inside)
    with loop(field, times):
        store_element(field, field.square(load_element(field, inside)), inside)
    store_element(field, load_element(field, inside), cell)
