"""Points of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 in extended coordinates (X : Y : Z : T).

x = X/Z, y = Y/Z, x y = T/Z. The formulas are complete, as -1 is a square and d is none: they hold for all pairs of
points (Hisil, Wong, Carter, Dawson: Twisted Edwards Curves Revisited, ASIACRYPT 2008, sections 3.1 and 3.3).

What is added is first brought into *cached* form (Y - X, Y + X, 2 d T, 2 Z), from the same paper's section 3.1 remarks.
"""

from __future__ import annotations

from protocols.primitives.ristretto_kernels.constants import D
from protocols.primitives.ristretto_kernels.field import Element, Field, Word
from protocols.primitives.ristretto_kernels.memory import Point

IDENTITY = (0, 1, 1, 0)
CACHED_IDENTITY = (1, 1, 0, 2)
Cached = Point
"""Four elements likewise."""


def double(field: Field, x: Element, y: Element, z: Element, with_t: bool) -> tuple[Element, ...]:
    """Return twice the point (X : Y : Z), as three coordinates or, ``with_t``, all four: dbl-2008-hwcd."""
    a, b, half_c = field.square(x), field.square(y), field.square(z)
    h = field.add(a, b)
    e = field.subtract(h, field.square(field.add(x, y)))
    g = field.subtract(a, b)
    f = field.add(field.add(half_c, half_c), g)
    return _products(field, e, f, g, h, with_t)


def add(field: Field, point: Point, other: Cached) -> tuple[Element, ...]:
    """Return the sum, four coordinates: add-2008-hwcd-3."""
    x, y, z, t = point
    y_minus_x, y_plus_x, t_2d, z_2 = other
    a, b = field.multiply(field.subtract(y, x), y_minus_x), field.multiply(field.add(y, x), y_plus_x)
    c, d = field.multiply(t, t_2d), field.multiply(z, z_2)
    e, f, g, h = field.subtract(b, a), field.subtract(d, c), field.add(d, c), field.add(b, a)
    return _products(field, e, f, g, h, with_t=True)


def _products(field: Field, e: Element, f: Element, g: Element, h: Element, with_t: bool) -> tuple[Element, ...]:
    e, f, g, h = (field.operand(each) for each in (e, f, g, h))  # each meets two others: carried once
    three = field.multiply(e, f), field.multiply(g, h), field.multiply(f, g)
    return (*three, field.multiply(e, h)) if with_t else three


def cached(field: Field, point: Point) -> Cached:
    """Return the point in cached form."""
    x, y, z, t = point
    return field.subtract(y, x), field.add(y, x), field.multiply(t, field.constant(2 * D)), field.add(z, z)


def negate_cached_where(field: Field, mask: Word, point: Cached) -> Cached:
    """Return the negative where the mask has ones."""
    y_minus_x, y_plus_x, t_2d, z_2 = point
    return (
        field.select(mask, y_plus_x, y_minus_x),
        field.select(mask, y_minus_x, y_plus_x),
        field.negate_where(mask, t_2d),
        z_2,
    )
