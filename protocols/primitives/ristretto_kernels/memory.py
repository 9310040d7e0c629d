"""Words, elements and points in memory, and functions that take pointers to them.

An element is five words in the order of its limbs, each below ``STORED_LIMIT``; a point is four elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from protocols.primitives.ristretto_kernels.field import INTEGER, LIMBS, STORED_LIMIT, Element, Field, Word

COORDINATES = 4
POINT_WORDS = COORDINATES * LIMBS
_cgutils: Any = cgutils  # which has no types
_ALIGNMENT = 8  # of an array of 64-bit integers, which is all that a caller promises
Pointer = Any
"""An LLVM pointer to words."""
Index = Any
"""An LLVM integer of 64 bits with a PUBLIC value."""
Point = tuple[Element, Element, Element, Element]


def at(field: Field, pointer: Pointer, index: Index | int) -> Pointer:
    """Return the pointer to the word number ``index``, which is public."""
    return field.builder.gep(pointer, [ir.Constant(INTEGER, index) if isinstance(index, int) else index])


def load_word(field: Field, pointer: Pointer, index: Index | int = 0) -> Word:
    """Return the word there."""
    return field.builder.load(at(field, pointer, index), align=_ALIGNMENT)


def store_word(field: Field, word: Word, pointer: Pointer, index: Index | int = 0) -> None:
    """Store a word there."""
    field.builder.store(word, at(field, pointer, index), align=_ALIGNMENT)


def load_element(field: Field, pointer: Pointer, index: int = 0) -> Element:
    """Return the element number ``index``."""
    limbs = tuple(load_word(field, pointer, LIMBS * index + limb) for limb in range(LIMBS))
    return Element(limbs, (STORED_LIMIT - 1,) * LIMBS)


def store_element(field: Field, element: Element, pointer: Pointer, index: int = 0) -> None:
    """Store the element number ``index``, carried as far as it must be."""
    for limb, word in enumerate(field.stored(element).limbs):
        store_word(field, word, pointer, LIMBS * index + limb)


def load_point(field: Field, pointer: Pointer) -> Point:
    """Return four elements."""
    first, second, third, fourth = (load_element(field, pointer, index) for index in range(COORDINATES))
    return first, second, third, fourth


def store_point(field: Field, point: Sequence[Element], pointer: Pointer) -> None:
    """Store the first coordinates of a point, or all four."""
    for index, element in enumerate(point):
        store_element(field, element, pointer, index)


def local(field: Field, words: int) -> Pointer:
    """Return a pointer to ``words`` words of the function's own, on the stack."""
    pointer = _cgutils.alloca_once(field.builder, field.word, size=ir.Constant(INTEGER, words))
    pointer.align = 8 * field.lanes
    return pointer


@contextmanager
def loop(field: Field, count: Index | int) -> Iterator[Index]:
    """Repeat what is written inside for 0 .. count - 1; ``count`` is public."""
    number = ir.Constant(INTEGER, count) if isinstance(count, int) else count
    with cgutils.for_range(field.builder, number, intp=INTEGER) as turns:
        yield turns.index


def call(field: Field, name: str, write: Callable[..., None], *pointers: Pointer, count: Index | None = None) -> None:
    """Call the function that ``write(field, *pointers[, count])`` writes; it is written once in a module."""
    arguments = [*pointers, *([] if count is None else [count])]
    function = function_of(type(field), field.builder.module, name, write, len(pointers), count is not None)
    field.builder.call(function, arguments)


def function_of(
    back_end: type[Field], module: Any, name: str, write: Callable[..., None], pointers: int, counted: bool
) -> Any:
    """Return the function ``name`` of a module, written if it is not there yet."""
    known = module.globals.get(name)
    if known is not None:
        return known
    kinds = [back_end.word.as_pointer()] * pointers + [INTEGER] * counted
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes.add("noinline")  # one copy: the code of a kernel stays in the nearest cache
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    write(back_end(builder), *function.args)
    builder.ret_void()
    return function
