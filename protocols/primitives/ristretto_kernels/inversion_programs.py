"""The two loops of Montgomery's trick: the inverses of many scalars from that of their product.

Products are Montgomery's, a b / R: with p_0 = s_0 and p_i = p_(i-1) s_i / R,

    1 / s_i = p_(i-1) (1 / p_i) / R    and    1 / p_(i-1) = s_i (1 / p_i) / R,

so that the factors R cancel (Montgomery 1987, Speeding the Pollard and Elliptic Curve Methods, section 10.3.1).
"""

from __future__ import annotations

from protocols.primitives.ristretto_kernels.field import INTEGER, Field
from protocols.primitives.ristretto_kernels.memory import Index, Pointer, loop
from protocols.primitives.ristretto_kernels.programs import Program
from protocols.primitives.ristretto_kernels.scalars import load_scalar, multiply, reduced, store_scalar


def _write_products(field: Field, scalars: Pointer, products: Pointer, count: Index) -> None:
    """Store p_0 .. p_(count-1), each modulo the order; count is at least one."""
    store_scalar(field, load_scalar(field, scalars, INTEGER(0)), products, INTEGER(0))
    with loop(field, field.builder.sub(count, INTEGER(1))) as before:
        number = field.builder.add(before, INTEGER(1))
        product = multiply(field, load_scalar(field, products, before), load_scalar(field, scalars, number))
        store_scalar(field, reduced(field, product), products, number)


def _write_inverses(field: Field, scalars: Pointer, products: Pointer, inverses: Pointer, count: Index) -> None:
    """Replace the last of ``inverses``, 1 / p_(count-1), by the inverse of its scalar, and fill those before it."""
    builder = field.builder
    with loop(field, builder.sub(count, INTEGER(1))) as turn:
        number = builder.sub(builder.sub(count, INTEGER(1)), turn)
        before = builder.sub(number, INTEGER(1))
        running = load_scalar(field, inverses, number)
        earlier = multiply(field, running, load_scalar(field, scalars, number))
        inverse = multiply(field, running, load_scalar(field, products, before))
        store_scalar(field, reduced(field, earlier), inverses, before)
        store_scalar(field, reduced(field, inverse), inverses, number)


PRODUCTS = Program("products", _write_products, 2)
INVERSES = Program("inverses", _write_inverses, 3)
