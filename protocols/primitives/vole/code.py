"""The code of the vector OLE: ``H = B C``, expand after convolve (eprint 2023/882), over GF(2). README clause 3.

It is public and the same for every run of one length: drawn from a fixed label, so that nobody chose it. Words of all
rows may be wider than a block; every pair of columns is mapped alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.vole import code_kernels as kernels
from protocols.primitives.vole.parameters import CONVOLUTION_WINDOW, EXPANDER_WEIGHT, VoleParameters
from protocols.randomness import SeededRandomness, derive_seed

Wide = NDArray[np.uint64]
"""Rows of one or two blocks: (n, 2) or (n, 4)."""
Draws = NDArray[np.uint32]

_LABEL = "banktax/vole/expand-convolute/1"
_DRAW_BYTES = 4
_KERNELS = {2: (kernels.convolve_2, kernels.expand_2), 4: (kernels.convolve_4, kernels.expand_4)}


def compress(noise: Wide, parameters: VoleParameters) -> Wide:
    """Return ``H noise``, (length, k); ``noise`` (N, k), k being 2 or 4, is CHANGED."""
    convolve, expand = _KERNELS[noise.shape[1]]
    convolve(noise, taps(parameters))
    out = np.zeros((parameters.length, noise.shape[1]), np.uint64)
    for first, after, draws in parts(parameters):
        expand(noise[first:after], draws, out)
    return out


def compress_reference(noise: Wide, parameters: VoleParameters) -> Wide:
    """Return what :func:`compress` returns, by the definition; ``noise`` is left as it is."""
    convolved = noise.copy()
    for row, tap in enumerate(taps(parameters).tolist()):
        for back in range(1, CONVOLUTION_WINDOW + 1):
            if tap >> (back - 1) & 1:
                convolved[row] ^= convolved[row - back]
    out = np.zeros((parameters.length, noise.shape[1]), np.uint64)
    for first, after, draws in parts(parameters):
        out ^= convolved[first + (draws.astype(np.uint64) * np.uint64(after - first) >> np.uint64(32)).astype(np.int64)]
    return out


def taps(parameters: VoleParameters) -> Draws:
    """Return C as (N,) words: bit k of word i says whether position i takes in position i - 1 - k."""
    drawn = _draws("taps", parameters, parameters.noise_length)
    for row in range(min(CONVOLUTION_WINDOW, len(drawn))):
        drawn[row] &= np.uint32((1 << row) - 1)  # there is nothing before the first
    return drawn


def parts(parameters: VoleParameters) -> Iterator[tuple[int, int, Draws]]:
    """Give B part by part: where a part begins and ends, and one draw of 32 bits for each row.

    The row's position in the part is ``draw * size >> 32``: the bias of a position is below size / 2^32.
    """
    bounds = [parameters.noise_length * part // EXPANDER_WEIGHT for part in range(EXPANDER_WEIGHT + 1)]
    for part, (first, after) in enumerate(pairwise(bounds)):
        yield first, after, _draws(f"part {part}", parameters, parameters.length)


def _draws(purpose: str, parameters: VoleParameters, count: int) -> Draws:
    numbers = b"".join(n.to_bytes(8, "big") for n in (parameters.length, parameters.trees, parameters.leaves))
    seed = derive_seed(_LABEL.encode("ascii"), purpose, numbers)
    return np.frombuffer(SeededRandomness(seed).bytes(_DRAW_BYTES * count), dtype="<u4").astype(np.uint32)
