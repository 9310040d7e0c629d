"""The programs as functions that numba compiles at their first call and keeps.

Arrays are of 64-bit words and C-contiguous. Their shape picks the back end: (groups, words, 8) is for AVX-512 IFMA,
eight elements side by side; (groups, words) is portable, one element a group. Nothing is checked here: the first axis
of all arrays is as long as that of the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled_when_called
from protocols.primitives.ristretto_kernels import inversion_programs, programs
from protocols.primitives.ristretto_kernels.field_ifma import IfmaField
from protocols.primitives.ristretto_kernels.field_portable import PortableField
from protocols.primitives.ristretto_kernels.memory import function_of
from protocols.primitives.ristretto_kernels.programs import Program

Words = NDArray[np.uint64]


def _typed(program: Program, *arrays: Any) -> Any:
    """Return numba's signature of a program for these types of arrays, and what writes the call."""

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        back_end = IfmaField if signature.args[0].ndim == 3 else PortableField
        name = f"ristretto_{program.name}"
        function = function_of(back_end, builder.module, name, program.write, program.arrays, True)
        pairs = zip(signature.args, arguments, strict=True)
        views = [context.make_array(kind)(context, builder, value) for kind, value in pairs]
        pointers = [builder.bitcast(view.data, back_end.word.as_pointer()) for view in views]
        groups = builder.extract_value(views[0].shape, 0)
        builder.call(function, [*pointers, groups])
        return context.get_dummy_value()

    return types.void(*arrays), write


if TYPE_CHECKING:

    def _decode(words: Words, points: Words, accepted: Words) -> None: ...
    def _map(words: Words, points: Words) -> None: ...
    def _multiply(points: Words, scalars: Words, products: Words) -> None: ...
    def _encode(points: Words, words: Words) -> None: ...
    def _add(left: Words, right: Words, sums: Words) -> None: ...
    def _combine(points: Words, scalars: Words, tables: Words, total: Words) -> None: ...
    def _products(scalars: Words, products: Words) -> None: ...
    def _inverses(scalars: Words, products: Words, inverses: Words) -> None: ...
else:

    @intrinsic
    def _decode(_context, words, points, accepted):
        return _typed(programs.DECODE, words, points, accepted)

    @intrinsic
    def _map(_context, words, points):
        return _typed(programs.MAP, words, points)

    @intrinsic
    def _multiply(_context, points, scalars, products):
        return _typed(programs.MULTIPLY, points, scalars, products)

    @intrinsic
    def _encode(_context, points, words):
        return _typed(programs.ENCODE, points, words)

    @intrinsic
    def _add(_context, left, right, sums):
        return _typed(programs.ADD, left, right, sums)

    @intrinsic
    def _combine(_context, points, scalars, tables, total):
        return _typed(programs.COMBINE, points, scalars, tables, total)

    @intrinsic
    def _products(_context, scalars, products):
        return _typed(inversion_programs.PRODUCTS, scalars, products)

    @intrinsic
    def _inverses(_context, scalars, products, inverses):
        return _typed(inversion_programs.INVERSES, scalars, products, inverses)


@compiled_when_called
def decode(words: Words, points: Words, accepted: Words) -> None:
    """Decode 4 words each to points of 20, and to a word of ones where that is a valid element, zeros where not."""
    _decode(words, points, accepted)


@compiled_when_called
def map_uniform(words: Words, points: Words) -> None:
    """Map 8 words each to points."""
    _map(words, points)


@compiled_when_called
def multiply(points: Words, scalars: Words, products: Words) -> None:
    """Multiply points by scalars of 4 words."""
    _multiply(points, scalars, products)


@compiled_when_called
def encode(points: Words, words: Words) -> None:
    """Encode points to 4 words each."""
    _encode(points, words)


@compiled_when_called
def add(left: Words, right: Words, sums: Words) -> None:
    """Add points."""
    _add(left, right, sums)


@compiled_when_called
def combine(points: Words, scalars: Words, tables: Words, total: Words) -> None:
    """Sum points times scalars, which are overwritten, to ``total``, one group; ``tables`` has 160 words a group."""
    _combine(points, scalars, tables, total)


@compiled_when_called
def products(scalars: Words, running: Words) -> None:
    """Multiply each of at least one scalar, (n, 4), with all before it, as the inversion wants them."""
    _products(scalars, running)


@compiled_when_called
def inverses(scalars: Words, running: Words, inverted: Words) -> None:
    """Fill ``inverted`` from its last row, the inverse of the last of ``running``: the inverses of all scalars."""
    _inverses(scalars, running, inverted)
