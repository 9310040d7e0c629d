"""Puncturable pseudorandom functions as trees (Goldreich, Goldwasser, Micali), all trees of a run at once. README
clause 4.

A node x has the children ``π0(x) ⊕ x`` and ``π1(x) ⊕ x``. The one side knows the roots and gives, for each level, the
sums of all left and of all right children; the other side gets of each pair the sum on the side where its own path
does NOT go, and computes every leaf but the one at the end of its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.blocks import Blocks, hash_twice
from protocols.primitives.vole.code_kernels import sum_rows
from protocols.primitives.vole.parameters import VoleParameters
from protocols.transcript import digest

KEY_BYTES = 16

Positions = NDArray[np.int64]


class TreeKeys(NamedTuple):
    """Public keys of the permutations π0 and π1, and of the hash that hides the sums; each run has its own.

    What is found out about the nodes of one run by trying values of a permutation helps with no other run.
    """

    left: bytes
    right: bytes
    hiding: bytes

    @classmethod
    def of_session(cls, session: bytes) -> TreeKeys:
        """Derive the keys from the name of a run."""
        return cls(*(digest(f"vole/key/{name}", session)[:KEY_BYTES] for name in cls._fields))


def grow(roots: Blocks, parameters: VoleParameters, keys: TreeKeys) -> Iterator[tuple[Blocks, Blocks]]:
    """Give every level of the trees under ``roots`` (t, 2): nodes (t, width, 2), and sums (t, 2, 2) of either side."""
    nodes = roots.reshape(-1, 1, 2)
    for level in range(1, parameters.depth + 1):
        nodes = _children(nodes[:, : parameters.width(level) // 2], keys)
        yield nodes, _sums(nodes)


def grow_punctured(positions: Positions, parameters: VoleParameters, keys: TreeKeys, sums: Iterable[Blocks]) -> Blocks:
    """Return the leaves (t, leaves, 2), zero at ``positions`` (t,), which are SECRET.

    ``sums`` (t, 2) for each level, the uppermost first: of the side where the path does not go. Which node is set
    depends on the secret position, as an index into memory (README clause 7).
    """
    trees = np.arange(len(positions))
    nodes = np.zeros((len(positions), 1, 2), np.uint64)
    for level, told in enumerate(sums, start=1):
        place = positions >> (parameters.depth - level)
        nodes = _children(nodes[:, : parameters.width(level) // 2], keys)
        nodes[trees, place] = 0
        nodes[trees, place ^ 1] = 0  # the children of a node that is not known
        nodes[trees, place ^ 1] = told ^ _sums(nodes)[trees, ~place & 1]
    return nodes


def _children(nodes: Blocks, keys: TreeKeys) -> Blocks:
    """Return (t, 2 w, 2) for nodes (t, w, 2): left and right children in turn."""
    trees, width, _ = nodes.shape
    return hash_twice(keys.left, keys.right, nodes).reshape(trees, 2 * width, 2)


def _sums(nodes: Blocks) -> Blocks:
    """Return (t, 2, 2): for each tree the sum of its left children, then of its right ones."""
    trees, width, _ = nodes.shape
    out = np.zeros((trees, 4), np.uint64)
    sum_rows(nodes.reshape(trees, width // 2, 4), out)
    return out.reshape(trees, 2, 2)


def leaf_sums(leaves: Blocks) -> Blocks:
    """Return (t, 2): the sum of all leaves of each tree."""
    left, right = _sums(leaves).swapaxes(0, 1)
    total: Blocks = left ^ right
    return total
