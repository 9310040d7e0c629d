"""What is done with arrays of group elements, eight at a time or one: each program is one LLVM function.

Arrays hold *groups* of as many elements as the back end has lanes. The last argument is the number of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from protocols.primitives.ristretto_kernels import encodings, points
from protocols.primitives.ristretto_kernels.encodings import ENCODED_WORDS
from protocols.primitives.ristretto_kernels.field import INTEGER, Field, Word
from protocols.primitives.ristretto_kernels.memory import (
    POINT_WORDS,
    Index,
    Pointer,
    at,
    call,
    load_element,
    load_point,
    load_word,
    local,
    loop,
    store_point,
    store_word,
)
from protocols.primitives.ristretto_kernels.points import Cached
from protocols.primitives.ristretto_kernels.windows import (
    DIGITS_IN_A_WORD,
    TABLE_WORDS,
    WINDOW_BITS,
    choose_multiple,
    signed_digit,
    write_multiples,
    write_shifted,
)


class Program(NamedTuple):
    """A name, what writes the function, and the number of its arrays."""

    name: str
    write: Callable[..., None]
    arrays: int


def _write_decode(field: Field, words: Pointer, decoded: Pointer, accepted: Pointer, groups: Index) -> None:
    """Decode ``words`` (groups, 4) to points, and a mask of ones for each that is canonical and not the identity."""
    with loop(field, groups) as group:
        mask, point = encodings.decode(field, _words(field, _item(field, words, group, ENCODED_WORDS)))
        store_point(field, point, _item(field, decoded, group, POINT_WORDS))
        store_word(field, mask, accepted, group)


def _write_map(field: Field, words: Pointer, mapped: Pointer, groups: Index) -> None:
    """Map ``words`` (groups, 8) to points: the sum of the maps of both halves, RFC 9496 section 4.3.4."""
    halves = local(field, POINT_WORDS)
    with loop(field, groups) as group:
        both = _item(field, words, group, 2 * ENCODED_WORDS)
        target = _item(field, mapped, group, POINT_WORDS)
        call(field, "map_half", _write_map_half, both, halves)
        call(field, "map_half", _write_map_half, at(field, both, ENCODED_WORDS), target)
        _add_to(field, target, points.cached(field, load_point(field, halves)))


def _write_map_half(field: Field, words: Pointer, mapped: Pointer) -> None:
    store_point(field, encodings.map_to_point(field, _words(field, words)), mapped)


def _write_multiply(field: Field, factors: Pointer, scalars: Pointer, products: Pointer, groups: Index) -> None:
    """Multiply each point by the scalar, ``scalars`` (groups, 4), of its lane."""
    table, shifted = local(field, TABLE_WORDS), local(field, ENCODED_WORDS)
    with loop(field, groups) as group:
        write_multiples(field, load_point(field, _item(field, factors, group, POINT_WORDS)), table)
        write_shifted(field, _item(field, scalars, group, ENCODED_WORDS), shifted)
        product = _item(field, products, group, POINT_WORDS)
        with _windows(field, product) as (number, place):
            _add_to(field, product, choose_multiple(field, table, signed_digit(field, shifted, number, place)))


def _write_encode(field: Field, encoded: Pointer, words: Pointer, groups: Index) -> None:
    """Encode points to ``words`` (groups, 4)."""
    with loop(field, groups) as group:
        point = load_point(field, _item(field, encoded, group, POINT_WORDS))
        target = _item(field, words, group, ENCODED_WORDS)
        for number, word in enumerate(encodings.encode(field, point)):
            store_word(field, word, target, number)


def _write_add(field: Field, left: Pointer, right: Pointer, sums: Pointer, groups: Index) -> None:
    """Add points."""
    with loop(field, groups) as group:
        one = load_point(field, _item(field, left, group, POINT_WORDS))
        other = points.cached(field, load_point(field, _item(field, right, group, POINT_WORDS)))
        store_point(field, points.add(field, one, other), _item(field, sums, group, POINT_WORDS))


def _write_combine(
    field: Field, factors: Pointer, scalars: Pointer, tables: Pointer, total: Pointer, groups: Index
) -> None:
    """Sum the products of points and scalars lane by lane into ``total``, one group, with common doublings.

    Straus 1964 (Addition chains of vectors). ``tables`` (groups, 160) is room for the multiples; ``scalars`` are
    overwritten.
    """
    with loop(field, groups) as group:
        point = load_point(field, _item(field, factors, group, POINT_WORDS))
        write_multiples(field, point, _item(field, tables, group, TABLE_WORDS))
        scalar = _item(field, scalars, group, ENCODED_WORDS)
        write_shifted(field, scalar, scalar)
    with _windows(field, total) as (number, place), loop(field, groups) as group:
        digit = signed_digit(field, _item(field, scalars, group, ENCODED_WORDS), number, place)
        _add_to(field, total, choose_multiple(field, _item(field, tables, group, TABLE_WORDS), digit))


@contextmanager
def _windows(field: Field, total: Pointer) -> Iterator[tuple[Index, Index]]:
    """Go through a scalar's digits from the highest on, by word and place; before each, ``total`` is taken 16 times."""
    builder = field.builder
    x, y, z, t = (field.constant(coordinate) for coordinate in points.IDENTITY)
    store_point(field, (x, y, z, t), total)
    with loop(field, ENCODED_WORDS) as word, loop(field, DIGITS_IN_A_WORD) as digit:
        with loop(field, WINDOW_BITS - 1):
            _double(field, total, with_t=False)
        _double(field, total, with_t=True)
        yield builder.sub(INTEGER(ENCODED_WORDS - 1), word), builder.sub(INTEGER(DIGITS_IN_A_WORD - 1), digit)


def _double(field: Field, total: Pointer, with_t: bool) -> None:
    x, y, z = (load_element(field, total, index) for index in range(3))
    store_point(field, points.double(field, x, y, z, with_t), total)


def _add_to(field: Field, total: Pointer, other: Cached) -> None:
    store_point(field, points.add(field, load_point(field, total), other), total)


def _words(field: Field, start: Pointer) -> list[Word]:
    return [load_word(field, start, number) for number in range(ENCODED_WORDS)]


def _item(field: Field, array: Pointer, group: Index, words: int) -> Pointer:
    return at(field, array, field.builder.mul(group, INTEGER(words)))


DECODE = Program("decode", _write_decode, 3)
MAP = Program("map", _write_map, 2)
MULTIPLY = Program("multiply", _write_multiply, 3)
ENCODE = Program("encode", _write_encode, 2)
ADD = Program("add", _write_add, 3)
COMBINE = Program("combine", _write_combine, 4)
