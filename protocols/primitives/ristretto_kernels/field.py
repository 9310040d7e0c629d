"""Arithmetic modulo p = 2^255 - 19, written as LLVM instructions: what both back ends have in common.

A value is five limbs x_0 .. x_4 of 64 bits, standing for the sum of x_i 2^(51 i) modulo p; several values of the same
sum are one field element. A *word* holds the same limb of every lane: one 64-bit integer, or a vector of eight.

**Bounds.** Every :class:`Element` carries the largest number that each of its limbs can be, derived as the
instructions are written: nothing is emitted that could pass 64 bits, or reach a product beyond what its back end
takes. A bound that fails raises ``AssertionError`` while the kernel is compiled, for whatever inputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from llvmlite import ir

from protocols.primitives.ristretto_kernels.constants import P

LIMBS = 5
LIMB_BITS = 51
LIMB_MASK = 2**LIMB_BITS - 1
INTEGER = ir.IntType(64)
STORED_LIMIT = 2**51 + 2**13
"""What every limb in memory stays below; the value is then below 2p, which :meth:`Field.freeze` needs."""

Word = Any
"""An LLVM value: one limb of all lanes."""
Builder = Any
"""An :class:`llvmlite.ir.IRBuilder`, which has no types."""


class Element(NamedTuple):
    """A field element in registers, and what its limbs cannot exceed."""

    limbs: tuple[Word, ...]
    bounds: tuple[int, ...]


class Field(ABC):
    """Writes instructions on field elements at the end of one function; a mask is a word of all zeros or all ones."""

    lanes: ClassVar[int]
    word: ClassVar[Any]
    operand_limit: ClassVar[int]
    """What the limbs of an operand of a product stay below."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    @abstractmethod
    def _product(self, left: Element, right: Element) -> Element:
        """Return the product of operands below the limit, with limbs below ``STORED_LIMIT``."""

    @abstractmethod
    def _square(self, operand: Element) -> Element:
        """Return the square likewise."""

    @abstractmethod
    def barrier(self, word: Word) -> Word:
        """Return a word of which the compiler does not know that it has two values only, so that it makes no branch."""

    def integer(self, value: int) -> Word:
        """Return the same 64-bit constant in every lane."""
        constant = ir.Constant(INTEGER, value % 2**64)
        return constant if self.lanes == 1 else ir.Constant(self.word, [constant] * self.lanes)

    def broadcast(self, number: Word) -> Word:
        """Return a 64-bit integer in every lane."""
        if self.lanes == 1:
            return number
        vector = self.builder.insert_element(ir.Constant(self.word, ir.Undefined), number, ir.Constant(INTEGER, 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(vector, ir.Constant(self.word, ir.Undefined), zeros)

    def constant(self, value: int) -> Element:
        """Return a public number as an element."""
        limbs = tuple(value % P >> LIMB_BITS * index & LIMB_MASK for index in range(LIMBS))
        return Element(tuple(self.integer(limb) for limb in limbs), limbs)

    def multiply(self, left: Element, right: Element) -> Element:
        """Return the product."""
        return self._product(self.operand(left), self.operand(right))

    def square(self, operand: Element) -> Element:
        """Return the square."""
        return self._square(self.operand(operand))

    def add(self, left: Element, right: Element) -> Element:
        """Return the sum, without a carry."""
        bounds = tuple(a + b for a, b in zip(left.bounds, right.bounds, strict=True))
        pairs = zip(left.limbs, right.limbs, strict=True)
        return _checked([self.builder.add(a, b) for a, b in pairs], bounds)

    def subtract(self, left: Element, right: Element) -> Element:
        """Return ``left + m p - right``, m being the least for which no limb can fall below zero; without a carry."""
        multiple = -(-max(right.bounds) // (LIMB_MASK - 18))
        lift = [multiple * (LIMB_MASK - 18)] + [multiple * LIMB_MASK] * (LIMBS - 1)
        lifted = self.add(left, Element(tuple(self.integer(limb) for limb in lift), tuple(lift)))
        pairs = zip(lifted.limbs, right.limbs, strict=True)
        return Element(tuple(self.builder.sub(a, b) for a, b in pairs), lifted.bounds)

    def negate(self, operand: Element) -> Element:
        """Return the negative."""
        return self.subtract(self.constant(0), operand)

    def carry(self, operand: Element) -> Element:
        """Move what is above 51 bits to the next limb, 19 times from the last to the first, all limbs at once."""
        over = [self.builder.lshr(limb, self.integer(LIMB_BITS)) for limb in operand.limbs]
        kept = [self.builder.and_(limb, self.integer(LIMB_MASK)) for limb in operand.limbs]
        over_bounds = [bound >> LIMB_BITS for bound in operand.bounds]
        kept_bounds = [min(bound, LIMB_MASK) for bound in operand.bounds]
        moved = [self.times_19(over[-1]), *over[:-1]]
        moved_bounds = [19 * over_bounds[-1], *over_bounds[:-1]]
        bounds = tuple(a + b for a, b in zip(kept_bounds, moved_bounds, strict=True))
        return _checked([self.builder.add(a, b) for a, b in zip(kept, moved, strict=True)], bounds)

    def times_19(self, word: Word) -> Word:
        """Return 19 times a word, which may be a secret bit; vectors have no cheap product of 64 bits."""
        word = self.barrier(word)
        doubled = self.builder.add(word, word)
        return self.builder.add(self.builder.shl(word, self.integer(4)), self.builder.add(word, doubled))

    def stored(self, operand: Element) -> Element:
        """Return the element with limbs below ``STORED_LIMIT``."""
        return self._below(operand, STORED_LIMIT)

    def operand(self, operand: Element) -> Element:
        """Return the element with limbs that a product takes."""
        return self._below(operand, self.operand_limit)

    def _below(self, operand: Element, limit: int) -> Element:
        for _ in range(3):  # a limb of 64 bits carries to below 2^51 + 19 * 2^13, and that to below 2^51 + 19
            if max(operand.bounds) < limit:
                return operand
            operand = self.carry(operand)
        raise AssertionError("a value does not fall below its limit")

    def select(self, mask: Word, chosen: Element, other: Element) -> Element:
        """Return ``chosen`` where the mask has ones, ``other`` elsewhere."""
        pairs = zip(chosen.limbs, other.limbs, strict=True)
        limbs = tuple(self._select(mask, a, b) for a, b in pairs)
        return Element(limbs, tuple(max(a, b) for a, b in zip(chosen.bounds, other.bounds, strict=True)))

    def _select(self, mask: Word, chosen: Word, other: Word) -> Word:
        return self.builder.xor(other, self.builder.and_(mask, self.builder.xor(chosen, other)))

    def freeze(self, operand: Element) -> Element:
        """Return the one representation below p with limbs below 2^51."""
        x = self.stored(operand).limbs  # below 2p
        quotient = self.integer(19)  # q = floor((x + 19) / 2^255) is 1 where x >= p, else 0
        for limb in x:
            quotient = self.builder.lshr(self.builder.add(limb, quotient), self.integer(LIMB_BITS))
        over = self.times_19(quotient)  # x - q p = x + 19 q - q 2^255
        limbs = []
        for limb in x:
            total = self.builder.add(limb, over)
            limbs.append(self.builder.and_(total, self.integer(LIMB_MASK)))
            over = self.builder.lshr(total, self.integer(LIMB_BITS))
        return Element(tuple(limbs), (LIMB_MASK,) * LIMBS)  # q 2^255 is the carry that is dropped

    def is_zero(self, operand: Element) -> Word:
        """Return the mask of lanes that are zero modulo p."""
        return self.is_zero_word(self._any(self.freeze(operand).limbs))

    def equal(self, left: Element, right: Element) -> Word:
        """Return the mask of lanes that are equal modulo p."""
        return self.is_zero(self.subtract(left, right))

    def same_limbs(self, left: Element, right: Element) -> Word:
        """Return the mask of lanes with the same limbs, not only the same value."""
        pairs = zip(left.limbs, right.limbs, strict=True)
        return self.is_zero_word(self._any([self.builder.xor(a, b) for a, b in pairs]))

    def is_zero_word(self, word: Word) -> Word:
        """Return the mask of lanes of a word below 2^63 that are zero: only there does less one set the topmost bit."""
        less = self.builder.sub(word, self.integer(1))
        return self.barrier(self.builder.ashr(less, self.integer(63)))

    def _any(self, words: Sequence[Word]) -> Word:
        found = words[0]
        for word in words[1:]:
            found = self.builder.or_(found, word)
        return found

    def is_negative(self, operand: Element) -> Word:
        """Return the mask of lanes whose least representation is odd: RFC 9496 section 3.1."""
        lowest = self.builder.and_(self.freeze(operand).limbs[0], self.integer(1))
        return self.barrier(self.builder.sub(self.integer(0), lowest))

    def negate_where(self, mask: Word, operand: Element) -> Element:
        """Return the negative where the mask has ones."""
        return self.select(mask, self.negate(operand), operand)

    def absolute(self, operand: Element) -> Element:
        """Return CT_ABS of RFC 9496 section 3.1: the nonnegative one of the element and its negative."""
        return self.negate_where(self.is_negative(operand), operand)


def _checked(limbs: Sequence[Word], bounds: tuple[int, ...]) -> Element:
    assert max(bounds) < 2**64, "a limb may pass 64 bits"
    return Element(tuple(limbs), bounds)
