"""The field of both back ends against Python's integers, at the extremes of limbs too."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from protocols.primitives.ristretto_kernels import constants
from protocols.primitives.ristretto_kernels.arithmetic import has_ifma
from protocols.primitives.ristretto_kernels.constants import P
from protocols.primitives.ristretto_kernels.encodings import limbs_of, words_of
from protocols.primitives.ristretto_kernels.field import (
    LIMB_BITS,
    LIMB_MASK,
    LIMBS,
    STORED_LIMIT,
    Element,
    Field,
)
from protocols.primitives.ristretto_kernels.field_ifma import IfmaField
from protocols.primitives.ristretto_kernels.field_portable import PortableField
from protocols.primitives.ristretto_kernels.memory import (
    Pointer,
    function_of,
    load_element,
    load_word,
    store_element,
    store_word,
)
from protocols.primitives.ristretto_kernels.roots import square_ratio
from tests.support import ristretto_reference as reference

Write = Callable[[Field, Pointer, Pointer], None]
EXTREMES = (0, 1, 2, 18, 19, 2**50, LIMB_MASK - 19, LIMB_MASK - 18, LIMB_MASK - 1, LIMB_MASK, 2**51, STORED_LIMIT - 1)
TRIALS = 400  # of eight lanes each


def _write_all(field: Field, given: Pointer, found: Pointer) -> None:
    """Compute what every test looks at, from two elements."""
    a, b = load_element(field, given, 0), load_element(field, given, 1)
    results = (
        field.multiply(a, b),
        field.square(a),
        field.add(a, b),
        field.subtract(a, b),
        field.negate(a),
        field.freeze(a),
        field.absolute(a),
        field.multiply(field.add(a, b), field.subtract(field.add(a, a), b)),  # operands to be carried first
        field.square(field.subtract(field.add(a, a), field.add(b, b))),
        square_ratio(field, a, b)[1],
    )
    for index, result in enumerate(results):
        store_element(field, result, found, index)
    masks = (field.is_zero(a), field.equal(a, b), field.is_negative(a), square_ratio(field, a, b)[0])
    for index, mask in enumerate(masks):
        store_word(field, mask, found, LIMBS * len(results) + index)


def _expected(a: int, b: int) -> tuple[list[int], list[bool]]:
    square, root = reference.sqrt_ratio(a, b)
    numbers = [
        a * b,
        a * a,
        a + b,
        a - b,
        -a,
        a,
        reference._absolute(a),
        (a + b) * (2 * a - b),
        (2 * a - 2 * b) ** 2,
        root,
    ]
    return [number % P for number in numbers], [a % P == 0, (a - b) % P == 0, a % P % 2 == 1, square]


def _run(back_end: type[Field], write: Write, given: np.ndarray[Any, Any], words: int) -> np.ndarray[Any, Any]:
    """Compile what ``write`` writes from one pointer to another; run it once for every item of ``given``."""

    def typed(_context: Any, source: Any, target: Any) -> Any:
        def call(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            function = function_of(back_end, builder.module, "trial", write, 2, False)
            pointer = back_end.word.as_pointer()
            builder.call(function, [builder.inttoptr(each, pointer) for each in arguments])
            return context.get_dummy_value()

        return types.void(types.uintp, types.uintp), call

    run: Any = intrinsic(typed)
    found = np.zeros((len(given), words, given.shape[2]), np.uint64)

    @njit
    def every(source: Any, target: Any, count: Any, step: Any, other: Any) -> None:
        for item in range(count):
            run(np.uintp(source + item * step), np.uintp(target + item * other))

    every(given.ctypes.data, found.ctypes.data, len(given), given[0].nbytes, found[0].nbytes)
    return found


def _number(limbs: Iterable[Any]) -> int:
    return sum(int(limb) << LIMB_BITS * index for index, limb in enumerate(limbs))


def _back_ends() -> list[type[Field]]:
    return [IfmaField, PortableField]


def _elements(lanes: int) -> np.ndarray[Any, Any]:
    """Return pairs of elements as they may stand in memory: random, extreme, equal, and multiples of the modulus."""
    draw = random.Random(1)
    modulus = [P >> LIMB_BITS * index & LIMB_MASK for index in range(LIMBS)]
    fixed = [[0] * LIMBS, modulus, [STORED_LIMIT - 1] * LIMBS, [LIMB_MASK] * LIMBS, [1, *modulus[1:]], [1, 0, 0, 0, 0]]

    def one() -> list[int]:
        kind = draw.randrange(3)
        if kind == 0:
            return draw.choice(fixed)
        return [draw.choice(EXTREMES) if kind == 1 else draw.randrange(STORED_LIMIT) for _ in range(LIMBS)]

    pairs = []
    for _ in range(TRIALS * lanes):
        first = one()
        pairs.append(first + (first if draw.randrange(8) == 0 else one()))
    return np.ascontiguousarray(np.array(pairs, np.uint64).reshape(TRIALS, lanes, -1).transpose(0, 2, 1))


@pytest.mark.parametrize("back_end", _back_ends())
def test_the_field_is_that_of_the_integers(back_end: type[Field]) -> None:
    _require(back_end)
    given = _elements(back_end.lanes)
    numbers, masks = 10, 4
    found = _run(back_end, _write_all, given, numbers * LIMBS + masks)
    assert int(found[:, : numbers * LIMBS].max()) < STORED_LIMIT
    seen = set()
    for item in range(len(given)):
        for lane in range(back_end.lanes):
            a, b = (_number(given[item, LIMBS * index : LIMBS * (index + 1), lane]) for index in range(2))
            limbs = found[item, : numbers * LIMBS, lane].reshape(numbers, LIMBS)
            words = [int(word) for word in found[item, numbers * LIMBS :, lane]]
            values, truths = _expected(a, b)
            assert [_number(each) % P for each in limbs] == values
            assert _number(limbs[5]) == a % P  # frozen: the number itself
            assert words == [2**64 - 1 if truth else 0 for truth in truths]
            seen |= {(index, truth) for index, truth in enumerate(truths)}
    assert len(seen) == 2 * masks  # each mask was seen both ways


def _write_words(field: Field, given: Pointer, found: Pointer) -> None:
    words = [load_word(field, given, index) for index in range(4)]
    element = limbs_of(field, words)
    for index, word in enumerate(words_of(field, element)):
        store_word(field, word, found, index)
    for index, limb in enumerate(element.limbs):
        store_word(field, limb, found, 4 + index)


@pytest.mark.parametrize("back_end", _back_ends())
def test_words_become_limbs_and_the_least_number_again(back_end: type[Field]) -> None:
    _require(back_end)
    draw = random.Random(2)
    near = [middle + step for middle in (20, P, 2 * P, 2**255, 2**256 - 21) for step in range(-20, 21)]
    numbers = [*near, *(draw.getrandbits(256) for _ in range(211))]
    words = np.array([[number >> 64 * index & 2**64 - 1 for index in range(4)] for number in numbers], np.uint64)
    given = np.ascontiguousarray(words.reshape(-1, back_end.lanes, 4).transpose(0, 2, 1))
    found = _run(back_end, _write_words, given, 4 + LIMBS).transpose(0, 2, 1).reshape(len(numbers), -1)
    for number, row in zip(numbers, found, strict=True):
        assert sum(int(word) << 64 * index for index, word in enumerate(row[:4])) == number % P
        assert _number(row[4:]) == number


def test_a_bound_that_could_be_passed_is_not_compiled() -> None:
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "bounds")
    field = PortableField(ir.IRBuilder(function.append_basic_block()))
    large = Element(field.constant(1).limbs, (2**64 - 1,) * LIMBS)
    with pytest.raises(AssertionError, match="64 bits"):
        field.add(large, field.constant(1))
    assert max(field.operand(large).bounds) < field.operand_limit
    assert max(field.stored(large).bounds) < STORED_LIMIT


def test_the_constants_are_those_of_the_rfc() -> None:
    names = ("P", "D", "SQRT_M1", "SQRT_AD_MINUS_ONE", "INVSQRT_A_MINUS_D", "ONE_MINUS_D_SQ", "D_MINUS_ONE_SQ")
    assert [getattr(constants, name) for name in names] == [getattr(reference, name) for name in names]


def _require(back_end: type[Field]) -> None:
    if back_end is IfmaField and not has_ifma():
        pytest.skip("this processor has no AVX-512 IFMA")
