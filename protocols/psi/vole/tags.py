"""The sender's tags: padded, in ascending order, and found again by the receiver. README clause 6."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.blocks import Blocks
from protocols.psi.vole import tag_kernels as kernels
from protocols.psi.vole.messages import TagList
from protocols.randomness import Randomness

_PADDING_DRAWS = 8
"""A tag falls on another with less than 2^-λ a draw: more than two mean that the randomness repeats itself."""


def padded_tags(run: bytes, blocks: Blocks, width: int, count: int, randomness: Randomness) -> TagList:
    """Return ``count`` tags: first ``width`` bytes of ``blocks`` (n, 2), random ones besides, ascending.

    The order is a function of the set of tags alone, so that it says no more than the set does; and what is ascending
    cannot repeat.

    Raises:
        ParameterError: there are more than ``count``.
        LocalProtocolError: the randomness repeats itself.
    """
    if len(blocks) > count:
        raise ParameterError("more tags than the padded size")
    words = _distinct(kernels.truncate(blocks, width))
    for _ in range(_PADDING_DRAWS):
        missing = count - len(words)
        if not missing:
            return TagList(run, width, kernels.to_bytes(words, width).tobytes())
        drawn = np.frombuffer(randomness.bytes(16 * missing), dtype="<u8").reshape(-1, 2)
        words = _distinct(np.concatenate([words, kernels.truncate(drawn.astype(np.uint64), width)]))
    raise LocalProtocolError("the source of randomness repeats itself")


def find(message: TagList, blocks: Blocks) -> NDArray[np.bool_]:
    """Return for every block (n, 2) whether its tag is in the list.

    Raises:
        PeerProtocolError: the list is not strictly ascending: it repeats a tag or is out of order.
    """
    words = kernels.from_bytes(np.frombuffer(message.tags, np.uint8).reshape(-1, message.width))
    if not kernels.ascending(words):
        raise PeerProtocolError("tags are not strictly ascending")
    return kernels.search(words, kernels.directory(words), kernels.truncate(blocks, message.width))


def _distinct(words: Blocks) -> Blocks:
    """Return ordered words in ascending order, each once."""
    ordered = kernels.in_order(words, kernels.directory(words))
    if not kernels.ascending(ordered):
        repeats = (ordered[1:] == ordered[:-1]).all(axis=1)
        ordered = ordered[np.concatenate([[True], ~repeats])]
    return ordered
