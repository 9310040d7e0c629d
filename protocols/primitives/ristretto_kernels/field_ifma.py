"""The field on eight lanes, by the instructions VPMADD52LUQ and VPMADD52HUQ of AVX-512 IFMA.

They multiply the low 52 bits of two words and add the product's low or high 52 bits to a third. With limbs below 2^52

    x_i y_j = l + 2^52 h,    at weight 2^(51 (i+j)):    l there, and 2 h one limb higher.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from protocols.primitives.ristretto_kernels.field import INTEGER, LIMBS, STORED_LIMIT, Element, Field, Word

_cgutils: Any = cgutils  # which has no types
_LANES = 8
_WORD = ir.VectorType(INTEGER, _LANES)
_PRODUCT = ir.FunctionType(_WORD, [_WORD, _WORD, _WORD])
_COLUMNS = 2 * LIMBS - 1
_Column = tuple[Word, int]
"""A sum of products, and the largest number it can be."""


class IfmaField(Field):
    """Eight lanes; operands have limbs below 2^52, as the instructions look at no more."""

    lanes = _LANES
    word = _WORD
    operand_limit = 2**52

    def barrier(self, word: Word) -> Word:
        """Return the word: there are no branches on vectors."""
        return word

    def _product(self, left: Element, right: Element) -> Element:
        low, high = self._empty(), self._empty()
        for i in range(LIMBS):
            for j in range(LIMBS):
                self._accumulate(low, high, i, j, left, right)
        return self._folded(low, high)

    def _square(self, operand: Element) -> Element:
        low, high = self._empty(), self._empty()
        for i in range(LIMBS):
            for j in range(i):
                self._accumulate(low, high, i, j, operand, operand)
        # x_i x_j and x_j x_i are one product, taken twice here: twice a limb might pass 52 bits
        low, high = [self._twice(column) for column in low], [self._twice(column) for column in high]
        for i in range(LIMBS):
            self._accumulate(low, high, i, i, operand, operand)
        return self._folded(low, high)

    def _empty(self) -> list[_Column]:
        return [(self.integer(0), 0)] * _COLUMNS

    def _accumulate(
        self, low: list[_Column], high: list[_Column], i: int, j: int, left: Element, right: Element
    ) -> None:
        largest = left.bounds[i] * right.bounds[j]
        for columns, half, bound in ((low, "l", min(largest, 2**52 - 1)), (high, "h", largest >> 52)):
            name = f"llvm.x86.avx512.vpmadd52{half}.uq.512"
            function = _cgutils.get_or_insert_function(self.builder.module, _PRODUCT, name)
            word, before = columns[i + j]
            columns[i + j] = self.builder.call(function, [word, left.limbs[i], right.limbs[j]]), before + bound

    def _twice(self, column: _Column) -> _Column:
        return self._sum(column, column)

    def _sum(self, left: _Column, right: _Column) -> _Column:
        return self.builder.add(left[0], right[0]), left[1] + right[1]

    def _folded(self, low: list[_Column], high: list[_Column]) -> Element:
        """Return the columns as limbs: 2^255 is 19 modulo p."""
        none = self._empty()[:1]
        columns = [self._sum(a, self._twice(b)) for a, b in zip(low + none, none + high, strict=True)]
        folded = []
        for (word, bound), (above, above_bound) in zip(columns[:LIMBS], columns[LIMBS:], strict=True):
            assert bound + 19 * above_bound < 2**64, "a column may pass 64 bits"
            folded.append((self.builder.add(word, self.times_19(above)), bound + 19 * above_bound))
        product = self.carry(Element(tuple(word for word, _ in folded), tuple(bound for _, bound in folded)))
        assert max(product.bounds) < STORED_LIMIT, "a product is too large to be stored"
        return product
