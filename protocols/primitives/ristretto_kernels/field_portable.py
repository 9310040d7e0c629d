"""The field one value at a time, by products of 64 x 64 to 128 bits: for every processor."""

from __future__ import annotations

from llvmlite import ir

from protocols.primitives.ristretto_kernels.field import (
    INTEGER,
    LIMB_BITS,
    LIMB_MASK,
    LIMBS,
    STORED_LIMIT,
    Element,
    Field,
    Word,
)

_WIDE = ir.IntType(128)


class PortableField(Field):
    """One lane; operands have limbs below 2^54, so that sums of a few need no carry and 19 times a limb fits."""

    lanes = 1
    word = INTEGER
    operand_limit = 2**54

    def barrier(self, word: Word) -> Word:
        """Return the word through an empty assembler instruction, which the compiler cannot see through."""
        kind = ir.FunctionType(INTEGER, [INTEGER])
        return self.builder.call(ir.InlineAsm(kind, "", "=r,0"), [word])

    def _product(self, left: Element, right: Element) -> Element:
        return self._columns([(i, j, 1) for i in range(LIMBS) for j in range(LIMBS)], left, right)

    def _square(self, operand: Element) -> Element:
        pairs = [(i, j, 1 if i == j else 2) for i in range(LIMBS) for j in range(i + 1)]
        return self._columns(pairs, operand, operand)

    def _columns(self, pairs: list[tuple[int, int, int]], left: Element, right: Element) -> Element:
        """Return the sum of x_i y_j times a factor over ``pairs``; 2^255 is 19 modulo p."""
        columns: list[Word] = [None] * LIMBS
        bounds = [0] * LIMBS
        for i, j, times in pairs:
            factor = times * (19 if i + j >= LIMBS else 1)
            bound = factor * right.bounds[j]
            assert bound < 2**64, "a factor may pass 64 bits"
            other = self.builder.mul(right.limbs[j], self.integer(factor)) if factor > 1 else right.limbs[j]
            product = self.builder.mul(
                self.builder.zext(left.limbs[i], _WIDE), self.builder.zext(other, _WIDE), flags=["nuw"]
            )
            at = (i + j) % LIMBS
            columns[at] = product if columns[at] is None else self.builder.add(columns[at], product)
            bounds[at] += left.bounds[i] * bound
        return self._reduced(columns, bounds)

    def _reduced(self, columns: list[Word], bounds: list[int]) -> Element:
        """Carry from limb to limb, then from the last to the first, and once more from there."""
        limbs = []
        over, over_bound = ir.Constant(INTEGER, 0), 0
        for column, bound in zip(columns, bounds, strict=True):
            total = self.builder.add(column, self.builder.zext(over, _WIDE))
            assert bound + over_bound < 2**128, "a column may pass 128 bits"
            over_bound = bound + over_bound >> LIMB_BITS
            assert over_bound < 2**64, "a carry may pass 64 bits"
            over = self.builder.trunc(self.builder.lshr(total, ir.Constant(_WIDE, LIMB_BITS)), INTEGER)
            limbs.append(self.builder.and_(self.builder.trunc(total, INTEGER), self.integer(LIMB_MASK)))
        first_bound = LIMB_MASK + 19 * over_bound
        assert first_bound < 2**64, "a limb may pass 64 bits"
        first = self.builder.add(limbs[0], self.builder.mul(over, self.integer(19)))
        limbs[0] = self.builder.and_(first, self.integer(LIMB_MASK))
        limbs[1] = self.builder.add(limbs[1], self.builder.lshr(first, self.integer(LIMB_BITS)))
        product = Element(tuple(limbs), (LIMB_MASK, LIMB_MASK + (first_bound >> LIMB_BITS), *[LIMB_MASK] * 3))
        assert max(product.bounds) < STORED_LIMIT, "a product is too large to be stored"
        return product
