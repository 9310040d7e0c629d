"""A hash tree of sixty-four children a node over 32-byte leaves, and the proof that a leaf stands in it.

README clause 12. Wide nodes, for a hash of 2 KiB costs a fraction of 64 hashes of 32 bytes. What leaves and nodes hash
begins with another byte (RFC 6962 section 2.1), so that no node passes for a leaf; the number of leaves is for the
caller to bind, as two trees of different numbers may share nodes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from protocols.errors import ParameterError, PeerProtocolError

LEAF_BYTES = 32
FAN_OUT = 64
_NODE = b"\x01"

Proof = tuple[bytes, ...]
"""For every level from the leaves up: all children of the node on the way, one after the other."""


def root(leaves: bytes) -> bytes:
    """Return the root over the leaves, 32 bytes each; raises :class:`ParameterError` when there is none."""
    return _levels(leaves)[-1]


def prove(leaves: bytes, index: int) -> Proof:
    """Return the proof that leaf ``index`` stands in the tree over ``leaves``."""
    proof = []
    for level in _levels(leaves)[:-1]:
        index //= FAN_OUT
        proof.append(level[index * FAN_OUT * LEAF_BYTES : (index + 1) * FAN_OUT * LEAF_BYTES])
    return tuple(proof)


def verify(tree_root: bytes, count: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> None:
    """Return if ``leaf`` is number ``index`` of the ``count`` leaves under ``tree_root``.

    Raises:
        PeerProtocolError: it is not.
    """
    if not 0 <= index < count:
        raise PeerProtocolError("a leaf's number is outside of the tree")
    node = leaf
    for siblings in proof:
        group, place = divmod(index, FAN_OUT)
        expected = min(FAN_OUT, count - group * FAN_OUT) * LEAF_BYTES
        if count == 1 or len(siblings) != expected or _child(siblings, place) != node:
            raise PeerProtocolError("a leaf does not stand where it is said to")
        node, index, count = _node(siblings), group, -(-count // FAN_OUT)
    if count != 1 or node != tree_root:
        raise PeerProtocolError("a leaf does not stand under this root")


def _levels(leaves: bytes) -> list[bytes]:
    if not leaves or len(leaves) % LEAF_BYTES:
        raise ParameterError(f"a tree has at least one leaf, of {LEAF_BYTES} bytes each")
    levels = [leaves]
    while len(levels[-1]) > LEAF_BYTES:
        below, width = levels[-1], FAN_OUT * LEAF_BYTES
        levels.append(b"".join(_node(below[at : at + width]) for at in range(0, len(below), width)))
    return levels


def _node(children: bytes) -> bytes:
    return hashlib.sha256(_NODE + children).digest()


def _child(children: bytes, place: int) -> bytes:
    return children[place * LEAF_BYTES : (place + 1) * LEAF_BYTES]
